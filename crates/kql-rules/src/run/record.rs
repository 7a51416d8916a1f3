//! Alerts and incidents as rows of `SecurityAlert` and `SecurityIncident`, for rules that read those.

use super::{Alert, IncidentRecord};
use crate::Kind;
use kql::{Batch, ColumnBuilder, Dynamic, Schema, Table, Type, Value};
use serde_json::Value as Json;

fn text(it: impl AsRef<str>) -> Value {
    Value::String(it.as_ref().into())
}

fn list<S: AsRef<str>>(items: &[S]) -> Value {
    Value::Dynamic(Dynamic::array(items.iter().map(|it| Dynamic::string(it.as_ref())).collect()))
}

/// A table of rows that are all as wide as the columns.
fn table(columns: &[(&str, Type)], rows: Vec<Vec<Value>>) -> Table {
    let mut builders: Vec<ColumnBuilder> = columns.iter().map(|it| ColumnBuilder::new(it.1, rows.len())).collect();
    for row in &rows {
        for (value, builder) in row.iter().zip(&mut builders) {
            builder.push(value);
        }
    }
    let batch = Batch::new(builders.into_iter().map(ColumnBuilder::finish).collect(), rows.len());
    Table::new(Schema::of(columns), vec![batch])
}

const ALERT_COLUMNS: &[(&str, Type)] = &[
    ("TenantId", Type::String),
    ("TimeGenerated", Type::Datetime),
    ("DisplayName", Type::String),
    ("AlertName", Type::String),
    ("AlertSeverity", Type::String),
    ("Description", Type::String),
    ("ProviderName", Type::String),
    ("VendorName", Type::String),
    ("VendorOriginalId", Type::String),
    ("SystemAlertId", Type::String),
    ("AlertType", Type::String),
    ("IsIncident", Type::Bool),
    ("StartTime", Type::Datetime),
    ("EndTime", Type::Datetime),
    ("ProcessingEndTime", Type::Datetime),
    ("ExtendedProperties", Type::String),
    ("Entities", Type::String),
    ("SourceSystem", Type::String),
    ("ProductName", Type::String),
    ("ProductComponentName", Type::String),
    ("Status", Type::String),
    ("Tactics", Type::String),
    ("Techniques", Type::String),
    ("SubTechniques", Type::String),
    ("Type", Type::String),
];

/// Alerts as a `SecurityAlert` table.
pub fn alert_table(alerts: &[Alert], workspace: &str) -> Table {
    table(ALERT_COLUMNS, alerts.iter().map(|it| alert_row(it, workspace)).collect())
}

fn alert_row(it: &Alert, workspace: &str) -> Vec<Value> {
    let mut extended = it.extended.clone();
    for (name, value) in &it.properties {
        _ = extended.insert(name.clone(), value.as_str().into());
    }
    let entities: Json = it.entities.iter().enumerate().map(|(number, it)| it.record(number + 2)).collect();
    let (provider, product, component) = match it.kind {
        Kind::Nrt => ("ASI NRT Alerts", "Azure Sentinel", "NRT Alerts"),
        Kind::CustomDetection => ("MTP", "Microsoft 365 Defender", "Custom Detection"),
        _ => ("ASI Scheduled Alerts", "Azure Sentinel", "Scheduled Alerts"),
    };
    let sub =
        if it.sub_techniques.is_empty() { text("") } else { text(Json::from(it.sub_techniques.clone()).to_string()) };
    let techniques =
        if it.techniques.is_empty() { text("") } else { text(Json::from(it.techniques.clone()).to_string()) };
    vec![
        text(workspace),
        Value::Datetime(it.time_generated),
        text(&it.name),
        text(&it.name),
        text(it.severity.name()),
        text(&it.description),
        text(provider),
        text("Microsoft"),
        text(&it.id),
        text(&it.id),
        text(format!("{workspace}_{}", it.rule_id)),
        Value::Bool(false),
        Value::Datetime(it.start),
        Value::Datetime(it.end),
        Value::Datetime(it.time_generated),
        text(Json::Object(extended).to_string()),
        text(if it.entities.is_empty() { String::new() } else { entities.to_string() }),
        text("Detection"),
        text(product),
        text(component),
        text("New"),
        text(it.tactics.join(", ")),
        techniques,
        sub,
        text("SecurityAlert"),
    ]
}

const INCIDENT_COLUMNS: &[(&str, Type)] = &[
    ("TenantId", Type::String),
    ("TimeGenerated", Type::Datetime),
    ("IncidentName", Type::String),
    ("IncidentNumber", Type::Int),
    ("Title", Type::String),
    ("Description", Type::String),
    ("Severity", Type::String),
    ("Status", Type::String),
    ("FirstActivityTime", Type::Datetime),
    ("LastActivityTime", Type::Datetime),
    ("CreatedTime", Type::Datetime),
    ("LastModifiedTime", Type::Datetime),
    ("AlertIds", Type::Dynamic),
    ("RelatedAnalyticRuleIds", Type::Dynamic),
    ("AdditionalData", Type::Dynamic),
    ("ProviderName", Type::String),
    ("Type", Type::String),
];

/// Incidents as a `SecurityIncident` table.
pub fn incident_table(incidents: &[IncidentRecord], workspace: &str) -> Table {
    let row = |(number, it): (usize, &IncidentRecord)| {
        let mut data = kql::Bag::default();
        _ = data.insert("alertsCount".into(), Dynamic::Long(i64::try_from(it.alerts.len()).unwrap_or(i64::MAX)));
        let tactics = it.tactics.iter().map(|it| Dynamic::string(it.as_str())).collect();
        _ = data.insert("tactics".into(), Dynamic::array(tactics));
        vec![
            text(workspace),
            Value::Datetime(it.modified),
            text(&it.id),
            Value::Int(i32::try_from(number + 1).unwrap_or(i32::MAX)),
            text(&it.title),
            text(&it.description),
            text(it.severity.name()),
            text(if it.is_closed { "Closed" } else { "New" }),
            Value::Datetime(it.first_activity),
            Value::Datetime(it.last_activity),
            Value::Datetime(it.created),
            Value::Datetime(it.modified),
            list(&it.alert_ids),
            list(&[it.rule_id.as_str()]),
            Value::Dynamic(Dynamic::bag(data)),
            text("Azure Sentinel"),
            text("SecurityIncident"),
        ]
    };
    table(INCIDENT_COLUMNS, incidents.iter().enumerate().map(row).collect())
}
