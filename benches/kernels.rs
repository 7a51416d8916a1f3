//! Kernels one by one, over tables of 200,000 rows in memory: what a change to one of them costs or gains.
//!
//! `cargo bench --bench kernels`, with a part of a name for some of them: `cargo bench --bench kernels -- join`. Each query is
//! bound anew, which takes some ten microseconds; `bind` tells how many. One thread, so that other work counts less.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a bench may fail anywhere")]

use divan::{Bencher, counter::ItemsCount};
use kql::{
    Engine, Limits,
    formats::{Format, LoadOptions, WriteOptions, load_bytes, write},
    parser::{ParseOptions, parse},
};
use std::sync::LazyLock;

fn main() {
    divan::main();
}

const ROWS: usize = 200_000;

/// Logins: few users and fewer results by dictionary, an id that is never the same, long texts, a dynamic.
const TABLE: &str = "range n from 0 to 199999 step 1
    | extend h = hash(n, 1000003)
    | project TimeGenerated = datetime(2026-06-01) + n * 1s, User = strcat('user', h % 5000, '@example.com'),
        Result = case(h % 10 == 0, 'failure', h % 10 == 1, 'locked', 'success'), Id = strcat('id-', h, '-', n), N = h % 1000, R = h / 7.0,
        Text = strcat('GET /path/', h, '?token=', n, ' HTTP/1.1 agent curl/', h % 9, ' referrer https://example.org/', h),
        Details = bag_pack('ip', strcat('10.0.', h % 256, '.', n % 256), 'port', h % 65536, 'tags', pack_array('a', h % 3))";

fn limits() -> Limits {
    Limits { threads: 1, ..Limits::interactive() }
}

/// The table as it is loaded from lines of JSON, and those lines.
static LOGINS: LazyLock<(Engine, Vec<u8>)> = LazyLock::new(|| {
    let mut engine = Engine::new();
    engine.set_limits(limits());
    let outcome = engine.query(TABLE).unwrap();
    let (table, mut lines) = (outcome.table().unwrap(), Vec::new());
    write(Format::Ndjson, &table.schema, &table.batches, &WriteOptions::default(), &mut lines).unwrap();
    _ = engine.load_bytes("T", lines.clone()).unwrap();
    (engine, lines)
});

fn run(bencher: Bencher<'_, '_>, query: &str) {
    let engine = &LOGINS.0;
    bencher.counter(ItemsCount::new(ROWS)).bench(|| engine.query(query).unwrap());
}

/// `has`, `contains` and equality on a dictionary and on plain strings.
#[divan::bench(args = [
    "User has 'user77'", "User contains 'er77'", "User == 'user77@example.com'", "User in ('user77@example.com', 'user78@example.com')",
    "Id has '77'", "Id contains '-777'", "Id == 'id-77-77'", "Text has 'curl'", "Text contains 'TOKEN=77'", "Text contains_cs 'token=77'",
    "Text matches regex @'agent curl/[3-5]'", "tostring(Details.ip) startswith '10.0.7.'", "TimeGenerated > datetime(2026-06-03)", "N between (10 .. 20)",
])]
fn filter(bencher: Bencher<'_, '_>, predicate: &str) {
    run(bencher, &format!("T | where {predicate} | count"));
}

/// Groups by kinds of keys, and aggregates over one kind.
#[divan::bench(args = [
    "count() by Result", "count() by User", "count() by User, Result", "count() by Id", "count() by N", "count() by N, Result",
    "count() by bin(TimeGenerated, 1h)", "count() by tostring(Details.ip)", "sum(R), avg(N), max(TimeGenerated)", "dcount(User)", "dcount(Id)",
    "make_set(Result) by User", "arg_max(TimeGenerated, *) by User", "percentile(R, 95) by Result", "countif(Result == 'failure') by User",
])]
fn summarize(bencher: Bencher<'_, '_>, aggregates: &str) {
    run(bencher, &format!("T | summarize {aggregates}"));
}

