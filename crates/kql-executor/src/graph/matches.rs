//! Matches as rows: gathered in batches, tested, projected.

use super::{
    BY, Graph, column_of,
    pattern::Pattern,
    search::{NONE, Path, Search},
    shortest,
};
use crate::{
    execution::{Execution, Run},
    program::Program,
    stream::Rows,
};
use kql_data::{Batch, Column, ColumnBuilder, Dynamic, Fault, Reservation, Type, Value};
use kql_parser::plan::{GraphMatch, MatchColumn, NodeId, PathFold};
use std::sync::Arc;

/// Elements of paths that one batch of matches may hold.
const ELEMENTS_MAX: usize = 1 << 17;

/// `graph-match`, `graph-shortest-paths`.
pub(super) fn run(run: &Run<'_>, id: NodeId, it: &GraphMatch) -> Result<Rows, Fault> {
    let execution = run.execution;
    let graph = Graph::read(run, id, &it.tables)?;
    let output = Output {
        execution,
        graph: &graph,
        it,
        predicate: match it.predicate {
            Some(expr) => Some(run.program(id, 0, &[expr])?),
            None => None,
        },
        outputs: run.program(id, 1, &it.outputs)?,
    };
    if let Some(shortest) = it.shortest {
        return shortest::run(run, &graph, it, &output, shortest);
    }
    let pattern = Pattern::new(run, &graph, it, None)?;
    each_start(run, &pattern, output.is_volatile(), |starts| {
        let mut search = Search::new(run, &pattern)?;
        let mut found = Found::new(&output)?;
        for start in starts {
            search.from(start, &mut |search| {
                found.add(search);
                if found.is_full() { found.flush() } else { Ok(()) }
            })?;
        }
        found.finish()
    })
}

/// Runs `work` for the nodes that a search begins at, in parallel where it pays; rows come in the order of the nodes.
pub(super) fn each_start(
    run: &Run<'_>,
    pattern: &Pattern<'_>,
    is_sequential: bool,
    work: impl Fn(Vec<u32>) -> Result<Rows, Fault> + Sync,
) -> Result<Rows, Fault> {
    let starts = pattern.starts();
    let n_elements = pattern.graph.nodes.n_rows + pattern.graph.edges.n_rows;
    // A search of its own for each task costs as much as the graph has elements.
    let n_tasks = if starts.len() < 64 { 1 } else { run.execution.cx.limits.threads.clamp(1, 64) * 4 };
    let per_task = starts.len().div_ceil(n_tasks).max(1);
    let tasks: Vec<Vec<u32>> = starts.chunks(per_task).map(<[u32]>::to_vec).collect();
    let parts = run.parallel(tasks, n_elements.saturating_mul(8), is_sequential, work)?;
    let mut out = Rows::default();
    for part in parts {
        out.batches.extend(part.batches);
        out.held.extend(part.held);
    }
    Ok(out)
}

/// What becomes of matches.
pub(super) struct Output<'o> {
    execution: &'o Execution<'o>,
    graph: &'o Graph,
    it: &'o GraphMatch,
    predicate: Option<Arc<Program>>,
    outputs: Arc<Program>,
}

impl Output<'_> {
    pub(super) fn is_volatile(&self) -> bool {
        self.outputs.is_volatile || self.predicate.as_ref().is_some_and(|it| it.is_volatile)
    }
}

/// The paths of one step in several matches, left to right.
#[derive(Default)]
struct Paths {
    /// Where the edges of each match end.
    ends: Vec<usize>,
    edges: Vec<u32>,
    /// Where the inner nodes of each match end.
    inner_ends: Vec<usize>,
    inner: Vec<u32>,
}

/// Chooses among matches that fit: by the nodes of all slots.
pub(super) type Choose<'c> = &'c mut dyn FnMut(&[Vec<u32>], usize) -> bool;

/// Matches that wait to become rows, and the rows so far.
pub(super) struct Found<'o> {
    output: &'o Output<'o>,
    n_rows: usize,
    slots: Vec<Vec<u32>>,
    edges: Vec<Vec<u32>>,
    paths: Vec<Paths>,
    rows: Rows,
    held: Reservation,
}

