//! Operators that look for one text in another: `has`, `contains`, `startswith`, `=~`, `matches regex`, `like` and their kin.

use super::{
    haystack::rows_with_any,
    lift,
    needle::{Needle, Place},
    refused, types,
};
use crate::declare::{Accepts, CHECK_ROWS, Function, Overload, Param, Returns, types::compile_regex};
use arrow_array::LargeStringArray;
use arrow_buffer::{BooleanBuffer, Buffer};
use kql_data::{Column, Context, Fault, StringReader, Type};
use regex_syntax::hir::literal::Extractor;

const ANYWHERE: u8 = 0;
const TERMS: u8 = 1;
const TERM_START: u8 = 2;
const TERM_END: u8 = 3;
const START: u8 = 4;
const END: u8 = 5;
const WHOLE: u8 = 6;

const fn place(code: u8) -> Place {
    match code {
        TERMS => Place::Terms,
        TERM_START => Place::TermStart,
        TERM_END => Place::TermEnd,
        START => Place::Start,
        END => Place::End,
        WHOLE => Place::Whole,
        _ => Place::Anywhere,
    }
}

fn search<const PLACE: u8, const CASE: bool, const NEGATED: bool>(
    cx: &Context,
    args: &[Column],
    n_rows: usize,
) -> Result<Column, Fault> {
    let (hay, needles) = (lift::arg(args, 0)?.string_reader(), lift::arg(args, 1)?.string_reader());
    let mut folded = String::new();
    let found = if let StringReader::Constant(needle) = needles {
        let needle = Needle::new(needle, place(PLACE), CASE);
        if let StringReader::Plain(texts) = hay
            && let Some(found) = rows_with_any(cx, texts, &[&needle])?
        {
            return Ok(lift::bools(if NEGATED { !&found } else { found }));
        }
        lift::bits_of_rows(n_rows, |row| needle.is_in(hay.get(row), &mut folded) != NEGATED)
    } else {
        let one = |row| Needle::new(needles.get(row), place(PLACE), CASE).is_in(hay.get(row), &mut folded) != NEGATED;
        lift::bits_of_rows(n_rows, one)
    };
    Ok(lift::bools(found))
}

fn matches_regex(cx: &Context, args: &[Column], n_rows: usize) -> Result<Column, Fault> {
    let (hay, patterns) = (lift::arg(args, 0)?.string_reader(), lift::arg(args, 1)?.string_reader());
    if let StringReader::Constant(pattern) = patterns {
        let regex = compile_regex(cx, pattern)?;
        if let StringReader::Plain(texts) = hay {
            let begins = cx.cached("regex_begins", regex.as_str(), || Ok(beginnings(regex.as_str())))?;
            if let Some(found) = rows_with_any(cx, texts, &begins.iter().collect::<Vec<_>>())? {
                return Ok(lift::bools(matching(cx, &regex, texts, &found)?));
            }
        }
        return Ok(lift::bools(lift::bits_of_rows(n_rows, |row| regex.is_match(hay.get(row)))));
    }
    let mut found = Vec::with_capacity(n_rows);
    for row in 0..n_rows {
        found.push(compile_regex(cx, patterns.get(row))?.is_match(hay.get(row)));
    }
    Ok(lift::bools(found.into()))
}

/// Texts with one of which each match of an expression begins; none when that is not known, or a text is a single byte.
fn beginnings(pattern: &str) -> Vec<Needle> {
    let Ok(hir) = regex_syntax::parse(pattern) else { return Vec::new() };
    let begins = Extractor::new().extract(&hir);
    let texts: Option<Vec<&str>> = begins
        .literals()
        .filter(|it| it.len() <= BEGINNINGS_MAX)
        .and_then(|it| it.iter().map(|it| std::str::from_utf8(it.as_bytes()).ok().filter(|it| it.len() > 1)).collect());
    texts.unwrap_or_default().into_iter().map(|it| Needle::new(it, Place::Anywhere, true)).collect()
}

/// Beginnings that are looked for at most.
const BEGINNINGS_MAX: usize = 16;

