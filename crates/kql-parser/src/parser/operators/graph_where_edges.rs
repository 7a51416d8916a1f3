//! The operator `graph-where-edges`.

use crate::parser::{OperatorDeclaration, Parsed, Parser};
use crate::syntax::{GraphWhereEdges, Operator};

/// `graph-where-edges`: how it is written and what it does.
pub(super) const DECLARATION: OperatorDeclaration = OperatorDeclaration {
    words: &["graph-where-edges"],
    syntax: "G | graph-where-edges predicate",
    doc: "Keeps the edges of a graph for which something holds.",
    query: r#"datatable(From:string, To:string)["a", "b", "b", "c", "d", "e"] | make-graph From --> To with_node_id=id | graph-where-edges From == "d" | graph-to-table edges | project From, To"#,
    rows: &[r#"{"From":"d","To":"e"}"#],
    parse,
};

/// Reads what stands behind `graph-where-edges`.
fn parse(it: &mut Parser<'_>) -> Parsed<Operator> {
    Ok(Operator::GraphWhereEdges(GraphWhereEdges { predicate: it.expression()? }))
}
