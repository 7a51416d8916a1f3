//! `make-graph source --> target [with nodes on key, … | with_node_id=name] [partitioned-by column (subquery)]` — a graph from edges.

use crate::parser::{Parsed, Parser};
use crate::syntax::{EdgeDirection, GraphNodes, MakeGraph, Operator};
use crate::token::TokenKind;

/// Reads what stands behind `make-graph`.
pub(super) fn parse(it: &mut Parser<'_>) -> Parsed<Operator> {
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
