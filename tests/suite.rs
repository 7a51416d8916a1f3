//! Runs the cases under `tests/suite`; `UPDATE=1 cargo test --test suite` writes the answers that the engine gives.
//!
//! A case is a block between blank lines: a title line `# …`, perhaps tags (`[types]`: the header tells types; `[check]`: the
//! query is checked and not run), a query, `---`, and the expected rows, or `error CODE at line:column-line:column: message`.
//! Every case runs again with other settings, which must not change its answer.
#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used, reason = "a test may fail anywhere")]
#![allow(clippy::indexing_slicing, reason = "a test may fail anywhere")]

use kql::{Diagnostic, Engine, Error, Limits, Now, Outcome, ResultTable, Type, Value, line_column};
use std::{
    fmt::Write,
    fs,
    path::{Path, PathBuf},
};

/// `now()` in every case.
const NOW: &str = "2024-06-01T12:00:00Z";

struct Case {
    title: String,
    tags: Vec<String>,
    query: String,
    expected: String,
}

#[test]
fn every_case_gives_its_answer() {
    let update = std::env::var_os("UPDATE").is_some();
    let (mut n_cases, mut failures) = (0, Vec::new());
    for path in files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/suite")) {
        let text = fs::read_to_string(&path).unwrap();
        let mut cases = parse(&text).unwrap_or_else(|why| panic!("{}: {why}", path.display()));
        n_cases += cases.len();
        for case in &mut cases {
            let answers = settings().map(|(name, engine)| (name, answer(&engine, case)));
            let [(_, usual), others @ ..] = &answers;
            let place = format!("{}: {}", path.file_name().unwrap().to_string_lossy(), case.title);
            for (name, other) in others.iter().filter(|it| it.1 != *usual) {
                failures.push(format!("{place}\nanswer with {name}:\n{other}usual answer:\n{usual}"));
            }
            if *usual != case.expected {
                failures.push(format!("{place}\n{}\nexpected:\n{}answer:\n{usual}", case.query, case.expected));
                case.expected.clone_from(usual);
            }
        }
        let written = write(&cases);
        if update && written != text {
            fs::write(&path, written).unwrap();
        }
    }
    assert!(n_cases > 0, "there are no cases");
    assert!(failures.is_empty() || update, "{} of {n_cases} failed:\n\n{}", failures.len(), failures.join("\n"));
}

