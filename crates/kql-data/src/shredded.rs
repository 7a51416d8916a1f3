//! Dynamic columns taken apart at load: one tree of typed columns, so that a path is a column and not a parse.

use crate::{Bag, Column, DictionaryColumn, Dynamic, NO_ROW, StringReader, json};
use arrow_array::{Array, LargeStringArray};
use arrow_buffer::ScalarBuffer;
use indexmap::IndexMap;
use std::sync::Arc;

/// What a row holds at a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Tag {
    /// Nothing: the key is not there.
    Missing = 0,
    /// JSON null.
    Null = 1,
    /// false.
    False = 2,
    /// true.
    True = 3,
    /// A whole number, in `longs`.
    Long = 4,
    /// Another number, in `reals`.
    Real = 5,
    /// A string, in `strings`.
    String = 6,
    /// An array, or anything else kept as JSON text, in `raw`.
    Raw = 7,
    /// A bag, in `children`.
    Bag = 8,
}

impl Tag {
    /// The tag of that number.
    pub fn from_u8(tag: u8) -> Tag {
        match tag {
            1 => Tag::Null,
            2 => Tag::False,
            3 => Tag::True,
            4 => Tag::Long,
            5 => Tag::Real,
            6 => Tag::String,
            7 => Tag::Raw,
            8 => Tag::Bag,
            _ => Tag::Missing,
        }
    }
}

/// Texts of a node by row; rows of another tag hold "".
#[derive(Clone, Debug)]
pub enum Texts {
    /// By dictionary.
    Dictionary(DictionaryColumn),
    /// Plain.
    Plain(LargeStringArray),
}

impl Texts {
    /// By row.
    pub fn reader(&self) -> StringReader<'_> {
        match self {
            Texts::Dictionary(it) => StringReader::Dictionary(&it.codes, it.dictionary.values()),
            Texts::Plain(it) => StringReader::Plain(it),
        }
    }

    fn bytes(&self) -> usize {
        match self {
            // The dictionary is shared by the chunks of a column and counted once, by the table.
            Texts::Dictionary(it) => it.codes.len() * 4,
            Texts::Plain(it) => it.get_array_memory_size(),
        }
    }
}

/// One node of the tree, over all rows of a chunk. Every present child has as many rows as `tags`.
#[derive(Clone, Debug, Default)]
pub struct Node {
    /// A [`Tag`] a row.
    pub tags: ScalarBuffer<u8>,
    /// Whole numbers; 0 in rows of another tag.
    pub longs: Option<ScalarBuffer<i64>>,
    /// Floats.
    pub reals: Option<ScalarBuffer<f64>>,
    /// Strings.
    pub strings: Option<Texts>,
    /// JSON texts.
    pub raw: Option<Texts>,
    /// Slots of bags, in order of first appearance.
    pub children: IndexMap<Arc<str>, Arc<Node>, ahash::RandomState>,
}

impl Node {
    /// Number of rows.
    pub fn len(&self) -> usize {
        self.tags.len()
    }

    /// Whether it has no row.
    pub fn is_empty(&self) -> bool {
        self.tags.is_empty()
    }

    /// The tag of a row; missing beyond the end.
    #[inline]
    pub fn tag(&self, row: usize) -> Tag {
        self.tags.get(row).map_or(Tag::Missing, |it| Tag::from_u8(*it))
    }

    /// The value of a row.
    pub fn value(&self, row: usize) -> Dynamic {
        match self.tag(row) {
            Tag::Missing | Tag::Null => Dynamic::Null,
            Tag::False => Dynamic::Bool(false),
            Tag::True => Dynamic::Bool(true),
            Tag::Long => self.longs.as_ref().and_then(|it| it.get(row)).map_or(Dynamic::Null, |it| Dynamic::Long(*it)),
            Tag::Real => self.reals.as_ref().and_then(|it| it.get(row)).map_or(Dynamic::Null, |it| Dynamic::Real(*it)),
            Tag::String => self.strings.as_ref().map_or(Dynamic::Null, |it| Dynamic::string(it.reader().get(row))),
            Tag::Raw => self.raw.as_ref().and_then(|it| json::read(it.reader().get(row))).unwrap_or(Dynamic::Null),
            Tag::Bag => Dynamic::bag(
                self.children
                    .iter()
                    .filter(|(_, child)| child.tag(row) != Tag::Missing)
                    .map(|(key, child)| (key.clone(), child.value(row)))
                    .collect::<Bag>(),
            ),
        }
    }

