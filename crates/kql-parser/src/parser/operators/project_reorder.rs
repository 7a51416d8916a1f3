//! `project-reorder name, wild* [asc|desc|granny-asc|granny-desc], …` — these columns first.

use crate::parser::{Parsed, Parser};
use crate::syntax::{Operator, ProjectReorder, ReorderColumn, ReorderOrder};

/// Reads what stands behind `project-reorder`.
pub(super) fn parse(it: &mut Parser<'_>) -> Parsed<Operator> {
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
