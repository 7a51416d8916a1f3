//! `format_datetime` and `format_timespan`: patterns of letters, checked when the query is bound.

use super::part::civil;
use crate::{
    declare::{Accepts, Constness, Function, Naming, Overload, Param, Returns},
    resolve::Actual,
    scalar::operator::{lift, of},
};
use kql_data::{
    Column, ColumnBuilder, Context, Fault, Type, Value,
    time::{DAY, HOUR, MINUTE, SECOND},
};
use std::fmt::Write;

/// One element of a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Element {
    Delimiter(char),
    /// Four digits, or the last two, padded or not.
    Year(usize),
    Month(usize),
    /// Day of the month, or whole days of a timespan.
    Day(usize),
    /// On a clock of 12 hours.
    Hour12(usize),
    Hour24(usize),
    Minute(usize),
    Second(usize),
    /// So many digits of the fraction; left out when all are zero if it is told so.
    Fraction(usize, bool),
    /// AM or PM.
    Half,
}

fn is_delimiter(c: char) -> bool {
    matches!(c, ' ' | '/' | '-' | ':' | ',' | '.' | '_' | '[' | ']')
}

/// Longest element of a letter.
fn longest(letter: char, of_timespan: bool) -> Option<usize> {
    Some(match letter {
        'y' if !of_timespan => 4,
        'M' | 't' if !of_timespan => 2,
        'd' => {
            if of_timespan {
                8
            } else {
                2
            }
        }
        'h' | 'H' | 'm' | 's' => 2,
        'f' | 'F' => 7,
        _ => return None,
    })
}

/// The elements of a pattern: runs of a letter are cut into the longest elements from the left.
fn elements(format: &str, of_timespan: bool) -> Result<Vec<Element>, Fault> {
    let function = if of_timespan { "format_timespan" } else { "format_datetime" };
    let bad = |c: char| Err(Fault::coded("SEM0255", format!("{function}(): `{c}` has no meaning in a format")));
    let mut out = Vec::new();
    let mut chars = format.chars().peekable();
    while let Some(letter) = chars.next() {
        if is_delimiter(letter) {
            out.push(Element::Delimiter(letter));
            continue;
        }
        let Some(max) = longest(letter, of_timespan) else { return bad(letter) };
        let mut run = 1;
        while chars.next_if_eq(&letter).is_some() {
            run += 1;
        }
        while run > 0 {
            let mut size = run.min(max);
            run -= size;
            // Three y at the very end count as two; a single t means nothing.
            match (letter, size) {
                ('y', 3) if run == 0 && chars.peek().is_none() => size = 2,
                ('y', 3) | ('t', 1) => return bad(letter),
                _ => {}
            }
            out.push(element(letter, size, of_timespan));
        }
    }
    Ok(out)
}

fn element(letter: char, size: usize, of_timespan: bool) -> Element {
    match letter {
        'y' => Element::Year(size),
        'M' => Element::Month(size),
        'd' => Element::Day(size),
        'h' if !of_timespan => Element::Hour12(size),
        'h' | 'H' => Element::Hour24(size),
        'm' => Element::Minute(size),
        's' => Element::Second(size),
        'f' => Element::Fraction(size, false),
        'F' => Element::Fraction(size, true),
        _ => Element::Half,
    }
}

/// The numbers that elements print.
struct Fields {
    year: i64,
    month: i64,
    day: i64,
    /// Ticks since midnight.
    clock: i64,
}

fn write_element(out: &mut String, element: Element, it: &Fields) {
    let hour = it.clock / HOUR;
    _ = match element {
        Element::Delimiter(c) => {
            out.push(c);
            Ok(())
        }
        Element::Year(4) => write!(out, "{:04}", it.year),
        Element::Year(width) => write!(out, "{:0width$}", it.year % 100),
        Element::Month(width) => write!(out, "{:0width$}", it.month),
        Element::Day(width) => write!(out, "{:0width$}", it.day),
        Element::Hour12(width) => write!(out, "{:0width$}", (hour + 11) % 12 + 1),
        Element::Hour24(width) => write!(out, "{hour:0width$}"),
        Element::Minute(width) => write!(out, "{:0width$}", it.clock / MINUTE % 60),
        Element::Second(width) => write!(out, "{:0width$}", it.clock / SECOND % 60),
        Element::Half => write!(out, "{}", if hour < 12 { "AM" } else { "PM" }),
        Element::Fraction(width, may_vanish) => {
            let digits = (it.clock % SECOND) / 10_i64.pow(7 - width.min(7) as u32);
            if may_vanish && digits == 0 { Ok(()) } else { write!(out, "{digits:0width$}") }
        }
    };
}

fn fields_of_datetime(ticks: i64) -> Fields {
    let (year, month, day) = civil(ticks);
    Fields { year, month, day, clock: ticks.rem_euclid(DAY) }
}

/// A negative timespan prints as the positive one of its size.
fn fields_of_timespan(ticks: i64) -> Fields {
    let (size, day) = (ticks.unsigned_abs(), DAY.unsigned_abs());
    Fields { year: 0, month: 0, day: (size / day) as i64, clock: (size % day) as i64 }
}

