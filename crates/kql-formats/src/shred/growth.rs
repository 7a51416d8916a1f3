//! The columns of a node while it is built: what was read of each row is appended here, many rows at a time, and only of
//! rows that have the node. At the end of a chunk it is laid out by row, or stays as it is when few rows have it.

use super::texts::{Part, Places, Sprouts};
use arrow_buffer::ScalarBuffer;
use kql_data::{Lookup, Presence, Tag};
use std::sync::Arc;

/// What was read of a row at a node: 16 bytes, written where the record is read and taken up later, node by node.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    /// The row of the chunk, and the tag in the upper byte.
    row_tag: u32,
    /// Bytes of a text.
    len: u32,
    /// A whole number, the bits of a float, or where a text begins; see [`Entry::SIDE`].
    value: u64,
}

impl Entry {
    /// Marks a text that stands beside the block, not in it.
    pub(crate) const SIDE: u64 = 1 << 63;

    #[inline]
    pub(super) fn new(row: usize, tag: Tag, value: u64, len: u32) -> Entry {
        Entry { row_tag: row as u32 | (tag as u32) << 24, len, value }
    }

    #[inline]
    pub(super) fn row(&self) -> usize {
        (self.row_tag & 0xFF_FFFF) as usize
    }

    /// The same so many rows earlier.
    pub(super) fn move_up(&mut self, n_rows: u32) {
        self.row_tag -= n_rows;
    }

    #[inline]
    pub(super) fn tag(&self) -> u8 {
        (self.row_tag >> 24) as u8
    }

    /// The whole number, of an entry that has one.
    pub(super) fn long(&self) -> Option<i64> {
        self.is(Tag::Long).then_some(self.value as i64)
    }

    /// The float, of an entry that has one.
    pub(super) fn real(&self) -> Option<f64> {
        self.is(Tag::Real).then_some(f64::from_bits(self.value))
    }

    #[inline]
    fn is(&self, tag: Tag) -> bool {
        self.tag() == tag as u8
    }

    /// The text, of an entry that has one.
    pub(super) fn text<'a>(&self, texts: Texts<'a>) -> &'a str {
        std::str::from_utf8(self.bytes(texts)).unwrap_or("")
    }

    /// The bytes of the text, of an entry that has one.
    #[inline]
    pub(super) fn bytes<'a>(&self, texts: Texts<'a>) -> &'a [u8] {
        let text = if self.value & Entry::SIDE == 0 { texts.block.as_bytes() } else { texts.side };
        let from = (self.value & !Entry::SIDE) as usize;
        text.get(from..from + self.len as usize).unwrap_or(&[])
    }
}

/// What the texts of entries stand in.
#[derive(Clone, Copy, Debug)]
pub(super) struct Texts<'a> {
    /// The lines being read.
    pub(super) block: &'a str,
    /// Texts without a place there: of escapes put together, and of records that are no lines.
    pub(super) side: &'a [u8],
}

/// Room that all nodes use in turn.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    pub(super) lookup: Lookup,
    places: Vec<u32>,
    picked: Vec<Entry>,
}

/// The columns of a node, with a place for each of its entries.
#[derive(Debug, Default)]
pub(super) struct Growth {
    /// By tag: whether a row of the chunk under way has it.
    seen: u16,
    /// Entries of the chunk under way.
    n: usize,
    /// Their rows; empty as long as those are the first ones of the chunk.
    rows: Vec<u16>,
    /// Their tags; empty as long as all have the same.
    tags: Vec<u8>,
    longs: Vec<i64>,
    reals: Vec<f64>,
    pub(super) strings: Option<Box<Sprouts>>,
    pub(super) raw: Option<Box<Sprouts>>,
    pub(super) parts: Vec<Option<ChunkPart>>,
    /// Entries to make room for: those of the chunk before.
    room: usize,
}

/// The columns of a node over one chunk: over its rows, or over those in which the bag is that the node is a slot of.
#[derive(Debug)]
pub(super) struct ChunkPart {
    /// The rows of the bag that are here, of a node that few have.
    pub(super) presence: Option<Arc<Presence>>,
    pub(super) tags: ScalarBuffer<u8>,
    pub(super) longs: Option<Vec<i64>>,
    pub(super) reals: Option<Vec<f64>>,
    pub(super) strings: Option<Part>,
    pub(super) raw: Option<Part>,
}

impl ChunkPart {
    fn bytes(&self) -> usize {
        let text = |it: &Option<Part>| match it {
            None => 0,
            Some(Part::Codes(it)) => it.capacity() * 4,
            Some(Part::Plain(it)) => arrow_array::Array::get_array_memory_size(it),
        };
        self.tags.len()
            + self.longs.as_ref().map_or(0, |it| it.capacity() * 8)
            + self.reals.as_ref().map_or(0, |it| it.capacity() * 8)
            + text(&self.strings)
            + text(&self.raw)
    }
}

/// Where entries go when the columns of a chunk are laid out.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layout<'a> {
    /// The place of each; in order when not given.
    pub(super) places: Option<&'a [u16]>,
    /// Places that there are.
    pub(super) n_rows: usize,
}

impl Layout<'_> {
    /// Values of entries in their places.
    pub(super) fn lay<T: Copy + Default>(&self, values: &mut Vec<T>) -> Vec<T> {
        let Some(places) = self.places else {
            values.resize(self.n_rows, T::default());
            if values.capacity() <= self.n_rows + self.n_rows / 8 {
                return std::mem::take(values);
            }
            let out = values.to_vec();
            values.clear();
            return out;
        };
        let mut out = vec![T::default(); self.n_rows];
        for (value, place) in values.drain(..).zip(places) {
            if let Some(it) = out.get_mut(*place as usize) {
                *it = value;
            }
        }
        out
    }
}