/// Of some rows those that match.
fn matching(
    cx: &Context,
    regex: &regex::Regex,
    texts: &LargeStringArray,
    rows: &BooleanBuffer,
) -> Result<BooleanBuffer, Fault> {
    let mut words = vec![0_u64; rows.len().div_ceil(64)];
    for (index, row) in rows.set_indices().enumerate() {
        if index.is_multiple_of(CHECK_ROWS) {
            cx.check()?;
        }
        if let Some(word) = words.get_mut(row / 64).filter(|_| regex.is_match(texts.value(row))) {
            *word |= 1 << (row % 64);
        }
    }
    Ok(BooleanBuffer::new(Buffer::from_vec(words), 0, rows.len()))
}

/// `%` stands for any text and `_` for any character.
fn like<const CASE: bool, const NEGATED: bool>(cx: &Context, args: &[Column], n_rows: usize) -> Result<Column, Fault> {
    let (hay, patterns) = (lift::arg(args, 0)?.string_reader(), lift::arg(args, 1)?.string_reader());
    let mut found = Vec::with_capacity(n_rows);
    let mut known: Option<(&str, std::sync::Arc<regex::Regex>)> = None;
    for row in 0..n_rows {
        let pattern = patterns.get(row);
        let regex = match &known {
            Some((text, regex)) if *text == pattern => regex.clone(),
            _ => compile_regex(cx, &like_regex(pattern, CASE))?,
        };
        found.push(regex.is_match(hay.get(row)) != NEGATED);
        known = Some((pattern, regex));
    }
    Ok(lift::bools(found.into()))
}

fn like_regex(pattern: &str, with_case: bool) -> String {
    let mut out = String::from(if with_case { "(?s)^" } else { "(?si)^" });
    for c in pattern.chars() {
        match c {
            '%' | '*' => out.push_str(".*"),
            '_' | '?' => out.push('.'),
            c => out.push_str(&regex::escape(c.encode_utf8(&mut [0; 4]))),
        }
    }
    out.push('$');
    out
}

fn needle_is_dynamic(_: &[crate::Actual]) -> Result<Type, Fault> {
    Err(Fault::coded("SEM0001", "the right side of a term operator is a string; convert it with tostring()"))
}

fn not_text(actuals: &[crate::Actual]) -> Result<Type, Fault> {
    Err(Fault::coded(
        "SEM0709",
        format!("a string operator takes strings, not {}; convert with tostring()", types(actuals)),
    ))
}

const TEXT: Param = Param::new("text", Accepts::StringOrDynamic).cast(Type::String);
const NEEDLE: Param = Param::new("needle", Accepts::StringOrDynamic).cast(Type::String);
const STRING_NEEDLE: Param = Param::new("needle", Accepts::Type(Type::String)).cast(Type::String);
const ANY: [Param; 2] = [Param::new("text", Accepts::Scalar), Param::new("needle", Accepts::Scalar)];

macro_rules! text_and_text {
    ($kernel:expr) => {
        &[
            Overload { params: &[TEXT, NEEDLE], rest: None, returns: Returns::Type(Type::Bool), kernel: Some($kernel) },
            refused(&ANY, not_text),
        ]
    };
}

/// The needle of a term operator cannot be dynamic.
macro_rules! text_and_term {
    ($kernel:expr) => {
        &[
            Overload {
                params: &[TEXT, STRING_NEEDLE],
                rest: None,
                returns: Returns::Type(Type::Bool),
                kernel: Some($kernel),
            },
            refused(&[TEXT, Param::new("needle", Accepts::Type(Type::Dynamic))], needle_is_dynamic),
            refused(&ANY, not_text),
        ]
    };
}

/// Four operators: without case, with it, and the negation of both.
macro_rules! operators {
    ($([$plain:literal $not:literal $cs:literal $not_cs:literal] $place:ident $overloads:ident $doc:literal $example:literal;)*) => {
        &[$(
            Function::new(
                $plain,
                concat!($doc, " Case does not matter.\n\n    ", $example, "\n"),
                $overloads!(search::<$place, false, false>),
            ),
            Function::new($not, concat!("The negation of `", $plain, "`.\n"), $overloads!(search::<$place, false, true>)),
            Function::new($cs, concat!($doc, " Case matters.\n"), $overloads!(search::<$place, true, false>)),
            Function::new($not_cs, concat!("The negation of `", $cs, "`.\n"), $overloads!(search::<$place, true, true>)),
        )*]
    };
}

