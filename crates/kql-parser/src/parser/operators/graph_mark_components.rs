//! `graph-mark-components [kind=weak|strong] [with_component_id=name]` — numbers the components of a graph.

use crate::parser::{Parsed, Parser};
use crate::syntax::{GraphMarkComponents, Operator};

/// Reads what stands behind `graph-mark-components`.
pub(super) fn parse(it: &mut Parser<'_>) -> Parsed<Operator> {
    Ok(Operator::GraphMarkComponents(GraphMarkComponents { parameters: it.parameters(&[])? }))
}
