//! `preview`: the first rows.

use super::{Answer, Call};
use crate::program::count_of;

pub(super) fn run(call: &Call<'_>) -> Answer {
    let input = call.input()?;
    let count = call.constant("NumberOfRows", 0)?.ok_or_else(|| call.wrong("the number of rows is missing"))?;
    let count = count_of(&count).min(input.n_rows);
    call.execution.cx.warn("`preview` gives the first rows; its second table, the number of rows, is left out");
    Ok((call.schema(0)?.clone(), vec![input.slice(0, count)]))
}
