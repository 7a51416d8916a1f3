//! `+`, `-`, `*`, `/`, `%` and the sign, for numbers, datetimes, timespans and dynamics that hold one.
//!
//! Whole numbers wrap at 64 bits; division by zero gives null for them and an infinity or NaN for reals. The result of `%` is never negative.
//! A datetime outside years 1 to 9999 is null, and so is a timespan beyond 64 bits.

use super::{cast, lift, of, overload, refused, types};
use crate::declare::{Accepts, Function, Overload, Param, Returns};
use arrow_array::types::{Float64Type, Int32Type, Int64Type};
use kql_data::{Boxed, Column, Context, Decimal, Dynamic, Fault, Type, Value, time};

/// One of the five operations, on every type that it has.
trait Operation {
    fn long(a: i64, b: i64) -> Option<i64>;
    /// Whether `long` may give null.
    const PARTIAL: bool = false;
    fn real(a: f64, b: f64) -> f64;
    fn decimal(a: &Decimal, b: &Decimal) -> Option<Decimal>;
}

struct Add;
impl Operation for Add {
    #[inline(always)]
    fn long(a: i64, b: i64) -> Option<i64> {
        Some(a.wrapping_add(b))
    }
    #[inline(always)]
    fn real(a: f64, b: f64) -> f64 {
        a + b
    }
    fn decimal(a: &Decimal, b: &Decimal) -> Option<Decimal> {
        Some(a + b)
    }
}

struct Subtract;
impl Operation for Subtract {
    #[inline(always)]
    fn long(a: i64, b: i64) -> Option<i64> {
        Some(a.wrapping_sub(b))
    }
    #[inline(always)]
    fn real(a: f64, b: f64) -> f64 {
        a - b
    }
    fn decimal(a: &Decimal, b: &Decimal) -> Option<Decimal> {
        Some(a - b)
    }
}

struct Multiply;
impl Operation for Multiply {
    #[inline(always)]
    fn long(a: i64, b: i64) -> Option<i64> {
        Some(a.wrapping_mul(b))
    }
    #[inline(always)]
    fn real(a: f64, b: f64) -> f64 {
        a * b
    }
    fn decimal(a: &Decimal, b: &Decimal) -> Option<Decimal> {
        Some(a * b)
    }
}

struct Divide;
impl Operation for Divide {
    const PARTIAL: bool = true;
    #[inline(always)]
    fn long(a: i64, b: i64) -> Option<i64> {
        if b == 0 { None } else { Some(a.wrapping_div(b)) }
    }
    #[inline(always)]
    fn real(a: f64, b: f64) -> f64 {
        a / b
    }
    fn decimal(a: &Decimal, b: &Decimal) -> Option<Decimal> {
        a.divide(b)
    }
}

struct Modulo;
impl Operation for Modulo {
    const PARTIAL: bool = true;
    #[inline(always)]
    fn long(a: i64, b: i64) -> Option<i64> {
        if b == 0 { None } else { Some(a.wrapping_rem_euclid(b)) }
    }
    #[inline(always)]
    fn real(a: f64, b: f64) -> f64 {
        a.rem_euclid(b)
    }
    fn decimal(a: &Decimal, b: &Decimal) -> Option<Decimal> {
        if b.is_zero() {
            return None;
        }
        let rest = Decimal::from_inner(a.inner() % b.inner());
        Some(if rest < Decimal::from(0) { &rest + &Decimal::from_inner(b.inner().abs()) } else { rest })
    }
}

fn longs<O: Operation>(_: &Context, args: &[Column], n_rows: usize) -> Result<Column, Fault> {
    let (a, b) = (lift::longs(lift::arg(args, 0)?)?, lift::longs(lift::arg(args, 1)?)?);
    Ok(Column::Long(if O::PARTIAL {
        lift::try_map::<_, _, Int64Type>(&a, &b, n_rows, O::long)
    } else {
        lift::map::<_, _, Int64Type>(&a, &b, n_rows, |a, b| O::long(a, b).unwrap_or_default())
    }))
}

