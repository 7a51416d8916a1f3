//! Texts in one case compared with needles in the other.

use crate::{
    Level,
    check::{
        Edit, Lint,
        finding::Found,
        lint::Body,
        subject::{Subject, argument},
    },
};
use kql::{
    Value,
    parser::syntax::{BinaryOperator as B, ExprId, ExprKind, MembershipOperator as M},
};

pub(crate) const LINT: Lint = Lint {
    code: "Q011",
    name: "wrong-case",
    level: Level::Warning,
    summary: "A text that was put in lower (upper) case is compared with one that has upper (lower) case letters.",
    doc: "`tolower(x) == \"Admin\"` holds for no row, because the left side has no `A`. The same goes for `in`, `has_cs`, \
          `contains_cs`, `startswith_cs` and `endswith_cs`, and for `toupper`. Write the text in the same case, or compare \
          with `=~` or `in~` and leave the function out.",
    bad: "SigninLogs | where tolower(UserPrincipalName) == 'Admin@contoso.com'",
    good: "SigninLogs | where tolower(UserPrincipalName) == 'admin@contoso.com'",
    body: Body::Query(check),
};

fn check(it: &Subject<'_>, found: &mut Found<'_>) {
    for (_, kind) in it.exprs() {
        match kind {
            ExprKind::Binary { operator, left, right, .. } => {
                if matches!(operator, B::Equal | B::NotEqual) {
                    one(it, *right, *left, found);
                }
                if matches!(
                    operator,
                    B::Equal
                        | B::NotEqual
                        | B::HasCs
                        | B::NotHasCs
                        | B::HasPrefixCs
                        | B::HasSuffixCs
                        | B::ContainsCs
                        | B::NotContainsCs
                        | B::StartsWithCs
                        | B::NotStartsWithCs
                        | B::EndsWithCs
                        | B::NotEndsWithCs
                ) {
                    one(it, *left, *right, found);
                }
            }
            ExprKind::Membership { operator: M::In | M::NotIn, value, list, .. } => {
                for item in list {
                    one(it, *value, *item, found);
                }
            }
            _ => {}
        }
    }
}

/// Looks at one text and one needle.
fn one(it: &Subject<'_>, text: ExprId, needle: ExprId, found: &mut Found<'_>) {
    let Some(call) = it.call(text) else { return };
    let function = call.function.text.as_str();
    let change: fn(&str) -> String = match function {
        "tolower" => str::to_lowercase,
        "toupper" => str::to_uppercase,
        _ => return,
    };
    if argument(&call.arguments, 0).is_none_or(|it2| !it.varies(it2)) {
        return;
    }
    let wrong = |text: &str| change(text) != text && change(text) == change(&change(text));
    let place = it.place_of(needle);
    match it.constant(needle) {
        Some(Value::String(value)) if wrong(value) => {
            let message = format!("`{function}(…)` is never `{value}`: the case of its letters differs");
            let finding = found.add(it.rule, place, message);
            let edit = match it.literal_text(needle) {
                Some((_, true)) => change(it.text(it.inner(needle))),
                _ => return,
            };
            let inner = it.place_of(it.inner(needle));
            _ = finding
                .fix(format!("write `{}`", change(value)), vec![Edit { range: inner.start..inner.end, text: edit }]);
        }
        Some(Value::Dynamic(list)) => {
            let items = list.as_array().unwrap_or_default().iter().filter_map(|it| it.as_str());
            let odd: Vec<&str> = items.filter(|it| wrong(it)).collect();
            if let Some(first) = odd.first() {
                let message = format!("`{function}(…)` is never `{first}`: the case of its letters differs");
                let finding = found.add(it.rule, place, message);
                if odd.len() > 1 {
                    _ = finding.hint(format!("{} items of the list are written so", odd.len()));
                }
            }
        }
        _ => {}
    }
}
