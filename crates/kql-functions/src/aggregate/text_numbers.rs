//! Numbers for distinct texts. Texts that hardly repeat stay in the arrays in which they came: only their hashes are moved.

use super::interned::Numbers;
use arrow_array::{Array, LargeStringArray};
use kql_data::{
    Column, HashIndex, StringReader,
    text_hash::{TextHasher, same},
};

/// Texts with consecutive numbers.
#[derive(Debug)]
struct Texts {
    first: u32,
    values: LargeStringArray,
}

/// Gives texts numbers, which rise but leave some out.
#[derive(Debug, Default)]
pub(crate) struct TextNumbers {
    hasher: TextHasher,
    index: HashIndex,
    texts: Vec<Texts>,
    /// Numbers given or left out.
    n_numbers: u32,
    /// Whether most texts of the last batch were new: then an array is kept as it is.
    are_new: bool,
    bytes: usize,
}

impl TextNumbers {
    /// The number of the text of each row.
    pub(crate) fn numbers(&mut self, column: &Column) -> Vec<u32> {
        let n_rows = column.len();
        let mut numbers = vec![0; n_rows];
        let reader = column.string_reader();
        let whole = match column {
            Column::String(it) if self.are_new && self.n_numbers.checked_add(n_rows as u32).is_some() => Some(it),
            _ => None,
        };
        let n_new = match (whole, reader) {
            // Known without looking at the encoding of each row.
            (Some(it), _) => self.add(n_rows, |row| it.value(row), true, &mut numbers),
            (None, StringReader::Plain(it)) => self.add(n_rows, |row| it.value(row), false, &mut numbers),
            (None, reader) => self.add(n_rows, |row| reader.get(row), false, &mut numbers),
        };
        if let Some(it) = whole {
            self.keep(it.clone(), n_rows);
        }
        self.are_new = n_new * 2 > n_rows;
        numbers
    }

    /// Looks up the texts of so many rows. The number of a new one is that of its row, if `by_row`; else new ones are held
    /// one after the other. Gives how many were new.
    fn add<'t>(&mut self, n_rows: usize, text: impl Fn(usize) -> &'t str, by_row: bool, numbers: &mut [u32]) -> usize {
        let first = self.n_numbers;
        let mut new_rows: Vec<u32> = Vec::new();
        let mut index = std::mem::take(&mut self.index);
        let n_before = index.len();
        let hashes: Vec<u64> = (0..n_rows).map(|row| self.hasher.hash(text(row).as_bytes())).collect();
        let places = hashes.chunks(HashIndex::BATCH).zip(numbers.chunks_mut(HashIndex::BATCH));
        for ((hashes, numbers), from) in places.zip((0..).step_by(HashIndex::BATCH)) {
            index.touch(hashes);
            for ((hash, number), row) in hashes.iter().zip(numbers).zip(from..) {
                let new = first + if by_row { row } else { new_rows.len() as u32 };
                let is_it = |number: u32| {
                    let known = match number.checked_sub(first) {
                        None => self.text(number),
                        Some(it) if by_row => text(it as usize),
                        Some(it) => new_rows.get(it as usize).map_or("", |row| text(*row as usize)),
                    };
                    same(known.as_bytes(), text(row as usize).as_bytes())
                };
                *number = index.find_or_add(*hash, new, is_it);
                if !by_row && index.len() - n_before > new_rows.len() {
                    new_rows.push(row);
                }
            }
        }
        let n_new = index.len() - n_before;
        self.index = index;
        if !by_row {
            let values = LargeStringArray::from_iter_values(new_rows.iter().map(|row| text(*row as usize)));
            self.keep(values, new_rows.len());
        }
        n_new
    }

    fn keep(&mut self, values: LargeStringArray, count: usize) {
        if count == 0 {
            return;
        }
        let offsets = values.value_offsets();
        let text = offsets.last().unwrap_or(&0) - offsets.first().unwrap_or(&0);
        self.bytes += usize::try_from(text).unwrap_or(0) + values.len() * 8;
        self.texts.push(Texts { first: self.n_numbers, values });
        self.n_numbers += count as u32;
    }

    /// The text of a number; "" for one that was not given.
    pub(crate) fn text(&self, number: u32) -> &str {
        let at = self.texts.partition_point(|it| it.first <= number).wrapping_sub(1);
        let Some(texts) = self.texts.get(at) else { return "" };
        let row = (number - texts.first) as usize;
        if row < texts.values.len() { texts.values.value(row) } else { "" }
    }
}

impl Numbers for TextNumbers {
    type Item = str;

    fn number(&mut self, item: &str) -> u32 {
        let mut numbers = [0];
        _ = self.add(1, |_| item, false, &mut numbers);
        let [number] = numbers;
        number
    }

    fn with(&self, number: u32, body: &mut dyn FnMut(&str)) {
        body(self.text(number));
    }

    fn len(&self) -> usize {
        self.n_numbers as usize
    }

    fn bytes(&self) -> usize {
        self.bytes + self.index.bytes()
    }

    fn translate(&mut self, other: &TextNumbers) -> Vec<u32> {
        let mut numbers = Vec::with_capacity(other.n_numbers as usize);
        for texts in &other.texts {
            numbers.extend(self.numbers(&Column::String(texts.values.clone())));
        }
        numbers
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    /// Numbers and texts are one to one, however the rows come.
    #[test]
    fn numbers_are_one_to_one() {
        for (n_distinct, batch) in [(50, 7), (50, 5_000), (20_000, 5_000), (1_000_000, 3_000), (3_000, 2_048)] {
            let mut dice = 12_345_u64;
            let texts: Vec<String> = (0..20_000)
                .map(|_| {
                    dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    let it = (dice >> 33) % n_distinct;
                    if it == 0 { String::new() } else { format!("{}{it}", "ab".repeat((it % 20) as usize)) }
                })
                .collect();
            let mut numbers = TextNumbers::default();
            let mut found: Vec<u32> = Vec::new();
            for part in texts.chunks(batch) {
                found.extend(numbers.numbers(&Column::strings(part)));
            }
            let mut known: HashMap<u32, &str> = HashMap::new();
            for (number, text) in found.iter().zip(&texts) {
                assert_eq!(numbers.text(*number), text);
                assert_eq!(known.insert(*number, text).unwrap_or(text), text);
            }
            let distinct: std::collections::HashSet<&String> = texts.iter().collect();
            assert_eq!(known.len(), distinct.len());
            assert!(texts.iter().zip(&found).take(300).all(|(text, it)| numbers.number(text) == *it));
            let mut other = TextNumbers::default();
            _ = other.number("only here");
            let translated = other.translate(&numbers);
            assert!(texts.iter().zip(&found).all(|(text, it)| other.text(translated[*it as usize]) == text));
        }
    }
}
