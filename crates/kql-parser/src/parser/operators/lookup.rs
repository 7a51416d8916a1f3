//! The operator `lookup`.

use super::join::keys;
use crate::parser::{OperatorDeclaration, Parsed, Parser};
use crate::syntax::{Lookup, Operator};

/// `lookup`: how it is written and what it does.
pub(super) const DECLARATION: OperatorDeclaration = OperatorDeclaration {
    words: &["lookup"],
    syntax: "T | lookup [kind=leftouter|inner] (U) on Key, …",
    doc: "Adds the columns of a small table by key.",
    query: r#"datatable(k:string, n:long)["a", 1, "b", 2] | lookup kind=inner (print k = "b", City = "Oslo") on k"#,
    rows: &[r#"{"k":"b","n":2,"City":"Oslo"}"#],
    parse,
};

/// Reads what stands behind `lookup`.
fn parse(it: &mut Parser<'_>) -> Parsed<Operator> {
    let parameters = it.parameters(&[])?;
    let right = it.operand_or_source()?;
    let (on, predicate) = keys(it)?;
    Ok(Operator::Lookup(Lookup { parameters, right, on, predicate }))
}
