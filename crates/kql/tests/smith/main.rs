//! Random queries over random tables: settings do not change an answer, the rows for which a predicate is true, false and
//! null are all rows, and whatever the text or the bytes, nothing panics. `KQL_SMITH=N` sets the number of rounds, and
//! `KQL_SMITH_SEED=N` the first seed.
#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used, reason = "a test may fail anywhere")]
#![allow(clippy::indexing_slicing, reason = "a test may fail anywhere")]

mod choices;
mod query;

use choices::Choices;
use kql::{Engine, Error, Limits, Now, Outcome, Type, Value};
use query::{Writer, tables};
use std::time::Duration;

/// Rounds and the first seed.
fn rounds(usual: u64) -> std::ops::Range<u64> {
    let number = |name: &str| std::env::var(name).ok().and_then(|it| it.parse::<u64>().ok());
    let first = number("KQL_SMITH_SEED").unwrap_or(1);
    first..first + number("KQL_SMITH").unwrap_or(usual)
}

/// A cell of a type, now and then null or odd. Reals are sums of quarters, so that adding them in any order is exact.
fn cell(choices: &mut Choices, ty: Type) -> Value {
    if choices.one_in(6) {
        return Value::null(ty);
    }
    let small = choices.below(9) as i64;
    match ty {
        Type::Bool => Value::Bool(small % 2 == 0),
        Type::Long => Value::Long(if choices.one_in(12) { i64::MIN + small } else { small - 3 }),
        Type::Real => Value::Real(if choices.one_in(12) { f64::NAN } else { small as f64 * 0.25 - 1.0 }),
        Type::String => {
            Value::String(choices.pick(&["a", "b", "Ab c", "a,b,c", "žluť", "1", "[1,\"a\"]", "xay", "A"]).into())
        }
        Type::Datetime => Value::Datetime(638_000_000_000_000_000 + small * 12_345_678_901),
        Type::Timespan => Value::Timespan((small - 4) * 9_000_000_000),
        _ => kql::json::read(choices.pick(&[
            "[1,2,\"a\"]",
            "{\"a\":1,\"b\":{\"c\":[2]}}",
            "{\"a\":\"x\"}",
            "3",
            "\"s\"",
            "[]",
            "{}",
            "[[1],null]",
        ]))
        .map_or(Value::Null, Value::Dynamic),
    }
}

/// An engine with random tables.
fn engine(choices: &mut Choices) -> Engine {
    let mut engine = Engine::new();
    engine.set_now(Now::At(638_500_000_000_000_000));
    for (name, columns) in tables() {
        let n_rows = if choices.one_in(8) { choices.below(2_000) } else { choices.below(40) };
        let rows: Vec<Vec<Value>> =
            (0..n_rows).map(|_| columns.iter().map(|it| cell(choices, it.1)).collect()).collect();
        let columns: Vec<(&str, Type)> = columns.iter().map(|(name, ty)| (name.as_str(), *ty)).collect();
        engine.load_rows(name, &columns, rows).unwrap();
    }
    engine
}

fn with(engine: &Engine, set: impl FnOnce(&mut Engine)) -> Engine {
    let mut engine = engine.clone();
    set(&mut engine);
    engine
}

/// The answer as text: types, rows, or the error. Reals are rounded, since sums may be made in another order.
fn told(answer: Result<Outcome, Error>) -> String {
    match answer {
        Err(Error::Bug(why)) => panic!("a bug: {why}"),
        Err(why) => format!("{}: {why}", why.code()),
        Ok(outcome) => {
            let table = outcome.table().unwrap();
            let types: Vec<String> = table.schema.fields.iter().map(|it| format!("{}:{}", it.name, it.ty)).collect();
            let rows: Vec<String> = rows(&outcome);
            format!("{}\n{}", types.join(" "), rows.join("\n"))
        }
    }
}

fn rows(outcome: &Outcome) -> Vec<String> {
    let text = |it: &Value| match it {
        Value::Real(it) => format!("{it:.9e}"),
        other => format!("{other:?}"),
    };
    outcome.rows().iter().map(|row| row.iter().map(text).collect::<Vec<_>>().join(" | ")).collect()
}

