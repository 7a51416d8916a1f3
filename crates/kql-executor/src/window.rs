//! Output columns by functions that see all rows, such as `prev` and `row_number`.

use crate::{
    execution::Run,
    stream::{Rows, needed},
};
use kql_data::{Batch, Fault};
use kql_parser::plan::{ExprId, NodeId};

/// `Op::Window`.
pub(crate) fn run(run: &Run<'_>, id: NodeId, input: NodeId, columns: &[ExprId]) -> Result<Rows, Fault> {
    let execution = run.execution;
    let schema = execution.plan.schema(input);
    let program = run.program(id, 0, columns)?;
    let wanted = needed(schema.len(), program.columns.iter().copied());
    let rows = run.input(id, 0, input, wanted, "a window function")?;
    let _joined = execution.cx.budget.reserve(rows.batches.iter().map(Batch::bytes).sum(), "a window function")?;
    let whole = Batch::concat(&schema, &rows.batches)?;
    let n_rows = whole.n_rows;
    let results = program.run(execution, &whole)?;
    Rows::reserved(run, vec![results.batch(n_rows)], "a window function")
}
