//! Each bound of a query is reached by its name, and a query may lower bounds but not raise them.
#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used, reason = "a test may fail anywhere")]
#![allow(clippy::indexing_slicing, clippy::string_slice, reason = "a test may fail anywhere")]

use kql::{Batch, Column, Engine, Error, External, Fault, Limits, Schema};
use std::{sync::Arc, time::Duration};

fn answer(limits: Limits, query: &str) -> Result<usize, Error> {
    let mut engine = Engine::new();
    engine.set_limits(limits);
    engine.query(query).map(|it| it.rows().len())
}

/// The name of the limit that a query runs into.
fn reached(limits: Limits, query: &str) -> String {
    match answer(limits, query) {
        Err(Error::Run(Fault::Limit { name, .. })) => name.to_owned(),
        Err(Error::Stopped(Fault::Timeout)) => "time".to_owned(),
        Err(Error::Query(found)) => {
            let message = found[0].message.clone();
            message.split('`').nth(1).unwrap_or(&message).to_owned()
        }
        other => format!("{other:?}"),
    }
}

#[test]
fn limits_are_named_when_they_are_reached() {
    let small = || Limits {
        query_bytes: 2_000,
        chain_length: 10,
        plan_nodes: 20,
        plan_exprs: 60,
        columns: 10,
        plan_columns: 100,
        memory: 1 << 20,
        result_rows: 100,
        result_bytes: 2_000,
        array_elements: 50,
        string_bytes: 500,
        pattern_bytes: 20,
        regex_bytes: 2_000,
        ..Limits::default()
    };
    assert_eq!(answer(small(), "range x from 1 to 100 step 1"), Ok(100));
    let chain = format!("print {}", ["x"; 12].join(" + ").replace('x', "rand()"));
    let stages = format!("print x = 1{}", " | extend x = x + 1 | take 5".repeat(15));
    let columns =
        format!("print {}", (0..9).map(|it| format!("strcat(rand(), {it}, {it})")).collect::<Vec<_>>().join(", "));
    let renamed = format!(
        "print {}{}",
        "a, ".repeat(14).replace('a', "1") + "x = 1",
        " | project-rename y = x | project-rename x = y".repeat(4)
    );
    for (name, query) in [
        ("query_bytes", format!("print 1{}", " ".repeat(2_000)).as_str()),
        ("chain_length", &chain),
        ("chain_length", &chain.replace(" + ", " > 0 or ")),
        ("plan_nodes", &stages),
        ("plan_exprs", &format!("{columns} | extend {}", &columns[6..].replace("rand()", "now() - 1d"))),
        ("columns", "range x from 1 to 20 step 1 | extend c = strcat('c', x) | evaluate pivot(c)"),
        ("columns", "range x from 1 to 20 step 1 | extend b = bag_pack(strcat('c', x), x) | evaluate bag_unpack(b)"),
        ("columns", "let t = print a = 1, b = 2, c = 3, d = 4, e = 5, f = 6; t | join kind=inner t on a"),
        ("plan_columns", &renamed),
        ("memory", "range x from 1 to 1000000 step 1 | summarize count() by x"),
        ("result_rows", "range x from 1 to 101 step 1"),
        ("result_bytes", "range x from 1 to 10 step 1 | extend s = strrep('abc', 100)"),
        ("array_elements", "print array_length(array_concat(range(1, 40), range(1, 40)))"),
        ("string_bytes", "print strlen(strrep('a', 501))"),
        ("pattern_bytes", "print a = 'x' | where a matches regex 'aaaaaaaaaaaaaaaaaaaaa' | project a"),
    ] {
        assert_eq!(reached(small(), query), name, "{query}");
    }
    // By itself, so that a busy machine does not run out of time where another limit is meant.
    let late = Limits { time: Some(Duration::from_millis(100)), ..small() };
    assert_eq!(reached(late, "range x from 1 to 60000000000 step 1 | where x < 0 | count"), "time");
    assert!(reached(Limits { depth: 5, ..Limits::default() }, "print ((((((1))))))").contains("deeper than 5"));
    let deep = "print dynamic([[[[[[1]]]]]])";
    assert!(reached(Limits { json_depth: 5, ..Limits::default() }, deep).contains("deeper than 5"));
}

#[test]
fn a_query_may_lower_its_limits_and_not_raise_them() {
    let rows = "range x from 1 to 50 step 1";
    let with = |set: &str, query: &str, limits: Limits| reached(limits, &format!("set {set}; {query}"));
    assert_eq!(with("truncationmaxrecords = 49", rows, Limits::default()), "result_rows");
    assert_eq!(with("truncationmaxsize = 100", rows, Limits::default()), "result_bytes");
    let many = "range x from 1 to 1000000 step 1 | summarize count() by x | count";
    assert_eq!(with("maxmemoryconsumptionperiterator = 100000", many, Limits::default()), "memory");
    let long = "range x from 1 to 60000000000 step 1 | where x < 0 | count";
    assert_eq!(with("servertimeout = 50ms", long, Limits::default()), "time");
    let few = || Limits { result_rows: 10, ..Limits::default() };
    assert_eq!(with("truncationmaxrecords = 1000", rows, few()), "result_rows");
    assert_eq!(with("notruncation", rows, few()), "result_rows");
    assert_eq!(answer(Limits::default(), &format!("set truncationmaxrecords = 50; {rows}")), Ok(50));
    let error = answer(few(), rows).unwrap_err();
    assert_eq!(error.code(), "E_QUERY_RESULT_SET_TOO_LARGE");
}

