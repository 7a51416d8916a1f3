//! Alerts: what a run that fires makes of its rows.

use super::{
    Options, Run, Schedule,
    details::{self, DESCRIPTION_BYTES_MAX, NAME_BYTES_MAX, cut},
    entities::{self, Entity},
    size::ROW_BYTES_MAX,
    trigger::{self, Group},
};
use crate::{Comparison, EventGrouping, Kind, Rule, Severity, duration, guid};
use kql::{Outcome, ResultTable, Value, time};
use serde_json::{Map, Value as Json, json};
use std::ops::Range;

/// An alert. Times are in ticks.
#[derive(Clone, Debug)]
pub struct Alert {
    /// A guid made of the rule, the instant and the number of the alert in its run: the same in every run of the
    /// program.
    pub id: String,
    /// The instant of the run.
    pub at: i64,
    /// When it came out.
    pub time_generated: i64,
    /// Its name.
    pub name: String,
    /// Its description.
    pub description: String,
    /// Its severity.
    pub severity: Severity,
    /// Its tactics.
    pub tactics: Vec<String>,
    /// Its techniques, without subtechniques.
    pub techniques: Vec<String>,
    /// Its subtechniques.
    pub sub_techniques: Vec<String>,
    /// When the first of its events happened.
    pub start: i64,
    /// When the last of them happened.
    pub end: i64,
    /// Its entities.
    pub entities: Vec<Entity>,
    /// Its custom details.
    pub custom_details: Vec<(String, Vec<String>)>,
    /// Properties that overrides set.
    pub properties: Vec<(String, String)>,
    /// Rows of the answer that it stands for.
    pub rows: Range<usize>,
    /// Whether it stands for all rows because there were too many for an alert each.
    pub is_summary: bool,
    /// `ExtendedProperties` of its record.
    pub extended: Map<String, Json>,
    /// Id of the rule.
    pub rule_id: String,
    /// What kind of rule it is.
    pub kind: Kind,
}

/// The answer of a run, by column name.
pub(super) struct Answer<'a> {
    table: Option<&'a ResultTable>,
    /// Number of rows before each batch.
    starts: Vec<usize>,
}

impl<'a> Answer<'a> {
    pub(super) fn new(outcome: &'a Outcome) -> Answer<'a> {
        let table = outcome.table();
        let mut next = 0;
        let starts = table.map_or(Vec::new(), |it| {
            let start = |batch: &kql::Batch| {
                let start = next;
                next += batch.n_rows;
                start
            };
            it.batches.iter().map(start).collect()
        });
        Answer { table, starts }
    }

    /// The column of exactly that name.
    pub(super) fn column(&self, name: &str) -> Option<usize> {
        self.table?.schema.index_of(name)
    }

    /// The value of a cell.
    pub(super) fn value(&self, row: usize, column: usize) -> Value {
        let batch = self.starts.partition_point(|it| *it <= row).saturating_sub(1);
        let start = self.starts.get(batch).copied().unwrap_or(0);
        let batch = self.table.and_then(|it| it.batches.get(batch));
        batch.and_then(|it| it.columns.get(column)).map_or(Value::Null, |it| it.value(row - start))
    }

    /// The text of a cell; "" for null.
    pub(super) fn text(&self, row: usize, column: usize) -> String {
        match self.value(row, column) {
            Value::Null => String::new(),
            Value::Datetime(ticks) => time::datetime_wire(ticks),
            other => other.text(),
        }
    }

    /// A row as JSON.
    fn record(&self, row: usize) -> Json {
        let fields = self.table.map_or(&[][..], |it| it.schema.fields.as_slice());
        let cell = |(index, field): (usize, &kql::Field)| {
            let value = self.value(row, index).to_dynamic();
            (field.name.to_string(), serde_json::from_str(&value.json()).unwrap_or(Json::Null))
        };
        Json::Object(fields.iter().enumerate().map(cell).collect())
    }
}

/// The alerts of a run; none if it does not fire.
pub(super) fn alerts(rule: &Rule, run: &Run, schedule: &Schedule, options: &Options, outcome: &Outcome) -> Vec<Alert> {
    if !trigger::fires(rule, run.n_rows) {
        return Vec::new();
    }
    let answer = Answer::new(outcome);
    let source = Source { rule, run, schedule, options, answer: &answer };
    trigger::groups(rule, run.n_rows).iter().enumerate().map(|(number, group)| source.alert(number, group)).collect()
}

struct Source<'a> {
    rule: &'a Rule,
    run: &'a Run,
    schedule: &'a Schedule,
    options: &'a Options,
    answer: &'a Answer<'a>,
}

