//! Runs and backtests as text for people. Texts of rules and data are painted: nothing in them moves the cursor.

use kql::{
    formats::paint,
    time::{self, DAY},
};
use kql_rules::{
    Kind, Rule, duration,
    run::{Alert, Backtest, IncidentRecord, Options, Run, RunRecord, Schedule, VersionComparison},
};
use std::fmt::Write;

/// Lines of a list that are shown at most.
const LIST: usize = 10;
/// Days that are shown when some of them are without alerts.
const DAYS: usize = 40;
const LEVELS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

fn wire(ticks: i64) -> String {
    time::datetime_wire(ticks.max(0))
}

fn plural(n: usize, one: &str, many: &str) -> String {
    format!("{n} {}", if n == 1 { one } else { many })
}

fn schedule(rule: &Rule, options: &Options) -> String {
    let it = Schedule::of(rule, options);
    let period = if it.period == i64::MAX { "everything before".to_owned() } else { duration::short_text(it.period) };
    match rule.kind.alerts() {
        true => format!("{}, every {} over {period}", rule.kind, duration::short_text(it.frequency)),
        false => format!("{} over {period}", rule.kind),
    }
}

/// One run.
pub(super) fn run(rule: &Rule, run: &Run, incidents: &[IncidentRecord], options: &Options) -> String {
    let mut out = String::new();
    _ = writeln!(out, "{}  ({})", paint(rule.title()), schedule(rule, options));
    _ = writeln!(out, "run at {}, sees [{}, {})", wire(run.at), wire(run.from), wire(run.at));
    let word = if rule.kind.alerts() {
        plural(run.alerts.len(), "alert", "alerts")
    } else {
        "no alerts: nothing schedules it".to_owned()
    };
    _ = writeln!(
        out,
        "{}, {word}, {}",
        plural(run.n_rows, "row", "rows"),
        plural(incidents.len(), "incident", "incidents")
    );
    if let Some(warning) = run.large.warning() {
        _ = writeln!(out, "  warning: {warning}");
    }
    for it in run.alerts.iter().take(LIST) {
        alert(&mut out, it);
    }
    if run.alerts.len() > LIST {
        _ = writeln!(out, "  … and {} more; --format json shows all", run.alerts.len() - LIST);
    }
    if !rule.kind.alerts()
        && let Ok(outcome) = &run.outcome
        && let Some(table) = outcome.table()
    {
        let mut text = Vec::new();
        let write = kql::formats::WriteOptions { rows_max: 40, lines: true, ..Default::default() };
        if kql::formats::write(kql::formats::Format::Table, &table.schema, &table.batches, &write, &mut text).is_ok() {
            out.push_str(&String::from_utf8_lossy(&text));
        }
    }
    out
}

fn alert(out: &mut String, it: &Alert) {
    let (name, severity) = (paint(&it.name), it.severity);
    let summary = if it.is_summary { " (stands for all rows: there were too many for an alert each)" } else { "" };
    _ = writeln!(out, "  {severity}: {name}, {}{summary}", plural(it.rows.len(), "row", "rows"));
    _ = writeln!(out, "    {} .. {}", wire(it.start), wire(it.end));
    for entity in it.entities.iter().take(LIST) {
        _ = writeln!(out, "    {}", paint(&entity.label()));
    }
    if it.entities.len() > LIST {
        _ = writeln!(out, "    … and {} more entities", it.entities.len() - LIST);
    }
    for (key, values) in &it.custom_details {
        _ = writeln!(out, "    {} = {}", paint(key), paint(&values.join(", ")));
    }
}

/// A backtest.
pub(super) fn backtest(rule: &Rule, it: &Backtest, options: &Options, width: usize) -> String {
    let mut out = String::new();
    _ = writeln!(out, "{}  ({})", paint(rule.title()), schedule(rule, options));
    if let (Some(first), Some(last)) = (it.runs.first(), it.runs.last()) {
        let count = |of: fn(&RunRecord) -> bool| it.runs.iter().filter(|it| of(it)).count();
        let (failed, rested) = (count(|it| it.error.is_some()), count(|it| it.is_suppressed));
        let fired = if rule.kind.alerts() { it.n_fired() } else { count(|it| it.n_rows > 0) };
        let verb = if rule.kind.alerts() { "fired" } else { "found rows" };
        _ = write!(
            out,
            "{} from {} to {}: {fired} {verb}",
            plural(it.runs.len(), "run", "runs"),
            wire(first.at),
            wire(last.at)
        );
        if failed > 0 {
            _ = write!(out, ", {failed} failed");
        }
        if rested > 0 {
            _ = write!(out, ", {rested} suppressed");
        }
        _ = writeln!(out);
    }
    if let Some(warning) = it.large().warning() {
        _ = writeln!(out, "warning: {warning}");
    }
    let (alerts, incidents) = (it.alerts.len(), it.incidents.len());
    _ = writeln!(out, "{} in {}\n", plural(alerts, "alert", "alerts"), plural(incidents, "incident", "incidents"));
    timeline(&mut out, it, rule.kind, width);
    days(&mut out, it);
    _ = write!(
        out,
        "\n{}, {} distinct",
        plural(it.n_result_rows, "row of answers", "rows of answers"),
        it.detections.len()
    );
    let sources: Vec<String> = it.source_rows.iter().map(|(table, n)| format!("{n} of {}", paint(table))).collect();
    if !sources.is_empty() {
        _ = write!(out, "; distinct source rows past the rule's filters: {}", sources.join(", "));
    }
    _ = writeln!(out);
    let entities = it.entities();
    if !entities.is_empty() {
        _ = writeln!(out, "noisiest entities");
        for (label, n) in entities.iter().take(LIST) {
            _ = writeln!(out, "  {n:>6}  {}", paint(label));
        }
    }
    let (seen, full) = it.cost();
    let times = if seen > 0 { format!(", {:.0} times as many", full as f64 / seen as f64) } else { String::new() };
    _ = writeln!(out, "cost: {seen} rows in the windows of the runs; full scans would have read {full}{times}");
    out
}

