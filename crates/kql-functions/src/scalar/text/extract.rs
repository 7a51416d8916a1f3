//! Parts of a string that a regular expression or a JSON path names.

use super::{
    literal_first::{LOOKS_MAX, LiteralFirst},
    patterns,
};
use crate::{
    declare::{Accepts, CHECK_ROWS, Constness, Overload, Param, Returns},
    evaluate::CallSite,
    resolve::{Actual, resolve},
    scalar::{bounds, dynamic::path::Path, operator::haystack},
};
use arrow_array::{Array, LargeStringArray};
use kql_data::{
    Column, ColumnBuilder, Context, DictionaryBuilder, DictionaryColumn, Dynamic, Fault, StringReader, Type, Value,
    json,
};
use std::sync::Arc;

const TEXT: Accepts = Accepts::Type(Type::String);
const PATTERN: Param = Param::new("regex", TEXT).cast(Type::String).constant();
const GROUP: Param = Param::new("captureGroup", Accepts::Type(Type::Long)).cast(Type::Long);
const GROUPS: Param = Param::new("captureGroups", Accepts::Array);
const SOURCE: Param = Param::new("source", TEXT).cast(Type::String);
const PATH: Param = Param::new("jsonPath", TEXT).cast(Type::String).constant();
const TYPE: Param = Param { constness: Constness::Literal, ..Param::new("typeLiteral", Accepts::TypeLiteral) };

const EXTRACT: &[Overload] = &[
    Overload {
        params: &[PATTERN, GROUP, SOURCE],
        rest: None,
        returns: Returns::Custom(|actuals| patterns::check(actuals.first()).map(|()| Type::String)),
        kernel: Some(extract),
    },
    Overload {
        params: &[PATTERN, GROUP, SOURCE, TYPE],
        rest: None,
        returns: Returns::Custom(|actuals| patterns::check(actuals.first()).map(|()| named_type(actuals.get(3)))),
        kernel: Some(extract_typed),
    },
];
const EXTRACT_ALL: &[Overload] = &[
    Overload {
        params: &[PATTERN, SOURCE],
        rest: None,
        returns: Returns::Custom(|actuals| check_groups(actuals.first(), None)),
        kernel: Some(|cx, args, n_rows| match args {
            [pattern, source] => extract_all(cx, pattern, None, source, n_rows),
            _ => Err(Fault::new("extract_all() takes two or three arguments")),
        }),
    },
    Overload {
        params: &[PATTERN, GROUPS, SOURCE],
        rest: None,
        returns: Returns::Custom(|actuals| check_groups(actuals.first(), actuals.get(1))),
        kernel: Some(|cx, args, n_rows| match args {
            [pattern, groups, source] => extract_all(cx, pattern, Some(groups), source, n_rows),
            _ => Err(Fault::new("extract_all() takes two or three arguments")),
        }),
    },
];
const JSON_SOURCE: Param = Param::new("source", Accepts::StringOrDynamic).cast(Type::String);
const EXTRACT_JSON: &[Overload] = &[
    Overload {
        params: &[PATH, JSON_SOURCE],
        rest: None,
        returns: Returns::Type(Type::String),
        kernel: Some(|cx, args, n_rows| extract_json(cx, args, n_rows, Type::String)),
    },
    Overload {
        params: &[PATH, JSON_SOURCE, TYPE],
        rest: None,
        returns: Returns::Custom(|actuals| Ok(named_type(actuals.get(2)))),
        kernel: Some(|cx, args, n_rows| extract_json(cx, args, n_rows, type_of_column(args.get(2)))),
    },
];

crate::functions! {
    /// What a group of a regular expression matched in `source`; group 0 is the whole match. With a type it is
    /// converted; "" or null when there is no match.
    ///
    ///     extract("User: ([^,]+)", 1, "User: James, Age: 29") => "James"
    ///     extract(@"Age: (\d+)", 1, "User: James, Age: 29", typeof(long)) => 29
    ///     extract("x(y)", 1, "abc") => ""
    fn extract = EXTRACT;

    /// All matches of a regular expression in `source`: an array of texts when it has one group, an array of arrays
    /// when it has more. `captureGroups` picks and orders groups by number or name. Null when there is no match.
    ///
    ///     extract_all(@"(\d+)", "123, 567 and 789") => dynamic(["123", "567", "789"])
    ///     extract_all(@"(\w)(\w)", dynamic([2, 1]), "ab cd") => dynamic([["b", "a"], ["d", "c"]])
    #[aliases("extractall")]
    fn extract_all = EXTRACT_ALL;

    /// The element of a JSON text at a path, as text or converted to a type.
    ///
    ///     extract_json("$.name", '{"name": "John", "age": 30}') => "John"
    ///     extract_json("$.age", '{"name": "John", "age": 30}', typeof(long)) => 30
    ///     extract_json("$.a[1]", '{"a": [1, 2]}', typeof(int)) => int(2)
    #[aliases("extractjson")]
    fn extract_json = EXTRACT_JSON;

    /// `source` with every character that means something in a regular expression escaped.
    ///
    ///     regex_quote("(so$me.Te^xt)") => @"\(so\$me\.Te\^xt\)"
    fn regex_quote(source: any_text) -> string { regex::escape(source) }
}

