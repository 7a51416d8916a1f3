//! `project-away name, wild*, …` — all columns but these.

use crate::parser::{Parsed, Parser};
use crate::syntax::{Operator, ProjectAway};

/// Reads what stands behind `project-away`.
pub(super) fn parse(it: &mut Parser<'_>) -> Parsed<Operator> {
    Ok(Operator::ProjectAway(ProjectAway { columns: it.list(Parser::column_pattern)? }))
}
