//! Datetimes moved along the calendar: beginnings and ends of periods, sums and differences in periods.

use super::part::{PART, Part, bound_part, civil, day_of_week, part_argument};
use crate::{
    declare::{Accepts, Function, Overload, Param, Returns},
    resolve::Actual,
    scalar::operator::{lift, of},
};
use arrow_array::{Float64Array, Int64Array};
use kql_data::{
    Column, Context, Fault, Type,
    time::{self, DAY, HOUR, MILLISECOND, MINUTE, SECOND},
};

/// The first moment of the month so many months after year 0, unchecked.
fn start_of_month(months: i64) -> i64 {
    time::days_from_civil(months.div_euclid(12), months.rem_euclid(12) + 1, 1).saturating_mul(DAY)
}

fn months_of(ticks: i64) -> i64 {
    let (year, month, _) = civil(ticks);
    year * 12 + month - 1
}

/// Offsets beyond this many periods leave the calendar; they are refused before they overflow.
const OFFSET_MAX: u64 = 4_000_000;

/// The first moment of the period that holds a datetime, moved by so many periods. It may lie outside the calendar.
fn start(part: Part, ticks: i64, offset: i64) -> Option<i64> {
    if offset.unsigned_abs() > OFFSET_MAX {
        return None;
    }
    let midnight = ticks - ticks.rem_euclid(DAY);
    Some(match part {
        Part::Year => start_of_month((civil(ticks).0 + offset) * 12),
        Part::Month => start_of_month(months_of(ticks) + offset),
        Part::Week => offset.checked_mul(7 * DAY)?.checked_add(midnight - day_of_week(ticks) * DAY)?,
        _ => offset.checked_mul(DAY)?.checked_add(midnight)?,
    })
}

fn start_of(part: Part, ticks: i64, offset: i64) -> Option<i64> {
    time::in_range(start(part, ticks, offset)?)
}

/// The last tick before the next period.
fn end_of(part: Part, ticks: i64, offset: i64) -> Option<i64> {
    time::in_range(start(part, ticks, offset.checked_add(1)?)? - 1)
}

/// A datetime so many periods later. A day that the month does not have becomes its last.
pub fn add(part: Part, amount: i64, ticks: i64) -> Option<i64> {
    let unit = match part {
        Part::Year => return add_months(amount.checked_mul(12)?, ticks),
        Part::Quarter => return add_months(amount.checked_mul(3)?, ticks),
        Part::Month => return add_months(amount, ticks),
        Part::Nanosecond => return time::in_range(ticks.checked_add(amount / 100)?),
        Part::Week => 7 * DAY,
        Part::Hour => HOUR,
        Part::Minute => MINUTE,
        Part::Second => SECOND,
        Part::Millisecond => MILLISECOND,
        Part::Microsecond => 10,
        _ => DAY,
    };
    time::in_range(ticks.checked_add(amount.checked_mul(unit)?)?)
}

fn add_months(amount: i64, ticks: i64) -> Option<i64> {
    let months = months_of(ticks).checked_add(amount).filter(|it| (12..120_000).contains(it))?;
    let (year, month) = (months / 12, months % 12 + 1);
    let day = civil(ticks).2.min(time::days_in_month(year, month));
    Some(time::days_from_civil(year, month, day) * DAY + ticks.rem_euclid(DAY))
}

/// How many boundaries of a period lie between two datetimes.
pub fn difference(part: Part, a: i64, b: i64) -> i64 {
    let unit = match part {
        Part::Year => return civil(a).0 - civil(b).0,
        Part::Quarter => return months_of(a) / 3 - months_of(b) / 3,
        Part::Month => return months_of(a) - months_of(b),
        Part::Nanosecond => return (a - b).saturating_mul(100),
        // Weeks begin on Sunday, a day before the calendar does.
        Part::Week => return (a + DAY).div_euclid(7 * DAY) - (b + DAY).div_euclid(7 * DAY),
        Part::Hour => HOUR,
        Part::Minute => MINUTE,
        Part::Second => SECOND,
        Part::Millisecond => MILLISECOND,
        Part::Microsecond => 10,
        _ => DAY,
    };
    a.div_euclid(unit) - b.div_euclid(unit)
}