fn named_type(literal: Option<&Actual>) -> Type {
    let name = literal.and_then(|it| it.constant.as_ref()).map(Value::text);
    name.and_then(|it| Type::from_name(&it)).unwrap_or(Type::String)
}

fn type_of_column(literal: Option<&Column>) -> Type {
    literal.and_then(|it| Type::from_name(&it.value(0).text())).unwrap_or(Type::String)
}

/// A column converted as the functions `tolong`, `todatetime` … do.
pub(crate) fn converted(cx: &Context, column: Column, ty: Type) -> Result<Column, Fault> {
    if column.ty() == ty {
        return Ok(column);
    }
    let name = match ty {
        Type::Bool => "tobool",
        Type::Int => "toint",
        Type::Long => "tolong",
        Type::Real => "toreal",
        Type::Decimal => "todecimal",
        Type::String => "tostring",
        Type::Datetime => "todatetime",
        Type::Timespan => "totimespan",
        Type::Guid => "toguid",
        Type::Dynamic => "todynamic",
    };
    let function = crate::registry::function(name).ok_or_else(|| Fault::Unsupported(format!("function `{name}`")))?;
    let resolved = resolve(function, &[Actual::varying(column.ty())])?;
    let n_rows = column.len();
    CallSite::new(function, resolved.overload)?.evaluate(cx, &[column], n_rows)
}

fn pattern(cx: &Context, column: &Column) -> Result<Arc<regex::Regex>, Fault> {
    crate::declare::types::compile_regex(cx, &column.value(0).text())
}

fn extract(cx: &Context, args: &[Column], n_rows: usize) -> Result<Column, Fault> {
    let [pattern_column, group, source, ..] = args else { return Err(Fault::new("extract() takes three arguments")) };
    let mut out = ColumnBuilder::new(Type::String, n_rows);
    if n_rows == 0 {
        return Ok(out.finish());
    }
    let pattern = pattern(cx, pattern_column)?;
    let source = source.string_reader();
    let simple = cx.cached("literal_first", pattern.as_str(), || Ok(LiteralFirst::new(pattern.as_str())))?;
    let group_of = |row| match group.value(row) {
        Value::Long(it) => usize::try_from(it).ok(),
        Value::Int(it) => usize::try_from(it).ok(),
        _ => None,
    };
    if let (Some(simple), StringReader::Plain(texts), Column::Constant { .. }) = (&*simple, source, group)
        && let Some(group) = group_of(0).filter(|it| *it < pattern.captures_len())
        && let Some(found) = extract_from_all(cx, texts, simple, &pattern, group)?
    {
        return Ok(found);
    }
    let mut places = pattern.capture_locations();
    for row in 0..n_rows {
        let group = group_of(row);
        if row % CHECK_ROWS == 0 {
            cx.check()?;
        }
        let text = source.get(row);
        if let (Some(simple), Some(group)) = (&*simple, group.filter(|it| *it < pattern.captures_len()))
            && let Some(found) = simple.find(text, group)
        {
            out.push_str(found.and_then(|(from, to)| text.get(from..to)).unwrap_or(""));
            continue;
        }
        let found = match group {
            None => None,
            Some(0) => pattern.find(text).map(|it| it.as_str()),
            Some(group) => pattern
                .captures_read(&mut places, text)
                .and_then(|_| places.get(group))
                .and_then(|(from, to)| text.get(from..to)),
        };
        out.push_str(found.unwrap_or(""));
    }
    Ok(out.finish())
}

