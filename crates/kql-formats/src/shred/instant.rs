//! Texts of moments, spans and identifiers, read fast.

use kql_data::time;

struct Digits<'a>(&'a [u8]);

impl Digits<'_> {
    /// Exactly so many digits.
    fn take(&mut self, n: usize) -> Option<i64> {
        let (head, rest) = self.0.split_at_checked(n)?;
        let mut value = 0;
        for it in head {
            if !it.is_ascii_digit() {
                return None;
            }
            value = value * 10 + i64::from(it - b'0');
        }
        self.0 = rest;
        Some(value)
    }

    /// One to so many digits.
    fn some(&mut self, max: usize) -> Option<i64> {
        let n = self.0.iter().take(max).take_while(|it| it.is_ascii_digit()).count();
        if n == 0 { None } else { self.take(n) }
    }

    fn byte(&mut self, of: &[u8]) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        if !of.contains(first) {
            return None;
        }
        self.0 = rest;
        Some(*first)
    }

    /// A fraction of a second in ticks, after its point; more than seven digits are cut.
    fn fraction(&mut self) -> Option<i64> {
        let n = self.0.iter().take_while(|it| it.is_ascii_digit()).count();
        if n == 0 || n > 18 {
            return None;
        }
        let ticks = self.take(n.min(7))? * 10_i64.pow(7 - n.min(7) as u32);
        self.0 = self.0.get(n.saturating_sub(7).min(self.0.len())..)?;
        Some(ticks)
    }
}

/// A moment in ISO 8601 with date and time: `2024-01-31T10:00:00.123Z`, also with a blank for the T, with an offset, or without either (UTC).
pub(crate) fn date_time(text: &str) -> Option<i64> {
    let mut it = Digits(text.as_bytes());
    let (year, _) = (it.take(4)?, it.byte(b"-")?);
    let (month, _) = (it.take(2)?, it.byte(b"-")?);
    let (day, _) = (it.take(2)?, it.byte(b"T t")?);
    let (hour, _) = (it.take(2)?, it.byte(b":")?);
    let minute = it.take(2)?;
    let second = if it.byte(b":").is_some() { it.take(2)? } else { 0 };
    let ticks = if it.byte(b".,").is_some() { it.fraction()? } else { 0 };
    let moment = time::datetime(year, month, day, hour, minute, second, ticks)?;
    let offset = zone(&mut it)?;
    if it.0.is_empty() { time::in_range(moment - offset) } else { None }
}

/// An offset in ticks.
fn zone(it: &mut Digits<'_>) -> Option<i64> {
    _ = it.byte(b" ");
    if it.0.is_empty() || it.byte(b"Zz").is_some() {
        return Some(0);
    }
    let sign = if it.byte(b"+-")? == b'-' { -1 } else { 1 };
    let hours = it.take(2)?;
    let minutes = if it.byte(b":").is_some() || !it.0.is_empty() { it.take(2)? } else { 0 };
    (hours <= 14 && minutes < 60).then_some(sign * (hours * time::HOUR + minutes * time::MINUTE))
}

/// A moment of a column that is known to hold moments: also a date alone, and `1/31/2024, 10:00:00.000 AM`, which the Azure portal exports.
pub(crate) fn moment(text: &str) -> Option<i64> {
    let text = text.trim();
    date_time(text).or_else(|| date(text)).or_else(|| american(text))
}

fn date(text: &str) -> Option<i64> {
    let mut it = Digits(text.as_bytes());
    let (year, _) = (it.take(4)?, it.byte(b"-")?);
    let (month, _) = (it.take(2)?, it.byte(b"-")?);
    let day = it.take(2)?;
    if it.0.is_empty() { time::datetime(year, month, day, 0, 0, 0, 0) } else { None }
}

fn american(text: &str) -> Option<i64> {
    let mut it = Digits(text.as_bytes());
    let (month, _) = (it.some(2)?, it.byte(b"/")?);
    let (day, _) = (it.some(2)?, it.byte(b"/")?);
    let year = it.take(4)?;
    _ = it.byte(b",");
    _ = it.byte(b" ")?;
    let (hour, _) = (it.some(2)?, it.byte(b":")?);
    let minute = it.take(2)?;
    let second = if it.byte(b":").is_some() { it.take(2)? } else { 0 };
    let ticks = if it.byte(b".").is_some() { it.fraction()? } else { 0 };
    _ = it.byte(b" ");
    let hour = match it.0 {
        b"" => hour,
        b"AM" | b"am" if (1..=12).contains(&hour) => hour % 12,
        b"PM" | b"pm" if (1..=12).contains(&hour) => hour % 12 + 12,
        _ => return None,
    };
    time::datetime(year, month, day, hour, minute, second, ticks)
}

