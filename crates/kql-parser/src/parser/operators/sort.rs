//! `sort by key [asc|desc] [nulls first|last], …` — orders the rows; also `order by`.

use crate::parser::{Parsed, Parser};
use crate::syntax::{Operator, Sort};

/// Reads what stands behind `sort`.
pub(super) fn parse(it: &mut Parser<'_>) -> Parsed<Operator> {
    let parameters = it.parameters(&[])?;
    it.expect_word("by")?;
    let keys = it.list(Parser::order_key)?;
    Ok(Operator::Sort(Sort { parameters, keys }))
}
