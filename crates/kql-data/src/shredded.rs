//! Dynamic columns taken apart at load: one tree of typed columns, so that a path is a column and not a parse.

use crate::{Bag, Column, DictionaryBuilder, DictionaryColumn, Dynamic, NO_ROW, StringReader, json};
use arrow_array::{Array, LargeStringArray, builder::LargeStringBuilder};
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

/// One node of the tree, over all rows of a chunk, or over those in which a [`Slot`] says that it is.
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
    pub children: IndexMap<Arc<str>, Slot, ahash::RandomState>,
}

/// In which rows of a bag a slot is: a bit a row, and how many bits come before each word.
#[derive(Debug)]
pub struct Presence {
    words: Vec<u64>,
    ranks: Vec<u32>,
}

impl Presence {
    /// Of a slot of a bag with so many rows, that is in those rows, which ascend.
    pub fn new(n_rows: usize, rows: impl Iterator<Item = usize>) -> Presence {
        let mut words = vec![0_u64; n_rows.div_ceil(64)];
        for row in rows {
            if let Some(word) = words.get_mut(row / 64) {
                *word |= 1 << (row % 64);
            }
        }
        let mut ranks = Vec::with_capacity(words.len());
        let mut before = 0;
        for word in &words {
            ranks.push(before);
            before += word.count_ones();
        }
        Presence { words, ranks }
    }

    /// The row of the slot's node for a row of the bag.
    #[inline]
    pub fn row(&self, row: usize) -> Option<usize> {
        let (word, bit) = (self.words.get(row / 64)?, 1 << (row % 64));
        let before = (word & (bit - 1)).count_ones() + self.ranks.get(row / 64)?;
        (word & bit != 0).then_some(before as usize)
    }

    /// By row of the bag in a range: the row of the slot's node, or [`NO_ROW`].
    fn rows(&self, offset: usize, len: usize) -> Vec<u32> {
        let mut out = vec![NO_ROW; len];
        let end = offset + len;
        for (at, (word, rank)) in self.words.iter().zip(&self.ranks).enumerate().skip(offset / 64) {
            if at * 64 >= end {
                break;
            }
            let (mut word, mut rank) = (*word, *rank);
            while word != 0 {
                let row = at * 64 + word.trailing_zeros() as usize;
                if let Some(it) = row.checked_sub(offset).and_then(|it| out.get_mut(it)) {
                    *it = rank;
                }
                rank += 1;
                word &= word - 1;
            }
        }
        out
    }

    fn bytes(&self) -> usize {
        self.words.len() * 8 + self.ranks.len() * 4
    }
}

/// A slot of bags.
#[derive(Clone, Debug)]
pub struct Slot {
    /// Its values.
    pub node: Arc<Node>,
    /// The rows of the bag that the node has; all when there is no such list. Slots that few rows have are held so.
    pub presence: Option<Arc<Presence>>,
}

impl From<Node> for Slot {
    fn from(node: Node) -> Slot {
        Slot { node: Arc::new(node), presence: None }
    }
}

impl Slot {
    /// The row of the node for a row of the bag.
    #[inline]
    pub fn row(&self, row: usize) -> Option<usize> {
        match &self.presence {
            None => Some(row),
            Some(it) => it.row(row),
        }
    }

    /// The tag in a row of the bag.
    #[inline]
    pub fn tag(&self, row: usize) -> Tag {
        self.row(row).map_or(Tag::Missing, |it| self.node.tag(it))
    }

    /// The value in a row of the bag.
    pub fn value(&self, row: usize) -> Dynamic {
        self.row(row).map_or(Dynamic::Null, |it| self.node.value(it))
    }

    /// The rows of the node for rows of the bag.
    fn rows(&self, rows: &Rows) -> Rows {
        let Some(presence) = &self.presence else { return rows.clone() };
        Rows::Indices(match rows {
            Rows::Range { offset, len } => presence.rows(*offset, *len).into(),
            Rows::Indices(it) => {
                let row = |it: &u32| presence.row(*it as usize).map_or(NO_ROW, |it| it as u32);
                it.iter().map(row).collect()
            }
        })
    }

    fn bytes(&self) -> usize {
        self.node.bytes() + self.presence.as_ref().map_or(0, |it| it.bytes())
    }
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

