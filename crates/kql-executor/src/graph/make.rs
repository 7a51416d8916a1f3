//! `make-graph`: one row a node out of node tables and edges, and edges that name their nodes by number.

use super::{BY, column_of, whole};
use crate::{
    execution::Run,
    group::{Grouper, joined},
    stream::Rows,
};
use kql_data::{Batch, Column, Fault, Schema};
use kql_parser::plan::{GraphOp, NodeId};

pub(super) fn nodes(run: &Run<'_>, id: NodeId, op: &GraphOp) -> Result<Rows, Fault> {
    let GraphOp::Nodes { edges, source, target, partition, tables, keys } = op else {
        return Err(Fault::new("not the nodes of a graph"));
    };
    let execution = run.execution;
    let schema = execution.plan.schema(id);
    // The properties are followed by the number, the identity, and the partition if there is one.
    let n_properties = schema.len() - 2 - usize::from(partition.is_some());
    let key_types = schema.fields.iter().skip(n_properties + 1).map(|it| it.ty).collect();
    let mut grouper = Grouper::new(key_types, &execution.cx.budget, BY)?;
    let mut parts = Vec::new();
    for (slot, table) in tables.iter().enumerate() {
        let (batch, _held) = whole(run, id, slot + 1, *table)?;
        let keys = batch.columns.get(n_properties..).unwrap_or(&[]).to_vec();
        parts.push(batch.take(&new_rows(&mut grouper, &keys, batch.n_rows)?));
        execution.cx.check()?;
    }
    let (rows, _held) = whole(run, id, 0, *edges)?;
    for end in [source, target] {
        let mut columns = vec![column_of(&rows, *end)?.clone()];
        if let Some(partition) = partition {
            columns.push(column_of(&rows, *partition)?.clone());
        }
        let new = new_rows(&mut grouper, &columns, rows.n_rows)?;
        let columns: Vec<Column> = columns.iter().map(|it| it.take(&new)).collect();
        parts.push(without_row(&schema, n_properties, keys, columns, new.len()));
        execution.cx.check()?;
    }
    let mut fields = schema.fields.clone();
    if n_properties < fields.len() {
        _ = fields.remove(n_properties);
    }
    let mut all = joined(&Schema::new(fields), &parts)?;
    all.columns.insert(n_properties, Column::longs((0..all.n_rows as i64).collect()));
    Rows::reserved(run, vec![all], BY)
}

/// The first rows of keys that are new.
fn new_rows(grouper: &mut Grouper, keys: &[Column], n_rows: usize) -> Result<Vec<u32>, Fault> {
    let mut next = grouper.len() as u32;
    let mut rows = Vec::new();
    for (row, group) in grouper.assign(keys, n_rows)?.into_iter().enumerate() {
        if group == next {
            rows.push(row as u32);
            next += 1;
        }
    }
    Ok(rows)
}

/// Nodes that no table has: only their keys are known.
fn without_row(schema: &Schema, n_properties: usize, keys: &[usize], ids: Vec<Column>, n_rows: usize) -> Batch {
    let property = |(index, field): (usize, &kql_data::Field)| match ids.first() {
        Some(id) if keys.contains(&index) => id.clone(),
        _ => Column::null(field.ty, n_rows),
    };
    let properties = schema.fields.iter().take(n_properties).enumerate().map(property);
    Batch::new(properties.chain(ids.iter().cloned()).collect(), n_rows)
}

pub(super) fn edges(run: &Run<'_>, id: NodeId, op: &GraphOp) -> Result<Rows, Fault> {
    let GraphOp::Edges { edges, source, target, partition, nodes, number } = op else {
        return Err(Fault::new("not the edges of a graph"));
    };
    let (rows, _held) = whole(run, id, 0, *edges)?;
    let (nodes, _held_nodes) = whole(run, id, 1, *nodes)?;
    let identity = nodes.columns.get(*number + 1..).unwrap_or(&[]);
    let mut grouper = Grouper::new(identity.iter().map(Column::ty).collect(), &run.execution.cx.budget, BY)?;
    // Nodes are distinct, so the number of a key is the row of its node.
    _ = grouper.assign(identity, nodes.n_rows)?;
    let partition = match partition {
        Some(it) => Some(column_of(&rows, *it)?.clone()),
        None => None,
    };
    let mut columns = rows.columns.clone();
    for end in [source, target] {
        let keys: Vec<Column> = std::iter::once(column_of(&rows, *end)?.clone()).chain(partition.clone()).collect();
        let numbers = grouper.assign(&keys, rows.n_rows)?;
        columns.push(Column::longs(numbers.into_iter().map(i64::from).collect()));
    }
    columns.extend(partition);
    Rows::reserved(run, vec![Batch::new(columns, rows.n_rows)], BY)
}
