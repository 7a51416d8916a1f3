//! Expressions and literals.

use super::{ExprId, Name, PipelineId, RowSchema, TypeName};
use crate::diagnostic::Span;
use crate::syntax::Parameter;

/// An expression with its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Expr {
    /// What it is.
    pub kind: ExprKind,
    /// Its place.
    pub span: Span,
}

/// The kinds of expressions. Scalar and tabular ones are not told apart here: the binder does.
#[derive(Clone, Debug, PartialEq)]
pub enum ExprKind {
    /// Nothing was written where an expression is required, or it was unreadable; a diagnostic was given.
    Missing,
    /// A literal.
    Literal(Literal),
    /// A column, table, variable, or keyword used as a name; also `$left`, `$right`, `$table`.
    Name(Name),
    /// A name with `*` in it: `a*`, `*_id`; only in column lists, unions, `find`, `search`.
    Wildcard(Name),
    /// `*` alone.
    Star,
    /// `base` followed by `.name`, `["name"]`, `[0]`, `.name(args)`, …
    Path {
        /// Where the path begins.
        base: ExprId,
        /// At least one step.
        steps: Vec<Step>,
    },
    /// `name(arguments)`. Also `materialize(…)`, `database("…")`, `datatable`-less sources, plugins, aggregates.
    Call(Call),
    /// `toscalar [kind=…] (…)`.
    ToScalar {
        /// The parameters before the parenthesis.
        parameters: Vec<Parameter>,
        /// A tabular or scalar expression.
        value: ExprId,
    },
    /// `totable (…)`.
    ToTable {
        /// The parameters before the parenthesis.
        parameters: Vec<Parameter>,
        /// The expression.
        value: ExprId,
    },
    /// `materialize [parameters] (…)`.
    Materialize {
        /// The parameters before the parenthesis.
        parameters: Vec<Parameter>,
        /// The tabular expression.
        value: ExprId,
    },
    /// `typeof(long)`, `typeof(a:long, *)`.
    TypeOf(TypeOf),
    /// `entity_group [ entity, … ]`.
    EntityGroup(Vec<ExprId>),
    /// `-x` or `+x`.
    Unary {
        /// The sign.
        operator: UnaryOperator,
        /// What it applies to.
        operand: ExprId,
    },
    /// `first + a - b`, or `first * a / b % c`: left to right, operators of one precedence.
    Arithmetic {
        /// The leftmost operand.
        first: ExprId,
        /// The further operands, each with the operator before it; at least one.
        rest: Vec<(ArithmeticOperator, ExprId)>,
    },
    /// `left op right` for comparisons and string operators.
    Binary {
        /// The operator.
        operator: BinaryOperator,
        /// Where the operator stands.
        operator_span: Span,
        /// Left operand.
        left: ExprId,
        /// Right operand.
        right: ExprId,
    },
    /// `a and b and c`: two or more operands.
    And(Vec<ExprId>),
    /// `a or b or c`: two or more operands.
    Or(Vec<ExprId>),
    /// `value in (…)`, `value has_any (…)`, …
    Membership {
        /// The operator.
        operator: MembershipOperator,
        /// Where the operator stands.
        operator_span: Span,
        /// What is looked for.
        value: ExprId,
        /// The listed expressions; one of them may be tabular or a dynamic array.
        list: Vec<ExprId>,
    },
    /// `value [!]between (low .. high)`.
    Between {
        /// Whether `!between`.
        negated: bool,
        /// The value.
        value: ExprId,
        /// Lower bound, inclusive.
        low: ExprId,
        /// Upper bound, inclusive; a timespan is relative to a datetime `low`.
        high: ExprId,
    },
    /// `( … )` around one expression.
    Parenthesized(ExprId),
    /// A source with stages, or an operator that is a source itself (`print`, `range`, `datatable`, `union`, …).
    Pipeline(PipelineId),
}

/// `name(arguments)`.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// The function.
    pub function: Name,
    /// The arguments.
    pub arguments: Vec<Argument>,
}

/// An argument: `value` or `name = value`.
#[derive(Clone, Debug, PartialEq)]
pub struct Argument {
    /// The name of a named argument.
    pub name: Option<Name>,
    /// The value; [`ExprKind::Star`] for `*`.
    pub value: ExprId,
}

/// One step of a path.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// `.name` or `.['name']`.
    Member(Name),
    /// `[expression]` or `.[expression]`.
    Index(ExprId),
    /// `.name(arguments)`: `cluster("c").database("d")`, `database("d").F(1)`.
    Call(Call),
    /// `.a*` or `.*`: a wildcard in `union database("d").T*`.
    Wildcard(Name),
}

/// The content of `typeof(…)`.
#[derive(Clone, Debug, PartialEq)]
pub enum TypeOf {
    /// A scalar type.
    Scalar(TypeName),
    /// A row schema.
    Row(RowSchema),
}

/// A sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum UnaryOperator {
    /// `-`
    Minus,
    /// `+`
    Plus,
}

/// Operators of [`ExprKind::Arithmetic`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ArithmeticOperator {
    /// `+`
    Add,
    /// `-`
    Subtract,
    /// `*`
    Multiply,
    /// `/`
    Divide,
    /// `%`
    Modulo,
}

impl ArithmeticOperator {
    /// Its symbol, which is also the name of its function.
    pub fn symbol(self) -> &'static str {
        match self {
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Multiply => "*",
            Self::Divide => "/",
            Self::Modulo => "%",
        }
    }
}

