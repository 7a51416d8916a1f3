//! Parts of a datetime: year, month, week, day of the week and so on.

use crate::{
    declare::{Accepts, Constness, Function, Overload, Param, Returns},
    resolve::Actual,
    scalar::operator::{lift, of},
};
use arrow_array::Int64Array;
use kql_data::{
    Column, Context, Fault, Type, Value,
    time::{self, DAY, HOUR, MILLISECOND, MINUTE, SECOND},
};

/// Year, month and day of a datetime.
pub fn civil(ticks: i64) -> (i64, i64, i64) {
    time::civil_from_days(ticks.div_euclid(DAY))
}

/// Days since Sunday. The first day of the calendar was a Monday.
pub fn day_of_week(ticks: i64) -> i64 {
    (ticks.div_euclid(DAY) + 1).rem_euclid(7)
}

/// Day of the year, from 1.
pub fn day_of_year(ticks: i64) -> i64 {
    let days = ticks.div_euclid(DAY);
    days - time::days_from_civil(time::civil_from_days(days).0, 1, 1) + 1
}

/// Week by ISO 8601: weeks begin on Monday, and the first holds the year's first Thursday.
pub fn iso_week(ticks: i64) -> i64 {
    week_with_day(ticks, 3)
}

/// The number of a week, where the first of a year is the one that holds its first such day, counted from Monday as 0.
fn week_with_day(ticks: i64, day: i64) -> i64 {
    let days = ticks.div_euclid(DAY);
    let chosen = days - days.rem_euclid(7) + day;
    let (year, _, _) = time::civil_from_days(chosen);
    (chosen - time::days_from_civil(year, 1, 1)) / 7 + 1
}

/// What `datetime_part` can take out, and `datetime_add` and `datetime_diff` count in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Calendar year.
    Year,
    /// Three months.
    Quarter,
    /// Calendar month.
    Month,
    /// Seven days from a Sunday.
    Week,
    /// Week by ISO 8601.
    WeekOfYear,
    /// Day of the month.
    Day,
    /// Day of the year.
    DayOfYear,
    /// Hour.
    Hour,
    /// Minute.
    Minute,
    /// Second.
    Second,
    /// 10,000 ticks.
    Millisecond,
    /// 10 ticks.
    Microsecond,
    /// A hundredth of a tick.
    Nanosecond,
}

impl Part {
    /// The part of that name, in any case.
    pub fn from_name(name: &str) -> Option<Part> {
        Some(match name.to_ascii_lowercase().as_str() {
            "year" => Part::Year,
            "quarter" => Part::Quarter,
            "month" => Part::Month,
            "week" => Part::Week,
            "week_of_year" | "weekofyear" => Part::WeekOfYear,
            "day" => Part::Day,
            "dayofyear" => Part::DayOfYear,
            "hour" => Part::Hour,
            "minute" => Part::Minute,
            "second" => Part::Second,
            "millisecond" => Part::Millisecond,
            "microsecond" => Part::Microsecond,
            "nanosecond" => Part::Nanosecond,
            _ => return None,
        })
    }

    /// Whether it is part of a datetime. A week since when is not.
    pub fn is_readable(self) -> bool {
        self != Part::Week
    }

    /// Whether datetimes can be counted in it.
    pub fn is_countable(self) -> bool {
        !matches!(self, Part::WeekOfYear | Part::DayOfYear)
    }

    /// Its value in a datetime. Parts of a second count from the second: of .7654321 there are 765432 microseconds.
    pub fn of(self, ticks: i64) -> i64 {
        let (year, month, day) = civil(ticks);
        let clock = ticks.rem_euclid(DAY);
        let fraction = clock % SECOND;
        match self {
            Part::Year => year,
            Part::Quarter => (month - 1) / 3 + 1,
            Part::Month => month,
            Part::Week | Part::WeekOfYear => iso_week(ticks),
            Part::Day => day,
            Part::DayOfYear => day_of_year(ticks),
            Part::Hour => clock / HOUR,
            Part::Minute => clock / MINUTE % 60,
            Part::Second => clock / SECOND % 60,
            Part::Millisecond => fraction / MILLISECOND,
            Part::Microsecond => fraction / 10,
            Part::Nanosecond => fraction * 100,
        }
    }
}

/// The part that a literal argument names, or the reference's error.
pub(super) fn named_part(function: &str, name: &str, fits: fn(Part) -> bool) -> Result<Part, Fault> {
    Part::from_name(name)
        .filter(|it| fits(*it))
        .ok_or_else(|| Fault::coded("SEM0235", format!("{function}(): `{name}` is no period that it takes")))
}

