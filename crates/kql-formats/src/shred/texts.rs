//! Strings of a node while it is built: by dictionary at first, plain when most of them turn out distinct.

use super::growth::{Entry, Layout, Texts as Source};
use arrow_array::{Array, LargeStringArray, builder::LargeStringBuilder};
use arrow_buffer::OffsetBuffer;
use kql_data::{DictionaryBuilder, DictionaryColumn, Lookup, StringDictionary, Texts, text_hash::same};
use std::sync::Arc;

/// Values from which on a dictionary is given up when more of 1,024 are distinct than so many. Of values of which nearly all
/// are distinct that is known earlier: a dictionary costs more of them than all else. Not too early: values may take turns, and
/// of the first values of some tens of thousands of users most are distinct, too.
const TRIALS: [(usize, usize); 5] = [(8_192, 1_020), (16_384, 1_008), (65_536, 896), (131_072, 640), (262_144, 512)];

/// Which of the entries of a node values are.
#[derive(Clone, Copy, Debug)]
pub(super) enum Places<'a> {
    /// One after the other from there on.
    From(usize),
    /// These, which ascend.
    At(&'a [u32]),
}

impl Places<'_> {
    /// Appends values in their places.
    pub(super) fn fill<T: Copy + Default>(self, out: &mut Vec<T>, room: usize, values: impl Iterator<Item = T>) {
        if out.capacity() == 0 {
            out.reserve(room);
        }
        match self {
            Places::From(first) => {
                out.resize(first, T::default());
                out.extend(values);
            }
            Places::At(places) => {
                for (place, value) in places.iter().zip(values) {
                    out.resize(*place as usize, T::default());
                    out.push(value);
                }
            }
        }
    }

    fn get(&self, at: usize) -> usize {
        match self {
            Places::From(first) => first + at,
            Places::At(places) => places.get(at).map_or(0, |it| *it as usize),
        }
    }
}

/// The strings of one chunk.
#[derive(Debug)]
pub(crate) enum Part {
    Codes(Vec<u32>),
    Plain(LargeStringArray),
}

/// What becomes of the codes of a node that another tree takes in.
#[derive(Debug)]
pub(crate) enum Taken {
    /// They stay.
    Same,
    /// From a number on they are others there.
    Recoded(u32, Vec<u32>),
    /// They become the texts that they stand for.
    Plain(DictionaryBuilder),
}

impl Taken {
    /// Makes it so in a chunk. Returns how many bytes the chunk takes more.
    pub(crate) fn apply(&self, part: &mut Part) -> usize {
        let Part::Codes(codes) = part else { return 0 };
        match self {
            Taken::Same => 0,
            Taken::Recoded(from, new) => {
                for it in codes {
                    let code = it.checked_sub(*from).and_then(|it| new.get(it as usize));
                    *it = code.copied().unwrap_or(*it);
                }
                0
            }
            Taken::Plain(dictionary) => {
                let plain = spread(codes, |it| dictionary.value(it));
                let bytes = plain.get_array_memory_size().saturating_sub(codes.capacity() * 4);
                *part = Part::Plain(plain);
                bytes
            }
        }
    }
}

/// The texts that codes stand for.
fn spread<'a>(codes: &[u32], value: impl Fn(u32) -> &'a str) -> LargeStringArray {
    let text = codes.iter().map(|it| value(*it).len()).sum();
    let mut out = LargeStringBuilder::with_capacity(codes.len(), text);
    codes.iter().for_each(|it| out.append_value(value(*it)));
    out.finish()
}

/// Strings of one node, over all chunks.
#[derive(Debug, Default)]
pub(crate) struct Sprouts {
    dictionary: DictionaryBuilder,
    /// Set once the dictionary was given up; it then serves earlier chunks only.
    plain: bool,
    n_values: usize,
    /// Values, and values of the dictionary, of those that these were forked of.
    before: (usize, usize),
    /// By entry of the node.
    codes: Vec<u32>,
    /// Of a plain node, all values of the chunk.
    text: Vec<u8>,
    /// By entry, where they begin in `text`, and where the last one ends.
    offsets: Vec<i64>,
    /// Bytes of text to make room for: those of the chunk before.
    text_room: usize,
}

impl Sprouts {
    /// Appends the texts of entries. A dictionary is fast while it is in the cache, so many values come at a time.
    pub(super) fn extend(
        &mut self,
        entries: &[Entry],
        places: Places<'_>,
        texts: Source<'_>,
        room: usize,
        lookup: &mut Lookup,
    ) {
        if self.plain {
            return self.extend_plain(entries, places, texts, room);
        }
        self.n_values += entries.len();
        let value = |at: usize| entries.get(at).map_or(&[][..], |it| it.bytes(texts));
        // A column of one value needs no look-up.
        let one = if self.dictionary.len() == 2 { self.dictionary.value(1).as_bytes() } else { &[] };
        if !one.is_empty() && (0..entries.len()).all(|it| same(value(it), one)) {
            places.fill(&mut self.codes, room, std::iter::repeat_n(1, entries.len()));
        } else {
            let codes = self.dictionary.look_up(entries.len(), value, lookup);
            places.fill(&mut self.codes, room, codes.iter().copied());
        }
        self.judge();
    }

