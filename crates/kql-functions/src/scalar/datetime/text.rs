//! Datetimes and timespans from text, for conversions, literals and readers of data alike.

use kql_data::time::{self, DAY, HOUR, MILLISECOND, MINUTE, SECOND, UNIX_EPOCH};

/// A text being read from the left.
struct Cursor<'a>(&'a str);

impl<'a> Cursor<'a> {
    fn peek(&self) -> Option<u8> {
        self.0.as_bytes().first().copied()
    }

    fn take(&mut self, wanted: impl Fn(u8) -> bool) -> bool {
        let found = self.peek().is_some_and(wanted);
        if found {
            self.0 = self.0.get(1..).unwrap_or("");
        }
        found
    }

    fn run(&mut self, wanted: impl Fn(u8) -> bool) -> &'a str {
        let end = self.0.bytes().position(|it| !wanted(it)).unwrap_or(self.0.len());
        let (run, rest) = self.0.split_at_checked(end).unwrap_or((self.0, ""));
        self.0 = rest;
        run
    }

    fn digits(&mut self) -> &'a str {
        self.run(|it| it.is_ascii_digit())
    }

    /// A number of so many digits.
    fn number(&mut self, digits: std::ops::RangeInclusive<usize>) -> Option<i64> {
        let run = self.digits();
        if digits.contains(&run.len()) { run.parse().ok() } else { None }
    }

    fn letters(&mut self) -> &'a str {
        self.run(|it| it.is_ascii_alphabetic())
    }

    fn spaces(&mut self) -> bool {
        !self.run(|it| it == b' ').is_empty()
    }

    /// A fraction of a second after the point, in ticks; digits beyond the seventh are dropped.
    fn fraction(&mut self) -> Option<i64> {
        let run = self.digits();
        if run.is_empty() {
            return None;
        }
        Some(run.bytes().chain(std::iter::repeat(b'0')).take(7).fold(0, |sum, it| sum * 10 + i64::from(it - b'0')))
    }
}

const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];
const WEEKDAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

/// Which of the names a word is, whole or by its first three letters.
fn position(names: &[&str], word: &str) -> Option<i64> {
    let word = word.to_ascii_lowercase();
    let found = names.iter().position(|it| *it == word || (word.len() == 3 && it.starts_with(&word)));
    found.map(|it| it as i64 + 1)
}

/// The year of two digits or four.
fn year(digits: &str) -> Option<i64> {
    let year: i64 = digits.parse().ok()?;
    match digits.len() {
        4 => Some(year),
        2 if year < 50 => Some(2_000 + year),
        2 => Some(1_900 + year),
        _ => None,
    }
}

/// A datetime in ticks, from any of the forms that the language reads: ISO 8601, RFC 822 and 850, month first with
/// slashes, dashes or dots, and whole numbers.
pub fn parse_datetime(text: &str) -> Option<i64> {
    let text = text.trim();
    if text.is_empty() || text.len() > 64 {
        return None;
    }
    if text.bytes().all(|it| it.is_ascii_digit()) {
        return from_digits(text);
    }
    let mut at = Cursor(text);
    if at.peek().is_some_and(|it| it.is_ascii_alphabetic()) {
        let before = at.0;
        if position(&WEEKDAYS, at.letters()).is_some() {
            _ = at.take(|it| it == b',');
            _ = at.spaces();
        } else {
            at.0 = before;
        }
    }
    let (year, month, day) = date(&mut at)?;
    let midnight = time::datetime(year, month, day, 0, 0, 0, 0)?;
    let (clock, offset) = clock_and_zone(&mut at)?;
    if at.0.is_empty() { time::in_range(midnight + clock - offset) } else { None }
}

