//! The operator `externaldata`.

use crate::parser::{OperatorDeclaration, Parsed, Parser};
use crate::syntax::{ExternalData, Operator};
use crate::token::TokenKind;

/// `externaldata`: how it is written and what it does.
pub(super) const DECLARATION: OperatorDeclaration = OperatorDeclaration {
    words: &["externaldata", "external_data"],
    syntax: r#"externaldata(Column:type, …)["uri", …] [with (format="csv", ignoreFirstRecord=true, …)]"#,
    doc: "Rows of a file. Only local copies that the host allows are read; nothing is fetched.",
    query: r#"externaldata(a:string)["https://example.com/a.csv"]"#,
    rows: &["error: `https://example.com/a.csv`"],
    parse,
};

/// Reads what stands behind `externaldata`.
fn parse(it: &mut Parser<'_>) -> Parsed<Operator> {
    let parameters = it.parameters(&[])?;
    let schema = it.row_schema()?;
    let sources = it.bracketed(TokenKind::OpenBracket, "`[` and places to read from", Parser::expression)?;
    let properties = if it.eat_word("with") { it.property_list()? } else { Vec::new() };
    Ok(Operator::ExternalData(ExternalData { parameters, schema, sources, properties }))
}
