//! The operator `top-nested`.

use crate::parser::{OperatorDeclaration, Parsed, Parser};
use crate::syntax::{Operator, TopNested, TopNestedLevel};
use crate::token::TokenKind;

/// `top-nested`: how it is written and what it does.
pub(super) const DECLARATION: OperatorDeclaration = OperatorDeclaration {
    words: &["top-nested"],
    syntax: r#"T | top-nested [n] of Value [with others = "name"] by aggregate [asc|desc], top-nested …"#,
    doc: "The top values of one column, and for each the top of the next.",
    query: r#"datatable(User:string, n:long)["ann", 1, "bob", 5, "ann", 3] | top-nested 1 of User by sum(n)"#,
    rows: &[r#"{"User":"bob","aggregated_User":5}"#],
    parse,
};

/// Reads what stands behind `top-nested`.
fn parse(it: &mut Parser<'_>) -> Parsed<Operator> {
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
