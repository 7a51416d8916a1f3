//! Operators over graphs: which may follow, `graph-to-table`, `graph-mark-components`, `graph-where-nodes`,
//! `graph-where-edges`.

use super::super::{
    Bind, Binder, Table,
    graph::{Graph, GraphScope, Reader},
    scope::Binding,
};
use super::{columns, graph_match, make_graph::of_graph};
use crate::{
    plan::{GraphOp, JoinKind, NodeId, Op, ResultTable},
    syntax::{ExprId, GraphMarkComponents, GraphOutput, GraphToTable, Operator, Stage},
};
use kql_data::{Field, Schema, Type};
use std::sync::Arc;

/// Binds one stage over a graph.
pub(super) fn bind(b: &mut Binder<'_>, stage: &Stage, graph: &Arc<Graph>) -> Bind<Table> {
    match &stage.operator {
        Operator::GraphMatch(it) => graph_match::bind(b, it, graph, stage),
        Operator::GraphShortestPaths(it) => graph_match::shortest_paths(b, it, graph, stage),
        Operator::GraphToTable(it) => to_table(b, it, graph, stage),
        Operator::GraphMarkComponents(it) => mark_components(b, it, graph, stage),
        Operator::GraphWhereNodes(it) => where_nodes(b, it.predicate, graph),
        Operator::GraphWhereEdges(it) => where_edges(b, it.predicate, graph),
        Operator::Error => Err(super::Reported),
        _ => {
            let word = b.query.text_of(stage.keyword).to_owned();
            let message = format!("`{word}` cannot follow a graph, only a graph operator such as `graph-match` can");
            b.fail("SEM0104", stage.keyword, message)
        }
    }
}

fn to_table(b: &mut Binder<'_>, it: &GraphToTable, graph: &Arc<Graph>, stage: &Stage) -> Bind<Table> {
    let mut made = Vec::with_capacity(it.outputs.len());
    for output in &it.outputs {
        let table = if output.is_edges { edges_table(b, output, graph)? } else { nodes_table(b, output, graph)? };
        if let Some(name) = &output.name {
            let table = Table { label: Some(name.text.clone()), ..table.clone() };
            b.env.bind(name.text.clone(), Binding::Table(Box::new(table)));
        }
        made.push((output.name.as_ref().map(|it| it.text.clone()), table));
    }
    match made.as_slice() {
        [(_, one)] => Ok(one.clone()),
        [(Some(a), first), (Some(c), second)] if a != c => {
            // The names are for later statements; without any, both tables are the answer.
            for (name, table) in [(a, first), (c, second)] {
                b.unclaimed.push(ResultTable { name: name.clone(), node: table.node, visualization: None });
            }
            b.results_given = true;
            Ok(first.clone())
        }
        _ => b.fail("SEM0001", stage.span, "nodes and edges need a name each: `nodes as N, edges as E`"),
    }
}

/// The number of a node as the outside sees it: a hash of its identity.
fn hash_of_nodes(b: &mut Binder<'_>, graph: &Graph, span: crate::Span) -> Bind<crate::plan::ExprId> {
    let id = b.column(graph.identity(), graph.id);
    b.make_call("hash", &[id], span)
}

fn nodes_table(b: &mut Binder<'_>, it: &GraphOutput, graph: &Arc<Graph>) -> Bind<Table> {
    let (mut exprs, mut fields) = (Vec::new(), Vec::new());
    if let Some(name) = b.declared_name(&it.parameters, "with_node_id")? {
        exprs.push(hash_of_nodes(b, graph, it.span)?);
        fields.push(Field::new(name, Type::Long));
    }
    exprs.extend(columns::all(b, &graph.node_schema));
    fields.extend(graph.node_schema.fields.iter().cloned());
    if let (Some(index), Some(ty)) = (graph.node_partition(), graph.partition) {
        exprs.push(b.column(index, ty));
        fields.push(Field::new("$partition", ty));
    }
    let schema = unique(b, fields, it)?;
    Ok(b.new_table(Op::Project { input: graph.nodes, columns: exprs }, schema))
}

fn edges_table(b: &mut Binder<'_>, it: &GraphOutput, graph: &Arc<Graph>) -> Bind<Table> {
    let mut input = graph.edges;
    let mut schema = graph.all_edge_columns();
    let (mut exprs, mut fields) = (Vec::new(), Vec::new());
    for (parameter, end) in [("with_source_id", graph.source()), ("with_target_id", graph.source() + 1)] {
        let Some(name) = b.declared_name(&it.parameters, parameter)? else { continue };
        // The hash of the node comes from the nodes, by number.
        let (number, hash) = (b.column(graph.number(), Type::Long), hash_of_nodes(b, graph, it.span)?);
        let side = Schema::of(&[("$number", Type::Long), ("$hash", Type::Long)]);
        let nodes = Op::Project { input: graph.nodes, columns: vec![number, hash] };
        let nodes = b.plan.add(nodes, Arc::new(side.clone()));
        let keys = vec![(b.column(end, Type::Long), b.column(0, Type::Long))];
        schema.fields.extend(side.fields);
        let join = Op::Join { left: input, right: nodes, kind: JoinKind::LeftOuter, keys, condition: None };
        input = b.plan.add(join, Arc::new(schema.clone()));
        exprs.push(b.column(schema.len() - 1, Type::Long));
        fields.push(Field::new(name, Type::Long));
    }
    exprs.extend(columns::all(b, &graph.edge_schema));
    fields.extend(graph.edge_schema.fields.iter().cloned());
    if let (Some(index), Some(ty)) = (graph.edge_partition(), graph.partition) {
        exprs.push(b.column(index, ty));
        fields.push(Field::new("$partition", ty));
    }
    let schema = unique(b, fields, it)?;
    Ok(b.new_table(Op::Project { input, columns: exprs }, schema))
}

