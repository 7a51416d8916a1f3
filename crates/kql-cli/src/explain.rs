//! Plans for people, and how a query went: rows, times, bytes.

use crate::progress::size;
use kql::{Engine, Outcome, plan::Plan};
use std::time::Duration;

/// The plan as it was bound, as it runs, and the stretch of time that it reads.
pub(crate) fn plans(engine: &Engine, bound: &Plan) -> String {
    // A context that nobody stops, so the passes run to their end.
    let optimised =
        kql::parser::optimise::optimise(&kql::Context::default(), bound.clone()).unwrap_or_else(|_| bound.clone());
    let none = |_| String::new();
    let (before, after) = (drawn(bound, &none), drawn(&optimised, &none));
    let after = if before == after { "the same\n".to_owned() } else { after };
    format!(
        "Logical plan\n{}\nOptimised plan\n{}{}{}",
        indented(&before),
        indented(&after),
        time_scope(engine, &optimised),
        row_groups(engine, &optimised)
    )
}

/// The plan that ran, with rows and times, and the stretch of time that it read.
pub(crate) fn timed(engine: &Engine, outcome: &Outcome) -> String {
    drawn(&outcome.plan, &notes(outcome)) + &time_scope(engine, &outcome.plan) + &row_groups(engine, &outcome.plan)
}

fn indented(text: &str) -> String {
    text.lines().map(|it| format!("  {it}\n")).collect()
}

/// The bounds of times that scans know of, one line a table with times: `TimeGenerated in [a, b)`.
fn time_scope(engine: &Engine, plan: &Plan) -> String {
    let mut lines = Vec::new();
    for node in &plan.nodes {
        let kql::plan::Op::Scan { table: name, bounds, .. } = &node.op else { continue };
        let Some(table) = engine.table(name) else { continue };
        for (index, field) in table.schema.fields.iter().enumerate().filter(|it| it.1.ty == kql::Type::Datetime) {
            let both = |a: (i64, i64), b: (i64, i64)| (a.0.max(b.0), a.1.min(b.1));
            let bound = bounds.iter().filter(|it| it.0 == index).map(|it| (it.1, it.2)).reduce(both);
            let text = match bound {
                Some((low, high)) => format!("{name}: {} in {}", field.name, stretch(low, high)),
                None if matches!(&*field.name, "TimeGenerated" | "Timestamp") => {
                    format!("{name}: {} is not bounded", field.name)
                }
                None => continue,
            };
            lines.push(kql::formats::paint(&text).into_owned());
        }
    }
    lines.sort();
    lines.dedup();
    if lines.is_empty() { String::new() } else { format!("\nTime scope\n{}", indented(&lines.join("\n"))) }
}

/// How many row groups of Parquet files were read, one line a table that has such.
fn row_groups(engine: &Engine, plan: &Plan) -> String {
    let mut lines = Vec::new();
    for node in &plan.nodes {
        if let kql::plan::Op::Scan { table, .. } = &node.op
            && let Some((read, all)) = engine.row_groups(table)
        {
            lines.push(kql::formats::paint(&format!("{table}: {read} of {all} read")).into_owned());
        }
    }
    lines.sort();
    lines.dedup();
    if lines.is_empty() { String::new() } else { format!("\nRow groups\n{}", indented(&lines.join("\n"))) }
}

/// An inclusive stretch of ticks, its ends written as the moments outside where those are the rounder ones.
fn stretch(low: i64, high: i64) -> String {
    const SECOND: i64 = 10_000_000;
    let wire = kql::time::datetime_wire;
    let from = match low {
        ..=0 => "(-∞".to_owned(),
        low if low % SECOND == 1 => format!("({}", wire(low - 1)),
        low => format!("[{}", wire(low)),
    };
    let to = match high.checked_add(1) {
        None => "∞)".to_owned(),
        Some(after) if after % SECOND == 0 || high % SECOND != 0 => format!("{})", wire(after)),
        Some(_) => format!("{}]", wire(high)),
    };
    format!("{from}, {to}")
}

