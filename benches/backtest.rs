//! A backtest of 30 days, hourly, over a million rows, beside as many separate runs: those of a program that loads the
//! file, as `kql rule run` does; those over a table in memory, every row of which a filter looks at; and those over a table
//! in memory whose chunks outside the window the engine passes over.
//!
//! `cargo bench --bench backtest`; the figures are process time, so that other work on the machine does not count.
#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used, reason = "a bench may fail anywhere")]
#![allow(clippy::indexing_slicing, clippy::print_stdout, reason = "a bench may fail anywhere")]

use kql::{
    Engine, Limits, Now, Query, Type, Value,
    time::{DAY, HOUR, datetime_text},
};
use kql_rules::{
    Rule, read,
    run::{self, History, Options, Range},
};
use std::time::Instant;

const ROWS: i64 = 1_000_000;
const DAYS: i64 = 30;
/// Separate runs that are measured; the rest are taken to be alike.
const SAMPLE: usize = 24;

const RULES: [(&str, &str); 3] = [
    (
        "failures of an hour",
        "name: a\nkind: Scheduled\nseverity: Low\nqueryFrequency: 1h\nqueryPeriod: 1h\nquery: |\n  \
         Logins\n  | where Result == 'fail'\n  | summarize n = count(), ips = dcount(Ip) by User\n  | where n >= 4\n",
    ),
    (
        "a row for each match",
        "name: b\nkind: Scheduled\nseverity: Low\nqueryFrequency: 1h\nqueryPeriod: 2h\nquery: |\n  \
         Logins\n  | where Result == 'fail' and Ip startswith '10.1.' and User endswith '77'\n  | project TimeGenerated, User, Ip\n",
    ),
    (
        "an hour against a day",
        "name: c\nkind: Scheduled\nseverity: Low\nqueryFrequency: 1h\nqueryPeriod: 1d\nquery: |\n  \
         let known = Logins | where TimeGenerated < ago(1h) | distinct User, Ip;\n  \
         Logins\n  | where TimeGenerated >= ago(1h) and Result == 'ok'\n  | join kind=leftanti known on User, Ip\n  | summarize n = count() by User\n  | where n > 3\n",
    ),
];

fn start() -> i64 {
    kql::parser::parse_datetime("2026-05-01").unwrap()
}

fn engine() -> Engine {
    let mut seed = 7u64;
    let mut random = |below: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % below
    };
    let columns = [
        ("TimeGenerated", Type::Datetime),
        ("User", Type::String),
        ("Ip", Type::String),
        ("Result", Type::String),
        ("Bytes", Type::Long),
    ];
    let rows = (0..ROWS).map(|it| {
        // Logs come nearly in order.
        let time = start() + it * (DAYS * DAY / ROWS) + random(600_000_000) as i64;
        let user = format!("user{}", random(2_000));
        let ip = format!("10.{}.{}.{}", random(4), random(16), random(32));
        let result = if random(10) == 0 { "fail" } else { "ok" };
        let text = |it: &str| Value::String(it.into());
        vec![Value::Datetime(time), text(&user), text(&ip), text(result), Value::Long(random(9_999) as i64)]
    });
    let mut engine = Engine::new();
    engine.load_rows("Logins", &columns, rows).unwrap();
    // Loaded tables come in chunks of 65,536 rows.
    let whole = engine.table("Logins").unwrap().clone();
    let batch = &whole.chunks[0].batch;
    let parts =
        (0..batch.n_rows).step_by(kql::Chunk::ROWS).map(|it| batch.slice(it, kql::Chunk::ROWS.min(batch.n_rows - it)));
    engine.add_table("Logins", kql::Table::new((*whole.schema).clone(), parts.collect()));
    engine.set_limits(Limits { threads: 1, ..engine.limits().clone() });
    engine
}

