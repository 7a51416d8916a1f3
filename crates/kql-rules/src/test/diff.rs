//! Differences for people: what was expected of rows against what is there.

use super::matcher::{Matcher, to_json};
use kql::{Type, Value};
use serde_json::Value as Json;

/// Rows that a message shows at most.
const ROWS_MAX: usize = 10;
/// Characters of a cell that a message shows at most.
const CELL_MAX: usize = 120;
/// Rows times expectations beyond which rows are assigned greedily.
const PAIRS_MAX: usize = 4_000_000;

/// The rows of an answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rows {
    /// Names and types of the columns.
    pub columns: Vec<(String, Type)>,
    /// The rows.
    pub rows: Vec<Vec<Value>>,
}

/// What a row must have: columns by name, the others may be anything.
pub(super) type Wanted = Vec<(String, Matcher)>;

impl Rows {
    /// The number of the column of that name.
    pub(super) fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|it| it.0 == name)
    }

    fn misses(&self, row: usize, wanted: &Wanted) -> usize {
        wanted.iter().filter(|it| !self.fits(row, it)).count()
    }

    fn fits(&self, row: usize, wanted: &(String, Matcher)) -> bool {
        self.cell(row, &wanted.0).is_some_and(|it| wanted.1.matches(it))
    }

    fn cell(&self, row: usize, column: &str) -> Option<&Value> {
        self.rows.get(row)?.get(self.column(column)?)
    }

    /// A row that is what is wanted.
    pub(super) fn find(&self, wanted: &Wanted) -> Option<usize> {
        (0..self.rows.len()).find(|row| self.misses(*row, wanted) == 0)
    }

    /// Gives each expectation a row of its own, as many as can be; the result has the row of each.
    pub(super) fn assign(&self, wanted: &[&Wanted]) -> Vec<Option<usize>> {
        let candidates: Vec<Vec<usize>> =
            wanted.iter().map(|it| (0..self.rows.len()).filter(|row| self.misses(*row, it) == 0).collect()).collect();
        let mut owner: Vec<Option<usize>> = vec![None; self.rows.len()];
        let moves = wanted.len().saturating_mul(self.rows.len()) <= PAIRS_MAX;
        for number in 0..wanted.len() {
            let mut seen = vec![false; self.rows.len()];
            _ = augment(number, &candidates, &mut owner, &mut seen, moves);
        }
        let mut out = vec![None; wanted.len()];
        for (row, number) in owner.iter().enumerate() {
            if let Some(slot) = number.and_then(|it| out.get_mut(it)) {
                *slot = Some(row);
            }
        }
        out
    }

    /// Why no row is what is wanted: the nearest row that `taken` does not name, and where it differs.
    pub(super) fn explain(&self, wanted: &Wanted, taken: &[Option<usize>]) -> Vec<String> {
        let free = (0..self.rows.len()).filter(|it| !taken.contains(&Some(*it)));
        let Some(nearest) = free.min_by_key(|it| self.misses(*it, wanted)) else {
            let mut out = vec!["there is no further row; expected".to_owned()];
            out.extend(wanted.iter().map(|it| format!("  - {}: {}", it.0, cut(&it.1.text()))));
            return out;
        };
        let mut out = vec![format!("nearest is row {}:", nearest + 1)];
        let width = wanted.iter().map(|it| it.0.chars().count()).max().unwrap_or(0);
        for item in wanted {
            let (name, pad) = (&item.0, " ".repeat(width - item.0.chars().count()));
            let Some(cell) = self.cell(nearest, name) else { continue };
            if item.1.matches(cell) {
                out.push(format!("    {name}{pad}  {}", shown(cell)));
            } else {
                out.push(format!("  - {name}{pad}  {}", cut(&item.1.text())));
                out.push(format!("  + {name}{pad}  {}", shown(cell)));
            }
        }
        out
    }

    /// The first rows as a table.
    pub(super) fn table(&self) -> Vec<String> {
        if self.rows.is_empty() {
            return vec!["there are no rows".to_owned()];
        }
        let header: Vec<String> = self.columns.iter().map(|it| it.0.clone()).collect();
        let cells = |row: &Vec<Value>| row.iter().map(shown).collect::<Vec<_>>();
        let lines: Vec<Vec<String>> =
            std::iter::once(header).chain(self.rows.iter().take(ROWS_MAX).map(cells)).collect();
        let width = |column: usize| {
            lines.iter().filter_map(|it| it.get(column)).map(|it| it.chars().count()).max().unwrap_or(0).min(40)
        };
        let widths: Vec<usize> = (0..self.columns.len()).map(width).collect();
        let line = |cells: &Vec<String>| {
            let padded = cells.iter().zip(&widths).map(|(it, width)| format!("{it:width$}"));
            padded.collect::<Vec<_>>().join(" | ").trim_end().to_owned()
        };
        let mut out: Vec<String> = lines.iter().map(line).collect();
        if self.rows.len() > ROWS_MAX {
            out.push(format!("… and {} more", self.rows.len() - ROWS_MAX));
        }
        out
    }
}

