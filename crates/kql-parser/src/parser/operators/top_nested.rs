//! `top-nested [n] of value [with others = text] by aggregate [asc|desc], top-nested …` — top values within top values.

use crate::parser::{Parsed, Parser};
use crate::syntax::{Operator, TopNested, TopNestedLevel};
use crate::token::TokenKind;

/// Reads what stands behind `top-nested`.
pub(super) fn parse(it: &mut Parser<'_>) -> Parsed<Operator> {
    let mut levels = vec![level(it)?];
    while it.eat(TokenKind::Comma) {
        if it.operator_word() != "top-nested" {
            return Err(it.expected("`top-nested`"));
        }
        it.advance_word("top-nested");
        levels.push(level(it)?);
    }
    Ok(Operator::TopNested(TopNested { levels }))
}

fn level(it: &mut Parser<'_>) -> Parsed<TopNestedLevel> {
    let start = it.start();
    let count = if it.is_word("of") { None } else { Some(it.expression()?) };
    it.expect_word("of")?;
    let value = it.assignment()?;
    let others = if it.eat_word("with") {
        it.expect_word("others")?;
        it.expect(TokenKind::Assign, "`=`")?;
        Some(it.expression()?)
    } else {
        None
    };
    it.expect_word("by")?;
    let by = it.assignment()?;
    let (direction, nulls) = it.order()?;
    Ok(TopNestedLevel { count, value, others, by, direction, nulls, span: it.since(start) })
}
