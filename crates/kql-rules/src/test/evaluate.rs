//! One run of what a test is about, as tests see it.

use super::{
    diff::Rows,
    expect::{Observed, ObservedAlert},
    predicate::tree,
};
use crate::{Comparison, EventGrouping, Rule, Severity};
use kql::{
    Engine, Error, Now, Value,
    parser::syntax::{ExprKind, Operator, StatementKind},
};

/// Columns that hold the time of a row.
pub(super) const TIMES: [&str; 2] = ["TimeGenerated", "Timestamp"];

/// Runs a rule at a moment.
pub(super) fn once(rule: &Rule, engine: &Engine, at: i64) -> Result<Observed, Error> {
    let engine = windowed(rule, engine, at)?;
    let outcome = engine.query(query(rule, at).as_str())?;
    let table = outcome.table();
    let columns = table.map(|it| it.schema.fields.iter().map(|it| (it.name.to_string(), it.ty)).collect());
    let rows = Rows { columns: columns.unwrap_or_default(), rows: outcome.rows() };
    let alerts = alerts(rule, &rows);
    Ok(Observed { is_sorted: is_sorted(&rule.query.text), rows, alerts, incidents: None })
}

/// Runs a rule at every moment of its schedule from `from` to before `to`.
pub(super) fn backtest(rule: &Rule, engine: &Engine, from: i64, to: i64) -> Result<Observed, Error> {
    let step = rule.query_frequency.as_ref().map_or(kql::time::DAY, |it| it.value).max(kql::time::MINUTE);
    let (mut out, mut at) = (Observed::default(), from);
    while at < to {
        let observed = once(rule, engine, at)?;
        out.rows.columns = observed.rows.columns;
        out.rows.rows.extend(observed.rows.rows);
        out.alerts.extend(observed.alerts);
        at = at.saturating_add(step);
    }
    Ok(out)
}

/// The rows of another query that sees what a run of the rule sees.
pub(super) fn probe(rule: &Rule, engine: &Engine, at: i64, query: &str) -> Result<Vec<Vec<Value>>, Error> {
    Ok(windowed(rule, engine, at)?.query(query)?.rows())
}

fn query(rule: &Rule, at: i64) -> String {
    rule.query.with_window(at - rule.query_period.as_ref().map_or(kql::time::DAY, |it| it.value), at).text
}

fn windowed(rule: &Rule, engine: &Engine, at: i64) -> Result<Engine, Error> {
    let mut out = engine.clone();
    out.set_now(Now::At(at));
    let Some(period) = rule.query_period.as_ref() else { return Ok(out) };
    let names: Vec<String> = engine.tables().map(|it| it.0.to_owned()).collect();
    for name in names {
        let Some(table) = engine.table(&name) else { continue };
        let Some(column) = TIMES.iter().find(|it| table.schema.index_of(it).is_some()) else { continue };
        let text = format!(
            "['{name}'] | where {column} >= datetime({}) and {column} < datetime({})",
            kql::time::datetime_text(at - period.value),
            kql::time::datetime_text(at)
        );
        let outcome = engine.query(text.as_str())?;
        if let Some(result) = outcome.tables.into_iter().next() {
            out.add_table(name, kql::Table::new((*result.schema).clone(), result.batches));
        }
    }
    Ok(out)
}

fn alerts(rule: &Rule, rows: &Rows) -> Vec<ObservedAlert> {
    let operator = rule.trigger_operator.as_ref().map_or(Comparison::GreaterThan, |it| it.value);
    let threshold = rule.trigger_threshold.as_ref().map_or(0, |it| it.value);
    if !operator.holds(rows.rows.len(), threshold) {
        return Vec::new();
    }
    let per_result = rule.event_grouping.as_ref().is_some_and(|it| it.value == EventGrouping::AlertPerResult);
    let groups: Vec<Vec<usize>> = match per_result && !rows.rows.is_empty() {
        true => (0..rows.rows.len()).map(|it| vec![it]).collect(),
        false => vec![(0..rows.rows.len()).collect()],
    };
    groups.iter().map(|it| alert(rule, rows, it)).collect()
}

fn alert(rule: &Rule, rows: &Rows, group: &[usize]) -> ObservedAlert {
    let cell = |row: usize, column: &str| {
        let at = rows.column(column)?;
        rows.rows.get(row)?.get(at).map(Value::text).filter(|it| !it.is_empty())
    };
    let first = group.first().copied().unwrap_or(0);
    let own_title = rule.title().to_owned();
    let title = match &rule.overrides.display_name {
        Some(format) => filled(&format.value, |name| cell(first, name)).unwrap_or(own_title),
        None => own_title,
    };
    let own = rule.severity.as_ref().map_or(Severity::Medium, |it| it.value);
    let column = rule.overrides.severity_column.as_ref();
    let severity = column.and_then(|it| Severity::from_name(&cell(first, &it.value)?)).unwrap_or(own);
    let mut entities = Vec::new();
    for mapping in &rule.entity_mappings {
        for row in group {
            let fields = mapping.fields.iter();
            let fields = fields.filter_map(|it| Some((it.identifier.value.clone(), cell(*row, &it.column.value)?)));
            let entity = (mapping.entity_type.value.clone(), fields.collect::<Vec<_>>());
            if !entity.1.is_empty() && !entities.contains(&entity) {
                entities.push(entity);
            }
        }
    }
    let detail = |it: &(crate::At<String>, crate::At<String>)| {
        let mut values: Vec<String> = group.iter().filter_map(|row| cell(*row, &it.1.value)).collect();
        values.dedup();
        (it.0.value.clone(), values)
    };
    ObservedAlert {
        title,
        description: rule.description.as_ref().map_or(String::new(), |it| it.value.clone()),
        severity: severity.name().to_owned(),
        tactics: rule.tactics.iter().map(|it| it.value.clone()).collect(),
        techniques: rule.techniques.iter().map(|it| it.value.clone()).collect(),
        entities,
        custom_details: rule.custom_details.iter().map(detail).collect(),
    }
}

fn filled(format: &str, value: impl Fn(&str) -> Option<String>) -> Option<String> {
    let (mut out, mut rest) = (String::new(), format);
    while let Some((before, after)) = rest.split_once("{{") {
        let (name, tail) = after.split_once("}}")?;
        out.push_str(before);
        out.push_str(&value(name)?);
        rest = tail;
    }
    out.push_str(rest);
    Some(out)
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
