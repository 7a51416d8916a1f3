//! The operator `graph-to-table`.

use crate::parser::{OperatorDeclaration, Parsed, Parser};
use crate::syntax::{GraphOutput, GraphToTable, Operator};

/// `graph-to-table`: how it is written and what it does.
pub(super) const DECLARATION: OperatorDeclaration = OperatorDeclaration {
    words: &["graph-to-table"],
    syntax: "G | graph-to-table nodes [as T] [with_node_id=Name], edges [as T] [with_source_id=Name] [with_target_id=Name]",
    doc: "The nodes or edges of a graph as tables.",
    query: r#"datatable(From:string, To:string)["a", "b", "b", "c", "d", "e"] | make-graph From --> To with_node_id=id | graph-to-table edges | take 1 | project From, To"#,
    rows: &[r#"{"From":"a","To":"b"}"#],
    parse,
};

/// Reads what stands behind `graph-to-table`.
fn parse(it: &mut Parser<'_>) -> Parsed<Operator> {
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
