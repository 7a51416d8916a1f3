//! The operator `sample`.

use crate::parser::{OperatorDeclaration, Parsed, Parser};
use crate::syntax::{Operator, Sample};

/// `sample`: how it is written and what it does.
pub(super) const DECLARATION: OperatorDeclaration = OperatorDeclaration {
    words: &["sample"],
    syntax: "T | sample n",
    doc: "So many rows by chance.",
    query: "range n from 1 to 9 step 1 | sample 3 | count",
    rows: &[r#"{"Count":3}"#],
    parse,
};

/// Reads what stands behind `sample`.
fn parse(it: &mut Parser<'_>) -> Parsed<Operator> {
    let parameters = it.parameters(&[])?;
    Ok(Operator::Sample(Sample { parameters, count: it.expression()? }))
}
