//! One execution of a plan: what is ready, which node comes next, statistics.

use crate::{
    aggregate, apply, evaluate, expand, graph, join,
    program::Program,
    project, sample, series,
    shape::Shape,
    sort, steps,
    stream::{self, PARALLEL_ROWS, Rows, Stream},
    threads::{Helpers, Threads, keep_large_pieces},
    window,
};
use kql_data::{Batch, Chunk, Context, Dynamic, Fault, Map, Table, Type, Value};
use kql_functions::Calls;
use kql_parser::plan::{ExprId, NodeId, Op, Plan};
use std::sync::{
    Arc, Mutex, OnceLock, PoisonError,
    atomic::{AtomicU64, Ordering},
};

/// The catalogue: where [`Op::Scan`] finds its table.
pub trait Tables: Send + Sync {
    /// The table of that name.
    fn table(&self, name: &str) -> Option<Arc<Table>>;
}

/// What one node did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NodeStatistics {
    /// Rows it gave.
    pub rows: u64,
    /// In so many batches.
    pub batches: u64,
    /// Nanoseconds spent in it by all threads; 0 without a clock.
    pub busy: u64,
}

#[derive(Debug, Default)]
struct Counters {
    rows: AtomicU64,
    batches: AtomicU64,
    busy: AtomicU64,
}

/// Runs results of one plan. Nodes under [`Op::Shared`] are computed once, however many results read them.
pub struct Execution<'a> {
    pub(crate) cx: &'a Context,
    pub(crate) plan: &'a Plan,
    pub(crate) tables: &'a dyn Tables,
    pub(crate) shape: Shape,
    pub(crate) batch_rows: usize,
    clock: Option<&'a (dyn Fn() -> u64 + Sync)>,
    threads: Option<&'a Threads>,
    helpers: OnceLock<Option<Arc<Helpers>>>,
    shared: Mutex<Map<NodeId, Arc<Rows>>>,
    values: Mutex<Values>,
    programs: Mutex<Map<(NodeId, usize), Arc<Program>>>,
    streams: Mutex<Map<(NodeId, usize), Arc<Stream>>>,
    counters: Vec<Counters>,
    /// What calls remember by dictionary.
    pub(crate) calls: Arc<Calls>,
}

impl std::fmt::Debug for Execution<'_> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Execution").field("shape", &self.shape).finish_non_exhaustive()
    }
}

/// The rows of one node of a plan, in batches of at most [`Chunk::ROWS`] rows.
pub fn execute(cx: &Context, plan: &Plan, tables: &dyn Tables, node: NodeId) -> Result<Vec<Batch>, Fault> {
    Execution::new(cx, plan, tables).run(node)
}

