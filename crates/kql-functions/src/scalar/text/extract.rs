//! Parts of a string that a regular expression or a JSON path names.

use super::{literal_first::LiteralFirst, patterns};
use crate::{
    declare::{Accepts, CHECK_ROWS, Constness, Overload, Param, Returns},
    evaluate::CallSite,
    resolve::{Actual, resolve},
    scalar::{bounds, dynamic::path::Path},
};
use kql_data::{Column, ColumnBuilder, Context, Dynamic, Fault, Type, Value, json};
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
    let mut places = pattern.capture_locations();
    for row in 0..n_rows {
        let group = match group.value(row) {
            Value::Long(it) => usize::try_from(it).ok(),
            Value::Int(it) => usize::try_from(it).ok(),
            _ => None,
        };
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
    fn a_group_that_took_no_part_is_empty() {
        let column = |it: &str| Column::constant(Value::String(it.into()), Type::String, 1);
        let args = [column("(a)|(b)"), Column::longs(vec![2]), Column::strings(["a"])];
        assert_eq!(extract(&Context::default(), &args, 1).unwrap().value(0).text(), "");
    }
}
