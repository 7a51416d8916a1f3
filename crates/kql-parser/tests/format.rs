//! `parse(format(q))` equals `q`, comments kept, and formatting again changes nothing: for every query of the suite, the
//! rules, and the published rules where they lie beside the checkout.
#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used, reason = "a test may fail anywhere")]

mod support;

use kql_parser::{Diagnostic, ParseOptions, format, parse, syntax::Query};
use std::{
    fs,
    path::{Path, PathBuf},
};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The comments in order. A block of lines may be moved as a whole, so indentation does not count.
fn comments(query: &Query) -> Vec<String> {
    query.comments.iter().map(|it| query.text_of(*it).trim().to_owned()).collect()
}

/// What is wrong with the canonical form of a text; a text that is no query has none.
fn fault(text: &str) -> Option<String> {
    let (query, diagnostics) = parse(text, &ParseOptions::default());
    if diagnostics.iter().any(Diagnostic::is_error) {
        return None;
    }
    let formatted = format(&query);
    let (again, diagnostics) = parse(&formatted, &ParseOptions::default());
    if let Some(it) = diagnostics.iter().find(|it| it.is_error()) {
        return Some(format!("does not parse: {}\n{text}\n=>\n{formatted}", it.message));
    }
    if support::shape(&query) != support::shape(&again) {
        return Some(format!("another tree\n{text}\n=>\n{formatted}"));
    }
    if comments(&query) != comments(&again) {
        return Some(format!("other comments\n{text}\n=>\n{formatted}"));
    }
    let twice = format(&again);
    (twice != formatted).then(|| format!("changes again\n{formatted}\n=>\n{twice}"))
}

fn check(texts: impl IntoIterator<Item = String>, at_least: usize) {
    let (mut n_texts, mut faults) = (0, Vec::new());
    for text in texts {
        n_texts += 1;
        faults.extend(fault(&text));
    }
    assert!(n_texts >= at_least, "only {n_texts} queries");
    let shown: Vec<&String> = faults.iter().take(5).collect();
    assert!(
        faults.is_empty(),
        "{} of {n_texts}:\n{}",
        faults.len(),
        shown.iter().map(|it| it.as_str()).collect::<Vec<_>>().join("\n\n")
    );
}

fn files(directory: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path, extension));
        } else if path.extension().is_some_and(|it| it == extension) {
            found.push(path);
        }
    }
    found
}

#[test]
fn every_query_of_the_suite() {
    let case = |block: &str| {
        let (_, rest) = block.trim_matches('\n').split_once('\n')?;
        let rest = match rest.strip_prefix('[') {
            Some(tagged) => tagged.split_once("]\n")?.1,
            None => rest,
        };
        Some(rest.split("\n---").next()?.to_owned())
    };
    let texts = files(&root().join("tests/suite"), "test").into_iter().flat_map(|path| {
        let text = fs::read_to_string(path).unwrap();
        text.split("\n\n").filter_map(case).collect::<Vec<_>>()
    });
    check(texts, 200);
}

#[test]
fn every_rule_of_the_repository() {
    let texts = files(&root().join("queries"), "yaml").into_iter().filter_map(|path| {
        let text = fs::read_to_string(path).unwrap();
        let (_, block) = text.split_once("\nquery: |\n")?;
        Some(block.lines().take_while(|it| it.is_empty() || it.starts_with("  ")).collect::<Vec<_>>().join("\n"))
    });
    check(texts, 5);
}

#[test]
fn every_published_rule() {
    let Ok(text) = fs::read_to_string(root().join("../shared/corpus/rules.jsonl")) else {
        println!("skipped: the published rules are not beside this checkout");
        return;
    };
    let query = |line: &str| kql_data::json::read(line)?.get("query").as_str().map(str::to_owned);
    check(text.lines().filter_map(query), 3_000);
}

#[test]
fn comments_stay_wherever_they_stand() {
    let texts = [
        "// a\nT // b\n| where x == 1 // c\n// d\n| take 1 // e\n// f",
        "let a = // one\n 1; // two\n// three\nprint a // four\n;",
        "T | summarize // a\n count() // b\n, // c\n max(x) // d\n by // e\n y // f\n, z",
        "T | where a in (1, // one\n 2, // two\n 3) // three\n or b == 2 // four",
        "T | join kind=inner ( // left\n U // right\n | take 1 // inside\n) on // key\n k // end",
        "let f = (a: long, // first\n b: string = 'x') { // body\n T | take a // in it\n}; f(1) // call",
        "print x = dynamic({ // bag\n 'a': [1, // one\n 2] // two\n})",
        "// only\nprint 1 // \u{1F600} after\n//",
    ];
    check(texts.map(str::to_owned), texts.len());
}
