//! The operator `inline_external_table`.

use crate::parser::{OperatorDeclaration, Parsed, Parser};
use crate::syntax::{ExprId, InlineExternalTable, Operator, RowSchema};
use crate::token::TokenKind;

/// `inline_external_table`: how it is written and what it does.
pub(super) const DECLARATION: OperatorDeclaration = OperatorDeclaration {
    words: &["inline_external_table"],
    syntax: r#"inline_external_table (Column:type, …) kind=… [partition by (…)] [pathformat=(…)] dataformat=… ("uri", …) [with (…)]"#,
    doc: "An external table written in the query. It is parsed and then refused: nothing is fetched.",
    query: r#"inline_external_table (a:string) kind=storage dataformat=csv ("https://example.com")"#,
    rows: &["error: inline_external_table"],
    parse,
};

/// Reads what stands behind `inline_external_table`.
fn parse(it: &mut Parser<'_>) -> Parsed<Operator> {
    let has_schema = it.is(TokenKind::OpenParenthesis);
    let schema = if has_schema { it.row_schema()? } else { RowSchema::default() };
    let mut table = InlineExternalTable {
        schema,
        parameters: it.parameters(&["dataformat"])?,
        partitions: Vec::new(),
        path_format: Vec::new(),
        sources: Vec::new(),
        properties: Vec::new(),
    };
    if it.eat_word("partition") {
        it.expect_word("by")?;
        table.partitions =
            it.bracketed(TokenKind::OpenParenthesis, "`(` and columns", |it| it.column_declaration(true))?;
    }
    if it.eat_word("pathformat") {
        it.expect(TokenKind::Assign, "`=`")?;
        table.path_format = path_format(it)?;
    }
    table.parameters.extend(it.parameters(&["dataformat"])?);
    table.sources = it.bracketed(TokenKind::OpenParenthesis, "`(` and places to read from", Parser::expression)?;
    if it.eat_word("with") {
        table.properties = it.property_list()?;
    }
    Ok(Operator::InlineExternalTable(table))
}

/// `( element element … )`.
fn path_format(it: &mut Parser<'_>) -> Parsed<Vec<ExprId>> {
    let open = it.open(TokenKind::OpenParenthesis, "`(`")?;
    let mut elements = Vec::new();
    while !it.kind().closes() && !it.is(TokenKind::End) {
        elements.push(it.operand()?);
        it.eat(TokenKind::Comma);
    }
    it.close(open)?;
    Ok(elements)
}