/// What a group matched in texts that lie one behind the other: the first text of the expression is searched for in all at
/// once. `None` when it cannot be.
fn extract_from_all(
    cx: &Context,
    texts: &LargeStringArray,
    simple: &LiteralFirst,
    pattern: &regex::Regex,
    group: usize,
) -> Result<Option<Column>, Fault> {
    let pairs = simple.first.probes(haystack::sample(texts));
    let Some(pairs) = pairs.filter(|_| texts.len() >= haystack::ROWS_MIN) else { return Ok(None) };
    let mut found = Found::new(texts.len());
    // Bytes that may still be looked at, for a row.
    let mut left = (usize::MAX, 0);
    haystack::for_places(cx, texts, &[pairs], |rows, byte| {
        if !simple.first.is_at(rows.bytes, byte) {
            return 0;
        }
        let (row, text, start) = rows.with(byte);
        if !simple.first.fits_at(text, start) {
            return 0;
        }
        if left.0 != row {
            left = (row, text.len().saturating_mul(LOOKS_MAX));
        }
        let mut at = start;
        if let Some((from, to)) = simple.match_at(text, &mut at, group) {
            found.put(row, text.get(from..to).unwrap_or(""));
            return rows.end();
        }
        match left.1.checked_sub(at - start) {
            Some(it) => {
                left.1 = it;
                0
            }
            // It takes too long.
            None => {
                let captures = pattern.captures(text);
                found.put(row, captures.as_ref().and_then(|it| it.get(group)).map_or("", |it| it.as_str()));
                rows.end()
            }
        }
    })?;
    Ok(Some(found.finish()))
}

/// Texts by row, "" where none is put: codes of a dictionary unless many are different.
struct Found {
    n_rows: usize,
    dictionary: DictionaryBuilder,
    codes: Vec<u32>,
    /// All texts, once it is known that they hardly repeat.
    plain: Option<ColumnBuilder>,
}

/// Rows after which it is known whether texts repeat.
const ROWS_TRIED: usize = 1_024;

impl Found {
    fn new(n_rows: usize) -> Found {
        let (dictionary, codes) = (DictionaryBuilder::default(), Vec::with_capacity(n_rows));
        Found { n_rows, dictionary, codes, plain: None }
    }

    /// Rows are put in order.
    fn put(&mut self, row: usize, text: &str) {
        if let Some(plain) = &mut self.plain {
            (plain.len()..row).for_each(|_| plain.push_str(""));
            return plain.push_str(text);
        }
        self.codes.resize(row, 0);
        self.codes.push(self.dictionary.code(text));
        if self.codes.len() >= ROWS_TRIED && self.dictionary.len() > self.codes.len() / 2 {
            self.plain = Some(self.all());
        }
    }

    fn all(&self) -> ColumnBuilder {
        let mut plain = ColumnBuilder::new(Type::String, self.n_rows);
        self.codes.iter().for_each(|it| plain.push_str(self.dictionary.value(*it)));
        plain
    }

    fn finish(mut self) -> Column {
        self.codes.resize(self.n_rows, 0);
        let mut plain = match self.plain {
            Some(it) => it,
            None if self.dictionary.len() > self.n_rows / 2 => self.all(),
            None => {
                let dictionary = Arc::new(self.dictionary.finish());
                return Column::Dictionary(DictionaryColumn { codes: self.codes.into(), dictionary });
            }
        };
        (plain.len()..self.n_rows).for_each(|_| plain.push_str(""));
        plain.finish()
    }
}

fn extract_typed(cx: &Context, args: &[Column], n_rows: usize) -> Result<Column, Fault> {
    converted(cx, extract(cx, args, n_rows)?, type_of_column(args.get(3)))
}

/// Groups that a pattern of `extract_all` may have.
const GROUPS_MAX: usize = 16;

fn check_groups(pattern: Option<&Actual>, chosen: Option<&Actual>) -> Result<Type, Fault> {
    let Some(Value::String(pattern)) = pattern.and_then(|it| it.constant.as_ref()) else { return Ok(Type::Dynamic) };
    let names = patterns::parsed(pattern)?;
    check_group_count(names.len())?;
    if let Some(Value::Dynamic(chosen)) = chosen.and_then(|it| it.constant.as_ref()) {
        _ = chosen_groups(chosen, names.len(), |name| names.iter().position(|it| it.as_deref() == Some(name)))?;
    }
    Ok(Type::Dynamic)
}

