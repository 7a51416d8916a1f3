//! Tests of strings for null.

use crate::{
    Level,
    check::{Lint, finding::Found, lint::Body, subject::Subject},
};
use kql::Type;

pub(crate) const LINT: Lint = Lint {
    code: "Q012",
    name: "null-test-of-string",
    level: Level::Warning,
    summary: "`isnull` or `isnotnull` of a string: strings are never null.",
    doc: "A missing string is the empty string, so `isnull(text)` is false and `isnotnull(text)` true for every row. `isempty` and \
          `isnotempty` are the tests that are meant; the fix writes them.",
    bad: "SigninLogs | where isnotnull(UserPrincipalName)",
    good: "SigninLogs | where isnotempty(UserPrincipalName)",
    body: Body::Query(check),
};

fn check(it: &Subject<'_>, found: &mut Found<'_>) {
    for (_, call) in it.calls() {
        let (meant, result) = match call.function.text.as_str() {
            "isnull" => ("isempty", "false"),
            "isnotnull" | "notnull" => ("isnotempty", "true"),
            _ => continue,
        };
        let [argument] = call.arguments.as_slice() else { continue };
        if it.ty(argument.value) != Some(Type::String) || !it.varies(argument.value) {
            continue;
        }
        let (name, text) = (&call.function.text, it.text(argument.value));
        let place = it.place(call.function.span);
        _ = found
            .add(it.rule, place, format!("`{name}` of the string `{text}` is always {result}: strings are never null"))
            .hint(format!("`{meant}` tests whether there is a text"))
            .replace(format!("write `{meant}`"), place, meant);
    }
}
