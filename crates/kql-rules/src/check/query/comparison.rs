//! Comparisons that have the same result for every row.

use crate::{
    Level,
    check::{
        Lint,
        finding::Found,
        lint::Body,
        subject::{Subject, evaluate},
    },
};
use kql::{
    Type, Value,
    parser::syntax::{BinaryOperator as B, ExprId, ExprKind},
};

pub(crate) const CONSTANT: Lint = Lint {
    code: "Q008",
    name: "constant-comparison",
    level: Level::Warning,
    summary: "A comparison has the same result for every row.",
    doc: "A text that is no number is compared with a number, a fraction with a whole number, a value with something outside of what the \
          function gives (`dayofweek` gives 0d to 6d, `hourofday` 0 to 23, lengths are not negative), or two literals with each \
          other, as when the name of a column was put in quotes.",
    bad: "SecurityEvent | where 'EventID' == 4625",
    good: "SecurityEvent | where EventID == 4625",
    body: Body::Query(check),
};

/// Functions whose values lie in a range, both ends included: days in ticks, numbers as they are.
const RANGES: &[(&str, i64, i64)] = &[
    ("strlen", 0, i64::MAX),
    ("string_size", 0, i64::MAX),
    ("countof", 0, i64::MAX),
    ("array_length", 0, i64::MAX),
    ("hourofday", 0, 23),
    ("dayofmonth", 1, 31),
    ("dayofyear", 1, 366),
    ("getmonth", 1, 12),
    ("monthofyear", 1, 12),
    ("week_of_year", 1, 53),
    ("dayofweek", 0, 6 * kql::time::DAY),
];

/// The operator's word, and what it gives when the left side is below, equal to or above the right.
fn orders(operator: B) -> Option<(&'static str, [bool; 3])> {
    Some(match operator {
        B::Equal => ("==", [false, true, false]),
        B::NotEqual => ("!=", [true, false, true]),
        B::Less => ("<", [true, false, false]),
        B::LessOrEqual => ("<=", [true, true, false]),
        B::Greater => (">", [false, false, true]),
        B::GreaterOrEqual => (">=", [false, true, true]),
        _ => return None,
    })
}

fn check(it: &Subject<'_>, found: &mut Found<'_>) {
    for (id, kind) in it.exprs() {
        let ExprKind::Binary { operator, left, right, .. } = kind else { continue };
        let Some((word, table)) = orders(*operator) else { continue };
        let mirrored = [table[2], table[1], table[0]];
        let reason = literals(it, *left, *right, word)
            .or_else(|| conversion(it, *left, *right, word))
            .or_else(|| conversion(it, *right, *left, word))
            .or_else(|| range(it, *left, *right, table))
            .or_else(|| range(it, *right, *left, mirrored));
        if let Some(reason) = reason {
            _ = found.add(it.rule, it.place_of(id), reason);
        }
    }
}

fn always(result: bool) -> &'static str {
    if result { "always true" } else { "never true" }
}

/// Two literals.
fn literals(it: &Subject<'_>, left: ExprId, right: ExprId, word: &str) -> Option<String> {
    if !it.is_literal(left) || !it.is_literal(right) {
        return None;
    }
    let (a, b) = (it.constant(left)?, it.constant(right)?);
    let is_text = |it: &Value| matches!(it, Value::String(_));
    if is_text(a) != is_text(b) {
        let text = if is_text(a) { a.text() } else { b.text() };
        let is_column = it.is_column(&text);
        let hint = if is_column { format!(": the column `{text}` is written as a text") } else { String::new() };
        return Some(format!("two literals are compared{hint}"));
    }
    let result = evaluate(word, &[a.clone(), b.clone()])?;
    let column = it.is_column(&a.text());
    match result {
        Value::Bool(result) => {
            let hint = if is_text(a) && column {
                format!(": the column `{}` is written as a text", a.text())
            } else {
                String::new()
            };
            Some(format!("two literals are compared, which is {}{hint}", always(result)))
        }
        _ => None,
    }
}

/// A typed value and a text that is none of its type, or a number that it cannot be.
fn conversion(it: &Subject<'_>, value: ExprId, literal: ExprId, word: &str) -> Option<String> {
    if !it.varies(value) {
        return None;
    }
    let (ty, constant) = (it.ty(value)?, it.constant(literal)?);
    let is_equality = matches!(word, "==" | "!=");
    let result = always(word == "!=");
    let function = match ty {
        Type::Bool => "tobool",
        Type::Int | Type::Long => "tolong",
        Type::Real => "todouble",
        Type::Datetime => "todatetime",
        Type::Timespan => "totimespan",
        Type::Guid => "toguid",
        _ => return None,
    };
    match constant {
        Value::String(text) => {
            let converted = evaluate(function, std::slice::from_ref(constant))?;
            // Empty texts are how some write null, and comparing with that is a matter of its own.
            (converted.is_null() && !text.is_empty() && is_equality)
                .then(|| format!("`{}` is {ty}, and `{text}` is no {ty}: the comparison is {result}", it.text(value)))
        }
        Value::Real(number) if is_equality && ty.is_integer() && number.is_finite() && number.fract() != 0.0 => {
            Some(format!("`{}` is {ty} and never has a fraction: the comparison is {result}", it.text(value)))
        }
        Value::Long(number) if is_equality && ty == Type::Int && i32::try_from(*number).is_err() => {
            Some(format!("`{}` is int and cannot be {number}: the comparison is {result}", it.text(value)))
        }
        _ => None,
    }
}

/// A function whose values lie in a range, and a constant outside of it.
fn range(it: &Subject<'_>, value: ExprId, literal: ExprId, table: [bool; 3]) -> Option<String> {
    let call = it.call(value)?;
    let name = call.function.text.as_str();
    let (_, low, high) = RANGES.iter().find(|it| it.0 == name)?;
    if !it.varies(value) {
        return None;
    }
    let number = match it.constant(literal)? {
        Value::Int(it) => i64::from(*it),
        Value::Long(it) | Value::Timespan(it) => *it,
        _ => return None,
    };
    let [below, equal, above] = table;
    // Which of the three can be.
    let possible = [(*low < number, below), ((*low..=*high).contains(&number), equal), (*high > number, above)];
    let mut results = possible.iter().filter(|it| it.0).map(|it| it.1);
    let first = results.next()?;
    // A null has no order, so what is always true of values is not true of rows where the length is null.
    if !results.all(|it| it == first) || first && name == "array_length" {
        return None;
    }
    let span = match (name, *high) {
        ("dayofweek", _) => "0d (Sunday) to 6d (Saturday)".to_owned(),
        (_, i64::MAX) => "0 or more".to_owned(),
        (_, high) => format!("{low} to {high}"),
    };
    Some(format!("`{name}` gives {span}: the comparison is {}", always(first)))
}