/// A count since 1970 of seconds, milliseconds, microseconds or nanoseconds, or ticks since year 1: told apart by size.
pub(crate) fn epoch(value: i64) -> Option<i64> {
    let since_1970 = match value.unsigned_abs() {
        0..100_000_000_000 => value.checked_mul(time::SECOND)?,
        100_000_000_000..100_000_000_000_000 => value.checked_mul(time::MILLISECOND)?,
        100_000_000_000_000..100_000_000_000_000_000 => value.checked_mul(10)?,
        100_000_000_000_000_000..1_000_000_000_000_000_000 => return time::in_range(value),
        _ => value / 100,
    };
    time::in_range(time::UNIX_EPOCH.checked_add(since_1970)?)
}

/// Seconds since 1970.
pub(crate) fn seconds(value: f64) -> Option<i64> {
    let ticks = value * time::SECOND as f64;
    if !ticks.is_finite() || ticks.abs() > time::MAX as f64 {
        return None;
    }
    time::in_range(time::UNIX_EPOCH.checked_add(ticks.round() as i64)?)
}

/// A span as `[-][d.]hh:mm:ss[.fffffff]`.
pub(crate) fn span(text: &str) -> Option<i64> {
    let text = text.trim();
    let (negative, text) = text.strip_prefix('-').map_or((false, text), |it| (true, it));
    let (days, clock) = match text.split_once('.') {
        Some((days, rest)) if !days.contains(':') => (days.parse::<i64>().ok()?, rest),
        _ => (0, text),
    };
    let mut it = Digits(clock.as_bytes());
    let (hour, _) = (it.some(2)?, it.byte(b":")?);
    let minute = it.take(2)?;
    let second = if it.byte(b":").is_some() { it.take(2)? } else { 0 };
    let ticks = if it.byte(b".").is_some() { it.fraction()? } else { 0 };
    if !it.0.is_empty() || hour > 23 || minute > 59 || second > 59 || days < 0 {
        return None;
    }
    let clock = hour * time::HOUR + minute * time::MINUTE + second * time::SECOND + ticks;
    // The smallest span has no positive, so the sign goes in first.
    let (days, clock) = if negative { (-days, -clock) } else { (days, clock) };
    days.checked_mul(time::DAY)?.checked_add(clock)
}

/// An identifier of 32 hexadecimal digits, with or without hyphens and braces.
pub(crate) fn guid(text: &str) -> Option<u128> {
    let text = text.trim();
    let text = text.strip_prefix('{').and_then(|it| it.strip_suffix('}')).unwrap_or(text);
    let hyphens = [8, 13, 18, 23].iter().all(|it| text.as_bytes().get(*it) == Some(&b'-'));
    let hex: String = if text.len() == 36 && hyphens { text.replace('-', "") } else { text.to_owned() };
    let good = hex.len() == 32 && hex.bytes().all(|it| it.is_ascii_hexdigit());
    if good { u128::from_str_radix(&hex, 16).ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments() {
        let text = |it: &str| moment(it).map(time::datetime_wire);
        for (input, expected) in [
            ("2024-01-31T10:00:00Z", "2024-01-31T10:00:00Z"),
            ("2024-01-31T10:00:00.1234567Z", "2024-01-31T10:00:00.1234567Z"),
            ("2024-01-31T10:00:00.123456789Z", "2024-01-31T10:00:00.1234567Z"),
            ("2024-01-31 10:00", "2024-01-31T10:00:00Z"),
            ("2024-01-31T10:00:00+02:00", "2024-01-31T08:00:00Z"),
            ("2024-01-31T10:00:00-0530", "2024-01-31T15:30:00Z"),
            ("2024-01-31", "2024-01-31T00:00:00Z"),
            ("1/31/2024, 1:02:03.456 PM", "2024-01-31T13:02:03.456Z"),
            ("12/1/2024, 12:00:00.000 AM", "2024-12-01T00:00:00Z"),
        ] {
            assert_eq!(text(input).as_deref(), Some(expected), "{input}");
        }
        for bad in
            ["", "x", "2024-02-30T00:00:00Z", "2024-01-31T25:00:00Z", "2024-01-31T10:00:00Zx", "2024-01-31T10:00:00.Z"]
        {
            assert_eq!(text(bad), None, "{bad}");
        }
        assert_eq!(epoch(1_700_000_000), epoch(1_700_000_000_000));
        assert_eq!(epoch(1_700_000_000), epoch(1_700_000_000_000_000_000));
    }

    #[test]
    fn spans_and_guids() {
        for text in ["1.02:03:04.0500000", "-00:00:01", "00:00:00", "-10675199.02:48:05.4775808"] {
            assert_eq!(span(text).map(time::timespan_text).as_deref(), Some(text));
        }
        assert_eq!(span("1:2:3"), None);
        assert_eq!(guid("{74be27de-1e4e-49d9-b579-fe0b331d3642}"), guid("74be27de1e4e49d9b579fe0b331d3642"));
        assert!(guid("74be27de-1e4e-49d9-b579-fe0b331d364").is_none());
    }
}
