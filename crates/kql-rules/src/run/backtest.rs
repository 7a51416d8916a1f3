//! Every scheduled run over a stretch of history, and what came of it.

use super::{
    Alert, History, IncidentRecord, LargeRows, Options, Run, Schedule, answer, finish, incident::incidents, lineage,
};
use crate::{Rule, duration};
use kql::{
    Error, ResultTable,
    plan::Op,
    time::{self, DAY},
};
use serde_json::{Value as Json, json};
use std::{
    collections::{BTreeMap, HashSet},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

/// Runs of a backtest at most.
pub const RUNS_MAX: usize = 1_000_000;
/// Runs unless told otherwise: as many as the portal's simulation shows.
pub const RUNS: usize = 50;
/// Distinct rows of answers that are kept for comparing versions.
const DETECTIONS_MAX: usize = 100_000;

/// Which runs. Times are in ticks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Range {
    /// The first instant.
    pub from: Option<i64>,
    /// No instant after that.
    pub to: Option<i64>,
    /// How many runs, the last ones; [`RUNS`] where nothing else tells.
    pub last: Option<usize>,
}

/// What one run came to.
#[derive(Clone, Debug)]
pub struct RunRecord {
    /// Its instant.
    pub at: i64,
    /// Rows that it saw in the tables of the rule.
    pub n_seen: usize,
    /// Rows of its answer.
    pub n_rows: usize,
    /// How many alerts it made.
    pub n_alerts: usize,
    /// Rows of its answer that are larger than what an alert holds.
    pub large: LargeRows,
    /// Why it has no answer.
    pub error: Option<Error>,
    /// Whether it was left out because the rule rested.
    pub is_suppressed: bool,
}

/// Alerts and incidents of a day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Day {
    /// Runs that were executed.
    pub n_runs: usize,
    /// Alerts.
    pub n_alerts: usize,
    /// Incidents that began.
    pub n_incidents: usize,
    /// Runs without an answer.
    pub n_failed: usize,
}

/// Every run over a stretch of history.
#[derive(Clone, Debug)]
pub struct Backtest {
    /// When the rule runs.
    pub schedule: Schedule,
    /// Its runs, also those that were left out.
    pub runs: Vec<RunRecord>,
    /// Its alerts, in order.
    pub alerts: Vec<Alert>,
    /// Its incidents, in order.
    pub incidents: Vec<IncidentRecord>,
    /// Columns of the answers.
    pub columns: Vec<String>,
    /// Distinct rows of answers of runs that fired, with the instant of the first run that had each.
    pub detections: Vec<(i64, Vec<String>)>,
    /// Rows of answers of runs that fired, counted as often as they came.
    pub n_result_rows: usize,
    /// Distinct source rows behind the runs that fired, by table.
    pub source_rows: BTreeMap<String, usize>,
    /// Rows of the tables of the rule.
    pub n_table_rows: usize,
    /// Tables of the rule that have a time.
    pub tables: Vec<String>,
}

/// The instants of a backtest.
pub fn instants(
    schedule: &Schedule,
    start: Option<i64>,
    span: Option<(i64, i64)>,
    range: &Range,
) -> Result<Vec<i64>, String> {
    let frequency = schedule.frequency.max(1);
    // Without a start the instants are those of a rule that began at a midnight.
    let phase = range.from.or(start).unwrap_or(0).rem_euclid(frequency);
    let up = |it: i64| {
        let rest = it.saturating_sub(phase).rem_euclid(frequency);
        if rest == 0 { it } else { it.saturating_add(frequency - rest) }
    };
    let Some(end) = range.to.or(span.map(|it| up(it.1.saturating_add(1)))) else {
        return Err("there is no row with a time: --from and --to tell which runs are meant".to_owned());
    };
    let last = end.saturating_sub(end.saturating_sub(phase).rem_euclid(frequency));
    let (first, n_runs) = match range.from {
        Some(from) if from > last => return Err("--from is after --to, or after the last row".to_owned()),
        Some(from) => {
            let n = (last.saturating_sub(from) / frequency).saturating_add(1);
            (from, usize::try_from(n).unwrap_or(usize::MAX))
        }
        None => {
            let n = range.last.unwrap_or(RUNS).clamp(1, RUNS_MAX);
            let back = i64::try_from(n - 1).unwrap_or(i64::MAX).saturating_mul(frequency);
            (last.saturating_sub(back), n)
        }
    };
    if n_runs > RUNS_MAX {
        return Err(format!("{n_runs} runs; {RUNS_MAX} are allowed"));
    }
    let n_runs = match (range.from, range.last) {
        (Some(_), Some(last)) => n_runs.min(last.max(1)),
        _ => n_runs,
    };
    Ok((0..n_runs).map(|it| first.saturating_add(frequency.saturating_mul(it as i64))).collect())
}

