//! `identity`: the input as it is.

use super::{Answer, Call};

pub(super) fn run(call: &Call<'_>) -> Answer {
    Ok((call.schema(0)?.clone(), vec![call.input()?.clone()]))
}
