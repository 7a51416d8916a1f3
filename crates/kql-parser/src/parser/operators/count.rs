//! `count [as name]` — the number of rows.

use crate::parser::{Parsed, Parser};
use crate::syntax::{Count, Operator};

/// Reads what stands behind `count`.
pub(super) fn parse(it: &mut Parser<'_>) -> Parsed<Operator> {
    let parameters = it.parameters(&[])?;
    let name = if it.eat_word("as") { Some(it.name("a name")?) } else { None };
    Ok(Operator::Count(Count { parameters, name }))
}