fn check_group_count(count: usize) -> Result<(), Fault> {
    if (1..=GROUPS_MAX).contains(&count) {
        return Ok(());
    }
    let message =
        format!("extract_all(): the regular expression has {count} capture groups; it must have 1 to {GROUPS_MAX}");
    Err(Fault::coded("SEM0213", message))
}

/// Numbers of the groups that an array chooses; all when it chooses none. `by_name` counts from 0.
fn chosen_groups(chosen: &Dynamic, count: usize, by_name: impl Fn(&str) -> Option<usize>) -> Result<Vec<usize>, Fault> {
    let mut groups = Vec::new();
    for item in chosen.as_array().unwrap_or(&[]) {
        match item {
            Dynamic::String(name) => match by_name(name) {
                Some(at) => groups.push(at + 1),
                None => {
                    let message = format!("extract_all(): the regular expression has no group named `{name}`");
                    return Err(Fault::coded("SEM0214", message));
                }
            },
            other => groups
                .extend(other.as_i64().and_then(|it| usize::try_from(it).ok()).filter(|it| (1..=count).contains(it))),
        }
    }
    Ok(if groups.is_empty() { (1..=count).collect() } else { groups })
}

fn extract_all(
    cx: &Context,
    pattern_column: &Column,
    chosen: Option<&Column>,
    source: &Column,
    n_rows: usize,
) -> Result<Column, Fault> {
    if n_rows == 0 {
        return Ok(Column::null(Type::Dynamic, 0));
    }
    let pattern = pattern(cx, pattern_column)?;
    let count = pattern.captures_len().saturating_sub(1);
    check_group_count(count)?;
    let by_name = |name: &str| pattern.capture_names().skip(1).position(|it| it == Some(name));
    let source = source.string_reader();
    let mut out = Vec::with_capacity(n_rows);
    let mut groups: Vec<usize> = (1..=count).collect();
    let (mut held, mut bytes) = (cx.budget.reserve(0, "extract_all")?, 0);
    for row in 0..n_rows {
        if let Some(chosen) = chosen
            && (row == 0 || !matches!(chosen, Column::Constant { .. }))
        {
            groups = chosen_groups(&chosen.dynamic(row), count, by_name)?;
        }
        if row % CHECK_ROWS == 0 {
            cx.check()?;
        }
        let found = matches_of(cx, &pattern, &groups, source.get(row))?;
        bytes += found.as_ref().map_or(0, Dynamic::owned_bytes);
        held.follow(bytes, "extract_all")?;
        out.push(found);
    }
    Ok(Column::dynamics(out))
}

fn matches_of(cx: &Context, pattern: &regex::Regex, groups: &[usize], text: &str) -> Result<Option<Dynamic>, Fault> {
    let mut found = Vec::new();
    for captures in pattern.captures_iter(text) {
        let group = |at: &usize| Dynamic::string(captures.get(*at).map_or("", |it| it.as_str()));
        found.push(match groups {
            [one] => group(one),
            several => Dynamic::array(several.iter().map(group).collect()),
        });
        if found.len() % 4_096 == 0 {
            cx.check()?;
            bounds::array(cx, found.len(), "extract_all")?;
        }
    }
    Ok((!found.is_empty()).then(|| Dynamic::array(found)))
}

