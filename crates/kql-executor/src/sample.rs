//! Rows by chance.

use crate::{execution::Run, group::joined, program::count_of, stream::Rows};
use kql_data::{Batch, Fault, Map};
use kql_parser::plan::{ExprId, NodeId};

/// `Op::Sample`: so many different rows, in their order.
pub(crate) fn run(run: &Run<'_>, id: NodeId, input: NodeId, count: ExprId) -> Result<Rows, Fault> {
    let execution = run.execution;
    let count = count_of(&run.constant(count)?);
    let rows = run.input(id, 0, input, None, "`sample`")?;
    let n_rows = rows.n_rows();
    if count >= n_rows {
        return Ok(rows);
    }
    let chosen = choose(n_rows, count, || execution.cx.random());
    let mut picked: Vec<Batch> = Vec::new();
    let mut chosen = chosen.into_iter().peekable();
    let mut first = 0;
    for batch in &rows.batches {
        let end = first + batch.n_rows;
        let mut here: Vec<u32> = Vec::new();
        while let Some(row) = chosen.next_if(|it| *it < end) {
            here.push((row - first) as u32);
        }
        picked.push(batch.take(&here));
        first = end;
    }
    Rows::reserved(run, vec![joined(&execution.plan.schema(id), &picked)?], "`sample`")
}

/// So many different numbers below `n`, in ascending order: a shuffle of which only the beginning is done.
pub(crate) fn choose(n: usize, count: usize, mut random: impl FnMut() -> u64) -> Vec<usize> {
    let mut moved: Map<usize, usize> = Map::default();
    let mut chosen = Vec::with_capacity(count.min(n));
    for at in 0..count.min(n) {
        let left = (n - at) as u64;
        let other = at + (random() % left) as usize;
        chosen.push(moved.get(&other).copied().unwrap_or(other));
        let here = moved.get(&at).copied().unwrap_or(at);
        _ = moved.insert(other, here);
    }
    chosen.sort_unstable();
    chosen
}
