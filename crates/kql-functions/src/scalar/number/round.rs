//! Rounding and absolute values.

use super::{LONG, REFUSED};
use crate::{
    declare::{Accepts, Constness, Function, Naming, Overload, Param, Returns},
    scalar::operator::{lift, of, overload},
};
use arrow_array::{Float64Array, Int64Array};
use bigdecimal::RoundingMode;
use kql_data::{Boxed, Column, Context, Decimal, Fault, Type, Value};

/// Rounds half away from zero at so many digits behind the point, or before it when negative.
pub fn round_real(value: f64, digits: i64) -> f64 {
    if !value.is_finite() || digits > 300 {
        return value;
    }
    if digits < -300 {
        return 0.0;
    }
    let scale = 10_f64.powi(digits.unsigned_abs() as i32);
    if digits >= 0 {
        let scaled = value * scale;
        if scaled.is_finite() { scaled.round() / scale } else { value }
    } else {
        (value / scale).round() * scale
    }
}

fn round(_: &Context, args: &[Column], n_rows: usize) -> Result<Column, Fault> {
    let values = lift::reals(lift::arg(args, 0)?)?;
    let digits = args.get(1).map(lift::longs).transpose()?;
    let one = |row| Some(round_real(values.get(row)?, digits.as_ref().map_or(Some(0), |it| it.get(row))?));
    Ok(Column::Real((0..n_rows).map(one).collect::<Float64Array>()))
}

/// Digits that a decimal is rounded to at most: it keeps no more.
const DECIMAL_DIGITS: i64 = 40;

fn round_decimal(_: &Context, args: &[Column], n_rows: usize) -> Result<Column, Fault> {
    let column = lift::arg(args, 0)?;
    let digits = args.get(1).map(lift::longs).transpose()?;
    let one = |row| {
        let digits = digits.as_ref().map_or(Some(0), |it| it.get(row))?.clamp(-DECIMAL_DIGITS, DECIMAL_DIGITS);
        match column.value(row) {
            Value::Decimal(it) if it.inner().fractional_digit_count() <= digits => Some(it),
            Value::Decimal(it) => Some(Decimal::from_inner(it.inner().with_scale_round(digits, RoundingMode::HalfUp))),
            _ => None,
        }
    };
    Ok(Column::Decimal(Boxed::new((0..n_rows).map(one).collect())))
}

fn same(_: &Context, args: &[Column], _: usize) -> Result<Column, Fault> {
    lift::arg(args, 0).cloned()
}

fn ceiling(_: &Context, args: &[Column], n_rows: usize) -> Result<Column, Fault> {
    super::map_real(args, n_rows, |x| Some(x.ceil()))
}

fn ceiling_decimal(_: &Context, args: &[Column], n_rows: usize) -> Result<Column, Fault> {
    let column = lift::arg(args, 0)?;
    let one = |row| match column.value(row) {
        Value::Decimal(it) => Some(Decimal::from_inner(it.inner().with_scale_round(0, RoundingMode::Ceiling))),
        _ => None,
    };
    Ok(Column::Decimal(Boxed::new((0..n_rows).map(one).collect())))
}

fn abs_long(_: &Context, args: &[Column], n_rows: usize) -> Result<Column, Fault> {
    let column = lift::arg(args, 0)?;
    let rows = lift::longs(column)?;
    let out: Int64Array = (0..n_rows).map(|row| rows.get(row)?.checked_abs()).collect();
    Ok(if column.ty() == Type::Timespan { Column::Timespan(out) } else { Column::Long(out) })
}

fn abs_real(_: &Context, args: &[Column], n_rows: usize) -> Result<Column, Fault> {
    super::map_real(args, n_rows, |x| Some(x.abs()))
}

fn abs_decimal(_: &Context, args: &[Column], n_rows: usize) -> Result<Column, Fault> {
    let column = lift::arg(args, 0)?;
    let one = |row| match column.value(row) {
        Value::Decimal(it) => Some(Decimal::from_inner(it.inner().abs())),
        _ => None,
    };
    Ok(Column::Decimal(Boxed::new((0..n_rows).map(one).collect())))
}

const NUMBER: Param = Param::new("number", Accepts::NumberOrBool).cast(Type::Real);
const DIGITS: Param =
    Param { name: "precision", accepts: Accepts::Integer, cast: Some(Type::Long), constness: Constness::Constant };
const DECIMAL: Param = of("number", Type::Decimal);

const fn real(params: &'static [Param], kernel: crate::Kernel) -> Overload {
    Overload { params, rest: None, returns: Returns::Type(Type::Real), kernel: Some(kernel) }
}

/// The functions of rounding.
pub const FUNCTIONS: &[Function] = &[
    Function::new(
        "round",
        "A number rounded to so many digits behind the point, or before it when negative; halves go away from zero.\n\n    \
         round(2.98765, 3) => 2.988\n    round(12345, -2) => 12300.0\n    round(1.5) => 2.0\n",
        &[
            real(&[NUMBER], round),
            real(&[NUMBER, DIGITS], round),
            overload(&[DECIMAL], Type::Decimal, round_decimal),
            overload(&[DECIMAL, DIGITS], Type::Decimal, round_decimal),
            REFUSED,
        ],
    )
    .naming(Naming::FirstArgument),
    Function::new(
        "ceiling",
        "The least whole number that is not less.\n\n    ceiling(-1.1) => -1.0\n    ceiling(0.9) => 1.0\n",
        &[
            overload(&[of("number", Type::Int)], Type::Int, same),
            overload(&[of("number", Type::Long)], Type::Long, same),
            overload(&[DECIMAL], Type::Decimal, ceiling_decimal),
            real(&[NUMBER], ceiling),
            REFUSED,
        ],
    )
    .naming(Naming::FirstArgument),
    Function::new(
        "abs",
        "The number or timespan without its sign.\n\n    abs(-5) => 5\n    abs(-1.5) => 1.5\n    abs(-1d) => 1d\n",
        &[
            overload(&[of("number", Type::Long)], Type::Long, abs_long),
            overload(&[of("number", Type::Real)], Type::Real, abs_real),
            overload(&[DECIMAL], Type::Decimal, abs_decimal),
            overload(&[of("number", Type::Timespan)], Type::Timespan, abs_long),
            overload(&[LONG], Type::Long, abs_long),
            REFUSED,
        ],
    )
    .naming(Naming::FirstArgument),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounding() {
        for (value, digits, wanted) in [
            (1.005, 2, 1.0),
            (2.15, 1, 2.2),
            (12345.0, -2, 12300.0),
            (-50.55, -2, -100.0),
            (21.5, -1, 20.0),
            (1.5, 0, 2.0),
        ] {
            assert_eq!(round_real(value, digits), wanted, "{value}");
        }
        assert_eq!(round_real(1e300, 200), 1e300);
        assert!(round_real(f64::NAN, 2).is_nan());
    }
}
