//! `bin`, `bin_at`, `bin_auto`: values cut down to a multiple of a size, counted from zero or from a fixed point.

use super::not_a_number;
use crate::{
    declare::{Accepts, Function, Naming, Overload, Param, Returns, types::Primitives},
    scalar::{
        conversion,
        operator::{lift, of, overload, refused},
    },
};
use arrow_array::{
    Int64Array,
    types::{Float64Type, Int64Type},
};
use bigdecimal::RoundingMode;
use kql_data::{Boxed, Column, ColumnBuilder, Context, Decimal, Fault, Type, Value, time};

/// Cuts a whole number down; with a negative size it goes up. Null for a size of 0.
///
/// Operands of different signs are moved by almost a size before the division, which wraps at 64 bits as the reference's does.
pub fn bin_long(value: i64, size: i64) -> Option<i64> {
    if size == 0 {
        return None;
    }
    let moved = match (value < 0, size < 0) {
        (true, false) => value.wrapping_sub(size).wrapping_add(1),
        (false, true) if value != 0 => value.wrapping_sub(size).wrapping_sub(1),
        _ => value,
    };
    Some(moved.wrapping_div(size).wrapping_mul(size))
}

/// Cuts a real down. NaN for a size of 0.
pub fn bin_real(value: f64, size: f64) -> f64 {
    (value / size).floor() * size
}

fn bin_decimal(value: &Decimal, size: &Decimal) -> Option<Decimal> {
    let quotient = value.divide(size)?;
    let whole = Decimal::from_inner(quotient.inner().with_scale_round(0, RoundingMode::Floor));
    Some(&whole * size)
}

/// Division of numbers below 2^63 by one number, as a multiplication.
struct Divider {
    size: u64,
    factor: u64,
    shift: u32,
}

impl Divider {
    /// For a size from 2 on.
    fn new(size: i64) -> Option<Divider> {
        let size = u64::try_from(size).ok().filter(|it| *it >= 2)?;
        let n_bits = u64::BITS - (size - 1).leading_zeros();
        // 2^(63 + n_bits) / size, rounded up: too much by less than one part in 2^63.
        let factor = u64::try_from((1_u128 << (63 + n_bits)) / u128::from(size) + 1).ok()?;
        Some(Divider { size, factor, shift: n_bits - 1 })
    }

    /// The greatest multiple of the size that is not greater.
    #[inline]
    fn cut(&self, value: i64) -> i64 {
        let product = u128::from(value as u64) * u128::from(self.factor);
        (((product >> 64) as u64 >> self.shift).wrapping_mul(self.size)) as i64
    }
}

/// A column of numbers that are not negative by one size: results are below them, and none is null.
fn cut_down(a: &Primitives<'_, i64>, b: &Primitives<'_, i64>) -> Option<Int64Array> {
    let (Primitives::Plain(values), Primitives::Constant(Some(size))) = (a, b) else { return None };
    let divider = Divider::new(*size)?;
    if values.iter().fold(0, |all, it| all | it) < 0 {
        return None;
    }
    let cut: Vec<i64> = values.iter().map(|it| divider.cut(*it)).collect();
    Some(Int64Array::new(cut.into(), None))
}

fn longs(_: &Context, args: &[Column], n_rows: usize) -> Result<Column, Fault> {
    let (a, b) = (lift::longs(lift::arg(args, 0)?)?, lift::longs(lift::arg(args, 1)?)?);
    if let Some(cut) = cut_down(&a, &b) {
        return Ok(Column::Long(cut));
    }
    Ok(Column::Long(lift::try_map::<_, _, Int64Type>(&a, &b, n_rows, bin_long)))
}

fn timespans(_: &Context, args: &[Column], n_rows: usize) -> Result<Column, Fault> {
    let (a, b) = (lift::longs(lift::arg(args, 0)?)?, lift::longs(lift::arg(args, 1)?)?);
    if let Some(cut) = cut_down(&a, &b) {
        return Ok(Column::Timespan(cut));
    }
    Ok(Column::Timespan(lift::try_map::<_, _, Int64Type>(&a, &b, n_rows, bin_long)))
}

fn datetimes(_: &Context, args: &[Column], n_rows: usize) -> Result<Column, Fault> {
    let (a, b) = (lift::longs(lift::arg(args, 0)?)?, lift::longs(lift::arg(args, 1)?)?);
    if let Some(cut) = cut_down(&a, &b) {
        return Ok(Column::Datetime(cut));
    }
    let one = |value, size| bin_long(value, size).and_then(time::in_range);
    Ok(Column::Datetime(lift::try_map::<_, _, Int64Type>(&a, &b, n_rows, one)))
}