    /// Bytes of its buffers, dictionaries apart.
    pub fn bytes(&self) -> usize {
        self.tags.len()
            + self.longs.as_ref().map_or(0, |it| it.len() * 8)
            + self.reals.as_ref().map_or(0, |it| it.len() * 8)
            + self.strings.as_ref().map_or(0, Texts::bytes)
            + self.raw.as_ref().map_or(0, Texts::bytes)
            + self.children.values().map(|it| it.bytes()).sum::<usize>()
    }
}

/// Which rows of a node a column shows.
#[derive(Clone, Debug)]
pub enum Rows {
    /// A stretch.
    Range {
        /// First row.
        offset: usize,
        /// Number of rows.
        len: usize,
    },
    /// These rows, in this order; [`NO_ROW`] is a null.
    Indices(ScalarBuffer<u32>),
}

impl Rows {
    /// Number of rows.
    pub fn len(&self) -> usize {
        match self {
            Rows::Range { len, .. } => *len,
            Rows::Indices(it) => it.len(),
        }
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The node's row behind a row of the column.
    #[inline]
    pub fn get(&self, row: usize) -> Option<usize> {
        match self {
            Rows::Range { offset, len } => (row < *len).then(|| offset + row),
            Rows::Indices(it) => it.get(row).filter(|it| **it != NO_ROW).map(|it| *it as usize),
        }
    }

    fn take(&self, rows: &[u32]) -> Rows {
        let pick = |row: &u32| match (*row, self) {
            (NO_ROW, _) => NO_ROW,
            (row, Rows::Range { offset, .. }) => *offset as u32 + row,
            (row, Rows::Indices(it)) => it.get(row as usize).copied().unwrap_or(NO_ROW),
        };
        Rows::Indices(rows.iter().map(pick).collect())
    }

    fn slice(&self, from: usize, count: usize) -> Rows {
        match self {
            Rows::Range { offset, .. } => Rows::Range { offset: offset + from, len: count },
            Rows::Indices(it) => Rows::Indices(it.slice(from, count)),
        }
    }
}

/// A dynamic column over a shredded tree. Filtering and taking only choose rows.
#[derive(Clone, Debug)]
pub struct Shredded {
    /// The tree.
    pub node: Arc<Node>,
    /// The rows shown.
    pub rows: Rows,
}

impl Shredded {
    /// All rows of a tree.
    pub fn new(node: Arc<Node>) -> Shredded {
        let len = node.len();
        Shredded { node, rows: Rows::Range { offset: 0, len } }
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether it has no row.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The value of a row.
    pub fn value(&self, row: usize) -> Dynamic {
        self.rows.get(row).map_or(Dynamic::Null, |it| self.node.value(it))
    }

    /// The tag of a row; missing for a null row.
    #[inline]
    pub fn tag(&self, row: usize) -> Tag {
        self.rows.get(row).map_or(Tag::Missing, |it| self.node.tag(it))
    }

    /// The column of a slot. `None` when some row holds JSON text, whose slots are not shredded.
    pub fn child(&self, key: &str) -> Option<Column> {
        if self.node.raw.is_some() {
            return None;
        }
        Some(match self.node.children.get(key) {
            Some(node) => Column::Shredded(Shredded { node: node.clone(), rows: self.rows.clone() }),
            None => Column::null(crate::Type::Dynamic, self.len()),
        })
    }

    /// As a string column by dictionary, when all rows are strings or null: what `tostring` gives, without work.
    pub fn as_strings(&self) -> Option<Column> {
        let node = &self.node;
        if node.longs.is_some() || node.reals.is_some() || node.raw.is_some() || !node.children.is_empty() {
            return None;
        }
        if node.tags.iter().any(|it| *it == Tag::True as u8 || *it == Tag::False as u8 || *it == Tag::Bag as u8) {
            return None;
        }
        let whole = match &node.strings {
            None => return Some(Column::constant(crate::Value::String("".into()), crate::Type::String, self.len())),
            Some(Texts::Dictionary(it)) => Column::Dictionary(it.clone()),
            Some(Texts::Plain(it)) => Column::String(it.clone()),
        };
        Some(match &self.rows {
            Rows::Range { offset, len } => whole.slice(*offset, *len),
            Rows::Indices(rows) => whole.take(rows),
        })
    }

    pub(crate) fn take(&self, rows: &[u32]) -> Shredded {
        Shredded { node: self.node.clone(), rows: self.rows.take(rows) }
    }

    pub(crate) fn slice(&self, from: usize, count: usize) -> Shredded {
        Shredded { node: self.node.clone(), rows: self.rows.slice(from, count) }
    }
}
