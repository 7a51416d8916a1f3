//! The `…if` form of an aggregate: the same over the rows for which a predicate is true.

use super::{Accumulator, AggregateCall, Make, same};
use crate::declare::{Accepts, Param};
use kql_data::{Column, Context, Fault, Type};
use std::any::Any;

/// The predicate's parameter.
pub const PREDICATE: Param = Param::new("predicate", Accepts::Type(Type::Bool)).cast(Type::Bool);

/// An accumulator that gives another only some rows.
struct Filtered {
    inner: Box<dyn Accumulator>,
    /// Where the predicate stands among the arguments; those of the inner accumulator lack it.
    at: usize,
}

/// The accumulator of a call whose argument `at` is the predicate and whose other arguments are those of `make`.
pub fn filtered(call: &AggregateCall, at: usize, make: Make) -> Result<Box<dyn Accumulator>, Fault> {
    let mut inner = call.clone();
    if at >= inner.types.len() || at >= inner.constants.len() {
        return Err(Fault::new("the predicate is missing"));
    }
    _ = inner.types.remove(at);
    _ = inner.constants.remove(at);
    Ok(Box::new(Filtered { inner: make(&inner)?, at }))
}

impl Accumulator for Filtered {
    fn resize(&mut self, n_groups: usize) {
        self.inner.resize(n_groups);
    }

    fn update(&mut self, cx: &Context, groups: &[u32], args: &[Column]) -> Result<(), Fault> {
        let mut args = args.to_vec();
        if self.at >= args.len() {
            return Err(Fault::new("the predicate is missing"));
        }
        let rows = args.remove(self.at).true_rows();
        if rows.is_empty() {
            return Ok(());
        }
        if rows.len() == groups.len() {
            return self.inner.update(cx, groups, &args);
        }
        let groups: Vec<u32> = rows.iter().filter_map(|row| groups.get(*row as usize).copied()).collect();
        let args: Vec<Column> = args.iter().map(|it| it.take(&rows)).collect();
        self.inner.update(cx, &groups, &args)
    }

    fn merge(&mut self, cx: &Context, other: Box<dyn Accumulator>, groups: &[u32]) -> Result<(), Fault> {
        self.inner.merge(cx, same::<Filtered>(other)?.inner, groups)
    }

    fn finish(self: Box<Self>, cx: &Context) -> Result<Vec<Column>, Fault> {
        self.inner.finish(cx)
    }

    fn bytes(&self) -> usize {
        self.inner.bytes()
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }
}
