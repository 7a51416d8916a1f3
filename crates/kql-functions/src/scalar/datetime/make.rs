//! Datetimes and timespans from numbers, and the clock of the query.

use crate::{
    declare::{Accepts, Function, Naming, Overload, Param, Returns},
    scalar::{conversion, operator::lift},
};
use bigdecimal::ToPrimitive;
use kql_data::{
    Column, Context, Fault, Type, Value,
    time::{self, DAY, HOUR, MINUTE, SECOND, UNIX_EPOCH},
};

/// Ticks of seconds with a fraction, cut below a tick. The decimal digits count, not the float just under them.
fn second_ticks(second: f64) -> Option<i64> {
    if !(0.0..60.0).contains(&second) {
        return None;
    }
    let whole = second.trunc();
    let fraction = ((second - whole) * 1e7 + 1e-6).floor();
    Some((whole as i64) * SECOND + (fraction as i64).min(SECOND - 1))
}

fn moment(year: i64, month: i64, day: i64, hour: i64, minute: i64, second: f64) -> Option<i64> {
    Some(time::datetime(year, month, day, hour, minute, 0, 0)? + second_ticks(second)?)
}

fn span(days: i64, hours: i64, minutes: i64, second: f64) -> Option<i64> {
    if !(0..24).contains(&hours) || !(0..60).contains(&minutes) {
        return None;
    }
    days.checked_mul(DAY)?.checked_add(hours * HOUR + minutes * MINUTE + second_ticks(second)?)
}

/// A time so many units after 1970. Whole numbers are exact; fractions are cut below a tick.
fn since_1970(value: &Value, ticks_per_unit: i64, units_per_tick: i64) -> Option<i64> {
    let ticks = match value {
        Value::Int(_) | Value::Long(_) => {
            let whole = conversion::to_long(value)?;
            whole.checked_mul(ticks_per_unit)? / units_per_tick
        }
        Value::Decimal(it) => {
            let ticks = it.inner() * bigdecimal::BigDecimal::from(ticks_per_unit) / units_per_tick;
            ticks.to_i64()?
        }
        _ => {
            let ticks = conversion::to_real(value)? * ticks_per_unit as f64 / units_per_tick as f64;
            if !ticks.is_finite() || ticks.abs() > 9.2e18 {
                return None;
            }
            ticks as i64
        }
    };
    time::in_range(UNIX_EPOCH.checked_add(ticks)?)
}

macro_rules! unix_kernels {
    ($($name:ident $ticks:literal $units:literal;)*) => {$(
        fn $name(_: &Context, args: &[Column], n_rows: usize) -> Result<Column, Fault> {
            let column = lift::arg(args, 0)?;
            let one = |row| since_1970(&column.value(row), $ticks, $units);
            Ok(Column::Datetime((0..n_rows).map(one).collect()))
        }
    )*};
}
unix_kernels! {
    unix_seconds 10_000_000 1;
    unix_milliseconds 10_000 1;
    unix_microseconds 10 1;
    unix_nanoseconds 1 100;
}

fn make_datetime_of(_: &Context, args: &[Column], _: usize) -> Result<Column, Fault> {
    Ok(conversion::convert_column(lift::arg(args, 0)?, Type::Datetime))
}

fn make_timespan_of(_: &Context, args: &[Column], _: usize) -> Result<Column, Fault> {
    Ok(conversion::convert_column(lift::arg(args, 0)?, Type::Timespan))
}

const ANY: Param = Param::new("value", Accepts::Scalar);
const NUMBER: Param = Param::new("number", Accepts::Number);

const fn single(param: &'static [Param], ty: Type, kernel: crate::Kernel) -> Overload {
    Overload { params: param, rest: None, returns: Returns::Type(ty), kernel: Some(kernel) }
}

/// A datetime from its parts, or from anything as `todatetime` does.
const MAKE_DATETIME: &[Overload] = &[
    crate::overload!((year: long, month: long, day: long) -> datetime { moment(year, month, day, 0, 0, 0.0) }),
    crate::overload!((year: long, month: long, day: long, hour: long) -> datetime {
        moment(year, month, day, hour, 0, 0.0)
    }),
    crate::overload!((year: long, month: long, day: long, hour: long, minute: long) -> datetime {
        moment(year, month, day, hour, minute, 0.0)
    }),
    crate::overload!((year: long, month: long, day: long, hour: long, minute: long, second: real) -> datetime {
        moment(year, month, day, hour, minute, second)
    }),
    single(&[ANY], Type::Datetime, make_datetime_of),
];

