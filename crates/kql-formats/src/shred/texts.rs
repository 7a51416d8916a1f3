//! Strings of a node while it is built: by dictionary at first, plain when most of them turn out distinct.

use arrow_array::{Array, LargeStringArray, builder::LargeStringBuilder};
use arrow_buffer::OffsetBuffer;
use kql_data::{DictionaryBuilder, DictionaryColumn, StringDictionary, Texts};
use std::sync::Arc;

/// Values before which a dictionary is never given up.
const TRIAL: usize = 32_768;

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

/// Values that wait before they are looked up.
const PENDING: usize = 4_096;
/// Bytes of values that wait.
const PENDING_BYTES: usize = 1 << 18;

/// Strings of one node, over all chunks.
#[derive(Debug, Default)]
pub(crate) struct Sprouts {
    dictionary: DictionaryBuilder,
    /// Set once the dictionary was given up; it then serves earlier chunks only.
    plain: bool,
    n_values: usize,
    codes: Vec<u32>,
    /// Rows of values not yet looked up, and where the values end in `text`. A dictionary is fast while it is in the
    /// cache, so many values of one node are looked up at a time.
    pending: Vec<(u32, u32)>,
    /// The pending values; of a plain node, all values of the chunk.
    text: String,
    ends: Vec<i64>,
}

impl Sprouts {
    /// Sets the value of a row, which no value follows yet.
    #[inline]
    pub(crate) fn set(&mut self, row: usize, value: &str) {
        if self.plain {
            let end = self.text.len() as i64;
            if self.ends.len() < row {
                self.ends.resize(row, end);
            }
            self.text.push_str(value);
            self.ends.push(self.text.len() as i64);
            return;
        }
        // Many values are short, and a long one is looked up at once: both numbers are small.
        self.text.push_str(value);
        self.pending.push((row as u32, self.text.len() as u32));
        if self.pending.len() >= PENDING || self.text.len() >= PENDING_BYTES {
            self.flush();
        }
    }

    /// Looks the pending values up.
    fn flush(&mut self) {
        if self.plain {
            return;
        }
        let (mut from, mut last, mut code) = (0, "", 0);
        for (row, end) in &self.pending {
            let value = self.text.get(from..*end as usize).unwrap_or("");
            if value != last {
                (last, code) = (value, self.dictionary.code(value));
            }
            if self.codes.len() < *row as usize {
                self.codes.resize(*row as usize, 0);
            }
            self.codes.push(code);
            from = *end as usize;
        }
        self.n_values += self.pending.len();
        self.pending.clear();
        self.text.clear();
        if self.n_values >= TRIAL && self.dictionary.len() * 2 > self.n_values {
            self.give_up();
        }
    }

    fn give_up(&mut self) {
        self.plain = true;
        for code in std::mem::take(&mut self.codes) {
            self.text.push_str(self.dictionary.value(code));
            self.ends.push(self.text.len() as i64);
        }
    }

    /// The value of the row set last.
    pub(crate) fn last(&self) -> &str {
        if self.plain {
            let from = self.ends.len().checked_sub(2).and_then(|it| self.ends.get(it)).copied().unwrap_or(0);
            return usize::try_from(from).ok().and_then(|from| self.text.get(from..)).unwrap_or("");
        }
        match self.pending.as_slice() {
            [] => self.codes.last().map_or("", |code| self.dictionary.value(*code)),
            [_] => &self.text,
            [.., (_, from), _] => self.text.get(*from as usize..).unwrap_or(""),
        }
    }

    /// Forgets rows from `row` on.
    pub(crate) fn truncate(&mut self, row: usize) {
        if self.plain && self.ends.len() > row {
            self.ends.truncate(row);
            let end = self.ends.last().copied().unwrap_or(0);
            self.text.truncate(usize::try_from(end).unwrap_or(0));
        }
        if !self.plain {
            while self.pending.pop_if(|it| it.0 as usize >= row).is_some() {}
            self.text.truncate(self.pending.last().map_or(0, |it| it.1 as usize));
        }
        self.codes.truncate(row);
    }

    /// Bytes held for the chunk under way and the dictionary.
    pub(crate) fn bytes(&self) -> usize {
        self.dictionary.bytes()
            + self.pending.capacity() * 8
            + self.codes.capacity() * 4
            + self.text.capacity()
            + self.ends.capacity() * 8
    }

    /// The chunk's strings, padded to so many rows.
    pub(crate) fn part(&mut self, n_rows: usize) -> Part {
        self.flush();
        if !self.plain {
            self.codes.resize(n_rows, 0);
            self.codes.shrink_to_fit();
            return Part::Codes(std::mem::take(&mut self.codes));
        }
        let end = self.text.len() as i64;
        self.ends.resize(n_rows, end);
        let mut offsets = Vec::with_capacity(n_rows + 1);
        offsets.push(0);
        offsets.append(&mut self.ends);
        let mut text = std::mem::take(&mut self.text).into_bytes();
        text.shrink_to_fit();
        let values = LargeStringArray::try_new(OffsetBuffer::new(offsets.into()), text.into(), None);
        // Cannot fail: offsets come from whole strings.
        Part::Plain(values.unwrap_or_else(|_| LargeStringArray::new_null(n_rows)))
    }

    /// Forgets the chunk's strings.
    pub(crate) fn clear(&mut self) {
        self.pending.clear();
        self.codes.clear();
        self.text.clear();
        self.ends.clear();
    }

    /// Takes over the dictionary of another: the codes here, by its codes.
    pub(crate) fn absorb(&mut self, other: &Sprouts) -> Vec<u32> {
        self.flush();
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