fn reals(_: &Context, args: &[Column], n_rows: usize) -> Result<Column, Fault> {
    let (a, b) = (lift::reals(lift::arg(args, 0)?)?, lift::reals(lift::arg(args, 1)?)?);
    Ok(Column::Real(lift::map::<_, _, Float64Type>(&a, &b, n_rows, bin_real)))
}

fn decimals(_: &Context, args: &[Column], n_rows: usize) -> Result<Column, Fault> {
    let (a, b) = (lift::arg(args, 0)?, lift::arg(args, 1)?);
    let one = |row| match (a.value(row), b.value(row)) {
        (Value::Decimal(a), Value::Decimal(b)) => bin_decimal(&a, &b),
        _ => None,
    };
    Ok(Column::Decimal(Boxed::new((0..n_rows).map(one).collect())))
}

/// One value cut down from a fixed point.
fn at(value: &Value, size: &Value, fixed: &Value, ty: Type) -> Value {
    let ticks = |it: &Value| match it {
        // A size without a unit counts days, as a number beside times does elsewhere.
        Value::Int(_) | Value::Long(_) | Value::Real(_) | Value::Decimal(_) => {
            conversion::to_real(it).map(|it| (it * time::DAY as f64) as i64)
        }
        other => conversion::to_long(other),
    };
    let made = match ty {
        Type::Datetime | Type::Timespan => {
            let (Some(value), Some(size), Some(fixed)) =
                (conversion::to_long(value), ticks(size), conversion::to_long(fixed))
            else {
                return Value::Null;
            };
            let shifted =
                value.checked_sub(fixed).and_then(|it| bin_long(it, size)).and_then(|it| it.checked_add(fixed));
            match ty {
                Type::Datetime => shifted.and_then(time::in_range).map(Value::Datetime),
                _ => shifted.map(Value::Timespan),
            }
        }
        Type::Real => (|| {
            let (value, size, fixed) =
                (conversion::to_real(value)?, conversion::to_real(size)?, conversion::to_real(fixed)?);
            Some(Value::Real(bin_real(value - fixed, size) + fixed))
        })(),
        Type::Decimal => (|| {
            let (value, size, fixed) =
                (conversion::to_decimal(value)?, conversion::to_decimal(size)?, conversion::to_decimal(fixed)?);
            Some(Value::Decimal(&bin_decimal(&(&value - &fixed), &size)? + &fixed))
        })(),
        _ => (|| {
            let (value, size, fixed) =
                (conversion::to_long(value)?, conversion::to_long(size)?, conversion::to_long(fixed)?);
            Some(Value::Long(bin_long(value.wrapping_sub(fixed), size)?.wrapping_add(fixed)))
        })(),
    };
    made.unwrap_or(Value::Null)
}

fn at_type(types: impl IntoIterator<Item = Type>) -> Option<Type> {
    let mut types = types.into_iter();
    match types.next()? {
        it @ (Type::Datetime | Type::Timespan) => Some(it),
        first => {
            let widest = crate::resolve::widest_number(std::iter::once(first).chain(types))?;
            Some(if widest == Type::Int { Type::Long } else { widest })
        }
    }
}

fn bin_at(_: &Context, args: &[Column], n_rows: usize) -> Result<Column, Fault> {
    let (value, size, fixed) = (lift::arg(args, 0)?, lift::arg(args, 1)?, lift::arg(args, 2)?);
    let ty = at_type(args.iter().map(Column::ty)).unwrap_or(Type::Long);
    let mut out = ColumnBuilder::new(ty, n_rows);
    for row in 0..n_rows {
        out.push(&at(&value.value(row), &size.value(row), &fixed.value(row), ty));
    }
    Ok(out.finish())
}

fn bin_at_type(actuals: &[crate::Actual]) -> Result<Type, Fault> {
    let ty = |index: usize| actuals.get(index).map_or(Type::Dynamic, |it| it.ty);
    let fits = match ty(0) {
        it @ (Type::Datetime | Type::Timespan) => ty(2) == it && (ty(1) == Type::Timespan || ty(1).is_number()),
        _ => true,
    };
    match at_type(actuals.iter().map(|it| it.ty)) {
        Some(it) if fits => Ok(it),
        _ => not_a_number(actuals),
    }
}

const NUMBER: Param = Param::new("value", Accepts::NumberOrBool).cast(Type::Long);

