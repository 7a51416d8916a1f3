//! `top-hitters n of value [by weight]` — the most frequent values, roughly.

use crate::parser::{Parsed, Parser};
use crate::syntax::{Operator, TopHitters};

/// Reads what stands behind `top-hitters`.
pub(super) fn parse(it: &mut Parser<'_>) -> Parsed<Operator> {
    let parameters = it.parameters(&[])?;
    let count = it.expression()?;
    it.expect_word("of")?;
    let value = it.expression()?;
    let by = if it.eat_word("by") { Some(it.expression()?) } else { None };
    Ok(Operator::TopHitters(TopHitters { parameters, count, value, by }))
}
