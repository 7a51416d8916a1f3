//! `make-graph`: a graph from a table of edges and tables of nodes.

use super::super::{Bind, Binder, Table, graph::Graph};
use super::{columns, union};
use crate::{
    diagnostic::Span,
    plan::{GraphOp, NodeId, Op},
    syntax::{EdgeDirection, ExprId, GraphNodes, MakeGraph, PipelineId, Stage},
};
use kql_data::{Field, Schema, Type};
use std::sync::Arc;

/// Where identity and partition stand in the edge rows.
struct Ends {
    source: usize,
    target: usize,
    ty: Type,
    partition: Option<(usize, Field)>,
}

pub(super) fn bind(b: &mut Binder<'_>, it: &MakeGraph, input: Table, stage: &Stage) -> Bind<Table> {
    if it.direction == EdgeDirection::Any {
        return b.fail("SEM0456", stage.span, "`make-graph` without a direction is not enabled; use `-->`");
    }
    let ends = ends(b, it, &input)?;
    let name = b.declared_name(&it.parameters, "with_node_id")?;
    let (properties, keys, tables) = match name {
        Some(name) if it.nodes.is_empty() => {
            (Arc::new(Schema::new(vec![Field::new(name, ends.ty)])), vec![0], Vec::new())
        }
        Some(_) => return b.fail("SEM0001", stage.span, "`with_node_id` and node tables exclude each other"),
        None => node_tables(b, &it.nodes, &ends)?,
    };
    let mut graph = Graph {
        nodes: input.node,
        node_schema: properties,
        edges: input.node,
        edge_schema: input.schema.clone(),
        id: ends.ty,
        partition: ends.partition.as_ref().map(|(_, field)| field.ty),
    };
    let (source, target) = (ends.source, ends.target);
    let partition = ends.partition.as_ref().map(|(index, _)| *index);
    let nodes = GraphOp::Nodes { edges: input.node, source, target, partition, tables, keys };
    graph.nodes = b.plan.add(Op::Graph(nodes), Arc::new(graph.all_node_columns()));
    let (nodes, number) = (graph.nodes, graph.number());
    let edges = GraphOp::Edges { edges: input.node, source, target, partition, nodes, number };
    graph.edges = b.plan.add(Op::Graph(edges), Arc::new(graph.all_edge_columns()));
    let table = of_graph(b, graph);
    match it.partitioned_by {
        Some((_, subquery)) => partitioned(b, subquery, table, stage.span),
        None => Ok(table),
    }
}

/// A graph as the value that flows on.
pub(super) fn of_graph(b: &mut Binder<'_>, graph: Graph) -> Table {
    let table = b.no_rows(Schema::default());
    Table { graph: Some(Arc::new(graph)), ..table }
}

fn ends(b: &mut Binder<'_>, it: &MakeGraph, input: &Table) -> Bind<Ends> {
    columns::over(b, input, |b| {
        let (source, source_type) = b.column_of(it.source)?;
        let (target, target_type) = b.column_of(it.target)?;
        let span = b.query.span(it.source).to(b.query.span(it.target));
        if source_type == Type::Dynamic || target_type == Type::Dynamic {
            return b.fail("SEM1006", span, "the columns of source and target cannot be dynamic; convert them");
        }
        if source_type != target_type {
            let message = format!("source and target must have one type, not {source_type} and {target_type}");
            return b.fail("SEM1019", span, message);
        }
        let partition = match it.partitioned_by {
            Some((column, _)) => {
                let (index, _) = b.column_of(column)?;
                b.row.schema.fields.get(index).cloned().map(|field| (index, field))
            }
            None => None,
        };
        Ok(Ends { source, target, ty: source_type, partition })
    })
}

