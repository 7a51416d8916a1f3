//! Strings with parts of them replaced or cut off.

use super::patterns;
use crate::{
    declare::{Accepts, Overload, Param, Returns, types::compile_regex},
    resolve::Actual,
    scalar::bounds,
};
use kql_data::{Column, ColumnBuilder, Context, Dynamic, Fault, Type};
use std::borrow::Cow;

const REPLACE_REGEX: &[Overload] = &[Overload {
    returns: Returns::Custom(|actuals| patterns::check(actuals.get(1)).map(|()| Type::String)),
    ..crate::overload!((source: string, lookup_regex: regex, rewrite_pattern: string) -> string |cx| {
        replaced(cx, source, &lookup_regex, rewrite_pattern)
    })
}];
const REPLACE: &[Overload] = &[Overload {
    returns: Returns::Custom(|actuals| patterns::check(actuals.first()).map(|()| Type::String)),
    ..crate::overload!((pattern: regex, rewrite: string, source: text) -> string |cx| {
        replaced(cx, source, &pattern, rewrite)
    })
}];
const TRIM_PARAMS: &[Param] = &[
    Param::new("regex", Accepts::Type(Type::String)).cast(Type::String),
    Param::new("source", Accepts::Type(Type::String)).cast(Type::String),
];
const TRIM: &[Overload] = &[Overload {
    params: TRIM_PARAMS,
    rest: None,
    returns: Returns::Custom(|actuals| trim_type(actuals, both_ends)),
    kernel: Some(|cx, args, n_rows| cut(cx, args, n_rows, both_ends)),
}];
const TRIM_START: &[Overload] = &[Overload {
    params: TRIM_PARAMS,
    rest: None,
    returns: Returns::Custom(|actuals| trim_type(actuals, at_start)),
    kernel: Some(|cx, args, n_rows| cut(cx, args, n_rows, at_start)),
}];
const TRIM_END: &[Overload] = &[Overload {
    params: TRIM_PARAMS,
    rest: None,
    returns: Returns::Custom(|actuals| trim_type(actuals, at_end)),
    kernel: Some(|cx, args, n_rows| cut(cx, args, n_rows, at_end)),
}];

crate::functions! {
    /// `source` with all matches of a regular expression replaced. In the rewrite `\0` is the match, `\1` its first
    /// group.
    ///
    ///     replace_regex("Number is 12", @"is (\d+)", @"was: \1") => "Number was: 12"
    ///     replace_regex("a.b.c", @"\.", "-") => "a-b-c"
    fn replace_regex = REPLACE_REGEX;

    /// The same as `replace_regex`, with its arguments in another order.
    ///
    ///     replace(@"is (\d+)", @"was: \1", "Number is 12") => "Number was: 12"
    fn replace = REPLACE;

    /// `source` with every `lookup` replaced by `rewrite`.
    ///
    ///     replace_string("a.b.c", ".", "-") => "a-b-c"
    ///     replace_string("aaa", "aa", "b") => "ba"
    fn replace_string(source: string, lookup: string, rewrite: string) -> string |cx| {
        replace_text(cx, source, lookup, rewrite)
    }

    /// `source` with every string of `lookups` replaced by the one at the same place in `rewrites`. Where matches
    /// overlap, the earlier in the list wins. A rewrite that is no string leaves the match as it is.
    ///
    ///     replace_strings("cat and dog", dynamic(["cat", "dog"]), dynamic(["dog", "pigeon"])) => "dog and pigeon"
    ///     replace_strings("This is", dynamic(["is", "This"]), dynamic(["was", "That"])) => "Thwas was"
    fn replace_strings(source: string, lookups: maybe<array>, rewrites: maybe<array>) -> string |cx| {
        replace_all(cx, source, &or_null(lookups), &or_null(rewrites))
    }

    /// `source` without a match of a regular expression at its start and one at its end.
    ///
    ///     trim("--", "--https://bing.com--") => "https://bing.com"
    ///     trim("a", "aaaa") => "aa"
    fn trim = TRIM;

    /// `source` without a match of a regular expression at its start.
    ///
    ///     trim_start("https://", "https://bing.com") => "bing.com"
    ///     trim_start(@"\s+", "  a ") => "a "
    fn trim_start = TRIM_START;

    /// `source` without a match of a regular expression at its end.
    ///
    ///     trim_end(".com", "bing.com") => "bing"
    fn trim_end = TRIM_END;

    /// `source` with each character of `search` replaced by the one at the same place in `replacement`, whose last
    /// character stands for all that it lacks. An empty replacement list removes them.
    ///
    ///     translate("krasp", "otsku", "spark") => "kusto"
    ///     translate("abc", "x", "abc") => "xxx"
    ///     translate("abc", "", "ab") => ""
    fn translate(search: string, replacement: string, source: string) -> string {
        translated(search, replacement, source)
    }
}

