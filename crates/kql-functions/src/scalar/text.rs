//! Strings: length, case, parts.

pub mod codepoints;
pub mod command_line;
pub mod extract;
pub mod join;
mod literal_first;
pub mod patterns;
pub mod punycode;
pub mod replace;
pub mod search;
pub mod split;

use crate::scalar::bounds;
use kql_data::{Context, Fault};

crate::functions! {
    /// Number of characters of `source`.
    ///
    ///     strlen("hello") => 5
    ///     strlen("žluťoučký") => 9
    #[naming(NameAndFirstArgument)]
    fn strlen(source: text) -> long { source.chars().count() as i64 }

    /// Number of bytes of `source` in UTF-8.
    ///
    ///     string_size("hello") => 5
    ///     string_size("žluť") => 6
    #[naming(NameAndFirstArgument)]
    fn string_size(source: text) -> long { source.len() as i64 }

    /// `value` in lower case.
    ///
    ///     tolower("ABC") => "abc"
    fn tolower(value: any_text) -> string { value.to_lowercase() }

    /// `value` in upper case.
    ///
    ///     toupper("abc") => "ABC"
    fn toupper(value: any_text) -> string { value.to_uppercase() }

    /// The part of `source` from the character at `start`, counted from 0, of `length` characters or to the end.
    /// A negative start counts from the end; beyond it there is nothing.
    ///
    ///     substring("abcdefg", 1, 3) => "bcd"
    ///     substring("abcdefg", 5, 10) => "fg"
    ///     substring("abcdefg", -3) => "efg"
    ///     substring("abcdefg", -3, 2) => "ef"
    ///     substring("abc", -10) => ""
    ///     substring("héllo", 1, 3) => "éll"
    fn substring
        (source: any_text, start: long) -> string { part(source, start, None) }
        (source: any_text, start: long, length: long) -> string { part(source, start, Some(length)) }

    /// The characters of `value` in reverse order.
    ///
    ///     reverse("abc") => "cba"
    ///     reverse(3h) => "00:00:30"
    ///     reverse(123.45) => "54.321"
    fn reverse(value: any_text) -> string { value.chars().rev().collect::<String>() }

    /// Compares two strings by their bytes: -1 when `s1` comes first, 0 when they are equal, 1 when `s2` comes first.
    ///
    ///     strcmp("ABC", "abc") => -1
    ///     strcmp("abc", "abc") => 0
    ///     strcmp("abcde", "abc") => 1
    fn strcmp(s1: any_text, s2: any_text) -> long { s1.cmp(s2) as i64 }

    /// `value` repeated `multiplier` times, at most 1,024, with `delimiter` between.
    ///
    ///     strrep("ABC", 2) => "ABCABC"
    ///     strrep(123, 3, ".") => "123.123.123"
    fn strrep
        (value: any_text, multiplier: long) -> string |cx| { repeated(cx, value, multiplier, "") }
        (value: any_text, multiplier: long, delimiter: any_text) -> string |cx| {
            repeated(cx, value, multiplier, delimiter)
        }

    /// Whether `value` holds ASCII characters only.
    ///
    ///     isascii("some string") => true
    ///     isascii("žluť") => false
    fn isascii(value: any_text) -> bool { value.is_ascii() }

    /// Whether `value` is valid UTF-8. Every string here is.
    ///
    ///     isutf8("some string") => true
    fn isutf8(value: any_text) -> bool { let _ = value; true }
}

/// Byte position of the character at `index`, or the end.
pub(crate) fn byte_of_char(text: &str, index: usize) -> usize {
    if text.is_ascii() {
        return index.min(text.len());
    }
    text.char_indices().nth(index).map_or(text.len(), |(byte, _)| byte)
}

/// Number of characters.
pub(crate) fn char_count(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { text.chars().count() }
}

fn part(text: &str, start: i64, length: Option<i64>) -> &str {
    let start = if start < 0 { start.saturating_add(char_count(text) as i64) } else { start };
    let Ok(start) = usize::try_from(start) else { return "" };
    let rest = text.get(byte_of_char(text, start)..).unwrap_or("");
    match length {
        None => rest,
        Some(length) => rest.get(..byte_of_char(rest, usize::try_from(length).unwrap_or(0))).unwrap_or(""),
    }
}

/// More repetitions than this are cut without a word, as the reference does.
const REPETITIONS_MAX: i64 = 1_024;

fn repeated(cx: &Context, value: &str, multiplier: i64, delimiter: &str) -> Result<String, Fault> {
    let times = multiplier.clamp(0, REPETITIONS_MAX) as usize;
    bounds::string(cx, times.saturating_mul(value.len() + delimiter.len()), "strrep")?;
    Ok(vec![value; times].join(delimiter))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::fold;
    use kql_data::{Context, Type, Value};

    #[test]
    fn a_declared_function_runs() {
        let strlen = crate::function("strlen").unwrap();
        let arg = (Value::String("žluťoučký".into()), Type::String);
        assert_eq!(fold(&Context::default(), strlen, 0, &[arg]), Ok(Value::Long(9)));
        assert_eq!(strlen.examples().next(), Some(("strlen(\"hello\")", "5")));
    }

    #[test]
    fn parts_are_clamped() {
        assert_eq!(part("abcdefg", 5, Some(10)), "fg");
        assert_eq!(part("abcdefg", 10, Some(3)), "");
        assert_eq!(part("abcdefg", 1, Some(-1)), "");
        assert_eq!(part("héllo", -2, Some(i64::MAX)), "lo");
        assert_eq!(part("héllo", i64::MIN, None), "");
        assert_eq!(part("héllo", i64::MAX, None), "");
    }

    #[test]
    fn repetitions_are_bounded() {
        let cx = Context::default();
        assert_eq!(repeated(&cx, "a", i64::MAX, "").map(|it| it.len()), Ok(1_024));
        assert_eq!(repeated(&cx, "a", -5, ","), Ok(String::new()));
        let big = "x".repeat(1 << 20);
        assert!(matches!(repeated(&cx, &big, 1_000, ""), Err(Fault::Limit { name: "string_bytes", .. })));
    }
}
