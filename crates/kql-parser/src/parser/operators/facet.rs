//! `facet by a, b [with (subquery)]` — one table of values per column.

use crate::parser::{Parsed, Parser};
use crate::syntax::{Facet, Operator};

/// Reads what stands behind `facet`.
pub(super) fn parse(it: &mut Parser<'_>) -> Parsed<Operator> {
    it.expect_word("by")?;
    let columns = it.list(Parser::operand)?;
    let subquery = if it.eat_word("with") { Some(it.subquery()?) } else { None };
    Ok(Operator::Facet(Facet { columns, subquery }))
}
