//! The operator `take`.

use crate::parser::{OperatorDeclaration, Parsed, Parser};
use crate::syntax::{Operator, Take};

/// `take`: how it is written and what it does.
pub(super) const DECLARATION: OperatorDeclaration = OperatorDeclaration {
    words: &["take", "limit"],
    syntax: "T | take n",
    doc: "Any n rows.",
    query: "range n from 1 to 9 step 1 | take 3 | count",
    rows: &[r#"{"Count":3}"#],
    parse,
};

/// Reads what stands behind `take`.
fn parse(it: &mut Parser<'_>) -> Parsed<Operator> {
    let parameters = it.parameters(&[])?;
    Ok(Operator::Take(Take { parameters, count: it.expression()? }))
}
