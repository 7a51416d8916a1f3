//! When a rule runs, what it sees then, and how long it rests.

use super::Asked;
use crate::{
    At, Kind, Level,
    check::{Edit, Lint, finding::Found, lint::Body},
    duration,
};
use kql::time::{DAY, HOUR, MINUTE};

pub(crate) const RANGE: Lint = Lint {
    code: "R007",
    name: "schedule-range",
    level: Level::Error,
    summary: "`queryFrequency` or `queryPeriod` is shorter than 5 minutes or longer than 14 days.",
    doc: "The service takes 5 minutes to 14 days for both.",
    bad: "queryFrequency: 1m",
    good: "queryFrequency: 5m",
    body: Body::Rule(range),
};

pub(crate) const PERIOD: Lint = Lint {
    code: "R008",
    name: "period-below-frequency",
    level: Level::Error,
    summary: "`queryPeriod` is shorter than `queryFrequency`.",
    doc: "Each run sees the last `queryPeriod`; if runs are further apart, what lies between is seen by none. The service refuses such a \
          rule. The fix makes the period as long as the frequency.",
    bad: "queryFrequency: 1d\nqueryPeriod: 1h",
    good: "queryFrequency: 1d\nqueryPeriod: 1d",
    body: Body::Rule(period),
};

pub(crate) const OFTEN: Lint = Lint {
    code: "R009",
    name: "long-period-too-often",
    level: Level::Error,
    summary: "A rule that looks back 2 days or more runs more than once an hour.",
    doc: "With a `queryPeriod` of 2 days or more the service takes a `queryFrequency` of an hour or more only.",
    bad: "queryFrequency: 30m\nqueryPeriod: 7d",
    good: "queryFrequency: 1h\nqueryPeriod: 7d",
    body: Body::Rule(often),
};

pub(crate) const THRESHOLD: Lint = Lint {
    code: "R010",
    name: "threshold",
    level: Level::Error,
    summary: "`triggerThreshold` is below 0 or above 10,000, or can never be met.",
    doc: "The number of rows is compared with the threshold. It may be 0 to 10,000. `lt 0` holds for no number of rows.",
    bad: "triggerThreshold: 20000",
    good: "triggerThreshold: 20",
    body: Body::Rule(threshold),
};

pub(crate) const NRT: Lint = Lint {
    code: "R011",
    name: "schedule-of-nrt",
    level: Level::Warning,
    summary: "A near-real-time rule has keys of a schedule, which have no effect.",
    doc: "NRT rules run every minute over what arrived in the last one, and alert on any row: `queryFrequency`, `queryPeriod`, \
          `triggerOperator` and `triggerThreshold` are those of scheduled rules.",
    bad: "kind: NRT\nqueryPeriod: 1d",
    good: "kind: NRT",
    body: Body::Rule(nrt),
};

pub(crate) const SUPPRESSION: Lint = Lint {
    code: "R012",
    name: "suppression-too-long",
    level: Level::Error,
    summary: "`suppressionDuration` is longer than 24 hours or shorter than 5 minutes.",
    doc: "After an alert a rule can rest for 24 hours at most.",
    bad: "suppressionEnabled: true\nsuppressionDuration: 2d",
    good: "suppressionEnabled: true\nsuppressionDuration: 1d",
    body: Body::Rule(suppression),
};

pub(crate) const LOOKBACK: Lint = Lint {
    code: "R013",
    name: "lookback-range",
    level: Level::Error,
    summary: "`lookbackDuration` of incidents is shorter than 5 minutes or longer than 7 days.",
    doc: "Alerts join an incident for 5 minutes to 7 days after its first alert.",
    bad: "incidentConfiguration:\n  createIncident: true\n  groupingConfiguration:\n    enabled: true\n    lookbackDuration: 30d\n    \
          matchingMethod: AllEntities",
    good: "incidentConfiguration:\n  createIncident: true\n  groupingConfiguration:\n    enabled: true\n    lookbackDuration: 7d\n    \
           matchingMethod: AllEntities",
    body: Body::Rule(lookback),
};

