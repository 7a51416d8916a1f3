//! A subplan for each group of rows: `mv-apply`, `partition`.
//!
//! Most subplans are a chain of nodes over the group. Such a chain runs over all groups at once, each row with the number
//! of its group; only what is not such a chain runs group by group.

pub(crate) mod by_row;

use crate::{
    aggregate::{Aggregates, Groups},
    execution::{Execution, Frame, Run, lock},
    expand::Expand,
    filter::Filter,
    group::{Grouper, RowsByGroup, joined},
    parse::Parse,
    program::{Program, Results, count_of},
    project::Project,
    sort::order,
    steps::Scan,
    stream::{Needed, Rows, is_needed, needed},
};
use arrow_array::Array;
use kql_data::{Batch, Column, Fault, Schema, Type};
use kql_parser::{
    plan::{ExprId, NodeId, Op, SortKey},
    syntax::Direction,
};
use std::{ops::Range, sync::Arc};

/// Rows of the groups that one task takes, about.
const TASK_ROWS: usize = 1 << 14;

const BY: &str = "a subquery over groups";

/// `Op::Apply`.
pub(crate) fn run(
    run: &Run<'_>,
    id: NodeId,
    input: NodeId,
    by: &[ExprId],
    body: NodeId,
    carried: &[usize],
    groups_max: Option<usize>,
) -> Result<Rows, Fault> {
    let execution = run.execution;
    let plan = execution.plan;
    let schema = plan.schema(input);
    let rows = run.input(id, 0, input, execution.shape.outputs_read(plan, input), BY)?;
    let program = run.program(id, 0, by)?;
    let types = by.iter().map(|it| plan.expr(*it).ty()).collect();
    let (numbers, n_groups) = number(run, &program, types, &rows)?;
    if let Some(most) = groups_max.filter(|it| n_groups > *it) {
        let message = format!("`partition` has {n_groups} keys, and {most} are the most of the legacy strategy");
        return Err(Fault::new(format!("{message}: write `hint.strategy=native` in front of `by`")));
    }
    let n_rows = rows.n_rows();
    let mut held = rows.held;
    held.push(execution.cx.budget.reserve(n_rows * 4 + (n_groups + 1) * size_of::<usize>(), BY)?);
    let stretches: Vec<Stretch> = if are_apart(&numbers) {
        // Groups by row come like this: nothing has to be brought together.
        rows.batches.into_iter().zip(numbers).map(|(batch, groups)| Stretch::new(batch, groups)).collect()
    } else {
        held.push(execution.cx.budget.reserve(rows.batches.iter().map(Batch::bytes).sum(), BY)?);
        let mut whole = joined(&schema, &rows.batches)?;
        let mut groups = numbers.concat();
        if !groups.is_sorted() {
            held.push(execution.cx.budget.reserve(whole.bytes(), BY)?);
            let by_group = RowsByGroup::new(&groups, n_groups);
            let order = by_group.rows();
            groups = order.iter().filter_map(|it| groups.get(*it as usize).copied()).collect();
            whole = whole.take(order);
        }
        vec![Stretch::new(whole, groups)]
    };
    let (chain, leaves) = (Chain::compile(run, body, None)?.map(|it| it.0), leaves(run, body));
    // What marks the group behind the columns of the subquery's own input is not for the subquery.
    let width = leaves.first().map_or(schema.len(), |it| plan.schema(*it).len());
    let works: Vec<Work<'_>> = stretches
        .iter()
        .map(|it| Work { run, body, chain: chain.as_ref(), leaves: &leaves, stretch: it, width, carried })
        .collect();
    let tasks: Vec<(&Work<'_>, Range<usize>)> =
        works.iter().flat_map(|it| deal(&it.stretch.starts).into_iter().map(move |range| (it, range))).collect();
    let is_sequential = chain.is_none() && n_groups < 4;
    let parts = run.parallel(tasks, n_rows, is_sequential, |(work, range)| {
        let batches = work.groups(range)?;
        let held = execution.cx.budget.reserve(batches.iter().map(Batch::bytes).sum(), BY)?;
        Ok((batches, held))
    })?;
    let mut out = Rows::default();
    for (batches, held) in parts {
        out.batches.extend(batches);
        out.held.push(held);
    }
    Ok(out)
}

/// The group of each row, batch by batch, and how many there are.
fn number(run: &Run<'_>, program: &Program, types: Vec<Type>, rows: &Rows) -> Result<(Vec<Vec<u32>>, usize), Fault> {
    let execution = run.execution;
    let mut keys = Vec::with_capacity(rows.batches.len());
    for batch in &rows.batches {
        execution.cx.check()?;
        keys.push(program.run(execution, batch)?);
    }
    if let Some(it) = in_order(&keys) {
        return Ok(it);
    }
    let mut grouper = Grouper::new(types, &execution.cx.budget, BY)?;
    let mut numbers = Vec::with_capacity(keys.len());
    for (keys, batch) in keys.iter().zip(&rows.batches) {
        execution.cx.check()?;
        numbers.push(grouper.assign(keys, batch.n_rows)?);
    }
    Ok((numbers, grouper.len()))
}

/// The groups of rows by one whole number that never falls from row to row, as groups by row are, and how many there are.
fn in_order(keys: &[Results]) -> Option<(Vec<Vec<u32>>, usize)> {
    let mut numbers = Vec::with_capacity(keys.len());
    let (mut last, mut n_groups): (Option<i64>, u32) = (None, 0);
    for columns in keys {
        let [Column::Long(values)] = &**columns else { return None };
        if values.null_count() > 0 || !values.values().is_sorted() {
            return None;
        }
        let mut groups = Vec::with_capacity(values.len());
        for value in values.values() {
            if last.is_some_and(|last| last > *value) {
                return None;
            }
            if last != Some(*value) {
                n_groups = n_groups.checked_add(1)?;
                last = Some(*value);
            }
            groups.push(n_groups - 1);
        }
        numbers.push(groups);
    }
    Some((numbers, n_groups as usize))
}

/// Whether the groups of each batch stand one behind the other, and none is in two batches.
fn are_apart(numbers: &[Vec<u32>]) -> bool {
    let mut last: Option<u32> = None;
    numbers.iter().filter(|it| !it.is_empty()).all(|it| {
        let is_behind = last.is_none_or(|last| it.first().is_some_and(|first| last < *first));
        last = it.last().copied();
        is_behind && it.is_sorted()
    })
}

/// Rows of some groups, group after group.
struct Stretch {
    rows: Batch,
    /// The group of each row, from 0.
    groups: Vec<u32>,
    /// The first row of each group, and the number of rows.
    starts: Vec<usize>,
}

impl Stretch {
    fn new(rows: Batch, mut groups: Vec<u32>) -> Stretch {
        let first = groups.first().copied().unwrap_or(0);
        groups.iter_mut().for_each(|it| *it -= first);
        let mut starts = Vec::new();
        for (row, group) in groups.iter().enumerate() {
            if *group as usize == starts.len() {
                starts.push(row);
            }
        }
        starts.push(groups.len());
        Stretch { rows, groups, starts }
    }
}

/// Ranges of groups with about so many rows each.
fn deal(starts: &[usize]) -> Vec<Range<usize>> {
    let n_groups = starts.len().saturating_sub(1);
    let mut tasks: Vec<Range<usize>> = Vec::new();
    let mut from = 0;
    for group in 1..=n_groups {
        let n_rows = starts.get(group).unwrap_or(&0) - starts.get(from).unwrap_or(&0);
        if n_rows >= TASK_ROWS || group == n_groups {
            tasks.push(from..group);
            from = group;
        }
    }
    tasks
}

/// The leaves of a body that stand for the group.
fn leaves(run: &Run<'_>, body: NodeId) -> Vec<NodeId> {
    let mut seen = kql_data::Set::default();
    let (mut open, mut found) = (vec![body], Vec::new());
    while let Some(id) = open.pop() {
        if !run.execution.shape.needs_group(id) || !seen.insert(id) {
            continue;
        }
        match run.execution.plan.node(id).map(|it| &it.op) {
            Some(Op::Group) => found.push(id),
            Some(op) => {
                open.extend(op.inputs());
                open.extend(run.execution.plan.subplans(op.expressions()));
            }
            None => {}
        }
    }
    found
}

struct Work<'w> {
    run: &'w Run<'w>,
    body: NodeId,
    chain: Option<&'w Chain>,
    leaves: &'w [NodeId],
    stretch: &'w Stretch,
    /// How many columns of the rows the subquery sees.
    width: usize,
    carried: &'w [usize],
}

