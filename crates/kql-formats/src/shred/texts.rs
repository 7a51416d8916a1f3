//! Strings of a node while it is built: by dictionary at first, plain when most of them turn out distinct.

use arrow_array::{Array, LargeStringArray, builder::LargeStringBuilder};
use arrow_buffer::OffsetBuffer;
use kql_data::{DictionaryBuilder, DictionaryColumn, StringDictionary, Texts};
use std::sync::Arc;

/// Values before which a dictionary is never given up.
const TRIAL: usize = 32_768;

const BATCH: usize = DictionaryBuilder::BATCH;

/// The strings of one chunk.
#[derive(Debug)]
pub(crate) enum Part {
    Codes(Vec<u32>),
    Plain(LargeStringArray),
}

impl Part {
    /// Turns codes of one dictionary into codes of another.
    pub(crate) fn recode(&mut self, codes: &[u32]) {
        if let Part::Codes(rows) = self {
            for it in rows {
                *it = codes.get(*it as usize).copied().unwrap_or(0);
            }
        }
    }
}

/// Strings of one node, over all chunks.
#[derive(Debug, Default)]
pub(crate) struct Sprouts {
    dictionary: DictionaryBuilder,
    /// Set once the dictionary was given up; it then serves earlier chunks only.
    plain: bool,
    n_values: usize,
    codes: Vec<u32>,
    /// Of a plain node, all values of the chunk.
    text: String,
    /// Where they begin in `text`, and where the last one ends.
    offsets: Vec<i64>,
    /// Bytes of text to make room for: those of the chunk before.
    text_room: usize,
}

impl Sprouts {
    /// Appends values of rows that ascend. A dictionary is fast while it is in the cache, so many values come at a time.
    pub(super) fn extend<'a>(&mut self, values: impl Iterator<Item = (usize, &'a str)>, room: usize) {
        if self.plain {
            return self.extend_plain(values, room);
        }
        if self.codes.capacity() == 0 {
            self.codes.reserve(room);
        }
        let mut values = values;
        loop {
            let (mut rows, mut batch, mut n) = ([0; BATCH], [""; BATCH], 0);
            for (place, (row, value)) in rows.iter_mut().zip(&mut batch).zip(values.by_ref()) {
                (*place.0, *place.1) = (row, value);
                n += 1;
            }
            if n == 0 {
                break;
            }
            self.extend_codes(rows.get(..n).unwrap_or(&[]), batch.get(..n).unwrap_or(&[]));
        }
        if self.n_values >= TRIAL && self.dictionary.len() * 2 > self.n_values {
            self.give_up();
        }
    }

    fn extend_codes(&mut self, rows: &[usize], values: &[&str]) {
        self.n_values += values.len();
        let mut codes = [1; BATCH];
        // A column of one value needs no look-up.
        let one = if self.dictionary.len() == 2 { self.dictionary.value(1) } else { "" };
        if one.is_empty() || values.iter().any(|it| *it != one) {
            self.dictionary.codes(values, &mut codes);
        }
        for (row, code) in rows.iter().zip(codes) {
            if self.codes.len() < *row {
                self.codes.resize(*row, 0);
            }
            self.codes.push(code);
        }
    }

    fn extend_plain<'a>(&mut self, values: impl Iterator<Item = (usize, &'a str)>, room: usize) {
        if self.offsets.is_empty() {
            self.offsets.reserve(room + 1);
            self.text.reserve(self.text_room);
            self.offsets.push(0);
        }
        for (row, value) in values {
            if self.offsets.len() <= row {
                self.offsets.resize(row + 1, self.text.len() as i64);
            }
            self.text.push_str(value);
            self.offsets.push(self.text.len() as i64);
        }
    }

    fn give_up(&mut self) {
        self.plain = true;
        if self.codes.is_empty() {
            return;
        }
        self.offsets.push(0);
        for code in std::mem::take(&mut self.codes) {
            self.text.push_str(self.dictionary.value(code));
            self.offsets.push(self.text.len() as i64);
        }
    }

    /// Bytes held for the chunk under way and the dictionary.
    pub(crate) fn bytes(&self) -> usize {
        self.dictionary.bytes() + self.codes.capacity() * 4 + self.text.capacity() + self.offsets.capacity() * 8
    }

    /// The chunk's strings, padded to so many rows.
    pub(crate) fn part(&mut self, n_rows: usize) -> Part {
        if !self.plain {
            self.codes.resize(n_rows, 0);
            self.codes.shrink_to_fit();
            return Part::Codes(std::mem::take(&mut self.codes));
        }
        self.offsets.resize(n_rows + 1, self.text.len() as i64);
        self.offsets.shrink_to_fit();
        let offsets = std::mem::take(&mut self.offsets);
        self.text_room = self.text.len();
        let mut text = std::mem::take(&mut self.text).into_bytes();
        text.shrink_to_fit();
        let values = LargeStringArray::try_new(OffsetBuffer::new(offsets.into()), text.into(), None);
        // Cannot fail: offsets come from whole strings.
        Part::Plain(values.unwrap_or_else(|_| LargeStringArray::new_null(n_rows)))
    }

    /// Takes over the dictionary of another: the codes here, by its codes.
    pub(crate) fn absorb(&mut self, other: &Sprouts) -> Vec<u32> {
        if other.plain && !self.plain {
            self.give_up();
        }
        self.n_values += other.n_values;
        (0..other.dictionary.len() as u32).map(|it| self.dictionary.code(other.dictionary.value(it))).collect()
    }

    /// No more values: what turns parts into texts.
    pub(crate) fn finish(self) -> Finished {
        Finished { plain: self.plain, dictionary: Arc::new(self.dictionary.finish()) }
    }
}

/// The dictionary of a node, complete.
#[derive(Debug)]
pub(crate) struct Finished {
    plain: bool,
    dictionary: Arc<StringDictionary>,
}

impl Finished {
    /// The texts of a chunk. All chunks of a node come out by the one dictionary, or all plain.
    pub(crate) fn texts(&self, part: Part) -> Texts {
        match part {
            Part::Plain(it) => Texts::Plain(it),
            Part::Codes(codes) if self.plain => {
                let values = self.dictionary.values();
                let text = codes.iter().map(|it| values.value(*it as usize).len()).sum();
                let mut out = LargeStringBuilder::with_capacity(codes.len(), text);
                for code in codes {
                    out.append_value(if (code as usize) < values.len() { values.value(code as usize) } else { "" });
                }
                Texts::Plain(out.finish())
            }
            Part::Codes(codes) => {
                Texts::Dictionary(DictionaryColumn { codes: codes.into(), dictionary: self.dictionary.clone() })
            }
        }
    }
}
