//! Statements, functions and bodies.

use super::{BodyId, ExprId, Name, RowSchema, TypeName};
use crate::diagnostic::Span;

/// A statement with its place (without the `;`).
#[derive(Clone, Debug, PartialEq)]
pub struct Statement {
    /// What it is.
    pub kind: StatementKind,
    /// Its place.
    pub span: Span,
}

/// The kinds of statements.
#[derive(Clone, Debug, PartialEq)]
pub enum StatementKind {
    /// An expression: usually a pipeline; gives a result.
    Query(ExprId),
    /// `let name = value`.
    Let(Let),
    /// `set name [= value]`.
    Set {
        /// The option.
        name: Name,
        /// Its value.
        value: Option<ExprId>,
    },
    /// `alias database name = cluster("…").database("…")`.
    Alias {
        /// The new name.
        name: Name,
        /// The database.
        value: ExprId,
    },
    /// `declare query_parameters (name:type [= default], …)`.
    QueryParameters(Vec<FunctionParameter>),
    /// `declare pattern …`.
    Pattern(Pattern),
    /// `restrict access to (entity, …)`.
    Restrict {
        /// What may be read: names, wildcards, `database("…").*`.
        entities: Vec<ExprId>,
    },
}

/// `let name = value`.
#[derive(Clone, Debug, PartialEq)]
pub struct Let {
    /// The bound name.
    pub name: Name,
    /// Its value.
    pub value: LetValue,
}

/// What a `let` binds.
#[derive(Clone, Debug, PartialEq)]
pub enum LetValue {
    /// A scalar, a pipeline, a table, an `entity_group`; only the binder can tell which.
    Expr(ExprId),
    /// `[view] (parameters) { body }`.
    Function(Function),
}

/// `[view] (parameters) { body }`.
#[derive(Clone, Debug, PartialEq)]
pub struct Function {
    /// Whether it is declared with `view`.
    pub is_view: bool,
    /// The parameters.
    pub parameters: Vec<FunctionParameter>,
    /// The body.
    pub body: BodyId,
    /// Its place.
    pub span: Span,
}

/// `name: type [= default]` of a function or of `declare query_parameters`.
#[derive(Clone, Debug, PartialEq)]
pub struct FunctionParameter {
    /// The parameter.
    pub name: Name,
    /// Its type.
    pub ty: ParameterType,
    /// Its default.
    pub default: Option<ExprId>,
    /// Its place.
    pub span: Span,
}

/// The type of a parameter.
#[derive(Clone, Debug, PartialEq)]
pub enum ParameterType {
    /// A scalar.
    Scalar(TypeName),
    /// A table: `(*)` or `(x:long, …)`.
    Table(RowSchema),
}

/// Statements and a final expression: a function's `{ … }`, the `( … )` of `macro-expand`.
#[derive(Clone, Debug, PartialEq)]
pub struct Body {
    /// The statements before the result (`let`, `declare`, …); further query statements stand here as well.
    pub statements: Vec<Statement>,
    /// The last expression.
    pub result: Option<ExprId>,
    /// Its place, brackets included.
    pub span: Span,
}

/// `declare pattern name = (arguments) [path] { cases }`, or without a definition.
#[derive(Clone, Debug, PartialEq)]
pub struct Pattern {
    /// The pattern.
    pub name: Name,
    /// Its definition, if it is not only declared.
    pub definition: Option<PatternDefinition>,
}

/// Arguments and cases of a pattern.
#[derive(Clone, Debug, PartialEq)]
pub struct PatternDefinition {
    /// The arguments.
    pub arguments: Vec<FunctionParameter>,
    /// `[name: type]`: the path argument.
    pub path: Option<FunctionParameter>,
    /// The cases.
    pub cases: Vec<PatternCase>,
}

/// `(values).[path] = { body }`.
#[derive(Clone, Debug, PartialEq)]
pub struct PatternCase {
    /// The argument values.
    pub values: Vec<ExprId>,
    /// The path value.
    pub path: Option<ExprId>,
    /// What the case stands for.
    pub body: BodyId,
    /// Its place.
    pub span: Span,
}
