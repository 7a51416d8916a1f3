//! `externaldata (a:string, …) [ "uri", … ] [with (format="csv", …)]` — a table read from elsewhere.

use crate::parser::{Parsed, Parser};
use crate::syntax::{ExternalData, Operator};
use crate::token::TokenKind;

/// Reads what stands behind `externaldata`.
pub(super) fn parse(it: &mut Parser<'_>) -> Parsed<Operator> {
    let parameters = it.parameters(&[])?;
    let schema = it.row_schema()?;
    let sources = it.bracketed(TokenKind::OpenBracket, "`[` and places to read from", Parser::expression)?;
    let properties = if it.eat_word("with") { it.property_list()? } else { Vec::new() };
    Ok(Operator::ExternalData(ExternalData { parameters, schema, sources, properties }))
}
