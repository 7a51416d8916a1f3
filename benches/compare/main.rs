//! Times loads and queries in one process, for `run.py`, which compares them with DuckDB.
//!
//! ```text
//! cargo bench --bench compare -- AUDIT COMPLETIONS RUNS THREADS
//! ```
//! Prints one line of JSON: seconds of each load, seconds and rows of each query, bytes of memory.

use kql::{Engine, GeoFile, Limits, Now};
use serde_json::{Map, json};
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
    let [audit, completions, runs, threads] = args.as_slice() else {
        // `cargo test --benches` and `cargo bench` without arguments come here.
        println!("compare: nothing to do without AUDIT COMPLETIONS RUNS THREADS");
        return Ok(());
    };
    let (runs, threads): (usize, usize) = (runs.parse()?, threads.parse()?);
    let mut engine = Engine::with_builtin_schemas();
    engine.set_limits(Limits { threads, ..Limits::default() });
    engine.set_now(Now::At(kql::parser::parse_datetime("2026-06-10T12:00:00Z").ok_or("no datetime")?));
    engine.set_geo(Arc::new(GeoFile::new(include_bytes!("../../examples/data/demo.mmdb").to_vec())?));
    let mut loads = Map::new();
    for (name, path) in [("OpenAIAuditLogs", audit), ("OpenAIChatCompletions", completions)] {
        let before = memory("VmRSS:")?;
        let start = Instant::now();
        _ = engine.load(name, path, File::open(path)?)?;
        let seconds = start.elapsed().as_secs_f64();
        let resident = memory("VmRSS:")?.saturating_sub(before);
        _ = loads.insert(name.to_owned(), json!({"seconds": seconds, "resident": resident}));
    }
    let mut queries = Map::new();
    for (name, rule) in QUERIES {
        let query = block(rule).ok_or("the rule has no query")?;
        let (mut times, mut rows) = (Vec::new(), 0);
        for _ in 0..runs {
            let start = Instant::now();
            let outcome = engine.query(query.as_str())?;
            times.push(start.elapsed().as_secs_f64());
            rows = outcome.rows().len();
        }
        _ = queries.insert(name.to_owned(), json!({"seconds": times, "rows": rows}));
    }
    println!("{}", json!({"loads": loads, "queries": queries, "peak": memory("VmHWM:")?}));
    Ok(())
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
