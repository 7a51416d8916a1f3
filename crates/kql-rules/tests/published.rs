//! Every published analytics rule is read and runs on empty tables, where the collection of rules is beside this checkout
//! (or where `KQL_SHARED` says): nothing crashes, and every byte of a query is found again in its file.
#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used, reason = "a test may fail anywhere")]
#![allow(clippy::print_stdout, clippy::indexing_slicing, reason = "a test may fail anywhere")]

use kql::{Engine, Error, Schema, StoredFunction, Type, parser::parse_datetime};
use kql_rules::{
    Kind, Rule, read,
    run::{self, History, Options},
};
use serde_json::Value as Json;
use std::{collections::BTreeMap, path::PathBuf};

fn shared(file: &str) -> Option<String> {
    let beside = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared");
    let directory = std::env::var_os("KQL_SHARED").map_or_else(beside, PathBuf::from);
    std::fs::read_to_string(directory.join("corpus").join(file)).ok()
}

/// A rule as its file would have it: fields, then the query as a block.
fn yaml(rule: &Json) -> String {
    let mut out = String::new();
    for (key, value) in rule["meta"].as_object().into_iter().flatten() {
        out.push_str(&format!("{key}: {value}\n"));
    }
    out.push_str("query: |2\n");
    for line in rule["query"].as_str().unwrap().lines() {
        out.push_str(&if line.is_empty() { "\n".to_owned() } else { format!("  {line}\n") });
    }
    out
}

fn engine() -> Option<Engine> {
    let schema: Json = serde_json::from_str(&shared("schema.json")?).unwrap();
    let mut engine = Engine::new();
    for (name, columns) in schema["tables"].as_object().unwrap() {
        let column = |(name, ty): (&String, &Json)| {
            kql::Field::new(name.as_str(), Type::from_name(ty.as_str().unwrap()).unwrap())
        };
        let fields = columns.as_object().unwrap().iter().map(column).collect();
        engine.add_known_table(name.as_str(), Schema::new(fields));
    }
    for (name, it) in schema["functions"].as_object().unwrap() {
        let text = |key: &str| it[key].as_str().unwrap().to_owned();
        engine.add_function(name.as_str(), StoredFunction { parameters: text("params"), body: text("body") });
    }
    Some(engine)
}

fn places_hold(rule: &Rule, id: &str) {
    let query = &rule.query;
    for (offset, c) in query.text.char_indices().filter(|it| !it.1.is_whitespace()) {
        let byte = query.map.byte(offset);
        assert!(query.source.text.get(byte..).is_some_and(|it| it.starts_with(c)), "{id}: byte {offset}");
    }
}

#[test]
fn published_rules_run_on_empty_tables() {
    let (Some(rules), Some(engine)) = (shared("rules.jsonl"), engine()) else {
        println!("skipped: there is no collection of rules beside this checkout");
        return;
    };
    let history = History::new(engine, "ws").unwrap();
    let now = parse_datetime("2026-06-08T12:00:00Z").unwrap();
    let (mut n_rules, mut n_ran, mut n_fired, mut failures) = (0, 0, 0, BTreeMap::<String, usize>::new());
    for line in rules.lines() {
        let json: Json = serde_json::from_str(line).unwrap();
        if json["kind"] != "analytic" || json["must_reject"] == true {
            continue;
        }
        n_rules += 1;
        let id = json["id"].as_str().unwrap();
        let mut contents = read("rule.yaml", yaml(&json).as_bytes());
        let rule = contents.rules.pop().unwrap_or_else(|| panic!("{id}: {:?}", contents.notes));
        assert!(contents.notes.is_empty(), "{id}: {:?}", contents.notes);
        assert_eq!(
            rule.query.text.trim_end(),
            json["query"].as_str().unwrap().replace("\r\n", "\n").trim_end(),
            "{id}"
        );
        places_hold(&rule, id);
        if json["meta"].get("queryFrequency").is_some() {
            assert_eq!(rule.kind, Kind::Scheduled, "{id}");
            assert!(rule.query_frequency.is_some() && rule.query_period.is_some(), "{id}: {:?}", rule.notes);
        }
        let it = run::run(&history, &rule, now, &Options::default());
        match &it.outcome {
            Ok(_) => {
                n_ran += 1;
                n_fired += usize::from(it.fired());
            }
            Err(Error::Bug(what)) => panic!("{id}: {what}"),
            Err(error) => {
                let text: String = error.to_string().chars().take(90).collect();
                *failures.entry(format!("{} {text}", error.code())).or_default() += 1;
            }
        }
    }
    println!("{n_rules} rules, {n_ran} ran, {n_fired} fired without a row");
    for (failure, n) in &failures {
        println!("  {n} {failure}");
    }
    // Those that fail name a table, function or watchlist of their own workspace, a URL without a copy, or columns that only
    // rows would tell (`bag_unpack`).
    let is_known = |it: &String| ["KQL0005", "SEM0100", "SEM0260"].iter().any(|code| it.starts_with(code));
    assert!(failures.keys().all(is_known), "{failures:?}");
    assert!(n_ran * 100 >= n_rules * 65, "{n_ran} of {n_rules}: {failures:?}");
}