/// A run with what is kept of its answer.
struct Done {
    run: Run,
    rows: Vec<Vec<String>>,
    columns: Vec<String>,
    sources: Vec<(String, Vec<i64>)>,
}

/// Runs a rule at every instant of a stretch of history. Runs that do not depend on others share the threads of
/// `options`. The error is one of the query itself; a run that fails is told of in its record.
pub fn backtest(history: &History, rule: &Rule, range: &Range, options: &Options) -> Result<Backtest, Failure> {
    let schedule = Schedule::of(rule, options);
    let tables = tables(history, rule, options)?;
    let start = rule.start_time.as_ref().map(|it| it.value);
    let instants = instants(&schedule, start, history.span(&tables), range).map_err(Failure::Range)?;
    let names: Vec<&String> = tables.iter().collect();
    let n_table_rows = names.iter().filter_map(|it| history.engine().table(it)).map(|it| it.n_rows()).sum();
    let mut out = Backtest {
        schedule,
        runs: Vec::new(),
        alerts: Vec::new(),
        incidents: Vec::new(),
        columns: Vec::new(),
        detections: Vec::new(),
        n_result_rows: 0,
        source_rows: BTreeMap::new(),
        n_table_rows,
        tables,
    };
    let mut kept = Kept::default();
    let single = Options { threads: 1, ..options.clone() };
    let threads = options.threads.max(1);
    match schedule.suppression {
        // Whether a run takes place depends on those before it.
        Some(rest) => {
            let mut until = i64::MIN;
            for at in instants {
                if at < until {
                    out.runs.push(RunRecord {
                        at,
                        n_seen: 0,
                        n_rows: 0,
                        n_alerts: 0,
                        large: LargeRows::default(),
                        error: None,
                        is_suppressed: true,
                    });
                    continue;
                }
                let done = one(history, rule, at, &schedule, options);
                if done.run.fired() {
                    until = at.saturating_add(rest);
                }
                out.keep(history, done, &mut kept)?;
            }
        }
        None => {
            // In parts, so that not all answers are held at once.
            for part in instants.chunks(threads * 64) {
                for done in many(history, rule, part, &schedule, if threads > 1 { &single } else { options }, threads) {
                    out.keep(history, done, &mut kept)?;
                }
            }
        }
    }
    for (table, rows) in kept.sources {
        _ = out.source_rows.insert(table, rows.len());
    }
    out.incidents = incidents(rule, &out.alerts, options.closed_after);
    Ok(out)
}

/// Why there is no backtest.
#[derive(Debug)]
pub enum Failure {
    /// The query does not bind, or was stopped.
    Query(Error),
    /// There are no such runs.
    Range(String),
}

#[derive(Default)]
struct Kept {
    rows: HashSet<Vec<String>, ahash::RandomState>,
    sources: BTreeMap<String, lineage::RowSet>,
}

