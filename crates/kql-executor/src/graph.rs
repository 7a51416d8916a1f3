//! Graphs as two tables: making them, degrees, components; patterns are in `pattern`, `search` and `shortest`.

mod components;
mod make;
mod matches;
mod pattern;
mod search;
mod shortest;

use crate::{execution::Run, group::joined, stream::Rows};
use kql_data::{Batch, Column, Fault, Map, Reservation, Value};
use kql_parser::plan::{GraphOp, GraphTables, NodeId};

/// Who asks for memory.
pub(crate) const BY: &str = "a graph operator";

/// `Op::Graph`.
pub(crate) fn run(run: &Run<'_>, id: NodeId, op: &GraphOp) -> Result<Rows, Fault> {
    match op {
        GraphOp::Nodes { .. } => make::nodes(run, id, op),
        GraphOp::Edges { .. } => make::edges(run, id, op),
        GraphOp::Degrees { tables } => {
            let graph = Graph::read(run, id, tables)?;
            let (ins, outs) = graph.degrees();
            let columns = [Column::longs(ins), Column::longs(outs)];
            Rows::reserved(run, vec![graph.with_columns(columns)], BY)
        }
        GraphOp::Components { tables, partition, is_strong } => {
            let graph = Graph::read(run, id, tables)?;
            let numbers = components::number(run, &graph, *partition, *is_strong)?;
            Rows::reserved(run, vec![graph.with_columns([Column::longs(numbers)])], BY)
        }
        GraphOp::Match(it) => matches::run(run, id, it),
    }
}

/// All rows of one input as one batch, their memory held twice at most.
pub(crate) fn whole(run: &Run<'_>, id: NodeId, slot: usize, input: NodeId) -> Result<(Batch, Reservation), Fault> {
    let schema = run.execution.plan.schema(input);
    let rows = run.input(id, slot, input, None, BY)?;
    let bytes = rows.batches.iter().map(Batch::bytes).sum();
    let held = run.execution.cx.budget.reserve(bytes, BY)?;
    Ok((joined(&schema, &rows.batches)?, held))
}

/// A graph in memory. Nodes and edges are told by their row.
pub(crate) struct Graph {
    pub(crate) nodes: Batch,
    pub(crate) edges: Batch,
    /// The row of the source of each edge, and of its target.
    pub(crate) sources: Vec<u32>,
    pub(crate) targets: Vec<u32>,
    _held: Vec<Reservation>,
}

impl Graph {
    /// Reads both tables. An edge to a node that is not there is left out.
    pub(crate) fn read(run: &Run<'_>, id: NodeId, tables: &GraphTables) -> Result<Graph, Fault> {
        let (nodes, held_nodes) = whole(run, id, 0, tables.nodes)?;
        let (edges, held_edges) = whole(run, id, 1, tables.edges)?;
        let most = u32::MAX as usize / 2;
        if nodes.n_rows > most || edges.n_rows > most {
            return Err(Fault::new("a graph has more than 2 billion nodes or edges"));
        }
        let bytes = nodes.n_rows * 24 + edges.n_rows * 24;
        let held = run.execution.cx.budget.reserve(bytes, BY)?;
        let numbers = numbers(&nodes, tables.number)?;
        // Most often a node's number is its row.
        let is_row = numbers.iter().enumerate().all(|(row, it)| *it == row as i64);
        let rows: Map<i64, u32> = match is_row {
            true => Map::default(),
            false => numbers.iter().enumerate().map(|(row, it)| (*it, row as u32)).collect(),
        };
        let row_of = |number: &i64| match is_row {
            true => u32::try_from(*number).ok().filter(|it| (*it as usize) < nodes.n_rows),
            false => rows.get(number).copied(),
        };
        let ends = [numbers_of(&edges, tables.source, &row_of)?, numbers_of(&edges, tables.target, &row_of)?];
        let [sources, targets] = ends;
        let kept: Vec<u32> = (0..edges.n_rows as u32)
            .filter(|it| {
                let end = |ends: &[Option<u32>]| ends.get(*it as usize).copied().flatten().is_some();
                end(&sources) && end(&targets)
            })
            .collect();
        let edges = if kept.len() == edges.n_rows { edges } else { edges.take(&kept) };
        let ends = |ends: Vec<Option<u32>>| -> Vec<u32> {
            kept.iter().filter_map(|it| ends.get(*it as usize).copied().flatten()).collect()
        };
        let (sources, targets) = (ends(sources), ends(targets));
        Ok(Graph { nodes, edges, sources, targets, _held: vec![held_nodes, held_edges, held] })
    }

    /// How many edges come into each node, and go out.
    fn degrees(&self) -> (Vec<i64>, Vec<i64>) {
        let count = |ends: &[u32]| {
            let mut counts = vec![0i64; self.nodes.n_rows];
            for it in ends {
                if let Some(count) = counts.get_mut(*it as usize) {
                    *count += 1;
                }
            }
            counts
        };
        (count(&self.targets), count(&self.sources))
    }

    fn with_columns(&self, more: impl IntoIterator<Item = Column>) -> Batch {
        Batch::new(self.nodes.columns.iter().cloned().chain(more).collect(), self.nodes.n_rows)
    }
}

/// A column of whole numbers.
fn numbers(batch: &Batch, column: usize) -> Result<Vec<i64>, Fault> {
    let column = column_of(batch, column)?;
    let number = |row| match column.value(row) {
        Value::Long(it) => it,
        _ => -1,
    };
    Ok((0..batch.n_rows).map(number).collect())
}

fn numbers_of(batch: &Batch, column: usize, row_of: &impl Fn(&i64) -> Option<u32>) -> Result<Vec<Option<u32>>, Fault> {
    Ok(numbers(batch, column)?.iter().map(row_of).collect())
}

pub(crate) fn column_of(batch: &Batch, index: usize) -> Result<&Column, Fault> {
    batch.columns.get(index).ok_or_else(|| Fault::new("a graph operator reads a column that is not there"))
}
