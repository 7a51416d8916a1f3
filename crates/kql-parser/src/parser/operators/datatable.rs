//! `datatable (a:long, b:string) [ 1, "x", … ]` — a table written out, row by row.

use crate::parser::{Parsed, Parser};
use crate::syntax::{Datatable, Operator};
use crate::token::TokenKind;

/// Reads what stands behind `datatable`.
pub(super) fn parse(it: &mut Parser<'_>) -> Parsed<Operator> {
    let parameters = it.parameters(&[])?;
    let schema = it.row_schema()?;
    let values = it.bracketed(TokenKind::OpenBracket, "`[` and values", Parser::expression)?;
    Ok(Operator::Datatable(Datatable { parameters, schema, values }))
}
