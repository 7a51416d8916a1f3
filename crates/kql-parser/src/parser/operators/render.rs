//! The operator `render`.

use crate::parser::{OperatorDeclaration, Parsed, Parser};
use crate::syntax::{Operator, Parameter, Render};
use crate::token::TokenKind;

/// `render`: how it is written and what it does.
pub(super) const DECLARATION: OperatorDeclaration = OperatorDeclaration {
    words: &["render"],
    syntax: "T | render chart [kind=…] [with (title=…, xcolumn=…, ycolumns=…, …)]",
    doc: "Asks for a chart: barchart, columnchart, timechart, linechart, areachart, piechart, … A terminal draws bars and lines.",
    query: "print n = 1 | render barchart",
    rows: &[r#"{"n":1}"#],
    parse,
};

/// Reads what stands behind `render`.
fn parse(it: &mut Parser<'_>) -> Parsed<Operator> {
    let chart = it.name("a chart")?;
    let mut properties = it.properties()?;
    if it.eat_word("with") {
        properties.extend(it.property_list()?);
    }
    if it.is_word("by") {
        properties.push(by(it)?);
    }
    Ok(Operator::Render(Render { chart, properties }))
}

/// `by column, …`, as a property of that name.
fn by(it: &mut Parser<'_>) -> Parsed<Parameter> {
    let start = it.start();
    let name = it.name("`by`")?;
    let value = it.operand()?;
    let mut more = Vec::new();
    while it.eat(TokenKind::Comma) {
        more.push(it.operand()?);
    }
    Ok(Parameter { name, value, more, span: it.since(start) })
}
