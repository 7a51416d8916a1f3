//! `join` without `kind`.

use crate::{
    Level,
    check::{Edit, Lint, finding::Found, lint::Body, subject::Subject},
};
use kql::parser::syntax::{Assignment, ExprId, ExprKind, Extend, LetValue, Operator, Pipeline, ProjectRename, Step};

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

/// Whether what stands in front leaves one row for each combination of the keys.
fn has_one_row_a_key(it: &Subject<'_>, pipeline: &Pipeline, n: usize, on: &[ExprId]) -> bool {
    let Some(keys) = on.iter().map(|id| left_key(it, *id)).collect::<Option<Vec<&str>>>() else { return false };
    is_unique(it, pipeline, n, &keys, 0)
}

/// How many `let`s are followed.
const LETS_MAX: usize = 8;

/// Whether the first `n` operators of a pipeline leave one row for each combination of those columns.
fn is_unique(it: &Subject<'_>, pipeline: &Pipeline, n: usize, keys: &[&str], depth: usize) -> bool {
    let is_key = |name: &str| keys.contains(&name);
    for stage in pipeline.stages.iter().take(n).rev() {
        let columns: &[Assignment] = match &stage.operator {
            Operator::Where(_)
            | Operator::Sort(_)
            | Operator::Top(_)
            | Operator::Take(_)
            | Operator::ProjectAway(_) => {
                continue;
            }
            Operator::Extend(Extend { columns, .. }) | Operator::ProjectRename(ProjectRename { columns, .. }) => {
                let sets_key = |column: &Assignment| {
                    column.names.iter().any(|it| is_key(&it.text)) || it.name(column.value).is_some_and(is_key)
                };
                match columns.iter().any(sets_key) {
                    true => return false,
                    false => continue,
                }
            }
            Operator::Summarize(it) => &it.by,
            Operator::Distinct(it) => &it.columns,
            _ => return false,
        };
        return columns.iter().all(|column| match column.names.as_slice() {
            [one] => is_key(&one.text),
            [] => it.name(column.value).is_some_and(is_key),
            _ => false,
        });
    }
    // What the pipeline begins with may be a `let`.
    let source = pipeline.source.filter(|_| depth < LETS_MAX).and_then(|id| source(it, id));
    source.is_some_and(|inner| is_unique(it, inner, inner.stages.len(), keys, depth + 1))
}

/// The pipeline behind an expression: its own, that of the `let` that it names, or of the body of the function that it calls.
fn source<'a>(it: &Subject<'a>, id: ExprId) -> Option<&'a Pipeline> {
    let id = match it.kind(it.inner(id)) {
        ExprKind::Name(name) => match it.let_of(&name.text)? {
            LetValue::Expr(id) => it.inner(*id),
            LetValue::Function(_) => return None,
        },
        ExprKind::Call(call) => match it.let_of(&call.function.text)? {
            LetValue::Function(function) => it.inner(it.tree().body(function.body).result?),
            LetValue::Expr(_) => return None,
        },
        _ => it.inner(id),
    };
    match it.kind(id) {
        ExprKind::Pipeline(pipeline) => Some(it.tree().pipeline(*pipeline)),
        _ => None,
    }
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
