//! `distinct [hints] *`, `distinct a, b` — every combination of values once.

use crate::parser::{Parsed, Parser};
use crate::syntax::{Distinct, Operator};

/// Reads what stands behind `distinct`.
pub(super) fn parse(it: &mut Parser<'_>) -> Parsed<Operator> {
    let parameters = it.parameters(&[])?;
    let columns = it.assignments()?;
    Ok(Operator::Distinct(Distinct { parameters, columns }))
}
