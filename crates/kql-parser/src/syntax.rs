//! The syntax tree: an arena of expressions, pipelines and bodies that refer to each other by number,
//! so that cloning and dropping a tree never recurses. Every node carries its byte span.

mod expression;
mod graph;
mod operator;
mod statement;

pub use expression::*;
pub use graph::*;
pub use operator::*;
pub use statement::*;

use crate::diagnostic::Span;

/// Number of an expression in [`Query::exprs`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ExprId(pub u32);

/// Number of a pipeline in [`Query::pipelines`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PipelineId(pub u32);

/// Number of a body in [`Query::bodies`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BodyId(pub u32);

/// A parsed query text.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Query {
    /// The text that was parsed; all spans point into it.
    pub text: String,
    /// The statements in source order.
    pub statements: Vec<Statement>,
    /// All expressions.
    pub exprs: Vec<Expr>,
    /// All pipelines.
    pub pipelines: Vec<Pipeline>,
    /// All bodies: functions, `macro-expand`, `partition … { }`, patterns.
    pub bodies: Vec<Body>,
    /// The comments, from `//` to the end of the line, in source order.
    pub comments: Vec<Span>,
}

static MISSING: Expr = Expr { kind: ExprKind::Missing, span: Span::new(0, 0) };
static NO_PIPELINE: Pipeline = Pipeline { source: None, stages: Vec::new(), span: Span::new(0, 0) };
static NO_BODY: Body = Body { statements: Vec::new(), result: None, span: Span::new(0, 0) };

impl Query {
    /// The expression `id`; a number of another tree gives [`ExprKind::Missing`].
    pub fn expr(&self, id: ExprId) -> &Expr {
        self.exprs.get(id.0 as usize).unwrap_or(&MISSING)
    }

    /// What the expression `id` is.
    pub fn kind(&self, id: ExprId) -> &ExprKind {
        &self.expr(id).kind
    }

    /// The span of the expression `id`.
    pub fn span(&self, id: ExprId) -> Span {
        self.expr(id).span
    }

    /// The pipeline `id`.
    pub fn pipeline(&self, id: PipelineId) -> &Pipeline {
        self.pipelines.get(id.0 as usize).unwrap_or(&NO_PIPELINE)
    }

    /// The body `id`.
    pub fn body(&self, id: BodyId) -> &Body {
        self.bodies.get(id.0 as usize).unwrap_or(&NO_BODY)
    }

    /// The source text under `span`.
    pub fn text_of(&self, span: Span) -> &str {
        span.of(&self.text)
    }
}

/// A name as written, unquoted.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Name {
    /// The name: for `['a b']` it is `a b`; for `$left` it is `$left`. Empty where a name is missing.
    pub text: String,
    /// Its place, quotes and brackets included.
    pub span: Span,
    /// Whether it was written `['…']`, so that no wildcard or keyword is meant.
    pub quoted: bool,
}

/// The name of a type, as written: `long`, `double`, `uuid`, …; the binder knows which exist.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TypeName {
    /// The name.
    pub text: String,
    /// Its place.
    pub span: Span,
}

/// `name: type [= default]`, and `name` alone where the type may be left out.
#[derive(Clone, Debug, PartialEq)]
pub struct ColumnDeclaration {
    /// The column.
    pub name: Name,
    /// Its type, where one is written.
    pub ty: Option<TypeName>,
    /// The value behind `=` (`scan declare`, `inline_external_table` partitions).
    pub default: Option<ExprId>,
    /// Its place.
    pub span: Span,
}

/// A row schema: `(*)`, `(a:long, b:string)`, `(*, a:long)`.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct RowSchema {
    /// Whether `*` stands in it: any further columns.
    pub open: bool,
    /// The declared columns.
    pub columns: Vec<ColumnDeclaration>,
    /// Its place, parentheses included.
    pub span: Span,
}