fn datetime_add(_: &Context, args: &[Column], n_rows: usize) -> Result<Column, Fault> {
    let (amounts, dates) = (lift::longs(lift::arg(args, 1)?)?, lift::longs(lift::arg(args, 2)?)?);
    let Some(part) = part_argument("datetime_add", args, Part::is_countable)? else {
        return Ok(Column::null(Type::Datetime, n_rows));
    };
    let one = |row| add(part, amounts.get(row)?, dates.get(row)?);
    Ok(Column::Datetime((0..n_rows).map(one).collect::<Int64Array>()))
}

fn add_type(actuals: &[Actual]) -> Result<Type, Fault> {
    bound_part("datetime_add", actuals, Part::is_countable).map(|_| Type::Datetime)
}

fn datetime_diff(_: &Context, args: &[Column], n_rows: usize) -> Result<Column, Fault> {
    let (a, b) = (lift::longs(lift::arg(args, 1)?)?, lift::longs(lift::arg(args, 2)?)?);
    let Some(part) = part_argument("datetime_diff", args, Part::is_countable)? else {
        return Ok(Column::null(Type::Long, n_rows));
    };
    let one = |row| Some(difference(part, a.get(row)?, b.get(row)?));
    Ok(if part == Part::Week {
        Column::Real((0..n_rows).map(|row| one(row).map(|it| it as f64)).collect::<Float64Array>())
    } else {
        Column::Long((0..n_rows).map(one).collect::<Int64Array>())
    })
}

/// Weeks are counted in a real.
fn diff_type(actuals: &[Actual]) -> Result<Type, Fault> {
    let part = bound_part("datetime_diff", actuals, Part::is_countable)?;
    Ok(if part == Some(Part::Week) { Type::Real } else { Type::Long })
}

/// The functions that take a period by name.
pub const BY_NAME: &[Function] = &[
    Function::new(
        "datetime_add",
        "A datetime so many periods later, or earlier for a negative amount. The period is year, quarter, month, week, day, \
         hour, minute, second, millisecond, microsecond or nanosecond.\n\n    \
         datetime_add(\"month\", 1, datetime(2017-01-31)) => datetime(2017-02-28)\n    \
         datetime_add(\"week\", -1, datetime(2017-01-08)) => datetime(2017-01-01)\n",
        &[Overload {
            params: &[PART, Param::new("amount", Accepts::Number).cast(Type::Long), of("date", Type::Datetime)],
            rest: None,
            returns: Returns::Custom(add_type),
            kernel: Some(datetime_add),
        }],
    ),
    Function::new(
        "datetime_diff",
        "How many boundaries of a period lie between two datetimes, negative when the first is earlier.\n\n    \
         datetime_diff(\"year\", datetime(2017-01-01), datetime(2000-12-31)) => 17\n    \
         datetime_diff(\"week\", datetime(2017-10-29), datetime(2017-09-30 23:59)) => 5.0\n",
        &[Overload {
            params: &[PART, of("datetime1", Type::Datetime), of("datetime2", Type::Datetime)],
            rest: None,
            returns: Returns::Custom(diff_type),
            kernel: Some(datetime_diff),
        }],
    ),
];

