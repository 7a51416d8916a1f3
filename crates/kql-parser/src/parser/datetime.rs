//! Texts that name a point in time, as `datetime(…)` and `todatetime()` read them.

/// Ticks of 100 ns in a second.
const SECOND: i64 = 10_000_000;
/// Days from 0001-01-01 to 1970-01-01.
const DAYS_TO_1970: i64 = 719_162;

/// Ticks since 0001-01-01 of a text such as `2024-01-02 03:04:05.6`, `12/31/2024`, `2 Dec 2022`, `20221202`;
/// an offset is applied. `None` if it names no point in time.
pub fn parse_datetime(text: &str) -> Option<i64> {
    let text = text.trim();
    if text.len() > 64 || !text.is_ascii() {
        return None;
    }
    if text.bytes().all(|it| it.is_ascii_digit()) {
        return digits_only(text);
    }
    let mut reader = Reader { rest: text };
    let (year, month, day) = reader.date()?;
    let days = days(year, month, day)?;
    let ticks = reader.time_of_day()?;
    let offset = reader.offset()?;
    reader.rest.is_empty().then_some(())?;
    in_range((days * 86_400 - offset) * SECOND + ticks)
}

/// `2025, 6, 14` or `2025, 6`: year, month and day as numbers.
pub(super) fn parse_datetime_parts(text: &str) -> Option<i64> {
    let parts: Vec<i64> = text.split(',').map(|it| it.trim().parse().ok()).collect::<Option<_>>()?;
    let (year, month, day) = match parts[..] {
        [year, month] => (year, month, 1),
        [year, month, day] => (year, month, day),
        _ => return None,
    };
    in_range(days(year, month, day)? * 86_400 * SECOND)
}

/// `2025` a year, `20250614` a date, otherwise seconds since 1970.
fn digits_only(text: &str) -> Option<i64> {
    let number: i64 = text.parse().ok()?;
    let days = match text.len() {
        4 => days(number, 1, 1)?,
        8 => days(number / 10_000, number / 100 % 100, number % 100)?,
        _ => return in_range(number.checked_add(DAYS_TO_1970 * 86_400)?.checked_mul(SECOND)?),
    };
    in_range(days * 86_400 * SECOND)
}

fn in_range(ticks: i64) -> Option<i64> {
    (0..=3_155_378_975_999_999_999).contains(&ticks).then_some(ticks)
}

