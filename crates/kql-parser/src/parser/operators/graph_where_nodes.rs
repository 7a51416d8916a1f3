//! `graph-where-nodes predicate` — keeps the nodes of a graph that match.

use crate::parser::{Parsed, Parser};
use crate::syntax::{GraphWhereNodes, Operator};

/// Reads what stands behind `graph-where-nodes`.
pub(super) fn parse(it: &mut Parser<'_>) -> Parsed<Operator> {
    Ok(Operator::GraphWhereNodes(GraphWhereNodes { predicate: it.expression()? }))
}
