//! Where and how often a string holds another.

use super::{byte_of_char, char_count, join::text_of, patterns};
use crate::{
    declare::{
        Accepts, Overload, Param, Returns,
        types::{Output, long},
    },
    scalar::operator::needle::{Needle, Place},
};
use kql_data::{Column, Context, Dynamic, Fault, Type};

const COUNTOF: &[Overload] = &[
    crate::overload!((source: string, search: constant<string>) -> long { count_text(source, search) }),
    crate::overload!((source: string, search: constant<string>, kind: constant<string>) -> long |cx| {
        count(cx, source, search, kind)
    }),
];
const INDEXOF_REGEX: &[Overload] = &[
    Overload {
        returns: Returns::Custom(pattern_second),
        ..crate::overload!(
        (source: any_text, pattern: constant<regex>) -> long { index_of_regex(source, &pattern, 0, -1, 1) })
    },
    Overload {
        returns: Returns::Custom(pattern_second),
        ..crate::overload!(
        (source: any_text, pattern: constant<regex>, start: long) -> long {
            index_of_regex(source, &pattern, start, -1, 1)
        })
    },
    Overload {
        returns: Returns::Custom(pattern_second),
        ..crate::overload!(
        (source: any_text, pattern: constant<regex>, start: long, length: long) -> long {
            index_of_regex(source, &pattern, start, length, 1)
        })
    },
    Overload {
        returns: Returns::Custom(pattern_second),
        ..crate::overload!(
        (source: any_text, pattern: constant<regex>, start: long, length: long, occurrence: constant<long>) -> long {
            index_of_regex(source, &pattern, start, length, occurrence)
        })
    },
];

const HAS_ANY_INDEX: &[Overload] = &[Overload {
    params: &[Param::new("source", Accepts::StringOrDynamic).cast(Type::String), Param::new("values", Accepts::Array)],
    rest: None,
    returns: Returns::Type(Type::Long),
    kernel: Some(has_any_index),
}];

fn pattern_second(actuals: &[crate::resolve::Actual]) -> Result<Type, Fault> {
    patterns::check(actuals.get(1)).map(|()| Type::Long)
}

crate::functions! {
    /// Position of the first character of `lookup` in `source`, counted from 0; -1 when it is not there.
    /// The search begins at `start` (from the end when negative), looks at `length` characters (-1 for all) and gives
    /// that `occurrence`.
    ///
    ///     indexof("abcdefg", "cde") => 2
    ///     indexof("abcdefg", "cde", 1, 2) => -1
    ///     indexof("abcdefg", "cde", -5) => 2
    ///     indexof("abcdefgabcdefg", "cde", 1, 10, 2) => 9
    fn indexof
        (source: any_text, lookup: any_text) -> long { index_of(source, lookup, 0, -1, 1) }
        (source: any_text, lookup: any_text, start: long) -> long { index_of(source, lookup, start, -1, 1) }
        (source: any_text, lookup: any_text, start: long, length: long) -> long {
            index_of(source, lookup, start, length, 1)
        }
        (source: any_text, lookup: any_text, start: long, length: long, occurrence: constant<long>) -> long {
            index_of(source, lookup, start, length, occurrence)
        }

    /// Position of the first match of a regular expression in `source`; -1 when there is none. Matches do not overlap.
    ///
    ///     indexof_regex("abcabc", @"a.c") => 0
    ///     indexof_regex("abcabcdefg", @"a.c", 0, 9, 2) => 3
    ///     indexof_regex("ababaa", @"a.a", 0, -1, 2) => -1
    fn indexof_regex = INDEXOF_REGEX;

    /// How often `source` holds `search`. Plain matches may overlap; matches of kind "regex" do not.
    ///
    ///     countof("aaaa", "aa") => 3
    ///     countof("ababa", "aba", "regex") => 1
    ///     countof("abc", "") => 0
    fn countof = COUNTOF;

    /// Position in an array of the first item that `source` has as a term, whatever its case; -1 when it has none.
    ///
    ///     has_any_index("this is an example", dynamic(["not", "example"])) => 1
    ///     has_any_index("Example number 2", dynamic([1, 2, 3])) => 1
    ///     has_any_index("this is an example", dynamic([])) => -1
    fn has_any_index = HAS_ANY_INDEX;
}