/// Engines whose answers must be the same.
fn settings() -> [(&'static str, Engine); 5] {
    let engine = |batch_rows: Option<usize>, threads: usize| {
        let mut engine = Engine::new();
        engine.set_now(Now::At(kql::parser::parse_datetime(NOW).unwrap()));
        engine.set_batch_rows(batch_rows);
        engine.set_limits(Limits { threads, ..Limits::default() });
        engine
    };
    let mut unoptimised = engine(None, 2);
    unoptimised.set_optimised(false);
    [
        ("the usual settings", engine(None, 2)),
        ("batches of one row", engine(Some(1), 2)),
        ("batches of seven rows", engine(Some(7), 2)),
        ("one thread", engine(None, 1)),
        ("the optimiser off", unoptimised),
    ]
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let mut entries: Vec<PathBuf> = fs::read_dir(directory).unwrap().map(|it| it.unwrap().path()).collect();
    entries.sort();
    let mut found = Vec::new();
    for path in entries {
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.extension().is_some_and(|it| it == "test") {
            found.push(path);
        }
    }
    found
}

fn parse(text: &str) -> Result<Vec<Case>, String> {
    let blocks = text.split("\n\n").map(|it| it.trim_matches('\n')).filter(|it| !it.is_empty());
    blocks.map(|block| parse_case(block).ok_or_else(|| format!("no title or no `---` in:\n{block}"))).collect()
}

fn parse_case(block: &str) -> Option<Case> {
    let (title, rest) = block.strip_prefix("# ")?.split_once('\n')?;
    let (tags, rest) = match rest.strip_prefix('[').and_then(|it| it.split_once("]\n")) {
        Some((tags, rest)) => (tags.split_whitespace().map(str::to_owned).collect(), rest),
        None => (Vec::new(), rest),
    };
    let (query, expected) = match rest.split_once("\n---\n") {
        Some((query, expected)) => (query, format!("{expected}\n")),
        None => (rest.strip_suffix("\n---")?, String::new()),
    };
    Some(Case { title: title.to_owned(), tags, query: query.to_owned(), expected })
}

fn write(cases: &[Case]) -> String {
    let blocks = cases.iter().map(|case| {
        let tags = if case.tags.is_empty() { String::new() } else { format!("[{}]\n", case.tags.join(" ")) };
        format!("# {}\n{tags}{}\n---\n{}", case.title, case.query, case.expected)
    });
    blocks.collect::<Vec<_>>().join("\n")
}

fn answer(engine: &Engine, case: &Case) -> String {
    let has_tag = |tag: &str| case.tags.iter().any(|it| it == tag);
    let types = has_tag("types");
    if has_tag("check") {
        return engine.check(case.query.as_str()).diagnostics.iter().map(|it| fault(&case.query, it)).collect();
    }
    match engine.query(case.query.as_str()) {
        Ok(outcome) => rows(&outcome, types),
        Err(Error::Query(diagnostics)) => {
            diagnostics.iter().filter(|it| it.is_error()).map(|it| fault(&case.query, it)).collect()
        }
        Err(error) => format!("error {}: {error}\n", error.code()),
    }
}

fn fault(query: &str, it: &Diagnostic) -> String {
    let at = |offset| {
        let (line, column) = line_column(query, offset);
        format!("{line}:{column}")
    };
    let severity = if it.is_error() { "error" } else { "warning" };
    let mut out = format!("{severity} {} at {}-{}: {}\n", it.code, at(it.span.start), at(it.span.end), it.message);
    for (_, hint) in &it.hints {
        _ = writeln!(out, "hint: {hint}");
    }
    out
}

fn rows(outcome: &Outcome, types: bool) -> String {
    let tables = outcome.tables.iter().map(|table| match outcome.tables.len() {
        1 => grid(table, types),
        _ => format!("{}:\n{}", table.name, grid(table, types)),
    });
    let mut out: String = tables.collect();
    for warning in &outcome.warnings {
        _ = writeln!(out, "warning: {warning}");
    }
    out
}

/// Aligned columns: numbers to the right, the rest to the left.
fn grid(table: &ResultTable, types: bool) -> String {
    let header =
        |field: &kql::Field| if types { format!("{}:{}", field.name, field.ty) } else { field.name.to_string() };
    let mut lines: Vec<Vec<String>> = vec![table.schema.fields.iter().map(header).collect()];
    lines.extend(table.rows().map(|row| row.iter().zip(&table.schema.fields).map(|it| cell(it.0, it.1.ty)).collect()));
    let widths: Vec<usize> = (0..table.schema.fields.len())
        .map(|column| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0))
        .collect();
    let rule: Vec<String> = widths.iter().map(|it| "-".repeat(*it)).collect();
    lines.insert(1, rule);
    let mut out = String::new();
    for line in lines {
        let cells = line.iter().zip(&widths).zip(&table.schema.fields).map(|((cell, width), field)| {
            let pad = " ".repeat(width - cell.chars().count());
            if field.ty.is_number() { format!("{pad}{cell}") } else { format!("{cell}{pad}") }
        });
        out.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
        out.push('\n');
    }
    out
}

/// A cell as text; strings that would be hard to see are quoted.
fn cell(value: &Value, ty: Type) -> String {
    match value {
        Value::Null if ty == Type::String => "\"\"".to_owned(),
        Value::Null => "null".to_owned(),
        Value::String(it)
            if it.is_empty() || **it == *"null" || it.trim() != &**it || it.contains(['\n', '\t', '\r']) =>
        {
            format!("{it:?}")
        }
        Value::String(it) => it.to_string(),
        Value::Bool(it) => it.to_string(),
        Value::Datetime(it) => kql::time::datetime_wire(*it),
        it => {
            let mut out = String::new();
            kql::formats::write_cell(it, ty, &mut out);
            if ty == Type::Dynamic { out } else { out.trim_matches('"').to_owned() }
        }
    }
}
