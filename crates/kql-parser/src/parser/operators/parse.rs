//! The operator `parse`.

use crate::parser::{OperatorDeclaration, Parsed, Parser};
use crate::syntax::{Operator, Parse, ParsePart};
use crate::token::TokenKind;

/// `parse`: how it is written and what it does.
pub(super) const DECLARATION: OperatorDeclaration = OperatorDeclaration {
    words: &["parse"],
    syntax: r#"T | parse [kind=simple|regex|relaxed] Text with "literal" Column[:type] * …"#,
    doc: "Columns out of a text by a pattern.",
    query: r#"print Line = "user=ann from 192.0.2.1" | parse Line with "user=" User " from " Ip | project User, Ip"#,
    rows: &[r#"{"User":"ann","Ip":"192.0.2.1"}"#],
    parse,
};

/// Reads what stands behind `parse`.
fn parse(it: &mut Parser<'_>) -> Parsed<Operator> {
    clauses(it).map(Operator::Parse)
}

/// `[kind=…] [flags=…] expression with pattern`.
pub(super) fn clauses(it: &mut Parser<'_>) -> Parsed<Parse> {
    let parameters = it.parameters(&[])?;
    let value = it.expression()?;
    it.expect_word("with")?;
    let pattern = pattern(it)?;
    Ok(Parse { parameters, value, pattern })
}

/// Strings, stars and columns; commas between them are allowed.
fn pattern(it: &mut Parser<'_>) -> Parsed<Vec<ParsePart>> {
    let mut parts = vec![part(it)?];
    loop {
        let token = it.token();
        let goes_on = token.kind.is_string() || token.kind == TokenKind::Star || it.name_length() > 0;
        if !goes_on {
            return Ok(parts);
        }
        parts.push(part(it)?);
    }
}

fn part(it: &mut Parser<'_>) -> Parsed<ParsePart> {
    if it.is(TokenKind::Star) {
        return Ok(ParsePart::Star(it.advance().span));
    }
    if it.kind().is_string() {
        return Ok(ParsePart::Text(it.literal()?));
    }
    if it.name_length() == 0 {
        return Err(it.expected("a string, a column or `*`"));
    }
    Ok(ParsePart::Column(it.column_declaration(false)?))
}
