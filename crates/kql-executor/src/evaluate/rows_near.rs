//! `rows_near`: rows around those for which a condition holds.

use super::{Answer, Call};
use crate::program::count_of;

pub(super) fn run(call: &Call<'_>) -> Answer {
    let input = call.input()?;
    let condition = call.values(call.required("Condition", 0)?)?;
    let before = call.constant("NumRows", 1)?.ok_or_else(|| call.wrong("the number of rows is missing"))?;
    let before = count_of(&before);
    let after = call.constant("RowsAfter", 2)?.map_or(before, |it| count_of(&it));
    let mut rows: Vec<u32> = Vec::new();
    let mut next = 0;
    for hit in condition.true_rows() {
        let hit = hit as usize;
        let from = hit.saturating_sub(before).max(next);
        let to = hit.saturating_add(after).saturating_add(1).min(input.n_rows);
        rows.extend((from..to).map(|row| row as u32));
        next = next.max(to);
    }
    Ok((call.schema(0)?.clone(), vec![input.take(&rows)]))
}