/// A schema without repeated names.
fn unique(b: &mut Binder<'_>, fields: Vec<Field>, it: &GraphOutput) -> Bind<Schema> {
    for (n, field) in fields.iter().enumerate() {
        if fields.iter().take(n).any(|other| other.name == field.name) {
            return b.fail("SEM0034", it.span, format!("the column `{}` is given twice", field.name));
        }
    }
    Ok(Schema::new(fields))
}

fn mark_components(b: &mut Binder<'_>, it: &GraphMarkComponents, graph: &Arc<Graph>, stage: &Stage) -> Bind<Table> {
    let kind = b.choice(&it.parameters, "kind", &["weak", "strong"])?;
    let name = b.declared_name(&it.parameters, "with_component_id")?.unwrap_or_else(|| "ComponentId".to_owned());
    if graph.node_schema.index_of(&name).is_some() {
        return b.fail("SEM0034", stage.span, format!("the nodes have a property `{name}` already"));
    }
    let old = graph.all_node_columns();
    let mut marked = old.clone();
    marked.fields.push(Field::new("$component", Type::Long));
    let op = GraphOp::Components {
        tables: graph.tables(),
        partition: graph.node_partition(),
        is_strong: kind == Some("strong"),
    };
    let node = b.plan.add(Op::Graph(op), Arc::new(marked));
    // The component goes behind the properties, before what no name reaches.
    let mut properties = (*graph.node_schema).clone();
    properties.fields.push(Field::new(name, Type::Long));
    let mut graph = Graph { node_schema: Arc::new(properties), ..(**graph).clone() };
    let mut exprs = columns::all(b, &old);
    let component = b.column(old.len(), Type::Long);
    exprs.insert(graph.node_schema.len() - 1, component);
    let schema = Arc::new(graph.all_node_columns());
    graph.nodes = b.plan.add(Op::Project { input: node, columns: exprs }, schema);
    Ok(of_graph(b, graph))
}

/// Binds a predicate over the rows of nodes or edges; gives it and whether it wants degrees.
fn predicate(b: &mut Binder<'_>, id: ExprId, graph: &Arc<Graph>, reader: Reader) -> Bind<(crate::plan::ExprId, bool)> {
    let before = b.graph.replace(Box::new(GraphScope::new(graph.clone(), reader)));
    let res = b.over_element(graph, reader, |b| b.predicate(id));
    let scope = std::mem::replace(&mut b.graph, before);
    Ok((res?, scope.is_some_and(|it| it.uses_degrees)))
}

/// The nodes for which the predicate holds, and the edges between them.
fn where_nodes(b: &mut Binder<'_>, id: ExprId, graph: &Arc<Graph>) -> Bind<Table> {
    let (predicate, uses_degrees) = predicate(b, id, graph, Reader::Node)?;
    let all = Arc::new(graph.all_node_columns());
    let input = b.graph_nodes(graph, uses_degrees);
    let schema = b.plan.schema(input);
    let mut nodes = b.plan.add(Op::Filter { input, predicate }, schema);
    if uses_degrees {
        let exprs = columns::all(b, &all);
        nodes = b.plan.add(Op::Project { input: nodes, columns: exprs }, all);
    }
    let mut edges = graph.edges;
    for end in [graph.source(), graph.source() + 1] {
        edges = between(b, edges, end, nodes, graph);
    }
    Ok(of_graph(b, Graph { nodes, edges, ..(**graph).clone() }))
}

/// The edges one of whose ends is among the nodes.
fn between(b: &mut Binder<'_>, edges: NodeId, end: usize, nodes: NodeId, graph: &Graph) -> NodeId {
    let keys = vec![(b.column(end, Type::Long), b.column(graph.number(), Type::Long))];
    let schema = b.plan.schema(edges);
    b.plan.add(Op::Join { left: edges, right: nodes, kind: JoinKind::LeftSemi, keys, condition: None }, schema)
}

/// All nodes, and the edges for which the predicate holds.
fn where_edges(b: &mut Binder<'_>, id: ExprId, graph: &Arc<Graph>) -> Bind<Table> {
    let (predicate, _) = predicate(b, id, graph, Reader::Edge)?;
    let schema = b.plan.schema(graph.edges);
    let edges = b.plan.add(Op::Filter { input: graph.edges, predicate }, schema);
    Ok(of_graph(b, Graph { edges, ..(**graph).clone() }))
}
