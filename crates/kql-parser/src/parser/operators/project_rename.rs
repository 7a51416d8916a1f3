//! `project-rename new = old, …` — other names for columns.

use crate::parser::{Parsed, Parser};
use crate::syntax::{Operator, ProjectRename};

/// Reads what stands behind `project-rename`.
pub(super) fn parse(it: &mut Parser<'_>) -> Parsed<Operator> {
    Ok(Operator::ProjectRename(ProjectRename { columns: it.assignments()? }))
}