/// Columns of one tag, shared by all nodes of which every row has it.
#[derive(Debug, Default)]
pub(super) struct Uniform([Option<ScalarBuffer<u8>>; 16]);

impl Uniform {
    fn tags(&mut self, tag: u8, n_rows: usize) -> ScalarBuffer<u8> {
        let Some(known) = self.0.get_mut(tag as usize) else { return vec![tag; n_rows].into() };
        match known {
            Some(it) if it.len() >= n_rows => it.slice(0, n_rows),
            _ => known.insert(vec![tag; n_rows].into()).clone(),
        }
    }
}

fn bit(tag: Tag) -> u16 {
    1 << tag as u8
}

impl Growth {
    /// The same without entries.
    pub(super) fn fork(&self) -> Growth {
        let texts = |it: &Option<Box<Sprouts>>| it.as_ref().map(|it| Box::new(it.fork()));
        Growth { strings: texts(&self.strings), raw: texts(&self.raw), room: self.room, ..Growth::default() }
    }

    /// Appends entries, whose rows ascend and lie behind those that are here.
    pub(super) fn settle(&mut self, entries: &[Entry], texts: Texts<'_>, scratch: &mut Scratch) {
        let (Some(first), Some(last)) = (entries.first(), entries.last()) else { return };
        let n = self.n;
        self.n += entries.len();
        if !self.rows.is_empty() || first.row() != n || last.row() + 1 != self.n {
            if self.rows.is_empty() {
                self.rows.reserve(self.room.max(self.n));
                self.rows.extend((0..n).map(|it| it as u16));
            }
            self.rows.extend(entries.iter().map(|it| it.row() as u16));
        }
        let seen = entries.iter().fold(0, |seen, it| seen | 1_u16 << it.tag());
        let before = self.seen;
        self.seen |= seen;
        if !self.seen.is_power_of_two() {
            if self.tags.is_empty() {
                self.tags.resize(n, before.trailing_zeros() as u8);
            }
            self.tags.extend(entries.iter().map(Entry::tag));
        }
        for tag in [Tag::Long, Tag::Real, Tag::String, Tag::Raw] {
            if seen & bit(tag) == 0 {
                continue;
            }
            if seen == bit(tag) {
                self.values(tag, entries, Places::From(n), texts, &mut scratch.lookup);
                continue;
            }
            let Scratch { lookup, places, picked } = scratch;
            let of = || entries.iter().zip(n as u32..).filter(|it| it.0.is(tag));
            places.clear();
            places.extend(of().map(|it| it.1));
            picked.clear();
            picked.extend(of().map(|it| it.0));
            self.values(tag, picked, Places::At(places), texts, lookup);
        }
    }

    /// Appends the values of entries of one tag.
    fn values(&mut self, tag: Tag, entries: &[Entry], places: Places<'_>, texts: Texts<'_>, lookup: &mut Lookup) {
        let room = self.room;
        match tag {
            Tag::Long => places.fill(&mut self.longs, room, entries.iter().map(|it| it.value as i64)),
            Tag::Real => places.fill(&mut self.reals, room, entries.iter().map(|it| f64::from_bits(it.value))),
            Tag::String => self.strings.get_or_insert_default().extend(entries, places, texts, room, lookup),
            _ => self.raw.get_or_insert_default().extend(entries, places, texts, room, lookup),
        }
    }

    /// Entries of the chunk under way.
    pub(super) fn n_entries(&self) -> usize {
        self.n
    }

    /// Their rows, taken out; none when those are the first ones of the chunk.
    pub(super) fn take_rows(&mut self) -> Vec<u16> {
        std::mem::take(&mut self.rows)
    }

    /// Ends the chunk under way; returns the bytes that it holds. `rows` is a list whose room can be used again.
    pub(super) fn finish_chunk(
        &mut self,
        chunk: usize,
        layout: Layout<'_>,
        presence: Option<Presence>,
        uniform: &mut Uniform,
    ) -> usize {
        let (seen, n) = (std::mem::take(&mut self.seen), std::mem::take(&mut self.n));
        let has = |tag: Tag| seen & bit(tag) != 0;
        let tags = match seen.is_power_of_two() {
            true if n == layout.n_rows => uniform.tags(seen.trailing_zeros() as u8, n),
            true => layout.lay(&mut vec![seen.trailing_zeros() as u8; n]).into(),
            false => layout.lay(&mut self.tags).into(),
        };
        self.tags.clear();
        let part = ChunkPart {
            presence: presence.map(Arc::new),
            tags,
            longs: has(Tag::Long).then(|| layout.lay(&mut self.longs)),
            reals: has(Tag::Real).then(|| layout.lay(&mut self.reals)),
            strings: self.strings.as_mut().filter(|_| has(Tag::String)).map(|it| it.part(layout, n)),
            raw: self.raw.as_mut().filter(|_| has(Tag::Raw)).map(|it| it.part(layout, n)),
        };
        self.room = n;
        let bytes = part.bytes();
        self.parts.resize_with(chunk, || None);
        self.parts.push(Some(part));
        bytes
    }

    /// Gives back a list of rows, so that its room is used again.
    pub(super) fn reuse_rows(&mut self, mut rows: Vec<u16>) {
        rows.clear();
        self.rows = rows;
    }

    /// Rough bytes held for the chunk under way, and of the dictionaries.
    pub(super) fn bytes(&self) -> usize {
        let texts = |it: &Option<Box<Sprouts>>| it.as_ref().map_or(0, |it| it.bytes());
        self.tags.capacity()
            + self.rows.capacity() * 2
            + self.longs.capacity() * 8
            + self.reals.capacity() * 8
            + texts(&self.strings)
            + texts(&self.raw)
    }
}
