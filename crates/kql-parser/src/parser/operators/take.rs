//! `take n`, `limit n` — some rows.

use crate::parser::{Parsed, Parser};
use crate::syntax::{Operator, Take};

/// Reads what stands behind `take`.
pub(super) fn parse(it: &mut Parser<'_>) -> Parsed<Operator> {
    let parameters = it.parameters(&[])?;
    Ok(Operator::Take(Take { parameters, count: it.expression()? }))
}