/// All node tables under one schema: the properties, those that hold the identity, and the tables with their identities.
fn node_tables(b: &mut Binder<'_>, nodes: &[GraphNodes], ends: &Ends) -> Bind<(Arc<Schema>, Vec<usize>, Vec<NodeId>)> {
    if nodes.is_empty() {
        return Ok((Arc::default(), Vec::new(), Vec::new()));
    }
    let mut legs = Vec::with_capacity(nodes.len());
    let mut keys = Vec::with_capacity(nodes.len());
    for it in nodes {
        let table = b.tabular(it.table)?;
        keys.push(columns::over(b, &table, |b| key(b, it.key, ends))?);
        legs.push(table);
    }
    let all = union::combine(b, &legs, false, None, Span::default());
    let schema = all.schema.clone();
    let Some(Op::Union { inputs }) = b.plan.node(all.node).map(|it| it.op.clone()) else {
        return Err(super::Reported);
    };
    let mut held = Vec::new();
    let mut tables = Vec::with_capacity(legs.len());
    for ((leg, (index, partition)), input) in legs.iter().zip(keys).zip(inputs) {
        let key = place_of(b, leg, index, input);
        held.extend(key);
        let mut fields = schema.fields.clone();
        fields.push(Field::new("$id", ends.ty));
        let mut exprs = columns::all(b, &schema);
        exprs.push(b.column(key.unwrap_or(0), ends.ty));
        if let (Some(partition), Some((_, field))) = (partition, &ends.partition) {
            let place = place_of(b, leg, partition, input).unwrap_or(0);
            exprs.push(b.column(place, field.ty));
            fields.push(Field::new("$partition", field.ty));
        }
        tables.push(b.plan.add(Op::Project { input, columns: exprs }, Arc::new(Schema::new(fields))));
    }
    held.sort_unstable();
    held.dedup();
    Ok((schema, held, tables))
}

/// Where a column of a leg stands in the projection that the union made of it.
fn place_of(b: &Binder<'_>, leg: &Table, index: usize, projection: NodeId) -> Option<usize> {
    let Some(Op::Project { input, columns }) = b.plan.node(projection).map(|it| &it.op) else { return None };
    debug_assert_eq!(*input, leg.node);
    columns.iter().position(|it| matches!(b.plan.expr(*it), crate::plan::Expr::Column { index: i, .. } if *i == index))
}

/// The key column of a node table, and its column of the partition.
fn key(b: &mut Binder<'_>, id: ExprId, ends: &Ends) -> Bind<(usize, Option<usize>)> {
    let span = b.query.span(id);
    let (index, ty) = b.column_of(id)?;
    if ty == Type::Dynamic {
        return b.fail("SEM1006", span, "the key of a node cannot be dynamic; convert it");
    }
    if ty != ends.ty {
        let message = format!("the key of the nodes is {ty}, and the ends of the edges are {}", ends.ty);
        return b.fail("SEM1079", span, message);
    }
    let Some((_, field)) = &ends.partition else { return Ok((index, None)) };
    match b.row.find(&field.name) {
        Some((partition, ty)) if ty == field.ty => Ok((index, Some(partition))),
        _ => b.fail("SEM0100", span, format!("the nodes have no column `{}` of type {}", field.name, field.ty)),
    }
}

/// `partitioned-by`: the partition is part of every identity, so no match leaves one. What follows the operator that makes a
/// table of the graph runs for each partition.
fn partitioned(b: &mut Binder<'_>, subquery: PipelineId, graph: Table, span: Span) -> Bind<Table> {
    let query = b.query.clone();
    let pipeline = query.pipeline(subquery);
    if pipeline.source.is_some() {
        return b.fail("SEM0104", pipeline.span, "a graph operator is needed here");
    }
    let mut table = graph;
    let mut rest = pipeline.stages.as_slice();
    while let (true, [stage, after @ ..]) = (table.graph.is_some(), rest) {
        table = b.stages(std::slice::from_ref(stage), Some(table))?.ok_or(super::Reported)?;
        rest = after;
    }
    let table = b.rows_of(table, span)?;
    // The operator put the partition behind its columns.
    let mut fields = table.schema.fields.clone();
    let Some(last) = fields.pop() else { return Err(super::Reported) };
    let (schema, place) = (Schema::new(fields), table.schema.len() - 1);
    if rest.is_empty() {
        let exprs = columns::all(b, &schema);
        return Ok(columns::project(b, exprs, schema, &table));
    }
    let group = b.new_table(Op::Group, table.schema.clone());
    let exprs = columns::all(b, &schema);
    let group = columns::project(b, exprs, schema, &group);
    let body = b.stages(rest, Some(group))?.ok_or(super::Reported)?;
    let body = b.rows_of(body, span)?;
    let by = vec![b.column(place, last.ty)];
    let op = Op::Apply { input: table.node, by, body: body.node, carried: Vec::new(), groups_max: None };
    Ok(b.new_table(op, body.schema))
}
