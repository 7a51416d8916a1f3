//! What a value, a number or a text must be: exactly this, more than that, anything.

use crate::{
    Note,
    document::{Node, Style},
    duration,
};
use kql::{Value, parser::parse_datetime};
use regex::Regex;
use serde_json::Value as Json;

/// What a value must be.
#[derive(Clone, Debug)]
pub enum Matcher {
    /// Anything, null as well: `any`.
    Any,
    /// Null, or an empty string, as strings are never null: `null`.
    Null,
    /// Exactly that: numbers by their value, datetimes by their moment, texts with their case.
    Exact(Json),
    /// Every one of these: `{gt: 1, lt: 5}`.
    All(Vec<Test>),
}

/// One word of a matcher with what stands behind it.
#[derive(Clone, Debug)]
pub enum Test {
    /// `gt`
    Greater(Json),
    /// `gte`, `at_least`
    AtLeast(Json),
    /// `lt`
    Less(Json),
    /// `lte`, `at_most`
    AtMost(Json),
    /// `exactly`
    Exactly(Json),
    /// `not`
    Not(Box<Matcher>),
    /// `in`: one of them.
    In(Vec<Matcher>),
    /// `contains`: a part of a text, an element of an array, or a key of a bag.
    Contains(Json),
    /// `startswith`
    StartsWith(String),
    /// `endswith`
    EndsWith(String),
    /// `matches`: a regular expression that is found in the text.
    Matches(Regex),
    /// `set`: an array of exactly these elements in any order.
    Set(Vec<Json>),
    /// `length`: of an array, a bag or a text.
    Length(Box<Matcher>),
}

/// The words of matchers.
const WORDS: &[&str] = &[
    "gt",
    "gte",
    "at_least",
    "lt",
    "lte",
    "at_most",
    "exactly",
    "not",
    "in",
    "contains",
    "startswith",
    "endswith",
    "matches",
    "set",
    "length",
];

impl Matcher {
    /// What a node of a test file asks for.
    pub fn read(node: &Node) -> Result<Matcher, Note> {
        let plain = node.scalar().filter(|it| it.style == Style::Plain);
        if plain.is_some_and(|it| it.text == "any") {
            return Ok(Matcher::Any);
        }
        if node.is_null() {
            return Ok(Matcher::Null);
        }
        let Some(entries) = node.map().filter(|_| is_matcher(node)) else {
            return Ok(Matcher::Exact(node.to_json()));
        };
        let mut tests = Vec::with_capacity(entries.len());
        for entry in entries {
            if !WORDS.contains(&entry.key.as_str()) {
                let message = format!("`{}` is no word of a matcher; those are {}", entry.key, WORDS.join(", "));
                return Err(Note::error("TEST003", entry.key_place, message));
            }
            tests.push(test(&entry.key, &entry.value)?);
        }
        Ok(Matcher::All(tests))
    }

    /// Whether a value is what it must be.
    pub fn matches(&self, value: &Value) -> bool {
        match self {
            Matcher::Any => true,
            Matcher::Null => match value {
                Value::String(it) => it.is_empty(),
                Value::Dynamic(it) => it.is_null(),
                it => it.is_null(),
            },
            Matcher::Exact(expected) => equal(value, expected),
            Matcher::All(tests) => tests.iter().all(|it| it.holds(value)),
        }
    }

    /// Whether a number is what it must be.
    pub fn matches_count(&self, count: usize) -> bool {
        self.matches(&Value::Long(i64::try_from(count).unwrap_or(i64::MAX)))
    }

    /// Whether a text is what it must be.
    pub fn matches_text(&self, text: &str) -> bool {
        self.matches(&Value::String(text.into()))
    }

    /// The matcher for people.
    pub fn text(&self) -> String {
        match self {
            Matcher::Any => "any".to_owned(),
            Matcher::Null => "null".to_owned(),
            Matcher::Exact(Json::String(it)) => it.clone(),
            Matcher::Exact(it) => it.to_string(),
            Matcher::All(tests) => tests.iter().map(Test::text).collect::<Vec<_>>().join(" and "),
        }
    }
}

