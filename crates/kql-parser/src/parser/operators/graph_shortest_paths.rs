//! The operator `graph-shortest-paths`.

use super::graph_match::{pattern, where_and_project};
use crate::parser::{OperatorDeclaration, Parsed, Parser};
use crate::syntax::{GraphShortestPaths, Operator};

/// `graph-shortest-paths`: how it is written and what it does.
pub(super) const DECLARATION: OperatorDeclaration = OperatorDeclaration {
    words: &["graph-shortest-paths"],
    syntax: "G | graph-shortest-paths [output=any|all] (a)-[e*1..9]->(b) [where predicate] project …",
    doc: "Shortest paths between nodes of a graph.",
    query: r#"datatable(From:string, To:string)["a", "b", "b", "c", "d", "e"] | make-graph From --> To with_node_id=id | graph-shortest-paths (a)-[e*1..9]->(b) where a.id == "a" and b.id == "c" project Hops = array_length(e)"#,
    rows: &[r#"{"Hops":2}"#],
    parse,
};

/// Reads what stands behind `graph-shortest-paths`.
fn parse(it: &mut Parser<'_>) -> Parsed<Operator> {
    let parameters = it.parameters(&["output"])?;
    let patterns = it.list(pattern)?;
    let (predicate, project) = where_and_project(it)?;
    Ok(Operator::GraphShortestPaths(GraphShortestPaths { parameters, patterns, predicate, project }))
}
