//! `mv-apply` as a step of a chain: a batch's rows are expanded, and the subquery runs over the rows of each at once.

use super::{Chain, Part, TASK_ROWS};
use crate::{
    execution::{Execution, Run},
    expand::{self, Expand},
    group::joined,
    stream::{Needed, is_needed, needed},
};
use kql_data::{Batch, Column, Fault, Schema, Type};
use kql_parser::plan::{ExpandOutput, Expr, NodeId, Op, Plan};
use std::sync::Arc;

const BY: &str = "`mv-apply`";

/// The expansion that an `Apply` runs its body over, where each batch can be worked on by itself: groups are the rows of one
/// row, only columns of the input are carried, and the body is a chain that reads nothing else.
pub(crate) fn expansion(plan: &Plan, op: &Op) -> Option<NodeId> {
    let Op::Apply { input, by, body, carried, groups_max: None } = op else { return None };
    let (Some(Op::Expand { outputs, .. }), [by]) = (plan.node(*input).map(|it| &it.op), by.as_slice()) else {
        return None;
    };
    let Expr::Column { index, .. } = plan.expr(*by) else { return None };
    let is_input = |it: &usize| matches!(outputs.get(*it), Some(ExpandOutput::Input(_)));
    let is_by_row = *outputs.get(*index)? == ExpandOutput::Row && carried.iter().all(is_input);
    (is_by_row && is_chain(plan, *body)).then_some(*input)
}

/// Whether a body is a chain of nodes that work on all groups at once, over the group alone.
fn is_chain(plan: &Plan, body: NodeId) -> bool {
    let mut id = body;
    loop {
        let Some(op) = plan.node(id).map(|it| &it.op) else { return false };
        match op {
            Op::Group => return true,
            Op::Filter { .. } | Op::Project { .. } | Op::Expand { .. } | Op::Parse { .. } | Op::ParseKv { .. } => {}
            Op::Window { .. } | Op::Aggregate { .. } | Op::Sort { .. } | Op::Limit { .. } => {}
            _ => return false,
        }
        let [input] = op.inputs()[..] else { return false };
        if !plan.subplans(op.expressions()).is_empty() {
            return false;
        }
        id = input;
    }
}

/// The step.
#[derive(Debug)]
pub(crate) struct ByRow {
    expansion: NodeId,
    expand: Expand,
    schema: Arc<Schema>,
    chain: Chain,
    /// How many columns of the expanded rows the subquery sees.
    width: usize,
    /// Where the carried columns stand in the input, their types, and whether they are read.
    carried: Vec<(usize, Type, bool)>,
}

impl ByRow {
    /// The step, its input, and which columns of that it reads.
    pub(crate) fn compile(run: &Run<'_>, op: &Op, wanted: &Needed) -> Result<(ByRow, NodeId, Needed), Fault> {
        let plan = run.execution.plan;
        let bug = || Fault::new("a subquery over rows that is no step");
        let Op::Apply { input: expansion, body, carried, .. } = op else { return Err(bug()) };
        let Some(expand @ Op::Expand { input, outputs, .. }) = plan.node(*expansion).map(|it| &it.op) else {
            return Err(bug());
        };
        let n_body = plan.schema(*body).len();
        let of_body = needed(n_body, (0..n_body).filter(|it| is_needed(wanted, carried.len() + it)));
        let (chain, leaf, read) = Chain::compile(run, *body, of_body)?.ok_or_else(bug)?;
        let (schema, width) = (plan.schema(*expansion), plan.schema(leaf).len());
        let expanded = needed(schema.len(), (0..width).filter(|it| is_needed(&read, *it)));
        let (expand, below) = Expand::compile(run, expand, &expanded)?;
        let from = plan.schema(*input);
        let mut columns = Vec::with_capacity(carried.len());
        for (place, output) in carried.iter().enumerate() {
            let Some(ExpandOutput::Input(index)) = outputs.get(*output) else { return Err(bug()) };
            let ty = from.fields.get(*index).map_or(Type::Dynamic, |it| it.ty);
            columns.push((*index, ty, is_needed(wanted, place)));
        }
        let kept = columns.iter().filter(|it| it.2).map(|it| it.0);
        let below = needed(from.len(), kept.chain((0..from.len()).filter(|it| is_needed(&below, *it))));
        let schema = schema.clone();
        Ok((ByRow { expansion: *expansion, expand, schema, chain, width, carried: columns }, *input, below))
    }

    pub(crate) fn is_volatile(&self) -> bool {
        self.expand.is_volatile() || self.chain.is_volatile()
    }

    /// Begins with a batch.
    pub(crate) fn start<'s>(&'s self, execution: &Execution<'_>, batch: &Batch) -> Result<Cursor<'s>, Fault> {
        Ok(Cursor { step: self, batch: batch.clone(), rows: self.expand.start(execution, batch)? })
    }
}

/// The results for one input batch, part by part.
pub(crate) struct Cursor<'s> {
    step: &'s ByRow,
    batch: Batch,
    rows: expand::Cursor<'s>,
}

impl Cursor<'_> {
    /// The next results, with the input row of each; `None` at the end.
    pub(crate) fn next_with_rows(&mut self, execution: &Execution<'_>) -> Result<Option<(Batch, Vec<u32>)>, Fault> {
        let step = self.step;
        let (mut batches, mut rows): (Vec<Batch>, Vec<u32>) = (Vec::new(), Vec::new());
        let mut held = execution.cx.budget.reserve(0, BY)?;
        let since = execution.time();
        while let Some((batch, from)) = self.rows.next_with_rows(execution)? {
            held.grow(from.len() * 8, BY)?;
            batches.push(batch);
            rows.extend(from);
            if rows.len() >= TASK_ROWS && self.rows.is_between_rows() {
                break;
            }
        }
        if rows.is_empty() {
            return Ok(None);
        }
        execution.count(step.expansion, rows.len(), batches.len(), since);
        if batches.len() > 1 {
            held.grow(batches.iter().map(Batch::bytes).sum(), BY)?;
        }
        let mut batch = joined(&step.schema, &batches)?;
        drop(batches);
        batch.columns.truncate(step.width);
        let (groups, first_rows) = numbered(&rows);
        let part = Part { batch, groups, n_groups: first_rows.len() };
        let part = step.chain.run(execution, part)?;
        let rows: Vec<u32> = part.groups.iter().filter_map(|it| first_rows.get(*it as usize).copied()).collect();
        let carry = |(index, ty, is_read): &(usize, Type, bool)| match self.batch.columns.get(*index) {
            Some(column) if *is_read => column.take(&rows),
            _ => Column::null(*ty, rows.len()),
        };
        let columns = step.carried.iter().map(carry).chain(part.batch.columns).collect();
        Ok(Some((Batch::new(columns, rows.len()).hold(&execution.cx.budget, BY)?, rows)))
    }
}

/// The group of each row, from 0, and the input row of each group. Rows of one input row are neighbours.
fn numbered(rows: &[u32]) -> (Vec<u32>, Vec<u32>) {
    let (mut groups, mut first_rows): (Vec<u32>, Vec<u32>) = (Vec::with_capacity(rows.len()), Vec::new());
    for row in rows {
        if first_rows.last() != Some(row) {
            first_rows.push(*row);
        }
        groups.push(first_rows.len().saturating_sub(1) as u32);
    }
    (groups, first_rows)
}
