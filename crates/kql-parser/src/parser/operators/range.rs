//! The operator `range`.

use crate::parser::{OperatorDeclaration, Parsed, Parser};
use crate::syntax::{Operator, Range};

/// `range`: how it is written and what it does.
pub(super) const DECLARATION: OperatorDeclaration = OperatorDeclaration {
    words: &["range"],
    syntax: "range Name from a to b step c",
    doc: "One column of values at regular steps.",
    query: "range n from 1 to 10 step 4",
    rows: &[r#"{"n":1}"#, r#"{"n":5}"#, r#"{"n":9}"#],
    parse,
};

/// Reads what stands behind `range`.
fn parse(it: &mut Parser<'_>) -> Parsed<Operator> {
    let name = it.name("a column name")?;
    it.expect_word("from")?;
    let from = it.expression()?;
    it.expect_word("to")?;
    let to = it.expression()?;
    it.expect_word("step")?;
    let step = it.expression()?;
    Ok(Operator::Range(Range { name, from, to, step }))
}