impl<'a> Execution<'a> {
    /// An execution in which nothing ran yet.
    pub fn new(cx: &'a Context, plan: &'a Plan, tables: &'a dyn Tables) -> Execution<'a> {
        keep_large_pieces();
        Execution {
            cx,
            plan,
            tables,
            shape: Shape::new(plan),
            batch_rows: Chunk::ROWS,
            clock: None,
            threads: None,
            helpers: OnceLock::new(),
            shared: Mutex::default(),
            values: Mutex::default(),
            programs: Mutex::default(),
            streams: Mutex::default(),
            counters: plan.nodes.iter().map(|_| Counters::default()).collect(),
            calls: Arc::default(),
        }
    }

    /// Measures the time of each node with that clock, of nanoseconds, and how long is worked at what others could help with.
    pub fn clock(mut self, clock: &'a (dyn Fn() -> u64 + Sync)) -> Execution<'a> {
        self.clock = Some(clock);
        self
    }

    /// Takes its threads from there, and leaves them there.
    pub fn threads(mut self, threads: &'a Threads) -> Execution<'a> {
        self.threads = Some(threads);
        self
    }

    /// Sets how many rows a batch has at most. Answers do not depend on it; tests do.
    pub fn batch_rows(mut self, n_rows: usize) -> Execution<'a> {
        self.batch_rows = n_rows.clamp(1, Chunk::ROWS);
        self
    }

    /// Computes the rows of a node, in batches of at most [`Chunk::ROWS`] rows.
    pub fn run(&self, node: NodeId) -> Result<Vec<Batch>, Fault> {
        if self.plan.node(node).is_none() {
            return Err(Fault::new(format!("the plan has no node {}", node.0)));
        }
        let rows = Run { execution: self, frame: &Frame::default() }.evaluate(node, false)?;
        Ok(stream::slices(&rows.batches, self.batch_rows))
    }

    /// Makes ready what `toscalar` or a subquery as a list wants of a node.
    pub(crate) fn prepare(&self, node: NodeId) -> Result<(), Fault> {
        _ = Run { execution: self, frame: &Frame::default() }.evaluate(node, false)?;
        Ok(())
    }

    /// What each node did so far, by [`NodeId`].
    pub fn statistics(&self) -> Vec<NodeStatistics> {
        let read = |it: &Counters| NodeStatistics {
            rows: it.rows.load(Ordering::Relaxed),
            batches: it.batches.load(Ordering::Relaxed),
            busy: it.busy.load(Ordering::Relaxed),
        };
        self.counters.iter().map(read).collect()
    }

    /// The time now, if the host measures.
    pub(crate) fn time(&self) -> u64 {
        self.clock.map_or(0, |it| it())
    }

    /// Counts rows that a node gave in a batch, and the time since `since`.
    pub(crate) fn count(&self, node: NodeId, rows: usize, batches: usize, since: u64) {
        if let Some(it) = self.counters.get(node.0 as usize) {
            _ = it.rows.fetch_add(rows as u64, Ordering::Relaxed);
            _ = it.batches.fetch_add(batches as u64, Ordering::Relaxed);
            _ = it.busy.fetch_add(self.time().saturating_sub(since), Ordering::Relaxed);
        }
    }

    /// The threads that help, if the query may have more than its own.
    pub(crate) fn helpers(&self) -> Option<&Helpers> {
        let make = || {
            let helpers = match self.threads {
                Some(it) => it.take(self.cx.limits.threads),
                None => Threads::default().take(self.cx.limits.threads),
            }?;
            self.cx.set_crew(helpers.clone());
            Some(helpers)
        };
        self.helpers.get_or_init(make).as_deref()
    }

    /// Whether help is called for only when it surely pays: not without a clock, nor where tests cut batches small.
    pub(crate) fn has_patience(&self) -> bool {
        self.clock.is_some() && self.batch_rows >= PARALLEL_ROWS
    }
}

impl Drop for Execution<'_> {
    fn drop(&mut self) {
        if let (Some(threads), Some(helpers)) = (self.threads, self.helpers.take().flatten()) {
            threads.give(helpers);
        }
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The word of an operator that gathers rows; none for what hands them on.
fn operator(op: &Op) -> Option<&str> {
    Some(match op {
        Op::Aggregate { .. } => "summarize",
        Op::Sort { .. } => "sort",
        Op::Join { .. } => "join",
        Op::Expand { .. } => "mv-expand",
        Op::Window { .. } => "serialize",
        Op::Limit { .. } => "take",
        Op::Sample { .. } => "sample",
        Op::Series(_) => "make-series",
        Op::Steps(_) => "scan",
        Op::Graph(_) => "make-graph",
        Op::Apply { .. } => "partition",
        Op::Evaluate { plugin, .. } => plugin,
        Op::Shared { .. } => "materialize",
        Op::Scan { .. }
        | Op::Values { .. }
        | Op::Range { .. }
        | Op::Group
        | Op::Filter { .. }
        | Op::Project { .. }
        | Op::Parse { .. }
        | Op::ParseKv { .. }
        | Op::Union { .. } => return None,
    })
}

/// What expressions want of nodes: a scalar, or a list.
#[derive(Debug, Default)]
pub(crate) struct Values {
    scalars: Map<NodeId, Value>,
    lists: Map<NodeId, Value>,
}

/// Rows that are ready: of the whole query, or within one group of an `Apply`.
#[derive(Debug, Default)]
pub(crate) struct Frame<'f> {
    pub(crate) results: Mutex<Map<NodeId, Arc<Rows>>>,
    /// Values that depend on the group.
    pub(crate) values: Mutex<Values>,
    pub(crate) outer: Option<&'f Frame<'f>>,
}

/// An execution within a frame.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Run<'r> {
    pub(crate) execution: &'r Execution<'r>,
    pub(crate) frame: &'r Frame<'r>,
}

impl<'r> Run<'r> {
    /// Rows of a point, of a table or of a group, which are ready.
    pub(crate) fn ready(&self, node: NodeId) -> Result<Arc<Rows>, Fault> {
        let mut frame = Some(self.frame);
        while let Some(it) = frame {
            if let Some(rows) = lock(&it.results).get(&node) {
                return Ok(rows.clone());
            }
            frame = it.outer;
        }
        if let Some(rows) = lock(&self.execution.shared).get(&node) {
            return Ok(rows.clone());
        }
        Err(Fault::new(format!("node {} is read before it is computed", node.0)))
    }

    fn is_ready(&self, node: NodeId) -> bool {
        self.ready(node).is_ok()
    }

