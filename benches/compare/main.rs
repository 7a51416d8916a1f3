//! Times loads and queries in one process, for `run.py`, which compares them with other engines.
//!
//! ```text
//! cargo bench --bench compare -- AUDIT COMPLETIONS LINES QUERIES RUNS THREADS
//! ```
//! `QUERIES` is a JSON object: the source queries by name, others with their text as `kql`. Prints one line of JSON: seconds of
//! each load, seconds, processor seconds and rows of each query, bytes of memory.
#![allow(clippy::print_stdout, reason = "a bench prints, and may fail anywhere")]

use cpu_time::ProcessTime;
use kql::{Engine, GeoFile, Limits, Now};
use serde_json::{Map, Value, json};
use std::{error::Error, fs, fs::File, sync::Arc, time::Instant};

const QUERIES: [(&str, &str); 5] = [
    ("credential_project_sprawl", include_str!("../../queries/openai_credential_project_sprawl.yaml")),
    ("config_change_then_abuse", include_str!("../../queries/openai_config_change_then_abuse.yaml")),
    ("org_config_change", include_str!("../../queries/openai_org_config_change.yaml")),
    ("off_hours_or_geo_login", include_str!("../../queries/openai_off_hours_or_geo_login.yaml")),
    ("api_key_anomalous_activity", include_str!("../../queries/openai_api_key_anomalous_activity.yaml")),
];

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).filter(|it| it != "--bench").collect();
    let [audit, completions, lines, queries, runs, threads] = args.as_slice() else {
        // `cargo test --benches` and `cargo bench` without arguments come here.
        println!("compare: nothing to do without AUDIT COMPLETIONS LINES QUERIES RUNS THREADS");
        return Ok(());
    };
    let (runs, threads): (usize, usize) = (runs.parse()?, threads.parse()?);
    let mut engine = Engine::with_builtin_schemas();
    engine.set_limits(Limits { threads, result_rows: usize::MAX, result_bytes: usize::MAX, ..Limits::default() });
    engine.set_now(Now::At(kql::parser::parse_datetime("2026-06-10T12:00:00Z").ok_or("no datetime")?));
    engine.set_geo(Arc::new(GeoFile::new(include_bytes!("../../examples/data/demo.mmdb").to_vec())?));
    let mut loads = Map::new();
    for (name, path) in [("OpenAIAuditLogs", audit), ("OpenAIChatCompletions", completions), ("Lines", lines)] {
        let before = memory("VmRSS:")?;
        let start = Instant::now();
        _ = engine.load_file(name, path, File::open(path)?)?;
        let seconds = start.elapsed().as_secs_f64();
        let resident = memory("VmRSS:")?.saturating_sub(before);
        _ = loads.insert(name.to_owned(), json!({"seconds": seconds, "resident": resident, "peak": memory("VmHWM:")?}));
    }
    let wanted: Map<String, Value> = serde_json::from_str(&fs::read_to_string(queries)?)?;
    let mut queries = Map::new();
    for (name, it) in wanted {
        let source = || QUERIES.into_iter().find(|(source, _)| *source == name).and_then(|(_, rule)| block(rule));
        let query = it.get("kql").and_then(Value::as_str).map(str::to_owned).or_else(source).ok_or("no such query")?;
        let (mut times, mut busy, mut rows) = (Vec::new(), Vec::new(), 0);
        for _ in 0..runs {
            let (start, used) = (Instant::now(), ProcessTime::now());
            let outcome = engine.query(query.as_str()).map_err(|why| format!("{name}: {why}"))?;
            times.push(start.elapsed().as_secs_f64());
            busy.push(used.elapsed().as_secs_f64());
            rows = answer(&outcome);
        }
        _ = queries.insert(name, json!({"seconds": times, "busy": busy, "rows": rows}));
    }
    println!("{}", json!({"loads": loads, "queries": queries, "peak": memory("VmHWM:")?}));
    Ok(())
}

/// What is compared: of one whole number its value, else the number of rows.
fn answer(outcome: &kql::Outcome) -> u64 {
    let Some(table) = outcome.table() else { return 0 };
    let only = table.batches.first().filter(|it| it.n_rows == 1 && it.columns.len() == 1);
    match only.and_then(|it| it.columns.first()).map(|it| it.value(0)) {
        Some(kql::Value::Long(it)) => it.unsigned_abs(),
        _ => table.batches.iter().map(|it| it.n_rows as u64).sum(),
    }
}

/// The query of a rule: the lines of its block.
fn block(rule: &str) -> Option<String> {
    let (_, block) = rule.split_once("\nquery: |\n")?;
    let lines = block.lines().take_while(|it| it.is_empty() || it.starts_with("  "));
    Some(lines.map(|it| it.get(2..).unwrap_or("")).collect::<Vec<_>>().join("\n"))
}

/// Bytes of this process; 0 where the system does not tell.
fn memory(key: &str) -> Result<u64, Box<dyn Error>> {
    let Ok(status) = fs::read_to_string("/proc/self/status") else { return Ok(0) };
    let line = status.lines().find_map(|it| it.strip_prefix(key)).unwrap_or("0 kB");
    Ok(line.trim().trim_end_matches(" kB").parse::<u64>()? * 1024)
}
