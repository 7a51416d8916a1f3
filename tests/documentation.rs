//! Every example in the documentation of functions and aggregates is true.
#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used, reason = "a test may fail anywhere")]

use kql::{
    Engine, Now, Outcome,
    functions::{all_aggregates, all_functions},
};

fn engine() -> Engine {
    let mut engine = Engine::new();
    engine.set_now(Now::At(kql::parser::parse_datetime("2024-06-01T12:00:00Z").unwrap()));
    engine
}

/// The only cell of an answer, as JSON.
fn only_cell(outcome: &Outcome, column: usize) -> Result<String, String> {
    let table = outcome.table().ok_or("no table")?;
    let row = match table.rows().collect::<Vec<_>>().as_slice() {
        [row] => row.clone(),
        rows => return Err(format!("{} rows", rows.len())),
    };
    let (value, field) = (row.get(column).ok_or("no column")?, &table.schema.fields[column]);
    let mut out = String::new();
    kql::formats::write_cell(value, field.ty, &mut out);
    Ok(out)
}

fn cell(engine: &Engine, query: &str) -> Result<String, String> {
    let outcome = engine.query(query).map_err(|it| format!("{}: {it}", it.code()))?;
    only_cell(&outcome, 0)
}

/// Why an example is not true.
fn refute(engine: &Engine, left: &str, right: &str, query: impl Fn(&str) -> String) -> Option<String> {
    let got = cell(engine, &query(left));
    if right == "error" {
        return got.ok().map(|it| format!("gives {it}, not an error"));
    }
    match (got, cell(engine, &format!("print {right}"))) {
        (Ok(got), Ok(expected)) if got == expected => None,
        (Ok(got), Ok(expected)) => Some(format!("gives {got}, not {expected}")),
        (Err(why), _) => Some(format!("fails: {why}")),
        (_, Err(why)) => Some(format!("its value fails: {why}")),
    }
}

fn check(name: &str, n_examples: usize, failures: &[String]) {
    assert!(n_examples > 0, "no examples of {name}");
    assert!(failures.is_empty(), "{} of {n_examples} fail:\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn examples_of_functions() {
    let engine = engine();
    let (mut n, mut failures) = (0, Vec::new());
    for function in all_functions() {
        for (call, value) in function.examples() {
            n += 1;
            let query = |it: &str| match function.window {
                true => format!("range row from 1 to 1 step 1 | extend it = {it} | project it"),
                false => format!("print {it}"),
            };
            if let Some(why) = refute(&engine, call, value, query) {
                failures.push(format!("{}: {call} => {value}\n    {why}", function.name));
            }
        }
    }
    check("functions", n, &failures);
}

#[test]
fn examples_of_aggregates() {
    let engine = engine();
    let (mut n, mut failures) = (0, Vec::new());
    for aggregate in all_aggregates() {
        for (query, value) in aggregate.examples() {
            n += 1;
            if let Some(why) = refute(&engine, query, value, str::to_owned) {
                failures.push(format!("{}: {query} => {value}\n    {why}", aggregate.name));
            }
        }
    }
    check("aggregates", n, &failures);
}