/// Rows, time and bytes of an answer in a line.
pub(crate) fn statistics(engine: &Engine, outcome: &Outcome, time: Duration) -> String {
    let rows: usize = outcome.tables.iter().map(kql::ResultTable::n_rows).sum();
    let unit = if rows == 1 { "row" } else { "rows" };
    format!("{rows} {unit} in {}, {} scanned", elapsed(time), size(scanned_bytes(engine, &outcome.plan)))
}

/// A plan as text in which nothing moves the cursor: names may come from data.
fn drawn(plan: &Plan, note: &dyn Fn(kql::plan::NodeId) -> String) -> String {
    kql::parser::explain(plan, note).lines().map(|it| kql::formats::paint(it).into_owned() + "\n").collect()
}

/// Rows and time of each node that ran.
fn notes(outcome: &Outcome) -> impl Fn(kql::plan::NodeId) -> String + '_ {
    |node| match outcome.statistics.get(node.0 as usize) {
        Some(it) if it.batches > 0 => {
            let (rows, time) = (it.rows, Duration::from_nanos(it.busy));
            format!("[{rows} {}, {}]", if rows == 1 { "row" } else { "rows" }, elapsed(time))
        }
        _ => String::new(),
    }
}

/// A time for people.
pub(crate) fn elapsed(time: Duration) -> String {
    match time.as_secs_f64() {
        it if it < 0.001 => format!("{:.0} µs", it * 1e6),
        it if it < 1.0 => format!("{:.1} ms", it * 1e3),
        it => format!("{it:.2} s"),
    }
}

/// Bytes of the tables that a plan scans, each counted once.
fn scanned_bytes(engine: &Engine, plan: &Plan) -> u64 {
    let mut seen = Vec::new();
    for node in &plan.nodes {
        if let kql::plan::Op::Scan { table, columns, .. } = &node.op {
            seen.extend(columns.iter().map(|it| (table.as_str(), *it)));
        }
    }
    seen.sort_unstable();
    seen.dedup();
    let bytes = |(name, column): &(&str, usize)| -> u64 {
        let Some(table) = engine.table(name) else { return 0 };
        let columns = table.chunks.iter().filter_map(|it| it.batch.columns.get(*column));
        columns.map(|it| it.bytes() as u64).sum()
    };
    seen.iter().map(bytes).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stretches_of_time() {
        let at = |text: &str| kql::parser::parse_datetime(text).unwrap();
        let (low, high) = (at("2026-06-08"), at("2026-06-09"));
        assert_eq!(stretch(low, high - 1), "[2026-06-08T00:00:00Z, 2026-06-09T00:00:00Z)");
        assert_eq!(stretch(low, high), "[2026-06-08T00:00:00Z, 2026-06-09T00:00:00Z]");
        assert_eq!(stretch(low + 1, i64::MAX), "(2026-06-08T00:00:00Z, ∞)");
        assert_eq!(stretch(i64::MIN, i64::MAX), "(-∞, ∞)");
    }

    #[test]
    fn the_time_that_a_query_reads() {
        let mut engine = Engine::new();
        let rows = r#"{"TimeGenerated":"2026-06-08T10:00:00Z","a":1}"#;
        _ = engine.load_bytes("T", rows.as_bytes().to_vec()).unwrap();
        let scope =
            |query: &str| plans(&engine, &engine.check(query).plan).split_once("Time scope").map(|it| it.1.to_owned());
        let text = scope(
            "T | where a > 0 | where TimeGenerated >= datetime(2026-06-08) and TimeGenerated < datetime(2026-06-09)",
        );
        assert_eq!(text.unwrap(), "\n  T: TimeGenerated in [2026-06-08T00:00:00Z, 2026-06-09T00:00:00Z)\n");
        assert_eq!(scope("T | count").unwrap(), "\n  T: TimeGenerated is not bounded\n");
        assert_eq!(scope("print 1"), None);
    }
}