/// Days from 0001-01-01 to a date of the proleptic Gregorian calendar.
fn days(year: i64, month: i64, day: i64) -> Option<i64> {
    let lengths = [31, if is_leap(year) { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let index = usize::try_from(month - 1).ok()?;
    let length = *lengths.get(index)?;
    if !(1..=9999).contains(&year) || !(1..=length).contains(&day) {
        return None;
    }
    let before = year - 1;
    let months: i64 = lengths[..index].iter().sum();
    Some(before * 365 + before / 4 - before / 100 + before / 400 + months + day - 1)
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

/// The ticks of the digits behind a decimal point; digits below a tick are dropped.
pub(super) fn fraction_ticks(digits: &str) -> Option<i64> {
    if !digits.bytes().all(|it| it.is_ascii_digit()) {
        return None;
    }
    let mut ticks = 0;
    for place in 0..7 {
        ticks = ticks * 10 + digits.as_bytes().get(place).map_or(0, |it| i64::from(it - b'0'));
    }
    Some(ticks)
}

const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const WEEKDAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

struct Reader<'a> {
    rest: &'a str,
}

impl<'a> Reader<'a> {
    fn skip_spaces(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t']);
    }

    fn eat(&mut self, it: char) -> bool {
        match self.rest.strip_prefix(it) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn take(&mut self, accept: fn(u8) -> bool) -> &'a str {
        let length = self.rest.bytes().take_while(|it| accept(*it)).count();
        let (taken, rest) = self.rest.split_at(length);
        self.rest = rest;
        taken
    }

    fn digits(&mut self) -> &'a str {
        self.take(|it| it.is_ascii_digit())
    }

    /// A number of one to `most` digits.
    fn number(&mut self, most: usize) -> Option<i64> {
        let digits = self.digits();
        if digits.len() > most { None } else { digits.parse().ok() }
    }

    /// The number of a month's name.
    fn month_name(&mut self) -> Option<i64> {
        let word = self.take(|it| it.is_ascii_alphabetic()).to_ascii_lowercase();
        let index = MONTHS.iter().position(|it| word.starts_with(it))?;
        Some(index as i64 + 1)
    }

    /// Year, month and day in any of the accepted orders.
    fn date(&mut self) -> Option<(i64, i64, i64)> {
        let before = self.rest;
        let word = self.take(|it| it.is_ascii_alphabetic()).to_ascii_lowercase();
        if WEEKDAYS.iter().any(|it| word.starts_with(it)) {
            self.eat(',');
            self.skip_spaces();
        } else {
            self.rest = before;
        }
        if self.rest.starts_with(|it: char| it.is_ascii_alphabetic()) {
            return self.month_first();
        }
        let first = self.digits();
        if first.len() == 8 {
            let number: i64 = first.parse().ok()?;
            return Some((number / 10_000, number / 100 % 100, number % 100));
        }
        let number: i64 = if first.len() > 4 { return None } else { first.parse().ok()? };
        let separator = self.rest.chars().next()?;
        if separator == ' ' || (separator == '-' && self.rest[1..].starts_with(|it: char| it.is_ascii_alphabetic())) {
            return self.day_first(number);
        }
        if !matches!(separator, '-' | '/' | '.') {
            return None;
        }
        self.eat(separator);
        let second = self.number(2)?;
        if first.len() == 4 {
            let day = if self.eat(separator) { self.number(2)? } else { 1 };
            return Some((number, second, day));
        }
        if !self.eat(separator) {
            return None;
        }
        Some((self.year()?, number, second))
    }

    /// A year of four digits, or of two in this or the last century.
    fn year(&mut self) -> Option<i64> {
        let digits = self.digits();
        let year: i64 = digits.parse().ok()?;
        match digits.len() {
            4 => Some(year),
            2 => Some(if year < 50 { 2000 + year } else { 1900 + year }),
            _ => None,
        }
    }

    /// `Dec 2, 2022`
    fn month_first(&mut self) -> Option<(i64, i64, i64)> {
        let month = self.month_name()?;
        self.skip_spaces();
        let day = self.number(2)?;
        self.eat(',');
        self.skip_spaces();
        Some((self.year()?, month, day))
    }

    /// `2 Dec 2022`, `2-Dec-22`, the day being read.
    fn day_first(&mut self, day: i64) -> Option<(i64, i64, i64)> {
        self.eat('-');
        self.skip_spaces();
        let month = self.month_name()?;
        self.eat('-');
        self.skip_spaces();
        Some((self.year()?, month, day))
    }

    /// Ticks since midnight; 0 when no time is written.
    fn time_of_day(&mut self) -> Option<i64> {
        let has_t = self.eat('T') || self.eat('t');
        self.skip_spaces();
        if !has_t && !self.rest.starts_with(|it: char| it.is_ascii_digit()) {
            return Some(0);
        }
        let mut hour = self.number(2)?;
        let minute = if self.eat(':') { self.number(2)? } else { return None };
        let second = if self.eat(':') { self.number(2)? } else { 0 };
        let fraction = if self.eat('.') || self.eat(',') { fraction_ticks(self.digits())? } else { 0 };
        self.skip_spaces();
        let half = self.rest.get(..2).unwrap_or("").to_ascii_lowercase();
        if half == "am" || half == "pm" {
            if !(1..=12).contains(&hour) {
                return None;
            }
            hour = hour % 12 + if half == "pm" { 12 } else { 0 };
            self.rest = &self.rest[2..];
        }
        if hour == 24 && minute == 0 && second == 0 && fraction == 0 {
            return Some(86_400 * SECOND);
        }
        if hour > 23 || minute > 59 || second > 59 {
            return None;
        }
        Some((hour * 3600 + minute * 60 + second) * SECOND + fraction)
    }

    /// Seconds east of Greenwich: `Z`, `GMT`, `UTC`, `+02:00`, `-0530`, or nothing.
    fn offset(&mut self) -> Option<i64> {
        self.skip_spaces();
        for word in ["Z", "z", "GMT", "UTC"] {
            if let Some(rest) = self.rest.strip_prefix(word) {
                self.rest = rest;
                return Some(0);
            }
        }
        let sign = match self.rest.chars().next() {
            None => return Some(0),
            Some('+') => 1,
            Some('-') => -1,
            Some(_) => return None,
        };
        self.rest = &self.rest[1..];
        let digits = self.digits();
        let (hours, minutes): (i64, i64) = match digits.len() {
            1 | 2 => (digits.parse().ok()?, if self.eat(':') { self.number(2)? } else { 0 }),
            4 => (digits[..2].parse().ok()?, digits[2..].parse().ok()?),
            _ => return None,
        };
        (hours <= 14 && minutes <= 59).then_some(sign * (hours * 3600 + minutes * 60))
    }
}
