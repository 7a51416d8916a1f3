//! Moments further back than a run of the rule sees.

use crate::{
    Kind, Level,
    check::{Edit, Lint, finding::Found, lint::Body, subject::Subject},
    duration,
};
use kql::{
    Type,
    parser::syntax::{BinaryOperator as B, ExprId, ExprKind, Operator, Query},
};

pub(crate) const LINT: Lint = Lint {
    code: "Q002",
    name: "time-outside-window",
    level: Level::Warning,
    summary: "The query asks for events from before its `queryPeriod`, which a run does not see.",
    doc: "A scheduled run sees events of the last `queryPeriod` and no others, whatever the query says: a filter on \
          `TimeGenerated` can only narrow that window. `where TimeGenerated > ago(14d)` in a rule with `queryPeriod: 1d` \
          compares one day with one day, and a baseline of the days before is empty, without any error.\n\nThe \
          argument is followed through `let`s and parameters. Only comparisons of the table's own time column count \
          (and `make-series … from`, and `starttime` of parsers): another date may well lie further back.\n\nThe fix \
          raises `queryPeriod`, if a rule may have that long one (14 days at most; from 2 days on only with a \
          `queryFrequency` of an hour or more).",
    bad: "queryPeriod: 1d\nquery: |\n  SigninLogs\n  | where TimeGenerated > ago(14d)\n  | summarize count() by UserPrincipalName",
    good: "queryPeriod: 14d\nquery: |\n  SigninLogs\n  | where TimeGenerated > ago(14d)\n  | summarize count() by UserPrincipalName",
    body: Body::Query(check),
};

/// A use of a moment: the expression, and whether events from then on are asked for (or those up to then).
struct Use {
    moment: ExprId,
    from: bool,
}

fn check(it: &Subject<'_>, found: &mut Found<'_>) {
    let Some(period) = it.rule.query_period.as_ref().filter(|_| it.rule.kind == Kind::Scheduled) else { return };
    if sets_time(it.tree()) {
        return;
    }
    let mut furthest = 0;
    let mut late = Vec::new();
    for used in uses(it) {
        let ages = it.ages(used.moment);
        let Some(age) = ages.iter().copied().max() else { continue };
        if used.from && age > period.value {
            furthest = furthest.max(age);
            late.push((used.moment, age, true));
        } else if !used.from && ages.iter().all(|it| *it >= period.value) {
            late.push((used.moment, age, false));
        }
    }
    let raised = raised(it, furthest);
    for (moment, age, from) in late {
        let (asked, seen) = (duration::short_text(age), duration::short_text(period.value));
        let message = if from {
            format!("`{}` goes back {asked}, and a run sees only its `queryPeriod` of {seen}", it.text(moment))
        } else {
            format!("nothing is older than `{}`: a run sees only its `queryPeriod` of {seen}", it.text(moment))
        };
        let finding = found.add(it.rule, it.place_of(moment), message);
        if let (true, Some(text)) = (from, &raised) {
            let range = period.place.start..period.place.end;
            _ = finding.fix(format!("set `queryPeriod` to {text}"), vec![Edit { range, text: text.clone() }]);
        }
    }
}

/// The period that reaches back so far, as the rule writes it, if it may be that long.
fn raised(it: &Subject<'_>, age: i64) -> Option<String> {
    let rule = it.rule;
    let period = rule.query_period.as_ref()?;
    let written = rule.source.text.get(period.place.start..period.place.end)?;
    let often = age >= 2 * kql::time::DAY && rule.query_frequency.as_ref().is_none_or(|it| it.value < kql::time::HOUR);
    if age > 14 * kql::time::DAY || often || age % kql::time::MINUTE != 0 {
        return None;
    }
    let text = if written.contains('P') { duration::iso_text(age) } else { duration::short_text(age) };
    let is_plain = written.chars().all(|it| it.is_ascii_alphanumeric());
    (is_plain && text.chars().all(|it| it.is_ascii_alphanumeric())).then_some(text)
}

/// Whether the query gives `TimeGenerated` a meaning of its own.
fn sets_time(tree: &Query) -> bool {
    let stages = tree.pipelines.iter().flat_map(|it| &it.stages);
    stages.into_iter().any(|it| {
        let columns = match &it.operator {
            Operator::Extend(it) => &it.columns,
            Operator::Project(it) => &it.columns,
            Operator::ProjectRename(it) => &it.columns,
            Operator::Print(it) => &it.columns,
            Operator::Datatable(it) => return it.schema.columns.iter().any(|it| is_time(&it.name.text)),
            Operator::ExternalData(it) => return it.schema.columns.iter().any(|it| is_time(&it.name.text)),
            _ => return false,
        };
        columns.iter().any(|it| it.names.iter().any(|it| is_time(&it.text)))
    })
}

fn is_time(name: &str) -> bool {
    name == "TimeGenerated"
}

fn uses(it: &Subject<'_>) -> Vec<Use> {
    let mut out = Vec::new();
    let time = |id: ExprId| it.name(id).is_some_and(is_time) && it.ty(id) == Some(Type::Datetime) && it.varies(id);
    for (_, kind) in it.exprs() {
        match kind {
            ExprKind::Binary { operator, left, right, .. } => {
                let (operator, moment) = match (time(*left), time(*right)) {
                    (true, false) => (*operator, *right),
                    (false, true) => (mirrored(*operator), *left),
                    _ => continue,
                };
                match operator {
                    B::Greater | B::GreaterOrEqual => out.push(Use { moment, from: true }),
                    B::Less | B::LessOrEqual => out.push(Use { moment, from: false }),
                    _ => {}
                }
            }
            ExprKind::Between { negated: false, value, low, high } if time(*value) => {
                out.push(Use { moment: *low, from: true });
                out.push(Use { moment: *high, from: false });
            }
            ExprKind::Call(call) => {
                let starts =
                    call.arguments.iter().filter(|it| it.name.as_ref().is_some_and(|it| it.text == "starttime"));
                out.extend(starts.map(|it| Use { moment: it.value, from: true }));
            }
            _ => {}
        }
    }
    for (_, _, stage) in it.stages() {
        if let Operator::MakeSeries(series) = &stage.operator
            && it.name(series.axis.value).is_some_and(is_time)
            && let Some(from) = series.from
        {
            out.push(Use { moment: from, from: true });
        }
    }
    out
}

/// The operator with its sides changed.
fn mirrored(operator: B) -> B {
    match operator {
        B::Greater => B::Less,
        B::GreaterOrEqual => B::LessOrEqual,
        B::Less => B::Greater,
        B::LessOrEqual => B::GreaterOrEqual,
        other => other,
    }
}
