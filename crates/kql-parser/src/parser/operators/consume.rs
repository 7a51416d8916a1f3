//! The operator `consume`.

use crate::parser::{OperatorDeclaration, Parsed, Parser};
use crate::syntax::{Consume, Operator};

/// `consume`: how it is written and what it does.
pub(super) const DECLARATION: OperatorDeclaration = OperatorDeclaration {
    words: &["consume"],
    syntax: "T | consume [decodeblocks=true]",
    doc: "Reads the rows for what that costs; here they come out as they are.",
    query: "print a = 1 | consume",
    rows: &[r#"{"a":1}"#],
    parse,
};

/// Reads what stands behind `consume`.
fn parse(it: &mut Parser<'_>) -> Parsed<Operator> {
    Ok(Operator::Consume(Consume { parameters: it.parameters(&[])? }))
}
