//! Every example of every function, aggregate and operator is true.

use kql::{
    Engine, Error, Value,
    formats::{Format, WriteOptions, write},
    functions,
    parser::operators,
};

/// The last cell of an answer of one row: its type and text. A scalar inside a dynamic counts as that scalar.
fn cell(engine: &mut Engine, query: &str) -> Result<String, String> {
    let outcome = engine.query(query).map_err(|it: Error| it.to_string())?;
    let rows = outcome.rows();
    let [row] = rows.as_slice() else { return Err(format!("{} rows", rows.len())) };
    let last = row.last().ok_or("no column")?;
    Ok(match last.to_dynamic().to_value() {
        Value::Null => "null".to_owned(),
        Value::Dynamic(it) => format!("dynamic {}", it.json()),
        other => format!("{} {}", other.ty().map_or("", kql::Type::name), other.text()),
    })
}

/// What is wrong with an example, if anything.
fn check(engine: &mut Engine, query: &str, value: &str) -> Option<String> {
    let found = cell(engine, query);
    if value == "error" {
        return found.ok().map(|it| format!("{query} is no error but {it}"));
    }
    let expected = match cell(engine, &format!("print v = {value}")) {
        Ok(it) => it,
        Err(why) => return Some(format!("{query}: the value {value} is wrong: {why}")),
    };
    match found {
        Ok(it) if it == expected => None,
        Ok(it) => Some(format!("{query} is {it}, not {expected}")),
        Err(why) => Some(format!("{query}: {why}")),
    }
}

fn report(wrong: &[String], n_examples: usize) {
    assert!(wrong.is_empty(), "{} of {n_examples} examples are wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn functions_do_what_their_examples_say() {
    let mut engine = Engine::new();
    let (mut wrong, mut n_examples) = (Vec::new(), 0);
    for function in functions::all_functions() {
        for (call, value) in function.examples() {
            n_examples += 1;
            // What reads other rows needs rows in order.
            let gives_columns = |it: &functions::Overload| matches!(it.returns, functions::Returns::Columns(_));
            let is_alone = call.starts_with(&format!("{}(", function.name)) && call.ends_with(')');
            let query = if function.window {
                format!("print x = 0 | serialize v = {call}")
            } else if is_alone && function.overloads.iter().any(gives_columns) {
                // Of several columns an example shows the values in order.
                format!("print {call} | project v = pack_array(*)")
            } else {
                format!("print v = {call}")
            };
            wrong.extend(check(&mut engine, &query, value));
        }
    }
    report(&wrong, n_examples);
    assert!(n_examples > 300, "{n_examples}");
}

#[test]
fn aggregates_do_what_their_examples_say() {
    let mut engine = Engine::new();
    let (mut wrong, mut n_examples) = (Vec::new(), 0);
    for aggregate in functions::all_aggregates() {
        for (query, value) in aggregate.examples() {
            n_examples += 1;
            wrong.extend(check(&mut engine, query, value));
        }
    }
    report(&wrong, n_examples);
    assert!(n_examples > 60, "{n_examples}");
}

#[test]
fn operators_do_what_their_examples_say() {
    let engine = Engine::new();
    let mut wrong = Vec::new();
    for operator in operators() {
        let found: Vec<String> = match engine.query(operator.query) {
            Ok(outcome) => {
                let mut out = Vec::new();
                for it in &outcome.tables {
                    write(Format::Ndjson, &it.schema, &it.batches, &WriteOptions::default(), &mut out).unwrap();
                }
                String::from_utf8(out).unwrap().lines().map(str::to_owned).collect()
            }
            Err(why) => vec![format!("error: {why}")],
        };
        let good = match operator.rows {
            [only] if only.starts_with("error: ") => {
                let part = only.trim_start_matches("error: ");
                matches!(found.as_slice(), [it] if it.starts_with("error: ") && it.contains(part))
            }
            rows => rows == found,
        };
        if !good {
            wrong.push(format!(
                "{}: {}\n  says  {:?}\n  gives {found:?}",
                operator.name(),
                operator.query,
                operator.rows
            ));
        }
    }
    report(&wrong, operators().len());
}
