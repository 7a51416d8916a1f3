//! The operator `count`.

use crate::parser::{OperatorDeclaration, Parsed, Parser};
use crate::syntax::{Count, Operator};

/// `count`: how it is written and what it does.
pub(super) const DECLARATION: OperatorDeclaration = OperatorDeclaration {
    words: &["count"],
    syntax: "T | count [as Name]",
    doc: "One row with the number of rows, in `Count`.",
    query: "range n from 1 to 3 step 1 | count",
    rows: &[r#"{"Count":3}"#],
    parse,
};

/// Reads what stands behind `count`.
fn parse(it: &mut Parser<'_>) -> Parsed<Operator> {
    let parameters = it.parameters(&[])?;
    let name = if it.eat_word("as") { Some(it.name("a name")?) } else { None };
    Ok(Operator::Count(Count { parameters, name }))
}
