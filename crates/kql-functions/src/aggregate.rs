//! The trait behind `summarize`, and what an aggregate's declaration is.

use crate::{
    declare::{Naming, Overload},
    resolve::Actual,
};
use kql_data::{Column, Context, Fault, Type, Value};
use std::any::Any;

/// State of one aggregate over all groups of one thread: group ids are dense and begin at 0.
pub trait Accumulator: Send {
    /// Makes room for groups up to that number; new ones are empty.
    fn resize(&mut self, n_groups: usize);

    /// Adds rows: `groups[row]` is the group of a row, `args` are the argument columns with as many rows.
    fn update(&mut self, cx: &Context, groups: &[u32], args: &[Column]) -> Result<(), Fault>;

    /// Adds the state of another accumulator of the same call: its group `i` goes into `groups[i]` here.
    fn merge(&mut self, cx: &Context, other: Box<dyn Accumulator>, groups: &[u32]) -> Result<(), Fault>;

    /// One column an output, one row a group.
    fn finish(self: Box<Self>, cx: &Context) -> Result<Vec<Column>, Fault>;

    /// Rough bytes held, for the memory budget.
    fn bytes(&self) -> usize;

    /// For the downcast in [`Accumulator::merge`].
    fn into_any(self: Box<Self>) -> Box<dyn Any>;
}

/// A bound call of an aggregate.
#[derive(Clone, Debug)]
pub struct AggregateCall {
    /// Types of its arguments, after conversion.
    pub types: Vec<Type>,
    /// Values of those arguments that are constant.
    pub constants: Vec<Option<Value>>,
    /// Type of the first output.
    pub ty: Type,
}

/// An aggregate: its names, documentation, overloads and accumulator.
#[derive(Clone, Copy, Debug)]
pub struct Aggregate {
    /// Its name.
    pub name: &'static str,
    /// Other names.
    pub aliases: &'static [&'static str],
    /// What it does; lines with four spaces and `=>` are examples: a query that ends in one cell, and its value.
    pub doc: &'static str,
    /// Its overloads; their kernels are not used.
    pub overloads: &'static [Overload],
    /// Name of its column.
    pub naming: Naming,
    /// Makes an empty accumulator; `None` while only the signature is known.
    pub make: Option<fn(&AggregateCall) -> Result<Box<dyn Accumulator>, Fault>>,
    /// Outputs beyond one, by name suffix and type, for `percentiles` and the like; see [`Outputs`].
    pub outputs: Outputs,
}

/// How many columns an aggregate gives.
#[derive(Clone, Copy, Debug)]
pub enum Outputs {
    /// One.
    One,
    /// `arg_max`, `arg_min`: the first argument and then every further one (or every column for `*`).
    Arguments,
    /// `take_any`: every argument (or every column for `*`).
    Each,
    /// By a rule: from the arguments to name suffixes and types.
    Custom(fn(&[Actual]) -> Result<Vec<(String, Type)>, Fault>),
}