const BIN: &[Overload] = &[
    overload(&[of("value", Type::Long), of("roundTo", Type::Long)], Type::Long, longs),
    overload(&[of("value", Type::Real), of("roundTo", Type::Real)], Type::Real, reals),
    overload(&[of("value", Type::Decimal), of("roundTo", Type::Decimal)], Type::Decimal, decimals),
    overload(&[of("value", Type::Timespan), of("roundTo", Type::Timespan)], Type::Timespan, timespans),
    overload(&[of("value", Type::Datetime), of("roundTo", Type::Timespan)], Type::Datetime, datetimes),
    overload(&[of("value", Type::Datetime), of("roundTo", Type::Datetime)], Type::Datetime, datetimes),
    overload(&[NUMBER, NUMBER], Type::Long, longs),
    refused(&[Param::new("value", Accepts::Scalar), Param::new("roundTo", Accepts::Scalar)], not_a_number),
];

const SUMMABLE: Param = Param::new("value", Accepts::Summable);

/// The binning functions. `bin_auto` is rewritten to `bin_at` when a query is bound, from its `set` options.
pub const FUNCTIONS: &[Function] = &[
    Function::new(
        "bin",
        "The greatest multiple of a size that is not greater. Datetimes count from 0001-01-01, a Monday.\n\n    \
         bin(7, 5) => 5\n    bin(-7, 5) => -10\n    bin(7.5, 2) => 6.0\n    \
         bin(datetime(2007-03-05 12:34), 1d) => datetime(2007-03-05)\n    bin(7, 0) => long(null)\n",
        BIN,
    )
    .aliases(&["floor"])
    .naming(Naming::FirstArgument),
    Function::new(
        "bin_at",
        "As `bin`, counted from a fixed point instead of zero.\n\n    bin_at(6.5, 2.5, 7) => 4.5\n    \
         bin_at(1h, 1d, 12h) => time(-12:00)\n    \
         bin_at(datetime(2017-05-17 10:20), 7d, datetime(2017-06-04)) => datetime(2017-05-14)\n",
        &[Overload {
            params: &[
                SUMMABLE,
                Param::new("bin_size", Accepts::Summable),
                Param::new("fixed_point", Accepts::Summable),
            ],
            rest: None,
            returns: Returns::Custom(bin_at_type),
            kernel: Some(bin_at),
        }],
    )
    .naming(Naming::FirstArgument),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers() {
        for (value, size, wanted) in [
            (7, 5, Some(5)),
            (-7, 5, Some(-10)),
            (7, -5, Some(10)),
            (-7, -5, Some(-5)),
            (7, 0, None),
            (9_007_199_254_740_993, 1, Some(9_007_199_254_740_993)),
            (-9_223_372_036_854_775_806, 4, Some(9_223_372_036_854_775_804)),
            (i64::MAX, -4, Some(-9_223_372_036_854_775_804)),
            (i64::MIN, 3, Some(9_223_372_036_854_775_806)),
            (i64::MIN, -1, Some(i64::MIN)),
        ] {
            assert_eq!(bin_long(value, size), wanted, "bin({value}, {size})");
        }
    }

    #[test]
    fn divisions_by_multiplication_are_exact() {
        let mut dice = 3_u64;
        let mut roll = || {
            dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (dice >> 1) as i64 >> (dice >> 58)
        };
        let edges =
            [2, 3, 7, 10, 36_000_000_000, 864_000_000_000, 1 << 32, (1 << 62) - 1, 1 << 62, (1 << 62) + 1, i64::MAX];
        let rolled: Vec<i64> = (0..200).map(|_| roll()).collect();
        for size in edges.into_iter().chain(rolled.iter().map(|it| *it.max(&2))) {
            let divider = Divider::new(size).unwrap();
            let near = |it: i64| [it.wrapping_sub(1), it, it.wrapping_add(1)];
            let multiples = [0, 1, 2, i64::MAX / size].map(|it| it.wrapping_mul(size));
            let values = multiples.into_iter().flat_map(near).chain([i64::MAX, i64::MAX - 1]).chain(rolled.clone());
            for value in values.filter(|it| *it >= 0) {
                assert_eq!(Some(divider.cut(value)), bin_long(value, size), "{value} {size}");
            }
        }
        assert!(Divider::new(1).is_none() && Divider::new(0).is_none() && Divider::new(-5).is_none());
    }

    #[test]
    fn reals_and_infinities() {
        for (value, size, wanted) in [(7.5, 2.0, 6.0), (-7.5, 2.0, -8.0), (0.3, 0.1, 0.2), (7.0, 2.5, 5.0)] {
            assert_eq!(bin_real(value, size), wanted);
        }
        assert_eq!(bin_real(-0.3, 0.1), -0.300_000_000_000_000_04);
        assert!(bin_real(7.5, 0.0).is_nan());
        assert!(bin_real(1.0, f64::INFINITY).is_nan());
        assert_eq!(bin_real(f64::NEG_INFINITY, 1.0), f64::NEG_INFINITY);
        assert_eq!(bin_real(1e300, 1e-300), f64::INFINITY);
    }
}
