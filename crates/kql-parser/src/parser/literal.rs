//! Literals and their values: numbers, timespans, typed literals, `dynamic(…)`.

use super::{Parsed, Parser};
use crate::diagnostic::Span;
use crate::lexer::unit_nanoseconds;
use crate::syntax::{DynamicLiteral, ExprId, ExprKind, Literal};
use crate::token::TokenKind;
use kql_data::time;
use kql_functions::scalar::datetime::text::parse_datetime;

/// Numbers of more digits are rejected before anything is computed from them.
const NUMBER_LENGTH_MAX: usize = 1024;

impl Parser<'_> {
    /// A literal that begins with no word.
    pub(super) fn literal(&mut self) -> Parsed<ExprId> {
        let token = self.token();
        if token.kind.is_string() {
            let text = self.string_text()?;
            let span = self.since(token.span.start);
            return Ok(self.push(ExprKind::Literal(Literal::String(text)), span));
        }
        let value = match token.kind {
            TokenKind::Long => long(token.span.of(self.text)).map(|it| Literal::Long(Some(it))),
            TokenKind::Real => real(token.span.of(self.text)).map(|it| Literal::Real(Some(it))),
            TokenKind::Timespan => suffixed_timespan(token.span.of(self.text)).map(|it| Literal::Timespan(Some(it))),
            TokenKind::Typed => return self.typed_literal(),
            _ => return Err(self.expected("an expression")),
        };
        let Some(value) = value else {
            return Err(self.fault(token.span, format!("`{}` is out of range", token.span.of(self.text))));
        };
        self.advance();
        Ok(self.push(ExprKind::Literal(value), token.span))
    }

    fn typed_literal(&mut self) -> Parsed<ExprId> {
        let token = self.token();
        let value = self.typed_value(token.span)?;
        self.advance();
        Ok(self.push(ExprKind::Literal(value), token.span))
    }

    /// The value of `type(text)`.
    fn typed_value(&mut self, span: Span) -> Parsed<Literal> {
        let text = span.of(self.text);
        let (ty, content) = text.split_once('(').unwrap_or((text, ""));
        let (ty, content) = (ty.trim(), content.strip_suffix(')').unwrap_or(content).trim());
        match typed(ty, content) {
            Some(value) => Ok(value),
            None => Err(self.fault(span, format!("`{content}` is no {ty}"))),
        }
    }

    // ---- dynamic

    /// `dynamic( … )`, from the word on.
    pub(super) fn dynamic_literal(&mut self) -> Parsed<ExprId> {
        let start = self.advance().span.start;
        let open = self.open(TokenKind::OpenParenthesis, "`(`")?;
        let value = self.dynamic_value(0)?;
        self.close(open)?;
        let span = self.since(start);
        Ok(self.push(ExprKind::Literal(Literal::Dynamic(Box::new(value))), span))
    }

    fn dynamic_value(&mut self, depth: usize) -> Parsed<DynamicLiteral> {
        let token = self.token();
        match token.kind {
            TokenKind::OpenBracket | TokenKind::OpenBrace if depth >= self.options.dynamic_depth_max => {
                let message = format!("a dynamic literal nests deeper than {}", self.options.dynamic_depth_max);
                let fault = self.fault(token.span, message);
                self.give_up();
                Err(fault)
            }
            TokenKind::OpenBracket => self.dynamic_array(depth),
            TokenKind::OpenBrace => self.dynamic_bag(depth),
            _ => self.dynamic_leaf(depth),
        }
    }

    fn dynamic_array(&mut self, depth: usize) -> Parsed<DynamicLiteral> {
        let open = self.advance();
        let mut items = Vec::new();
        if !self.is(TokenKind::CloseBracket) {
            items.push(self.dynamic_value(depth + 1)?);
        }
        while self.eat(TokenKind::Comma) {
            items.push(self.dynamic_value(depth + 1)?);
        }
        self.depth += 1;
        self.close(open)?;
        Ok(DynamicLiteral::Array(items))
    }

    fn dynamic_bag(&mut self, depth: usize) -> Parsed<DynamicLiteral> {
        let open = self.advance();
        let mut slots = Vec::new();
        while !self.is(TokenKind::CloseBrace) {
            let key = self.dynamic_key()?;
            self.expect(TokenKind::Colon, "`:`")?;
            slots.push((key, self.dynamic_value(depth + 1)?));
            if !self.eat(TokenKind::Comma) {
                break;
            }
            if self.is(TokenKind::CloseBrace) {
                return Err(self.expected("a key and a value"));
            }
        }
        self.depth += 1;
        self.close(open)?;
        Ok(DynamicLiteral::Bag(slots))
    }

    fn dynamic_key(&mut self) -> Parsed<String> {
        if self.is(TokenKind::Name) {
            return Ok(self.advance().span.of(self.text).to_owned());
        }
        self.string_text()
    }

    fn dynamic_leaf(&mut self, depth: usize) -> Parsed<DynamicLiteral> {
        let token = self.token();
        if token.kind.is_string() {
            return Ok(DynamicLiteral::String(self.string_text()?));
        }
        let text = token.span.of(self.text);
        let value = match token.kind {
            TokenKind::Minus | TokenKind::Plus => return self.dynamic_signed(),
            TokenKind::Long | TokenKind::Real | TokenKind::Timespan => number_leaf(token.kind, text, false),
            TokenKind::Typed => {
                let value = self.typed_value(token.span)?;
                dynamic_of(value)
            }
            TokenKind::Name if text == "dynamic" && self.kind_ahead(1) == TokenKind::OpenParenthesis => {
                self.advance();
                let open = self.open(TokenKind::OpenParenthesis, "`(`")?;
                let value = self.dynamic_value(depth + 1)?;
                self.close(open)?;
                return Ok(value);
            }
            TokenKind::Name => match text {
                "null" => Some(DynamicLiteral::Null),
                "true" | "True" | "TRUE" => Some(DynamicLiteral::Bool(true)),
                "false" | "False" | "FALSE" => Some(DynamicLiteral::Bool(false)),
                _ => return Err(self.expected("a literal in `dynamic(…)`")),
            },
            _ => return Err(self.expected("a literal in `dynamic(…)`")),
        };
        let Some(value) = value else {
            return Err(self.fault(token.span, format!("`{text}` cannot stand in a dynamic literal")));
        };
        self.advance();
        Ok(value)
    }

    fn dynamic_signed(&mut self) -> Parsed<DynamicLiteral> {
        let sign = self.advance();
        let token = self.token();
        let text = token.span.of(self.text);
        match number_leaf(token.kind, text, sign.kind == TokenKind::Minus) {
            Some(value) => {
                self.advance();
                Ok(value)
            }
            None => Err(self.expected("a number")),
        }
    }
}

