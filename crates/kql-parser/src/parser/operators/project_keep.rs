//! `project-keep name, wild*, …` — only these columns, in their order.

use crate::parser::{Parsed, Parser};
use crate::syntax::{Operator, ProjectKeep};

/// Reads what stands behind `project-keep`.
pub(super) fn parse(it: &mut Parser<'_>) -> Parsed<Operator> {
    Ok(Operator::ProjectKeep(ProjectKeep { columns: it.list(Parser::column_pattern)? }))
}
