//! Parquet files of which only the row groups were loaded that a query wants answer as whole ones do.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail anywhere")]

use kql::{
    Engine, Error, Outcome, Reads,
    formats::{Format, Search, WriteOptions, write},
};
use std::io::Cursor;

/// A table of several row groups, in the order of time, as a Parquet file.
fn file() -> Vec<u8> {
    let query = "range n from 0 to 199999 step 1
        | extend TimeGenerated = datetime(2026-06-01) + n * 1s, User = strcat('u', n / 65536), N = n, D = pack('n', n % 5)
        | project-away n";
    let mut engine = Engine::new();
    engine.set_limits(kql::Limits::interactive());
    let outcome = engine.query(query).unwrap();
    let table = outcome.table().unwrap();
    let mut out = Vec::new();
    write(Format::Parquet, &table.schema, &table.batches, &WriteOptions::default(), &mut out).unwrap();
    out
}

/// What of the table a query reads; nothing of a query that does not tell.
fn reads(engine: &Engine, query: &str) -> Option<Reads> {
    engine.reads(query)?.remove("T")
}

/// An engine with what is wanted, and how many row groups were passed over.
fn engine(file: &[u8], reads: Option<&Reads>) -> (Engine, u64) {
    let mut engine = Engine::new();
    engine.set_limits(kql::Limits::interactive());
    let (columns, rows) = (reads.map(|it| it.columns.clone()), reads.map(|it| it.rows.clone()));
    let mut loader = engine.loader_for("T", columns.clone(), rows.clone());
    loader.add_file("t.parquet", Box::new(Cursor::new(file.to_vec()))).unwrap();
    let load = engine.finish_load("T", loader).unwrap();
    if let Some((columns, rows)) = columns.zip(rows) {
        engine.set_kept("T", columns);
        engine.set_kept_rows("T", rows);
    }
    (engine, load.accounting.row_groups_skipped)
}

fn shown(outcome: &Outcome) -> String {
    outcome.rows().iter().map(|it| format!("{it:?}\n")).collect()
}

#[test]
fn answers_are_those_of_whole_files() {
    let file = file();
    let (whole, _) = engine(&file, None);
    for (query, skipped) in [
        ("T | count", 0),
        ("T | where TimeGenerated < datetime(2026-06-01 01:00) | summarize count(), max(N)", 3),
        ("T | where TimeGenerated between (datetime(2026-06-02) .. 1h) | count", 3),
        ("T | where TimeGenerated == datetime(2026-06-01) | project N", 3),
        ("T | where N > 197000 | summarize sum(N), dcount(User)", 3),
        ("T | where User == 'u2' | summarize sum(N)", 3),
        ("T | where 'u2' == User and N < 140000 | summarize count() by tostring(D.n)", 3),
        ("T | where User in ('u0', 'u3') | summarize sum(N)", 2),
        ("T | where User == 'nobody' | count", 4),
        ("T | where User == 'u1' or N == 5 | count", 0),
        ("T | where User =~ 'U1' | count", 0),
        ("T | where User != 'u1' | count", 0),
        ("T | where User == '' | count", 0),
        ("T | extend User = 'u1' | where User == 'u1' | count", 0),
        ("union (T | where User == 'u0'), (T | where N > 199990) | summarize count(), sum(N)", 2),
        ("let all = T; all | where User == 'u0' | join kind=inner (all | where N == 3) on N | count", 0),
        ("T | where User == 'u1' | take 3 | count", 3),
        ("T | where N == toscalar(T | summarize max(N)) | project User", 0),
        ("T | where User == 'u1' | where TimeGenerated > datetime(2026-06-03) | count", 4),
    ] {
        let reads = reads(&whole, query).unwrap();
        let (pruned, passed_over) = engine(&file, Some(&reads));
        assert_eq!(shown(&pruned.query(query).unwrap()), shown(&whole.query(query).unwrap()), "{query}");
        assert!(passed_over <= skipped, "{query}: {passed_over}");
        assert!(
            passed_over == skipped || query.starts_with("let") || query.contains("toscalar"),
            "{query}: {passed_over}"
        );
    }
}

#[test]
fn rows_that_were_not_loaded_are_told() {
    let file = file();
    let (whole, _) = engine(&file, None);
    let announced = reads(&whole, "T | where N < 10 | project N").unwrap();
    let (pruned, _) = engine(&file, Some(&announced));
    assert!(pruned.query("T | where N between (3 .. 5) | count").is_ok());
    let error = pruned.query("T | project N").unwrap_err();
    assert!(matches!(&error, Error::Run(_)) && error.to_string().contains("rows of `T` were not loaded"), "{error}");
}

#[test]
fn columns_are_known_though_no_row_is_wanted() {
    let mut engine = Engine::new();
    let mut loader = engine.loader_for("T", None, Some(Search::default()));
    loader.add_file("t.parquet", Box::new(Cursor::new(file()))).unwrap();
    assert!(loader.latest().is_some());
    _ = engine.finish_load("T", loader).unwrap();
    let types = engine.query("T | getschema | project strcat(ColumnName, ':', ColumnType)").unwrap();
    assert_eq!(types.rows().len(), 4);
    assert_eq!(engine.table("T").unwrap().n_rows(), 0);
}
