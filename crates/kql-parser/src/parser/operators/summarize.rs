//! The operator `summarize`.

use crate::parser::{OperatorDeclaration, Parsed, Parser};
use crate::syntax::{Operator, Summarize};

/// `summarize`: how it is written and what it does.
pub(super) const DECLARATION: OperatorDeclaration = OperatorDeclaration {
    words: &["summarize"],
    syntax: "T | summarize [hint.…] [Name =] aggregate, … [by [Name =] Key, …]",
    doc: "One row for each combination of keys, with aggregates. Keys are often `bin(TimeGenerated, 1h)`.",
    query: r#"datatable(User:string, n:long)["ann", 1, "bob", 5, "ann", 3] | summarize Total = sum(n) by User"#,
    rows: &[r#"{"User":"ann","Total":4}"#, r#"{"User":"bob","Total":5}"#],
    parse,
};

/// Reads what stands behind `summarize`.
fn parse(it: &mut Parser<'_>) -> Parsed<Operator> {
    let parameters = it.parameters(&[])?;
    let aggregates = if it.is_word("by") { Vec::new() } else { it.assignments()? };
    let has_by = it.eat_word("by");
    let by = if has_by { it.assignments()? } else { Vec::new() };
    Ok(Operator::Summarize(Summarize { parameters, aggregates, has_by, by }))
}
