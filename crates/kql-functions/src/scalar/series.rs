//! Series: arrays of numbers, as `make-series` gives them.
//!
//! A function of several outputs gives them as one array; its declaration names their columns ([`Returns::Columns`]).

pub mod anomaly;
pub mod elementwise;
pub mod fill;
pub mod filter;
pub mod fit;
pub mod fourier;
pub mod season;
pub mod statistics;
pub mod vector;

use crate::declare::{Accepts, Overload, Param, Returns, lift::each_row, types};
use kql_data::{Column, Context, Dynamic, Fault, Type};
use std::borrow::Cow;

/// The first parameter of most.
const SERIES: Param = Param::new("series", Accepts::Array);
/// A further array.
const fn array(name: &'static str) -> Param {
    Param::new(name, Accepts::Array)
}
/// A number, read as `f64`.
const fn real(name: &'static str) -> Param {
    Param::new(name, Accepts::Number).cast(Type::Real)
}
/// A whole number.
const fn long(name: &'static str) -> Param {
    Param::new(name, Accepts::Integer).cast(Type::Long)
}
/// A truth value.
const fn boolean(name: &'static str) -> Param {
    Param::new(name, Accepts::Type(Type::Bool)).cast(Type::Bool)
}
/// A word.
const fn word(name: &'static str) -> Param {
    Param::new(name, Accepts::Type(Type::String))
}

type Kernel = crate::declare::Kernel;

/// An overload with a dynamic result.
const fn dynamic(params: &'static [Param], kernel: Kernel) -> Overload {
    Overload { params, rest: None, returns: Returns::Type(Type::Dynamic), kernel: Some(kernel) }
}

/// An overload of several columns.
const fn columns(params: &'static [Param], names: &'static [(&'static str, Type)], kernel: Kernel) -> Overload {
    Overload { params, rest: None, returns: Returns::Columns(names), kernel: Some(kernel) }
}

/// The arguments of one row, null where they are missing too.
pub(super) struct Row<'r, 'a>(&'r [Option<Cow<'a, Dynamic>>]);

impl Row<'_, '_> {
    fn get(&self, index: usize) -> Option<&Dynamic> {
        self.0.get(index)?.as_deref()
    }

    /// The items of an array.
    fn items(&self, index: usize) -> Option<&[Dynamic]> {
        self.get(index)?.as_array()
    }

    /// An array of nothing but numbers.
    fn numbers(&self, index: usize) -> Option<Vec<f64>> {
        numbers(self.items(index)?)
    }

    fn real(&self, index: usize) -> Option<f64> {
        number(self.get(index)?)
    }

    fn long(&self, index: usize) -> Option<i64> {
        self.get(index)?.as_i64()
    }

    fn boolean(&self, index: usize) -> Option<bool> {
        if let Some(Dynamic::Bool(it)) = self.get(index) { Some(*it) } else { None }
    }

    fn word(&self, index: usize) -> Option<&str> {
        self.get(index)?.as_str()
    }
}

/// Runs a body for each row; `None` gives null.
fn each(cx: &Context, args: &[Column], n_rows: usize, body: impl Fn(Row) -> Option<Dynamic>) -> Result<Column, Fault> {
    each_row::<types::any_dynamic, types::dynamic, _>(cx, args, n_rows, |items| {
        cx.check()?;
        let made = body(Row(items));
        // A body that was stopped half-way gives what does not count.
        cx.check()?;
        Ok::<_, Fault>(made)
    })
}

/// Whether a dynamic counts as a number, and which. Times count in ticks.
fn number(value: &Dynamic) -> Option<f64> {
    match value {
        Dynamic::Datetime(it) | Dynamic::Timespan(it) => Some(*it as f64),
        other => other.as_f64(),
    }
}

/// All items as numbers; `None` when one is none.
fn numbers(items: &[Dynamic]) -> Option<Vec<f64>> {
    items.iter().map(number).collect()
}

/// An array of reals.
fn reals(values: &[f64]) -> Dynamic {
    Dynamic::array(values.iter().map(|it| Dynamic::Real(*it)).collect())
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// Sum of the squares of the deviations from the mean.
fn squares(values: &[f64]) -> f64 {
    let mean = mean(values);
    values.iter().map(|it| (it - mean) * (it - mean)).sum()
}

#[cfg(test)]
mod testing {
    use kql_data::{Column, Context, Dynamic, Type, Value, json};

    /// The result of a function for arguments in JSON, as JSON. Whole numbers are longs.
    pub(super) fn run(name: &str, args: &[&str]) -> String {
        let function = crate::function(name).unwrap();
        let values: Vec<(Value, Type)> = args
            .iter()
            .map(|it| match json::read(it).unwrap() {
                it @ (Dynamic::Array(_) | Dynamic::Null) => (Value::Dynamic(it), Type::Dynamic),
                it => (it.to_value(), it.to_value().ty().unwrap()),
            })
            .collect();
        let actuals: Vec<crate::Actual> =
            values.iter().map(|(value, ty)| crate::Actual::literal(value.clone(), *ty)).collect();
        let resolved = crate::resolve(function, &actuals).unwrap();
        let columns: Vec<Column> = values
            .into_iter()
            .zip(&resolved.casts)
            .map(|((value, ty), cast)| match (cast, value) {
                (Some(Type::Real), Value::Long(it)) => Column::constant(Value::Real(it as f64), Type::Real, 1),
                (_, value) => Column::constant(value, ty, 1),
            })
            .collect();
        let kernel = function.overloads[resolved.overload].kernel.unwrap();
        kernel(&Context::default(), &columns, 1).unwrap().dynamic(0).json()
    }
}