impl Work<'_> {
    fn start(&self, group: usize) -> usize {
        self.stretch.starts.get(group).copied().unwrap_or(self.stretch.rows.n_rows)
    }

    /// Rows as the subquery sees them.
    fn rows(&self, from: usize, to: usize) -> Batch {
        let mut rows = self.stretch.rows.slice(from, to - from);
        rows.columns.truncate(self.width);
        rows
    }

    fn groups(&self, range: Range<usize>) -> Result<Vec<Batch>, Fault> {
        let (from, to) = (self.start(range.start), self.start(range.end));
        let Some(chain) = self.chain else { return self.one_by_one(range) };
        let first = range.start as u32;
        let groups = self.stretch.groups.get(from..to).unwrap_or(&[]).iter().map(|it| it - first).collect();
        let part = Part { batch: self.rows(from, to), groups, n_groups: range.len() };
        let part = chain.run(self.run.execution, part)?;
        let rows: Vec<u32> = part.groups.iter().map(|it| self.start(range.start + *it as usize) as u32).collect();
        Ok(vec![self.with_carried(part.batch, &rows)])
    }

    fn with_carried(&self, batch: Batch, rows: &[u32]) -> Batch {
        let carried = self.carried.iter().filter_map(|it| self.stretch.rows.columns.get(*it)).map(|it| it.take(rows));
        Batch::new(carried.chain(batch.columns).collect(), batch.n_rows)
    }

    fn one_by_one(&self, range: Range<usize>) -> Result<Vec<Batch>, Fault> {
        let mut out = Vec::new();
        for group in range {
            self.run.execution.cx.check()?;
            let (from, to) = (self.start(group), self.start(group + 1));
            let frame = Frame { outer: Some(self.run.frame), ..Frame::default() };
            let rows = Arc::new(Rows { batches: vec![self.rows(from, to)], held: Vec::new() });
            for leaf in self.leaves {
                _ = lock(&frame.results).insert(*leaf, rows.clone());
            }
            let run = Run { execution: self.run.execution, frame: &frame };
            let found = run.evaluate(self.body, true)?;
            for batch in &found.batches {
                out.push(self.with_carried(batch.clone(), &vec![from as u32; batch.n_rows]));
            }
        }
        Ok(out)
    }
}

