//! Searching a whole column of plain texts at once: the texts lie one behind the other, so one search over all bytes finds
//! the candidates, and what stands in front of and behind them is looked at only there.

use super::needle::Needle;
use crate::kernel::{self, Pair};
use arrow_array::{Array, LargeStringArray};
use arrow_buffer::{BooleanBuffer, Buffer};
use kql_data::{Context, Fault};
use regex::bytes::RegexBuilder;

/// Rows from which preparing the search pays.
pub const ROWS_MIN: usize = 64;

/// Needles that are looked for by two bytes of each; more are put into one expression.
const PROBED_MAX: usize = 64;
/// Bytes in which places are found before they are looked at.
const STRETCH: usize = 1 << 15;

/// Bytes by which it is learnt what is rare in the texts.
const SAMPLE: usize = 1 << 13;

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
    let sample = sample(texts);
    // One text with case is searched for fastest in the usual way.
    if let [only] = needles
        && let Some(finder) = only.finder()
    {
        return search(cx, texts, needles, |bytes, from| Some(from + finder.find(bytes.get(from..)?)?)).map(Some);
    }
    if needles.len() <= PROBED_MAX
        && let Some(pairs) = needles.iter().map(|it| it.probes(sample)).collect::<Option<Vec<Pair>>>()
    {
        return search_pairs(cx, texts, needles, &pairs).map(Some);
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
        Ok(finder) => search(cx, texts, needles, |bytes, from| Some(finder.find_at(bytes, from)?.start())).map(Some),
        Err(_) => Ok(None),
    }
}

/// Looks for the pairs of all needles at once.
fn search_pairs(
    cx: &Context,
    texts: &LargeStringArray,
    needles: &[&Needle],
    pairs: &[Pair],
) -> Result<BooleanBuffer, Fault> {
    let mut words = vec![0_u64; texts.len().div_ceil(64)];
    for_places(cx, texts, pairs, |rows, byte| {
        // Most places are not the needles', and their rows are not looked for.
        if !needles.iter().any(|it| it.is_at(rows.bytes, byte)) {
            return 0;
        }
        let (row, text, at) = rows.with(byte);
        if !needles.iter().any(|it| it.is_at(rows.bytes, byte) && it.fits_at(text, at)) {
            return 0;
        }
        if let Some(word) = words.get_mut(row / 64) {
            *word |= 1 << (row % 64);
        }
        rows.end()
    })?;
    Ok(BooleanBuffer::new(Buffer::from_vec(words), 0, texts.len()))
}

/// Calls `visit` for each place among the bytes of the texts at which one of the pairs holds, in order. It says from which byte
/// on places matter: the end of the row when that is done.
pub fn for_places<'t>(
    cx: &Context,
    texts: &'t LargeStringArray,
    pairs: &[Pair],
    mut visit: impl FnMut(&mut Rows<'t>, usize) -> usize,
) -> Result<(), Fault> {
    let (from, to) = span(texts);
    let bytes = texts.value_data().get(..to).unwrap_or(&[]);
    let mut rows = Rows { texts, bytes, row: 0 };
    // Probes may lie behind a stretch.
    let reach = pairs.iter().flatten().map(|it| it.at).max().unwrap_or(0);
    let (mut done, mut places) = (from, Vec::new());
    for at in (from..to).step_by(STRETCH) {
        cx.check()?;
        places.clear();
        kernel::places(bytes.get(at..to.min(at + STRETCH + reach)).unwrap_or(&[]), pairs, &mut places);
        for place in places.iter().take_while(|it| **it < STRETCH) {
            let byte = at + place;
            if byte >= done {
                done = done.max(visit(&mut rows, byte));
            }
        }
    }
    Ok(())
}

/// Texts that lie one behind the other, and the row that was last looked for.
pub struct Rows<'t> {
    texts: &'t LargeStringArray,
    /// The bytes of all texts up to the last.
    pub bytes: &'t [u8],
    row: usize,
}

impl<'t> Rows<'t> {
    /// The row that has a byte, which stands not before the last that was asked for: its number, its text and the place in it.
    pub fn with(&mut self, byte: usize) -> (usize, &'t str, usize) {
        let offsets = self.texts.value_offsets();
        self.row = row_at(offsets, self.row, byte);
        let start = offsets.get(self.row).map_or(0, |it| *it as usize);
        (self.row, self.texts.value(self.row), byte - start)
    }

    /// Where the row ends that was last asked for.
    pub fn end(&self) -> usize {
        self.texts.value_offsets().get(self.row + 1).map_or(self.bytes.len(), |it| *it as usize)
    }
}

/// Where the texts begin among the bytes, and where they end.
fn span(texts: &LargeStringArray) -> (usize, usize) {
    let offsets = texts.value_offsets();
    (offsets.first().map_or(0, |it| *it as usize), offsets.last().map_or(0, |it| *it as usize))
}

/// The first bytes of the texts, from which it is learnt what is rare in them.
pub fn sample(texts: &LargeStringArray) -> &[u8] {
    let (from, to) = span(texts);
    texts.value_data().get(from..to.min(from + SAMPLE)).unwrap_or(&[])
}

/// Goes from one place that `find` tells to the next: of some bytes the first from a place on.
fn search(
    cx: &Context,
    texts: &LargeStringArray,
    needles: &[&Needle],
    find: impl Fn(&[u8], usize) -> Option<usize>,
) -> Result<BooleanBuffer, Fault> {
    let offsets = texts.value_offsets();
    let end_of = |row: usize| offsets.get(row + 1).map_or(0, |it| *it as usize);
    let mut words = vec![0_u64; texts.len().div_ceil(64)];
    let (Some(first), Some(last)) = (offsets.first(), offsets.last()) else {
        return Ok(BooleanBuffer::new_unset(texts.len()));
    };
    let bytes = texts.value_data().get(..*last as usize).unwrap_or(&[]);
    let (mut at, mut row, mut n_found) = (*first as usize, 0, 0_usize);
    while let Some(start) = find(bytes, at) {
        n_found += 1;
        if n_found.is_multiple_of(4_096) {
            cx.check()?;
        }
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
    // Most often one of the next rows, found without a branch for each.
    let mut low = from;
    if let Some(next) = offsets.get(low + 1..).and_then(|it| it.first_chunk::<NEAR>()) {
        let n_before = next.iter().fold(0, |n, it| n + usize::from(*it <= byte));
        low += n_before;
        if n_before < NEAR {
            return low;
        }
    }
    // Steps that double, then a search between the last two.
    let is_before = |row: usize| offsets.get(row + 1).is_some_and(|it| *it <= byte);
    let mut step = 1;
    while is_before(low + step - 1) {
        low += step;
        step *= 2;
    }
    let rest = offsets.get(low + 1..(low + step).min(offsets.len())).unwrap_or(&[]);
    low + rest.partition_point(|it| *it <= byte)
}

/// Rows that are looked at together.
const NEAR: usize = 8;

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
                    &["k-", "llx", "rb", "xr", "lro", "ck r", "-ba", "qq", "_roll_"],
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
