//! Bounds on what one call may build, checked before it is built.

use kql_data::{Context, Fault};

/// Fails when a string of so many bytes is more than the limit.
pub(crate) fn string(cx: &Context, bytes: usize, by: &str) -> Result<(), Fault> {
    within("string_bytes", cx.limits.string_bytes, bytes, by)
}

/// Fails when an array of so many elements is more than the limit.
pub(crate) fn array(cx: &Context, elements: usize, by: &str) -> Result<(), Fault> {
    within("array_elements", cx.limits.array_elements, elements, by)
}

fn within(name: &'static str, limit: usize, asked: usize, by: &str) -> Result<(), Fault> {
    if asked <= limit { Ok(()) } else { Err(Fault::Limit { name, limit: limit as u64, by: by.to_owned() }) }
}