/// Whole sorts, and the beginning of one.
#[divan::bench(args = [
    "sort by N asc", "sort by R desc", "sort by User asc, TimeGenerated desc", "sort by Id asc", "top 20 by R desc", "top 20 by User asc",
])]
fn order(bencher: Bencher<'_, '_>, operator: &str) {
    run(bencher, &format!("T | project TimeGenerated, User, Id, N, R | {operator} | count"));
}

/// Kinds of joins with the failures.
#[divan::bench(args = ["inner", "innerunique", "leftouter", "leftsemi", "leftanti", "fullouter"])]
fn join(bencher: Bencher<'_, '_>, kind: &str) {
    let right = "T | where Result == 'failure' | summarize Failures = count() by User";
    run(bencher, &format!("T | join kind={kind} ({right}) on User | count"));
}

/// A time between two rows of one user.
#[divan::bench]
fn join_window(bencher: Bencher<'_, '_>) {
    let query = "T | where Result == 'failure' | project User, Failed = TimeGenerated
        | join kind=inner (T | where Result == 'locked' | project User, Locked = TimeGenerated) on User
        | where Locked between (Failed .. Failed + 1h) | count";
    run(bencher, query);
}

/// Functions over rows.
#[divan::bench(args = [
    "x = extract(@'token=(\\d+)', 1, Text)", "x = parse_json(strcat('{\"a\":', N, '}')).a", "x = split(User, '@')[0]", "x = tolower(User)",
    "x = strcat(User, Id)", "x = Details.tags[1]", "x = replace_string(Text, 'curl', 'wget')", "x = format_datetime(TimeGenerated, 'yyyy-MM-dd')",
])]
fn extend(bencher: Bencher<'_, '_>, assignment: &str) {
    run(bencher, &format!("T | extend {assignment} | summarize count() by isnull(x)"));
}

/// A rule's text: taken apart, and bound over a table.
#[divan::bench(args = ["parse", "bind"])]
fn rule(bencher: Bencher<'_, '_>, what: &str) {
    const RULE: &str = include_str!("../queries/openai_scim_configuration_change.yaml");
    let contents = kql_rules::read("rule.yaml", RULE.as_bytes());
    let query = contents.rules.first().unwrap().query.text.clone();
    let engine = Engine::with_builtin_schemas();
    match what {
        "parse" => bencher.bench(|| parse(&query, &ParseOptions::default())),
        _ => bencher.bench(|| engine.check(query.as_str())),
    }
}

/// The table from lines of JSON, and from Parquet: whole, two columns of it, a row group of it.
#[divan::bench(args = ["ndjson", "parquet", "parquet, two columns", "parquet, one row group", "write parquet"], sample_count = 10)]
fn load(bencher: Bencher<'_, '_>, what: &str) {
    let (engine, lines) = &*LOGINS;
    let table = engine.table("T").unwrap().clone();
    let batches: Vec<_> = table.chunks.iter().map(|it| it.batch.clone()).collect();
    let written = || {
        let mut out = Vec::new();
        write(Format::Parquet, &table.schema, &batches, &WriteOptions::default(), &mut out).unwrap();
        out
    };
    let bencher = bencher.counter(ItemsCount::new(ROWS));
    let reads = |query: &str| engine.reads(query).unwrap().remove("T").unwrap();
    let options = match what {
        "write parquet" => return bencher.bench(written),
        "parquet, two columns" => {
            let reads = reads("T | summarize max(TimeGenerated) by User");
            LoadOptions { columns: Some(reads.columns), ..LoadOptions::default() }
        }
        "parquet, one row group" => {
            let reads = reads("T | where TimeGenerated < datetime(2026-06-01 01:00)");
            LoadOptions { search: Some(reads.rows), ..LoadOptions::default() }
        }
        _ => LoadOptions::default(),
    };
    let options = LoadOptions { limits: limits(), ..options };
    let bytes = if what == "ndjson" { lines.clone() } else { written() };
    bencher
        .with_inputs(|| (bytes.clone(), options.clone()))
        .bench_values(|(bytes, options)| load_bytes("T", bytes, options).unwrap());
}