/// The characters looked at: their first byte, their text, and the number of characters before them.
fn window(source: &str, start: i64, length: i64) -> Option<(&str, usize)> {
    if length < -1 {
        return None;
    }
    let start = if start < 0 { start.saturating_add(char_count(source) as i64).max(0) } else { start };
    let start = usize::try_from(start).ok()?;
    let rest = source.get(byte_of_char(source, start)..).unwrap_or("");
    let seen = match usize::try_from(length) {
        Ok(length) => rest.get(..byte_of_char(rest, length)).unwrap_or(""),
        Err(_) => rest,
    };
    Some((seen, start))
}

fn index_of(source: &str, lookup: &str, start: i64, length: i64, occurrence: i64) -> Option<i64> {
    if occurrence < 0 {
        return None;
    }
    let (_, mut from) = window(source, start, length)?;
    let n_chars = char_count(source);
    // The length counts anew from behind each match, as the reference's own examples have it.
    for left in (0..occurrence.max(1)).rev() {
        let (seen, before) = window(source, from as i64, length)?;
        let Some(found) = seen.find(lookup) else { return Some(-1) };
        let at = before + char_count(seen.get(..found).unwrap_or(""));
        if left == 0 {
            return Some(at as i64);
        }
        from = at + 1;
        // Behind the end "" is found for ever.
        if from > n_chars {
            break;
        }
    }
    Some(-1)
}

fn index_of_regex(source: &str, pattern: &regex::Regex, start: i64, length: i64, occurrence: i64) -> Option<i64> {
    if occurrence < 0 || start < 0 {
        return None;
    }
    let (seen, before) = window(source, start, length)?;
    let nth = usize::try_from(occurrence.max(1) - 1).ok()?;
    let found = pattern.find_iter(seen).nth(nth);
    Some(found.map_or(-1, |it| (before + char_count(seen.get(..it.start()).unwrap_or(""))) as i64))
}

fn has_any_index(cx: &Context, args: &[Column], n_rows: usize) -> Result<Column, Fault> {
    let [source, values] = args else { return Err(Fault::new("has_any_index() takes two arguments")) };
    let needles_of = |row: usize| {
        let values = values.dynamic(row);
        let needle = |it: &Dynamic| Needle::new(&text_of(it), Place::Terms, false);
        values.as_array().map(|it| it.iter().map(needle).collect::<Vec<_>>())
    };
    let source = source.string_reader();
    let (mut needles, mut folded) = (None, String::new());
    let mut out = <long as Output>::builder(n_rows);
    for row in 0..n_rows {
        if row % 4_096 == 0 {
            cx.check()?;
        }
        if row == 0 || !matches!(values, Column::Constant { .. }) {
            needles = needles_of(row);
        }
        let Some(needles) = &needles else {
            out.append_null();
            continue;
        };
        let mut found = -1;
        for (index, needle) in needles.iter().enumerate() {
            if index % 256 == 255 {
                cx.check()?;
            }
            if needle.is_in(source.get(row), &mut folded) {
                found = index as i64;
                break;
            }
        }
        out.append_value(found);
    }
    Ok(<long as Output>::finish(out))
}

fn count_text(source: &str, search: &str) -> i64 {
    let Some(first) = search.chars().next() else { return 0 };
    let finder = memchr::memmem::Finder::new(search);
    let (mut n, mut from) = (0, 0);
    while let Some(found) = source.as_bytes().get(from..).and_then(|it| finder.find(it)) {
        n += 1;
        from += found + first.len_utf8();
    }
    n
}

fn count(cx: &Context, source: &str, search: &str, kind: &str) -> Result<i64, Fault> {
    match kind {
        "normal" => Ok(count_text(source, search)),
        "regex" => Ok(crate::declare::types::compile_regex(cx, search)?.find_iter(source).count() as i64),
        _ => Err(Fault::new(format!("countof(): the kind is \"normal\" or \"regex\", not \"{kind}\""))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_are_characters() {
        assert_eq!(index_of("žluť", "ť", 0, -1, 1), Some(3));
        assert_eq!(index_of("abcdefg", "cde", 1, 4, 1), Some(2));
        assert_eq!(index_of("abcdefg", "cde", 3, 4, 1), Some(-1));
        assert_eq!(index_of("abcdefgabcdefg", "cde", 1, -1, 3), Some(-1));
        assert_eq!(index_of("abc", "a", 0, -2, 1), None);
        assert_eq!(index_of("abc", "", i64::MAX, i64::MAX, i64::MAX), Some(-1));
        assert_eq!(index_of("abc", "a", i64::MIN, -1, 1), Some(0));
    }

    #[test]
    fn plain_counts_overlap() {
        assert_eq!(count_text("ααα", "αα"), 2);
        assert_eq!(count_text("", "a"), 0);
        assert_eq!(count_text("AAAA", "aa"), 0);
    }
}
