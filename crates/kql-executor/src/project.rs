//! Output columns computed row by row, and the first rows.

use crate::{
    execution::{Execution, Run},
    program::{Program, count_of},
    stream::{Needed, Rows, is_needed, needed},
};
use kql_data::{Batch, Column, Fault, Type};
use kql_parser::plan::{Expr, ExprId, NodeId};

/// The step of `Op::Project`.
#[derive(Debug)]
pub(crate) struct Project {
    program: Program,
    /// For each output column its place in the program's results, or the type of a column that nobody reads.
    outputs: Vec<Result<usize, Type>>,
    only_picks: bool,
}

impl Project {
    pub(crate) fn compile(
        run: &Run<'_>,
        input: NodeId,
        columns: &[ExprId],
        wanted: &Needed,
    ) -> Result<(Project, Needed), Fault> {
        let plan = run.execution.plan;
        let mut roots = Vec::new();
        let mut outputs = Vec::with_capacity(columns.len());
        for (index, id) in columns.iter().enumerate() {
            if is_needed(wanted, index) {
                outputs.push(Ok(roots.len()));
                roots.push(*id);
            } else {
                outputs.push(Err(plan.expr(*id).ty()));
            }
        }
        let only_picks = roots.iter().all(|it| !matches!(plan.expr(*it), Expr::Call { .. }));
        let program = Program::compile(run, &roots)?;
        let below = needed(plan.schema(input).len(), program.columns.iter().copied());
        Ok((Project { program, outputs, only_picks }, below))
    }

    /// Whether its columns are those of the input, without copies.
    pub(crate) fn only_picks(&self) -> bool {
        self.only_picks
    }

    pub(crate) fn is_volatile(&self) -> bool {
        self.program.is_volatile
    }

    pub(crate) fn apply(&self, execution: &Execution<'_>, batch: Batch) -> Result<Batch, Fault> {
        let results = self.program.run(execution, &batch)?;
        let column = |it: &Result<usize, Type>| match it {
            Ok(place) => results.result(*place).unwrap_or_else(|| (Column::null(Type::Dynamic, batch.n_rows), None)),
            Err(ty) => (Column::null(*ty, batch.n_rows), None),
        };
        let (columns, held) = self.outputs.iter().map(column).unzip();
        Ok(Batch::held(columns, batch.n_rows, held))
    }
}

/// `Op::Limit`: the first rows; no more batches are computed than needed.
pub(crate) fn limit(run: &Run<'_>, id: NodeId, input: NodeId, count: ExprId) -> Result<Rows, Fault> {
    let count = count_of(&run.constant(count)?);
    let stream = run.stream(id, 0, input, None)?;
    run.first_rows(&stream, count, "`take`")
}
