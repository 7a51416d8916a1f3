//! The trait behind `summarize`, and what an aggregate's declaration is.
//!
//! An aggregate is chosen with [`Aggregate::resolve`], its columns are named and typed by [`outputs`], and
//! [`Aggregate::accumulator`] makes its state. Simple ones are written with [`aggregates!`](crate::aggregates!): a state a
//! group, and how a row is added to it. Others implement [`Accumulator`].

pub(crate) mod codes;
pub mod filter;
pub mod fold;
pub(crate) mod interned;
#[cfg(test)]
pub(crate) mod testing;
pub(crate) mod text_sets;

use crate::{
    declare::{Naming, Overload},
    resolve::{Actual, Resolved, resolve_overload},
};
use kql_data::{Column, Context, Fault, Type, Value};
use std::any::Any;

/// Bytes that a group's own small allocation takes at least: the allocator's, and room that a vector keeps free.
pub(crate) const SMALLEST: usize = 48;

/// State of one aggregate over all groups of one thread: group ids are dense and begin at 0.
///
/// Rows of one thread come in the order of the table, and [`merge`](Accumulator::merge) takes the rows of `other` to come
/// after those here: so that `make_list` follows the input, whoever merges must do it in that order.
pub trait Accumulator: Send {
    /// Makes room for groups up to that number; new ones are empty.
    fn resize(&mut self, n_groups: usize);

    /// Adds rows: `groups[row]` is the group of a row, `args` are the argument columns with as many rows, constant
    /// arguments among them.
    fn update(&mut self, cx: &Context, groups: &[u32], args: &[Column]) -> Result<(), Fault>;

    /// Whether nothing but the number of a group's rows matters, so that [`add_counts`](Accumulator::add_counts) does.
    fn counts_rows(&self) -> bool {
        false
    }

    /// Adds so many rows to each group, of an aggregate that only counts rows.
    fn add_counts(&mut self, counts: &[i64]) -> Result<(), Fault> {
        Err(Fault::new(format!("an aggregate of more than the number of rows got {} counts", counts.len())))
    }

    /// Adds the state of another accumulator of the same call: its group `i` goes into `groups[i]` here.
    fn merge(&mut self, cx: &Context, other: Box<dyn Accumulator>, groups: &[u32]) -> Result<(), Fault>;

    /// One column an output, one row a group.
    fn finish(self: Box<Self>, cx: &Context) -> Result<Vec<Column>, Fault>;

    /// Rough bytes held, for the memory budget. Cheap enough to ask after every batch.
    fn bytes(&self) -> usize;

    /// For the downcast in [`Accumulator::merge`].
    fn into_any(self: Box<Self>) -> Box<dyn Any>;
}

/// The other accumulator of a merge as one of the same type.
pub(crate) fn same<A: Accumulator + 'static>(other: Box<dyn Accumulator>) -> Result<Box<A>, Fault> {
    other.into_any().downcast().map_err(|_| Fault::new("states of two different aggregates cannot be merged"))
}

/// A bound call of an aggregate.
#[derive(Clone, Debug)]
pub struct AggregateCall {
    /// Index of the overload in [`Aggregate::overloads`].
    pub overload: usize,
    /// Types of its arguments, after conversion.
    pub types: Vec<Type>,
    /// Values of those arguments that are constant.
    pub constants: Vec<Option<Value>>,
}

impl AggregateCall {
    /// The type of an argument.
    pub fn ty(&self, index: usize) -> Type {
        self.types.get(index).copied().unwrap_or(Type::Dynamic)
    }

    /// The value of a constant argument; `None` when it is not there, not constant or null.
    pub fn constant(&self, index: usize) -> Option<&Value> {
        self.constants.get(index)?.as_ref().filter(|it| !it.is_null())
    }

    /// The whole number that a constant argument is.
    pub fn constant_long(&self, index: usize) -> Option<i64> {
        self.constant(index).and_then(|it| it.to_dynamic().as_i64())
    }
}

/// Makes an empty accumulator for a call.
pub type Make = fn(&AggregateCall) -> Result<Box<dyn Accumulator>, Fault>;

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
    pub make: Option<Make>,
    /// How many columns it gives, and how they are called; see [`outputs`].
    pub outputs: Outputs,
}