/// A year, a day without separators, or seconds (or finer units) since 1970.
fn from_digits(text: &str) -> Option<i64> {
    let part = |from: usize, to: usize| text.get(from..to).and_then(|it| it.parse::<i64>().ok());
    match text.len() {
        4 => return time::datetime(part(0, 4)?, 1, 1, 0, 0, 0, 0),
        8 => {
            if let Some(it) = time::datetime(part(0, 4)?, part(4, 6)?, part(6, 8)?, 0, 0, 0, 0) {
                return Some(it);
            }
        }
        14 => {
            let (hour, minute, second) = (part(8, 10)?, part(10, 12)?, part(12, 14)?);
            if let Some(it) = time::datetime(part(0, 4)?, part(4, 6)?, part(6, 8)?, hour, minute, second, 0) {
                return Some(it);
            }
        }
        _ => {}
    }
    from_unix(text.parse().ok()?)
}

/// Since 1970, in the unit that a number of that size is likely to have: seconds, milli-, micro- or nanoseconds.
pub fn from_unix(number: i64) -> Option<i64> {
    let ticks = match number.unsigned_abs() {
        0..100_000_000_000 => number.checked_mul(SECOND)?,
        100_000_000_000..100_000_000_000_000 => number.checked_mul(MILLISECOND)?,
        100_000_000_000_000..100_000_000_000_000_000 => number.checked_mul(10)?,
        _ => number / 100,
    };
    time::in_range(ticks.checked_add(UNIX_EPOCH)?)
}

fn date(at: &mut Cursor<'_>) -> Option<(i64, i64, i64)> {
    if at.peek()?.is_ascii_alphabetic() {
        let month = position(&MONTHS, at.letters())?;
        _ = at.take(|it| it == b'.');
        _ = at.spaces();
        let day = at.number(1..=2)?;
        _ = at.take(|it| it == b',');
        _ = at.spaces();
        return Some((year(at.digits())?, month, day));
    }
    let first = at.digits();
    let separator = at.peek();
    match (first.len(), separator) {
        (8, _) => {
            let part = |from: usize, to: usize| first.get(from..to).and_then(|it| it.parse().ok());
            Some((part(0, 4)?, part(4, 6)?, part(6, 8)?))
        }
        (4, Some(b'-' | b'/' | b'.')) => {
            _ = at.take(|_| true);
            let month = at.number(1..=2)?;
            let day = if at.take(|it| Some(it) == separator) { at.number(1..=2)? } else { 1 };
            Some((first.parse().ok()?, month, day))
        }
        (1 | 2, Some(b'-' | b'/' | b'.' | b' ')) => {
            _ = at.take(|_| true);
            if at.peek()?.is_ascii_alphabetic() {
                let month = position(&MONTHS, at.letters())?;
                _ = at.take(|it| Some(it) == separator || it == b' ');
                return Some((year(at.digits())?, month, first.parse().ok()?));
            }
            if separator == Some(b' ') {
                return None;
            }
            let day = at.number(1..=2)?;
            if !at.take(|it| Some(it) == separator) {
                return None;
            }
            Some((year(at.digits())?, first.parse().ok()?, day))
        }
        _ => None,
    }
}

/// The time of day and the offset of the zone, both 0 when they are not there.
fn clock_and_zone(at: &mut Cursor<'_>) -> Option<(i64, i64)> {
    let spaced = at.spaces();
    let marked = !spaced && at.take(|it| it == b'T' || it == b't');
    let mut clock = 0;
    if at.peek().is_some_and(|it| it.is_ascii_digit()) {
        if !spaced && !marked {
            return None;
        }
        clock = time_of_day(at)?;
    } else if marked {
        return None;
    }
    _ = at.spaces();
    Some((clock, zone(at)?))
}

fn time_of_day(at: &mut Cursor<'_>) -> Option<i64> {
    let mut hour = at.number(1..=2)?;
    let rest = minutes(at, b".,")?;
    let before = at.0;
    _ = at.spaces();
    let half = at.letters();
    if half.eq_ignore_ascii_case("am") || half.eq_ignore_ascii_case("pm") {
        if !(1..=12).contains(&hour) {
            return None;
        }
        hour = hour % 12 + if half.eq_ignore_ascii_case("pm") { 12 } else { 0 };
    } else {
        at.0 = before;
    }
    (hour < 24).then(|| hour * HOUR + rest)
}

