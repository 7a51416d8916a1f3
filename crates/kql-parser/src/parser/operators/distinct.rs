//! The operator `distinct`.

use crate::parser::{OperatorDeclaration, Parsed, Parser};
use crate::syntax::{Distinct, Operator};

/// `distinct`: how it is written and what it does.
pub(super) const DECLARATION: OperatorDeclaration = OperatorDeclaration {
    words: &["distinct"],
    syntax: "T | distinct Column, …   or   T | distinct *",
    doc: "Each combination of values once.",
    query: r#"datatable(User:string, n:long)["ann", 1, "bob", 5, "ann", 3] | distinct User"#,
    rows: &[r#"{"User":"ann"}"#, r#"{"User":"bob"}"#],
    parse,
};

/// Reads what stands behind `distinct`.
fn parse(it: &mut Parser<'_>) -> Parsed<Operator> {
    let parameters = it.parameters(&[])?;
    let columns = it.assignments()?;
    Ok(Operator::Distinct(Distinct { parameters, columns }))
}
