//! One run of what a test is about, as tests see it.

use super::{
    expect::{Observed, ObservedAlert},
    predicate::tree,
};
use crate::{
    Kind, Rule,
    run::{By, History, Options, Range, Run, Schedule, answer, finish, incidents, instants},
};
use kql::{
    Engine, Error, Outcome, Value,
    parser::syntax::{ExprKind, Operator, StatementKind},
};

/// Runs a rule at a moment.
pub(super) fn once(rule: &Rule, engine: &Engine, at: i64) -> Result<Observed, Error> {
    let options = Options::default();
    let history = History::new(engine.clone(), &options.workspace)?;
    let schedule = Schedule::of(rule, &options);
    let run = finish(&alerting(rule), at, &schedule, &options, one(&history, rule, at, &schedule, &options));
    let mut out = Observed { is_sorted: is_sorted(&rule.query.text), ..Observed::default() };
    if rule.kind.alerts() {
        out.incidents = Some(incidents(rule, &run.alerts, None).len());
    }
    add(&mut out, run)?;
    Ok(out)
}

/// Runs a rule at every moment of its schedule from `from` to before `to`; after an alert it rests where it says so.
pub(super) fn backtest(rule: &Rule, engine: &Engine, from: i64, to: i64) -> Result<Observed, Error> {
    let options = Options::default();
    let history = History::new(engine.clone(), &options.workspace)?;
    let schedule = Schedule::of(rule, &options);
    let range = Range { from: Some(from), to: Some(to.saturating_sub(1)), last: None };
    let instants = instants(&schedule, None, None, &range).map_err(Error::Load)?;
    let acting = alerting(rule);
    let (mut out, mut alerts, mut rests_until) = (Observed::default(), Vec::new(), i64::MIN);
    for at in instants {
        if at < rests_until {
            continue;
        }
        let run = finish(&acting, at, &schedule, &options, one(&history, rule, at, &schedule, &options));
        if let Some(rest) = schedule.suppression.filter(|_| run.fired()) {
            rests_until = at.saturating_add(rest);
        }
        alerts.extend(run.alerts.iter().cloned());
        add(&mut out, run)?;
    }
    if rule.kind.alerts() {
        out.incidents = Some(incidents(rule, &alerts, None).len());
    }
    Ok(out)
}

/// The rows of another query that sees what a run of the rule sees.
pub(super) fn probe(rule: &Rule, engine: &Engine, at: i64, query: &str) -> Result<Vec<Vec<Value>>, Error> {
    let options = Options::default();
    let history = History::new(engine.clone(), &options.workspace)?;
    let mut other = rule.clone();
    query.clone_into(&mut other.query.text);
    Ok(one(&history, &other, at, &Schedule::of(rule, &options), &options)?.rows())
}

/// What a run at a moment sees: from and to, where it is the time of events that decides.
pub(super) fn window(rule: &Rule, at: i64) -> Option<(i64, i64)> {
    let schedule = Schedule::of(rule, &Options::default());
    (schedule.by == By::Event && rule.kind.alerts()).then(|| (schedule.view(at).from, at))
}

fn one(history: &History, rule: &Rule, at: i64, schedule: &Schedule, options: &Options) -> Result<Outcome, Error> {
    answer(history, rule, at, schedule, options).map(|it| it.1)
}

/// The rule as one that makes alerts: hunting queries and bare ones have one for all their rows.
fn alerting(rule: &Rule) -> Rule {
    let kind = if rule.kind.alerts() { rule.kind } else { Kind::Scheduled };
    Rule { kind, ..rule.clone() }
}

/// Adds the rows and alerts of a run.
fn add(out: &mut Observed, run: Run) -> Result<(), Error> {
    let outcome = run.outcome?;
    if let Some(table) = outcome.table() {
        out.rows.columns = table.schema.fields.iter().map(|it| (it.name.to_string(), it.ty)).collect();
        out.rows.rows.extend(table.rows());
    }
    out.alerts.extend(run.alerts.into_iter().map(|it| ObservedAlert {
        title: it.name,
        description: it.description,
        severity: it.severity.name().to_owned(),
        tactics: it.tactics,
        techniques: it.techniques.into_iter().chain(it.sub_techniques).collect(),
        entities: it.entities.into_iter().map(|it| (it.kind, it.fields)).collect(),
        custom_details: it.custom_details,
    }));
    Ok(())
}

/// Whether the last thing that moves rows in a query sorts them.
fn is_sorted(text: &str) -> bool {
    let Some(query) = tree(text) else { return false };
    let last = query.statements.iter().rev().find_map(|it| match &it.kind {
        StatementKind::Query(it) => Some(*it),
        _ => None,
    });
    let Some(ExprKind::Pipeline(pipeline)) = last.map(|it| query.kind(it)) else { return false };
    for stage in query.pipeline(*pipeline).stages.iter().rev() {
        match &stage.operator {
            Operator::Sort(_) | Operator::Top(_) => return true,
            Operator::Extend(_)
            | Operator::Project(_)
            | Operator::ProjectAway(_)
            | Operator::ProjectKeep(_)
            | Operator::ProjectRename(_)
            | Operator::ProjectReorder(_)
            | Operator::Where(_)
            | Operator::Take(_)
            | Operator::Serialize(_)
            | Operator::As(_)
            | Operator::Render(_) => {}
            _ => return false,
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_that_sort() {
        assert!(is_sorted("T | sort by a | project a") && is_sorted("let x = 1; T | top 5 by a"));
        assert!(!is_sorted("T | sort by a | summarize count() by a") && !is_sorted("T") && !is_sorted("T | where a"));
    }
}
