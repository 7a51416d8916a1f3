//! The columns of a node while it is built: what was read of each row is appended here, many rows at a time.

use super::texts::{Part, Sprouts};
use kql_data::Tag;

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

    pub(super) fn new(row: usize, tag: Tag, value: u64, len: u32) -> Entry {
        Entry { row_tag: row as u32 | (tag as u32) << 24, len, value }
    }

    #[inline]
    pub(super) fn row(&self) -> usize {
        (self.row_tag & 0xFF_FFFF) as usize
    }

    #[inline]
    pub(super) fn tag(&self) -> u8 {
        (self.row_tag >> 24) as u8
    }

    /// The text, of an entry that has one.
    #[inline]
    pub(super) fn text<'a>(&self, texts: Texts<'a>) -> &'a str {
        let from = (self.value & !Entry::SIDE) as usize;
        let text = if self.value & Entry::SIDE == 0 { texts.block } else { texts.side };
        text.get(from..from + self.len as usize).unwrap_or("")
    }
}

/// What the texts of entries stand in.
#[derive(Clone, Copy, Debug)]
pub(super) struct Texts<'a> {
    /// The lines being read.
    pub(super) block: &'a str,
    /// Texts without a place there: of escapes put together, and of records that are no lines.
    pub(super) side: &'a str,
}

/// The columns of a node.
#[derive(Debug, Default)]
pub(super) struct Growth {
    /// By tag: whether a row of the chunk under way has it.
    seen: u16,
    tags: Vec<u8>,
    longs: Vec<i64>,
    reals: Vec<f64>,
    pub(super) strings: Option<Box<Sprouts>>,
    pub(super) raw: Option<Box<Sprouts>>,
    pub(super) parts: Vec<Option<ChunkPart>>,
    /// Rows to make room for: those of the chunk before.
    room: usize,
}

/// The columns of a node over one chunk.
#[derive(Debug)]
pub(super) struct ChunkPart {
    pub(super) tags: Vec<u8>,
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
        self.tags.capacity()
            + self.longs.as_ref().map_or(0, |it| it.capacity() * 8)
            + self.reals.as_ref().map_or(0, |it| it.capacity() * 8)
            + text(&self.strings)
            + text(&self.raw)
    }
}

fn bit(tag: Tag) -> u16 {
    1 << tag as u8
}

impl Growth {
    /// Appends entries, whose rows ascend and lie behind those that are here.
    pub(super) fn settle(&mut self, entries: &[Entry], texts: Texts<'_>) {
        if self.tags.capacity() == 0 {
            self.tags.reserve(self.room);
        }
        let mut seen = 0;
        for it in entries {
            let row = it.row();
            if self.tags.len() < row {
                self.tags.resize(row, Tag::Missing as u8);
            }
            self.tags.push(it.tag());
            seen |= 1 << it.tag();
        }
        self.seen |= seen;
        let of = |tag: Tag| entries.iter().filter(move |it| it.tag() == tag as u8);
        if seen & bit(Tag::Long) != 0 {
            fill(&mut self.longs, self.room, of(Tag::Long).map(|it| (it.row(), it.value as i64)));
        }
        if seen & bit(Tag::Real) != 0 {
            fill(&mut self.reals, self.room, of(Tag::Real).map(|it| (it.row(), f64::from_bits(it.value))));
        }
        for (tag, sprouts) in [(Tag::String, &mut self.strings), (Tag::Raw, &mut self.raw)] {
            if seen & bit(tag) != 0 {
                let values = of(tag).map(|it| (it.row(), it.text(texts)));
                sprouts.get_or_insert_default().extend(values, self.room);
            }
        }
    }

    /// Ends the chunk under way; returns the bytes that it holds.
    pub(super) fn finish_chunk(&mut self, chunk: usize, n_rows: usize) -> usize {
        let seen = std::mem::take(&mut self.seen);
        if seen & !1 == 0 {
            return 0;
        }
        let has = |tag: Tag| seen & bit(tag) != 0;
        let part = ChunkPart {
            tags: padded(&mut self.tags, n_rows),
            longs: has(Tag::Long).then(|| padded(&mut self.longs, n_rows)),
            reals: has(Tag::Real).then(|| padded(&mut self.reals, n_rows)),
            strings: self.strings.as_mut().filter(|_| has(Tag::String)).map(|it| it.part(n_rows)),
            raw: self.raw.as_mut().filter(|_| has(Tag::Raw)).map(|it| it.part(n_rows)),
        };
        self.room = n_rows;
        let bytes = part.bytes();
        self.parts.resize_with(chunk, || None);
        self.parts.push(Some(part));
        bytes
    }

    /// Rough bytes held for the chunk under way, and of the dictionaries.
    pub(super) fn bytes(&self) -> usize {
        let texts = |it: &Option<Box<Sprouts>>| it.as_ref().map_or(0, |it| it.bytes());
        self.tags.capacity()
            + self.longs.capacity() * 8
            + self.reals.capacity() * 8
            + texts(&self.strings)
            + texts(&self.raw)
    }
}

fn fill<T: Copy + Default>(out: &mut Vec<T>, room: usize, values: impl Iterator<Item = (usize, T)>) {
    if out.capacity() == 0 {
        out.reserve(room);
    }
    for (row, value) in values {
        if out.len() < row {
            out.resize(row, T::default());
        }
        out.push(value);
    }
}

fn padded<T: Copy + Default>(values: &mut Vec<T>, n_rows: usize) -> Vec<T> {
    values.resize(n_rows, T::default());
    values.shrink_to_fit();
    std::mem::take(values)
}