fn number_leaf(kind: TokenKind, text: &str, negative: bool) -> Option<DynamicLiteral> {
    let sign = if negative { "-" } else { "" };
    match kind {
        TokenKind::Long => {
            let value = match long(text) {
                Some(value) => value.checked_neg().filter(|_| negative).unwrap_or(value),
                None if text.len() > NUMBER_LENGTH_MAX => return None,
                None if negative && text == "9223372036854775808" => i64::MIN,
                None => return Some(DynamicLiteral::Number(format!("{sign}{text}"))),
            };
            Some(DynamicLiteral::Long(value))
        }
        TokenKind::Real => {
            let value = real(text)?;
            Some(DynamicLiteral::Real(if negative { -value } else { value }))
        }
        TokenKind::Timespan => {
            let value = suffixed_timespan(&whole_of_fine_units(text))?;
            Some(DynamicLiteral::Timespan(if negative { value.checked_neg()? } else { value }))
        }
        _ => None,
    }
}

/// In a dynamic literal a fraction of microseconds or finer units is dropped, as the reference does.
fn whole_of_fine_units(text: &str) -> String {
    let split = text.find(|it: char| it.is_ascii_alphabetic()).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    match (number.split_once('.'), unit_nanoseconds(unit)) {
        (Some((whole, _)), Some(nanoseconds)) if nanoseconds <= 1_000 => format!("{whole}{unit}"),
        _ => text.to_owned(),
    }
}

/// A typed literal as an element of a dynamic one; some are rejected there.
fn dynamic_of(value: Literal) -> Option<DynamicLiteral> {
    Some(match value {
        Literal::Bool(_) | Literal::Datetime(None) => return None,
        Literal::Int(Some(it)) => DynamicLiteral::Int(it),
        Literal::Long(Some(it)) => DynamicLiteral::Long(it),
        Literal::Real(Some(it)) => DynamicLiteral::Real(it),
        Literal::Decimal(Some(it)) => DynamicLiteral::Decimal(it),
        Literal::String(it) => DynamicLiteral::String(it),
        Literal::Datetime(Some(it)) => DynamicLiteral::Datetime(it),
        Literal::Now => DynamicLiteral::Now,
        Literal::Today(_) => return None,
        Literal::Timespan(Some(it)) => DynamicLiteral::Timespan(it),
        Literal::Guid(Some(it)) => DynamicLiteral::Guid(it),
        Literal::Dynamic(it) => *it,
        _ => DynamicLiteral::Null,
    })
}