    /// Computes a node and before it, one after the other, all that it needs.
    pub(crate) fn evaluate(&self, target: NodeId, within_group: bool) -> Result<Arc<Rows>, Fault> {
        let (plan, shape) = (self.execution.plan, &self.execution.shape);
        let order = shape.order(plan, target, within_group);
        let mut last_reader: Map<NodeId, usize> = Map::default();
        for (index, node) in order.iter().enumerate() {
            for read in shape.reads(plan, *node) {
                _ = last_reader.insert(read, index);
            }
        }
        let mut rows = None;
        for (index, node) in order.iter().enumerate() {
            let (is_target, is_point) = (*node == target, shape.is_point(*node));
            if is_point && self.is_ready(*node) {
                rows = Some(self.ready(*node)?);
            } else if is_target || is_point {
                let made = self.compute(*node, is_target).map_err(|it| self.within(*node, is_target, it))?;
                if is_point {
                    _ = lock(&self.frame.results).insert(*node, made.clone());
                }
                let is_kept = matches!(plan.node(*node).map(|it| &it.op), Some(Op::Shared { .. }));
                if is_kept && !shape.needs_group(*node) {
                    _ = lock(&self.execution.shared).insert(*node, made.clone());
                }
                rows = Some(made);
            }
            self.prepare_values(*node)?;
            for (read, _) in last_reader.iter().filter(|(_, last)| **last == index) {
                _ = lock(&self.frame.results).remove(read);
            }
        }
        rows.ok_or_else(|| Fault::new(format!("the plan has no node {}", target.0)))
    }

    /// A fault of a node's rows. What found no memory left is often not what took it, so that the operator is told beside it.
    fn within(&self, node: NodeId, is_target: bool, fault: Fault) -> Fault {
        let Fault::Limit { name: "memory", limit, by } = fault else { return fault };
        let holder = match self.execution.plan.node(node).and_then(|it| operator(&it.op)) {
            _ if by.contains('`') => return Fault::Limit { name: "memory", limit, by },
            Some(it) => format!("`{it}`"),
            None if is_target => stream::RESULT.to_owned(),
            None => "rows that are read several times".to_owned(),
        };
        let by =
            if by == stream::RESULT || holder.trim_matches('`') == by { holder } else { format!("{by} for {holder}") };
        Fault::Limit { name: "memory", limit, by }
    }

    /// Where values of a node are kept: with the group that it depends on, or for the whole query.
    fn values_of(&self, node: NodeId) -> &Mutex<Values> {
        if self.execution.shape.needs_group(node) { &self.frame.values } else { &self.execution.values }
    }

    /// Reserves what a value of a node takes: for the whole query, or, where it goes with its group, only for now.
    fn keep(&self, node: NodeId, bytes: usize, by: &str) -> Result<(), Fault> {
        let cx = self.execution.cx;
        if self.execution.shape.needs_group(node) { cx.budget.reserve(bytes, by).map(drop) } else { cx.keep(bytes, by) }
    }

    /// Keeps what expressions want of a node.
    fn prepare_values(&self, node: NodeId) -> Result<(), Fault> {
        let execution = self.execution;
        let values = self.values_of(node);
        if execution.shape.is_scalar(node) && !lock(values).scalars.contains_key(&node) {
            let first = self.first_row(node)?;
            let value = first.and_then(|it| it.columns.first().map(|it| it.value(0))).unwrap_or(Value::Null);
            self.keep(node, value.bytes(), "`toscalar`")?;
            _ = lock(values).scalars.insert(node, value);
        }
        if execution.shape.is_list(node) && !lock(values).lists.contains_key(&node) {
            let rows = if execution.shape.is_point(node) { self.ready(node)? } else { self.gather(node)? };
            let mut items = Vec::new();
            let by = "a subquery as a list";
            let (mut held, mut bytes) = (execution.cx.budget.reserve(0, by)?, 0);
            for batch in &rows.batches {
                execution.cx.check()?;
                let Some(column) = batch.columns.first() else { continue };
                for row in 0..batch.n_rows {
                    let item = column.dynamic(row);
                    bytes += size_of::<Dynamic>() + item.owned_bytes();
                    held.follow(bytes, by)?;
                    items.push(item);
                }
            }
            let list = Dynamic::array(items);
            drop(held);
            self.keep(node, bytes, by)?;
            _ = lock(values).lists.insert(node, Value::Dynamic(list));
        }
        Ok(())
    }

    /// A value that is ready, from this frame or one around it, or of the whole query.
    fn value(&self, pick: impl Fn(&Values) -> Option<Value>) -> Result<Value, Fault> {
        let mut frame = Some(self.frame);
        while let Some(it) = frame {
            if let Some(value) = pick(&lock(&it.values)) {
                return Ok(value);
            }
            frame = it.outer;
        }
        let found = pick(&lock(&self.execution.values));
        found.ok_or_else(|| Fault::new("a subquery is read before it is computed"))
    }