/// `:mm[:ss[.fffffff]]` in ticks, with one of `points` before the fraction.
fn minutes(at: &mut Cursor<'_>, points: &[u8]) -> Option<i64> {
    if !at.take(|it| it == b':') {
        return None;
    }
    let minute = at.number(1..=2)?;
    let (mut second, mut ticks) = (0, 0);
    if at.take(|it| it == b':') {
        second = at.number(1..=2)?;
        if at.take(|it| points.contains(&it)) {
            ticks = at.fraction()?;
        }
    }
    (minute < 60 && second < 60).then(|| minute * MINUTE + second * SECOND + ticks)
}

/// `Z`, `GMT`, `+02:00`, `-0700` or the American zones of RFC 822.
fn zone(at: &mut Cursor<'_>) -> Option<i64> {
    if let Some(sign @ (b'+' | b'-')) = at.peek() {
        _ = at.take(|_| true);
        let digits = at.digits();
        let (hours, minutes) = match digits.len() {
            1 | 2 if at.take(|it| it == b':') => (digits.parse::<i64>().ok()?, at.number(2..=2)?),
            1 | 2 => (digits.parse().ok()?, 0),
            4 => (digits.get(..2)?.parse().ok()?, digits.get(2..)?.parse().ok()?),
            _ => return None,
        };
        if hours > 14 || minutes > 59 {
            return None;
        }
        let offset = hours * HOUR + minutes * MINUTE;
        return Some(if sign == b'-' { -offset } else { offset });
    }
    let hours = match at.letters().to_ascii_uppercase().as_str() {
        "" | "Z" | "GMT" | "UTC" | "UT" => 0,
        "EDT" => -4,
        "EST" | "CDT" => -5,
        "CST" | "MDT" => -6,
        "MST" | "PDT" => -7,
        "PST" => -8,
        _ => return None,
    };
    Some(hours * HOUR)
}

/// A timespan in ticks from its clock form `[-][d.]hh:mm[:ss[.fffffff]]`.
pub fn parse_timespan(text: &str) -> Option<i64> {
    let text = text.trim();
    let (sign, rest) = match text.strip_prefix('-') {
        Some(rest) => (-1_i128, rest),
        None => (1, text),
    };
    let mut at = Cursor(rest);
    let mut first = at.number(1..=8)?;
    let mut days = 0;
    let with_days = at.take(|it| it == b'.');
    if with_days {
        days = first;
        first = at.number(1..=2)?;
    }
    let rest = minutes(&mut at, b".")?;
    if !at.0.is_empty() || first > 23 {
        return None;
    }
    let clock = first * HOUR + rest;
    i64::try_from(sign * (i128::from(days) * i128::from(DAY) + i128::from(clock))).ok()
}

/// Ticks of one unit of a timespan literal: `d`, `hours`, `min`, `ms`, `ticks` …; units under a tick are fractions of one.
pub fn unit_ticks(unit: &str) -> Option<f64> {
    Some(match unit {
        "d" | "day" | "days" => DAY as f64,
        "h" | "hr" | "hrs" | "hour" | "hours" => HOUR as f64,
        "m" | "min" | "mins" | "minute" | "minutes" => MINUTE as f64,
        "s" | "sec" | "secs" | "second" | "seconds" => SECOND as f64,
        "ms" | "milli" | "millis" | "millisec" | "millisecs" | "millisecond" | "milliseconds" => MILLISECOND as f64,
        "micro" | "micros" | "microsec" | "microsecs" | "microsecond" | "microseconds" => 10.0,
        "nano" | "nanos" | "nanosec" | "nanosecs" | "nanosecond" | "nanoseconds" => 0.01,
        "tick" | "ticks" => 1.0,
        _ => return None,
    })
}

