//! The operator `graph-where-nodes`.

use crate::parser::{OperatorDeclaration, Parsed, Parser};
use crate::syntax::{GraphWhereNodes, Operator};

/// `graph-where-nodes`: how it is written and what it does.
pub(super) const DECLARATION: OperatorDeclaration = OperatorDeclaration {
    words: &["graph-where-nodes"],
    syntax: "G | graph-where-nodes predicate",
    doc: "Keeps the nodes of a graph for which something holds, and the edges between them.",
    query: r#"datatable(From:string, To:string)["a", "b", "b", "c", "d", "e"] | make-graph From --> To with_node_id=id | graph-where-nodes id in ("a", "b") | graph-to-table edges | project From, To"#,
    rows: &[r#"{"From":"a","To":"b"}"#],
    parse,
};

/// Reads what stands behind `graph-where-nodes`.
fn parse(it: &mut Parser<'_>) -> Parsed<Operator> {
    Ok(Operator::GraphWhereNodes(GraphWhereNodes { predicate: it.expression()? }))
}
