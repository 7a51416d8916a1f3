//! Searching a whole column of plain texts at once: the texts lie one behind the other, so one search over all bytes finds
//! the candidates, and what stands in front of and behind them is looked at only there.

use super::needle::Needle;
use crate::kernel::{self, Probe};
use arrow_array::{Array, LargeStringArray};
use arrow_buffer::{BooleanBuffer, Buffer};
use kql_data::{Context, Fault};
use regex::bytes::{Regex, RegexBuilder};

/// Rows from which preparing the search pays.
const ROWS_MIN: usize = 64;

/// Needles that are looked for one after the other; more are put into one expression.
const PROBED_MAX: usize = 8;
/// Bytes searched for one needle and then for the next.
const STRETCH: usize = 1 << 16;

/// A needle and what it is found by.
type Probed<'n> = (&'n Needle, [Probe; 2]);

/// The rows in which one of the needles is found. `None` when they have to be looked at one by one: few rows, or a needle
/// that cannot be searched for in bytes.
pub fn rows_with_any(
    cx: &Context,
    texts: &LargeStringArray,
    needles: &[&Needle],
) -> Result<Option<BooleanBuffer>, Fault> {
    if texts.len() < ROWS_MIN || needles.is_empty() {
        return Ok(None);
    }
    // One text with case is what the expression searches for fastest.
    let is_one_exact = matches!(needles, [only] if only.is_exact());
    if !is_one_exact
        && needles.len() <= PROBED_MAX
        && let Some(probed) = needles.iter().map(|it| Some((*it, it.probes()?))).collect::<Option<Vec<Probed<'_>>>>()
    {
        return search_each(cx, texts, &probed).map(Some);
    }
    let Some(patterns) = needles.iter().map(|it| it.pattern()).collect::<Option<Vec<String>>>() else {
        return Ok(None);
    };
    let pattern = patterns.join("|");
    let finder = cx.cached("haystack", &pattern, || {
        let built = RegexBuilder::new(&pattern).unicode(false).size_limit(cx.limits.regex_bytes).build();
        built.map_err(|why| Fault::new(format!("the texts searched for are too long: {why}")))
    });
    match finder {
        Ok(finder) => search(cx, texts, needles, &finder).map(Some),
        Err(_) => Ok(None),
    }
}

