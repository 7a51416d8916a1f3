//! The operator `evaluate`.

use crate::parser::{OperatorDeclaration, Parsed, Parser};
use crate::syntax::{Evaluate, Operator};
use crate::token::TokenKind;

/// `evaluate`: how it is written and what it does.
pub(super) const DECLARATION: OperatorDeclaration = OperatorDeclaration {
    words: &["evaluate"],
    syntax: "[T |] evaluate [hint.…] plugin(…) [: (Column:type, …)]",
    doc: "Runs a plugin, such as `bag_unpack`, `pivot` or `ipv4_lookup`.",
    query: r#"print d = dynamic({"a": 1, "b": "x"}) | evaluate bag_unpack(d)"#,
    rows: &[r#"{"a":1,"b":"x"}"#],
    parse,
};

/// Reads what stands behind `evaluate`.
fn parse(it: &mut Parser<'_>) -> Parsed<Operator> {
    let parameters = it.parameters(&[])?;
    let call = it.call("a plugin")?;
    let schema = if it.eat(TokenKind::Colon) { Some(it.row_schema()?) } else { None };
    Ok(Operator::Evaluate(Evaluate { parameters, call, schema }))
}
