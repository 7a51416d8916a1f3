//! One run of a rule, exactly as the service would do it, and many of them.
//!
//! A run at the instant R sees the rows of `[R − queryPeriod, R)` that had come in when it was executed, five minutes
//! later; `now()` is R. What the documentation leaves open is decided here, and [`DECISIONS`] lists it.

mod alert;
mod backtest;
mod compare;
mod details;
mod entities;
mod history;
mod incident;
mod lineage;
mod record;
mod size;
mod trigger;

pub use alert::Alert;
pub use backtest::{Backtest, Day, Failure, RUNS, RUNS_MAX, Range, RunRecord, backtest, instants};
pub use compare::{Comparison as VersionComparison, Detection};
pub use entities::Entity;
pub use history::{ARRIVAL_COLUMNS, By, History, ITEM_ID, TIME_COLUMNS, View, number_items};
pub use incident::{IncidentRecord, incidents};
pub use record::{alert_table, incident_table};
pub use size::{LargeRows, ROW_BYTES_MAX};

use crate::{Kind, Rule, Severity};
use kql::{
    Engine, Error, Outcome, Query,
    time::{DAY, HOUR, MINUTE},
};

/// What the documentation of the service does not say, and what is done here.
pub const DECISIONS: &[(&str, &str)] = &[
    ("window", "a run sees [R - queryPeriod, R): the first moment belongs to it, the last does not"),
    (
        "ingestion",
        "a row without _IngestionTime or _TimeReceived came in when it happened; others are seen if they came in by R + 5 min",
    ),
    (
        "no period",
        "a rule without queryFrequency or queryPeriod runs every 5 hours over 5 hours, as the portal proposes",
    ),
    (
        "time column",
        "a table's time is TimeGenerated, or Timestamp where it has no TimeGenerated with a value; each fills in the other",
    ),
    ("NRT now", "now() of an NRT rule is the instant of its run; the window is the minute of arrival before it"),
    ("NRT component", "ProductComponentName of NRT alerts is `NRT Alerts`"),
    ("no rows", "a run that fires without rows gives one alert without entities, also with AlertPerResult"),
    (
        "several rows",
        "a single alert of several rows takes the {{column}} values, severity and tactics of its first row",
    ),
    ("severity column", "a severity counts in any case; another value is the rule's own severity"),
    ("all entities", "grouping by all entities never joins alerts that have none"),
    ("incident", "an incident has the highest severity of its alerts and all of their tactics"),
    (
        "grouping",
        "incidents are those of the Azure portal; the Defender portal merges and names them by rules of its own",
    ),
    ("closed", "nothing closes an incident here, so reopenClosedIncident changes nothing unless closing is simulated"),
    (
        "custom detection",
        "one alert for each row, 150 at most; a row is seen if it happened or came in within the lookback",
    ),
    ("hunting", "a hunting query sees everything before R; its placeholders are the 24 hours before R, or --period"),
];

/// What a host may decide about runs. Times are in ticks.
#[derive(Clone, Debug)]
pub struct Options {
    /// How long after its instant a scheduled run is executed.
    pub delay: i64,
    /// The same for NRT rules.
    pub nrt_delay: i64,
    /// The id of the workspace, which is also its tenant here.
    pub workspace: String,
    /// Another period than the rule's.
    pub period: Option<i64>,
    /// Another frequency than the rule's.
    pub frequency: Option<i64>,
    /// Threads of a run.
    pub threads: usize,
    /// How long after the last alert of an incident somebody closes it; never unless given.
    pub closed_after: Option<i64>,
    /// Values of `declare query_parameters`.
    pub parameters: Vec<(String, String)>,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            delay: 5 * MINUTE,
            nrt_delay: 2 * MINUTE,
            workspace: "00000000-0000-0000-0000-000000000000".to_owned(),
            period: None,
            frequency: None,
            threads: 1,
            closed_after: None,
            parameters: Vec::new(),
        }
    }
}

/// The portal's proposal for a new rule.
const PROPOSED: i64 = 5 * HOUR;

/// When a rule runs and what it sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// Time between runs.
    pub frequency: i64,
    /// Time that a run sees.
    pub period: i64,
    /// Whether it is the time of arrival that decides.
    pub by: By,
    /// How long after its instant a run is executed.
    pub delay: i64,
    /// Rest after an alert.
    pub suppression: Option<i64>,
}