/// Names of the tables that a rule reads and that have a time.
fn tables(history: &History, rule: &Rule, options: &Options) -> Result<Vec<String>, Failure> {
    let text = rule.query.with_window(0, 0).text;
    let check = history.engine().check(kql::Query { text, parameters: options.parameters.clone() });
    if check.diagnostics.iter().any(kql::Diagnostic::is_error) {
        return Err(Failure::Query(Error::Query(check.diagnostics)));
    }
    let mut out: Vec<String> = Vec::new();
    for node in &check.plan.nodes {
        if let Op::Scan { table, .. } = &node.op
            && history.timed().any(|it| it == table)
            && !out.contains(table)
        {
            out.push(table.clone());
        }
    }
    Ok(out)
}

fn one(history: &History, rule: &Rule, at: i64, schedule: &Schedule, options: &Options) -> Done {
    let answered = answer(history, rule, at, schedule, options);
    let (engine, outcome) = match answered {
        Ok((engine, outcome)) => (Some(engine), Ok(outcome)),
        Err(error) => (None, Err(error)),
    };
    let mut run = finish(rule, at, schedule, options, outcome);
    let (mut rows, mut columns, mut sources) = (Vec::new(), Vec::new(), Vec::new());
    if let (Ok(outcome), Some(engine)) = (&mut run.outcome, &engine) {
        let table = outcome.table();
        columns = table.map_or(Vec::new(), |it| it.schema.fields.iter().map(|it| it.name.to_string()).collect());
        let fired = !run.alerts.is_empty() || !rule.kind.alerts() && run.n_rows > 0;
        if fired {
            rows = table
                .map_or(Vec::new(), |it| it.rows().map(|row| row.iter().map(kql::Value::text).collect()).collect());
            sources = lineage::source_rows(engine, outcome);
        }
        // The answer itself is not needed any more, and there may be many.
        outcome.tables.iter_mut().for_each(|it: &mut ResultTable| it.batches.clear());
    }
    Done { run, rows, columns, sources }
}

/// Runs at some instants, in their order, by several threads.
fn many(
    history: &History,
    rule: &Rule,
    instants: &[i64],
    schedule: &Schedule,
    options: &Options,
    threads: usize,
) -> Vec<Done> {
    let next = AtomicUsize::new(0);
    let done: Mutex<Vec<(usize, Done)>> = Mutex::new(Vec::with_capacity(instants.len()));
    let work = || {
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(at) = instants.get(index) else { break };
            let it = one(history, rule, *at, schedule, options);
            done.lock().unwrap_or_else(PoisonError::into_inner).push((index, it));
        }
    };
    // Without a thread the others do its part.
    std::thread::scope(|scope| {
        for _ in 1..threads {
            _ = std::thread::Builder::new().spawn_scoped(scope, || kql::with_query_stack(work));
        }
        _ = kql::with_query_stack(work);
    });
    // What is left where there was no thread at all.
    work();
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_by_key(|it| it.0);
    done.into_iter().map(|it| it.1).collect()
}

impl Backtest {
    fn keep(&mut self, history: &History, done: Done, kept: &mut Kept) -> Result<(), Failure> {
        let Done { run, rows, columns, sources } = done;
        let error = run.outcome.as_ref().err().cloned();
        if let Some(error @ (Error::Query(_) | Error::Stopped(_))) = &error {
            return Err(Failure::Query(error.clone()));
        }
        if self.columns.is_empty() {
            self.columns = columns;
        }
        self.n_result_rows += rows.len();
        for row in rows {
            if kept.rows.len() < DETECTIONS_MAX && kept.rows.insert(row.clone()) {
                self.detections.push((run.at, row));
            }
        }
        for (table, rows) in sources {
            kept.sources.entry(table).or_default().extend(&rows);
        }
        let n_seen = history.n_seen(&self.schedule.view(run.at), &self.tables);
        let (at, n_rows, n_alerts) = (run.at, run.n_rows, run.alerts.len());
        let large = run.large;
        self.runs.push(RunRecord { at, n_seen, n_rows, n_alerts, large, error, is_suppressed: false });
        self.alerts.extend(run.alerts);
        Ok(())
    }

