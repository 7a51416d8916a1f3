//! `project-by-names "a", dynamic(["b"]), …` — columns by the text of their names.

use crate::parser::{Parsed, Parser};
use crate::syntax::{Operator, ProjectByNames};

/// Reads what stands behind `project-by-names`.
pub(super) fn parse(it: &mut Parser<'_>) -> Parsed<Operator> {
    Ok(Operator::ProjectByNames(ProjectByNames { columns: it.list(Parser::expression)? }))
}