/// Operators of [`ExprKind::Binary`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "each is named as in the language")]
pub enum BinaryOperator {
    /// `==`
    Equal,
    /// `!=`, `<>`
    NotEqual,
    /// `=~`
    EqualCaseless,
    /// `!~`
    NotEqualCaseless,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
    Has,
    NotHas,
    HasCs,
    NotHasCs,
    HasPrefix,
    NotHasPrefix,
    HasPrefixCs,
    NotHasPrefixCs,
    HasSuffix,
    NotHasSuffix,
    HasSuffixCs,
    NotHasSuffixCs,
    Contains,
    NotContains,
    ContainsCs,
    NotContainsCs,
    StartsWith,
    NotStartsWith,
    StartsWithCs,
    NotStartsWithCs,
    EndsWith,
    NotEndsWith,
    EndsWithCs,
    NotEndsWithCs,
    /// `like`, deprecated.
    Like,
    /// `notlike`, deprecated.
    NotLike,
    /// `likecs`, deprecated.
    LikeCs,
    /// `notlikecs`, deprecated.
    NotLikeCs,
    MatchesRegex,
    /// `column:"term"` of `search`.
    Search,
}

impl BinaryOperator {
    /// How it is written.
    pub fn word(self) -> &'static str {
        match self {
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::EqualCaseless => "=~",
            Self::NotEqualCaseless => "!~",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
            Self::Has => "has",
            Self::NotHas => "!has",
            Self::HasCs => "has_cs",
            Self::NotHasCs => "!has_cs",
            Self::HasPrefix => "hasprefix",
            Self::NotHasPrefix => "!hasprefix",
            Self::HasPrefixCs => "hasprefix_cs",
            Self::NotHasPrefixCs => "!hasprefix_cs",
            Self::HasSuffix => "hassuffix",
            Self::NotHasSuffix => "!hassuffix",
            Self::HasSuffixCs => "hassuffix_cs",
            Self::NotHasSuffixCs => "!hassuffix_cs",
            Self::Contains => "contains",
            Self::NotContains => "!contains",
            Self::ContainsCs => "contains_cs",
            Self::NotContainsCs => "!contains_cs",
            Self::StartsWith => "startswith",
            Self::NotStartsWith => "!startswith",
            Self::StartsWithCs => "startswith_cs",
            Self::NotStartsWithCs => "!startswith_cs",
            Self::EndsWith => "endswith",
            Self::NotEndsWith => "!endswith",
            Self::EndsWithCs => "endswith_cs",
            Self::NotEndsWithCs => "!endswith_cs",
            Self::Like => "like",
            Self::NotLike => "!like",
            Self::LikeCs => "likecs",
            Self::NotLikeCs => "!likecs",
            Self::MatchesRegex => "matches regex",
            Self::Search => ":",
        }
    }

    /// The name of its function.
    pub fn function(self) -> &'static str {
        match self {
            Self::Search => "has",
            Self::NotLike => "notlike",
            Self::NotLikeCs => "notlikecs",
            _ => self.word(),
        }
    }
}

/// Operators of [`ExprKind::Membership`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MembershipOperator {
    /// `in`
    In,
    /// `!in`
    NotIn,
    /// `in~`
    InCaseless,
    /// `!in~`
    NotInCaseless,
    /// `has_any`
    HasAny,
    /// `has_all`
    HasAll,
}

impl MembershipOperator {
    /// How it is written, which is also the name of its function.
    pub fn word(self) -> &'static str {
        match self {
            Self::In => "in",
            Self::NotIn => "!in",
            Self::InCaseless => "in~",
            Self::NotInCaseless => "!in~",
            Self::HasAny => "has_any",
            Self::HasAll => "has_all",
        }
    }
}

/// A literal value. `None` is the typed null.
#[derive(Clone, Debug, PartialEq)]
pub enum Literal {
    /// `true`, `false`, `bool(…)`.
    Bool(Option<bool>),
    /// `int(…)`.
    Int(Option<i32>),
    /// `1`, `0xFF`, `long(…)`.
    Long(Option<i64>),
    /// `1.5`, `1e3`, `real(…)`.
    Real(Option<f64>),
    /// `decimal(…)`, as text: sign, digits, point, exponent.
    Decimal(Option<String>),
    /// A string, unescaped and concatenated.
    String(String),
    /// Ticks of 100 ns since 0001-01-01.
    Datetime(Option<i64>),
    /// `datetime()`: the time of the query.
    Now,
    /// `datetime(8:00)`: that time, in ticks, of the day of the query.
    Today(i64),
    /// Ticks of 100 ns.
    Timespan(Option<i64>),
    /// A guid; its hexadecimal digits in the written order, first digit highest.
    Guid(Option<u128>),
    /// `dynamic(…)`.
    Dynamic(Box<DynamicLiteral>),
    /// An untyped null. The parser reads a bare `null` as a name, as the reference does; this is for what the binder folds.
    Null,
}

/// The content of `dynamic(…)`; at most 128 levels deep.
#[derive(Clone, Debug, PartialEq)]
pub enum DynamicLiteral {
    /// `null`, and any typed null within.
    Null,
    /// `true`, `false`.
    Bool(bool),
    /// A whole number; also `long(5)`, `0x10`.
    Long(i64),
    /// `int(5)`.
    Int(i32),
    /// A number with a fraction or an exponent; also `real(nan)`.
    Real(f64),
    /// `decimal(…)`, as text.
    Decimal(String),
    /// A number that neither `i64` nor `f64` holds, as text.
    Number(String),
    /// A string.
    String(String),
    /// `datetime(…)`, in ticks.
    Datetime(i64),
    /// `datetime()`: the time of the query.
    Now,
    /// `1d`, `time(…)`, in ticks.
    Timespan(i64),
    /// `guid(…)`.
    Guid(u128),
    /// `[…]`
    Array(Vec<DynamicLiteral>),
    /// `{…}`, in source order, duplicates kept.
    Bag(Vec<(String, DynamicLiteral)>),
}
