//! What is looked for in texts: empty needles, needles without a term, and patterns that are none.

use crate::{
    Level,
    check::{Lint, finding::Found, lint::Body, subject::Subject},
};
use kql::{
    Value,
    parser::syntax::{ExprId, ExprKind, MembershipOperator as M},
};

pub(crate) const EMPTY: Lint = Lint {
    code: "Q014",
    name: "empty-needle",
    level: Level::Warning,
    summary: "An empty text is looked for, which every text holds.",
    doc: "`has \"\"`, `contains \"\"`, `startswith \"\"` and their like are true for every row, and so is `has_any` with an empty \
          item; the negated forms are never true. Often it is the rest of a template, or the empty item at the end of a list. \
          `isempty` tests for a missing text.",
    bad: "DeviceProcessEvents | where ProcessCommandLine has_any ('whoami', 'net user', '')",
    good: "DeviceProcessEvents | where ProcessCommandLine has_any ('whoami', 'net user')",
    body: Body::Query(empty),
};

pub(crate) const NO_TERM: Lint = Lint {
    code: "Q015",
    name: "needle-without-term",
    level: Level::Info,
    summary: "`has` looks for a text without a letter or digit, which no term can hold.",
    doc: "`has` and its like find terms: runs of letters and digits. A needle of other characters only (`has \"-\"`) is in no term; the \
          operator then does what `contains` does, and reads every text to do it. Write `contains`, so that the next reader \
          does not take it for a term, or look for the terms around it. Separators within a needle or at its edges are \
          no matter as long as it holds a letter or digit: `has \"a-b\"` and `has \".exe\"` find what they say.",
    bad: "DeviceProcessEvents | where ProcessCommandLine has '\\\\\\\\'",
    good: "DeviceProcessEvents | where ProcessCommandLine contains '\\\\\\\\'",
    body: Body::Query(no_term),
};

pub(crate) const GLOB: Lint = Lint {
    code: "Q016",
    name: "pattern-in-needle",
    level: Level::Warning,
    summary: "A needle begins and ends with `*`, which stands for itself here.",
    doc: "`contains`, `has`, `startswith`, `==` and `in` know no wildcards: `contains \"*admin*\"` looks for the asterisks too. Leave \
          them out; `contains` finds a text anywhere already. Where patterns are needed there is `matches regex`.",
    bad: "SigninLogs | where UserPrincipalName contains '*admin*'",
    good: "SigninLogs | where UserPrincipalName contains 'admin'",
    body: Body::Query(glob),
};

/// Calls `with` for each constant text that is looked for: the place of it, the operator's word, the text, whether it is
/// one of a list.
fn needles(it: &Subject<'_>, mut with: impl FnMut(ExprId, &str, &str, bool)) {
    for (_, kind) in it.exprs() {
        match kind {
            ExprKind::Binary { operator_span, left, right, .. } if it.varies(*left) => {
                if let Some(text) = it.constant_text(*right) {
                    with(*right, operator_span.of(&it.query.text), text, false);
                }
            }
            ExprKind::Membership { operator_span, operator, value, list, .. } if it.varies(*value) => {
                if !matches!(operator, M::HasAny | M::HasAll | M::In | M::NotIn | M::InCaseless | M::NotInCaseless) {
                    continue;
                }
                for item in list {
                    let word = operator_span.of(&it.query.text);
                    match it.constant(*item) {
                        Some(Value::String(text)) => with(*item, word, text, true),
                        Some(Value::Dynamic(items)) => {
                            for text in items.as_array().unwrap_or_default().iter().filter_map(|it| it.as_str()) {
                                with(*item, word, text, true);
                            }
                        }
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
}

/// The operator without its negation and its ending.
fn stem(word: &str) -> &str {
    let word = word.trim_start_matches('!');
    word.strip_suffix("_cs").unwrap_or(word)
}

fn empty(it: &Subject<'_>, found: &mut Found<'_>) {
    needles(it, |id, word, text, listed| {
        let looks = matches!(
            stem(word),
            "has" | "contains" | "startswith" | "endswith" | "hasprefix" | "hassuffix" | "has_any"
        );
        if !text.is_empty() || !looks {
            return;
        }
        let result = if word.starts_with('!') { "never" } else { "always" };
        let what = if listed { format!("`{word}` with an empty item") } else { format!("`{word}` of an empty text") };
        _ = found.add(it.rule, it.place_of(id), format!("{what} is {result} true"));
    });
}

fn no_term(it: &Subject<'_>, found: &mut Found<'_>) {
    needles(it, |id, word, text, _| {
        if text.is_empty()
            || text.chars().any(char::is_alphanumeric)
            || !matches!(stem(word), "has" | "has_any" | "has_all")
        {
            return;
        }
        let message =
            format!("no term holds `{text}`, which has no letter or digit: `{word}` does here what `contains` does");
        _ = found.add(it.rule, it.place_of(id), message);
    });
}

fn glob(it: &Subject<'_>, found: &mut Found<'_>) {
    needles(it, |id, word, text, _| {
        let inside = text.strip_prefix('*').and_then(|it| it.strip_suffix('*')).unwrap_or("");
        let at_edges = |it: &str| it.starts_with(char::is_alphanumeric) && it.ends_with(char::is_alphanumeric);
        if !at_edges(inside) || inside.contains('*') || word == "matches regex" {
            return;
        }
        let message = format!("`{word}` knows no wildcards: the asterisks of `{text}` are looked for as they are");
        _ = found.add(it.rule, it.place_of(id), message).hint(format!("`contains \"{inside}\"` finds it anywhere"));
    });
}
