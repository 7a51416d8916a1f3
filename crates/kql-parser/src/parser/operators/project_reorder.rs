//! The operator `project-reorder`.

use crate::parser::{OperatorDeclaration, Parsed, Parser};
use crate::syntax::{Operator, ProjectReorder, ReorderColumn, ReorderOrder};

/// `project-reorder`: how it is written and what it does.
pub(super) const DECLARATION: OperatorDeclaration = OperatorDeclaration {
    words: &["project-reorder"],
    syntax: "T | project-reorder Column, Prefix* [asc|desc|granny-asc|granny-desc], …",
    doc: "Puts columns first.",
    query: "print a = 1, b = 2 | project-reorder b",
    rows: &[r#"{"b":2,"a":1}"#],
    parse,
};

/// Reads what stands behind `project-reorder`.
fn parse(it: &mut Parser<'_>) -> Parsed<Operator> {
    Ok(Operator::ProjectReorder(ProjectReorder { columns: it.list(column)? }))
}

fn column(it: &mut Parser<'_>) -> Parsed<ReorderColumn> {
    let column = it.column_pattern()?;
    let word = it.operator_word();
    let order = match word {
        "asc" => Some(ReorderOrder::Ascending),
        "desc" => Some(ReorderOrder::Descending),
        "granny-asc" => Some(ReorderOrder::GrannyAscending),
        "granny-desc" => Some(ReorderOrder::GrannyDescending),
        _ => None,
    };
    if order.is_some() {
        it.advance_word(word);
    }
    Ok(ReorderColumn { column, order })
}