    /// Gives the dictionary up when too many of the values so far are distinct.
    fn judge(&mut self) {
        let n_distinct = self.dictionary.len();
        let is_distinct = |of: usize| n_distinct * 1_024 > self.n_values * of;
        if TRIALS.iter().any(|(from, of)| self.n_values >= *from && is_distinct(*of)) {
            self.give_up();
        }
    }

    fn extend_plain(&mut self, entries: &[Entry], places: Places<'_>, texts: Source<'_>, room: usize) {
        if self.offsets.is_empty() {
            self.offsets.reserve(room + 1);
            self.text.reserve(self.text_room);
            self.offsets.push(0);
        }
        for (at, it) in entries.iter().enumerate() {
            let place = places.get(at);
            if self.offsets.len() <= place {
                self.offsets.resize(place + 1, self.text.len() as i64);
            }
            self.text.extend_from_slice(it.bytes(texts));
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
            self.text.extend_from_slice(self.dictionary.value(code).as_bytes());
            self.offsets.push(self.text.len() as i64);
        }
    }

    /// Bytes held for the chunk under way and the dictionary.
    pub(crate) fn bytes(&self) -> usize {
        self.dictionary.bytes() + self.codes.capacity() * 4 + self.text.capacity() + self.offsets.capacity() * 8
    }

    /// The chunk's strings, of so many entries, laid out.
    pub(super) fn part(&mut self, layout: Layout<'_>, n: usize) -> Part {
        if !self.plain {
            return Part::Codes(layout.lay(&mut self.codes));
        }
        self.text_room = self.text.len();
        let mut text = std::mem::take(&mut self.text);
        text.shrink_to_fit();
        let end = text.len() as i64;
        let mut offsets = std::mem::take(&mut self.offsets);
        offsets.resize(n + 1, end);
        let mut offsets = match layout.places {
            None => offsets,
            Some(places) => {
                let mut laid = Vec::with_capacity(layout.n_rows + 1);
                for (ends, place) in offsets.windows(2).zip(places) {
                    if let [from, to] = ends {
                        laid.resize(*place as usize + 1, *from);
                        laid.push(*to);
                    }
                }
                laid
            }
        };
        offsets.resize(layout.n_rows + 1, end);
        offsets.shrink_to_fit();
        let values = LargeStringArray::try_new(OffsetBuffer::new(offsets.into()), text.into(), None);
        // Cannot fail: offsets come from whole strings.
        Part::Plain(values.unwrap_or_else(|_| LargeStringArray::new_null(layout.n_rows)))
    }

    /// The same without rows; what follows is added to the dictionary, if it is not given up.
    pub(super) fn fork(&self) -> Sprouts {
        let dictionary = if self.plain { DictionaryBuilder::default() } else { self.dictionary.clone() };
        let n_known = if self.plain { 0 } else { dictionary.len() };
        Sprouts {
            dictionary,
            plain: self.plain,
            n_values: self.n_values,
            before: (self.n_values, n_known),
            text_room: self.text_room,
            ..Sprouts::default()
        }
    }

    /// Takes over the dictionary of another, which was forked of this or of an empty one, unless values are plain.
    pub(crate) fn absorb(&mut self, mut other: Sprouts) -> Taken {
        let (n_values, n_known) = other.before;
        self.n_values += other.n_values - n_values;
        if self.plain || other.plain {
            if !self.plain {
                self.give_up();
            }
            return other.take_plain();
        }
        let from = n_known as u32;
        let values = (from..other.dictionary.len() as u32).map(|it| other.dictionary.value(it));
        let codes: Vec<u32> = values.map(|it| self.dictionary.code(it)).collect();
        // Each thread saw a part of the values: how they came to be dealt must not decide what the column is.
        self.judge();
        match codes.iter().zip(from..).all(|(code, it)| *code == it) {
            true => Taken::Same,
            false => Taken::Recoded(from, codes),
        }
    }

    /// What becomes of the codes of earlier chunks when values are plain; the dictionary goes with it.
    fn take_plain(&mut self) -> Taken {
        Taken::Plain(std::mem::take(&mut self.dictionary))
    }

    /// The same of values that turned out plain, if there are such codes.
    pub(super) fn spread(&mut self) -> Option<Taken> {
        (self.plain && self.dictionary.len() > 1).then(|| self.take_plain())
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
                let value = |it: u32| if (it as usize) < values.len() { values.value(it as usize) } else { "" };
                Texts::Plain(spread(&codes, value))
            }
            Part::Codes(codes) => {
                Texts::Dictionary(DictionaryColumn { codes: codes.into(), dictionary: self.dictionary.clone() })
            }
        }
    }
}
