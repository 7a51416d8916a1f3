//! `graph-where-edges predicate` — keeps the edges of a graph that match.

use crate::parser::{Parsed, Parser};
use crate::syntax::{GraphWhereEdges, Operator};

/// Reads what stands behind `graph-where-edges`.
pub(super) fn parse(it: &mut Parser<'_>) -> Parsed<Operator> {
    Ok(Operator::GraphWhereEdges(GraphWhereEdges { predicate: it.expression()? }))
}
