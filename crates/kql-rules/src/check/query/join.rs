//! `join` without `kind`.

use crate::{
    Level,
    check::{Edit, Lint, finding::Found, lint::Body, subject::Subject},
};
use kql::parser::syntax::{Assignment, ExprId, ExprKind, Operator, Pipeline, Step};

pub(crate) const LINT: Lint = Lint {
    code: "Q003",
    name: "join-without-kind",
    level: Level::Warning,
    summary: "A `join` says no `kind`, so it is `innerunique`.",
    doc: "`innerunique` keeps one row of the left side for each key, any one, before it joins: of ten failures of one user nine \
          are gone. Write the kind that is meant: `kind=inner` for all pairs, `kind=leftouter`, `kind=leftsemi`, …; \
          `kind=innerunique` where that is meant.\n\nNothing is said where the left side has one row for each key anyway, \
          because `summarize … by` or `distinct` of the keys stands in front.\n\nThe fix writes `kind=innerunique`, which \
          changes no answer.",
    bad: "SecurityEvent | where EventID == 4625 | join (SecurityEvent | where EventID == 4624) on Account",
    good: "SecurityEvent | where EventID == 4625 | join kind=inner (SecurityEvent | where EventID == 4624) on Account",
    body: Body::Query(check),
};

fn check(it: &Subject<'_>, found: &mut Found<'_>) {
    for (pipeline, n, stage) in it.stages() {
        let Operator::Join(join) = &stage.operator else { continue };
        if join.parameters.iter().any(|it| it.name.text == "kind") || has_one_row_a_key(it, pipeline, n, &join.on) {
            continue;
        }
        let place = it.place(stage.keyword);
        let edit = Edit { range: place.end..place.end, text: " kind=innerunique".to_owned() };
        _ = found
            .add(it.rule, place, "`join` without `kind` keeps one row of the left side for each key")
            .hint("write the kind that is meant: `kind=inner` for all pairs of rows")
            .fix("write `kind=innerunique`, which it is", vec![edit]);
    }
}

/// Whether the operator in front leaves one row for each combination of the keys.
fn has_one_row_a_key(it: &Subject<'_>, pipeline: &Pipeline, n: usize, on: &[ExprId]) -> bool {
    let Some(keys) = on.iter().map(|id| left_key(it, *id)).collect::<Option<Vec<&str>>>() else { return false };
    for stage in pipeline.stages.iter().take(n).rev() {
        let columns: &[Assignment] = match &stage.operator {
            Operator::Where(_) | Operator::Sort(_) | Operator::Top(_) | Operator::Take(_) => continue,
            Operator::Summarize(it) => &it.by,
            Operator::Distinct(it) => &it.columns,
            _ => return false,
        };
        return columns.iter().all(|column| match column.names.as_slice() {
            [one] => keys.contains(&one.text.as_str()),
            [] => it.name(column.value).is_some_and(|it| keys.contains(&it)),
            _ => false,
        });
    }
    false
}

/// The left column of a key.
fn left_key<'a>(it: &Subject<'a>, id: ExprId) -> Option<&'a str> {
    let side = |id: ExprId| match it.kind(it.inner(id)) {
        ExprKind::Path { base, steps } => match (it.name(*base), steps.as_slice()) {
            (Some("$left"), [Step::Member(name)]) => Some(name.text.as_str()),
            _ => None,
        },
        _ => None,
    };
    match it.kind(it.inner(id)) {
        ExprKind::Name(name) => Some(&name.text),
        ExprKind::Binary { left, right, .. } => side(*left).or_else(|| side(*right)),
        _ => None,
    }
}
