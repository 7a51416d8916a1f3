//! Rows of any number of arguments at once, for kernels of variadic functions.

use super::types::{Argument, Output, Produce};
use kql_data::{Column, Context, Fault};

/// Runs a body for each row over all arguments, each read as `T`; `None` is null.
pub fn each_row<'a, T: Argument, O: Output, R: Produce<O>>(
    cx: &Context,
    args: &'a [Column],
    n_rows: usize,
    mut body: impl FnMut(&[Option<T::Item<'a>>]) -> R,
) -> Result<Column, Fault> {
    let readers = args.iter().map(|it| T::reader(cx, it)).collect::<Result<Vec<_>, Fault>>()?;
    let mut items = Vec::with_capacity(args.len());
    let mut out = O::builder(n_rows);
    let mut held = cx.budget.reserve(0, super::BY)?;
    for row in 0..n_rows {
        if row % super::CHECK_ROWS == 0 {
            cx.check()?;
        }
        items.clear();
        for reader in &readers {
            items.push(T::get(reader, cx, row)?);
        }
        body(&items).produce(&mut out)?;
        held.follow(O::bytes(&out), super::BY)?;
    }
    Ok(O::finish(out))
}
