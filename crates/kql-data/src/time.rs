//! Ticks and their text. A tick is 100 ns; tick 0 of a datetime is 0001-01-01T00:00:00Z, a Monday.

use std::fmt::Write;

/// Ticks in one millisecond.
pub const MILLISECOND: i64 = 10_000;
/// Ticks in one second.
pub const SECOND: i64 = 10_000_000;
/// Ticks in one minute.
pub const MINUTE: i64 = 60 * SECOND;
/// Ticks in one hour.
pub const HOUR: i64 = 60 * MINUTE;
/// Ticks in one day.
pub const DAY: i64 = 24 * HOUR;
/// Tick of 1970-01-01.
pub const UNIX_EPOCH: i64 = 719_162 * DAY;
/// Last tick of 9999-12-31.
pub const MAX: i64 = 3_155_378_975_999_999_999;

/// Days since 0001-01-01 of a proleptic Gregorian date. No check of ranges.
pub fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let y = if month <= 2 { year - 1 } else { year };
    let era = y.div_euclid(400);
    let yoe = y - era * 400;
    let doy = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
    era * 146_097 + doe - 306
}

/// Year, month and day of a count of days since 0001-01-01.
pub fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let z = days + 306;
    let era = z.div_euclid(146_097);
    let doe = z - era * 146_097;
    let yoe = (doe - doe / 1_460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let day = doy - (153 * mp + 2) / 5 + 1;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    (yoe + era * 400 + i64::from(month <= 2), month, day)
}

/// Days in a month.
pub fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// A datetime from its parts; `None` when one is out of range or the year is not 1 to 9999. `ticks` is the fraction of a second.
pub fn datetime(year: i64, month: i64, day: i64, hour: i64, minute: i64, second: i64, ticks: i64) -> Option<i64> {
    let good = (1..=9999).contains(&year)
        && (1..=12).contains(&month)
        && (1..=days_in_month(year, month)).contains(&day)
        && (0..24).contains(&hour)
        && (0..60).contains(&minute)
        && (0..60).contains(&second)
        && (0..SECOND).contains(&ticks);
    good.then(|| days_from_civil(year, month, day) * DAY + hour * HOUR + minute * MINUTE + second * SECOND + ticks)
}

/// `ticks` when it is a moment between years 1 and 9999.
pub fn in_range(ticks: i64) -> Option<i64> {
    (0..=MAX).contains(&ticks).then_some(ticks)
}

fn clock(out: &mut String, ticks: i64) {
    let (h, m, s) = (ticks / HOUR, ticks / MINUTE % 60, ticks / SECOND % 60);
    _ = write!(out, "{h:02}:{m:02}:{s:02}");
}

/// `2020-01-01T00:00:00.0000000Z`, always with seven digits: what `tostring` gives.
pub fn datetime_text(ticks: i64) -> String {
    let mut out = date_and_clock(ticks);
    _ = write!(out, ".{:07}Z", ticks.rem_euclid(SECOND));
    out
}

/// The wire form: trailing zeros of the fraction dropped, `2018-07-01T00:00:00Z`.
pub fn datetime_wire(ticks: i64) -> String {
    let mut out = date_and_clock(ticks);
    let fraction = ticks.rem_euclid(SECOND);
    if fraction != 0 {
        _ = write!(out, ".{fraction:07}");
        out.truncate(out.trim_end_matches('0').len());
    }
    out.push('Z');
    out
}

fn date_and_clock(ticks: i64) -> String {
    let (y, m, d) = civil_from_days(ticks.div_euclid(DAY));
    let mut out = String::with_capacity(28);
    _ = write!(out, "{y:04}-{m:02}-{d:02}T");
    clock(&mut out, ticks.rem_euclid(DAY));
    out
}

/// `[-][d.]hh:mm:ss[.fffffff]`.
pub fn timespan_text(ticks: i64) -> String {
    let mut out = String::with_capacity(20);
    if ticks < 0 {
        out.push('-');
    }
    let size = ticks.unsigned_abs();
    let day = DAY.unsigned_abs();
    if size >= day {
        _ = write!(out, "{}.", size / day);
    }
    // What is left is under a day, so it fits.
    clock(&mut out, (size % day) as i64);
    let fraction = size % SECOND.unsigned_abs();
    if fraction != 0 {
        _ = write!(out, ".{fraction:07}");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn civil_dates_round_trip() {
        for days in [0, 1, 58, 59, 364, 365, 719_162, 737_425, 3_652_058] {
            let (y, m, d) = civil_from_days(days);
            assert_eq!(days_from_civil(y, m, d), days);
        }
        assert_eq!(civil_from_days(0), (1, 1, 1));
        assert_eq!(civil_from_days(719_162), (1970, 1, 1));
        assert_eq!(datetime(9999, 12, 31, 23, 59, 59, SECOND - 1), Some(MAX));
    }

    #[test]
    fn text_of_times() {
        assert_eq!(datetime_text(0), "0001-01-01T00:00:00.0000000Z");
        assert_eq!(datetime_wire(UNIX_EPOCH + 5_000_000), "1970-01-01T00:00:00.5Z");
        assert_eq!(timespan_text(-36 * HOUR), "-1.12:00:00");
        assert_eq!(timespan_text(1), "00:00:00.0000001");
        assert_eq!(timespan_text(i64::MIN), "-10675199.02:48:05.4775808");
    }
}