fn ints<O: Operation>(_: &Context, args: &[Column], n_rows: usize) -> Result<Column, Fault> {
    let (a, b) = (lift::ints(lift::arg(args, 0)?)?, lift::ints(lift::arg(args, 1)?)?);
    let one = |a, b| O::long(i64::from(a), i64::from(b));
    Ok(Column::Long(if O::PARTIAL {
        lift::try_map::<_, _, Int64Type>(&a, &b, n_rows, one)
    } else {
        lift::map::<_, _, Int64Type>(&a, &b, n_rows, |a, b| one(a, b).unwrap_or_default())
    }))
}

fn reals<O: Operation>(_: &Context, args: &[Column], n_rows: usize) -> Result<Column, Fault> {
    let (a, b) = (lift::reals(lift::arg(args, 0)?)?, lift::reals(lift::arg(args, 1)?)?);
    Ok(Column::Real(lift::map::<_, _, Float64Type>(&a, &b, n_rows, O::real)))
}

fn decimals<O: Operation>(_: &Context, args: &[Column], n_rows: usize) -> Result<Column, Fault> {
    let (a, b) = (lift::arg(args, 0)?, lift::arg(args, 1)?);
    let one = |row| match (a.value(row), b.value(row)) {
        (Value::Decimal(a), Value::Decimal(b)) => O::decimal(&a, &b),
        _ => None,
    };
    Ok(Column::Decimal(Boxed::new((0..n_rows).map(one).collect())))
}

macro_rules! tick_kernels {
    ($($name:ident $column:ident ($a:ident, $b:ident) $right:path => $body:expr;)*) => {$(
        fn $name(_: &Context, args: &[Column], n_rows: usize) -> Result<Column, Fault> {
            let (a, b) = (lift::longs(lift::arg(args, 0)?)?, $right(lift::arg(args, 1)?)?);
            Ok(Column::$column(lift::try_map::<_, _, Int64Type>(&a, &b, n_rows, |$a, $b| $body)))
        }
    )*};
}
tick_kernels! {
    datetime_plus Datetime (a, b) lift::longs => time::in_range(a.checked_add(b)?);
    datetime_minus Datetime (a, b) lift::longs => time::in_range(a.checked_sub(b)?);
    timespan_plus Timespan (a, b) lift::longs => a.checked_add(b);
    timespan_minus Timespan (a, b) lift::longs => a.checked_sub(b);
    timespan_times Timespan (a, b) lift::longs => a.checked_mul(b);
    timespan_times_real Timespan (a, b) lift::reals => ticks(a as f64 * b);
    timespan_by Timespan (a, b) lift::longs => a.checked_div(b);
    timespan_by_real Timespan (a, b) lift::reals => ticks(a as f64 / b);
    timespan_modulo Timespan (a, b) lift::longs => a.checked_rem_euclid(b);
    timespan_modulo_real Timespan (a, b) lift::reals => ticks((a as f64).rem_euclid(b));
    datetime_times Datetime (a, b) lift::reals => time::in_range(ticks(a as f64 * b)?);
    datetime_by Datetime (a, b) lift::reals => time::in_range(ticks(a as f64 / b)?);
    datetime_modulo Datetime (a, b) lift::longs => time::in_range(a.checked_rem_euclid(b)?);
}

/// Ticks of a float; null when it does not fit.
fn ticks(value: f64) -> Option<i64> {
    (value.is_finite() && value.abs() < 9.3e18).then_some(value as i64)
}

fn quotient(_: &Context, args: &[Column], n_rows: usize) -> Result<Column, Fault> {
    let (a, b) = (lift::longs(lift::arg(args, 0)?)?, lift::longs(lift::arg(args, 1)?)?);
    Ok(Column::Real(lift::map::<_, _, Float64Type>(&a, &b, n_rows, |a, b| a as f64 / b as f64)))
}