#[test]
fn settings_do_not_change_answers() {
    let (mut n_answers, mut n_rounds) = (0, 0);
    for seed in rounds(400) {
        let choices = &mut Choices::new(seed);
        let usual = engine(choices);
        let n_stages = 1 + choices.below(6);
        let query = Writer::new(choices).query(n_stages);
        let expected = told(usual.query(query.as_str()));
        let threads = |n| Limits { threads: n, ..Limits::default() };
        for (name, engine) in [
            ("no optimiser", with(&usual, |it| it.set_optimised(false))),
            ("batches of one row", with(&usual, |it| it.set_batch_rows(Some(1)))),
            ("batches of seven rows", with(&usual, |it| it.set_batch_rows(Some(7)))),
            ("one thread", with(&usual, |it| it.set_limits(threads(1)))),
            (
                "eight threads, small batches",
                with(&usual, |it| {
                    it.set_limits(threads(8));
                    it.set_batch_rows(Some(3));
                }),
            ),
        ] {
            let found = told(engine.query(query.as_str()));
            assert_eq!(found, expected, "seed {seed}, {name}:\n{query}");
        }
        let formatted = kql::parser::format(&kql::parser::parse(&query, &kql::parser::ParseOptions::default()).0);
        assert_eq!(told(usual.query(formatted.as_str())), expected, "seed {seed}, formatted:\n{query}");
        n_rounds += 1;
        n_answers += usize::from(!expected.starts_with(['S', 'E', 'G', 'K']));
        if std::env::var_os("KQL_SMITH_SHOW").is_some() && expected.starts_with(['S', 'E', 'G', 'K']) {
            println!("seed {seed}: {}\n{query}\n", expected.lines().next().unwrap_or(""));
        }
    }
    assert!(n_answers * 2 > n_rounds, "only {n_answers} of {n_rounds} queries are good");
}

/// Ternary logic partitioning: every row is in one of three parts.
#[test]
fn a_predicate_is_true_false_or_null() {
    for seed in rounds(400) {
        let choices = &mut Choices::new(seed ^ 0xA5A5);
        let engine = engine(choices);
        let n_stages = choices.below(3);
        let mut writer = Writer::new(choices);
        let query = writer.query(n_stages);
        let predicate = writer.expr(Type::Bool, 4);
        let sorted = |query: &str| {
            let mut rows = engine.query(query).map(|it| rows(&it)).ok()?;
            rows.sort();
            Some(rows)
        };
        let part = |shape: &str| sorted(&format!("{query}\n| where {}", shape.replace("{}", &predicate)));
        let (Some(whole), Some(yes), Some(no), Some(null)) =
            (sorted(&query), part("{}"), part("not({})"), part("isnull({})"))
        else {
            continue;
        };
        let counted = engine.query(format!("{query}\n| summarize countif({predicate})").as_str()).unwrap().rows();
        assert_eq!(counted[0][0], Value::Long(yes.len() as i64), "seed {seed}:\n{query}\n{predicate}");
        let mut parts = [yes, no, null].concat();
        parts.sort();
        assert_eq!(parts, whole, "seed {seed}:\n{query}\n{predicate}");
    }
}

/// `top` is `sort` and `take`; `distinct` is `summarize by`; a `let` or a `materialize` changes nothing.
#[test]
fn other_ways_to_say_the_same() {
    for seed in rounds(200) {
        let choices = &mut Choices::new(seed ^ 0x5A5A);
        let engine = engine(choices);
        let n_stages = 1 + choices.below(4);
        let query = Writer::new(choices).query(n_stages);
        let expected = told(engine.query(query.as_str()));
        if expected.starts_with(['S', 'E', 'G', 'K']) {
            continue;
        }
        for same in [
            format!("let q = {query};\nq"),
            format!("let q = materialize({query});\nq"),
            format!("let q = () {{ {query} }};\nq()"),
            format!("{query}\n| as hint.materialized=true q\n| where true"),
        ] {
            assert_eq!(told(engine.query(same.as_str())), expected, "seed {seed}:\n{same}");
        }
    }
}