crate::functions! {
    /// Midnight of the day, moved by so many days.
    ///
    ///     startofday(datetime(2017-01-01 10:10:17), 1) => datetime(2017-01-02)
    #[naming(FirstArgument)]
    fn startofday
        (date: datetime) -> datetime { start_of(Part::Day, date, 0) }
        (date: datetime, offset: long) -> datetime { start_of(Part::Day, date, offset) }

    /// Midnight of the Sunday that begins the week, moved by so many weeks.
    ///
    ///     startofweek(datetime(2017-01-01 10:10:17), -1) => datetime(2016-12-25)
    fn startofweek
        (date: datetime) -> datetime { start_of(Part::Week, date, 0) }
        (date: datetime, offset: long) -> datetime { start_of(Part::Week, date, offset) }

    /// Midnight of the first day of the month, moved by so many months.
    ///
    ///     startofmonth(datetime(2017-01-15 10:10:17), -1) => datetime(2016-12-01)
    fn startofmonth
        (date: datetime) -> datetime { start_of(Part::Month, date, 0) }
        (date: datetime, offset: long) -> datetime { start_of(Part::Month, date, offset) }

    /// Midnight of the first day of the year, moved by so many years.
    ///
    ///     startofyear(datetime(2017-01-15 10:10:17)) => datetime(2017-01-01)
    fn startofyear
        (date: datetime) -> datetime { start_of(Part::Year, date, 0) }
        (date: datetime, offset: long) -> datetime { start_of(Part::Year, date, offset) }

    /// The last tick of the day, moved by so many days.
    ///
    ///     endofday(datetime(2017-01-01 10:10:17)) => datetime(2017-01-01 23:59:59.9999999)
    fn endofday
        (date: datetime) -> datetime { end_of(Part::Day, date, 0) }
        (date: datetime, offset: long) -> datetime { end_of(Part::Day, date, offset) }

    /// The last tick of the week, which ends with Saturday, moved by so many weeks.
    ///
    ///     endofweek(datetime(2017-01-01 10:10:17)) => datetime(2017-01-07 23:59:59.9999999)
    fn endofweek
        (date: datetime) -> datetime { end_of(Part::Week, date, 0) }
        (date: datetime, offset: long) -> datetime { end_of(Part::Week, date, offset) }

    /// The last tick of the month, moved by so many months.
    ///
    ///     endofmonth(datetime(2016-02-15)) => datetime(2016-02-29 23:59:59.9999999)
    fn endofmonth
        (date: datetime) -> datetime { end_of(Part::Month, date, 0) }
        (date: datetime, offset: long) -> datetime { end_of(Part::Month, date, offset) }

    /// The last tick of the year, moved by so many years.
    ///
    ///     endofyear(datetime(2017-01-01), 1) => datetime(2018-12-31 23:59:59.9999999)
    fn endofyear
        (date: datetime) -> datetime { end_of(Part::Year, date, 0) }
        (date: datetime, offset: long) -> datetime { end_of(Part::Year, date, offset) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(text: &str) -> i64 {
        super::super::text::parse_datetime(text).unwrap()
    }

    #[test]
    fn differences_count_boundaries() {
        for (part, a, b, wanted) in [
            (Part::Year, "2017-01-01", "2000-12-31", 17),
            (Part::Quarter, "2017-07-01", "2017-03-30", 2),
            (Part::Month, "2017-01-01", "2015-12-30", 13),
            (Part::Week, "2017-10-29 00:00", "2017-09-30 23:59", 5),
            (Part::Day, "2017-10-29 00:00", "2017-09-30 23:59", 29),
            (Part::Hour, "2017-10-31 01:00", "2017-10-30 23:59", 2),
            (Part::Second, "2017-10-30 23:00:10.100", "2017-10-30 23:00:00.900", 10),
            (Part::Nanosecond, "2017-10-30 23:00:00", "2017-10-30 23:00:00.0000007", -700),
        ] {
            assert_eq!(difference(part, date(a), date(b)), wanted, "{part:?}");
        }
    }

    #[test]
    fn the_edges_of_the_calendar_are_null() {
        assert_eq!(add(Part::Year, 1, time::MAX), None);
        assert_eq!(add(Part::Day, i64::MAX, 0), None);
        assert_eq!(end_of(Part::Year, time::MAX, 0), Some(time::MAX));
        assert_eq!(start_of(Part::Week, 0, 0), None);
        assert_eq!(start_of(Part::Month, 0, i64::MIN), None);
        assert_eq!(add(Part::Month, 1, date("2017-01-31")), Some(date("2017-02-28")));
    }
}
