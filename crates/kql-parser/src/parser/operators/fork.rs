//! `fork [name =] (subquery) …` — several results from one input.

use crate::parser::{Parsed, Parser};
use crate::syntax::{Fork, ForkLeg, Operator};
use crate::token::TokenKind;

/// Reads what stands behind `fork`.
pub(super) fn parse(it: &mut Parser<'_>) -> Parsed<Operator> {
    let mut legs = vec![leg(it)?];
    while it.eat(TokenKind::Comma) || it.is(TokenKind::OpenParenthesis) || it.is_named() {
        legs.push(leg(it)?);
    }
    Ok(Operator::Fork(Fork { legs }))
}

fn leg(it: &mut Parser<'_>) -> Parsed<ForkLeg> {
    let start = it.start();
    let name = if it.is_named() {
        let name = it.name("a name")?;
        it.advance();
        Some(name)
    } else {
        None
    };
    let subquery = it.subquery()?;
    Ok(ForkLeg { name, subquery, span: it.since(start) })
}