fn test(word: &str, node: &Node) -> Result<Test, Note> {
    let fault = |what: &str| Note::error("TEST003", node.place, format!("`{word}` takes {what}"));
    let text = || node.text().map(str::to_owned).ok_or_else(|| fault("a text"));
    let list = || node.list().ok_or_else(|| fault("a list"));
    Ok(match word {
        "gt" => Test::Greater(node.to_json()),
        "gte" | "at_least" => Test::AtLeast(node.to_json()),
        "lt" => Test::Less(node.to_json()),
        "lte" | "at_most" => Test::AtMost(node.to_json()),
        "exactly" => Test::Exactly(node.to_json()),
        "not" => Test::Not(Box::new(Matcher::read(node)?)),
        "in" => Test::In(list()?.iter().map(Matcher::read).collect::<Result<_, _>>()?),
        "contains" => Test::Contains(node.to_json()),
        "startswith" => Test::StartsWith(text()?),
        "endswith" => Test::EndsWith(text()?),
        "matches" => Test::Matches(Regex::new(&text()?).map_err(|why| fault(&format!("a regular expression: {why}")))?),
        "set" => Test::Set(list()?.iter().map(Node::to_json).collect()),
        _ => Test::Length(Box::new(Matcher::read(node)?)),
    })
}

impl Test {
    fn holds(&self, value: &Value) -> bool {
        use std::cmp::Ordering::{Equal, Greater, Less};
        let is = |expected: &Json, orders: &[std::cmp::Ordering]| {
            order(value, expected).is_some_and(|it| orders.contains(&it))
        };
        match self {
            Test::Greater(it) => is(it, &[Greater]),
            Test::AtLeast(it) => is(it, &[Greater, Equal]),
            Test::Less(it) => is(it, &[Less]),
            Test::AtMost(it) => is(it, &[Less, Equal]),
            Test::Exactly(it) => equal(value, it),
            Test::Not(it) => !it.matches(value),
            Test::In(all) => all.iter().any(|it| it.matches(value)),
            Test::Contains(part) => contains(value, part),
            Test::StartsWith(it) => text_of(value).starts_with(it),
            Test::EndsWith(it) => text_of(value).ends_with(it),
            Test::Matches(it) => it.is_match(&text_of(value)),
            Test::Set(expected) => is_set(value, expected),
            Test::Length(it) => length(value).is_some_and(|length| it.matches_count(length)),
        }
    }

    fn text(&self) -> String {
        let of = |word: &str, it: &Json| format!("{word} {it}");
        match self {
            Test::Greater(it) => of("more than", it),
            Test::AtLeast(it) => of("at least", it),
            Test::Less(it) => of("less than", it),
            Test::AtMost(it) => of("at most", it),
            Test::Exactly(it) => of("exactly", it),
            Test::Not(it) => format!("not {}", it.text()),
            Test::In(all) => format!("one of {}", all.iter().map(Matcher::text).collect::<Vec<_>>().join(", ")),
            Test::Contains(it) => of("contains", it),
            Test::StartsWith(it) => format!("starts with {it:?}"),
            Test::EndsWith(it) => format!("ends with {it:?}"),
            Test::Matches(it) => format!("matches /{it}/"),
            Test::Set(it) => format!("the set {}", Json::Array(it.clone())),
            Test::Length(it) => format!("of length {}", it.text()),
        }
    }
}

/// Whether a mapping is a matcher, and not a value.
pub(super) fn is_matcher(node: &Node) -> bool {
    node.map().is_some_and(|it| it.iter().any(|it| WORDS.contains(&it.key.as_str())))
}

/// A value as JSON: the way snapshots and messages have it.
pub(super) fn to_json(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Bool(it) => (*it).into(),
        Value::Int(it) => (*it).into(),
        Value::Long(it) => (*it).into(),
        Value::Real(it) => serde_json::Number::from_f64(*it).map_or_else(|| value.text().into(), Json::Number),
        Value::Datetime(it) => kql::time::datetime_wire(*it).into(),
        Value::Dynamic(it) => serde_json::from_str(&it.json()).unwrap_or_else(|_| it.text().into()),
        _ => value.text().into(),
    }
}

