//! `top n by key [asc|desc] [nulls first|last]` — the first rows by one key.

use crate::parser::{Parsed, Parser};
use crate::syntax::{Operator, Top};

/// Reads what stands behind `top`.
pub(super) fn parse(it: &mut Parser<'_>) -> Parsed<Operator> {
    let mut parameters = it.parameters(&[])?;
    let count = it.expression()?;
    parameters.extend(it.parameters(&[])?);
    it.expect_word("by")?;
    let key = it.order_key()?;
    Ok(Operator::Top(Top { parameters, count, key }))
}