fn replaced<'a>(cx: &Context, source: &'a str, pattern: &regex::Regex, rewrite: &str) -> Result<Cow<'a, str>, Fault> {
    let mut out = String::new();
    let (mut done, mut n_matches) = (0, 0usize);
    for groups in pattern.captures_iter(source) {
        let Some(whole) = groups.get(0) else { continue };
        out.push_str(source.get(done..whole.start()).unwrap_or(""));
        push_rewrite(&mut out, rewrite, &groups);
        done = whole.end();
        n_matches += 1;
        bounds::string(cx, out.len(), "replace_regex")?;
        if n_matches % 4_096 == 0 {
            cx.check()?;
        }
    }
    if n_matches == 0 {
        return Ok(Cow::Borrowed(source));
    }
    out.push_str(source.get(done..).unwrap_or(""));
    Ok(Cow::Owned(out))
}

fn push_rewrite(out: &mut String, rewrite: &str, groups: &regex::Captures<'_>) {
    let mut rest = rewrite;
    while let Some(at) = rest.find('\\') {
        out.push_str(rest.get(..at).unwrap_or(""));
        rest = rest.get(at + 1..).unwrap_or("");
        match rest.chars().next() {
            Some(digit) if digit.is_ascii_digit() => {
                let group = digit.to_digit(10).unwrap_or(0) as usize;
                out.push_str(groups.get(group).map_or("", |it| it.as_str()));
                rest = rest.get(1..).unwrap_or("");
            }
            Some('\\') => {
                out.push('\\');
                rest = rest.get(1..).unwrap_or("");
            }
            _ => out.push('\\'),
        }
    }
    out.push_str(rest);
}

fn replace_text<'a>(cx: &Context, source: &'a str, lookup: &str, rewrite: &str) -> Result<Cow<'a, str>, Fault> {
    if lookup.is_empty() || !source.contains(lookup) {
        return Ok(Cow::Borrowed(source));
    }
    if rewrite.len() > lookup.len() {
        let grows = source.matches(lookup).count().saturating_mul(rewrite.len() - lookup.len());
        bounds::string(cx, source.len().saturating_add(grows), "replace_string")?;
    }
    Ok(Cow::Owned(source.replace(lookup, rewrite)))
}

fn or_null(value: Option<Cow<'_, Dynamic>>) -> Dynamic {
    value.map_or(Dynamic::Null, Cow::into_owned)
}

