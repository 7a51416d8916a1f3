//! The operator `extend`.

use crate::parser::{OperatorDeclaration, Parsed, Parser};
use crate::syntax::{Extend, Operator};

/// `extend`: how it is written and what it does.
pub(super) const DECLARATION: OperatorDeclaration = OperatorDeclaration {
    words: &["extend"],
    syntax: "T | extend [Name =] expression, …",
    doc: "Adds columns, or replaces those of the same name.",
    query: r#"print User = "ann@example.com" | extend Domain = tostring(split(User, "@")[1])"#,
    rows: &[r#"{"User":"ann@example.com","Domain":"example.com"}"#],
    parse,
};

/// Reads what stands behind `extend`.
fn parse(it: &mut Parser<'_>) -> Parsed<Operator> {
    Ok(Operator::Extend(Extend { columns: it.assignments()? }))
}