impl Schedule {
    /// The schedule of a rule.
    pub fn of(rule: &Rule, options: &Options) -> Schedule {
        let written = |it: &Option<crate::At<i64>>| it.as_ref().map(|it| it.value).filter(|it| *it > 0);
        let frequency = options.frequency.or_else(|| written(&rule.query_frequency));
        let is_suppressed = rule.suppression.enabled.as_ref().is_some_and(|it| it.value);
        let suppression = written(&rule.suppression.duration).filter(|_| is_suppressed);
        match rule.kind {
            Kind::Nrt => {
                let frequency = options.frequency.unwrap_or(MINUTE);
                let period = options.period.unwrap_or(MINUTE);
                Schedule { frequency, period, by: By::Arrival, delay: options.nrt_delay, suppression }
            }
            Kind::CustomDetection => {
                let period = options.period.or_else(|| written(&rule.query_period)).unwrap_or(4 * HOUR);
                // A period of 0 is a detection that runs all the time.
                let frequency = frequency.unwrap_or(HOUR);
                Schedule { frequency, period, by: By::Both, delay: 0, suppression }
            }
            Kind::Scheduled => {
                let frequency = frequency.unwrap_or(PROPOSED);
                let period = options.period.or_else(|| written(&rule.query_period)).unwrap_or(frequency);
                Schedule { frequency, period, by: By::Event, delay: options.delay, suppression }
            }
            Kind::Hunting | Kind::Function | Kind::Query => {
                let period = options.period.unwrap_or(i64::MAX);
                Schedule { frequency: frequency.unwrap_or(DAY), period, by: By::Event, delay: 0, suppression: None }
            }
        }
    }

    /// What the run at an instant sees.
    pub fn view(&self, at: i64) -> View {
        let from = at.saturating_sub(self.period);
        View { from, to: at, by: self.by, arrived_until: at.saturating_add(self.delay), now: at }
    }
}

/// A run of a rule.
#[derive(Clone, Debug)]
pub struct Run {
    /// Its instant R.
    pub at: i64,
    /// The first moment it sees.
    pub from: i64,
    /// When it was executed: R and the delay.
    pub executed: i64,
    /// Rows of the answer.
    pub n_rows: usize,
    /// Its alerts.
    pub alerts: Vec<Alert>,
    /// Rows of the answer that are larger than what an alert holds of one.
    pub large: LargeRows,
    /// The answer, or why there is none: a failed run is not one without rows.
    pub outcome: Result<Outcome, Error>,
}

impl Run {
    /// Whether it made an alert.
    pub fn fired(&self) -> bool {
        !self.alerts.is_empty()
    }
}

/// Runs a rule at an instant.
pub fn run(history: &History, rule: &Rule, at: i64, options: &Options) -> Run {
    let schedule = Schedule::of(rule, options);
    let outcome = answer(history, rule, at, &schedule, options).map(|it| it.1);
    finish(rule, at, &schedule, options, outcome)
}

/// The engine that a run sees, and its answer.
pub(crate) fn answer(
    history: &History,
    rule: &Rule,
    at: i64,
    schedule: &Schedule,
    options: &Options,
) -> Result<(Engine, Outcome), Error> {
    let view = schedule.view(at);
    let engine = history.at(&view, options.threads)?;
    let window = options.period.unwrap_or(if rule.kind.alerts() { schedule.period } else { DAY });
    let text = rule.query.with_window(at.saturating_sub(window), at).text;
    let outcome = engine.query(Query { text, parameters: options.parameters.clone() })?;
    Ok((engine, outcome))
}

/// From an answer to a run.
pub(crate) fn finish(
    rule: &Rule,
    at: i64,
    schedule: &Schedule,
    options: &Options,
    outcome: Result<Outcome, Error>,
) -> Run {
    let executed = at.saturating_add(schedule.delay);
    let mut run = Run {
        at,
        from: schedule.view(at).from,
        executed,
        n_rows: 0,
        alerts: Vec::new(),
        large: LargeRows::default(),
        outcome,
    };
    let Ok(outcome) = &run.outcome else { return run };
    run.n_rows = outcome.table().map_or(0, kql::ResultTable::n_rows);
    if rule.kind.alerts() {
        run.alerts = alert::alerts(rule, &run, schedule, options, outcome);
        if run.fired() {
            run.large = outcome.table().map_or_else(LargeRows::default, LargeRows::of);
        }
    }
    run
}

/// The severity that a rule's alerts have unless a column says otherwise.
pub(crate) fn default_severity(rule: &Rule) -> Severity {
    rule.severity.as_ref().map_or(Severity::Medium, |it| it.value)
}