/// Text with some of its characters changed, dropped, doubled or moved.
fn damaged(choices: &mut Choices, text: &str) -> String {
    let mut chars: Vec<char> = text.chars().collect();
    for _ in 0..1 + choices.below(6) {
        let at = choices.below(chars.len().max(1));
        match choices.below(5) {
            0 if !chars.is_empty() => _ = chars.remove(at.min(chars.len() - 1)),
            1 => chars.insert(
                at.min(chars.len()),
                "|()[]{}'\"\\,;.=<>!~*@#/-\n\t\0é\u{202E}0a_$".chars().nth(choices.below(30)).unwrap_or(' '),
            ),
            2 => {
                let to = (at + choices.below(12)).min(chars.len());
                let part: Vec<char> = chars.get(at..to).unwrap_or(&[]).to_vec();
                let place = choices.below(chars.len() + 1);
                _ = chars.splice(place..place, part);
            }
            3 => chars.truncate(at.max(1)),
            _ => {
                let word = choices.pick(&[
                    "dynamic(",
                    "let a = ",
                    "| join ",
                    "materialize(",
                    " by ",
                    " on ",
                    "datetime(",
                    "..",
                    "h@'",
                    "```",
                    "//",
                ]);
                _ = chars.splice(at.min(chars.len())..at.min(chars.len()), word.chars());
            }
        }
    }
    chars.into_iter().collect()
}

#[test]
fn damaged_text_does_not_hurt() {
    for seed in rounds(1_500) {
        let choices = &mut Choices::new(seed ^ 0x77);
        let n_stages = 1 + choices.below(5);
        let query = Writer::new(choices).query(n_stages);
        let query = damaged(choices, &query);
        let (tree, diagnostics) = kql::parser::parse(&query, &kql::parser::ParseOptions::default());
        let formatted = kql::parser::format(&tree);
        if !diagnostics.iter().any(kql::Diagnostic::is_error) {
            let again = kql::parser::parse(&formatted, &kql::parser::ParseOptions::default());
            assert!(!again.1.iter().any(kql::Diagnostic::is_error), "seed {seed}:\n{query}\n=>\n{formatted}");
            assert_eq!(kql::parser::format(&again.0), formatted, "seed {seed}:\n{query}");
        }
        let mut engine = engine(choices);
        engine.set_limits(Limits { time: Some(Duration::from_secs(2)), ..Limits::untrusted() });
        if let Err(Error::Bug(why)) = engine.query(query.as_str()) {
            panic!("seed {seed}: {why}\n{query}");
        }
    }
}

/// Bytes of logs with some of them changed: nothing panics, and every line is a row, a reject or blank.
#[test]
fn damaged_bytes_are_accounted_for() {
    const LINES: &[&str] = &[
        "{\"TimeGenerated\":\"2024-01-02T03:04:05Z\",\"a\":1,\"b\":{\"c\":[1,2,{\"d\":null}]},\"s\":\"x\\u00e9\\n\"}\n",
        "{\"a\":1.5e300,\"a\":2,\"b\":\"text\"}\n",
        "{\"a\":123456789012345678901234567890,\"b\":[]}\r\n",
        "[{\"a\":1},{\"a\":2}]\n",
        "{\"data\":[{\"a\":1}]}\n",
        "\n",
        "a,b,c\n1,\"two\",3\n",
        "{\"id\":\"audit_log-1\",\"type\":\"login.succeeded\",\"effective_at\":1702857600,\"actor\":{\"type\":\"session\"}}\n",
    ];
    for seed in rounds(1_500) {
        let choices = &mut Choices::new(seed ^ 0x99);
        let mut bytes: Vec<u8> = Vec::new();
        for _ in 0..1 + choices.below(6) {
            bytes.extend_from_slice(choices.pick(LINES).as_bytes());
        }
        for _ in 0..choices.below(8) {
            let at = choices.below(bytes.len());
            match choices.below(4) {
                0 => bytes[at] = choices.below(256) as u8,
                1 => bytes.truncate(at.max(1)),
                2 => bytes.insert(at, b"{}[]\",:\\\0\xff\xc3\n\r"[choices.below(13)]),
                _ => bytes[at] ^= 1 << choices.below(8),
            }
        }
        if choices.one_in(10) {
            bytes.splice(0..0, [0x1f, 0x8b, 0x08, 0x00]);
        }
        let mut engine = Engine::new();
        if let Ok(load) = engine.load_bytes("T", bytes.clone()) {
            let rows = engine.table("T").unwrap().n_rows() as u64;
            assert_eq!(load.accounting.rows, rows, "seed {seed}: {:?}", String::from_utf8_lossy(&bytes));
            _ = told(engine.query("T | getschema"));
            _ = told(engine.query("T | take 3 | extend all = pack_all()"));
        }
    }
}
