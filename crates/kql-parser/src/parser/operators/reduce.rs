//! `reduce [kind=…] by expression [with threshold=…, characters=…]` — groups similar texts.

use crate::parser::{Parsed, Parser};
use crate::syntax::{Operator, Reduce};

/// Reads what stands behind `reduce`.
pub(super) fn parse(it: &mut Parser<'_>) -> Parsed<Operator> {
    let parameters = it.parameters(&[])?;
    it.expect_word("by")?;
    let value = it.expression()?;
    let with = if it.eat_word("with") { it.properties()? } else { Vec::new() };
    Ok(Operator::Reduce(Reduce { parameters, value, with }))
}