// ---- texts of literals

/// `12` or `0xFF`; hexadecimal digits are the bits of the number.
fn long(text: &str) -> Option<i64> {
    match hexadecimal(text) {
        Some(digits) => u64::from_str_radix(digits, 16).ok().map(u64::cast_signed),
        None => text.parse().ok(),
    }
}

fn hexadecimal(text: &str) -> Option<&str> {
    text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")).filter(|it| it.bytes().all(|it| it.is_ascii_hexdigit()))
}

fn real(text: &str) -> Option<f64> {
    if text.len() > NUMBER_LENGTH_MAX {
        return None;
    }
    text.parse().ok()
}

/// `1d`, `1.5h`, `10ticks` in ticks, cut below a tick.
fn suffixed_timespan(text: &str) -> Option<i64> {
    let split = text.find(|it: char| it.is_ascii_alphabetic())?;
    let (number, unit) = text.split_at(split);
    let unit = unit_nanoseconds(unit)?;
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let fraction = fraction.get(..fraction.len().min(18)).unwrap_or("");
    let whole: i128 = whole.parse::<i64>().ok()?.into();
    let scale = 10i128.pow(fraction.len() as u32);
    let fraction: i128 = if fraction.is_empty() { 0 } else { fraction.parse::<i64>().ok()?.into() };
    let nanoseconds = whole * unit + fraction * unit / scale;
    i64::try_from(nanoseconds / 100).ok()
}

/// The value of the literal `ty(content)`.
fn typed(ty: &str, content: &str) -> Option<Literal> {
    let is_null = content == "null";
    Some(match ty {
        "bool" | "boolean" => Literal::Bool(if is_null { None } else { Some(bool_of(content)?) }),
        "int" => Literal::Int(if is_null { None } else { Some(int_of(content)?) }),
        "long" => Literal::Long(if is_null { None } else { Some(long_of(content)?) }),
        "real" | "double" => Literal::Real(if is_null { None } else { Some(real_of(content)?) }),
        "decimal" => Literal::Decimal(if is_null { None } else { Some(decimal_of(content)?) }),
        "datetime" | "date" if content.is_empty() || content == "now" => Literal::Now,
        "datetime" | "date" if today(content).is_some() => Literal::Today(today(content)?),
        "datetime" | "date" => Literal::Datetime(if is_null { None } else { Some(datetime_of(content)?) }),
        "timespan" | "time" => Literal::Timespan(if is_null { None } else { Some(timespan_of(content)?) }),
        _ => Literal::Guid(if is_null { None } else { Some(guid_of(content)?) }),
    })
}

fn bool_of(content: &str) -> Option<bool> {
    if content.eq_ignore_ascii_case("true") {
        return Some(true);
    }
    if content.eq_ignore_ascii_case("false") {
        return Some(false);
    }
    long_of(content).map(|it| it != 0)
}

/// Whether it is an optional sign and digits.
fn is_integer(content: &str) -> bool {
    let digits = content.strip_prefix(['-', '+']).unwrap_or(content);
    !digits.is_empty() && digits.bytes().all(|it| it.is_ascii_digit())
}

fn int_of(content: &str) -> Option<i32> {
    match hexadecimal(content) {
        Some(digits) => u32::from_str_radix(digits, 16).ok().map(u32::cast_signed),
        None => is_integer(content).then(|| content.parse().ok())?,
    }
}

fn long_of(content: &str) -> Option<i64> {
    match hexadecimal(content) {
        Some(_) => long(content),
        None => is_integer(content).then(|| content.parse().ok())?,
    }
}

fn real_of(content: &str) -> Option<f64> {
    match content.to_ascii_lowercase().as_str() {
        "nan" => return Some(f64::NAN),
        "inf" | "+inf" => return Some(f64::INFINITY),
        "-inf" => return Some(f64::NEG_INFINITY),
        _ => {}
    }
    let is_number = content.bytes().all(|it| it.is_ascii_digit() || matches!(it, b'.' | b'-' | b'+' | b'e' | b'E'));
    if is_number { real(content) } else { long_of(content).map(|it| it as f64) }
}

fn decimal_of(content: &str) -> Option<String> {
    let is_number = content.bytes().all(|it| it.is_ascii_digit() || matches!(it, b'.' | b'-' | b'+' | b'e' | b'E'));
    (is_number && content.len() <= NUMBER_LENGTH_MAX && content.parse::<f64>().is_ok()).then(|| content.to_owned())
}