/// One column a stretch of runs, as high as it has alerts.
fn timeline(out: &mut String, it: &Backtest, kind: Kind, width: usize) {
    let columns = it.runs.len().min(width.saturating_sub(4).clamp(10, 120));
    let (Some(first), Some(last)) = (it.runs.first(), it.runs.last()) else { return };
    let part = |column: usize| {
        let from = column * it.runs.len() / columns.max(1);
        let to = (column + 1) * it.runs.len() / columns.max(1);
        it.runs.get(from..to).unwrap_or(&[])
    };
    let weight = |runs: &[RunRecord]| -> usize {
        runs.iter().map(|it| if kind.alerts() { it.n_alerts } else { it.n_rows }).sum()
    };
    let most = (0..columns).map(|it| weight(part(it))).max().unwrap_or(0);
    let mark = |column: usize| {
        let runs = part(column);
        match weight(runs) {
            0 if runs.iter().any(|it| it.error.is_some()) => 'x',
            0 if runs.iter().all(|it| it.is_suppressed) => '·',
            0 => ' ',
            n => LEVELS.get((n * LEVELS.len()).div_ceil(most.max(1)) - 1).copied().unwrap_or('█'),
        }
    };
    let bar: String = (0..columns).map(mark).collect();
    _ = writeln!(out, "  {bar}\n  {}", "─".repeat(columns));
    let (from, to) = (day_and_hour(first.at), day_and_hour(last.at));
    let gap = columns.saturating_sub(from.len() + to.len());
    _ = writeln!(out, "  {from}{}{to}", " ".repeat(gap.max(1)));
    let what = if kind.alerts() { plural(most, "alert", "alerts") } else { plural(most, "row", "rows") };
    let runs = it.runs.len().div_ceil(columns.max(1));
    _ = writeln!(out, "  █ {what} of {}; x failed, · suppressed\n", plural(runs, "run", "runs"));
}

fn day_and_hour(ticks: i64) -> String {
    wire(ticks).get(..16).unwrap_or("").replace('T', " ")
}

fn days(out: &mut String, it: &Backtest) {
    let days = it.days();
    let most = days.values().map(|it| it.n_alerts).max().unwrap_or(0);
    if most == 0 {
        return;
    }
    _ = writeln!(out, "alerts per day");
    let shows_all = days.len() <= DAYS;
    for (day, it) in days.iter().filter(|it| shows_all || it.1.n_alerts > 0).take(DAYS * 2) {
        let date = wire(day.saturating_mul(DAY));
        let bar = "█".repeat((it.n_alerts * 30).div_ceil(most));
        let incidents =
            if it.n_incidents > 0 { plural(it.n_incidents, "incident", "incidents") } else { String::new() };
        let line = format!("  {} {:>6}  {bar:30}  {incidents}", date.get(..10).unwrap_or(""), it.n_alerts);
        _ = writeln!(out, "{}", line.trim_end());
    }
}

/// Two versions.
pub(super) fn comparison(name: &str, it: &VersionComparison) -> String {
    let mut out = String::new();
    let lost = plural(it.lost.len(), "detection", "detections");
    _ = writeln!(out, "against {}: {lost} lost, {} gained, {} in both", paint(name), it.gained.len(), it.n_common);
    let runs = (it.runs_lost.len(), it.runs_gained.len());
    if runs != (0, 0) {
        _ = writeln!(out, "  {} fired only before, {} only now", plural(runs.0, "run", "runs"), runs.1);
    }
    for (sign, list) in [('-', &it.lost), ('+', &it.gained)] {
        for detection in list.iter().take(LIST) {
            let cell = |(name, value): (&String, &String)| format!("{name}={value}");
            let cells: Vec<String> = it.columns.iter().zip(&detection.values).map(cell).collect();
            let text: String = cells.join(", ").chars().take(160).collect();
            _ = writeln!(out, "  {sign} {}  {}", wire(detection.at), paint(&text));
        }
        if list.len() > LIST {
            _ = writeln!(out, "  {sign} … and {} more", list.len() - LIST);
        }
    }
    out
}
