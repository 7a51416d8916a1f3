//! `project [name =] expression, …` — only these columns.

use crate::parser::{Parsed, Parser};
use crate::syntax::{Operator, Project};

/// Reads what stands behind `project`.
pub(super) fn parse(it: &mut Parser<'_>) -> Parsed<Operator> {
    let columns = if it.is_at_stage_end() { Vec::new() } else { it.assignments()? };
    Ok(Operator::Project(Project { columns }))
}