    /// Whether a row is a truth value or a bag.
    fn has_bools_or_bags(&self) -> bool {
        // Bytes, not truth values, and no branch within a stretch: so many tags are looked at at once.
        let is_it = |it: u8| {
            u8::from(it == Tag::True as u8) | u8::from(it == Tag::False as u8) | u8::from(it == Tag::Bag as u8)
        };
        self.tags.chunks(4_096).any(|tags| tags.iter().fold(0, |found, it| found | is_it(*it)) != 0)
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

    pub(crate) fn take(&self, rows: &[u32]) -> Rows {
        let pick = |row: &u32| match (*row, self) {
            (NO_ROW, _) => NO_ROW,
            (row, Rows::Range { offset, .. }) => *offset as u32 + row,
            (row, Rows::Indices(it)) => it.get(row as usize).copied().unwrap_or(NO_ROW),
        };
        Rows::Indices(rows.iter().map(pick).collect())
    }

    pub(crate) fn slice(&self, from: usize, count: usize) -> Rows {
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
            Some(slot) => Column::Shredded(Shredded { node: slot.node.clone(), rows: slot.rows(&self.rows) }),
            None => Column::null(crate::Type::Dynamic, self.len()),
        })
    }

    /// As a string column by dictionary, when all rows are strings or null: what `tostring` gives, without work.
    pub fn as_strings(&self) -> Option<Column> {
        let node = &self.node;
        if node.longs.is_some() || node.reals.is_some() || node.raw.is_some() || !node.children.is_empty() {
            return None;
        }
        if node.has_bools_or_bags() {
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

    /// The JSON texts of the rows by their dictionary, when all rows hold such, or nothing, which has code 0.
    pub fn as_json_texts(&self) -> Option<DictionaryColumn> {
        let node = &self.node;
        let Some(Texts::Dictionary(raw)) = &node.raw else { return None };
        let has_other = node.longs.is_some() || node.reals.is_some() || node.strings.is_some();
        if has_other || !node.children.is_empty() || node.has_bools_or_bags() {
            return None;
        }
        let codes = match &self.rows {
            Rows::Range { offset, len } => raw.codes.slice(*offset, *len),
            Rows::Indices(rows) => rows.iter().map(|row| raw.codes.get(*row as usize).copied().unwrap_or(0)).collect(),
        };
        Some(DictionaryColumn { codes, dictionary: raw.dictionary.clone() })
    }

    /// The rows shown, in a tree of their own, every node of which has all of them.
    pub fn to_node(&self) -> Node {
        joined(&[(Some(&self.node), &self.rows)])
    }

    /// The rows of all, one after the other, in a tree of their own.
    pub(crate) fn concat(parts: &[&Shredded]) -> Shredded {
        let parts: Vec<(Option<&Node>, &Rows)> = parts.iter().map(|it| (Some(&*it.node), &it.rows)).collect();
        Shredded::new(Arc::new(joined(&parts)))
    }

    pub(crate) fn take(&self, rows: &[u32]) -> Shredded {
        Shredded { node: self.node.clone(), rows: self.rows.take(rows) }
    }

    pub(crate) fn slice(&self, from: usize, count: usize) -> Shredded {
        Shredded { node: self.node.clone(), rows: self.rows.slice(from, count) }
    }
}

/// The rows of several nodes, one after the other; a part without a node has nothing in its rows. Recurses as deep as JSON.
fn joined(parts: &[(Option<&Node>, &Rows)]) -> Node {
    fn collect<T: Copy + Default>(
        parts: &[(Option<&Node>, &Rows)],
        values: impl for<'n> Fn(&'n Node) -> Option<&'n [T]>,
    ) -> Vec<T> {
        let mut out = Vec::with_capacity(parts.iter().map(|(_, rows)| rows.len()).sum());
        for (node, rows) in parts {
            let values = node.and_then(&values).unwrap_or(&[]);
            let one = |row| rows.get(row).and_then(|it| values.get(it)).copied().unwrap_or_default();
            out.extend((0..rows.len()).map(one));
        }
        out
    }
    let nodes = || parts.iter().filter_map(|(node, _)| *node);
    let mut children: IndexMap<Arc<str>, Slot, ahash::RandomState> = IndexMap::default();
    for key in nodes().flat_map(|it| it.children.keys()) {
        if !children.contains_key(key) {
            let below = |(node, rows): &(Option<&Node>, &Rows)| match node.and_then(|it| it.children.get(key)) {
                Some(slot) => (Some(slot.node.clone()), slot.rows(rows)),
                None => (None, (*rows).clone()),
            };
            let below: Vec<(Option<Arc<Node>>, Rows)> = parts.iter().map(below).collect();
            let below: Vec<(Option<&Node>, &Rows)> = below.iter().map(|it| (it.0.as_deref(), &it.1)).collect();
            _ = children.insert(key.clone(), joined(&below).into());
        }
    }
    Node {
        tags: collect(parts, |it| Some(&it.tags)).into(),
        longs: nodes().any(|it| it.longs.is_some()).then(|| collect(parts, |it| it.longs.as_deref()).into()),
        reals: nodes().any(|it| it.reals.is_some()).then(|| collect(parts, |it| it.reals.as_deref()).into()),
        strings: joined_texts(parts, |it| it.strings.as_ref()),
        raw: joined_texts(parts, |it| it.raw.as_ref()),
        children,
    }
}

