//! The operator `macro-expand`.

use crate::parser::{OperatorDeclaration, Parsed, Parser};
use crate::syntax::{ExprId, ExprKind, MacroExpand, Name, Operator};
use crate::token::TokenKind;

/// `macro-expand`: how it is written and what it does.
pub(super) const DECLARATION: OperatorDeclaration = OperatorDeclaration {
    words: &["macro-expand"],
    syntax: "macro-expand [kind=…] [isfuzzy=true] entity_group [A, …] as X (pipeline)",
    doc: "Runs a pipeline for each entity of a group, and unites the rows.",
    query: r#"macro-expand entity_group [database("a"), database("b")] as D (print n = 1) | count"#,
    rows: &[r#"{"Count":2}"#],
    parse,
};

/// Reads what stands behind `macro-expand`.
fn parse(it: &mut Parser<'_>) -> Parsed<Operator> {
    let parameters = it.parameters(&[])?;
    let first = it.operand()?;
    let (group, scope) = if it.eat_word("in") {
        (it.operand()?, scope_of(it, first)?)
    } else if it.eat_word("as") {
        (first, Some(it.name("a name")?))
    } else {
        (first, None)
    };
    let body = it.body(TokenKind::OpenParenthesis, "`(` and a query")?;
    Ok(Operator::MacroExpand(MacroExpand { parameters, group, scope, body }))
}

/// `name in group`: the name, read as an expression.
fn scope_of(it: &mut Parser<'_>, id: ExprId) -> Parsed<Option<Name>> {
    match it.query.kind(id) {
        ExprKind::Name(name) => Ok(Some(name.clone())),
        _ => {
            let span = it.span_of(id);
            Err(it.fault(span, "expected a name before `in`"))
        }
    }
}