/// The text inside quotes, or the text itself.
fn unquoted(content: &str) -> Option<&str> {
    match content.chars().next() {
        Some(quote @ ('"' | '\'')) => content.strip_prefix(quote)?.strip_suffix(quote).map(str::trim),
        _ => Some(content),
    }
}

fn datetime_of(content: &str) -> Option<i64> {
    let text = unquoted(content)?;
    datetime_of_parts(text).or_else(|| parse_datetime(text)).or_else(|| parse_datetime(&closed_up(text)))
}

/// The ticks of a time without a day, `8:00`.
fn today(content: &str) -> Option<i64> {
    let text = unquoted(content)?;
    let is_time = text.contains(':') && text.bytes().all(|it| it.is_ascii_digit() || matches!(it, b':' | b'.'));
    clock(text).filter(|ticks| is_time && (0..864_000_000_000).contains(ticks))
}

/// `2017 - 08 - 01` without the spaces around its separators.
fn closed_up(text: &str) -> String {
    let parts: Vec<&str> = text.split('-').map(str::trim).collect();
    parts.join("-")
}

/// `2025, 6, 14` or `2025, 6`: year, month and day as numbers.
fn datetime_of_parts(text: &str) -> Option<i64> {
    let parts: Vec<i64> = text.split(',').take(4).map(|it| it.trim().parse().ok()).collect::<Option<_>>()?;
    match parts[..] {
        [year, month] => time::datetime(year, month, 1, 0, 0, 0, 0),
        [year, month, day] => time::datetime(year, month, day, 0, 0, 0, 0),
        _ => None,
    }
}

/// The ticks of the digits behind a decimal point; digits below a tick are dropped.
fn fraction_ticks(digits: &str) -> Option<i64> {
    if !digits.bytes().all(|it| it.is_ascii_digit()) {
        return None;
    }
    let digit = |place: usize| digits.as_bytes().get(place).map_or(0, |it| i64::from(it - b'0'));
    Some((0..7).fold(0, |ticks, place| ticks * 10 + digit(place)))
}

/// A text that is a timespan exactly as `time(…)` takes one, in ticks; space around it makes it none.
pub(crate) fn timespan(text: &str) -> Option<i64> {
    if text.trim() == text { timespan_of(text) } else { None }
}

/// `2` (days), `1.02:03:04.5`, `10:00`, `1d`, each perhaps signed or quoted.
fn timespan_of(content: &str) -> Option<i64> {
    let text = unquoted(content)?;
    let (sign, digits) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let ticks = if digits.contains(':') {
        clock(digits)?
    } else if digits.bytes().all(|it| it.is_ascii_digit()) {
        digits.parse::<i64>().ok()?.checked_mul(864_000_000_000)?
    } else {
        let number = digits.bytes().take_while(|it| it.is_ascii_digit() || *it == b'.').count();
        let (number, unit) = digits.split_at(number);
        suffixed_timespan(&format!("{number}{}", unit.trim()))?
    };
    ticks.checked_mul(sign)
}

/// `[d.]hh:mm[:ss[.fffffff]]` in ticks.
fn clock(text: &str) -> Option<i64> {
    let (days, time) = match text.split_once('.') {
        Some((days, time)) if !days.contains(':') && time.contains(':') => (days.parse::<i64>().ok()?, time),
        _ => (0, text),
    };
    let mut parts = time.split(':');
    let hours = small(parts.next()?)?;
    let minutes = small(parts.next()?)?;
    let (seconds, fraction) = match parts.next() {
        Some(seconds) => seconds.split_once('.').unwrap_or((seconds, "")),
        None => ("0", ""),
    };
    let seconds = small(seconds)?;
    if parts.next().is_some() || minutes > 59 || seconds > 59 {
        return None;
    }
    let ticks = fraction_ticks(fraction)?;
    days.checked_mul(24)?
        .checked_add(hours)?
        .checked_mul(3600)?
        .checked_add(minutes * 60 + seconds)?
        .checked_mul(10_000_000)?
        .checked_add(ticks)
}

fn small(text: &str) -> Option<i64> {
    (!text.is_empty() && text.len() <= 2 && text.bytes().all(|it| it.is_ascii_digit())).then(|| text.parse().ok())?
}

/// 32 hexadecimal digits, hyphens and braces aside.
fn guid_of(content: &str) -> Option<u128> {
    let text = unquoted(content)?;
    let text = text.strip_prefix('{').and_then(|it| it.strip_suffix('}')).unwrap_or(text);
    let digits: String = text.chars().filter(|it| *it != '-').collect();
    let is_guid = digits.len() == 32 && digits.bytes().all(|it| it.is_ascii_hexdigit());
    is_guid.then(|| u128::from_str_radix(&digits, 16).ok())?
}
