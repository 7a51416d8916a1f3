//! The operator `print`.

use crate::parser::{OperatorDeclaration, Parsed, Parser};
use crate::syntax::{Operator, Print};

/// `print`: how it is written and what it does.
pub(super) const DECLARATION: OperatorDeclaration = OperatorDeclaration {
    words: &["print"],
    syntax: "print [Name =] expression, …",
    doc: "One row of computed values.",
    query: "print n = 1 + 1, t = datetime(2024-01-31) - 1d",
    rows: &[r#"{"n":2,"t":"2024-01-30T00:00:00Z"}"#],
    parse,
};

/// Reads what stands behind `print`.
fn parse(it: &mut Parser<'_>) -> Parsed<Operator> {
    Ok(Operator::Print(Print { columns: it.assignments()? }))
}
