//! A comparison of answers for the tests of whoever embeds the engine.

use crate::{Outcome, ResultTable};
use kql_data::Value;
use std::fmt::Write;

/// Panics with a readable difference unless the first table of an answer is `expected`: a line of column names, then one
/// line a row, cells between bars. White space around cells and blank lines do not count; null is written `null`, a text
/// as it is, a dynamic as JSON.
///
/// ```
/// let engine = kql::Engine::new();
/// let outcome = engine.query("print user = 'ann', tries = 3, last = bool(null)").unwrap();
/// kql::assert_rows(&outcome, "
///     user | tries | last
///     ann  | 3     | null
/// ");
/// ```
#[track_caller]
#[allow(clippy::panic, reason = "an assertion for tests")]
pub fn assert_rows(outcome: &Outcome, expected: &str) {
    let actual = outcome.table().map(lines).unwrap_or_default();
    let expected: Vec<String> =
        expected.lines().map(str::trim).filter(|it| !it.is_empty()).map(|it| join(it.split('|'))).collect();
    if let Some(difference) = difference(&expected, &actual) {
        panic!("the rows differ (- expected, + actual):\n{difference}");
    }
}

fn join<'a>(cells: impl Iterator<Item = &'a str>) -> String {
    cells.map(str::trim).collect::<Vec<_>>().join(" | ")
}

fn lines(table: &ResultTable) -> Vec<String> {
    let header = join(table.schema.fields.iter().map(|it| &*it.name));
    let row = |row: Vec<Value>| {
        let cells: Vec<String> = row.iter().map(|it| if it.is_null() { "null".into() } else { it.text() }).collect();
        join(cells.iter().map(String::as_str))
    };
    std::iter::once(header).chain(table.rows().map(row)).collect()
}

/// The lines of both with what differs marked; `None` when they are equal.
fn difference(expected: &[String], actual: &[String]) -> Option<String> {
    if expected == actual {
        return None;
    }
    let head = expected.iter().zip(actual).take_while(|(left, right)| left == right).count();
    let rest = expected.len().min(actual.len()) - head;
    let tail = expected.iter().rev().zip(actual.iter().rev()).take(rest).take_while(|(left, right)| left == right);
    let tail = tail.count();
    let mut out = String::new();
    let mut write = |mark: &str, lines: &[String]| lines.iter().for_each(|it| _ = writeln!(out, "{mark} {it}"));
    write(" ", expected.get(..head).unwrap_or(&[]));
    write("-", expected.get(head..expected.len() - tail).unwrap_or(&[]));
    write("+", actual.get(head..actual.len() - tail).unwrap_or(&[]));
    write(" ", expected.get(expected.len() - tail..).unwrap_or(&[]));
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_shows_what_is_equal_around_it() {
        let lines = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(difference(&lines("h a b"), &lines("h a b")), None);
        assert_eq!(difference(&lines("h a b c"), &lines("h x c")).unwrap(), "  h\n- a\n- b\n+ x\n  c\n");
        assert_eq!(difference(&lines("h"), &lines("h a")).unwrap(), "  h\n+ a\n");
        assert_eq!(difference(&lines("h a a"), &lines("h a")).unwrap(), "  h\n  a\n- a\n");
    }
}
