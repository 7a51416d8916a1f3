//! The operator `execute-and-cache`.

use crate::parser::{OperatorDeclaration, Parsed, Parser};
use crate::syntax::{ExecuteAndCache, Operator};

/// `execute-and-cache`: how it is written and what it does.
pub(super) const DECLARATION: OperatorDeclaration = OperatorDeclaration {
    words: &["execute-and-cache"],
    syntax: "T | execute-and-cache",
    doc: "The rows as they are.",
    query: "print a = 1 | execute-and-cache",
    rows: &[r#"{"a":1}"#],
    parse,
};

/// Reads what stands behind `execute-and-cache`.
fn parse(it: &mut Parser<'_>) -> Parsed<Operator> {
    Ok(Operator::ExecuteAndCache(ExecuteAndCache { parameters: it.parameters(&[])? }))
}
