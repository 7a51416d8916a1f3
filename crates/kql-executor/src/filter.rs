//! Rows for which a predicate is true. The parts of an `and` run one after the other, each on the rows that are left.

use crate::{
    execution::{Execution, Run},
    program::Program,
    stream::{Needed, is_needed, needed},
};
use kql_data::{Batch, Column, Fault, Type};
use kql_parser::plan::{Expr, ExprId, NodeId};

/// The step of `Op::Filter`.
#[derive(Debug)]
pub(crate) struct Filter {
    parts: Vec<Program>,
    /// Types of the columns, and which of them are read after.
    columns: Vec<(Type, bool)>,
}

impl Filter {
    pub(crate) fn compile(
        run: &Run<'_>,
        input: NodeId,
        predicate: ExprId,
        wanted: &Needed,
    ) -> Result<(Filter, Needed), Fault> {
        let schema = run.execution.plan.schema(input);
        let parts = compiled(run, &conjuncts(run.execution, predicate))?;
        let columns: Vec<(Type, bool)> =
            schema.fields.iter().enumerate().map(|(index, it)| (it.ty, is_needed(wanted, index))).collect();
        let kept = columns.iter().enumerate().filter(|(_, (_, kept))| *kept).map(|(index, _)| index);
        let read = parts.iter().flat_map(|it| it.columns.iter().copied());
        let below = needed(columns.len(), kept.chain(read));
        Ok((Filter { parts, columns }, below))
    }

    /// A test of all those predicates, which only tells rows.
    pub(crate) fn of(run: &Run<'_>, predicates: &[ExprId]) -> Result<Filter, Fault> {
        Ok(Filter { parts: compiled(run, predicates)?, columns: Vec::new() })
    }

    /// Whether a predicate reads that column.
    pub(crate) fn reads(&self, column: usize) -> bool {
        self.parts.iter().any(|it| it.columns.contains(&column))
    }

    pub(crate) fn is_volatile(&self) -> bool {
        self.parts.iter().any(|it| it.is_volatile)
    }

    pub(crate) fn apply(&self, execution: &Execution<'_>, batch: Batch) -> Result<Batch, Fault> {
        if !self.columns.iter().any(|(_, kept)| *kept) {
            return self.count(execution, batch);
        }
        match self.rows(execution, &batch)? {
            Some(rows) => self.pick(&batch, &rows).hold(&execution.cx.budget, "`where`"),
            None => Ok(batch),
        }
    }

    /// As many rows as the predicate is true for, without any column.
    fn count(&self, execution: &Execution<'_>, batch: Batch) -> Result<Batch, Fault> {
        let Some((last, parts)) = self.parts.split_last() else { return Ok(batch) };
        let n_rows = match self.rows_of(parts, execution, &batch)? {
            None => last.n_true(execution, &batch)?,
            Some(rows) => last.n_true(execution, &self.narrow(&batch, &rows, |it| last.columns.contains(&it)))?,
        };
        if n_rows == batch.n_rows {
            return Ok(batch);
        }
        let columns = batch.columns.iter().map(|it| Column::null(it.ty(), n_rows)).collect();
        Batch::new(columns, n_rows).hold(&execution.cx.budget, "`where`")
    }

    /// Those rows of a batch.
    pub(crate) fn pick(&self, batch: &Batch, rows: &[u32]) -> Batch {
        self.narrow(batch, rows, |it| self.columns.get(it).is_some_and(|(_, kept)| *kept))
    }

    /// The rows for which the predicate is true; `None` for all.
    pub(crate) fn rows(&self, execution: &Execution<'_>, batch: &Batch) -> Result<Option<Vec<u32>>, Fault> {
        self.rows_of(&self.parts, execution, batch)
    }

    fn rows_of(&self, parts: &[Program], execution: &Execution<'_>, batch: &Batch) -> Result<Option<Vec<u32>>, Fault> {
        let mut selected: Option<Vec<u32>> = None;
        for part in parts {
            let rows = match &selected {
                None => part.true_rows(execution, batch)?,
                Some(rows) => part.true_rows(execution, &self.narrow(batch, rows, |it| part.columns.contains(&it)))?,
            };
            let n_before = selected.as_ref().map_or(batch.n_rows, Vec::len);
            if rows.len() == n_before {
                continue;
            }
            selected = Some(match selected {
                None => rows,
                Some(before) => rows.iter().filter_map(|it| before.get(*it as usize).copied()).collect(),
            });
            if selected.as_ref().is_some_and(Vec::is_empty) {
                break;
            }
        }
        Ok(selected)
    }

    /// The chosen rows; columns that are not wanted become nulls, which cost nothing.
    fn narrow(&self, batch: &Batch, rows: &[u32], wanted: impl Fn(usize) -> bool) -> Batch {
        let column = |(index, column): (usize, &Column)| {
            if wanted(index) { column.take(rows) } else { Column::null(column.ty(), rows.len()) }
        };
        Batch::new(batch.columns.iter().enumerate().map(column).collect(), rows.len())
    }
}

fn compiled(run: &Run<'_>, predicates: &[ExprId]) -> Result<Vec<Program>, Fault> {
    predicates.iter().map(|it| Program::compile(run, &[*it])).collect()
}

/// The parts of nested `and`s, from left to right.
pub(crate) fn conjuncts(execution: &Execution<'_>, predicate: ExprId) -> Vec<ExprId> {
    let mut parts = Vec::new();
    let mut open = vec![predicate];
    while let Some(id) = open.pop() {
        match execution.plan.expr(id) {
            Expr::Call { function, args, .. } if function.name == "and" => open.extend(args.iter().rev()),
            _ => parts.push(id),
        }
    }
    parts
}