impl Source<'_> {
    fn alert(&self, number: usize, group: &Group) -> Alert {
        let (rule, run, answer) = (self.rule, self.run, self.answer);
        let rows = group.first..group.first + group.count;
        let row = (group.count > 0).then_some(group.first);
        let rule_id = rule.id.as_ref().map_or_else(|| guid::of(&["rule", rule.title()]), |it| it.value.clone());
        let own_name = cut(rule.title().to_owned(), NAME_BYTES_MAX);
        let own_description = rule.description.as_ref().map_or_else(String::new, |it| it.value.clone());
        let filled =
            |it: &Option<crate::At<String>>, most| it.as_ref().and_then(|it| details::filled(it, answer, row, most));
        let (start, end) = self.span(rows.clone());
        let own: Vec<String> = rule.tactics.iter().map(|it| it.value.clone()).collect();
        let techniques: Vec<String> = rule.techniques.iter().map(|it| it.value.clone()).collect();
        let (sub_techniques, techniques) = techniques.into_iter().partition(|it| it.contains('.'));
        let property = |(name, column): &(crate::At<String>, crate::At<String>)| {
            let text = answer.text(row?, answer.column(column)?);
            (!text.is_empty()).then(|| (name.value.clone(), text))
        };
        let custom_details = details::custom_details(rule, answer, rows.clone());
        Alert {
            id: guid::of(&["alert", &rule_id, &run.at.to_string(), &number.to_string()]),
            at: run.at,
            time_generated: run.executed,
            name: filled(&rule.overrides.display_name, NAME_BYTES_MAX).unwrap_or(own_name),
            description: filled(&rule.overrides.description, DESCRIPTION_BYTES_MAX).unwrap_or(own_description),
            severity: details::severity(rule, answer, row).unwrap_or(super::default_severity(rule)),
            tactics: details::tactics(rule, answer, row).unwrap_or(own),
            techniques,
            sub_techniques,
            start,
            end,
            entities: entities::entities(rule, answer, rows.clone()),
            properties: rule.overrides.dynamic.iter().filter_map(property).collect(),
            extended: self.extended(number, group, &rule_id, &custom_details),
            custom_details,
            rows,
            is_summary: group.is_summary,
            rule_id,
            kind: rule.kind,
        }
    }

    /// The first and last `TimeGenerated` of the rows; the window, where they have none.
    fn span(&self, rows: Range<usize>) -> (i64, i64) {
        let window = (self.run.from, self.run.at);
        let column = super::history::TIME_COLUMNS.iter().find_map(|it| self.answer.column(it));
        let Some(column) = column else { return window };
        let time = |row| if let Value::Datetime(it) = self.answer.value(row, column) { Some(it) } else { None };
        let spans = rows.filter_map(time).map(|it| (it, it));
        spans.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1))).unwrap_or(window)
    }

    fn extended(
        &self,
        number: usize,
        group: &Group,
        rule_id: &str,
        custom: &[(String, Vec<String>)],
    ) -> Map<String, Json> {
        let (rule, run) = (self.rule, self.run);
        let now = time::datetime_wire(run.at);
        let said = "// The query_now parameter represents the time (in UTC) at which the scheduled analytics rule ran to \
                    produce this alert.";
        let text = format!("{said}\nset query_now = datetime({now});\n{}", rule.query.text);
        let mut out = Map::new();
        let mut put = |name: &str, value: Json| _ = out.insert(name.to_owned(), value);
        let operator = rule.trigger_operator.as_ref().map_or(Comparison::GreaterThan, |it| it.value);
        let threshold = rule.trigger_threshold.as_ref().map_or(0, |it| it.value);
        put("Query Period", duration::clock_text(self.schedule.period).into());
        if rule.kind == Kind::Scheduled {
            put("Trigger Operator", operator.name().into());
            put("Trigger Threshold", threshold.to_string().into());
        }
        put("Correlation Id", guid::of(&["run", rule_id, &run.at.to_string(), &number.to_string()]).into());
        put("Search Query Results Overall Count", run.n_rows.to_string().into());
        put("Data Sources", json!([self.options.workspace]).to_string().into());
        let is_single = group.count == 1 && self.is_per_result();
        match is_single {
            true => {
                let row = self.answer.record(group.first).to_string();
                put("Query", cut(row, ROW_BYTES_MAX).into());
                put("OriginalQuery", text.into());
            }
            false => put("Query", text.into()),
        }
        put("Query Start Time UTC", time::datetime_wire(run.from.max(0)).into());
        put("Query End Time UTC", now.into());
        put("Analytic Rule Ids", json!([rule_id]).to_string().into());
        put("Event Grouping", if self.is_per_result() { "AlertPerResult" } else { "SingleAlert" }.into());
        put("Analytic Rule Name", rule.title().into());
        if !custom.is_empty() {
            let details: Map<String, Json> = custom.iter().map(|(key, values)| (key.clone(), json!(values))).collect();
            put("Custom Details", Json::Object(details).to_string().into());
        }
        put("ProcessedBySentinel", "True".into());
        put("Alert generation status", "Full alert created".into());
        out
    }

    fn is_per_result(&self) -> bool {
        self.rule.kind == Kind::CustomDetection
            || self.rule.event_grouping.as_ref().is_some_and(|it| it.value == EventGrouping::AlertPerResult)
    }
}

impl Alert {
    /// The alert as JSON, without the properties that its record has besides.
    pub fn to_json(&self) -> Json {
        let wire = time::datetime_wire;
        let entities: Json = self.entities.iter().enumerate().map(|(number, it)| it.record(number + 2)).collect();
        let details: Map<String, Json> =
            self.custom_details.iter().map(|(key, values)| (key.clone(), json!(values))).collect();
        json!({
            "id": self.id, "at": wire(self.at), "timeGenerated": wire(self.time_generated), "name": self.name,
            "description": self.description, "severity": self.severity.name(), "tactics": self.tactics,
            "techniques": self.techniques, "subTechniques": self.sub_techniques, "start": wire(self.start.max(0)),
            "end": wire(self.end), "entities": entities, "customDetails": details, "rows": self.rows.len(),
            "summary": self.is_summary,
        })
    }
}
