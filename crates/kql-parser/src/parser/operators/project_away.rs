//! The operator `project-away`.

use crate::parser::{OperatorDeclaration, Parsed, Parser};
use crate::syntax::{Operator, ProjectAway};

/// `project-away`: how it is written and what it does.
pub(super) const DECLARATION: OperatorDeclaration = OperatorDeclaration {
    words: &["project-away"],
    syntax: "T | project-away Column, Prefix*, …",
    doc: "Drops columns.",
    query: "print a = 1, b1 = 2, b2 = 3 | project-away b*",
    rows: &[r#"{"a":1}"#],
    parse,
};

/// Reads what stands behind `project-away`.
fn parse(it: &mut Parser<'_>) -> Parsed<Operator> {
    Ok(Operator::ProjectAway(ProjectAway { columns: it.list(Parser::column_pattern)? }))
}
