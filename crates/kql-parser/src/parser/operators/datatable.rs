//! The operator `datatable`.

use crate::parser::{OperatorDeclaration, Parsed, Parser};
use crate::syntax::{Datatable, Operator};
use crate::token::TokenKind;

/// `datatable`: how it is written and what it does.
pub(super) const DECLARATION: OperatorDeclaration = OperatorDeclaration {
    words: &["datatable"],
    syntax: "datatable(Column:type, …)[value, …]",
    doc: "A table written in the query, row by row.",
    query: r#"datatable(User:string, n:long)["ann", 1, "bob", 2]"#,
    rows: &[r#"{"User":"ann","n":1}"#, r#"{"User":"bob","n":2}"#],
    parse,
};

/// Reads what stands behind `datatable`.
fn parse(it: &mut Parser<'_>) -> Parsed<Operator> {
    let parameters = it.parameters(&[])?;
    let schema = it.row_schema()?;
    let values = it.bracketed(TokenKind::OpenBracket, "`[` and values", Parser::expression)?;
    Ok(Operator::Datatable(Datatable { parameters, schema, values }))
}