/// The same kernel with its operands changed over: `2 * 1h`.
fn times_timespan(cx: &Context, args: &[Column], n_rows: usize) -> Result<Column, Fault> {
    timespan_times(cx, &[lift::arg(args, 1)?.clone(), lift::arg(args, 0)?.clone()], n_rows)
}

fn real_times_timespan(cx: &Context, args: &[Column], n_rows: usize) -> Result<Column, Fault> {
    timespan_times_real(cx, &[lift::arg(args, 1)?.clone(), lift::arg(args, 0)?.clone()], n_rows)
}

fn times_datetime(cx: &Context, args: &[Column], n_rows: usize) -> Result<Column, Fault> {
    datetime_times(cx, &[lift::arg(args, 1)?.clone(), lift::arg(args, 0)?.clone()], n_rows)
}

fn span_plus_datetime(cx: &Context, args: &[Column], n_rows: usize) -> Result<Column, Fault> {
    datetime_plus(cx, args, n_rows)
}

/// Two dynamics: numbers give a number, times a time, all else null.
fn dynamics<O: Operation>(_: &Context, args: &[Column], n_rows: usize) -> Result<Column, Fault> {
    let (a, b) = (lift::arg(args, 0)?, lift::arg(args, 1)?);
    let one = |row| -> Option<Dynamic> {
        match (a.dynamic(row), b.dynamic(row)) {
            (Dynamic::Long(a), Dynamic::Long(b)) => O::long(a, b).map(Dynamic::Long),
            (Dynamic::Timespan(a), Dynamic::Timespan(b)) => O::long(a, b).map(Dynamic::Timespan),
            (Dynamic::Datetime(a), Dynamic::Timespan(b)) => {
                O::long(a, b).and_then(time::in_range).map(Dynamic::Datetime)
            }
            (Dynamic::Datetime(a), Dynamic::Datetime(b)) => O::long(a, b).map(Dynamic::Timespan),
            (a, b) => Some(Dynamic::Real(O::real(a.as_f64()?, b.as_f64()?))),
        }
    };
    Ok(Column::dynamics((0..n_rows).map(one).collect()))
}

fn negate_longs(_: &Context, args: &[Column], n_rows: usize) -> Result<Column, Fault> {
    let column = lift::arg(args, 0)?;
    let rows = lift::longs(column)?;
    let zero = crate::declare::types::Primitives::Constant(Some(0_i64));
    let out = lift::map::<_, _, Int64Type>(&zero, &rows, n_rows, |_, it| it.wrapping_neg());
    Ok(if column.ty() == Type::Timespan { Column::Timespan(out) } else { Column::Long(out) })
}

fn negate_ints(_: &Context, args: &[Column], n_rows: usize) -> Result<Column, Fault> {
    let rows = lift::ints(lift::arg(args, 0)?)?;
    let zero = crate::declare::types::Primitives::Constant(Some(0_i64));
    Ok(Column::Int(lift::map::<_, _, Int32Type>(&zero, &rows, n_rows, |_, it| it.wrapping_neg())))
}

fn negate_reals(_: &Context, args: &[Column], n_rows: usize) -> Result<Column, Fault> {
    let rows = lift::reals(lift::arg(args, 0)?)?;
    let zero = crate::declare::types::Primitives::Constant(Some(0_i64));
    Ok(Column::Real(lift::map::<_, _, Float64Type>(&zero, &rows, n_rows, |_, it: f64| -it)))
}

fn negate_decimals(cx: &Context, args: &[Column], n_rows: usize) -> Result<Column, Fault> {
    let zero = Column::constant(Value::Decimal(Decimal::from(0)), Type::Decimal, n_rows);
    decimals::<Subtract>(cx, &[zero, lift::arg(args, 0)?.clone()], n_rows)
}

