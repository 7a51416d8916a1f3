//! `serialize [name = expression, …]` — declares that the order of rows is meant.

use crate::parser::{Parsed, Parser};
use crate::syntax::{Operator, Serialize};

/// Reads what stands behind `serialize`.
pub(super) fn parse(it: &mut Parser<'_>) -> Parsed<Operator> {
    let parameters = it.parameters(&[])?;
    let columns = if it.is_at_stage_end() { Vec::new() } else { it.assignments()? };
    Ok(Operator::Serialize(Serialize { parameters, columns }))
}
