//! The strings of a column while files are read: by dictionary, plain when most of them turn out distinct.

use arrow_array::LargeStringArray;
use arrow_buffer::OffsetBuffer;
use kql_data::{Column, DictionaryBuilder, DictionaryColumn, StringReader};
use std::sync::Arc;

/// Values before which a dictionary is never given up.
const TRIAL: usize = 32_768;

/// The strings of one chunk.
#[derive(Debug)]
enum Part {
    Codes(Vec<u32>),
    Plain(LargeStringArray),
}

/// Strings of one column, over all chunks.
#[derive(Debug, Default)]
pub(super) struct Words {
    dictionary: DictionaryBuilder,
    /// Set once the dictionary was given up; it then serves earlier chunks only.
    plain: bool,
    n_values: usize,
    /// Of the chunk under way: its codes, or its texts and where they end.
    codes: Vec<u32>,
    text: Vec<u8>,
    ends: Vec<i64>,
    parts: Vec<(usize, Part)>,
    bytes: usize,
}

impl Words {
    /// Appends strings.
    pub(super) fn extend<'a>(&mut self, values: impl Iterator<Item = &'a str>) {
        let values: Vec<&str> = values.collect();
        if self.plain {
            return values.into_iter().for_each(|it| self.push(it));
        }
        for batch in values.chunks(DictionaryBuilder::BATCH) {
            let mut codes = [0; DictionaryBuilder::BATCH];
            self.dictionary.codes(batch, &mut codes);
            self.codes.extend(codes.iter().take(batch.len()));
        }
        self.count(values.len());
    }

    /// Appends strings by their places in a list of distinct ones; none is "".
    pub(super) fn extend_coded(&mut self, values: &[&str], keys: impl Iterator<Item = Option<u32>>) {
        if self.plain {
            let text = |key: Option<u32>| key.and_then(|it| values.get(it as usize)).copied().unwrap_or("");
            return keys.for_each(|it| self.push(text(it)));
        }
        let codes: Vec<u32> = values.iter().map(|it| self.dictionary.code(it)).collect();
        let before = self.codes.len();
        self.codes.extend(keys.map(|it| it.and_then(|it| codes.get(it as usize)).copied().unwrap_or(0)));
        self.count(self.codes.len() - before);
    }

    fn push(&mut self, value: &str) {
        self.text.extend_from_slice(value.as_bytes());
        self.ends.push(self.text.len() as i64);
    }

    /// Gives the dictionary up when most of so many values more, and of those before, were new.
    fn count(&mut self, n_values: usize) {
        self.n_values += n_values;
        if self.n_values >= TRIAL && self.dictionary.len() * 2 > self.n_values {
            self.plain = true;
            for code in std::mem::take(&mut self.codes) {
                self.text.extend_from_slice(self.dictionary.value(code).as_bytes());
                self.ends.push(self.text.len() as i64);
            }
        }
    }

    /// Rough bytes held.
    pub(super) fn bytes(&self) -> usize {
        let open = self.codes.capacity() * 4 + self.text.capacity() + self.ends.capacity() * 8;
        self.dictionary.bytes() + self.bytes + open
    }

    /// Ends the chunk of that number in the table.
    pub(super) fn end_chunk(&mut self, chunk: usize) {
        let part = if self.plain {
            let offsets: Vec<i64> = std::iter::once(0).chain(std::mem::take(&mut self.ends)).collect();
            let n_rows = offsets.len() - 1;
            let mut text = std::mem::take(&mut self.text);
            text.shrink_to_fit();
            self.bytes += text.len() + offsets.len() * 8;
            let values = LargeStringArray::try_new(OffsetBuffer::new(offsets.into()), text.into(), None);
            // Cannot fail: offsets come from whole strings.
            Part::Plain(values.unwrap_or_else(|_| LargeStringArray::new_null(n_rows)))
        } else {
            let mut codes = std::mem::take(&mut self.codes);
            codes.shrink_to_fit();
            self.bytes += codes.len() * 4;
            Part::Codes(codes)
        };
        self.parts.push((chunk, part));
    }

    /// The columns, each with its chunk: all by the one dictionary, or all plain.
    pub(super) fn finish(self) -> impl Iterator<Item = (usize, Column)> {
        let (plain, dictionary) = (self.plain, Arc::new(self.dictionary.finish()));
        self.parts.into_iter().map(move |(chunk, part)| {
            let column = match part {
                Part::Plain(it) => Column::String(it),
                Part::Codes(codes) if plain => {
                    let reader = StringReader::Dictionary(&codes, dictionary.values());
                    Column::strings((0..codes.len()).map(|row| reader.get(row)))
                }
                Part::Codes(codes) => {
                    Column::Dictionary(DictionaryColumn { codes: codes.into(), dictionary: dictionary.clone() })
                }
            };
            (chunk, column)
        })
    }
}