fn negate_dynamics(_: &Context, args: &[Column], n_rows: usize) -> Result<Column, Fault> {
    let column = lift::arg(args, 0)?;
    let one = |row| match column.dynamic(row) {
        Dynamic::Long(it) => Some(Dynamic::Long(it.wrapping_neg())),
        Dynamic::Real(it) => Some(Dynamic::Real(-it)),
        Dynamic::Timespan(it) => Some(Dynamic::Timespan(it.wrapping_neg())),
        Dynamic::Decimal(it) => Some(Dynamic::Decimal(&Decimal::from(0) - &it)),
        _ => None,
    };
    Ok(Column::dynamics((0..n_rows).map(one).collect()))
}

fn not_summable(actuals: &[crate::Actual]) -> Result<Type, Fault> {
    Err(Fault::coded("SEM0001", format!("arithmetic does not take operands of types {}", types(actuals))))
}

const DYNAMIC: Accepts = Accepts::Type(Type::Dynamic);

macro_rules! pair {
    ($left:ident, $right:ident, $out:ident, $kernel:expr) => {
        overload(&[of("left", Type::$left), of("right", Type::$right)], Type::$out, $kernel)
    };
}
/// A dynamic beside a number is converted to that number's type.
macro_rules! dynamic_with {
    ($ty:ident, $of:ident, $out:ident, $kernel:expr) => {
        [
            overload(
                &[cast("left", DYNAMIC, Type::$ty), cast("right", Accepts::Type(Type::$of), Type::$ty)],
                Type::$out,
                $kernel,
            ),
            overload(
                &[cast("left", Accepts::Type(Type::$of), Type::$ty), cast("right", DYNAMIC, Type::$ty)],
                Type::$out,
                $kernel,
            ),
        ]
    };
}

macro_rules! operation {
    ($operation:ident, [$($more:expr),* $(,)?]) => {{
        const LONG: [Overload; 2] = dynamic_with!(Long, Long, Long, longs::<$operation>);
        const REAL: [Overload; 2] = dynamic_with!(Real, Real, Real, reals::<$operation>);
        const DECIMAL: [Overload; 2] = dynamic_with!(Decimal, Decimal, Decimal, decimals::<$operation>);
        const OVERLOADS: &[Overload] = &[
            pair!(Int, Int, Long, ints::<$operation>),
            pair!(Long, Long, Long, longs::<$operation>),
            pair!(Real, Real, Real, reals::<$operation>),
            pair!(Decimal, Decimal, Decimal, decimals::<$operation>),
            $($more,)*
            LONG[0], LONG[1], REAL[0], REAL[1], DECIMAL[0], DECIMAL[1],
            overload(&[Param::new("left", DYNAMIC), Param::new("right", DYNAMIC)], Type::Dynamic, dynamics::<$operation>),
            refused(&[Param::new("left", Accepts::Scalar), Param::new("right", Accepts::Scalar)], not_summable),
        ];
        OVERLOADS
    }};
}

const PLUS_DATETIME: [Overload; 2] = dynamic_with!(Timespan, Timespan, Timespan, timespan_plus);
const MINUS_TIMESPAN: [Overload; 2] = dynamic_with!(Timespan, Timespan, Timespan, timespan_minus);
const MINUS_DATETIME: [Overload; 2] = dynamic_with!(Datetime, Datetime, Timespan, timespan_minus);

const NEGATE: &[Overload] = &[
    overload(&[of("operand", Type::Int)], Type::Int, negate_ints),
    overload(&[of("operand", Type::Long)], Type::Long, negate_longs),
    overload(&[of("operand", Type::Real)], Type::Real, negate_reals),
    overload(&[of("operand", Type::Decimal)], Type::Decimal, negate_decimals),
    overload(&[of("operand", Type::Timespan)], Type::Timespan, negate_longs),
    overload(&[Param::new("operand", DYNAMIC)], Type::Dynamic, negate_dynamics),
    Overload {
        params: &[Param::new("operand", Accepts::Scalar)],
        rest: None,
        returns: Returns::Custom(not_summable),
        kernel: None,
    },
];

