//! The operator `as`.

use crate::parser::{OperatorDeclaration, Parsed, Parser};
use crate::syntax::{As, Operator};

/// `as`: how it is written and what it does.
pub(super) const DECLARATION: OperatorDeclaration = OperatorDeclaration {
    words: &["as"],
    syntax: "T | as [hint.materialized=true] Name",
    doc: "Names the rows so far, for later statements and for `union withsource`.",
    query: "range n from 1 to 3 step 1 | as N | where n == toscalar(N | summarize max(n))",
    rows: &[r#"{"n":3}"#],
    parse,
};

/// Reads what stands behind `as`.
fn parse(it: &mut Parser<'_>) -> Parsed<Operator> {
    let parameters = it.parameters(&[])?;
    let name = it.name("a name")?;
    Ok(Operator::As(As { parameters, name }))
}
