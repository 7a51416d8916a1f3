//! `graph-to-table nodes [as T] [with_node_id=c], edges [as T] [with_source_id=c] [with_target_id=c]` — tables from a graph.

use crate::parser::{Parsed, Parser};
use crate::syntax::{GraphOutput, GraphToTable, Operator};

/// Reads what stands behind `graph-to-table`.
pub(super) fn parse(it: &mut Parser<'_>) -> Parsed<Operator> {
    Ok(Operator::GraphToTable(GraphToTable { outputs: it.list(output)? }))
}

fn output(it: &mut Parser<'_>) -> Parsed<GraphOutput> {
    let start = it.start();
    let is_edges = match it.word() {
        "nodes" => false,
        "edges" => true,
        _ => return Err(it.expected("`nodes` or `edges`")),
    };
    it.advance();
    let mut parameters = it.parameters(&[])?;
    let name = if it.eat_word("as") { Some(it.name("a name")?) } else { None };
    parameters.extend(it.parameters(&[])?);
    Ok(GraphOutput { is_edges, name, parameters, span: it.since(start) })
}
