//! `in (subquery)` where the subquery has several columns.

use crate::{
    Level,
    check::{Lint, finding::Found, lint::Body, subject::Subject},
};
use kql::parser::syntax::ExprKind;

pub(crate) const LINT: Lint = Lint {
    code: "Q004",
    name: "in-several-columns",
    level: Level::Info,
    summary: "The table behind `in` has several columns; only the first is compared.",
    doc: "`x in (T)` looks for `x` in the first column of `T`, whatever its name, and leaves the others alone. It is a warning \
          where another column has the name of what is looked for: then the wrong one is compared. Project the column that \
          is meant.",
    bad: "let seen = SigninLogs | where ResultType == '0' | project TimeGenerated, UserPrincipalName;\n\
          AuditLogs | extend UserPrincipalName = tostring(InitiatedBy.user.userPrincipalName)\n\
          | where UserPrincipalName !in (seen)",
    good: "let seen = SigninLogs | where ResultType == '0' | project UserPrincipalName;\n\
           AuditLogs | extend UserPrincipalName = tostring(InitiatedBy.user.userPrincipalName)\n\
           | where UserPrincipalName !in (seen)",
    body: Body::Query(check),
};

fn check(it: &Subject<'_>, found: &mut Found<'_>) {
    for (_, kind) in it.exprs() {
        let ExprKind::Membership { value, list, .. } = kind else { continue };
        let [table] = list.as_slice() else { continue };
        let Some(columns) = it.columns_of(*table) else { continue };
        let fields = &columns.schema.fields;
        let [first, second, ..] = fields.as_slice() else { continue };
        if columns.open {
            continue;
        }
        let name = it.name(*value).unwrap_or("");
        let is_first = &*first.name == name;
        let meant = fields.iter().skip(1).find(|it| &*it.name == name && !is_first);
        let place = it.place_of(*table);
        let n = fields.len();
        let message = format!("the table behind `in` has {n} columns; only the first, `{}`, is compared", first.name);
        let finding = found.add(it.rule, place, message);
        _ = match meant {
            Some(meant) => {
                finding.level(Level::Warning).hint(format!("`{0}` is not: put `| project {0}` behind it", meant.name))
            }
            None => finding
                .hint(format!("`{}` and what follows plays no part; `| project {}` says so", second.name, first.name)),
        };
    }
}
