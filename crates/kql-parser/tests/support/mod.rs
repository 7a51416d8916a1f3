//! What the parser's tests share.
#![allow(dead_code, missing_docs, clippy::expect_used, clippy::panic, reason = "each test takes what it needs of it")]
#![allow(clippy::string_slice, reason = "each test takes what it needs of it")]

use kql_parser::syntax::{ExprKind, Operator, Pipeline, Query, StatementKind};
use kql_parser::{Diagnostic, ParseOptions, parse};

/// Parses, and fails the test on any error.
pub(crate) fn accept(text: &str) -> Query {
    let (query, diagnostics) = parse(text, &ParseOptions::default());
    let errors: Vec<_> = diagnostics.iter().filter(|it| it.is_error()).collect();
    assert!(errors.is_empty(), "{text}\n{errors:#?}");
    query
}

/// Parses, and fails the test unless there is an error.
pub(crate) fn reject(text: &str) -> Vec<Diagnostic> {
    let (_, diagnostics) = parse(text, &ParseOptions::default());
    assert!(diagnostics.iter().any(Diagnostic::is_error), "accepted: {text}");
    diagnostics
}

/// The diagnostics as `code start..end message`, hints behind `; `.
pub(crate) fn faults(text: &str) -> Vec<String> {
    let (_, diagnostics) = parse(text, &ParseOptions::default());
    let line = |it: &Diagnostic| {
        let hints: String = it.hints.iter().map(|(_, hint)| format!("; {hint}")).collect();
        format!("{} {}..{} {}{hints}", it.code, it.span.start, it.span.end, it.message)
    };
    diagnostics.iter().map(line).collect()
}

/// The pipeline of the last statement.
pub(crate) fn pipeline(query: &Query) -> &Pipeline {
    match &query.statements.last().expect("a statement").kind {
        StatementKind::Query(id) => match query.kind(*id) {
            ExprKind::Pipeline(id) => query.pipeline(*id),
            other => panic!("no pipeline: {other:?}"),
        },
        other => panic!("no query: {other:?}"),
    }
}

/// The last operator of `T | text`.
pub(crate) fn operator(text: &str) -> (Query, Operator) {
    let query = accept(&format!("T | {text}"));
    let operator = pipeline(&query).stages.last().expect("a stage").operator.clone();
    (query, operator)
}

/// The tree without spans, comments and text, for comparison.
pub(crate) fn shape(query: &Query) -> String {
    let bare = Query { text: String::new(), comments: Vec::new(), ..query.clone() };
    let text = format!("{bare:?}");
    let mut out = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some(at) = rest.find('@') {
        out.push_str(&rest[..at]);
        rest = rest[at + 1..].trim_start_matches(|it: char| it.is_ascii_digit() || it == '.');
    }
    out.push_str(rest);
    out
}
