//! The operator `make-series`.

use crate::parser::{OperatorDeclaration, Parsed, Parser};
use crate::syntax::{Assignment, MakeSeries, Operator, SeriesColumn};
use crate::token::TokenKind;

/// `make-series`: how it is written and what it does.
pub(super) const DECLARATION: OperatorDeclaration = OperatorDeclaration {
    words: &["make-series"],
    syntax: "T | make-series [Name =] aggregate [default=0], … on Axis [from a] [to b] step c [by Key, …]",
    doc: "One array of values at regular steps for each key.",
    query: "datatable(n:long)[1, 3, 3] | make-series c = count() default=0 on n from 1 to 4 step 1",
    rows: &[r#"{"c":[1,0,2],"n":[1,2,3]}"#],
    parse,
};

/// Reads what stands behind `make-series`.
fn parse(it: &mut Parser<'_>) -> Parsed<Operator> {
    let parameters = it.parameters(&[])?;
    let series = it.list(column)?;
    it.expect_word("on")?;
    let axis = axis(it)?;
    let mut operator =
        MakeSeries { parameters, series, axis, from: None, to: None, step: None, is_in_range: false, by: Vec::new() };
    bounds(it, &mut operator)?;
    if it.eat_word("by") {
        operator.by = it.assignments()?;
    }
    Ok(Operator::MakeSeries(operator))
}

/// `[name =] aggregate [default = value]`.
fn column(it: &mut Parser<'_>) -> Parsed<SeriesColumn> {
    let value = it.assignment()?;
    let default = if it.eat_word("default") {
        it.expect(TokenKind::Assign, "`=`")?;
        Some(it.expression()?)
    } else {
        None
    };
    Ok(SeriesColumn { value, default })
}

/// `[name =] expression`; `in` behind it is no operator.
fn axis(it: &mut Parser<'_>) -> Parsed<Assignment> {
    let start = it.start();
    let mut names = Vec::new();
    if it.is_named() {
        names.push(it.name("a name")?);
        it.advance();
    }
    let value = it.operand()?;
    Ok(Assignment { names, is_tuple: false, value, span: it.since(start) })
}

/// `[from a] [to b] step c`, or `in range(a, b, c)`.
fn bounds(it: &mut Parser<'_>, operator: &mut MakeSeries) -> Parsed<()> {
    if it.eat_word("in") {
        it.expect_word("range")?;
        let open = it.open(TokenKind::OpenParenthesis, "`(start, stop, step)`")?;
        operator.from = Some(it.expression()?);
        it.expect(TokenKind::Comma, "`,`")?;
        operator.to = Some(it.expression()?);
        it.expect(TokenKind::Comma, "`,`")?;
        operator.step = Some(it.expression()?);
        it.close(open)?;
        operator.is_in_range = true;
        return Ok(());
    }
    if it.eat_word("from") {
        operator.from = Some(it.expression()?);
    }
    if it.eat_word("to") {
        operator.to = Some(it.expression()?);
    }
    if it.eat_word("step") {
        operator.step = Some(it.expression()?);
        return Ok(());
    }
    Err(it.expected("`step`"))
}
