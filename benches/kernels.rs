//! Kernels one by one, over tables of 200,000 rows in memory: what a change to one of them costs or gains.
//!
//! `cargo bench --bench kernels`, with a part of a name for some of them: `cargo bench --bench kernels -- join`. Each query is
//! bound anew, which takes some ten microseconds; `bind` tells how many. One thread, so that other work counts less.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a bench may fail anywhere")]

use divan::{Bencher, counter::ItemsCount};
use kql::{
    Engine, Limits, Schema, Type,
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

/// Texts that hold other things: JSON, moments, addresses, numbers. None is like another.
const TEXTS: &str = "T | project Id, Stamp = tostring(TimeGenerated), Number = tostring(R), Address = tostring(Details.ip),
        Payload = tostring(bag_pack('kind', Result, 'code', N, 'user', bag_pack('name', User, 'tags', pack_array(1, Id))))";

fn limits() -> Limits {
    Limits { threads: 1, ..Limits::interactive() }
}

/// The table as it is loaded from lines of JSON, and those lines.
static LOGINS: LazyLock<(Engine, Vec<u8>)> = LazyLock::new(|| {
    let mut engine = Engine::new();
    engine.set_limits(limits());
    let lines = lines_of(&engine, TABLE);
    _ = engine.load_bytes("T", lines.clone()).unwrap();
    let columns = ["Id", "Stamp", "Number", "Address", "Payload"].map(|it| (it, Type::String));
    let options = LoadOptions { schema: Some(Schema::of(&columns)), limits: limits(), ..LoadOptions::default() };
    let texts = load_bytes("X", lines_of(&engine, TEXTS), options).unwrap();
    engine.add_table("X", texts.table);
    (engine, lines)
});

fn lines_of(engine: &Engine, query: &str) -> Vec<u8> {
    let outcome = engine.query(query).unwrap();
    let (table, mut lines) = (outcome.table().unwrap(), Vec::new());
    write(Format::Ndjson, &table.schema, &table.batches, &WriteOptions::default(), &mut lines).unwrap();
    lines
}

fn run(bencher: Bencher<'_, '_>, query: &str) {
    let engine = &LOGINS.0;
    bencher.counter(ItemsCount::new(ROWS)).bench(|| engine.query(query).unwrap());
}

/// `has`, `contains` and equality on a dictionary and on plain strings.
#[divan::bench(args = [
    "User has 'user77'", "User contains 'er77'", "User == 'user77@example.com'", "User in ('user77@example.com', 'user78@example.com')",
    "Id has '77'", "Id contains '-777'", "Id == 'id-77-77'", "Text has 'curl'", "Text contains 'TOKEN=77'", "Text contains_cs 'token=77'",
    "Text has_any ('curl/7', 'nobody', 'user77')", "User has_any ('user77', 'user78')", "Text matches regex @'agent curl/[3-5]'",
    "tostring(Details.ip) startswith '10.0.7.'", "TimeGenerated > datetime(2026-06-03)", "N between (10 .. 20)",
])]
fn filter(bencher: Bencher<'_, '_>, predicate: &str) {
    run(bencher, &format!("T | where {predicate} | count"));
}

/// Groups by kinds of keys, and aggregates over one kind.
#[divan::bench(args = [
    "count() by Result", "count() by User", "count() by User, Result", "count() by Id", "count() by N", "count() by N, Result",
    "count() by bin(TimeGenerated, 1h)", "count() by tostring(Details.ip)", "sum(R), avg(N), max(TimeGenerated)", "dcount(User)", "dcount(Id)",
    "count_distinct(Id)", "dcount(Id) by Result", "make_set(Id) by User", "make_list(Id), make_list(TimeGenerated) by User",
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

/// Keys that are never the same, as texts and as numbers, in the order of the other side and in another.
#[divan::bench(args = ["inner, Id", "leftanti, Id", "inner, Id, in another order", "inner, At, in another order"])]
fn join_unique(bencher: Bencher<'_, '_>, what: &str) {
    let mut words = what.split(", ");
    let (kind, key) = (words.next().unwrap(), words.next().unwrap());
    let sorted = words.next().map_or("", |_| "| sort by h asc");
    let right = format!("T | project Id, At = tolong(TimeGenerated), h = hash(Id) {sorted} | where h > 0");
    run(bencher, &format!("T | project Id, At = tolong(TimeGenerated) | join kind={kind} ({right}) on {key} | count"));
}

/// A row for each value of an array.
#[divan::bench(args = ["mv-expand t = Details.tags | count", "mv-expand t = Details.tags to typeof(string) | summarize count() by t"])]
fn expand(bencher: Bencher<'_, '_>, operators: &str) {
    run(bencher, &format!("T | {operators}"));
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

/// Functions that take apart what hardly repeats, and what a dictionary holds.
#[divan::bench(args = [
    "X | extend x = todatetime(Stamp)", "X | extend x = todouble(Number)", "X | extend x = parse_json(Payload).code",
    "X | extend x = parse_json(Payload).user.tags[1]", "X | extend x = parse_ipv4(Address)", "X | extend x = extract(@'-(\\d+)$', 1, Id)",
    "T | extend x = extract(@'^user(\\d+)', 1, User)", "X | parse Id with 'id-' x:long '-' *",
])]
fn texts(bencher: Bencher<'_, '_>, query: &str) {
    run(bencher, &format!("{query} | summarize count() by isnull(x)"));
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

/// The table from lines of JSON, and from Parquet: whole, two columns of it, an hour of it, which is a row group.
#[divan::bench(args = [
    "ndjson", "ndjson, two columns", "ndjson, an hour", "ndjson, the careful reader", "parquet", "parquet, two columns",
    "parquet, one row group", "write parquet",
], sample_count = 10)]
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
        "parquet, two columns" | "ndjson, two columns" => {
            let reads = reads("T | summarize max(TimeGenerated) by User");
            LoadOptions { columns: Some(reads.columns), ..LoadOptions::default() }
        }
        "parquet, one row group" | "ndjson, an hour" => {
            let reads = reads("T | where TimeGenerated < datetime(2026-06-01 01:00)");
            LoadOptions { search: Some(reads.rows), ..LoadOptions::default() }
        }
        "ndjson, the careful reader" => LoadOptions { careful: true, ..LoadOptions::default() },
        _ => LoadOptions::default(),
    };
    let options = LoadOptions { limits: limits(), ..options };
    let bytes = if what.starts_with("ndjson") { lines.clone() } else { written() };
    bencher
        .with_inputs(|| (bytes.clone(), options.clone()))
        .bench_values(|(bytes, options)| load_bytes("T", bytes, options).unwrap());
}
