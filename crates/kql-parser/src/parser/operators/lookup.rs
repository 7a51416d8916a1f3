//! `lookup [kind=…] right on keys` — adds columns of a dimension table.

use super::join::keys;
use crate::parser::{Parsed, Parser};
use crate::syntax::{Lookup, Operator};

/// Reads what stands behind `lookup`.
pub(super) fn parse(it: &mut Parser<'_>) -> Parsed<Operator> {
    let parameters = it.parameters(&[])?;
    let right = it.operand_or_source()?;
    let (on, predicate) = keys(it)?;
    Ok(Operator::Lookup(Lookup { parameters, right, on, predicate }))
}
