//! The operator `make-graph`.

use crate::parser::{OperatorDeclaration, Parsed, Parser};
use crate::syntax::{EdgeDirection, GraphNodes, MakeGraph, Operator};
use crate::token::TokenKind;

/// `make-graph`: how it is written and what it does.
pub(super) const DECLARATION: OperatorDeclaration = OperatorDeclaration {
    words: &["make-graph"],
    syntax: "T | make-graph Source --> Target [with Nodes on Key, …  or  with_node_id=Name] [partitioned-by Column (pipeline)]",
    doc: "A graph from a table of edges.",
    query: r#"datatable(From:string, To:string)["a", "b", "b", "c"] | make-graph From --> To with_node_id=id | graph-match (x)-->(y) project x.id"#,
    rows: &[r#"{"x_id":"a"}"#, r#"{"x_id":"b"}"#],
    parse,
};

/// Reads what stands behind `make-graph`.
fn parse(it: &mut Parser<'_>) -> Parsed<Operator> {
    let mut parameters = it.parameters(&[])?;
    let source = it.operand()?;
    it.expect(TokenKind::Minus, "`-->`")?;
    it.expect(TokenKind::Minus, "`-->`")?;
    let direction = if it.eat(TokenKind::Greater) { EdgeDirection::Right } else { EdgeDirection::Any };
    let target = it.operand()?;
    parameters.extend(it.parameters(&[])?);
    let nodes = if it.eat_word("with") { it.list(nodes)? } else { Vec::new() };
    let partitioned_by = if it.operator_word() == "partitioned-by" {
        it.advance_word("partitioned-by");
        Some((it.partition_key()?, it.subquery()?))
    } else {
        None
    };
    Ok(Operator::MakeGraph(MakeGraph { parameters, source, direction, target, nodes, partitioned_by }))
}

/// `nodes on key`.
fn nodes(it: &mut Parser<'_>) -> Parsed<GraphNodes> {
    let table = it.operand_or_source()?;
    it.expect_word("on")?;
    Ok(GraphNodes { table, key: it.operand()? })
}