/// The operators that come in four forms.
pub const FUNCTIONS: &[Function] = operators! {
    ["has" "!has" "has_cs" "!has_cs"] TERMS text_and_term
        "Whether the text has the needle as whole terms." "\"North America\" has \"america\" => true";
    ["hasprefix" "!hasprefix" "hasprefix_cs" "!hasprefix_cs"] TERM_START text_and_term
        "Whether a term of the text begins with the needle." "\"the error\" hasprefix \"Err\" => true";
    ["hassuffix" "!hassuffix" "hassuffix_cs" "!hassuffix_cs"] TERM_END text_and_term
        "Whether a term of the text ends with the needle." "\"the mirror\" hassuffix \"ROR\" => true";
    ["contains" "!contains" "contains_cs" "!contains_cs"] ANYWHERE text_and_text
        "Whether the needle is anywhere in the text." "\"errors\" contains \"Error\" => true";
    ["startswith" "!startswith" "startswith_cs" "!startswith_cs"] START text_and_text
        "Whether the text begins with the needle." "\"Fabrikam\" startswith \"fab\" => true";
    ["endswith" "!endswith" "endswith_cs" "!endswith_cs"] END text_and_text
        "Whether the text ends with the needle." "\"Fabrikam\" endswith \"KAM\" => true";
};

/// The other operators on text.
pub const OTHERS: &[Function] = &[
    Function::new(
        "=~",
        "Whether two texts are equal but for case.\n\n    \"ABC\" =~ \"abc\" => true\n",
        text_and_text!(search::<WHOLE, false, false>),
    ),
    Function::new(
        "!~",
        "The negation of `=~`.\n\n    \"ABC\" !~ \"abc\" => false\n",
        text_and_text!(search::<WHOLE, false, true>),
    ),
    Function::new(
        "matches regex",
        "Whether a regular expression is found in the text. Case matters.\n\n    \
         \"user42\" matches regex @\"\\d+$\" => true\n",
        text_and_text!(matches_regex),
    ),
    Function::new(
        "like",
        "Whether the whole text fits a pattern in which `%` is any text. Case does not matter.\n",
        text_and_text!(like::<false, false>),
    ),
    Function::new("notlike", "The negation of `like`.\n", text_and_text!(like::<false, true>)),
    Function::new(
        "likecs",
        "Whether the whole text fits a pattern in which `%` is any text. Case matters.\n",
        text_and_text!(like::<true, false>),
    ),
    Function::new("notlikecs", "The negation of `likecs`.\n", text_and_text!(like::<true, true>)),
];

#[cfg(test)]
mod tests {
    use super::*;
    use kql_data::Value;

    #[test]
    fn expressions_over_whole_columns() {
        let words = ["curl/", "3", "agent ", "Agent ", "x", "é", " ", "cu", "rl/", "wget", "", "\n", "status=", "ſ"];
        let mut dice = 3_u64;
        let texts: Vec<String> = (0..600)
            .map(|row| {
                let pick = |_| {
                    dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    words[(dice >> 33) as usize % words.len()]
                };
                (0..row % 6).map(pick).collect()
            })
            .collect();
        let column = Column::strings(&texts);
        let mut n_searched = 0;
        for pattern in [
            "curl/[0-9]",
            "agent (curl|wget)",
            "(?i)agent x",
            "(curl|wget)/?",
            "^agent",
            r"curl/$",
            "é.",
            r"\d+x",
            "x?curl",
            "(?:)",
            "[^x]curl",
            r"\bcurl",
            "(?i)s",
            "(?i)status=",
            "(?s)x.cu",
            "(?m)^x$",
            "curl|",
        ] {
            let regex = regex::Regex::new(pattern).unwrap();
            n_searched += usize::from(!beginnings(pattern).is_empty());
            for (from, count) in [(0, 600), (100, 300)] {
                let patterns = Column::constant(Value::String(pattern.into()), Type::String, count);
                let found = matches_regex(&Context::default(), &[column.slice(from, count), patterns], count).unwrap();
                for (row, text) in texts.iter().skip(from).take(count).enumerate() {
                    assert_eq!(found.value(row), Value::Bool(regex.is_match(text)), "{pattern} {text:?}");
                }
            }
        }
        assert!(n_searched >= 7, "{n_searched}");
    }
}