fn extract_json(cx: &Context, args: &[Column], n_rows: usize, ty: Type) -> Result<Column, Fault> {
    let [path, source, ..] = args else { return Err(Fault::new("extract_json() takes two or three arguments")) };
    if n_rows == 0 {
        return Ok(Column::null(ty, 0));
    }
    let path = Path::parse(&path.value(0).text())?;
    let source = source.string_reader();
    let mut found = Vec::with_capacity(n_rows);
    for row in 0..n_rows {
        if row % CHECK_ROWS == 0 {
            cx.check()?;
        }
        found.push(json::read(source.get(row)).map(|it| path.find(&it)));
    }
    converted(cx, Column::dynamics(found), ty)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(pattern: &str, chosen: Option<&str>, text: &str) -> String {
        let constant = |it: &str| Column::constant(Value::String(it.into()), Type::String, 1);
        let chosen = chosen.map(|it| Column::constant(Value::Dynamic(json::read(it).unwrap()), Type::Dynamic, 1));
        let found = extract_all(&Context::default(), &constant(pattern), chosen.as_ref(), &Column::strings([text]), 1);
        found.unwrap().dynamic(0).json()
    }

    #[test]
    fn groups_are_chosen_and_ordered() {
        let (pattern, text) = ("(?:^| )([a-z])([a-z]+)", " test word");
        assert_eq!(all(pattern, None, text), r#"[["t","est"],["w","ord"]]"#);
        assert_eq!(all(pattern, Some("[2]"), text), r#"["est","ord"]"#);
        assert_eq!(all(pattern, Some("[2,1]"), text), r#"[["est","t"],["ord","w"]]"#);
        assert_eq!(all(pattern, Some("[7,2]"), text), r#"["est","ord"]"#);
        assert_eq!(all(pattern, Some("[]"), text), r#"[["t","est"],["w","ord"]]"#);
        assert_eq!(all("(?<a>.)(?P<b>.)", Some(r#"["b","b"]"#), "xy"), r#"[["y","y"]]"#);
        assert_eq!(all("(q)", None, text), "null");
    }

    #[test]
    fn patterns_are_checked_before_the_query_runs() {
        let pattern = |it: &str| Actual::literal(Value::String(it.into()), Type::String);
        assert!(matches!(check_groups(Some(&pattern("abc")), None), Err(Fault::Error { code: "SEM0213", .. })));
        let many = "(a)".repeat(17);
        assert!(matches!(check_groups(Some(&pattern(&many)), None), Err(Fault::Error { code: "SEM0213", .. })));
        let names = Actual::literal(Value::Dynamic(json::read(r#"["x"]"#).unwrap()), Type::Dynamic);
        let unknown = check_groups(Some(&pattern("(?<a>b)")), Some(&names));
        assert!(matches!(unknown, Err(Fault::Error { code: "SEM0214", .. })));
    }

    #[test]
    fn whole_columns_give_what_rows_give() {
        let words = ["status=", "12", "a=", "b", " ", "é", ",", "stat", "us=7", "", "\n", "漢"];
        let mut dice = 5_u64;
        let texts: Vec<String> = (0..900)
            .map(|row| {
                let mut text = if row % 300 == 7 { "a=".repeat(3_000) } else { String::new() };
                for _ in 0..row % 9 {
                    dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    text.push_str(words[(dice >> 33) as usize % words.len()]);
                }
                text
            })
            .collect();
        let all = Column::strings(&texts);
        let constant = |it: Value, ty| Column::constant(it, ty, 900);
        for (pattern, group) in [
            (r"status=(\d+)", 1),
            (r"status=(\d+)", 0),
            (r"a=(\w+)\s*,", 1),
            (r"a=([^b]+)b", 1),
            ("stat", 0),
            (r"a=(.)", 1),
            (r"a=", 2),
        ] {
            let regex = regex::Regex::new(pattern).unwrap();
            // Slices begin in the middle of the bytes, and end there.
            for (from, count) in [(0, 900), (3, 200), (500, 400), (890, 10)] {
                let args = [
                    constant(Value::String(pattern.into()), Type::String).slice(from, count),
                    constant(Value::Long(group), Type::Long).slice(from, count),
                    all.slice(from, count),
                ];
                let found = extract(&Context::default(), &args, count).unwrap();
                for (row, text) in texts.iter().skip(from).take(count).enumerate() {
                    let captures = regex.captures(text);
                    let expected = captures.as_ref().and_then(|it| it.get(group as usize)).map_or("", |it| it.as_str());
                    assert_eq!(found.value(row), Value::String(expected.into()), "{pattern} {group} {text:?}");
                }
            }
        }
    }

    #[test]
    fn few_and_many_different_texts_are_found() {
        let pattern = Column::constant(Value::String(r"n=(\d+)".into()), Type::String, 5_000);
        let group = Column::constant(Value::Long(1), Type::Long, 5_000);
        for n_different in [7, 5_000] {
            let texts = (0..5_000).map(|it| format!("x n={} y", it % n_different));
            let args = [pattern.clone(), group.clone(), Column::strings(texts)];
            let found = extract(&Context::default(), &args, 5_000).unwrap();
            assert_eq!(matches!(found, Column::Dictionary(_)), n_different == 7);
            assert!((0..5_000).all(|it| found.value(it).text() == (it % n_different).to_string()));
        }
    }

    #[test]
    fn a_group_that_took_no_part_is_empty() {
        let column = |it: &str| Column::constant(Value::String(it.into()), Type::String, 1);
        let args = [column("(a)|(b)"), Column::longs(vec![2]), Column::strings(["a"])];
        assert_eq!(extract(&Context::default(), &args, 1).unwrap().value(0).text(), "");
    }
}
