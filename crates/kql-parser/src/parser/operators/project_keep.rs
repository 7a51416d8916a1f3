//! The operator `project-keep`.

use crate::parser::{OperatorDeclaration, Parsed, Parser};
use crate::syntax::{Operator, ProjectKeep};

/// `project-keep`: how it is written and what it does.
pub(super) const DECLARATION: OperatorDeclaration = OperatorDeclaration {
    words: &["project-keep"],
    syntax: "T | project-keep Column, Prefix*, …",
    doc: "Keeps columns, in the order of the table.",
    query: "print a = 1, b1 = 2, b2 = 3 | project-keep b*",
    rows: &[r#"{"b1":2,"b2":3}"#],
    parse,
};

/// Reads what stands behind `project-keep`.
fn parse(it: &mut Parser<'_>) -> Parsed<Operator> {
    Ok(Operator::ProjectKeep(ProjectKeep { columns: it.list(Parser::column_pattern)? }))
}
