//! `evaluate [hints] plugin(args) [: (schema)]` — runs a plugin over the input.

use crate::parser::{Parsed, Parser};
use crate::syntax::{Evaluate, Operator};
use crate::token::TokenKind;

/// Reads what stands behind `evaluate`.
pub(super) fn parse(it: &mut Parser<'_>) -> Parsed<Operator> {
    let parameters = it.parameters(&[])?;
    let call = it.call("a plugin")?;
    let schema = if it.eat(TokenKind::Colon) { Some(it.row_schema()?) } else { None };
    Ok(Operator::Evaluate(Evaluate { parameters, call, schema }))
}
