//! The operator `project-rename`.

use crate::parser::{OperatorDeclaration, Parsed, Parser};
use crate::syntax::{Operator, ProjectRename};

/// `project-rename`: how it is written and what it does.
pub(super) const DECLARATION: OperatorDeclaration = OperatorDeclaration {
    words: &["project-rename"],
    syntax: "T | project-rename New = Old, …",
    doc: "Renames columns.",
    query: "print a = 1, b = 2 | project-rename c = a",
    rows: &[r#"{"c":1,"b":2}"#],
    parse,
};

/// Reads what stands behind `project-rename`.
fn parse(it: &mut Parser<'_>) -> Parsed<Operator> {
    Ok(Operator::ProjectRename(ProjectRename { columns: it.assignments()? }))
}
