//! Groups and their aggregates: partial states over runs of chunks, merged in order.

use crate::{
    execution::{Execution, Run},
    group::Grouper,
    stream::{Rows, needed},
};
use kql_data::{Batch, Column, Fault, Reservation, Type, Value};
use kql_functions::{Accumulator, AggregateCall};
use kql_parser::plan::{AggregateExpr, ExprId, NodeId};
use std::ops::ControlFlow;

/// Partial states at most; their number does not depend on threads, so that sums of floats do not either.
const RUNS_MAX: usize = 8;

const BY: &str = "`summarize`";

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

    /// Empty states.
    pub(crate) fn start(&self) -> Result<Vec<Box<dyn Accumulator>>, Fault> {
        let one = |(aggregate, call, _): &(&kql_functions::Aggregate, AggregateCall, _)| match aggregate.make {
            Some(make) => make(call),
            None => Err(Fault::Unsupported(format!("aggregate `{}`", aggregate.name))),
        };
        self.calls.iter().map(one).collect()
    }

    /// Adds rows whose groups are known.
    pub(crate) fn update(
        &self,
        execution: &Execution<'_>,
        states: &mut [Box<dyn Accumulator>],
        groups: &[u32],
        n_groups: usize,
        columns: &[Column],
    ) -> Result<(), Fault> {
        for (state, (_, _, args)) in states.iter_mut().zip(&self.calls) {
            state.resize(n_groups);
            state.update(execution.cx, groups, columns.get(args.clone()).unwrap_or(&[]))?;
        }
        Ok(())
    }

    /// The columns of finished states, one row a group.
    pub(crate) fn finish(
        &self,
        execution: &Execution<'_>,
        states: Vec<Box<dyn Accumulator>>,
        n_groups: usize,
    ) -> Result<Vec<Vec<Column>>, Fault> {
        let mut out = Vec::with_capacity(states.len());
        for ((mut state, types), (aggregate, ..)) in states.into_iter().zip(&self.outputs).zip(&self.calls) {
            execution.cx.check()?;
            state.resize(n_groups);
            let columns = state.finish(execution.cx)?;
            if columns.len() != types.len() || columns.iter().any(|it| it.len() != n_groups) {
                return Err(Fault::new(format!("aggregate `{}` gave columns of another shape", aggregate.name)));
            }
            out.push(columns);
        }
        Ok(out)
    }
}

struct State {
    grouper: Grouper,
    accumulators: Vec<Box<dyn Accumulator>>,
    held: Reservation,
}

impl State {
    fn account(&mut self) -> Result<(), Fault> {
        let bytes = self.accumulators.iter().map(|it| it.bytes()).sum::<usize>();
        self.held.resize(self.grouper.bytes() + bytes, BY)
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
    let program = execution.program(id, 0, &roots)?;
    let calls = Aggregates::new(execution, aggregates, &program.constants(), keys.len());
    let stream = run.stream(id, 0, input, needed(plan.schema(input).len(), program.columns.iter().copied()))?;
    let types: Vec<Type> = keys.iter().map(|it| plan.expr(*it).ty()).collect();
    let make = || {
        let held = execution.cx.budget.reserve(0, BY)?;
        Ok(State { grouper: Grouper::new(types.clone()), accumulators: calls.start()?, held })
    };
    let mut states = run
        .fold(&stream, RUNS_MAX, make, |state, batch: Batch| {
            let columns = program.run(execution, &batch)?;
            let groups = state.grouper.assign(columns.get(..keys.len()).unwrap_or(&[]), batch.n_rows)?;
            calls.update(execution, &mut state.accumulators, &groups, state.grouper.len(), &columns)?;
            state.account()?;
            Ok(ControlFlow::Continue(()))
        })?
        .into_iter();
    let mut whole = match states.next() {
        Some(it) => it,
        None => make()?,
    };
    for part in states {
        execution.cx.check()?;
        let numbers = whole.grouper.merge(&part.grouper)?;
        for (state, other) in whole.accumulators.iter_mut().zip(part.accumulators) {
            state.resize(whole.grouper.len());
            state.merge(execution.cx, other, &numbers)?;
        }
        whole.account()?;
    }
    let n_groups = if keys.is_empty() { 1 } else { whole.grouper.len() };
    let mut columns = whole.grouper.keys()?;
    columns.extend(calls.finish(execution, whole.accumulators, n_groups)?.into_iter().flatten());
    let batches = if n_groups == 0 { Vec::new() } else { vec![Batch::new(columns, n_groups)] };
    Rows::reserved(run, batches, BY)
}