/// Texts of several nodes; by dictionary where all share one, or where their dictionaries are no larger than they.
fn joined_texts(
    parts: &[(Option<&Node>, &Rows)],
    texts: impl for<'n> Fn(&'n Node) -> Option<&'n Texts>,
) -> Option<Texts> {
    let of = |node: &Option<&Node>| node.and_then(&texts).cloned();
    let all: Vec<Option<Texts>> = parts.iter().map(|(node, _)| of(node)).collect();
    _ = all.iter().flatten().next()?;
    if let Some(joined) = joined_codes(parts, &all) {
        return Some(Texts::Dictionary(joined));
    }
    let mut out = LargeStringBuilder::new();
    for ((_, rows), texts) in parts.iter().zip(&all) {
        let reader = texts.as_ref().map(Texts::reader);
        for row in 0..rows.len() {
            out.append_value(reader.zip(rows.get(row)).map_or("", |(reader, row)| reader.get(row)));
        }
    }
    Some(Texts::Plain(out.finish()))
}

fn joined_codes(parts: &[(Option<&Node>, &Rows)], texts: &[Option<Texts>]) -> Option<DictionaryColumn> {
    let of = |it: &Texts| if let Texts::Dictionary(it) = it { Some(it.clone()) } else { None };
    let known: Vec<DictionaryColumn> = texts.iter().flatten().map(of).collect::<Option<_>>()?;
    let first = known.first()?;
    let is_one = known.iter().all(|it| it.dictionary.id() == first.dictionary.id());
    let n_rows: usize = parts.iter().map(|(_, rows)| rows.len()).sum();
    if !is_one && known.iter().map(|it| it.dictionary.len()).sum::<usize>() > n_rows {
        return None;
    }
    let (mut codes, mut builder) = (Vec::with_capacity(n_rows), DictionaryBuilder::default());
    for ((_, rows), texts) in parts.iter().zip(texts) {
        let Some(Texts::Dictionary(it)) = texts else {
            codes.resize(codes.len() + rows.len(), 0);
            continue;
        };
        let by_row =
            (0..rows.len()).map(|row| rows.get(row).and_then(|it_row| it.codes.get(it_row)).copied().unwrap_or(0));
        if is_one {
            codes.extend(by_row);
            continue;
        }
        // Only texts that rows have.
        let mut numbers = vec![u32::MAX; it.dictionary.len()];
        codes.extend(by_row.map(|code| match numbers.get_mut(code as usize) {
            Some(number) => {
                if *number == u32::MAX {
                    *number = builder.code(it.dictionary.get(code));
                }
                *number
            }
            None => 0,
        }));
    }
    let dictionary = if is_one { first.dictionary.clone() } else { Arc::new(builder.finish()) };
    Some(DictionaryColumn { codes: codes.into(), dictionary })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DictionaryBuilder, StringDictionary};

    fn texts(dictionary: &Arc<StringDictionary>, codes: &[u32]) -> Texts {
        Texts::Dictionary(DictionaryColumn { codes: codes.to_vec().into(), dictionary: dictionary.clone() })
    }

    fn bag(children: Vec<(&str, Node)>) -> Shredded {
        let n_rows = children.first().map_or(0, |(_, it)| it.len());
        let children = children.into_iter().map(|(key, it)| (key.into(), it.into())).collect();
        let tags = vec![Tag::Bag as u8; n_rows].into();
        Shredded::new(Arc::new(Node { tags, children, ..Node::default() }))
    }

    #[test]
    fn slots_of_few_rows() {
        let rows = [3, 63, 64, 130];
        let presence = Presence::new(200, rows.iter().copied());
        let found: Vec<usize> = (0..210).filter(|it| presence.row(*it).is_some()).collect();
        assert_eq!(found, rows);
        assert_eq!(rows.map(|it| presence.row(it)), [Some(0), Some(1), Some(2), Some(3)]);
        for (offset, len) in [(0, 200), (3, 61), (4, 60), (64, 1), (65, 135), (200, 0)] {
            let expected: Vec<u32> =
                (offset..offset + len).map(|it| presence.row(it).map_or(NO_ROW, |it| it as u32)).collect();
            assert_eq!(presence.rows(offset, len), expected, "{offset} {len}");
        }
        let few = Node {
            tags: vec![Tag::Long as u8; 4].into(),
            longs: Some(vec![30, 630, 640, 1300].into()),
            ..Node::default()
        };
        let slot = Slot { node: Arc::new(few), presence: Some(Arc::new(presence)) };
        let children = [("n".into(), slot)].into_iter().collect();
        let tree =
            Shredded::new(Arc::new(Node { tags: vec![Tag::Bag as u8; 200].into(), children, ..Node::default() }));
        let value = |row: usize| if rows.contains(&row) { Dynamic::Long(row as i64 * 10) } else { Dynamic::Null };
        let member = |of: &Shredded, row: usize| match of.child("n") {
            Some(Column::Shredded(it)) => it.value(row),
            _ => Dynamic::Bool(false),
        };
        for (shown, chosen) in [
            (tree.clone(), (0..200).collect::<Vec<usize>>()),
            (tree.slice(60, 10), (60..70).collect()),
            (tree.take(&[130, 5, 3]), vec![130, 5, 3]),
            (Shredded::concat(&[&tree.slice(60, 10), &tree.take(&[3, 4])]), (60..70).chain([3, 4]).collect()),
        ] {
            for (row, from) in chosen.into_iter().enumerate() {
                assert_eq!(member(&shown, row), value(from), "{row} {from}");
                assert_eq!(shown.value(row).get("n"), value(from));
            }
        }
    }

    #[test]
    fn joined_trees_hold_the_values_of_their_parts() {
        let mut builder = DictionaryBuilder::default();
        let (x, y) = (builder.code("x"), builder.code("y"));
        let dictionary = Arc::new(builder.finish());
        let string = Tag::String as u8;
        let a = |codes: &[u32]| Node {
            tags: codes.iter().map(|it| if *it == 0 { Tag::Missing as u8 } else { string }).collect(),
            strings: Some(texts(&dictionary, codes)),
            ..Node::default()
        };
        let b = Node {
            tags: vec![Tag::Long as u8, Tag::Raw as u8].into(),
            longs: Some(vec![7, 0].into()),
            raw: Some(Texts::Plain(LargeStringArray::from(vec!["", "[1,2]"]))),
            ..Node::default()
        };
        let first = bag(vec![("a", a(&[x, 0, y]))]);
        let second = bag(vec![("b", b), ("a", a(&[y, x]))]);
        let parts = [first.clone(), second.slice(1, 1), first.take(&[2, NO_ROW]), second];
        let whole = Shredded::concat(&parts.iter().collect::<Vec<_>>());
        let expected: Vec<Dynamic> = parts.iter().flat_map(|it| (0..it.len()).map(|row| it.value(row))).collect();
        let found: Vec<Dynamic> = (0..whole.len()).map(|row| whole.value(row)).collect();
        assert_eq!(found, expected);
        let Some(Column::Shredded(child)) = whole.child("a") else { panic!("no child") };
        assert!(matches!(child.as_strings(), Some(Column::Dictionary(_))));
    }
}
