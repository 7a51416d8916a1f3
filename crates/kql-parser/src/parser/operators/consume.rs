//! The operator `consume`.

use crate::parser::{OperatorDeclaration, Parsed, Parser};
use crate::syntax::{Consume, Operator};

/// `consume`: how it is written and what it does.
pub(super) const DECLARATION: OperatorDeclaration = OperatorDeclaration {
    words: &["consume"],
    syntax: "T | consume [decodeblocks=true]",
    doc: "Takes the rows in: the columns stay, and none of the rows reaches the caller.",
    query: "print a = 1 | consume",
    rows: &[],
    parse,
};

/// Reads what stands behind `consume`.
fn parse(it: &mut Parser<'_>) -> Parsed<Operator> {
    Ok(Operator::Consume(Consume { parameters: it.parameters(&[])? }))
}
