//! From alerts of one rule to incidents: grouping, lookback, reopening.

use super::Alert;
use crate::{DetailGrouping, IncidentGrouping, MatchingMethod, Rule, Severity, guid};
use kql::time::HOUR;

/// Alerts of an incident at most.
const ALERTS_MAX: usize = 150;
/// How long an incident takes alerts, unless the rule says so.
const LOOKBACK: i64 = 5 * HOUR;

/// An incident. Times are in ticks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IncidentRecord {
    /// A guid made of its first alert.
    pub id: String,
    /// Name of its first alert.
    pub title: String,
    /// Description of its first alert.
    pub description: String,
    /// The highest severity of its alerts.
    pub severity: Severity,
    /// The tactics of all of them.
    pub tactics: Vec<String>,
    /// Numbers of its alerts among those given.
    pub alerts: Vec<usize>,
    /// Their ids.
    pub alert_ids: Vec<String>,
    /// When its first alert came out.
    pub created: i64,
    /// When its last alert came out.
    pub modified: i64,
    /// When the first of its events happened.
    pub first_activity: i64,
    /// When the last of them happened.
    pub last_activity: i64,
    /// How often it was opened again.
    pub n_reopened: usize,
    /// Whether it is closed in the end.
    pub is_closed: bool,
    /// Id of the rule.
    pub rule_id: String,
}

/// What must be the same for alerts to share an incident; `None` where nothing can be.
type Key = Option<Vec<String>>;

/// The incidents of a rule's alerts, which are in the order of time. `closed_after` is how long after its last alert
/// somebody closes an incident; nobody does unless it is given.
pub fn incidents(rule: &Rule, alerts: &[Alert], closed_after: Option<i64>) -> Vec<IncidentRecord> {
    let mut out: Vec<(Key, IncidentRecord)> = Vec::new();
    if rule.incident.create.as_ref().is_some_and(|it| !it.value) {
        return Vec::new();
    }
    let is_on = |it: &&IncidentGrouping| it.enabled.as_ref().is_some_and(|it| it.value);
    let grouping = rule.incident.grouping.as_ref().filter(is_on);
    for (number, alert) in alerts.iter().enumerate() {
        let key = grouping.and_then(|it| key(it, alert));
        let found = grouping.zip(key.as_ref()).and_then(|(grouping, key)| {
            let lookback = grouping.lookback.as_ref().map_or(LOOKBACK, |it| it.value);
            let reopens = grouping.reopen_closed.as_ref().is_some_and(|it| it.value);
            let joins = |(of, it): &&mut (Key, IncidentRecord)| {
                let is_closed =
                    closed_after.is_some_and(|after| alert.time_generated > it.modified.saturating_add(after));
                of.as_ref() == Some(key)
                    && alert.time_generated <= it.created.saturating_add(lookback)
                    && it.alerts.len() < ALERTS_MAX
                    && (reopens || !is_closed)
            };
            // The newest: an older one of the same key is full.
            out.iter_mut().rev().find(joins)
        });
        match found {
            Some((_, incident)) => {
                let closed = closed_after.is_some_and(|it| alert.time_generated > incident.modified.saturating_add(it));
                incident.n_reopened += usize::from(closed);
                join(incident, number, alert);
            }
            None => out.push((key, opened(number, alert))),
        }
    }
    let end = alerts.last().map_or(0, |it| it.time_generated);
    let closed = |mut it: IncidentRecord| {
        it.is_closed = closed_after.is_some_and(|after| it.modified.saturating_add(after) < end);
        it
    };
    out.into_iter().map(|it| closed(it.1)).collect()
}

fn opened(number: usize, alert: &Alert) -> IncidentRecord {
    IncidentRecord {
        id: guid::of(&["incident", &alert.id]),
        title: alert.name.clone(),
        description: alert.description.clone(),
        severity: alert.severity,
        tactics: alert.tactics.clone(),
        alerts: vec![number],
        alert_ids: vec![alert.id.clone()],
        created: alert.time_generated,
        modified: alert.time_generated,
        first_activity: alert.start,
        last_activity: alert.end,
        n_reopened: 0,
        is_closed: false,
        rule_id: alert.rule_id.clone(),
    }
}

fn join(incident: &mut IncidentRecord, number: usize, alert: &Alert) {
    incident.alerts.push(number);
    incident.alert_ids.push(alert.id.clone());
    incident.severity = incident.severity.max(alert.severity);
    incident.modified = alert.time_generated;
    incident.first_activity = incident.first_activity.min(alert.start);
    incident.last_activity = incident.last_activity.max(alert.end);
    for it in &alert.tactics {
        if !incident.tactics.contains(it) {
            incident.tactics.push(it.clone());
        }
    }
}

fn key(grouping: &IncidentGrouping, alert: &Alert) -> Key {
    let method = grouping.matching.as_ref().map_or(MatchingMethod::AllEntities, |it| it.value);
    let labels = |kinds: Option<&[crate::At<String>]>| {
        let is_wanted = |it: &&super::Entity| kinds.is_none_or(|kinds| kinds.iter().any(|kind| kind.value == it.kind));
        let mut out: Vec<String> = alert.entities.iter().filter(is_wanted).map(super::Entity::label).collect();
        out.sort();
        out
    };
    match method {
        MatchingMethod::AnyAlert => Some(Vec::new()),
        MatchingMethod::AllEntities => Some(labels(None)).filter(|it| !it.is_empty()),
        MatchingMethod::Selected => {
            let mut out = labels(Some(&grouping.entities));
            // Each type that is listed must be there, or there is nothing to be the same.
            let has = |kind: &crate::At<String>| alert.entities.iter().any(|it| it.kind == kind.value);
            if !grouping.entities.iter().all(has) {
                return None;
            }
            for it in &grouping.details {
                out.push(match it.value {
                    DetailGrouping::DisplayName => format!("DisplayName {}", alert.name),
                    DetailGrouping::Severity => format!("Severity {}", alert.severity.name()),
                });
            }
            for name in &grouping.custom_details {
                let mut values = alert.custom_details.iter().find(|it| it.0 == name.value)?.1.clone();
                values.sort();
                out.push(format!("{} {}", name.value, values.join("\u{1f}")));
            }
            Some(out).filter(|it| !it.is_empty())
        }
    }
}
