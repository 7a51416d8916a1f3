//! Columns that a chain only hands on are taken from its source at the end, by the rows that are left: several steps that
//! leave rows out, or repeat them, need not copy them each.

use super::{Flow, Segment, Stream, Work};
use crate::{
    execution::Run,
    stream::{Needed, is_needed, needed},
};
use kql_data::{Batch, Fault};
use kql_parser::plan::{ExpandOutput, Expr, NodeId, Op, ParseOutput};
use std::ops::ControlFlow;

/// Steps that choose rows from which on it pays.
const CHOICES_MIN: usize = 2;

/// A column of what a segment gives and the column of the source that it is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Late {
    output: usize,
    source: usize,
}

impl Run<'_> {
    /// Finds such columns of the segments of a stream over tables, and compiles those segments without them.
    pub(super) fn defer(&self, stream: &mut Stream, top: NodeId, wanted: &Needed) -> Result<(), Fault> {
        for segment in &mut stream.segments {
            let is_table = matches!(self.execution.plan.node(segment.source).map(|it| &it.op), Some(Op::Scan { .. }));
            let is_choice = |it: &Work| matches!(it, Work::Filter(_) | Work::Expand(_) | Work::Apply(_));
            if !is_table || segment.steps.iter().filter(|it| is_choice(&it.work)).count() < CHOICES_MIN {
                continue;
            }
            let n_columns = self.execution.plan.schema(top).len();
            let is_wanted = |it: &usize| is_needed(wanted, *it);
            let late = |output| Some(Late { output, source: self.origin(segment, output)? });
            let late: Vec<Late> = (0..n_columns).filter(is_wanted).filter_map(late).collect();
            if !late.is_empty() {
                let rest = (0..n_columns).filter(|it| is_wanted(it) && late.iter().all(|late| late.output != *it));
                self.compile_again(segment, needed(n_columns, rest))?;
                segment.late = late;
            }
        }
        Ok(())
    }

    /// The column of the source that an output of a segment is.
    fn origin(&self, segment: &Segment, output: usize) -> Option<usize> {
        let plan = self.execution.plan;
        let column = |outputs: &[ExpandOutput], index: usize| match outputs.get(index) {
            Some(ExpandOutput::Input(it)) => Some(*it),
            _ => None,
        };
        segment.steps.iter().rev().try_fold(output, |index, step| match &plan.node(step.node)?.op {
            Op::Filter { .. } => Some(index),
            Op::Project { columns, .. } => match plan.expr(*columns.get(index)?) {
                Expr::Column { index, .. } => Some(*index),
                _ => None,
            },
            Op::Parse { outputs, .. } | Op::ParseKv { outputs, .. } => match outputs.get(index) {
                Some(ParseOutput::Input(it)) => Some(*it),
                _ => None,
            },
            Op::Expand { outputs, .. } => column(outputs, index),
            Op::Apply { input, carried, .. } => match &plan.node(*input)?.op {
                Op::Expand { outputs, .. } => column(outputs, *carried.get(index)?),
                _ => None,
            },
            _ => None,
        })
    }

    /// The same steps for fewer columns.
    fn compile_again(&self, segment: &mut Segment, wanted: Needed) -> Result<(), Fault> {
        let mut wanted = wanted;
        for step in segment.steps.iter_mut().rev() {
            let Some(node) = self.execution.plan.node(step.node) else { continue };
            let (work, _, below) = self.compile_step(&node.op, &wanted)?;
            *step = super::Step { node: step.node, work }.into();
            wanted = below;
        }
        Ok(())
    }

    /// Puts a batch through the steps of a segment from `from` on. `rows` are the source's rows that it has; `None` for all.
    pub(super) fn drive_late(
        &self,
        (segment, from): (&Segment, usize),
        source: &Batch,
        (batch, rows): (Batch, Option<Vec<u32>>),
        sink: &mut dyn FnMut(Batch) -> Flow,
    ) -> Flow {
        let execution = self.execution;
        let (mut batch, mut rows) = (batch, rows);
        for (index, step) in segment.steps.iter().enumerate().skip(from) {
            execution.cx.check()?;
            let since = execution.time();
            let chosen = match &step.work {
                Work::Filter(it) => match it.rows(execution, &batch)? {
                    Some(chosen) => {
                        batch = it.pick(&batch, &chosen).hold(&execution.cx.budget, "`where`")?;
                        Some(chosen)
                    }
                    None => None,
                },
                Work::Project(it) => {
                    batch = it.apply(execution, batch)?;
                    None
                }
                Work::Parse(it) => {
                    let (parsed, chosen) = it.apply_with_rows(execution, &batch)?;
                    batch = parsed;
                    chosen
                }
                Work::Expand(it) => {
                    let mut cursor = it.start(execution, &batch)?;
                    let parts = &mut || cursor.next_with_rows(execution);
                    return self.drive_parts((segment, index), source, rows.as_deref(), parts, sink);
                }
                Work::Apply(it) => {
                    let mut cursor = it.start(execution, &batch)?;
                    let parts = &mut || cursor.next_with_rows(execution);
                    return self.drive_parts((segment, index), source, rows.as_deref(), parts, sink);
                }
            };
            execution.count(step.node, batch.n_rows, 1, since);
            if batch.n_rows == 0 {
                return Ok(ControlFlow::Continue(()));
            }
            if let Some(chosen) = chosen {
                rows = Some(composed(rows.as_deref(), chosen));
            }
        }
        if batch.n_rows == 0 {
            return Ok(ControlFlow::Continue(()));
        }
        sink(self.completed(segment, source, batch, rows)?)
    }

    /// The same from what one step gives part by part.
    fn drive_parts(
        &self,
        (segment, index): (&Segment, usize),
        source: &Batch,
        rows: Option<&[u32]>,
        next: &mut dyn FnMut() -> Result<Option<(Batch, Vec<u32>)>, Fault>,
        sink: &mut dyn FnMut(Batch) -> Flow,
    ) -> Flow {
        let execution = self.execution;
        let mut since = execution.time();
        while let Some((part, chosen)) = next()? {
            if let Some(step) = segment.steps.get(index) {
                execution.count(step.node, part.n_rows, 1, since);
            }
            let part = (part, Some(composed(rows, chosen)));
            if self.drive_late((segment, index + 1), source, part, sink)?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
            since = execution.time();
        }
        Ok(ControlFlow::Continue(()))
    }

    /// A batch with the columns that were left out.
    fn completed(
        &self,
        segment: &Segment,
        source: &Batch,
        batch: Batch,
        rows: Option<Vec<u32>>,
    ) -> Result<Batch, Fault> {
        let mut batch = batch;
        for it in &segment.late {
            let (Some(place), Some(column)) = (batch.columns.get_mut(it.output), source.columns.get(it.source)) else {
                return Err(Fault::new("a chain hands on a column that is not there"));
            };
            *place = rows.as_ref().map_or_else(|| column.clone(), |rows| column.take(rows));
        }
        // What a table has needs no memory.
        if rows.is_some() { batch.hold(&self.execution.cx.budget, "rows of a table") } else { Ok(batch) }
    }
}

/// Rows of rows.
fn composed(before: Option<&[u32]>, chosen: Vec<u32>) -> Vec<u32> {
    match before {
        None => chosen,
        Some(before) => chosen.iter().filter_map(|it| before.get(*it as usize).copied()).collect(),
    }
}
