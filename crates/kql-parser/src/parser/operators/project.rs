//! The operator `project`.

use crate::parser::{OperatorDeclaration, Parsed, Parser};
use crate::syntax::{Operator, Project};

/// `project`: how it is written and what it does.
pub(super) const DECLARATION: OperatorDeclaration = OperatorDeclaration {
    words: &["project"],
    syntax: "T | project [Name =] expression, …",
    doc: "The columns to keep, rename or compute, in that order.",
    query: r#"datatable(User:string, n:long)["ann", 1, "bob", 5, "ann", 3] | where n > 3 | project Name = User, Twice = n * 2"#,
    rows: &[r#"{"Name":"bob","Twice":10}"#],
    parse,
};

/// Reads what stands behind `project`.
fn parse(it: &mut Parser<'_>) -> Parsed<Operator> {
    let columns = if it.is_at_stage_end() { Vec::new() } else { it.assignments()? };
    Ok(Operator::Project(Project { columns }))
}