/// A stretch of a text while strings are replaced in it.
#[derive(Clone, Copy)]
enum Stretch<'a> {
    /// Still to be searched.
    Open(&'a str),
    /// Matched: it is what it will be.
    Settled(&'a str),
}

/// The first lookup claims its matches, the next looks at what is left, and so on.
fn replace_all(cx: &Context, source: &str, lookups: &Dynamic, rewrites: &Dynamic) -> Result<String, Fault> {
    let rewrites = rewrites.as_array().unwrap_or(&[]);
    let mut stretches = vec![Stretch::Open(source)];
    for (at, lookup) in lookups.as_array().unwrap_or(&[]).iter().enumerate() {
        let Some(lookup) = lookup.as_str().filter(|it| !it.is_empty() && source.contains(*it)) else { continue };
        let rewrite = rewrites.get(at).and_then(Dynamic::as_str).unwrap_or(lookup);
        cx.check()?;
        let mut next = Vec::with_capacity(stretches.len());
        for stretch in stretches {
            let Stretch::Open(mut rest) = stretch else {
                next.push(stretch);
                continue;
            };
            while let Some((before, after)) = rest.split_once(lookup) {
                next.extend([Stretch::Open(before), Stretch::Settled(rewrite)]);
                rest = after;
            }
            next.push(Stretch::Open(rest));
        }
        stretches = next;
    }
    let pieces: Vec<&str> = stretches.iter().map(|(Stretch::Open(it) | Stretch::Settled(it))| *it).collect();
    bounds::string(cx, pieces.iter().map(|it| it.len()).sum(), "replace_strings")?;
    Ok(pieces.concat())
}

fn both_ends(pattern: &str) -> String {
    format!("^({pattern})|({pattern})$")
}

fn at_start(pattern: &str) -> String {
    format!("^({pattern})")
}

fn at_end(pattern: &str) -> String {
    format!("({pattern})$")
}

fn trim_type(actuals: &[Actual], shape: fn(&str) -> String) -> Result<Type, Fault> {
    let Some(pattern) = actuals.first() else { return Ok(Type::String) };
    if !pattern.is_constant {
        return Err(Fault::coded("SEM0207", "the regular expression of trim must be a constant"));
    }
    if let Some(text) = pattern.constant.as_ref().map(|it| it.text()) {
        if text.is_empty() {
            return Err(Fault::coded("SEM0217", "the regular expression of trim must not be empty"));
        }
        _ = patterns::parsed(&shape(&text))?;
    }
    Ok(Type::String)
}

fn cut(cx: &Context, args: &[Column], n_rows: usize, shape: fn(&str) -> String) -> Result<Column, Fault> {
    let [pattern, source] = args else { return Err(Fault::new("trim takes two arguments")) };
    let mut out = ColumnBuilder::new(Type::String, n_rows);
    if n_rows == 0 {
        return Ok(out.finish());
    }
    let pattern = compile_regex(cx, &shape(pattern.string_reader().get(0)))?;
    let source = source.string_reader();
    for row in 0..n_rows {
        out.push_str(&pattern.replace_all(source.get(row), regex::NoExpand("")));
    }
    Ok(out.finish())
}

fn translated(from: &str, to: &str, source: &str) -> String {
    let from: Vec<char> = from.chars().collect();
    let to: Vec<char> = to.chars().collect();
    let replace = |c: char| match from.iter().position(|it| *it == c) {
        None => Some(c),
        Some(at) => to.get(at).or(to.last()).copied(),
    };
    source.chars().filter_map(replace).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use kql_data::{Value, json};

    fn trimmed(shape: fn(&str) -> String, pattern: &str, source: &str) -> String {
        let args = [Column::constant(Value::String(pattern.into()), Type::String, 1), Column::strings([source])];
        cut(&Context::default(), &args, 1, shape).unwrap().value(0).text()
    }

    #[test]
    fn trim_wraps_the_pattern() {
        assert_eq!(trimmed(both_ends, "a|x", "bxa"), "bx");
        assert_eq!(trimmed(at_start, "a|x", "bxa"), "bxa");
        assert_eq!(trimmed(both_ends, "a)|(b", "xaxbx"), "xxx");
        assert_eq!(trimmed(at_end, "a)|(b", "xaxbx"), "xxbx");
        assert_eq!(trimmed(both_ends, "a|aa", "xaaa"), "xa");
        assert_eq!(trimmed(both_ends, "b*", "abc"), "abc");
        assert_eq!(trimmed(both_ends, " ", "   x   "), "  x  ");
    }

    #[test]
    fn rewrites_name_groups() {
        let cx = Context::default();
        let pattern = regex::Regex::new("(a)(b)?").unwrap();
        assert_eq!(replaced(&cx, "xab a", &pattern, r"<\2\1\0\\\q$1>").unwrap(), r"x<baab\\q$1> <aa\\q$1>");
        assert_eq!(replaced(&cx, "x", &pattern, "y").unwrap(), "x");
    }

    #[test]
    fn several_strings_in_one_pass() {
        let (cx, message) = (Context::default(), "This is an example of using");
        let run = |lookups: &str, rewrites: &str| {
            replace_all(&cx, message, &json::read(lookups).unwrap(), &json::read(rewrites).unwrap()).unwrap()
        };
        assert_eq!(run(r#"["This","is"]"#, r#"["This","was"]"#), "This was an example of using");
        assert_eq!(run(r#"["is","This"]"#, r#"["was","This"]"#), "Thwas was an example of using");
        assert_eq!(run(r#"["This","is"]"#, r#"[12345,"was"]"#), "This was an example of using");
        assert_eq!(run(r#"[1,"","is"]"#, r#"["x","y"]"#), message);
    }
}