/// Looks for each needle on its own, in stretches that stay near the processor from one needle to the next.
fn search_each(cx: &Context, texts: &LargeStringArray, needles: &[Probed<'_>]) -> Result<BooleanBuffer, Fault> {
    let offsets = texts.value_offsets();
    let mut words = vec![0_u64; texts.len().div_ceil(64)];
    let (from, to) = (offsets.first().map_or(0, |it| *it as usize), offsets.last().map_or(0, |it| *it as usize));
    let bytes = texts.value_data().get(..to).unwrap_or(&[]);
    let (mut first_row, mut places) = (0, Vec::new());
    for at in (from..to).step_by(STRETCH) {
        cx.check()?;
        first_row = row_at(offsets, first_row, at);
        for (needle, probes) in needles {
            // Places in the stretch; the probes may lie behind it.
            let reach = probes.iter().map(|it| it.at).max().unwrap_or(0);
            places.clear();
            kernel::places(bytes.get(at..to.min(at + STRETCH + reach)).unwrap_or(&[]), *probes, &mut places);
            let (mut row, mut end) = (first_row, at);
            for place in &places {
                let byte = at + place;
                // Most places are not the needle's, and their rows are not looked for.
                if byte < end || !needle.is_at(bytes, byte) {
                    continue;
                }
                row = row_at(offsets, row, byte);
                let start = offsets.get(row).map_or(0, |it| *it as usize);
                if needle.stands_at(texts.value(row), byte - start) {
                    end = offsets.get(row + 1).map_or(to, |it| *it as usize);
                    if let Some(word) = words.get_mut(row / 64) {
                        *word |= 1 << (row % 64);
                    }
                }
            }
        }
    }
    Ok(BooleanBuffer::new(Buffer::from_vec(words), 0, texts.len()))
}

fn search(cx: &Context, texts: &LargeStringArray, needles: &[&Needle], finder: &Regex) -> Result<BooleanBuffer, Fault> {
    let offsets = texts.value_offsets();
    let end_of = |row: usize| offsets.get(row + 1).map_or(0, |it| *it as usize);
    let mut words = vec![0_u64; texts.len().div_ceil(64)];
    let (Some(first), Some(last)) = (offsets.first(), offsets.last()) else {
        return Ok(BooleanBuffer::new_unset(texts.len()));
    };
    let bytes = texts.value_data().get(..*last as usize).unwrap_or(&[]);
    let (mut at, mut row, mut n_found) = (*first as usize, 0, 0_usize);
    while let Some(found) = finder.find_at(bytes, at) {
        n_found += 1;
        if n_found.is_multiple_of(4_096) {
            cx.check()?;
        }
        let start = found.start();
        row = row_at(offsets, row, start);
        let text_start = offsets.get(row).map_or(0, |it| *it as usize);
        if needles.iter().any(|it| it.stands_at(texts.value(row), start - text_start)) {
            if let Some(word) = words.get_mut(row / 64) {
                *word |= 1 << (row % 64);
            }
            at = end_of(row);
        } else {
            at = start + 1;
        }
    }
    Ok(BooleanBuffer::new(Buffer::from_vec(words), 0, texts.len()))
}

/// The row in which a byte stands, not before `from`.
fn row_at(offsets: &[i64], from: usize, byte: usize) -> usize {
    let byte = byte as i64;
    let is_before = |row: usize| offsets.get(row + 1).is_some_and(|it| *it <= byte);
    // Most often one of the next rows: steps that double, then a search between the last two.
    let (mut low, mut step) = (from, 1);
    while is_before(low + step - 1) {
        low += step;
        step *= 2;
    }
    let rest = offsets.get(low + 1..(low + step).min(offsets.len())).unwrap_or(&[]);
    low + rest.partition_point(|it| *it <= byte)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scalar::operator::needle::Place;

    #[test]
    fn agrees_with_row_by_row() {
        let words =
            ["", "a", "roll", "Rollback", "xroll", "roll-back", "é", "Éroll", "rollé", "ROLL", "b roll a", "_roll_"];
        let mut texts: Vec<String> = Vec::new();
        for a in words {
            for b in words {
                texts.extend([format!("{a}{b}"), format!("{a} {b}"), format!("{a}{b}{a}")]);
            }
        }
        let column = LargeStringArray::from(texts.iter().map(String::as_str).collect::<Vec<_>>());
        let places = [Place::Anywhere, Place::Terms, Place::TermStart, Place::TermEnd];
        for column in [column.clone(), column.slice(17, 300)] {
            for (place, with_case) in places.into_iter().flat_map(|it| [(it, true), (it, false)]) {
                for needles in [
                    &["roll"][..],
                    &["roll", "rollback"],
                    &["rollback", "roll"],
                    &["a"],
                    &["l-b", "oll"],
                    &[" "],
                    &["k r", "a"],
                    &["BACK"],
                ] {
                    let needles: Vec<Needle> = needles.iter().map(|it| Needle::new(it, place, with_case)).collect();
                    let found =
                        rows_with_any(&Context::default(), &column, &needles.iter().collect::<Vec<_>>()).unwrap();
                    let is_in = |row| needles.iter().any(|it| it.is_in(column.value(row), &mut String::new()));
                    let expected: BooleanBuffer = (0..column.len()).map(is_in).collect();
                    assert_eq!(found, Some(expected), "{place:?} {with_case} {needles:?}");
                }
            }
        }
    }

    #[test]
    fn stretches_meet() {
        // Needles across the end of a stretch, and of a row.
        for shift in 0..6 {
            let long = "x".repeat(STRETCH - shift);
            let texts: Vec<String> =
                vec![format!("{long}needle"), "nee".into(), "dle".into(), format!("{long}{long}NEEDLE {long}")]
                    .into_iter()
                    .chain((0..100).map(|it| if it % 7 == 0 { "a needle".into() } else { "none".into() }))
                    .collect();
            let column = LargeStringArray::from_iter_values(&texts);
            let needle = Needle::new("needle", Place::Anywhere, false);
            let found = rows_with_any(&Context::default(), &column, &[&needle]).unwrap();
            let expected: BooleanBuffer = texts.iter().map(|it| it.to_lowercase().contains("needle")).collect();
            assert_eq!(found, Some(expected));
        }
    }
}