/// Rows on their way through a chain, group after group.
struct Part {
    batch: Batch,
    /// The group of each row, ascending.
    groups: Vec<u32>,
    n_groups: usize,
}

impl Part {
    fn pick(&self, batch: Batch, rows: &[u32]) -> Part {
        let groups = rows.iter().filter_map(|it| self.groups.get(*it as usize).copied()).collect();
        Part { batch, groups, n_groups: self.n_groups }
    }

    /// The rows of each group that has any.
    fn ranges(&self) -> Vec<Range<usize>> {
        let mut out: Vec<Range<usize>> = Vec::new();
        let mut from = 0;
        for run in self.groups.chunk_by(|a, b| a == b) {
            out.push(from..from + run.len());
            from += run.len();
        }
        out
    }
}

/// Nodes that work on all groups at once, from the group upwards.
#[derive(Debug)]
struct Chain {
    links: Vec<Link>,
}

#[derive(Debug)]
enum Link {
    Filter(Filter),
    Project(Project),
    Expand(Expand, Arc<Schema>),
    Parse(Parse),
    Window(Program, Arc<Schema>),
    Aggregate { program: Program, types: Vec<Type>, calls: Aggregates },
    Sort { program: Program, keys: Vec<SortKey>, limit: Option<usize> },
    Limit(usize),
    Scan(Scan),
}

