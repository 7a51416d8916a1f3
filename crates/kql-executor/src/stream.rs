//! Chains of row-wise nodes over sources, run batch by batch: in parallel, in order, without gathering rows between.

mod late;

use crate::{
    apply::by_row::ByRow,
    execution::Run,
    expand::Expand,
    filter::Filter,
    fold::Deal,
    parse::Parse,
    project::Project,
    scan::{self, Bounds, Steps},
};
use kql_data::{Batch, Fault, Reservation};
use kql_parser::plan::{NodeId, Op};
use std::{ops::ControlFlow, sync::Arc};

/// Rows from which threads pay.
pub(crate) const PARALLEL_ROWS: usize = 8_192;

/// What holds the rows of the target.
pub(crate) const RESULT: &str = "the result";

/// Rows that were gathered.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    pub(crate) batches: Vec<Batch>,
    /// Their memory.
    pub(crate) held: Vec<Reservation>,
}

impl Rows {
    /// Rows whose memory is reserved here.
    pub(crate) fn reserved(run: &Run<'_>, batches: Vec<Batch>, by: &str) -> Result<Rows, Fault> {
        let bytes = batches.iter().map(Batch::bytes_not_held).sum();
        let held = vec![run.execution.cx.budget.reserve(bytes, by)?];
        Ok(Rows { batches, held })
    }

    /// Number of rows.
    pub(crate) fn n_rows(&self) -> usize {
        self.batches.iter().map(|it| it.n_rows).sum()
    }
}

/// Which columns a consumer reads: all, or those that are true.
pub(crate) type Needed = Option<Arc<[bool]>>;

/// The columns of that many that `columns` names.
pub(crate) fn needed(n_columns: usize, columns: impl IntoIterator<Item = usize>) -> Needed {
    let mut flags = vec![false; n_columns];
    for index in columns {
        if let Some(it) = flags.get_mut(index) {
            *it = true;
        }
    }
    Some(flags.into())
}

/// Whether a column is needed.
pub(crate) fn is_needed(needed: &Needed, column: usize) -> bool {
    needed.as_ref().is_none_or(|it| it.get(column).copied().unwrap_or(false))
}

/// What a consumer reads: sources one after the other, each through its steps.
#[derive(Debug, Default)]
pub(crate) struct Stream {
    segments: Vec<Segment>,
    is_volatile: bool,
}

#[derive(Debug)]
struct Segment {
    source: NodeId,
    steps: Vec<Arc<Step>>,
    /// Whether the rows are copies, and not those of a table.
    copies: bool,
    /// Columns that the steps leave out: they are taken of the source's in the end.
    late: Vec<late::Late>,
}

/// One row-wise node.
#[derive(Debug)]
pub(crate) struct Step {
    node: NodeId,
    work: Work,
}

#[derive(Debug)]
enum Work {
    Filter(Filter),
    Project(Project),
    Expand(Expand),
    Parse(Box<Parse>),
    Apply(Box<ByRow>),
}

impl Stream {
    /// Whether two runs over the same rows may differ.
    pub(crate) fn is_volatile(&self) -> bool {
        self.is_volatile
    }
}

/// A batch of a source and the segment it goes through.
#[derive(Clone, Debug)]
pub(crate) struct Task {
    segment: usize,
    rows: TaskRows,
}

/// Rows that are there, or that a `range` makes when they are wanted.
#[derive(Clone, Debug)]
enum TaskRows {
    Batch(Batch),
    Range(Steps),
}

impl Task {
    pub(crate) fn n_rows(&self) -> usize {
        match &self.rows {
            TaskRows::Batch(it) => it.n_rows,
            TaskRows::Range(it) => it.n_rows,
        }
    }
}

