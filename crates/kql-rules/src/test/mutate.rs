//! Mutants of a query: one predicate left out, or turned round. A mutant that every test accepts shows a predicate that no
//! test needs.

use super::predicate::{Predicate, predicates};
use kql::Span;

/// Mutants of one query that are tried.
const MUTANTS_MAX: usize = 1000;

/// What was done to a predicate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Change {
    /// It decides nothing any more.
    Dropped,
    /// It decides the opposite.
    Negated,
}

impl Change {
    /// As reports call it.
    pub fn name(self) -> &'static str {
        match self {
            Change::Dropped => "dropped",
            Change::Negated => "negated",
        }
    }
}

/// A query with one predicate changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mutant {
    /// The predicate.
    pub predicate: Predicate,
    /// What was done to it.
    pub change: Change,
    /// Its text.
    pub original: String,
    /// The changed query.
    pub query: String,
}

/// What became of a mutant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// That test failed.
    Killed(String),
    /// No test failed.
    Survived,
    /// No test failed, and the test file says why none can.
    Accepted(String),
}

/// The mutants of a query, each with one change, in the order of their places.
pub fn mutants(text: &str) -> Vec<Mutant> {
    let mut out = Vec::new();
    for predicate in predicates(text) {
        let original = predicate.span.of(text).to_owned();
        let dropped = if predicate.neutral { "true" } else { "false" };
        let negated = (!predicate.is_group).then(|| (Change::Negated, format!("not({original})")));
        for (change, replacement) in std::iter::once((Change::Dropped, dropped.to_owned())).chain(negated) {
            let query = replaced(text, predicate.span, &replacement);
            out.push(Mutant { predicate: predicate.clone(), change, original: original.clone(), query });
        }
    }
    out.truncate(MUTANTS_MAX);
    out
}

/// The text with another in place of a span.
fn replaced(text: &str, span: Span, replacement: &str) -> String {
    let (start, end) = (span.start as usize, span.end as usize);
    // A line comment within the predicate must not swallow what closes it.
    let end_line = if span.of(text).contains("//") && replacement.starts_with("not(") {
        replacement.strip_suffix(')').map(|it| format!("{it}\n)"))
    } else {
        None
    };
    let replacement = end_line.as_deref().unwrap_or(replacement);
    [text.get(..start).unwrap_or(""), replacement, text.get(end..).unwrap_or("")].concat()
}

/// A predicate without regard to white space: what test files name accepted survivors by.
pub(super) fn squeezed(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_one_change() {
        let text = "T | where a == 1 and (b or c)";
        let all: Vec<(String, Change)> = mutants(text).into_iter().map(|it| (it.query, it.change)).collect();
        let expected = [
            ("T | where true and (b or c)", Change::Dropped),
            ("T | where not(a == 1) and (b or c)", Change::Negated),
            ("T | where a == 1 and (true)", Change::Dropped),
            ("T | where a == 1 and (false or c)", Change::Dropped),
            ("T | where a == 1 and (not(b) or c)", Change::Negated),
            ("T | where a == 1 and (b or false)", Change::Dropped),
            ("T | where a == 1 and (b or not(c))", Change::Negated),
        ];
        assert_eq!(all, expected.map(|it| (it.0.to_owned(), it.1)));
    }

    #[test]
    fn comments_within_a_predicate() {
        let text = "T | where a in (1, // one\n 2)";
        for mutant in mutants(text) {
            assert!(super::super::predicate::tree(&mutant.query).is_some(), "{}", mutant.query);
        }
    }
}