/// A timespan in ticks from a literal such as `1.5h` or `10ticks`.
pub fn parse_timespan_literal(text: &str) -> Option<i64> {
    let (sign, text) = match text.strip_prefix('-') {
        Some(rest) => (-1.0, rest),
        None => (1.0, text),
    };
    let end = text.bytes().position(|it| !it.is_ascii_digit() && it != b'.')?;
    let (number, unit) = text.split_at_checked(end)?;
    let size = unit_ticks(unit)?;
    if let (Ok(whole), true) = (number.parse::<i64>(), size >= 1.0) {
        return whole.checked_mul(size as i64)?.checked_mul(sign as i64);
    }
    let number: f64 = number.parse().ok()?;
    // Units under a millisecond count whole. Nanoseconds are divided, so that 250 of them are 2 ticks and not 2.5000000000000004.
    let ticks = match size {
        ..1.0 => number / 100.0,
        1.0..=10.0 => number.trunc() * size,
        _ => number * size,
    };
    (ticks < 9.2e18).then_some((sign * ticks.trunc()) as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        parse_datetime(text).map_or("null".to_owned(), time::datetime_wire)
    }

    #[test]
    fn datetimes_in_all_forms() {
        for (text, wanted) in [
            ("2022-12-02", "2022-12-02T00:00:00Z"),
            ("2022/12/02", "2022-12-02T00:00:00Z"),
            ("20221202", "2022-12-02T00:00:00Z"),
            ("2022-12-02 13:45:56", "2022-12-02T13:45:56Z"),
            ("2022-12-02T13:45:56.1234567Z", "2022-12-02T13:45:56.1234567Z"),
            ("2022-12-02T13:45:56.123456789Z", "2022-12-02T13:45:56.1234567Z"),
            ("2024-01-01T12:34Z", "2024-01-01T12:34:00Z"),
            ("12-02-2022", "2022-12-02T00:00:00Z"),
            ("12.02.2022", "2022-12-02T00:00:00Z"),
            ("2/3/2022", "2022-02-03T00:00:00Z"),
            ("13-01-2022", "null"),
            ("x12-02-2022", "null"),
            ("", "null"),
            ("2022-12-02T", "null"),
            ("2022-12-02 25:00", "null"),
            ("2 Dec 2022", "2022-12-02T00:00:00Z"),
            ("Dec 2, 2022", "2022-12-02T00:00:00Z"),
            ("Fri, 02 Dec 2022 13:45:56 GMT", "2022-12-02T13:45:56Z"),
            ("Saturday, 08-Nov-14 15:05:02 GMT", "2014-11-08T15:05:02Z"),
            ("8 Nov 14 15:05", "2014-11-08T15:05:00Z"),
            ("2014-11-08 15:05:25 GMT", "2014-11-08T15:05:25Z"),
            ("2022-12-02T13:45:56+02:00", "2022-12-02T11:45:56Z"),
            ("12/02/2022 01:30:00 PM", "2022-12-02T13:30:00Z"),
            ("2025", "2025-01-01T00:00:00Z"),
            ("1", "1970-01-01T00:00:01Z"),
            ("0001-01-01T00:00:00+02:00", "null"),
        ] {
            assert_eq!(shown(text), wanted, "{text}");
        }
    }

    #[test]
    fn timespans() {
        for (text, wanted) in [
            ("1.00:00:00", Some(DAY)),
            (" -1.02:03:04 ".trim(), Some(-(DAY + 2 * HOUR + 3 * MINUTE + 4 * SECOND))),
            ("10:00", Some(10 * HOUR)),
            ("00:00:00.00000049", Some(4)),
            ("10", None),
            ("00:01:00 junk", None),
            ("99999999.00:00:00", None),
        ] {
            assert_eq!(parse_timespan(text), wanted, "{text}");
        }
        for (text, wanted) in [
            ("1d", Some(DAY)),
            ("1.5h", Some(54_000_000_000)),
            ("1tick", Some(1)),
            ("150nanoseconds", Some(1)),
            ("199nanoseconds", Some(1)),
            ("250nanoseconds", Some(2)),
            ("0.5microseconds", Some(0)),
            ("1.5ticks", Some(1)),
            ("9999999999999d", None),
            ("5x", None),
        ] {
            assert_eq!(parse_timespan_literal(text), wanted, "{text}");
        }
    }
}