/// The same for an argument known when the query is bound.
pub(super) fn bound_part(function: &str, actuals: &[Actual], fits: fn(Part) -> bool) -> Result<Option<Part>, Fault> {
    match actuals.first().and_then(|it| it.constant.as_ref()) {
        Some(Value::String(name)) => named_part(function, name, fits).map(Some),
        _ => Ok(None),
    }
}

/// The part that the first argument of a kernel names.
pub(super) fn part_argument(function: &str, args: &[Column], fits: fn(Part) -> bool) -> Result<Option<Part>, Fault> {
    let column = lift::arg(args, 0)?;
    if column.is_empty() {
        return Ok(None);
    }
    named_part(function, column.string_reader().get(0), fits).map(Some)
}

/// The parameter that names a part.
pub(super) const PART: Param = Param {
    name: "part",
    accepts: Accepts::Type(Type::String),
    cast: Some(Type::String),
    constness: Constness::Literal,
};

fn datetime_part(_: &Context, args: &[Column], n_rows: usize) -> Result<Column, Fault> {
    let dates = lift::longs(lift::arg(args, 1)?)?;
    let Some(part) = part_argument("datetime_part", args, Part::is_readable)? else {
        return Ok(Column::null(Type::Long, n_rows));
    };
    Ok(Column::Long((0..n_rows).map(|row| dates.get(row).map(|it| part.of(it))).collect::<Int64Array>()))
}

fn part_type(actuals: &[Actual]) -> Result<Type, Fault> {
    bound_part("datetime_part", actuals, Part::is_readable).map(|_| Type::Long)
}

/// The function that takes a part by name.
pub const BY_NAME: &[Function] = &[Function::new(
    "datetime_part",
    "A part of a datetime as a whole number: year, quarter, month, week_of_year, day, dayofyear, hour, minute, second, \
     millisecond, microsecond or nanosecond.\n\n    \
     datetime_part(\"week_of_year\", datetime(2017-10-30)) => 44\n    \
     datetime_part(\"microsecond\", datetime(2017-10-30 01:02:03.7654321)) => 765432\n",
    &[Overload {
        params: &[PART, of("date", Type::Datetime)],
        rest: None,
        returns: Returns::Custom(part_type),
        kernel: Some(datetime_part),
    }],
)
.aliases(&["datepart"])];

crate::functions! {
    /// Time since the last Sunday, in whole days.
    ///
    ///     dayofweek(datetime(1970-05-12)) => 2d
    ///     dayofweek(datetime(1947-11-30 10:00:05)) => 0s
    fn dayofweek(date: datetime) -> timespan { day_of_week(date) * DAY }

    /// Day of the month.
    ///
    ///     dayofmonth(datetime(2015-12-14)) => 14
    fn dayofmonth(date: datetime) -> long { civil(date).2 }

    /// Day of the year, from 1.
    ///
    ///     dayofyear(datetime(2015-12-14)) => 348
    fn dayofyear(date: datetime) -> long { day_of_year(date) }

    /// Hour of the day.
    ///
    ///     hourofday(datetime(2015-12-14 18:54)) => 18
    fn hourofday(date: datetime) -> long { date.rem_euclid(DAY) / HOUR }

    /// Number of the week by ISO 8601.
    ///
    ///     week_of_year(datetime(2020-12-31)) => 53
    ///     week_of_year(datetime(2000-01-01)) => 52
    fn week_of_year(date: datetime) -> long { iso_week(date) }

    /// Number of the week, where the first of a year holds its first Wednesday. Use `week_of_year`.
    ///
    ///     weekofyear(datetime(2020-06-15)) => 25
    fn weekofyear(date: datetime) -> long { week_with_day(date, 2) }

    /// Month of the year.
    ///
    ///     monthofyear(datetime(2015-12-14)) => 12
    #[aliases("getmonth")]
    fn monthofyear(date: datetime) -> long { civil(date).1 }

    /// Year.
    ///
    ///     getyear(datetime(2015-10-12)) => 2015
    fn getyear(date: datetime) -> long { civil(date).0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(text: &str) -> i64 {
        super::super::text::parse_datetime(text).unwrap()
    }

    #[test]
    fn weeks() {
        for (text, week) in
            [("2020-12-31", 53), ("2020-06-15", 25), ("1970-01-01", 1), ("2000-01-01", 52), ("2021-01-03", 53)]
        {
            assert_eq!(iso_week(date(text)), week, "{text}");
        }
    }

    #[test]
    fn parts_of_a_second_count_from_the_second() {
        let it = date("2017-10-30 01:02:03.7654321");
        let parts = [Part::Millisecond, Part::Microsecond, Part::Nanosecond, Part::Quarter, Part::DayOfYear];
        assert_eq!(parts.map(|part| part.of(it)), [765, 765_432, 765_432_100, 4, 303]);
        assert_eq!(day_of_week(date("2017-01-01")), 0);
    }
}