/// Batches cut to at most so many rows.
pub(crate) fn slices(batches: &[Batch], rows_max: usize) -> Vec<Batch> {
    let mut out = Vec::with_capacity(batches.len());
    for batch in batches {
        if batch.n_rows <= rows_max {
            if batch.n_rows > 0 {
                out.push(batch.clone());
            }
            continue;
        }
        let mut from = 0;
        while from < batch.n_rows {
            let count = rows_max.min(batch.n_rows - from);
            out.push(batch.slice(from, count));
            from += count;
        }
    }
    out
}

/// What a step hands on: whether more is wanted.
pub(crate) type Flow = Result<ControlFlow<()>, Fault>;

impl Run<'_> {
    /// The stream of the rows of `top`, for a consumer that reads these columns.
    pub(crate) fn stream(
        &self,
        consumer: NodeId,
        slot: usize,
        top: NodeId,
        needed: Needed,
    ) -> Result<Arc<Stream>, Fault> {
        self.kept_stream(consumer, slot, || self.compile(consumer, top, needed))
    }

    fn compile(&self, consumer: NodeId, top: NodeId, needed: Needed) -> Result<Stream, Fault> {
        let mut out = Stream::default();
        let mut open: Vec<(NodeId, Vec<Arc<Step>>, Needed, bool)> = vec![(top, Vec::new(), needed.clone(), false)];
        while let Some((id, mut steps, needed, copies)) = open.pop() {
            let Some(node) = self.execution.plan.node(id) else {
                return Err(Fault::new(format!("the plan has no node {}", id.0)));
            };
            // A point that is computed itself reads through its own step.
            let is_source = self.execution.shape.is_point(id) && id != consumer;
            match &node.op {
                Op::Union { inputs } if !is_source => {
                    open.extend(inputs.iter().rev().map(|it| (*it, steps.clone(), needed.clone(), copies)));
                }
                op if !is_source && self.execution.shape.is_row_wise(id) => {
                    let (work, input, below) = self.compile_step(op, &needed)?;
                    let work_copies = !matches!(&work, Work::Project(it) if it.only_picks());
                    out.is_volatile |= work.is_volatile();
                    steps.push(Arc::new(Step { node: id, work }));
                    open.push((input, steps, below, copies || work_copies));
                }
                _ => {
                    steps.reverse();
                    let copies = copies || matches!(node.op, Op::Range { .. });
                    out.segments.push(Segment { source: id, steps, copies, late: Vec::new() });
                }
            }
        }
        self.defer(&mut out, top, &needed)?;
        Ok(out)
    }

    /// The step of a row-wise node, its input, and which columns of that it reads.
    fn compile_step(&self, op: &Op, needed: &Needed) -> Result<(Work, NodeId, Needed), Fault> {
        Ok(match op {
            Op::Filter { input, predicate } => {
                let (step, below) = Filter::compile(self, *input, *predicate, needed)?;
                (Work::Filter(step), *input, below)
            }
            Op::Project { input, columns } => {
                let (step, below) = Project::compile(self, *input, columns, needed)?;
                (Work::Project(step), *input, below)
            }
            Op::Expand { input, .. } => {
                let (step, below) = Expand::compile(self, op, needed)?;
                (Work::Expand(step), *input, below)
            }
            Op::Parse { .. } | Op::ParseKv { .. } => {
                let (step, input, below) = Parse::compile(self, op, needed)?;
                (Work::Parse(Box::new(step)), input, below)
            }
            Op::Apply { .. } => {
                let (step, input, below) = ByRow::compile(self, op, needed)?;
                (Work::Apply(Box::new(step)), input, below)
            }
            _ => return Err(Fault::new("a node that is not row-wise in a chain")),
        })
    }

    /// The batches of all sources, in order; those of a `range` are not listed before they are wanted.
    pub(crate) fn tasks(
        &self,
        stream: &Stream,
        wanted: Option<Bounds>,
    ) -> Result<impl Iterator<Item = Task> + use<>, Fault> {
        let mut parts: Vec<Box<dyn Iterator<Item = Task>>> = Vec::new();
        for (segment, it) in stream.segments.iter().enumerate() {
            if let Some(steps) = scan::steps(self, it.source)? {
                let task = move |it| Task { segment, rows: TaskRows::Range(it) };
                parts.push(Box::new(steps.parts(self.execution.batch_rows).map(task)));
                continue;
            }
            let batches = slices(&self.source(it.source, wanted)?, self.execution.batch_rows);
            parts.push(Box::new(batches.into_iter().map(move |it| Task { segment, rows: TaskRows::Batch(it) })));
        }
        Ok(parts.into_iter().flatten())
    }

    fn source(&self, id: NodeId, wanted: Option<Bounds>) -> Result<Vec<Batch>, Fault> {
        match self.execution.plan.node(id).map(|it| &it.op) {
            Some(Op::Scan { table, columns, bounds }) => {
                let bounds: Vec<Bounds> = bounds.iter().copied().chain(wanted).collect();
                scan::scan(self, id, table, columns, &bounds)
            }
            Some(Op::Values { batch }) => Ok(vec![Batch::clone(batch)]),
            Some(Op::Range { from, to, step }) => scan::range(self, id, [*from, *to, *step]),
            _ => Ok(self.ready(id)?.batches.clone()),
        }
    }

    /// Puts a batch through steps and what comes out into the sink. Ends early when the sink wants no more.
    fn drive(&self, steps: &[Arc<Step>], batch: Batch, sink: &mut dyn FnMut(Batch) -> Flow) -> Flow {
        let execution = self.execution;
        let mut batch = batch;
        for (index, step) in steps.iter().enumerate() {
            execution.cx.check()?;
            let since = execution.time();
            batch = match &step.work {
                Work::Filter(it) => it.apply(execution, batch)?,
                Work::Project(it) => it.apply(execution, batch)?,
                Work::Parse(it) => it.apply(execution, batch)?,
                Work::Expand(it) => {
                    let rest = steps.get(index + 1..).unwrap_or(&[]);
                    let mut cursor = it.start(execution, &batch)?;
                    let mut since = since;
                    while let Some(part) = cursor.next(execution)? {
                        execution.count(step.node, part.n_rows, 1, since);
                        if self.drive(rest, part, sink)?.is_break() {
                            return Ok(ControlFlow::Break(()));
                        }
                        since = execution.time();
                    }
                    return Ok(ControlFlow::Continue(()));
                }
                Work::Apply(it) => {
                    let rest = steps.get(index + 1..).unwrap_or(&[]);
                    let mut cursor = it.start(execution, &batch)?;
                    let mut since = since;
                    while let Some((part, _)) = cursor.next_with_rows(execution)? {
                        execution.count(step.node, part.n_rows, 1, since);
                        if part.n_rows > 0 && self.drive(rest, part, sink)?.is_break() {
                            return Ok(ControlFlow::Break(()));
                        }
                        since = execution.time();
                    }
                    return Ok(ControlFlow::Continue(()));
                }
            };
            execution.count(step.node, batch.n_rows, 1, since);
            if batch.n_rows == 0 {
                return Ok(ControlFlow::Continue(()));
            }
        }
        sink(batch)
    }

    /// Puts one task's batch through its steps.
    pub(crate) fn feed(&self, stream: &Stream, task: Task, sink: &mut dyn FnMut(Batch) -> Flow) -> Flow {
        self.execution.cx.check()?;
        match stream.segments.get(task.segment) {
            Some(segment) => {
                let batch = match task.rows {
                    TaskRows::Batch(it) => it,
                    TaskRows::Range(it) => {
                        let since = self.execution.time();
                        self.execution.count(segment.source, it.n_rows, 1, since);
                        it.batch()
                    }
                };
                if segment.late.is_empty() {
                    return self.drive(&segment.steps, batch, sink);
                }
                self.drive_late((segment, 0), &batch.clone(), (batch, None), sink)
            }
            None => Ok(ControlFlow::Continue(())),
        }
    }

    /// All rows of a stream, their memory reserved.
    pub(crate) fn collect(&self, stream: &Stream, by: &str) -> Result<Rows, Fault> {
        let budget = &self.execution.cx.budget;
        let copies = stream.segments.iter().any(|it| it.copies);
        let make = || Ok((Vec::new(), budget.reserve(0, by)?));
        let states = self.fold(stream, Deal::Each, make, |(batches, held), batch| {
            if copies {
                held.grow(batch.bytes_not_held(), by)?;
            }
            batches.push(batch);
            Ok(ControlFlow::Continue(()))
        })?;
        let mut out = Rows::default();
        for (batches, held) in states {
            out.batches.extend(batches);
            if copies {
                out.held.push(held);
            }
        }
        Ok(out)
    }

    /// All rows of a node that is no point, or of a point by its own step.
    pub(crate) fn gather(&self, id: NodeId) -> Result<Arc<Rows>, Fault> {
        let stream = self.stream(id, usize::MAX, id, None)?;
        if let [segment] = stream.segments.as_slice()
            && segment.steps.is_empty()
            && segment.source != id
        {
            return self.ready(segment.source);
        }
        Ok(Arc::new(self.collect(&stream, RESULT)?))
    }

    /// The rows of `input` for a consumer that reads these columns.
    pub(crate) fn input(
        &self,
        consumer: NodeId,
        slot: usize,
        input: NodeId,
        needed: Needed,
        by: &str,
    ) -> Result<Rows, Fault> {
        let stream = self.stream(consumer, slot, input, needed)?;
        self.collect(&stream, by)
    }

    /// The first rows of a stream, at most `count`; reads no further than it must.
    pub(crate) fn first_rows(&self, stream: &Stream, count: usize, by: &str) -> Result<Rows, Fault> {
        let mut out = Rows::default();
        let (mut n_rows, mut waiting) = (0, self.tasks(stream, None)?);
        // Sequentially at first: most often the first batches are enough.
        let mut width = 1;
        while n_rows < count {
            let wave: Vec<Task> = waiting.by_ref().take(width).collect();
            if wave.is_empty() {
                break;
            }
            let rows = wave.iter().map(|it| it.n_rows()).sum();
            let missing = count - n_rows;
            let parts = self.parallel(wave, rows, stream.is_volatile, |task| {
                let (mut batches, mut found) = (Vec::new(), 0);
                _ = self.feed(stream, task, &mut |batch| {
                    found += batch.n_rows;
                    batches.push(batch);
                    Ok(if found < missing { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
                })?;
                Ok(batches)
            })?;
            for batch in parts.into_iter().flatten() {
                let wanted = count - n_rows;
                let batch = if batch.n_rows > wanted { batch.slice(0, wanted) } else { batch };
                if batch.n_rows > 0 {
                    n_rows += batch.n_rows;
                    out.held.push(self.execution.cx.budget.reserve(batch.bytes_not_held(), by)?);
                    out.batches.push(batch);
                }
            }
            width = self.execution.cx.limits.threads.clamp(1, 64) * 2;
        }
        Ok(out)
    }

    /// The first row of a node.
    pub(crate) fn first_row(&self, id: NodeId) -> Result<Option<Batch>, Fault> {
        let batches = if self.execution.shape.is_point(id) {
            self.ready(id)?.batches.clone()
        } else {
            let stream = self.stream(id, usize::MAX, id, None)?;
            self.first_rows(&stream, 1, "`toscalar`")?.batches
        };
        Ok(batches.into_iter().find(|it| it.n_rows > 0))
    }
}

impl Work {
    fn is_volatile(&self) -> bool {
        match self {
            Work::Filter(it) => it.is_volatile(),
            Work::Project(it) => it.is_volatile(),
            Work::Expand(it) => it.is_volatile(),
            Work::Parse(it) => it.is_volatile(),
            Work::Apply(it) => it.is_volatile(),
        }
    }
}