/// Finds a row for an expectation; where `moves` says so, others give theirs up for another.
fn augment(
    number: usize,
    candidates: &[Vec<usize>],
    owner: &mut [Option<usize>],
    seen: &mut [bool],
    moves: bool,
) -> bool {
    // A way of exchanges is as long as there are expectations: an explicit stack, so that depth is no matter.
    let mut stack = vec![(number, 0)];
    while let Some((current, next)) = stack.pop() {
        let Some(row) = candidates.get(current).and_then(|it| it.get(next)).copied() else { continue };
        stack.push((current, next + 1));
        if std::mem::replace(seen.get_mut(row).unwrap_or(&mut true), true) {
            continue;
        }
        match owner.get(row).copied().flatten() {
            Some(other) if moves => stack.push((other, 0)),
            Some(_) => {}
            None => {
                // Every expectation on the way takes the row that it looked at last.
                for (holder, after) in stack {
                    let row = candidates.get(holder).and_then(|it| it.get(after.wrapping_sub(1)));
                    if let Some(slot) = row.and_then(|it| owner.get_mut(*it)) {
                        *slot = Some(holder);
                    }
                }
                return true;
            }
        }
    }
    false
}

/// A cell for people.
pub(super) fn shown(value: &Value) -> String {
    match to_json(value) {
        Json::String(it) if it.is_empty() => "\"\"".to_owned(),
        Json::String(it) => cut(&it),
        it => cut(&it.to_string()),
    }
}

fn cut(text: &str) -> String {
    let text = text.replace('\n', "\\n");
    match text.char_indices().nth(CELL_MAX) {
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or("")),
        None => text,
    }
}

/// The lines of two texts, with what differs marked by `-` and `+` and up to two lines around it.
pub(super) fn lines(expected: &str, actual: &str) -> Vec<String> {
    let (old, new): (Vec<&str>, Vec<&str>) = (expected.lines().collect(), actual.lines().collect());
    let head = old.iter().zip(&new).take_while(|(left, right)| left == right).count();
    let rest = old.len().min(new.len()) - head;
    let tail = old.iter().rev().zip(new.iter().rev()).take(rest).take_while(|(left, right)| left == right).count();
    let mut out = Vec::new();
    let mut push = |mark: &str, lines: Option<&[&str]>| {
        let lines = lines.unwrap_or_default();
        out.extend(lines.iter().take(2 * ROWS_MAX).map(|it| format!("{mark} {}", cut(it))));
        if lines.len() > 2 * ROWS_MAX {
            out.push(format!("{mark} … and {} more", lines.len() - 2 * ROWS_MAX));
        }
    };
    push(" ", old.get(head.saturating_sub(2)..head));
    push("-", old.get(head..old.len() - tail));
    push("+", new.get(head..new.len() - tail));
    push(" ", old.get(old.len() - tail..(old.len() - tail + 2).min(old.len())));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows() -> Rows {
        let row = |user: &str, n: i64| vec![Value::String(user.into()), Value::Long(n)];
        let columns = vec![("User".to_owned(), Type::String), ("N".to_owned(), Type::Long)];
        Rows { columns, rows: vec![row("ann", 1), row("bob", 2), row("ann", 3)] }
    }

    fn wanted(user: Option<&str>, n: Option<i64>) -> Wanted {
        let user = user.map(|it| ("User".to_owned(), Matcher::Exact(it.into())));
        user.into_iter().chain(n.map(|it| ("N".to_owned(), Matcher::Exact(it.into())))).collect()
    }

    #[test]
    fn each_expectation_has_a_row_of_its_own() {
        let (any, first) = (wanted(Some("ann"), None), wanted(Some("ann"), Some(1)));
        // The first would take row 1, which only the second can have.
        assert_eq!(rows().assign(&[&any, &first]), [Some(2), Some(0)]);
        assert_eq!(rows().assign(&[&first, &first]), [Some(0), None]);
        assert_eq!(rows().assign(&[&any, &any, &first]).iter().flatten().count(), 2);
    }

    #[test]
    fn long_ways_of_exchanges() {
        let columns = vec![("N".to_owned(), Type::Long)];
        let rows = Rows { columns, rows: (0..300).map(|it| vec![Value::Long(it)]).collect() };
        let at_most =
            |n: i64| vec![("N".to_owned(), Matcher::All(vec![super::super::matcher::Test::AtMost(n.into())]))];
        let all: Vec<Wanted> = (0..300).rev().map(at_most).collect();
        let found = rows.assign(&all.iter().collect::<Vec<_>>());
        assert!(found.iter().all(Option::is_some), "{found:?}");
    }

    #[test]
    fn the_nearest_row_explains() {
        let lines = rows().explain(&wanted(Some("bob"), Some(3)), &[]);
        assert_eq!(lines, ["nearest is row 2:", "    User  bob", "  - N     3", "  + N     2"]);
        let lines = Rows::default().explain(&wanted(Some("bob"), None), &[]);
        assert_eq!(lines, ["there is no further row; expected", "  - User: bob"]);
    }

    #[test]
    fn lines_that_differ() {
        assert_eq!(lines("a\nb\nc\nd\n", "a\nb\nx\nd\n"), ["  a", "  b", "- c", "+ x", "  d"]);
        assert_eq!(rows().table()[..2], ["User | N", "ann  | 1"]);
    }
}
