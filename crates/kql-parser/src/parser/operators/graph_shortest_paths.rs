//! `graph-shortest-paths [output=any|all] (a)-[e*1..9]->(b) [where predicate] [project …]` — shortest paths in a graph.

use super::graph_match::{pattern, where_and_project};
use crate::parser::{Parsed, Parser};
use crate::syntax::{GraphShortestPaths, Operator};

/// Reads what stands behind `graph-shortest-paths`.
pub(super) fn parse(it: &mut Parser<'_>) -> Parsed<Operator> {
    let parameters = it.parameters(&["output"])?;
    let patterns = it.list(pattern)?;
    let (predicate, project) = where_and_project(it)?;
    Ok(Operator::GraphShortestPaths(GraphShortestPaths { parameters, patterns, predicate, project }))
}