/// How many columns an aggregate gives, and how they are called.
#[derive(Clone, Copy, Debug)]
pub enum Outputs {
    /// One, named by the aggregate's [`Naming`].
    One,
    /// One, named by prefix and both arguments: `covariance_x_y`.
    Pair(&'static str),
    /// `arg_max`, `arg_min`: one an argument (the binder spells `*` out). The name gives `max_` or `min_`.
    Arguments(&'static str),
    /// `argmax`, `argmin`: the same with every name prefixed, `max_ts`, `max_ts_a`.
    PrefixedArguments(&'static str),
    /// `take_any`: one an argument (the binder spells `*` out), each with the argument's name.
    Each,
    /// `any`: one an argument, named by prefix and argument.
    PrefixedEach(&'static str),
    /// `percentiles`: one for each constant argument from that index on, `percentile_x_50`.
    Percentiles(usize),
}

impl Outputs {
    /// The same for an aggregate of another name.
    pub const fn renamed(self, name: &'static str) -> Outputs {
        if let Outputs::Pair(_) = self { Outputs::Pair(name) } else { self }
    }
}

impl Aggregate {
    /// An aggregate of one output, named by its own name and its first argument.
    pub const fn new(name: &'static str, doc: &'static str, overloads: &'static [Overload], make: Make) -> Aggregate {
        let (aliases, naming) = (&[] as &[&str], Naming::Prefix(name));
        Aggregate { name, aliases, doc, overloads, naming, make: Some(make), outputs: Outputs::One }
    }

    /// The same with another rule for the name of its column.
    pub const fn naming(mut self, naming: Naming) -> Aggregate {
        self.naming = naming;
        self
    }

    /// The same with other columns.
    pub const fn outputs(mut self, outputs: Outputs) -> Aggregate {
        self.outputs = outputs;
        self
    }

    /// Chooses the overload for those arguments.
    pub fn resolve(&self, actuals: &[Actual]) -> Result<Resolved, Fault> {
        resolve_overload(self.name, self.overloads, actuals)
    }

    /// Whether its result is the same however the rows are divided among partial states: not that of sums of floats, nor of
    /// estimates that merge what is near.
    pub fn is_exact(&self, types: &[Type]) -> bool {
        let is_whole = types.iter().all(|it| !matches!(it, Type::Real | Type::Decimal | Type::Dynamic));
        match self.name {
            "count" | "countif" | "dcount" | "dcountif" | "count_distinct" | "count_distinctif" => true,
            "make_set" | "make_set_if" | "makeset" | "make_list" | "make_list_if" | "makelist" => true,
            "make_list_with_nulls" | "arg_max" | "arg_min" | "take_any" | "any" => true,
            "sum" | "sumif" | "min" | "minif" | "max" | "maxif" => is_whole,
            _ => false,
        }
    }

    /// An empty accumulator; fails by name when the aggregate does not run yet.
    pub fn accumulator(&self, call: &AggregateCall) -> Result<Box<dyn Accumulator>, Fault> {
        let make = self.make.ok_or_else(|| Fault::Unsupported(format!("aggregate `{}`", self.name)))?;
        make(call)
    }

    /// Its examples: a query that ends in one cell, and its value.
    pub fn examples(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        let lines = self.doc.lines().filter(|it| it.starts_with("    "));
        lines.filter_map(|it| it.rsplit_once(" => ")).map(|(query, value)| (query.trim(), value.trim()))
    }
}

/// Names and types of the columns that a call gives when nothing else names them.
///
/// `args` are the arguments as they were given to [`Aggregate::resolve`], with `*` spelt out; `names` the names of those
/// arguments, where they have one; `ty` is the type that `resolve` found.
pub fn outputs(aggregate: &Aggregate, args: &[Actual], names: &[Option<String>], ty: Type) -> Vec<(String, Type)> {
    let name = |index: usize| names.get(index).and_then(Option::as_deref);
    let first = name(0).unwrap_or("");
    let types = args.iter().map(|it| it.ty).enumerate();
    match aggregate.outputs {
        Outputs::One => vec![(one_name(aggregate.naming, aggregate.name, first), ty)],
        Outputs::Pair(prefix) => vec![(format!("{prefix}_{first}_{}", name(1).unwrap_or("")), ty)],
        Outputs::Arguments(prefix) => types
            .map(|(index, ty)| match name(index) {
                Some(it) => (it.to_owned(), ty),
                None if index == 0 => (format!("{prefix}_"), ty),
                None => (format!("{prefix}_{first}_arg{index}"), ty),
            })
            .collect(),
        Outputs::PrefixedArguments(prefix) => types
            .map(|(index, ty)| match name(index) {
                _ if index == 0 => (format!("{prefix}_{first}"), ty),
                Some(it) => (format!("{prefix}_{first}_{it}"), ty),
                None => (format!("{prefix}_{first}_arg{index}"), ty),
            })
            .collect(),
        Outputs::Each => types
            .map(|(index, ty)| match name(index) {
                Some(it) => (it.to_owned(), ty),
                None if args.len() == 1 => ("any_".to_owned(), ty),
                None => (format!("any_arg{index}"), ty),
            })
            .collect(),
        Outputs::PrefixedEach(prefix) => types
            .map(|(index, ty)| match name(index) {
                None if args.len() > 1 => (format!("{prefix}_arg{index}"), ty),
                it => (format!("{prefix}_{}", it.unwrap_or("")), ty),
            })
            .collect(),
        Outputs::Percentiles(from) => {
            let percentiles = args.iter().skip(from).map(|it| it.constant.as_ref().map_or(String::new(), number_text));
            percentiles.map(|it| (format!("percentile_{first}_{it}"), ty)).collect()
        }
    }
}

fn one_name(naming: Naming, aggregate: &str, first: &str) -> String {
    match naming {
        Naming::None => format!("{aggregate}_"),
        Naming::FirstArgument if first.is_empty() => format!("{aggregate}_"),
        Naming::FirstArgument => first.to_owned(),
        Naming::NameAndFirstArgument => format!("{aggregate}_{first}"),
        Naming::Prefix(prefix) => format!("{prefix}_{first}"),
        Naming::PrefixOnly(prefix) => prefix.to_owned(),
    }
}

/// A percentile as part of a column's name: `99.9` is `99_9`, `50.0` is `50`.
fn number_text(value: &Value) -> String {
    let text = value.text();
    text.strip_suffix(".0").unwrap_or(&text).replace('.', "_")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(aggregate: &str, args: &[Actual], names: &[Option<&str>]) -> Vec<String> {
        let names: Vec<Option<String>> = names.iter().map(|it| it.map(str::to_owned)).collect();
        let aggregate = crate::aggregate(aggregate).unwrap();
        outputs(aggregate, args, &names, Type::Long).into_iter().map(|(name, _)| name).collect()
    }

    #[test]
    fn columns_are_named_as_in_the_language() {
        let x = Actual::varying(Type::Long);
        let p = |it: f64| Actual::literal(Value::Real(it), Type::Real);
        assert_eq!(names("sum", std::slice::from_ref(&x), &[Some("x")]), ["sum_x"]);
        assert_eq!(names("count", &[], &[]), ["count_"]);
        assert_eq!(names("countif", std::slice::from_ref(&x), &[None]), ["countif_"]);
        assert_eq!(
            names("percentiles", &[x.clone(), p(50.0), p(99.9)], &[Some("x"), None, None]),
            ["percentile_x_50", "percentile_x_99_9"]
        );
        let two = [x.clone(), x.clone()];
        assert_eq!(names("arg_max", &two, &[Some("ts"), Some("a")]), ["ts", "a"]);
        assert_eq!(names("arg_max", &two, &[None, Some("a")]), ["max_", "a"]);
        assert_eq!(names("arg_max", &two, &[Some("ts"), None]), ["ts", "max_ts_arg1"]);
        assert_eq!(names("take_any", std::slice::from_ref(&x), &[Some("x")]), ["x"]);
        assert_eq!(names("any", &[x], &[Some("x")]), ["any_x"]);
        assert_eq!(names("covariance", &two, &[Some("x"), Some("y")]), ["covariance_x_y"]);
    }

    #[test]
    fn every_aggregate_has_examples() {
        for aggregate in crate::all_aggregates() {
            let known = aggregate.make.is_none() || aggregate.examples().next().is_some();
            assert!(known, "{} has no example", aggregate.name);
        }
    }
}