/// A megabyte of zeros is a few hundred bytes of gzip.
#[test]
fn compressed_input_may_not_explode() {
    use std::io::Write;
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    for _ in 0..4_000 {
        packed.write_all(format!("{{\"a\":\"{}\"}}\n", "0".repeat(1_000)).as_bytes()).unwrap();
    }
    let packed = packed.finish().unwrap();
    let load = |limits: Limits| {
        let mut engine = Engine::new();
        engine.set_limits(limits);
        engine.load_bytes("T", packed.clone()).map(|it| it.accounting.rows)
    };
    assert_eq!(load(Limits::default()), Ok(4_000));
    let error = |limits| load(limits).unwrap_err().to_string();
    assert!(error(Limits { decompressed_bytes: 1 << 20, ..Limits::default() }).contains("`decompressed_bytes`"));
    assert!(error(Limits { decompressed_ratio: 200, ..Limits::default() }).contains("`decompressed_ratio`"));
    assert!(error(Limits::untrusted()).contains("`decompressed_ratio`"), "{}", error(Limits::untrusted()));
}

#[test]
fn a_person_at_a_terminal_gets_all_rows() {
    let limits = Limits::interactive();
    assert_eq!((limits.time, limits.result_rows, limits.result_bytes), (None, usize::MAX, usize::MAX));
    assert_eq!(
        Limits { time: Some(Duration::from_secs(240)), result_rows: 500_000, result_bytes: 64 << 20, ..limits },
        Limits::default()
    );
}

/// Some megabytes of rows, whatever is asked for.
struct Many;

impl External for Many {
    fn read(&self, _: &str, _: &Schema, _: &[(String, String)], limits: &Limits) -> Result<Vec<Batch>, String> {
        assert!(limits.memory <= 1 << 20, "the reader is told what is left");
        Ok(vec![Batch::new(vec![Column::longs(vec![1; 500_000])], 500_000)])
    }
}

#[test]
fn rows_of_external_data_are_counted() {
    let mut engine = Engine::new();
    engine.set_external(Arc::new(Many));
    engine.set_limits(Limits { memory: 1 << 20, ..Limits::default() });
    match engine.query("externaldata(n:long)['https://example.com/n.csv'] | count") {
        Err(Error::Query(found)) => {
            assert!(found[0].message.contains("`externaldata` reached the limit `memory`"), "{}", found[0].message);
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_parse_remembers_is_counted() {
    use std::fmt::Write;
    let mut engine = Engine::new();
    let mut rows = String::new();
    for n in 0..40_000 {
        writeln!(rows, "{{\"s\":\"user={} host={:0>90}\"}}", n % 10_000, n % 10_000).unwrap();
    }
    engine.load_bytes("T", rows).unwrap();
    // As many rows as texts: then each text is parsed once. What each of two operators remembers is there at once.
    engine.set_batch_rows(Some(10_000));
    let parse = "T | parse s with 'user=' a:long ' host=' x | parse s with * 'host=' y | where a < 0 | count";
    // On one thread: how many batches several hold at once hangs on when they come.
    engine.set_limits(Limits { memory: 4 << 20, threads: 1, ..Limits::default() });
    assert_eq!(engine.query(parse).unwrap().rows().len(), 1);
    engine.set_limits(Limits { memory: 1_600_000, threads: 1, ..Limits::default() });
    let error = engine.query(parse).unwrap_err().to_string();
    assert!(error.contains("`parse` reached the limit `memory`"), "{error}");
}

#[test]
fn an_operator_behind_another_costs_its_own_columns_only() {
    // Each of these adds a column to a table that nothing but the next reads.
    let stage = |n: usize| match n % 3 {
        0 => format!(" | extend c{n} = x + {n}"),
        1 => format!(" | extend c{n} = c{} * 2", n - 1),
        _ => format!(" | extend x = x + 1, c{n} = strcat(x, c{})", n - 1),
    };
    let query = format!("print x = 1{}", (0..1_500).map(stage).collect::<String>());
    let limits = Limits { plan_columns: 15_000, plan_exprs: 30_000, ..Limits::default() };
    let mut engine = Engine::new();
    engine.set_limits(limits.clone());
    assert_eq!(engine.check(query.as_str()).diagnostics, []);
    let last = engine.query(format!("{query} | project x, c0, c1, c2, c1497, c1498, c1499").as_str()).unwrap().rows();
    let texts: Vec<String> = last[0].iter().map(|it| it.text()).collect();
    // x grows by one behind every third stage: 1 + 0 at the first, 1 + 499 at the last.
    assert_eq!(texts, ["501", "1", "2", "12", "1997", "3994", "5003994"]);
    // One that others read too is left as it is.
    let shared = "let T = print x = 1 | extend y = x + 1; union (T | extend z = y * 2), (T | extend y = 10), T";
    let serialized = "let T = print x = 1 | extend y = x + 1; union (T | serialize | extend z = y * 2), (T | serialize | extend z = 3)";
    assert_eq!(engine.query(&*format!("{serialized} | summarize make_list(z)")).unwrap().rows()[0][0].text(), "[4,3]");
    assert_eq!(engine.query(shared).unwrap().rows().len(), 3);
    assert_eq!(engine.query(format!("{shared} | summarize sum(y), sum(z)").as_str()).unwrap().rows()[0].len(), 2);
}
