//! The operator `graph-mark-components`.

use crate::parser::{OperatorDeclaration, Parsed, Parser};
use crate::syntax::{GraphMarkComponents, Operator};

/// `graph-mark-components`: how it is written and what it does.
pub(super) const DECLARATION: OperatorDeclaration = OperatorDeclaration {
    words: &["graph-mark-components"],
    syntax: "G | graph-mark-components [kind=weak|strong] [with_component_id=Name]",
    doc: "Numbers the connected components of a graph.",
    query: r#"datatable(From:string, To:string)["a", "b", "b", "c", "d", "e"] | make-graph From --> To with_node_id=id | graph-mark-components | graph-to-table nodes | summarize dcount(ComponentId)"#,
    rows: &[r#"{"dcount_ComponentId":2}"#],
    parse,
};

/// Reads what stands behind `graph-mark-components`.
fn parse(it: &mut Parser<'_>) -> Parsed<Operator> {
    Ok(Operator::GraphMarkComponents(GraphMarkComponents { parameters: it.parameters(&[])? }))
}