/// The arithmetic operators. `negate` is the sign.
pub const FUNCTIONS: &[Function] = &[
    Function::new(
        "+",
        "Sum. Whole numbers wrap at 64 bits.\n\n    int(2147483647) + int(1) => 2147483648\n    1 + 1.5 => 2.5\n    \
         datetime(2020-01-01) + 1d => datetime(2020-01-02)\n",
        operation!(
            Add,
            [
                pair!(Datetime, Timespan, Datetime, datetime_plus),
                pair!(Timespan, Datetime, Datetime, span_plus_datetime),
                // Half of it is the middle of two moments.
                pair!(Datetime, Datetime, Datetime, datetime_plus),
                pair!(Timespan, Timespan, Timespan, timespan_plus),
                PLUS_DATETIME[0],
                PLUS_DATETIME[1],
                overload(
                    &[of("left", Type::Datetime), cast("right", DYNAMIC, Type::Timespan)],
                    Type::Datetime,
                    datetime_plus
                ),
                overload(
                    &[cast("left", DYNAMIC, Type::Timespan), of("right", Type::Datetime)],
                    Type::Datetime,
                    datetime_plus
                ),
            ]
        ),
    ),
    Function::new(
        "-",
        "Difference. Two datetimes give a timespan.\n\n    5 - 7 => -2\n    \
         datetime(2020-01-02) - datetime(2020-01-01) => 1d\n",
        operation!(
            Subtract,
            [
                pair!(Datetime, Timespan, Datetime, datetime_minus),
                pair!(Datetime, Datetime, Timespan, timespan_minus),
                pair!(Timespan, Timespan, Timespan, timespan_minus),
                MINUS_TIMESPAN[0],
                MINUS_TIMESPAN[1],
                MINUS_DATETIME[0],
                MINUS_DATETIME[1],
            ]
        ),
    ),
    Function::new(
        "*",
        "Product.\n\n    2 * 2.5 => 5.0\n    2 * 1h => 2h\n",
        operation!(
            Multiply,
            [
                pair!(Timespan, Long, Timespan, timespan_times),
                pair!(Long, Timespan, Timespan, times_timespan),
                pair!(Timespan, Real, Timespan, timespan_times_real),
                pair!(Real, Timespan, Timespan, real_times_timespan),
                pair!(Datetime, Real, Datetime, datetime_times),
                pair!(Real, Datetime, Datetime, times_datetime),
            ]
        ),
    ),
    Function::new(
        "/",
        "Quotient; whole numbers are cut toward zero.\n\n    7 / 2 => 3\n    -7 / 2 => -3\n    7 / 2.0 => 3.5\n    \
         1 / 0 => long(null)\n    1d / 5h => 4.8\n",
        operation!(
            Divide,
            [
                pair!(Timespan, Timespan, Real, quotient),
                pair!(Timespan, Long, Timespan, timespan_by),
                pair!(Timespan, Real, Timespan, timespan_by_real),
                pair!(Datetime, Datetime, Real, quotient),
                pair!(Datetime, Timespan, Real, quotient),
                pair!(Datetime, Real, Datetime, datetime_by),
            ]
        ),
    ),
    Function::new(
        "%",
        "Remainder, never negative.\n\n    -10 % 4 => 2\n    10 % -4 => 2\n    36h % 1d => 12h\n",
        operation!(
            Modulo,
            [
                pair!(Timespan, Timespan, Timespan, timespan_modulo),
                pair!(Timespan, Long, Timespan, timespan_modulo),
                pair!(Timespan, Real, Timespan, timespan_modulo_real),
                pair!(Datetime, Datetime, Timespan, timespan_modulo),
                pair!(Datetime, Timespan, Timespan, timespan_modulo),
                pair!(Datetime, Long, Datetime, datetime_modulo),
            ]
        ),
    ),
    Function::new(
        "negate",
        "The number or timespan with the other sign.\n\n    -(-5) => 5\n    -1d => time(-1.00:00:00)\n",
        NEGATE,
    ),
];
