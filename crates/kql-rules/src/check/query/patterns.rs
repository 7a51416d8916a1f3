//! Regular expressions.

use crate::{
    Level,
    check::{Lint, finding::Found, lint::Body, regex, subject::Subject},
};
use kql::{
    Context, Value,
    functions::declare::types::compile_regex,
    parser::syntax::{BinaryOperator as B, ExprId, ExprKind},
};

pub(crate) const FAULTY: Lint = Lint {
    code: "Q005",
    name: "faulty-regex",
    level: Level::Error,
    summary: "A regular expression that is none: the query fails.",
    doc: "Patterns are those of RE2: no look-around, no back references, no possessive repetitions. A pattern that is not valid fails the \
          query when it runs, also where the text compares without one. A common slip is a file pattern: `*.exe` is none, \
          `\\.exe$` is.",
    bad: "DeviceProcessEvents | where FileName matches regex '*.exe'",
    good: "DeviceProcessEvents | where FileName matches regex @'\\.exe$'",
    body: Body::Query(faulty),
};

pub(crate) const NEVER: Lint = Lint {
    code: "Q006",
    name: "regex-without-match",
    level: Level::Warning,
    summary: "No text matches the regular expression.",
    doc: "Something stands in front of `^` or behind `$` that needs a character, a class is empty, or a text in lower case is matched with a \
          pattern that needs capital letters. `(?m)` makes `^` and `$` match at line ends; `(?i)` leaves case out.",
    bad: "SigninLogs | where UserPrincipalName matches regex @'admin$@contoso\\.com'",
    good: "SigninLogs | where UserPrincipalName matches regex @'admin@contoso\\.com$'",
    body: Body::Query(never),
};

pub(crate) const GROUP: Lint = Lint {
    code: "Q007",
    name: "missing-group",
    level: Level::Warning,
    summary: "`extract` asks for a group that the regular expression does not have.",
    doc: "`extract(pattern, 1, text)` gives what the first parentheses hold. Without that many the result is empty for every row. Put \
          parentheses around what is wanted, or ask for group 0, the whole match.",
    bad: "SecurityEvent | extend Host = extract(@'[a-z]+\\.contoso\\.com', 1, Computer)",
    good: "SecurityEvent | extend Host = extract(@'([a-z]+)\\.contoso\\.com', 1, Computer)",
    body: Body::Query(group),
};

/// Constant patterns: the expression, the pattern, and the text that it is matched with.
fn patterns<'a>(it: &Subject<'a>) -> Vec<(ExprId, &'a str, Option<ExprId>)> {
    let mut out = Vec::new();
    for (_, kind) in it.exprs() {
        match kind {
            ExprKind::Binary { operator: B::MatchesRegex, left, right, .. } => {
                out.extend(it.constant_text(*right).map(|text| (*right, text, Some(*left))));
            }
            ExprKind::Call(call) => {
                let (pattern, text) = match call.function.text.as_str() {
                    "extract" => (0, Some(2)),
                    "extract_all" | "extractall" => (0, Some(call.arguments.len().saturating_sub(1))),
                    "replace_regex" | "replace" => (usize::from(call.function.text == "replace_regex"), None),
                    "trim" | "trim_start" | "trim_end" => (0, None),
                    "indexof_regex" => (1, Some(0)),
                    _ => continue,
                };
                let argument = |n: usize| call.arguments.get(n).map(|it| it.value);
                if let Some(id) = argument(pattern)
                    && let Some(found) = it.constant_text(id)
                {
                    out.push((id, found, text.and_then(argument)));
                }
            }
            _ => {}
        }
    }
    out
}

fn faulty(it: &Subject<'_>, found: &mut Found<'_>) {
    for (id, pattern, _) in patterns(it) {
        let Err(why) = compile_regex(&Context::default(), pattern) else { continue };
        // The binder says so of those that it computes.
        let place = it.place_of(id);
        let told = |it: &kql::Diagnostic| matches!(it.code, "SEM0420" | "SEM0476" | "SEM0477");
        if it.check.diagnostics.iter().any(told) {
            continue;
        }
        _ = found.add(it.rule, place, super::one_line(&why.to_string()));
    }
}

fn never(it: &Subject<'_>, found: &mut Found<'_>) {
    for (id, pattern, text) in patterns(it) {
        let place = it.place_of(id);
        if regex::never_matches(pattern) {
            _ = found.add(it.rule, place, format!("no text matches `{pattern}`"));
            continue;
        }
        let case = text.and_then(|it2| it.call(it2)).map(|it| it.function.text.as_str());
        let upper = match case {
            Some("tolower") => false,
            Some("toupper") => true,
            _ => continue,
        };
        if regex::never_matches_in_case(pattern, upper) {
            let function = case.unwrap_or("");
            _ = found.add(
                it.rule,
                place,
                format!("`{function}(…)` never matches `{pattern}`: the case of its letters differs"),
            );
        }
    }
}

fn group(it: &Subject<'_>, found: &mut Found<'_>) {
    for (_, call) in it.calls() {
        let [pattern, group, ..] = call.arguments.as_slice() else { continue };
        if call.function.text != "extract" || call.arguments.len() < 3 {
            continue;
        }
        let Some(pattern) = it.constant_text(pattern.value) else { continue };
        let number = match it.constant(group.value) {
            Some(Value::Long(n)) => *n,
            Some(Value::Int(n)) => i64::from(*n),
            _ => continue,
        };
        let Some(groups) = regex::n_groups(pattern) else { continue };
        let has = i64::try_from(groups).unwrap_or(i64::MAX);
        if number > has {
            let what = match has {
                0 => "has no group".to_owned(),
                1 => "has one group".to_owned(),
                n => format!("has {n} groups"),
            };
            let message = format!("group {number} is asked for, and `{pattern}` {what}: the result is always empty");
            let finding = found.add(it.rule, it.place_of(group.value), message);
            if has == 0 && it.is_literal(group.value) {
                _ = finding.replace("ask for the whole match, group 0", it.place_of(group.value), "0");
            }
        }
    }
}
