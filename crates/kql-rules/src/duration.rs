//! Durations of rules: `1d`, `5m`, .NET's `d.hh:mm:ss`, ISO 8601's `PT1H`, as ticks of 100 ns.

use kql::time::{DAY, HOUR, MINUTE, SECOND};

/// The ticks of a duration in any of the forms that rules use; `None` for anything else. Negative ones are none.
///
/// ```
/// use kql_rules::duration::parse;
///
/// let hour = 36_000_000_000;
/// for text in ["1h", "PT1H", "01:00:00", "60m", "60min", "0.01:00:00", "PT60M"] {
///     assert_eq!(parse(text), Some(hour), "{text}");
/// }
/// assert_eq!((parse("P1DT2H"), parse("1.02:00:00")), (Some(26 * hour), Some(26 * hour)));
/// assert_eq!((parse("1 fortnight"), parse("PT"), parse("")), (None, None, None));
/// ```
pub fn parse(text: &str) -> Option<i64> {
    let text = text.trim();
    match text.strip_prefix(['P', 'p']) {
        Some(rest) => iso(rest),
        None if text.contains(':') => clock(text),
        None => short(text),
    }
}

/// `PT1H30M`, `P14D`, `P1W`.
fn iso(text: &str) -> Option<i64> {
    let (mut total, mut number, mut in_time, mut any) = (0i64, String::new(), false, false);
    for c in text.chars() {
        match c.to_ascii_uppercase() {
            'T' if !in_time && number.is_empty() => in_time = true,
            it if it.is_ascii_digit() || it == '.' => number.push(it),
            unit => {
                let ticks = match (unit, in_time) {
                    ('W', false) => 7 * DAY,
                    ('D', false) => DAY,
                    ('H', true) => HOUR,
                    ('M', true) => MINUTE,
                    ('S', true) => SECOND,
                    _ => return None,
                };
                total = total.checked_add(scaled(&number, ticks)?)?;
                number.clear();
                any = true;
            }
        }
    }
    (any && number.is_empty()).then_some(total)
}

/// `hh:mm:ss`, `d.hh:mm:ss`, `hh:mm`, with a fraction of the second.
fn clock(text: &str) -> Option<i64> {
    let (days, rest) = match text.split_once(':')?.0.split_once('.') {
        Some((days, _)) => (days.parse::<i64>().ok().filter(|it| *it >= 0)?, text.split_once('.')?.1),
        None => (0, text),
    };
    let parts: Vec<&str> = rest.split(':').collect();
    let (hours, minutes, seconds) = match parts.as_slice() {
        [hours, minutes] => (*hours, *minutes, "0"),
        [hours, minutes, seconds] => (*hours, *minutes, *seconds),
        _ => return None,
    };
    let whole = |it: &str, below: i64| it.parse::<i64>().ok().filter(|it| (0..below).contains(it));
    let (hours, minutes) = (whole(hours, 24)?, whole(minutes, 60)?);
    let seconds = scaled(seconds, SECOND).filter(|it| *it < MINUTE)?;
    days.checked_mul(DAY)?.checked_add(hours * HOUR + minutes * MINUTE + seconds)
}

/// `1d`, `5m`, `30 min`.
fn short(text: &str) -> Option<i64> {
    let at = text.find(|it: char| !it.is_ascii_digit() && it != '.')?;
    let (number, unit) = text.split_at_checked(at)?;
    let ticks = match unit.trim().to_ascii_lowercase().as_str() {
        "w" | "week" | "weeks" => 7 * DAY,
        "d" | "day" | "days" => DAY,
        "h" | "hr" | "hrs" | "hour" | "hours" => HOUR,
        "m" | "min" | "mins" | "minute" | "minutes" => MINUTE,
        "s" | "sec" | "secs" | "second" | "seconds" => SECOND,
        _ => return None,
    };
    scaled(number, ticks)
}

/// A number with at most one point, times a unit.
fn scaled(number: &str, unit: i64) -> Option<i64> {
    if let Ok(whole) = number.parse::<i64>() {
        return whole.checked_mul(unit).filter(|it| *it >= 0);
    }
    let (whole, fraction) = number.split_once('.')?;
    let digits = |it: &str| it.chars().all(|it| it.is_ascii_digit());
    if !digits(whole) || !digits(fraction) || fraction.is_empty() || fraction.len() > 9 {
        return None;
    }
    let power = 10i128.pow(u32::try_from(fraction.len()).ok()?);
    let whole: i128 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let value = (whole.checked_mul(power)?.checked_add(fraction.parse().ok()?)?).checked_mul(i128::from(unit))? / power;
    i64::try_from(value).ok()
}

/// The shortest form of a duration as rules write it: `14d`, `90m`, `1h`; `1d 02:30:00` is `1590m`.
pub fn short_text(ticks: i64) -> String {
    for (unit, name) in [(DAY, "d"), (HOUR, "h"), (MINUTE, "m"), (SECOND, "s")] {
        if ticks % unit == 0 && ticks != 0 {
            return format!("{}{name}", ticks / unit);
        }
    }
    if ticks == 0 { "0m".to_owned() } else { clock_text(ticks) }
}

/// As alerts write it: `05:00:00`, `14.00:00:00`.
pub fn clock_text(ticks: i64) -> String {
    kql::time::timespan_text(ticks)
}

/// As templates of the resource manager write it: `PT5H`, `P14D`, `P1DT2H`.
pub fn iso_text(ticks: i64) -> String {
    if ticks <= 0 {
        return "PT0S".to_owned();
    }
    let mut out = String::from("P");
    if ticks >= DAY {
        out.push_str(&format!("{}D", ticks / DAY));
    }
    let rest = ticks % DAY;
    if rest > 0 {
        out.push('T');
        for (amount, name) in [(rest / HOUR, "H"), (rest % HOUR / MINUTE, "M"), (rest % MINUTE / SECOND, "S")] {
            if amount > 0 {
                out.push_str(&format!("{amount}{name}"));
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms() {
        assert_eq!(parse("P14D"), Some(14 * DAY));
        assert_eq!(parse("PT1.5H"), Some(90 * MINUTE));
        assert_eq!(parse("14.00:00:00"), Some(14 * DAY));
        assert_eq!(parse("00:05:00"), Some(5 * MINUTE));
        for bad in ["P", "PT1", "P1H", "1", "25:00:00", "1:2:3:4", "-1d", "1.2.3d", "99999999999999d", "d", "PT1HT1M"] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn printed() {
        assert_eq!((short_text(14 * DAY), short_text(90 * MINUTE)), ("14d".to_owned(), "90m".to_owned()));
        assert_eq!((clock_text(5 * HOUR), clock_text(14 * DAY)), ("05:00:00".to_owned(), "14.00:00:00".to_owned()));
        assert_eq!((iso_text(26 * HOUR), iso_text(5 * MINUTE)), ("P1DT2H".to_owned(), "PT5M".to_owned()));
    }
}