/// A value as a text to search in: JSON for dynamics that are no text.
fn text_of(value: &Value) -> String {
    value.text()
}

fn equal(value: &Value, expected: &Json) -> bool {
    match value {
        Value::Null => expected.is_null(),
        Value::Dynamic(_) => same(&to_json(value), expected),
        Value::Int(_) | Value::Long(_) | Value::Real(_) | Value::Decimal(_) => {
            number(value).zip(expected.as_f64()).is_some_and(|(left, right)| close(left, right))
                || expected.as_str().is_some_and(|it| it == value.text())
        }
        Value::Bool(it) => expected.as_bool() == Some(*it),
        Value::String(it) => expected.as_str() == Some(it),
        Value::Datetime(_) | Value::Timespan(_) => order(value, expected).is_some_and(std::cmp::Ordering::is_eq),
        Value::Guid(_) => expected.as_str().is_some_and(|it| it.eq_ignore_ascii_case(&value.text())),
    }
}

/// Whether two numbers are one, but for what arithmetic on reals loses.
fn close(left: f64, right: f64) -> bool {
    left == right || (left - right).abs() <= 1e-9 * right.abs().max(1.0)
}

/// Whether two JSON values are one: numbers by value, bags whatever the order of their keys.
fn same(left: &Json, right: &Json) -> bool {
    match (left, right) {
        (Json::Number(left), Json::Number(right)) => match (left.as_i64(), right.as_i64()) {
            (Some(left), Some(right)) => left == right,
            _ => left.as_f64().zip(right.as_f64()).is_some_and(|it| close(it.0, it.1)),
        },
        (Json::Array(left), Json::Array(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|it| same(it.0, it.1))
        }
        (Json::Object(left), Json::Object(right)) => {
            left.len() == right.len()
                && left.iter().all(|(key, it)| right.get(key).is_some_and(|other| same(it, other)))
        }
        (left, right) => left == right,
    }
}

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Int(it) => Some(f64::from(*it)),
        Value::Long(it) => Some(*it as f64),
        Value::Real(it) => Some(*it),
        Value::Decimal(it) => it.to_string().parse().ok(),
        Value::Dynamic(it) => it.as_f64(),
        _ => None,
    }
}

/// How a value stands to what is written in a test; `None` where they cannot be compared.
fn order(value: &Value, expected: &Json) -> Option<std::cmp::Ordering> {
    match value {
        Value::Long(it) if expected.is_i64() => Some(it.cmp(&expected.as_i64()?)),
        Value::Datetime(it) => Some(it.cmp(&parse_datetime(expected.as_str()?)?)),
        Value::Timespan(it) => {
            let text = expected.as_str()?;
            if kql::time::timespan_text(*it) == text {
                return Some(std::cmp::Ordering::Equal);
            }
            Some(it.cmp(&duration::parse(text)?))
        }
        Value::String(it) => Some(it.as_ref().cmp(expected.as_str()?)),
        _ => number(value)?.partial_cmp(&expected.as_f64()?),
    }
}

fn contains(value: &Value, part: &Json) -> bool {
    if let Value::Dynamic(_) = value {
        match to_json(value) {
            Json::Array(items) => return items.iter().any(|it| same(it, part)),
            Json::Object(entries) => return part.as_str().is_some_and(|it| entries.contains_key(it)),
            _ => {}
        }
    }
    let part = part.as_str().map_or_else(|| part.to_string(), str::to_owned);
    text_of(value).contains(&part)
}

fn is_set(value: &Value, expected: &[Json]) -> bool {
    let Json::Array(mut left) = to_json(value) else { return false };
    let found = expected.iter().all(|it| match left.iter().position(|other| same(other, it)) {
        Some(at) => {
            _ = left.swap_remove(at);
            true
        }
        None => false,
    });
    found && left.is_empty()
}

