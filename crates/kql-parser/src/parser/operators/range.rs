//! `range name from a to b step c` — a column of equal steps.

use crate::parser::{Parsed, Parser};
use crate::syntax::{Operator, Range};

/// Reads what stands behind `range`.
pub(super) fn parse(it: &mut Parser<'_>) -> Parsed<Operator> {
    let name = it.name("a column name")?;
    it.expect_word("from")?;
    let from = it.expression()?;
    it.expect_word("to")?;
    let to = it.expression()?;
    it.expect_word("step")?;
    let step = it.expression()?;
    Ok(Operator::Range(Range { name, from, to, step }))
}
