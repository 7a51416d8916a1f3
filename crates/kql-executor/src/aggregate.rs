//! Groups and their aggregates: partial states over runs of chunks, merged in order.

use crate::{
    execution::{Execution, Run, lock},
    fold::Deal,
    group::Grouper,
    stream::{Rows, needed},
    tally::Tally,
};
use kql_data::{Batch, Column, Context, Fault, Reservation, Type, Value};
use kql_functions::{Accumulator, AggregateCall, Cells};
use kql_parser::plan::{AggregateExpr, ExprId, NodeId};
use std::{ops::ControlFlow, sync::Mutex};

/// Partial states at most; their number does not depend on threads, so that sums of floats do not either. Aggregates whose
/// results cannot depend on it have one a thread.
pub(crate) const STATES_MAX: usize = 8;

const BY: &str = "`summarize`";

/// Bytes of a state from which another thread is worth what merging or finishing it costs.
const LARGE: usize = 4 << 20;

/// Does something for each of some states, of which so many are large.
fn each<T: Send, R: Send>(
    cx: &Context,
    items: Vec<T>,
    n_large: usize,
    work: impl Fn(T) -> Result<R, Fault> + Sync,
) -> Result<Vec<R>, Fault> {
    if n_large < 2 {
        return items.into_iter().map(work).collect();
    }
    let items: Vec<Mutex<Option<T>>> = items.into_iter().map(|it| Mutex::new(Some(it))).collect();
    cx.share(items.len(), |index| {
        let item = items.get(index).and_then(|it| lock(it).take());
        item.map_or_else(|| Err(Fault::new("a state is gone")), &work)
    })
}

/// Aggregates of one node, and where their arguments stand among the program's results.
#[derive(Debug)]
pub(crate) struct Aggregates {
    calls: Vec<(&'static kql_functions::Aggregate, AggregateCall, std::ops::Range<usize>)>,
    outputs: Vec<Vec<Type>>,
}

impl Aggregates {
    /// The calls; `constants` are the known values of the program's results, in which the arguments begin at `first`.
    pub(crate) fn new(
        execution: &Execution<'_>,
        aggregates: &[AggregateExpr],
        constants: &[Option<Value>],
        first: usize,
    ) -> Aggregates {
        let mut at = first;
        let mut calls = Vec::with_capacity(aggregates.len());
        for it in aggregates {
            let range = at..at + it.args.len();
            at = range.end;
            let call = AggregateCall {
                overload: it.overload,
                types: it.args.iter().map(|arg| execution.plan.expr(*arg).ty()).collect(),
                constants: constants.get(range.clone()).unwrap_or(&[]).to_vec(),
            };
            calls.push((it.aggregate, call, range));
        }
        Aggregates { calls, outputs: aggregates.iter().map(|it| it.outputs.clone()).collect() }
    }

    /// How rows are divided among partial states.
    fn deal(&self) -> Deal {
        let is_exact = self.calls.iter().all(|(aggregate, call, _)| aggregate.is_exact(&call.types));
        if is_exact { Deal::AsThreadsCome } else { Deal::Stretches(STATES_MAX) }
    }

    /// Empty states.
    pub(crate) fn start(&self) -> Result<Vec<Box<dyn Accumulator>>, Fault> {
        let one = |(aggregate, call, _): &(&kql_functions::Aggregate, AggregateCall, _)| match aggregate.make {
            Some(make) => make(call),
            None => Err(Fault::Unsupported(format!("aggregate `{}`", aggregate.name))),
        };
        self.calls.iter().map(one).collect()
    }
}

impl Aggregates {
    /// The columns of each aggregate over rows whose groups are numbered already.
    pub(crate) fn by_number(
        &self,
        execution: &Execution<'_>,
        groups: &[u32],
        n_groups: usize,
        columns: &[Column],
    ) -> Result<Vec<Vec<Column>>, Fault> {
        let mut states = self.start()?;
        for (state, (_, _, args)) in states.iter_mut().zip(&self.calls) {
            state.resize(n_groups);
            state.update(execution.cx, groups, columns.get(args.clone()).unwrap_or(&[]))?;
        }
        let bytes = states.iter().map(|it| it.bytes()).sum();
        let _held = execution.cx.budget.reserve(bytes, BY)?;
        self.finish(execution, states, n_groups)
    }

    fn finish(
        &self,
        execution: &Execution<'_>,
        states: Vec<Box<dyn Accumulator>>,
        n_groups: usize,
    ) -> Result<Vec<Vec<Column>>, Fault> {
        let n_large = states.iter().filter(|it| it.bytes() >= LARGE).count();
        let calls = states.into_iter().zip(self.calls.iter().zip(&self.outputs)).collect();
        each(execution.cx, calls, n_large, |(mut state, ((aggregate, ..), types)): (Box<dyn Accumulator>, _)| {
            execution.cx.check()?;
            state.resize(n_groups);
            let columns = state.finish(execution.cx)?;
            if columns.len() != types.len() || columns.iter().any(|it| it.len() != n_groups) {
                return Err(Fault::new(format!("aggregate `{}` gave columns of another shape", aggregate.name)));
            }
            Ok(columns)
        })
    }
}

/// Groups of rows and the states of their aggregates.
pub(crate) struct Groups<'a> {
    calls: &'a Aggregates,
    grouper: Grouper,
    /// Rows that are only counted, and not yet by the accumulators.
    tally: Option<Tally>,
    accumulators: Vec<Box<dyn Accumulator>>,
    held: Reservation,
    by: &'static str,
}