    /// What `toscalar` of a node gives, which is ready.
    pub(crate) fn scalar(&self, node: NodeId, ty: Type) -> Result<Value, Fault> {
        match self.value(|it| it.scalars.get(&node).cloned())? {
            Value::Null => Ok(Value::null(ty)),
            it => Ok(it),
        }
    }

    /// What a subquery as a list gives, which is ready.
    pub(crate) fn list(&self, node: NodeId) -> Result<Value, Fault> {
        self.value(|it| it.lists.get(&node).cloned())
    }

    /// Whether what is compiled here may be kept: not when it holds values of one group.
    fn keeps(&self) -> bool {
        self.frame.outer.is_none() || !self.execution.shape.has_group_values()
    }

    /// The compiled expressions of a node, by a number that tells its programs apart.
    pub(crate) fn program(&self, node: NodeId, slot: usize, roots: &[ExprId]) -> Result<Arc<Program>, Fault> {
        if !self.keeps() {
            return Program::compile(self, roots).map(Arc::new);
        }
        let programs = &self.execution.programs;
        if let Some(it) = lock(programs).get(&(node, slot)) {
            return Ok(it.clone());
        }
        let program = Arc::new(Program::compile(self, roots)?);
        _ = lock(programs).insert((node, slot), program.clone());
        Ok(program)
    }

    /// The value of an expression without columns.
    pub(crate) fn constant(&self, expr: ExprId) -> Result<Value, Fault> {
        Program::compile(self, &[expr])?.value(self.execution)
    }

    /// The compiled stream of a consumer, by a number that tells its inputs apart.
    pub(crate) fn kept_stream(
        &self,
        consumer: NodeId,
        slot: usize,
        make: impl FnOnce() -> Result<Stream, Fault>,
    ) -> Result<Arc<Stream>, Fault> {
        if !self.keeps() {
            return make().map(Arc::new);
        }
        let streams = &self.execution.streams;
        if let Some(it) = lock(streams).get(&(consumer, slot)) {
            return Ok(it.clone());
        }
        let stream = Arc::new(make()?);
        _ = lock(streams).insert((consumer, slot), stream.clone());
        Ok(stream)
    }

    /// Computes one node whose inputs are ready.
    fn compute(&self, id: NodeId, is_target: bool) -> Result<Arc<Rows>, Fault> {
        let execution = self.execution;
        let Some(node) = execution.plan.node(id) else {
            return Err(Fault::new(format!("the plan has no node {}", id.0)));
        };
        execution.cx.check()?;
        let since = execution.time();
        let rows = match &node.op {
            _ if execution.shape.is_row_wise(id) => return self.gather(id),
            Op::Scan { .. }
            | Op::Values { .. }
            | Op::Range { .. }
            | Op::Group
            | Op::Filter { .. }
            | Op::Project { .. }
            | Op::Parse { .. }
            | Op::ParseKv { .. }
            | Op::Union { .. } => return self.gather(id),
            Op::Shared { input } if execution.shape.is_point(*input) => return self.ready(*input),
            Op::Shared { input } => return self.gather(*input),
            Op::Expand { .. } => expand::numbered(self, id, is_target)?,
            Op::Window { input, columns } => window::run(self, id, *input, columns)?,
            Op::Aggregate { input, keys, aggregates } => aggregate::run(self, id, *input, keys, aggregates)?,
            Op::Sort { input, keys, limit } => {
                // A `take` right above makes it a `top`.
                let above = if is_target { None } else { execution.shape.limit_of(id) };
                sort::run(self, id, *input, keys, limit.or(above))?
            }
            Op::Limit { input, count } => project::limit(self, id, *input, *count)?,
            Op::Join { .. } => join::run(self, id, &node.op, is_target)?,
            Op::Sample { input, count } => sample::run(self, id, *input, *count)?,
            Op::Series(it) => series::run(self, id, it)?,
            Op::Steps(it) => steps::run(self, id, it)?,
            Op::Graph(it) => graph::run(self, id, it)?,
            Op::Apply { input, by, body, carried, groups_max } => {
                apply::run(self, id, *input, by, *body, carried, *groups_max)?
            }
            Op::Evaluate { .. } => evaluate::run(self, id, &node.op)?,
        };
        let n_rows = rows.batches.iter().map(|it| it.n_rows).sum();
        execution.count(id, n_rows, rows.batches.len(), since);
        Ok(Arc::new(rows))
    }
}