    /// Rows of all answers that are larger than what an alert holds, counted as often as they came.
    pub fn large(&self) -> LargeRows {
        self.runs.iter().map(|it| it.large).fold(LargeRows::default(), LargeRows::and)
    }

    /// Runs that fired.
    pub fn n_fired(&self) -> usize {
        self.runs.iter().filter(|it| it.n_alerts > 0).count()
    }

    /// Alerts, incidents and runs by day, also of days without any.
    pub fn days(&self) -> BTreeMap<i64, Day> {
        let mut out: BTreeMap<i64, Day> = BTreeMap::new();
        for it in &self.runs {
            let day = out.entry(it.at.div_euclid(DAY)).or_default();
            day.n_runs += usize::from(!it.is_suppressed);
            day.n_alerts += it.n_alerts;
            day.n_failed += usize::from(it.error.is_some());
        }
        for it in &self.incidents {
            let first = it.alerts.first().and_then(|it| self.alerts.get(*it)).map_or(it.created, |it| it.at);
            out.entry(first.div_euclid(DAY)).or_default().n_incidents += 1;
        }
        out
    }

    /// Entities by the number of alerts that they are in, the noisiest first.
    pub fn entities(&self) -> Vec<(String, usize)> {
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for it in self.alerts.iter().flat_map(|it| &it.entities) {
            *counts.entry(it.label()).or_default() += 1;
        }
        let mut out: Vec<(String, usize)> = counts.into_iter().collect();
        out.sort_by_key(|it| std::cmp::Reverse(it.1));
        out
    }

    /// Rows that all runs saw together, and what they would have read without slices of time.
    pub fn cost(&self) -> (u64, u64) {
        let seen = self.runs.iter().map(|it| it.n_seen as u64).sum();
        let n_runs = self.runs.iter().filter(|it| !it.is_suppressed).count() as u64;
        (seen, n_runs.saturating_mul(self.n_table_rows as u64))
    }

    /// The whole as JSON; times are in ISO 8601, durations too.
    pub fn to_json(&self) -> Json {
        let wire = time::datetime_wire;
        let runs: Json = self
            .runs
            .iter()
            .map(|it| {
                let error = it.error.as_ref().map(|it| json!({"code": it.code(), "message": it.to_string()}));
                json!({
                    "at": wire(it.at), "rowsSeen": it.n_seen, "rows": it.n_rows, "alerts": it.n_alerts,
                    "suppressed": it.is_suppressed, "error": error,
                })
            })
            .collect();
        let days: Json = self
            .days()
            .into_iter()
            .map(|(day, it)| {
                let date = wire(day.saturating_mul(DAY));
                json!({
                    "day": date.get(..10), "runs": it.n_runs, "alerts": it.n_alerts,
                    "incidents": it.n_incidents, "failed": it.n_failed,
                })
            })
            .collect();
        let incidents: Json = self
            .incidents
            .iter()
            .map(|it| {
                json!({
                    "id": it.id, "title": it.title, "severity": it.severity.name(), "created": wire(it.created),
                    "modified": wire(it.modified), "alerts": it.alert_ids, "tactics": it.tactics,
                    "reopened": it.n_reopened,
                })
            })
            .collect();
        let entities: Json = self.entities().into_iter().map(|(it, n)| json!({"entity": it, "alerts": n})).collect();
        let (seen, full) = self.cost();
        json!({
            "frequency": duration::iso_text(self.schedule.frequency),
            "period": if self.schedule.period == i64::MAX { Json::Null } else { duration::iso_text(self.schedule.period).into() },
            "runs": runs, "fired": self.n_fired(), "alerts": self.alerts.iter().map(Alert::to_json).collect::<Json>(),
            "incidents": incidents, "days": days, "entities": entities,
            "largeRows": self.large().n, "resultRows": self.n_result_rows, "distinctResultRows": self.detections.len(),
            "sourceRows": self.source_rows, "rowsSeen": seen, "rowsOfFullScans": full,
        })
    }
}