impl<'o> Found<'o> {
    pub(super) fn new(output: &'o Output<'o>) -> Result<Found<'o>, Fault> {
        let it = output.it;
        Ok(Found {
            output,
            n_rows: 0,
            slots: vec![Vec::new(); it.slots.len()],
            edges: vec![Vec::new(); it.steps.len()],
            paths: it.steps.iter().map(|_| Paths::default()).collect(),
            rows: Rows::default(),
            held: output.execution.cx.budget.reserve(0, BY)?,
        })
    }

    /// Adds the match that a search has found.
    pub(super) fn add(&mut self, search: &Search<'_>) {
        for (slot, node) in self.slots.iter_mut().zip(&search.bound) {
            slot.push(*node);
        }
        for (step, edge) in self.edges.iter_mut().zip(&search.edges) {
            step.push(*edge);
        }
        for walk in &search.pattern.walks {
            if let (Some(_), Some(path)) = (walk.range, search.paths.get(walk.step)) {
                self.add_path(walk.step, path, walk.is_backward);
            }
        }
        self.n_rows += 1;
    }

    /// Adds a match of one path between two nodes.
    pub(super) fn add_single(&mut self, ends: &[(usize, u32)], path: &Path, is_backward: bool) {
        for (slot, node) in ends {
            if let Some(it) = self.slots.get_mut(*slot) {
                it.push(*node);
            }
        }
        for step in &mut self.edges {
            step.push(NONE);
        }
        self.add_path(0, path, is_backward);
        self.n_rows += 1;
    }

    fn add_path(&mut self, step: usize, path: &Path, is_backward: bool) {
        let Some(paths) = self.paths.get_mut(step) else { return };
        let inner = path.nodes.split_last().map_or(&[][..], |(_, inner)| inner);
        if is_backward {
            paths.edges.extend(path.edges.iter().rev());
            paths.inner.extend(inner.iter().rev());
        } else {
            paths.edges.extend_from_slice(&path.edges);
            paths.inner.extend_from_slice(inner);
        }
        paths.ends.push(paths.edges.len());
        paths.inner_ends.push(paths.inner.len());
    }

    /// Whether so many matches wait that they should become rows.
    pub(super) fn is_full(&self) -> bool {
        let n_elements: usize = self.paths.iter().map(|it| it.edges.len()).sum();
        self.n_rows >= self.output.execution.batch_rows.clamp(1, 4_096) || n_elements >= ELEMENTS_MAX
    }

    /// Makes rows of the matches that wait.
    pub(super) fn flush(&mut self) -> Result<(), Fault> {
        self.flush_chosen(&mut |_, _| true)
    }

    /// Makes rows of those that fit and are chosen.
    pub(super) fn flush_chosen(&mut self, choose: Choose<'_>) -> Result<(), Fault> {
        if self.n_rows == 0 {
            return Ok(());
        }
        let output = self.output;
        output.execution.cx.check()?;
        let columns = output.it.columns.iter().map(|it| self.column(*it)).collect::<Result<Vec<_>, _>>()?;
        let mut batch = Batch::new(columns, self.n_rows);
        let mut kept: Vec<u32> = match &output.predicate {
            Some(program) => match program.run(output.execution, &batch)?.first() {
                Some(holds) => holds.true_rows(),
                None => Vec::new(),
            },
            None => (0..self.n_rows as u32).collect(),
        };
        kept.retain(|row| choose(&self.slots, *row as usize));
        if kept.len() < self.n_rows {
            batch = batch.take(&kept);
        }
        if !kept.is_empty() {
            let batch = output.outputs.run(output.execution, &batch)?.batch(kept.len());
            self.held.grow(batch.bytes_not_held(), BY)?;
            self.rows.batches.push(batch);
        }
        self.n_rows = 0;
        self.slots.iter_mut().chain(&mut self.edges).for_each(Vec::clear);
        self.paths.iter_mut().for_each(|it| *it = Paths::default());
        Ok(())
    }

    /// All rows.
    pub(super) fn finish(mut self) -> Result<Rows, Fault> {
        self.flush()?;
        self.rows.held.push(self.held);
        Ok(self.rows)
    }

    /// A column of the matches that wait.
    fn column(&self, it: MatchColumn) -> Result<Column, Fault> {
        let graph = self.output.graph;
        match it {
            MatchColumn::Node { slot, column } => {
                let rows = self.slots.get(slot).map_or(&[][..], Vec::as_slice);
                Ok(column_of(&graph.nodes, column)?.take(rows))
            }
            MatchColumn::Edge { step, column } => {
                let rows = self.edges.get(step).map_or(&[][..], Vec::as_slice);
                Ok(column_of(&graph.edges, column)?.take(rows))
            }
            MatchColumn::Path { step, over_nodes, column, fold } => {
                let source = column_of(if over_nodes { &graph.nodes } else { &graph.edges }, column)?;
                let Some(paths) = self.paths.get(step) else {
                    return Err(Fault::new("a pattern has no such path"));
                };
                let (rows, ends) =
                    if over_nodes { (&paths.inner, &paths.inner_ends) } else { (&paths.edges, &paths.ends) };
                Ok(folded(source, rows, ends, fold))
            }
        }
    }
}

/// The values of a column along each path, folded.
fn folded(source: &Column, rows: &[u32], ends: &[usize], fold: PathFold) -> Column {
    let mut start = 0;
    let mut each = ends.iter().map(|end| {
        let range = start..*end;
        start = *end;
        rows.get(range).unwrap_or(&[])
    });
    if fold == PathFold::Map {
        let array = |rows: &[u32]| Dynamic::array(rows.iter().map(|it| source.dynamic(*it as usize)).collect());
        return Column::dynamics(each.map(|rows| Some(array(rows))).collect());
    }
    let mut out = ColumnBuilder::new(Type::Bool, ends.len());
    let holds = |it: &u32| source.value(*it as usize) == Value::Bool(true);
    for rows in &mut each {
        let folded = if fold == PathFold::All { rows.iter().all(holds) } else { rows.iter().any(holds) };
        out.push(&Value::Bool(folded));
    }
    out.finish()
}
