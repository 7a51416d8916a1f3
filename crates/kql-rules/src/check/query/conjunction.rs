//! Conditions of one value that exclude each other, or that leave nothing out together.

use crate::{
    Level, Place,
    check::{
        Lint,
        finding::Found,
        lint::Body,
        subject::{Subject, evaluate},
    },
};
use kql::{
    Dynamic, Type, Value,
    parser::syntax::{BinaryOperator as B, ExprId, ExprKind, MembershipOperator as M, Operator},
};

pub(crate) const CONTRADICTION: Lint = Lint {
    code: "Q009",
    name: "contradiction",
    level: Level::Warning,
    summary: "Two conditions that must hold together exclude each other.",
    doc: "`x == \"a\" and x == \"b\"` holds for no row; nor do two `where`s in a row that say so, `x > 5 and x < 3`, or \
          `x == \"abc\" and x contains \"z\"`. Often `or` is meant, or `in`.",
    bad: "SecurityEvent | where EventID == 4624 and EventID == 4625",
    good: "SecurityEvent | where EventID == 4624 or EventID == 4625",
    body: Body::Query(contradiction),
};

pub(crate) const TAUTOLOGY: Lint = Lint {
    code: "Q010",
    name: "tautology",
    level: Level::Warning,
    summary: "Two conditions of which one must hold leave nothing out.",
    doc: "`x != \"a\" or x != \"b\"` holds for every row: what is `a` is not `b`. `and` is meant, or `x !in (\"a\", \"b\")`.",
    bad: "SigninLogs | where ResultType != '0' or ResultType != '50125'",
    good: "SigninLogs | where ResultType != '0' and ResultType != '50125'",
    body: Body::Query(tautology),
};