impl Chain {
    /// The chain of a body, its leaf, and which columns of that it reads; `wanted` are those that are read of the body. `None`
    /// when it is no chain.
    fn compile(run: &Run<'_>, body: NodeId, wanted: Needed) -> Result<Option<(Chain, NodeId, Needed)>, Fault> {
        let execution = run.execution;
        let (mut links, mut id) = (Vec::new(), body);
        // Which columns of what a node gives are read by those above it.
        let mut wanted: Needed = wanted;
        loop {
            let Some(node) = execution.plan.node(id).filter(|_| execution.shape.needs_group(id)) else {
                return Ok(None);
            };
            let mut values = execution.plan.subplans(node.op.expressions()).into_iter();
            if values.any(|it| execution.shape.needs_group(it)) {
                return Ok(None);
            }
            let link = match &node.op {
                Op::Group => break,
                Op::Filter { input, predicate } => {
                    let (step, below) = Filter::compile(run, *input, *predicate, &wanted)?;
                    wanted = below;
                    Link::Filter(step)
                }
                Op::Project { input, columns } => {
                    let (step, below) = Project::compile(run, *input, columns, &wanted)?;
                    wanted = below;
                    Link::Project(step)
                }
                op @ Op::Expand { .. } => {
                    let (step, below) = Expand::compile(run, op, &wanted)?;
                    wanted = below;
                    Link::Expand(step, node.schema.clone())
                }
                op @ (Op::Parse { .. } | Op::ParseKv { .. }) => {
                    let (step, _, below) = Parse::compile(run, op, &wanted)?;
                    wanted = below;
                    Link::Parse(step)
                }
                Op::Window { columns, .. } => {
                    wanted = None;
                    Link::Window(Program::compile(run, columns)?, node.schema.clone())
                }
                Op::Aggregate { input, keys, aggregates } => {
                    let roots: Vec<ExprId> =
                        keys.iter().chain(aggregates.iter().flat_map(|it| &it.args)).copied().collect();
                    let program = Program::compile(run, &roots)?;
                    let calls = Aggregates::new(execution, aggregates, &program.constants(), keys.len());
                    let types = keys.iter().map(|it| execution.plan.expr(*it).ty()).collect();
                    wanted = needed(execution.plan.schema(*input).len(), program.columns.iter().copied());
                    Link::Aggregate { program, types, calls }
                }
                Op::Sort { keys, limit, .. } => Link::sort(run, keys, *limit, &mut wanted)?,
                Op::Limit { count, .. } => Link::Limit(count_of(&run.constant(*count)?)),
                Op::Steps(steps) if steps.partition_by.is_empty() => {
                    wanted = None;
                    Link::Scan(Scan::compile(run, steps, &execution.plan.schema(steps.input))?)
                }
                _ => return Ok(None),
            };
            links.push(link);
            let [input] = node.op.inputs()[..] else { return Ok(None) };
            id = input;
        }
        links.reverse();
        Ok(Some((Chain { links }, id, wanted)))
    }

    fn is_volatile(&self) -> bool {
        self.links.iter().any(|it| match it {
            Link::Filter(it) => it.is_volatile(),
            Link::Project(it) => it.is_volatile(),
            Link::Expand(it, _) => it.is_volatile(),
            Link::Parse(it) => it.is_volatile(),
            Link::Window(program, _) => program.is_volatile,
            Link::Aggregate { program, .. } | Link::Sort { program, .. } => program.is_volatile,
            Link::Limit(_) => false,
            Link::Scan(_) => true,
        })
    }

    fn run(&self, execution: &Execution<'_>, part: Part) -> Result<Part, Fault> {
        let mut part = part;
        for link in &self.links {
            execution.cx.check()?;
            part = link.run(execution, part)?;
        }
        Ok(part)
    }
}

impl Link {
    /// A sort within each group; `wanted` becomes what it reads.
    fn sort(run: &Run<'_>, keys: &[SortKey], limit: Option<ExprId>, wanted: &mut Needed) -> Result<Link, Fault> {
        let roots: Vec<ExprId> = keys.iter().map(|it| it.value).collect();
        let limit = limit.map(|it| run.constant(it)).transpose()?.map(|it| count_of(&it));
        let program = Program::compile(run, &roots)?;
        if let Some(above) = &*wanted {
            let read = (0..above.len()).filter(|it| is_needed(wanted, *it));
            *wanted = needed(above.len(), read.chain(program.columns.iter().copied()));
        }
        Ok(Link::Sort { program, keys: keys.to_vec(), limit })
    }

