//! Numbers: arithmetic beyond the operators, rounding, trigonometry, bits, units, distributions.

use crate::{
    declare::{Accepts, Overload, Param, Returns},
    resolve::Actual,
    scalar::operator::{lift, types},
};
use arrow_array::{Float64Array, types::Float64Type};
use kql_data::{Column, Fault, Type};

pub mod bin;
pub mod bits;
pub mod distribution;
pub mod real;
pub mod round;
pub mod series;
pub mod unit;

/// A number or bool, as a real.
pub(crate) const REAL: Param = Param::new("number", Accepts::NumberOrBool).cast(Type::Real);
/// A number or bool, as a long.
pub(crate) const LONG: Param = Param::new("number", Accepts::NumberOrBool).cast(Type::Long);

/// What a mathematical function says of an argument that is no number.
pub(crate) fn not_a_number(actuals: &[Actual]) -> Result<Type, Fault> {
    Err(Fault::coded("SEM0201", format!("a number is needed, not {}", types(actuals))))
}

/// The overload that refuses one argument of any type.
pub(crate) const REFUSED: Overload = Overload {
    params: &[Param::new("number", Accepts::Scalar)],
    rest: None,
    returns: Returns::Custom(not_a_number),
    kernel: None,
};

/// An overload of real parameters with a real result.
pub(crate) const fn to_real(params: &'static [Param], kernel: crate::Kernel) -> Overload {
    Overload { params, rest: None, returns: Returns::Type(Type::Real), kernel: Some(kernel) }
}

/// A real function of one real; null where it has no value.
pub(crate) fn map_real(args: &[Column], n_rows: usize, map: impl Fn(f64) -> Option<f64>) -> Result<Column, Fault> {
    let rows = lift::reals(lift::arg(args, 0)?)?;
    Ok(Column::Real((0..n_rows).map(|row| map(rows.get(row)?)).collect::<Float64Array>()))
}

/// A real function of two reals.
pub(crate) fn map_reals(args: &[Column], n_rows: usize, map: impl Fn(f64, f64) -> f64) -> Result<Column, Fault> {
    let (a, b) = (lift::reals(lift::arg(args, 0)?)?, lift::reals(lift::arg(args, 1)?)?);
    Ok(Column::Real(lift::map::<_, _, Float64Type>(&a, &b, n_rows, map)))
}