/// Says where a duration is out of its range.
fn bounded(asked: &Asked<'_>, name: &str, value: Option<&At<i64>>, low: i64, high: i64, found: &mut Found<'_>) {
    let Some(value) = value.filter(|it| !(low..=high).contains(&it.value)) else { return };
    let (low, high) = (duration::short_text(low), duration::short_text(high));
    let message = format!("`{name}` is {}; the service takes {low} to {high}", duration::short_text(value.value));
    _ = found.add(asked.rule, value.place, message);
}

fn range(asked: &Asked<'_>, found: &mut Found<'_>) {
    if asked.rule.kind == Kind::Scheduled {
        bounded(asked, "queryFrequency", asked.rule.query_frequency.as_ref(), 5 * MINUTE, 14 * DAY, found);
        bounded(asked, "queryPeriod", asked.rule.query_period.as_ref(), 5 * MINUTE, 14 * DAY, found);
    }
}

fn period(asked: &Asked<'_>, found: &mut Found<'_>) {
    let rule = asked.rule;
    let (Some(frequency), Some(period)) = (&rule.query_frequency, &rule.query_period) else { return };
    if rule.kind != Kind::Scheduled || period.value >= frequency.value {
        return;
    }
    let (short, long) = (duration::short_text(period.value), duration::short_text(frequency.value));
    let written = rule.source.text.get(frequency.place.start..frequency.place.end).unwrap_or("");
    let finding =
        found.add(rule, period.place, format!("`queryPeriod` of {short} is shorter than `queryFrequency` of {long}"));
    if !written.is_empty() {
        let edit = Edit { range: period.place.start..period.place.end, text: written.to_owned() };
        _ = finding.fix(format!("set `queryPeriod` to {long}"), vec![edit]);
    }
}

fn often(asked: &Asked<'_>, found: &mut Found<'_>) {
    let rule = asked.rule;
    let (Some(frequency), Some(period)) = (&rule.query_frequency, &rule.query_period) else { return };
    if rule.kind == Kind::Scheduled && period.value >= 2 * DAY && frequency.value < HOUR {
        let (period, every) = (duration::short_text(period.value), duration::short_text(frequency.value));
        let message = format!("a rule with a `queryPeriod` of {period} may run once an hour, not every {every}");
        _ = found.add(rule, frequency.place, message);
    }
}

fn threshold(asked: &Asked<'_>, found: &mut Found<'_>) {
    let rule = asked.rule;
    let Some(threshold) = rule.trigger_threshold.as_ref().filter(|_| rule.kind == Kind::Scheduled) else { return };
    if !(0..=10_000).contains(&threshold.value) {
        let message = format!("`triggerThreshold` is {}; the service takes 0 to 10000", threshold.value);
        _ = found.add(rule, threshold.place, message);
    } else if let Some(operator) = &rule.trigger_operator
        && operator.value == crate::Comparison::LessThan
        && threshold.value == 0
    {
        _ = found.add(rule, threshold.place, "no run has fewer than 0 rows, so the rule never fires");
    }
}

fn nrt(asked: &Asked<'_>, found: &mut Found<'_>) {
    if asked.rule.kind != Kind::Nrt {
        return;
    }
    for key in ["queryFrequency", "queryPeriod", "triggerOperator", "triggerThreshold"] {
        if let Some(place) = asked.key(key) {
            _ = found.add(asked.rule, place, format!("`{key}` has no effect in an NRT rule"));
        }
    }
}

fn suppression(asked: &Asked<'_>, found: &mut Found<'_>) {
    bounded(asked, "suppressionDuration", asked.rule.suppression.duration.as_ref(), 5 * MINUTE, DAY, found);
}

fn lookback(asked: &Asked<'_>, found: &mut Found<'_>) {
    let lookback = asked.rule.incident.grouping.as_ref().and_then(|it| it.lookback.as_ref());
    bounded(asked, "lookbackDuration", lookback, 5 * MINUTE, 7 * DAY, found);
}
