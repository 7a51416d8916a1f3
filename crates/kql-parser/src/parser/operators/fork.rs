//! The operator `fork`.

use crate::parser::{OperatorDeclaration, Parsed, Parser};
use crate::syntax::{Fork, ForkLeg, Operator};
use crate::token::TokenKind;

/// `fork`: how it is written and what it does.
pub(super) const DECLARATION: OperatorDeclaration = OperatorDeclaration {
    words: &["fork"],
    syntax: "T | fork [Name=](pipeline) …",
    doc: "Several pipelines over the same rows, one result each.",
    query: r#"datatable(User:string, n:long)["ann", 1, "bob", 5, "ann", 3] | fork (count) (where n > 3)"#,
    rows: &[r#"{"Count":3}"#, r#"{"User":"bob","n":5}"#],
    parse,
};

/// Reads what stands behind `fork`.
fn parse(it: &mut Parser<'_>) -> Parsed<Operator> {
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