/// What a condition says of a value.
#[derive(Clone, Debug)]
enum Test {
    /// It is one of those.
    One(Vec<Value>, Caseless),
    /// It is none of those.
    None(Vec<Value>, Caseless),
    /// It is above (below) a bound, perhaps equal to it.
    Above(Value, bool),
    Below(Value, bool),
    /// The operator holds with that needle.
    Holds(&'static str, String),
    /// The operator does not hold.
    Lacks(&'static str, String),
    /// It is empty, or not.
    Empty(bool),
}

type Caseless = bool;

/// A condition: the value that it is about, as written, what it says, and where.
struct Condition {
    subject: String,
    ty: Type,
    test: Test,
    place: Place,
}

fn contradiction(it: &Subject<'_>, found: &mut Found<'_>) {
    for group in groups(it) {
        let conditions: Vec<Condition> = group.iter().filter_map(|id| condition(it, *id)).collect();
        tell(it, &conditions, exclude, "which cannot hold together", found);
    }
}

fn tautology(it: &Subject<'_>, found: &mut Found<'_>) {
    for (_, kind) in it.exprs() {
        let ExprKind::Or(items) = kind else { continue };
        let conditions: Vec<Condition> = items.iter().filter_map(|id| condition(it, *id)).collect();
        tell(it, &conditions, cover, "of which one always holds", found);
    }
}

/// Tells of the first pair.
fn tell(
    it: &Subject<'_>,
    conditions: &[Condition],
    conflict: fn(&Test, &Test) -> bool,
    what: &str,
    found: &mut Found<'_>,
) {
    for (n, second) in conditions.iter().enumerate() {
        let first = conditions.iter().take(n).find(|first| {
            first.subject == second.subject
                && first.ty == second.ty
                && (conflict(&first.test, &second.test) || conflict(&second.test, &first.test))
        });
        if let Some(first) = first {
            let text = |place: Place| it.rule.source.text.get(place.start..place.end).unwrap_or("").trim();
            let (a, b) = (text(first.place), text(second.place));
            _ = found.add(it.rule, second.place, format!("`{a}` and `{b}`: two conditions {what}"));
            return;
        }
    }
}

/// Conditions that must hold together: those of an `and`, and those of `where`s in a row.
fn groups(it: &Subject<'_>) -> Vec<Vec<ExprId>> {
    let mut out = Vec::new();
    let mut whole = Vec::new();
    for pipeline in &it.tree().pipelines {
        let mut group = Vec::new();
        for stage in &pipeline.stages {
            match &stage.operator {
                Operator::Where(it2) if it2.name.is_none() => {
                    whole.push(it.inner(it2.predicate));
                    flatten(it, it2.predicate, &mut group);
                }
                Operator::Sort(_) | Operator::Take(_) | Operator::Sample(_) | Operator::Serialize(_) => {}
                _ => out.push(std::mem::take(&mut group)),
            }
        }
        out.push(group);
    }
    for (id, kind) in it.exprs() {
        if matches!(kind, ExprKind::And(_)) && !whole.contains(&id) {
            let mut group = Vec::new();
            flatten(it, id, &mut group);
            out.push(group);
        }
    }
    out.retain(|it| it.len() > 1);
    out
}

fn flatten(it: &Subject<'_>, id: ExprId, out: &mut Vec<ExprId>) {
    match it.kind(it.inner(id)) {
        ExprKind::And(items) => items.iter().for_each(|id| flatten(it, *id, out)),
        _ => out.push(it.inner(id)),
    }
}

/// Names of string operators that can be tried on a constant.
fn stem(operator: B) -> Option<(&'static str, bool)> {
    Some(match operator {
        B::Has => ("has", true),
        B::NotHas => ("has", false),
        B::HasCs => ("has_cs", true),
        B::NotHasCs => ("has_cs", false),
        B::Contains => ("contains", true),
        B::NotContains => ("contains", false),
        B::ContainsCs => ("contains_cs", true),
        B::NotContainsCs => ("contains_cs", false),
        B::StartsWith => ("startswith", true),
        B::NotStartsWith => ("startswith", false),
        B::StartsWithCs => ("startswith_cs", true),
        B::NotStartsWithCs => ("startswith_cs", false),
        B::EndsWith => ("endswith", true),
        B::NotEndsWith => ("endswith", false),
        B::EndsWithCs => ("endswith_cs", true),
        B::NotEndsWithCs => ("endswith_cs", false),
        B::MatchesRegex => ("matches regex", true),
        _ => return None,
    })
}

fn condition(it: &Subject<'_>, id: ExprId) -> Option<Condition> {
    let (value, test) = match it.kind(it.inner(id)) {
        ExprKind::Binary { operator, left, right, .. } => (*left, comparison(it, *operator, *right)?),
        ExprKind::Membership { operator, value, list, .. } => {
            let caseless = matches!(operator, M::InCaseless | M::NotInCaseless);
            let values = listed(it, list)?;
            match operator {
                M::In | M::InCaseless => (*value, Test::One(values, caseless)),
                M::NotIn | M::NotInCaseless => (*value, Test::None(values, caseless)),
                M::HasAny | M::HasAll => return None,
            }
        }
        ExprKind::Call(call) => {
            let [argument] = call.arguments.as_slice() else { return None };
            let empty = match call.function.text.as_str() {
                "isempty" => true,
                "isnotempty" | "notempty" => false,
                _ => return None,
            };
            (argument.value, Test::Empty(empty))
        }
        _ => return None,
    };
    if !it.varies(value) || !is_repeatable(it, value) {
        return None;
    }
    let subject: String = it.text(it.inner(value)).split_whitespace().collect();
    Some(Condition { subject, ty: it.ty(value)?, test, place: it.place_of(it.inner(id)) })
}

fn comparison(it: &Subject<'_>, operator: B, right: ExprId) -> Option<Test> {
    if let Some((name, holds)) = stem(operator) {
        let needle = it.constant_text(right)?.to_owned();
        return Some(if holds { Test::Holds(name, needle) } else { Test::Lacks(name, needle) });
    }
    let value = it.constant(right).filter(|it| !it.is_null())?.clone();
    Some(match operator {
        B::Equal => Test::One(vec![value], false),
        B::EqualCaseless => Test::One(vec![value], true),
        B::NotEqual => Test::None(vec![value], false),
        B::NotEqualCaseless => Test::None(vec![value], true),
        B::Greater => Test::Above(value, false),
        B::GreaterOrEqual => Test::Above(value, true),
        B::Less => Test::Below(value, false),
        B::LessOrEqual => Test::Below(value, true),
        _ => return None,
    })
}

/// The constants of a list, arrays taken apart; `None` where one is not known.
fn listed(it: &Subject<'_>, list: &[ExprId]) -> Option<Vec<Value>> {
    let mut out = Vec::new();
    for id in list {
        match it.constant(*id)? {
            Value::Dynamic(Dynamic::Array(items)) => out.extend(items.iter().map(Dynamic::to_value)),
            value => out.push(value.clone()),
        }
    }
    (!out.is_empty() && out.iter().all(|it| !it.is_null())).then_some(out)
}

/// Whether two evaluations of an expression give the same.
fn is_repeatable(it: &Subject<'_>, id: ExprId) -> bool {
    let span = it.span(id);
    let inside = |id: ExprId| span.start <= it.span(id).start && it.span(id).end <= span.end;
    !it.calls()
        .any(|(id, call)| inside(id) && matches!(call.function.text.as_str(), "rand" | "new_guid" | "next" | "prev"))
}

/// Whether two values are equal; `None` where that is not certain, because they are not of one type.
fn equal(a: &Value, b: &Value, caseless: bool) -> Option<bool> {
    match (a, b) {
        (Value::String(a), Value::String(b)) => {
            Some(if caseless { a.to_lowercase() == b.to_lowercase() } else { a == b })
        }
        (Value::Int(_) | Value::Long(_), Value::Int(_) | Value::Long(_)) => {
            number(a).zip(number(b)).map(|(a, b)| a == b)
        }
        (Value::Bool(a), Value::Bool(b)) => Some(a == b),
        (Value::Datetime(a), Value::Datetime(b)) | (Value::Timespan(a), Value::Timespan(b)) => Some(a == b),
        _ => None,
    }
}

fn number(value: &Value) -> Option<i64> {
    match value {
        Value::Int(it) => Some(i64::from(*it)),
        Value::Long(it) | Value::Datetime(it) | Value::Timespan(it) => Some(*it),
        _ => None,
    }
}

/// Whether an operator holds for a text.
fn holds(operator: &str, text: &Value, needle: &str) -> Option<bool> {
    if !matches!(text, Value::String(_)) {
        return None;
    }
    match evaluate(operator, &[text.clone(), Value::String(needle.into())])? {
        Value::Bool(it) => Some(it),
        _ => None,
    }
}

/// Whether nothing passes both tests.
fn exclude(a: &Test, b: &Test) -> bool {
    match (a, b) {
        (Test::One(a, ca), Test::One(b, cb)) => {
            a.iter().all(|a| b.iter().all(|b| equal(a, b, *ca || *cb) == Some(false)))
        }
        // All that it may be is ruled out. Where the list is caseless and the exclusion is not, other spellings are left.
        (Test::One(a, ca), Test::None(b, cb)) if *cb || !*ca => {
            a.iter().all(|a| b.iter().any(|b| equal(a, b, *cb) == Some(true)))
        }
        (Test::One(a, caseless), Test::Holds(operator, needle)) => {
            let fits = !*caseless || !operator.ends_with("_cs") && *operator != "matches regex";
            fits && a.iter().all(|a| holds(operator, a, needle) == Some(false))
        }
        (Test::One(a, caseless), Test::Lacks(operator, needle)) => {
            let fits = !*caseless || !operator.ends_with("_cs");
            fits && a.iter().all(|a| holds(operator, a, needle) == Some(true))
        }
        (Test::One(a, _), Test::Empty(empty)) => {
            a.iter().all(|it| matches!(it, Value::String(it) if it.is_empty() != *empty))
        }
        (Test::One(a, _), Test::Above(bound, or)) => a
            .iter()
            .all(|a| comparable(a, bound) && number(a).zip(number(bound)).is_some_and(|(a, b)| a < b || a == b && !or)),
        (Test::One(a, _), Test::Below(bound, or)) => a
            .iter()
            .all(|a| comparable(a, bound) && number(a).zip(number(bound)).is_some_and(|(a, b)| a > b || a == b && !or)),
        (Test::Above(low, a), Test::Below(high, b)) => {
            comparable(low, high)
                && number(low).zip(number(high)).is_some_and(|(low, high)| low > high || low == high && !(*a && *b))
        }
        (Test::Holds(a, needle), Test::Lacks(b, other)) => {
            a == b && needle.to_lowercase() == other.to_lowercase() && { !a.ends_with("_cs") || needle == other }
        }
        (Test::Holds(operator, needle), Test::Empty(true)) => !needle.is_empty() && *operator != "matches regex",
        (Test::Empty(a), Test::Empty(b)) => a != b,
        _ => false,
    }
}

/// Whether two constants are of one kind, so that they have an order.
fn comparable(a: &Value, b: &Value) -> bool {
    let whole = |it: &Value| matches!(it, Value::Int(_) | Value::Long(_));
    whole(a) && whole(b)
        || matches!((a, b), (Value::Datetime(_), Value::Datetime(_)) | (Value::Timespan(_), Value::Timespan(_)))
}

/// Whether everything passes one of the tests.
fn cover(a: &Test, b: &Test) -> bool {
    match (a, b) {
        (Test::None(a, ca), Test::None(b, cb)) => {
            a.iter().all(|a| b.iter().all(|b| equal(a, b, *ca || *cb) == Some(false)))
        }
        (Test::Holds(a, needle), Test::Lacks(b, other)) => a == b && needle == other,
        (Test::Empty(a), Test::Empty(b)) => a != b,
        _ => false,
    }
}
