//! The operator `graph-match`.

use crate::parser::{OperatorDeclaration, Parsed, Parser};
use crate::syntax::{Assignment, EdgeDirection, ExprId, GraphElement, GraphMatch, GraphPattern, Operator};
use crate::token::TokenKind;

/// `graph-match`: how it is written and what it does.
pub(super) const DECLARATION: OperatorDeclaration = OperatorDeclaration {
    words: &["graph-match"],
    syntax: "G | graph-match [cycles=all|none|unique_edges] (a)-[e]->(b), … [where predicate] project …",
    doc: "Finds a pattern of nodes and edges in a graph. `(a)-[e*1..3]->(b)` is a path of one to three edges.",
    query: r#"datatable(From:string, To:string)["a", "b", "b", "c", "d", "e"] | make-graph From --> To with_node_id=id | graph-match (a)-->()-->(c) project Start = a.id, End = c.id"#,
    rows: &[r#"{"Start":"a","End":"c"}"#],
    parse,
};

/// Reads what stands behind `graph-match`.
fn parse(it: &mut Parser<'_>) -> Parsed<Operator> {
    let parameters = it.parameters(&[])?;
    let patterns = it.list(pattern)?;
    let (predicate, project) = where_and_project(it)?;
    Ok(Operator::GraphMatch(GraphMatch { parameters, patterns, predicate, project }))
}

/// `[where predicate] [project [name =] expression, …]`.
pub(super) fn where_and_project(it: &mut Parser<'_>) -> Parsed<(Option<ExprId>, Option<Vec<Assignment>>)> {
    let predicate = if it.eat_word("where") { Some(it.expression()?) } else { None };
    let project = if it.eat_word("project") { Some(it.assignments()?) } else { None };
    Ok((predicate, project))
}

/// Node, edge, node, …
pub(super) fn pattern(it: &mut Parser<'_>) -> Parsed<GraphPattern> {
    let start = it.start();
    let mut elements = vec![node(it)?];
    while matches!(it.kind(), TokenKind::Minus | TokenKind::Less) {
        elements.push(edge(it)?);
        elements.push(node(it)?);
    }
    Ok(GraphPattern { elements, span: it.since(start) })
}

/// `(name)` or `()`.
fn node(it: &mut Parser<'_>) -> Parsed<GraphElement> {
    let open = it.open(TokenKind::OpenParenthesis, "a node: `(name)`")?;
    let name = if it.name_length() > 0 { Some(it.name("a name")?) } else { None };
    let close = it.close(open)?;
    Ok(GraphElement::Node { name, span: open.span.to(close.span) })
}

/// `--`, `-->`, `<--`, `-[name*1..3]->`, `<-[name]-`, `-[name]-`.
fn edge(it: &mut Parser<'_>) -> Parsed<GraphElement> {
    let start = it.start();
    let is_left = it.eat(TokenKind::Less);
    it.expect(TokenKind::Minus, "an edge: `-[name]->` or `-->`")?;
    let mut name = None;
    let mut range = None;
    if it.is(TokenKind::OpenBracket) {
        let open = it.open(TokenKind::OpenBracket, "`[`")?;
        if it.is(TokenKind::Name) {
            name = Some(it.name("a name")?);
        }
        if it.eat(TokenKind::Star) {
            let low = it.operand()?;
            it.expect(TokenKind::DotDot, "`..` and the upper bound")?;
            range = Some((low, it.operand()?));
        }
        it.close(open)?;
    }
    it.expect(TokenKind::Minus, "`-`")?;
    let direction = if is_left {
        EdgeDirection::Left
    } else if it.eat(TokenKind::Greater) {
        EdgeDirection::Right
    } else {
        EdgeDirection::Any
    };
    Ok(GraphElement::Edge { direction, name, range, span: it.since(start) })
}