fn length(value: &Value) -> Option<usize> {
    match to_json(value) {
        Json::Array(it) => Some(it.len()),
        Json::Object(it) => Some(it.len()),
        Json::String(it) => Some(it.chars().count()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Source, document};

    fn matcher(text: &str) -> Result<Matcher, Note> {
        Matcher::read(&document::parse(&Source::new("m.yaml", text)).unwrap().0[0])
    }

    fn holds(text: &str, value: Value) -> bool {
        matcher(text).unwrap().matches(&value)
    }

    fn dynamic(text: &str) -> Value {
        Value::Dynamic(kql::json::read(text).unwrap())
    }

    #[test]
    fn exact_values() {
        assert!(holds("5", Value::Long(5)) && holds("5", Value::Real(5.0)) && holds("5.0", Value::Long(5)));
        assert!(!holds("5", Value::String("5".into())) && holds("'5'", Value::String("5".into())));
        assert!(holds("true", Value::Bool(true)) && !holds("'true'", Value::Bool(true)));
        let moment = parse_datetime("2026-01-01T10:00:00Z").unwrap();
        assert!(holds("2026-01-01T10:00:00Z", Value::Datetime(moment)));
        assert!(holds("2026-01-01 10:00", Value::Datetime(moment)));
        assert!(holds("1h", Value::Timespan(36_000_000_000)) && holds("PT1H", Value::Timespan(36_000_000_000)));
        assert!(holds("['a', 1]", dynamic(r#"["a",1.0]"#)) && !holds("[1, 'a']", dynamic(r#"["a",1]"#)));
        assert!(holds("{a: 1, b: 2}", dynamic(r#"{"b":2,"a":1}"#)) && !holds("{a: 1}", dynamic(r#"{"b":2,"a":1}"#)));
    }

    #[test]
    fn nothing_and_anything() {
        assert!(holds("null", Value::Null) && holds("~", Value::String("".into())) && !holds("null", Value::Long(0)));
        assert!(holds("any", Value::Null) && holds("any", Value::Long(0)));
        assert!(!holds("'any'", Value::Null) && holds("'any'", Value::String("any".into())));
    }

    #[test]
    fn words() {
        assert!(holds("{gt: 4}", Value::Long(5)) && !holds("{gt: 5}", Value::Long(5)));
        assert!(holds("{gt: 4, lt: 6}", Value::Long(5)) && !holds("{gt: 4, lt: 5}", Value::Long(5)));
        assert!(holds("{at_most: 3}", Value::Long(3)) && holds("{at_least: 3}", Value::Long(3)));
        assert!(!holds("{gt: 4}", Value::Null) && !holds("{gt: a}", Value::Long(5)));
        assert!(holds("{gt: 2026-01-01}", Value::Datetime(parse_datetime("2026-01-02").unwrap())));
        assert!(
            holds("{contains: b}", Value::String("abc".into())) && !holds("{contains: B}", Value::String("abc".into()))
        );
        assert!(holds("{contains: b}", dynamic(r#"["a","b"]"#)) && !holds("{contains: b}", dynamic(r#"["ab"]"#)));
        assert!(holds("{matches: '^a.c$'}", Value::String("abc".into())));
        assert!(holds("{set: [b, a]}", dynamic(r#"["a","b"]"#)) && !holds("{set: [a]}", dynamic(r#"["a","b"]"#)));
        assert!(!holds("{set: [a, a]}", dynamic(r#"["a","b"]"#)));
        assert!(holds("{length: 2}", dynamic(r#"["a","b"]"#)) && holds("{not: null}", Value::Long(1)));
        assert!(holds("{in: [1, {gt: 5}]}", Value::Long(6)) && !holds("{in: [1, {gt: 5}]}", Value::Long(2)));
    }

    #[test]
    fn faults() {
        assert!(matcher("{gt: 1, foo: 2}").unwrap_err().message.contains("`foo`"));
        assert!(matcher("{matches: '('}").unwrap_err().message.contains("regular expression"));
        assert!(matcher("{in: 1}").unwrap_err().message.contains("list"));
    }
}