/// A run without the history: the table is filtered as a whole, then the query runs.
fn separate(engine: &Engine, rule: &Rule, at: i64, time: &str) -> usize {
    let period = rule.query_period.as_ref().unwrap().value;
    let filter = format!(
        "Logins | where {time} >= datetime({}) and {time} < datetime({})",
        datetime_text(at - period),
        datetime_text(at)
    );
    let seen = engine.query(filter.as_str()).unwrap().tables.remove(0);
    let mut own = engine.clone();
    own.add_table("Logins", kql::Table::new((*seen.schema).clone(), seen.batches));
    own.set_now(Now::At(at));
    own.query(Query::from(rule.query.text.as_str())).unwrap().table().unwrap().n_rows()
}

/// Seconds of the processor that this process has used.
fn used() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/self/stat").ok()?;
    let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = |index: usize| fields.get(index)?.parse::<f64>().ok();
    Some((ticks(11)? + ticks(12)?) / 100.0)
}

fn measured<T>(work: impl FnOnce() -> T) -> (T, f64) {
    let (clock, before) = (Instant::now(), used());
    let res = work();
    let elapsed = clock.elapsed().as_secs_f64();
    (res, before.zip(used()).map_or(elapsed, |(before, after)| after - before))
}

/// The table as a file, and an engine that has loaded it.
fn loaded(bytes: &[u8]) -> Engine {
    let mut engine = Engine::new();
    engine.set_limits(Limits { threads: 1, ..engine.limits().clone() });
    engine.load_bytes("Logins", bytes).unwrap();
    engine
}

fn main() {
    let made = engine();
    let table = made.table("Logins").unwrap().clone();
    let batches: Vec<kql::Batch> = table.chunks.iter().map(|it| it.batch.clone()).collect();
    let mut bytes = Vec::new();
    let options = kql::formats::WriteOptions::default();
    kql::formats::write(kql::formats::Format::Ndjson, &table.schema, &batches, &options, &mut bytes).unwrap();
    // As a file gives it: with its dictionaries.
    let (engine, loading) = measured(|| loaded(&bytes));
    let (history, ordering) = measured(|| History::new(engine.clone(), "ws").unwrap());
    println!(
        "{ROWS} rows of {DAYS} days, loaded in {loading:.2} s, put in the order of time in {ordering:.2} s; seconds of the processor"
    );
    println!(
        "{:22} {:>5} {:>7} {:>9} {:>22} {:>22} {:>22}",
        "rule", "runs", "alerts", "backtest", "separate, loading", "separate, full scans", "separate, pruned"
    );
    for (name, text) in RULES {
        let rule = read("rule.yaml", text.as_bytes()).rules.remove(0);
        let range = Range { from: Some(start() + HOUR), to: Some(start() + DAYS * DAY), last: None };
        let (done, time) = measured(|| run::backtest(&history, &rule, &range, &Options::default()).unwrap());
        let n_runs = done.runs.len();
        let sample: Vec<usize> = (0..SAMPLE).map(|it| it * n_runs / SAMPLE).collect();
        let others = ["(TimeGenerated + 0s)", "TimeGenerated"].map(|column| {
            let runs =
                || sample.iter().map(|it| separate(&engine, &rule, done.runs[*it].at, column)).collect::<Vec<_>>();
            let (counts, part) = measured(runs);
            for (count, index) in counts.iter().zip(&sample) {
                assert_eq!(*count, done.runs[*index].n_rows, "{name}: the run at {}", done.runs[*index].at);
            }
            part / SAMPLE as f64 * n_runs as f64
        });
        let [full, pruned] = others;
        let alone = measured(|| run::run(&history, &rule, done.runs[n_runs / 2].at, &Options::default())).1;
        let loads = (loading + ordering + alone) * n_runs as f64;
        // Where the others begin with a table in memory, so does the backtest; where they load it, so does it.
        let against = |whole: f64, own: f64| format!("{whole:.1} s {:.0}x", whole / own);
        println!(
            "{name:22} {n_runs:>5} {:>7} {:>7.2} s {:>22} {:>22} {:>22}",
            done.alerts.len(),
            time,
            against(loads, loading + ordering + time),
            against(full, ordering + time),
            against(pruned, ordering + time),
        );
    }
}