impl<'a> Groups<'a> {
    /// No rows yet, with keys of those types.
    pub(crate) fn new(
        execution: &Execution<'_>,
        types: &[Type],
        calls: &'a Aggregates,
        by: &'static str,
    ) -> Result<Groups<'a>, Fault> {
        let budget = &execution.cx.budget;
        let (held, grouper) = (budget.reserve(0, by)?, Grouper::new(types.to_vec(), budget, by)?);
        let accumulators = calls.start()?;
        let only_counts = !accumulators.is_empty() && accumulators.iter().all(|it| it.counts_rows());
        let tally = if only_counts { Some(Tally::new(types.len(), budget, by)?) } else { None };
        Ok(Groups { calls, grouper, tally, accumulators, held, by })
    }

    /// Number of groups.
    pub(crate) fn len(&self) -> usize {
        self.grouper.len()
    }

    /// Counts rows by their keys; false when that does not do.
    fn count(&mut self, keys: &[Cells], n_rows: usize) -> Result<bool, Fault> {
        match &mut self.tally {
            Some(it) => it.add(&mut self.grouper, keys, n_rows),
            None => Ok(false),
        }
    }

    /// Gives the accumulators what was counted.
    fn settle(&mut self) -> Result<(), Fault> {
        let Some(tally) = &mut self.tally else { return Ok(()) };
        let counts = tally.take(&mut self.grouper)?;
        if counts.is_empty() {
            return Ok(());
        }
        for state in &mut self.accumulators {
            state.resize(self.grouper.len());
            state.add_counts(&counts)?;
        }
        self.account()
    }

    /// Adds rows: their keys, and the columns in which the aggregates find their arguments.
    pub(crate) fn add(
        &mut self,
        execution: &Execution<'_>,
        keys: &[Column],
        columns: &[Column],
        n_rows: usize,
    ) -> Result<(), Fault> {
        self.settle()?;
        let groups = self.grouper.assign(keys, n_rows)?;
        let n_groups = self.grouper.len();
        for (state, (_, _, args)) in self.accumulators.iter_mut().zip(&self.calls.calls) {
            state.resize(n_groups);
            state.update(execution.cx, &groups, columns.get(args.clone()).unwrap_or(&[]))?;
        }
        self.account()
    }

    /// Adds the groups of later rows.
    pub(crate) fn merge(&mut self, execution: &Execution<'_>, mut other: Groups<'_>) -> Result<(), Fault> {
        execution.cx.check()?;
        self.settle()?;
        other.settle()?;
        let numbers = self.grouper.merge(&other.grouper)?;
        let n_groups = self.grouper.len();
        let n_large = other.accumulators.iter().filter(|it| it.bytes() >= LARGE).count();
        let pairs = self.accumulators.iter_mut().zip(other.accumulators).collect();
        _ = each(execution.cx, pairs, n_large, |(state, other): (&mut Box<dyn Accumulator>, _)| {
            state.resize(n_groups);
            state.merge(execution.cx, other, &numbers)
        })?;
        self.account()
    }

    fn account(&mut self) -> Result<(), Fault> {
        let bytes = self.accumulators.iter().map(|it| it.bytes()).sum::<usize>();
        self.held.resize(bytes, self.by)
    }

    /// The keys, and the columns of each aggregate: one row a group, at least `n_groups_min`.
    pub(crate) fn finish(
        mut self,
        execution: &Execution<'_>,
        n_groups_min: usize,
    ) -> Result<(Vec<Column>, Vec<Vec<Column>>), Fault> {
        self.settle()?;
        let n_groups = self.grouper.len().max(n_groups_min);
        let keys = self.grouper.keys()?;
        Ok((keys, self.calls.finish(execution, self.accumulators, n_groups)?))
    }
}

/// `Op::Aggregate`.
pub(crate) fn run(
    run: &Run<'_>,
    id: NodeId,
    input: NodeId,
    keys: &[ExprId],
    aggregates: &[AggregateExpr],
) -> Result<Rows, Fault> {
    let execution = run.execution;
    let plan = execution.plan;
    let roots: Vec<ExprId> = keys.iter().chain(aggregates.iter().flat_map(|it| &it.args)).copied().collect();
    let program = run.program(id, 0, &roots)?;
    let calls = Aggregates::new(execution, aggregates, &program.constants(), keys.len());
    let stream = run.stream(id, 0, input, needed(plan.schema(input).len(), program.columns.iter().copied()))?;
    let types: Vec<Type> = keys.iter().map(|it| plan.expr(*it).ty()).collect();
    let make = || Groups::new(execution, &types, &calls, BY);
    let parts = run.fold(&stream, calls.deal(), make, |groups, batch: Batch| {
        let results = program.results(execution, &batch)?;
        if groups.count(results.cells.get(..keys.len()).unwrap_or(&[]), batch.n_rows)? {
            return Ok(ControlFlow::Continue(()));
        }
        let columns = results.columns(execution)?;
        groups.add(execution, columns.get(..keys.len()).unwrap_or(&[]), &columns, batch.n_rows)?;
        Ok(ControlFlow::Continue(()))
    })?;
    let whole = merged(execution, parts, make)?;
    let (mut columns, outputs) = whole.finish(execution, usize::from(keys.is_empty()))?;
    columns.extend(outputs.into_iter().flatten());
    let n_rows = columns.first().map_or(1, Column::len);
    let batches = if n_rows == 0 { Vec::new() } else { vec![Batch::new(columns, n_rows)] };
    Rows::reserved(run, batches, BY)
}

/// All parts in one, in order.
pub(crate) fn merged<'a>(
    execution: &Execution<'_>,
    parts: Vec<Groups<'a>>,
    make: impl FnOnce() -> Result<Groups<'a>, Fault>,
) -> Result<Groups<'a>, Fault> {
    let mut parts = parts.into_iter();
    let mut whole = match parts.next() {
        Some(it) => it,
        None => make()?,
    };
    for part in parts {
        whole.merge(execution, part)?;
    }
    Ok(whole)
}