const MAKE_TIMESPAN: &[Overload] = &[
    crate::overload!((hours: long, minutes: long) -> timespan { span(0, hours, minutes, 0.0) }),
    crate::overload!((hours: long, minutes: long, seconds: real) -> timespan { span(0, hours, minutes, seconds) }),
    crate::overload!((days: long, hours: long, minutes: long, seconds: real) -> timespan {
        span(days, hours, minutes, seconds)
    }),
    single(&[ANY], Type::Timespan, make_timespan_of),
];

macro_rules! unix_function {
    ($name:literal, $unit:literal, $example:literal, $kernel:ident) => {
        Function::new(
            $name,
            concat!(
                "The datetime so many ",
                $unit,
                " after 1970-01-01.\n\n    ",
                $example,
                " => datetime(2019-01-01)\n"
            ),
            &[single(&[NUMBER], Type::Datetime, $kernel)],
        )
    };
}

/// Datetimes and timespans from numbers.
pub const MAKERS: &[Function] = &[
    Function::new(
        "make_datetime",
        "A datetime from its parts; null when one is out of range.\n\n    \
         make_datetime(2017, 10, 1, 12, 10) => datetime(2017-10-01 12:10)\n    \
         make_datetime(2017, 10, 1, 12, 11, 0.1234567) => datetime(2017-10-01 12:11:00.1234567)\n    \
         make_datetime(2017, 13, 1) => datetime(null)\n",
        MAKE_DATETIME,
    )
    .naming(Naming::FirstArgument),
    Function::new(
        "make_timespan",
        "A timespan from its parts; null when one is out of range.\n\n    \
         make_timespan(1, 12, 30, 55.123) => time(1.12:30:55.123)\n    make_timespan(12, 30) => time(12:30)\n",
        MAKE_TIMESPAN,
    )
    .naming(Naming::FirstArgument),
    unix_function!("unixtime_seconds_todatetime", "seconds", "unixtime_seconds_todatetime(1546300800)", unix_seconds),
    unix_function!(
        "unixtime_milliseconds_todatetime",
        "milliseconds",
        "unixtime_milliseconds_todatetime(1546300800000)",
        unix_milliseconds
    ),
    unix_function!(
        "unixtime_microseconds_todatetime",
        "microseconds",
        "unixtime_microseconds_todatetime(1546300800000000)",
        unix_microseconds
    ),
    unix_function!(
        "unixtime_nanoseconds_todatetime",
        "nanoseconds",
        "unixtime_nanoseconds_todatetime(1546300800000000000)",
        unix_nanoseconds
    ),
];

crate::functions! {
    /// The moment at which the query runs, the same in all of it, moved by an offset.
    ///
    ///     now(1h) - now() => 1h
    fn now
        () -> datetime |cx| { time::in_range(cx.now) }
        (offset: timespan) -> datetime |cx| { time::in_range(cx.now.checked_add(offset)?) }

    /// The moment so long before the query runs.
    ///
    ///     now() - ago(1d) => 1d
    fn ago(span: timespan) -> datetime |cx| { time::in_range(cx.now.checked_sub(span)?) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_cut_below_a_tick() {
        assert_eq!(second_ticks(0.1234567), Some(1_234_567));
        assert_eq!(second_ticks(59.99999999), Some(599_999_999));
        assert_eq!(second_ticks(60.0), None);
        assert_eq!(second_ticks(f64::NAN), None);
    }

    #[test]
    fn unix_times() {
        assert_eq!(since_1970(&Value::Real(0.5), SECOND, 1), Some(UNIX_EPOCH + 5_000_000));
        assert_eq!(since_1970(&Value::Long(i64::MAX), SECOND, 1), None);
        assert_eq!(since_1970(&Value::Long(-250), 1, 100), Some(UNIX_EPOCH - 2));
    }
}
