//! `join [kind=…] [hints] right on keys` — joins the input with another table.

use crate::parser::{Parsed, Parser};
use crate::syntax::{ExprId, Join, Operator};

/// Reads what stands behind `join`.
pub(super) fn parse(it: &mut Parser<'_>) -> Parsed<Operator> {
    let parameters = it.parameters(&[])?;
    let right = it.operand_or_source()?;
    let (on, predicate) = keys(it)?;
    Ok(Operator::Join(Join { parameters, right, on, predicate }))
}

/// `on key, …` or `where predicate`.
pub(super) fn keys(it: &mut Parser<'_>) -> Parsed<(Vec<ExprId>, Option<ExprId>)> {
    if it.eat_word("on") {
        return Ok((it.list(Parser::expression)?, None));
    }
    if it.eat_word("where") {
        return Ok((Vec::new(), Some(it.expression()?)));
    }
    Err(it.expected("`on` and the join keys"))
}