    fn run(&self, execution: &Execution<'_>, part: Part) -> Result<Part, Fault> {
        Ok(match self {
            Link::Filter(it) => match it.rows(execution, &part.batch)? {
                Some(rows) => part.pick(it.pick(&part.batch, &rows), &rows),
                None => part,
            },
            Link::Project(it) => Part { batch: it.apply(execution, part.batch)?, ..part },
            Link::Expand(it, schema) => expand(execution, it, schema, &part)?,
            Link::Parse(it) => match it.apply_with_rows(execution, &part.batch)? {
                (batch, Some(rows)) => part.pick(batch, &rows),
                (batch, None) => Part { batch, ..part },
            },
            Link::Window(program, schema) => {
                let mut batches = Vec::new();
                for range in part.ranges() {
                    let group = part.batch.slice(range.start, range.len());
                    batches.push(program.run(execution, &group)?.batch(range.len()));
                }
                Part { batch: joined(schema, &batches)?, ..part }
            }
            Link::Aggregate { program, types, calls } => aggregate(execution, program, types, calls, &part)?,
            Link::Sort { program, keys, limit } => {
                let mut columns = vec![numbers(&part.groups)];
                let values = program.run(execution, &part.batch)?;
                columns.extend(values.iter().cloned());
                let by_group = SortKey { value: ExprId(0), direction: Direction::Ascending, nulls_first: true };
                let keys: Vec<SortKey> = std::iter::once(by_group).chain(keys.iter().copied()).collect();
                let rows = order(execution.cx, &columns, &keys, part.batch.n_rows, None)?;
                let part = part.pick(part.batch.take(&rows), &rows);
                match limit {
                    Some(limit) => first_of_each(part, *limit),
                    None => part,
                }
            }
            Link::Limit(count) => first_of_each(part, *count),
            Link::Scan(scan) => {
                let (batch, rows) = scan.run(execution, &part.batch, &part.groups)?;
                part.pick(batch, &rows)
            }
        })
    }
}

fn numbers(groups: &[u32]) -> Column {
    Column::longs(groups.iter().map(|it| i64::from(*it)).collect())
}

fn first_of_each(part: Part, count: usize) -> Part {
    let ranges = part.ranges();
    let rows: Vec<u32> = ranges.into_iter().flat_map(|it| it.take(count).map(|row| row as u32)).collect();
    if rows.len() == part.batch.n_rows { part } else { part.pick(part.batch.take(&rows), &rows) }
}

fn expand(execution: &Execution<'_>, it: &Expand, schema: &Schema, part: &Part) -> Result<Part, Fault> {
    let mut cursor = it.start(execution, &part.batch)?;
    let (mut batches, mut rows) = (Vec::new(), Vec::new());
    let mut held = execution.cx.budget.reserve(0, BY)?;
    while let Some((batch, from)) = cursor.next_with_rows(execution)? {
        execution.cx.check()?;
        held.grow(from.len() * 4, BY)?;
        batches.push(batch);
        rows.extend(from);
    }
    let _joined = execution.cx.budget.reserve(batches.iter().map(Batch::bytes).sum(), BY)?;
    Ok(part.pick(joined(schema, &batches)?.hold(&execution.cx.budget, BY)?, &rows))
}

fn aggregate(
    execution: &Execution<'_>,
    program: &Program,
    types: &[Type],
    calls: &Aggregates,
    part: &Part,
) -> Result<Part, Fault> {
    let columns = program.run(execution, &part.batch)?;
    if types.is_empty() {
        // Every group has its row, also one that has lost its rows.
        let outputs = calls.by_number(execution, &part.groups, part.n_groups, &columns)?;
        let batch = Batch::new(outputs.into_iter().flatten().collect(), part.n_groups);
        return Ok(Part { batch, groups: (0..part.n_groups as u32).collect(), n_groups: part.n_groups });
    }
    let mut keys = columns.get(..types.len()).unwrap_or(&[]).to_vec();
    keys.push(numbers(&part.groups));
    let key_types: Vec<Type> = types.iter().copied().chain([Type::Long]).collect();
    let mut groups = Groups::new(execution, &key_types, calls, BY)?;
    groups.add(execution, &keys, &columns, part.batch.n_rows)?;
    let n_rows = groups.len();
    let (mut keys, outputs) = groups.finish(execution, 0)?;
    let of_row = keys.pop().unwrap_or_else(|| Column::longs(Vec::new()));
    keys.extend(outputs.into_iter().flatten());
    let groups = (0..n_rows)
        .map(|row| match of_row.value(row) {
            kql_data::Value::Long(it) => it as u32,
            _ => 0,
        })
        .collect();
    Ok(Part { batch: Batch::new(keys, n_rows), groups, n_groups: part.n_groups })
}