fn format_rows(args: &[Column], n_rows: usize, of_timespan: bool) -> Result<Column, Fault> {
    let values = lift::longs(lift::arg(args, 0)?)?;
    let format = lift::arg(args, 1)?;
    let mut out = ColumnBuilder::new(Type::String, n_rows);
    if n_rows == 0 {
        return Ok(out.finish());
    }
    let elements = elements(format.string_reader().get(0), of_timespan)?;
    let fields = if of_timespan { fields_of_timespan } else { fields_of_datetime };
    let mut text = String::new();
    for row in 0..n_rows {
        text.clear();
        if let Some(ticks) = values.get(row) {
            let fields = fields(ticks);
            for it in &elements {
                write_element(&mut text, *it, &fields);
            }
        }
        out.push_str(&text);
    }
    Ok(out.finish())
}

fn format_datetime(_: &Context, args: &[Column], n_rows: usize) -> Result<Column, Fault> {
    format_rows(args, n_rows, false)
}

fn format_timespan(_: &Context, args: &[Column], n_rows: usize) -> Result<Column, Fault> {
    format_rows(args, n_rows, true)
}

fn check(actuals: &[Actual], of_timespan: bool) -> Result<Type, Fault> {
    if let Some(Value::String(format)) = actuals.get(1).and_then(|it| it.constant.as_ref()) {
        _ = elements(format, of_timespan)?;
    }
    Ok(Type::String)
}

fn datetime_type(actuals: &[Actual]) -> Result<Type, Fault> {
    check(actuals, false)
}

fn timespan_type(actuals: &[Actual]) -> Result<Type, Fault> {
    check(actuals, true)
}

fn wrong_type(actuals: &[Actual]) -> Result<Type, Fault> {
    let ty = actuals.first().map_or(Type::Dynamic, |it| it.ty);
    Err(Fault::coded("SEM0254", format!("only datetimes and timespans can be formatted, not a {ty}; convert it first")))
}

const FORMAT: Param = Param {
    name: "format",
    accepts: Accepts::Type(Type::String),
    cast: Some(Type::String),
    constness: Constness::LiteralNotEmpty,
};
const WRONG: Overload = Overload {
    params: &[Param::new("value", Accepts::Scalar), FORMAT],
    rest: None,
    returns: Returns::Custom(wrong_type),
    kernel: None,
};

/// The formatting functions.
pub const FUNCTIONS: &[Function] = &[
    Function::new(
        "format_datetime",
        "Text of a datetime by a pattern of `y M d h H m s f F tt`, each once or more, and the delimiters space `/ - : , . _ [ ]`.\n\n    \
         format_datetime(datetime(2017-01-29 09:00:05), \"yy-MM-dd [HH:mm:ss]\") => \"17-01-29 [09:00:05]\"\n    \
         format_datetime(datetime(2017-01-29 21:00:05), \"h:mm tt\") => \"9:00 PM\"\n",
        &[
            Overload {
                params: &[of("date", Type::Datetime), FORMAT],
                rest: None,
                returns: Returns::Custom(datetime_type),
                kernel: Some(format_datetime),
            },
            WRONG,
        ],
    )
    .naming(Naming::FirstArgument),
    Function::new(
        "format_timespan",
        "Text of a timespan by a pattern of `d h H m s f F`, each once or more, and the delimiters space `/ - : , . _ [ ]`.\n\n    \
         format_timespan(time(29.09:00:05.12345), \"dd.hh:mm:ss:FF\") => \"29.09:00:05:12\"\n    \
         format_timespan(time(29.09:00:05.12345), \"ddd.h:mm:ss [fffffff]\") => \"029.9:00:05 [1234500]\"\n",
        &[
            Overload {
                params: &[of("timespan", Type::Timespan), FORMAT],
                rest: None,
                returns: Returns::Custom(timespan_type),
                kernel: Some(format_timespan),
            },
            WRONG,
        ],
    )
    .naming(Naming::FirstArgument),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str, format: &str) -> String {
        let ticks = super::super::text::parse_datetime(text).unwrap();
        let mut out = String::new();
        for it in elements(format, false).unwrap() {
            write_element(&mut out, it, &fields_of_datetime(ticks));
        }
        out
    }

    #[test]
    fn measured_formats() {
        for (text, format, wanted) in [
            ("2009-06-05T03:04:05.0617500", "h hh H HH tt", "3 03 3 03 AM"),
            ("2009-06-05T00:00:00", "h hh H HH tt", "12 12 0 00 AM"),
            ("2009-06-05T13:07:09", "h hh H HH tt", "1 01 13 13 PM"),
            ("0900-01-01", "y yy yyyy", "0 00 0900"),
            ("2009-06-05T03:04:05.0050000", "F_FF_FFF_FFFF_FFFFF_FFFFFF", "__005_0050_00500_005000"),
            ("2009-06-05T00:00:00", "ddd MMM hhh tttt yyyyy", "055 066 1212 AMAM 20099"),
            ("2009-06-05T00:00:05", "ss.FFF", "05."),
            ("2009-06-05", "yyy", "09"),
        ] {
            assert_eq!(shown(text, format), wanted, "{format}");
        }
    }

    #[test]
    fn bad_formats_are_refused() {
        for format in ["K", "T", "+", "%d", "yyy-", "yyyMM", "t", "z", "\t"] {
            assert!(elements(format, false).is_err(), "{format}");
        }
        assert!(elements("yyyy", true).is_err());
    }
}
