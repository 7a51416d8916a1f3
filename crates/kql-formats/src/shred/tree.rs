//! The tree under construction: what a reader of records writes into.
//!
//! A record is a bag at the root. Values are written row by row; a row that goes wrong half way is undone. Buffers are
//! padded late, so that a key absent from a record costs nothing.

use super::texts::{Finished, Part, Sprouts};
use indexmap::IndexMap;
use kql_data::{Chunk, Map, Node, Tag};
use std::sync::Arc;

/// A node of the tree.
pub(crate) type NodeId = u32;
/// The node of whole records.
pub(crate) const ROOT: NodeId = 0;
/// No member, or none yet.
pub(super) const NONE: u32 = u32::MAX;

/// Columns that a table may have.
const COLUMNS_MAX: usize = 4_096;
/// Children that a node may have.
const CHILDREN_MAX: usize = 1_024;
/// Children that a node may have without having many rows.
const CHILDREN_FREE: usize = 256;
/// Nodes of a tree.
const NODES_MAX: usize = 16_384;

/// A key of a node.
#[derive(Debug)]
pub(crate) struct Member {
    pub(super) key: Arc<str>,
    pattern: Pattern,
    /// Where its values go.
    pub(crate) node: NodeId,
    /// The member that came next last time.
    pub(super) follow: u32,
    /// The key is another name of the node.
    pub(super) details: bool,
}

/// `"key":` as it stands in JSON, compared without a call: keys are compared for every value read.
#[derive(Debug)]
struct Pattern {
    words: [u64; 4],
    masks: [u64; 4],
    /// Beyond what fits in the words.
    tail: Box<[u8]>,
    /// 0 for keys that need escapes, which no pattern stands for.
    len: usize,
}

impl Pattern {
    fn new(key: &str) -> Pattern {
        let escaped = key.bytes().any(|it| it < 0x20 || it == b'"' || it == b'\\');
        let text = if escaped { String::new() } else { format!("\"{key}\":") };
        let (head, tail) = text.as_bytes().split_at(text.len().min(32));
        let (mut words, mut masks) = ([0; 4], [0; 4]);
        for (index, byte) in head.iter().enumerate() {
            words[index / 8] |= u64::from(*byte) << (index % 8 * 8);
            masks[index / 8] |= 0xFF << (index % 8 * 8);
        }
        Pattern { words, masks, tail: tail.into(), len: text.len() }
    }

    /// Whether a text begins with it. Never for a text that is about to end: then it need not be guessed either.
    #[inline]
    fn begins(&self, text: &[u8]) -> bool {
        let Some(window) = text.first_chunk::<32>() else { return false };
        let (words, _) = window.as_chunks::<8>();
        let differs = |it: usize| (u64::from_le_bytes(words[it]) ^ self.words[it]) & self.masks[it];
        differs(0) | differs(1) | differs(2) | differs(3) == 0
            && self.len > 0
            && (self.tail.is_empty() || text.get(32..).is_some_and(|it| it.starts_with(&self.tail)))
    }
}

#[derive(Debug)]
pub(super) struct Sprout {
    parent: NodeId,
    pub(super) members: Vec<Member>,
    pub(super) by_key: Map<Arc<str>, u32>,
    pub(super) first: u32,
    pub(super) n_bags: usize,
    tags: Vec<u8>,
    longs: Vec<i64>,
    reals: Vec<f64>,
    pub(super) strings: Option<Box<Sprouts>>,
    pub(super) raw: Option<Box<Sprouts>>,
    pub(super) parts: Vec<Option<ChunkPart>>,
}

#[derive(Debug)]
pub(super) struct ChunkPart {
    tags: Vec<u8>,
    longs: Option<Vec<i64>>,
    reals: Option<Vec<f64>>,
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

impl Sprout {
    fn new(parent: NodeId) -> Sprout {
        Sprout {
            parent,
            members: Vec::new(),
            by_key: Map::default(),
            first: NONE,
            n_bags: 0,
            tags: Vec::new(),
            longs: Vec::new(),
            reals: Vec::new(),
            strings: None,
            raw: None,
            parts: Vec::new(),
        }
    }

    fn truncate(&mut self, row: usize) {
        if self.tags.get(row) == Some(&(Tag::Bag as u8)) {
            self.n_bags -= 1;
        }
        self.tags.truncate(row);
        self.longs.truncate(row);
        self.reals.truncate(row);
        for it in [&mut self.strings, &mut self.raw].into_iter().flatten() {
            it.truncate(row);
        }
    }

    fn finish_chunk(&mut self, chunk: usize, n_rows: usize) -> usize {
        let seen = self.tags.iter().fold(0_u16, |seen, tag| seen | 1 << tag);
        let has = |tag: Tag| seen & 1 << tag as u8 != 0;
        if seen & !1 == 0 {
            self.tags.clear();
            self.longs.clear();
            self.reals.clear();
            for it in [&mut self.strings, &mut self.raw].into_iter().flatten() {
                it.clear();
            }
            return 0;
        }
        let part = ChunkPart {
            tags: padded(&mut self.tags, n_rows),
            longs: has(Tag::Long).then(|| padded(&mut self.longs, n_rows)),
            reals: has(Tag::Real).then(|| padded(&mut self.reals, n_rows)),
            strings: self.strings.as_mut().filter(|_| has(Tag::String)).map(|it| it.part(n_rows)),
            raw: self.raw.as_mut().filter(|_| has(Tag::Raw)).map(|it| it.part(n_rows)),
        };
        self.longs.clear();
        self.reals.clear();
        for it in [&mut self.strings, &mut self.raw].into_iter().flatten() {
            it.clear();
        }
        let bytes = part.bytes();
        self.parts.resize_with(chunk, || None);
        self.parts.push(Some(part));
        bytes
    }
}

fn padded<T: Copy + Default>(values: &mut Vec<T>, n_rows: usize) -> Vec<T> {
    values.resize(n_rows, T::default());
    values.shrink_to_fit();
    std::mem::take(values)
}

/// A key or a value came twice in one record.
#[derive(Debug)]
pub(crate) struct Twice;

/// How far the row under way had come.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mark {
    touched: usize,
    nodes: usize,
}

/// Records taken apart, so far.
#[derive(Debug)]
pub(crate) struct Tree {
    pub(super) nodes: Vec<Sprout>,
    row: usize,
    /// Rows of the finished chunks.
    pub(super) chunks: Vec<usize>,
    /// Nodes set in the row under way.
    touched: Vec<NodeId>,
    chunk_rows: usize,
    pub(super) finished_bytes: usize,
}

impl Tree {
    /// An empty tree that cuts chunks of so many rows.
    pub(crate) fn new(chunk_rows: usize) -> Tree {
        Tree {
            nodes: vec![Sprout::new(ROOT)],
            row: 0,
            chunks: Vec::new(),
            touched: Vec::new(),
            chunk_rows: chunk_rows.clamp(1, Chunk::ROWS),
            finished_bytes: 0,
        }
    }

    /// Rows so far.
    pub(crate) fn n_rows(&self) -> usize {
        self.chunks.iter().sum::<usize>() + self.row
    }

    /// Rough bytes held.
    pub(crate) fn bytes(&self) -> usize {
        let texts = |it: &Option<Box<Sprouts>>| it.as_ref().map_or(0, |it| it.bytes());
        let now = |it: &Sprout| {
            it.tags.capacity()
                + it.longs.capacity() * 8
                + it.reals.capacity() * 8
                + texts(&it.strings)
                + texts(&it.raw)
                + 512
        };
        self.finished_bytes + self.nodes.iter().map(now).sum::<usize>()
    }

    /// The member that followed `last` last time, if the text at hand begins with it: its index and the bytes of the key.
    #[inline]
    pub(crate) fn predicted(&self, node: NodeId, last: Option<u32>, text: &[u8]) -> Option<(u32, usize)> {
        let node = &self.nodes[node as usize];
        let at = match last {
            None => node.first,
            Some(last) => node.members[last as usize].follow,
        };
        let member = node.members.get(at as usize)?;
        member.pattern.begins(text).then_some((at, member.pattern.len))
    }

    /// The member of a key, made if it is new. `None` when the node has no room for another.
    pub(crate) fn member(&mut self, node: NodeId, last: Option<u32>, key: &str) -> Option<u32> {
        let at = match self.nodes[node as usize].by_key.get(key) {
            Some(at) => *at,
            None => self.add_member(node, key)?,
        };
        let sprout = &mut self.nodes[node as usize];
        match last {
            None => sprout.first = at,
            Some(last) => sprout.members[last as usize].follow = at,
        }
        Some(at)
    }

    fn add_member(&mut self, node: NodeId, key: &str) -> Option<u32> {
        let sprout = &self.nodes[node as usize];
        let n = sprout.members.len();
        let room = match node {
            ROOT => n < COLUMNS_MAX,
            _ => n < CHILDREN_FREE || n < CHILDREN_MAX && sprout.n_bags > n * 1_024,
        };
        if !room || self.nodes.len() >= NODES_MAX {
            return None;
        }
        Some(self.grow_member(node, key))
    }

    /// A member with a node of its own, whether there is room or not.
    pub(super) fn grow_member(&mut self, node: NodeId, key: &str) -> u32 {
        let child = self.nodes.len() as NodeId;
        self.nodes.push(Sprout::new(node));
        self.push_member(node, key, child, false)
    }

    fn push_member(&mut self, node: NodeId, key: &str, child: NodeId, details: bool) -> u32 {
        let pattern = Pattern::new(key);
        let key: Arc<str> = key.into();
        let sprout = &mut self.nodes[node as usize];
        let at = sprout.members.len() as u32;
        _ = sprout.by_key.insert(key.clone(), at);
        sprout.members.push(Member { key, pattern, node: child, follow: NONE, details });
        at
    }

    /// Makes a key of the root another name of the node that a known key has.
    pub(crate) fn alias(&mut self, key: &str, of: &str) -> Option<u32> {
        if let Some(at) = self.nodes[ROOT as usize].by_key.get(key) {
            return Some(*at);
        }
        if self.nodes[ROOT as usize].members.len() >= COLUMNS_MAX {
            return None;
        }
        let node = match self.child(ROOT, of) {
            Some(it) => it,
            None => {
                let at = self.add_member(ROOT, of)?;
                self.at(ROOT, at).node
            }
        };
        Some(self.push_member(ROOT, key, node, true))
    }

    /// Whether the node knows the key.
    pub(crate) fn has_key(&self, node: NodeId, key: &str) -> bool {
        self.nodes[node as usize].by_key.contains_key(key)
    }

    /// Whether a key of the root is another name of a node.
    pub(crate) fn is_alias(&self, key: &str) -> bool {
        let root = &self.nodes[ROOT as usize];
        root.by_key.get(key).is_some_and(|it| root.members[*it as usize].details)
    }

    /// A member of a node.
    #[inline]
    pub(crate) fn at(&self, node: NodeId, member: u32) -> &Member {
        &self.nodes[node as usize].members[member as usize]
    }

    /// The child of that key.
    pub(crate) fn child(&self, node: NodeId, key: &str) -> Option<NodeId> {
        let node = &self.nodes[node as usize];
        node.by_key.get(key).map(|it| node.members[*it as usize].node)
    }

    /// Whether the node has a value in the row under way.
    pub(crate) fn is_set(&self, node: NodeId) -> bool {
        self.nodes[node as usize].tags.len() > self.row
    }

    /// The string of the node in the row under way, if it is one.
    pub(crate) fn string(&self, node: NodeId) -> Option<&str> {
        let sprout = &self.nodes[node as usize];
        let is_string = sprout.tags.get(self.row) == Some(&(Tag::String as u8));
        sprout.strings.as_ref().filter(|_| is_string).map(|it| it.last())
    }

    /// Sets a null, bool or bag.
    #[inline]
    pub(crate) fn set(&mut self, node: NodeId, tag: Tag) -> Result<(), Twice> {
        let row = self.row;
        let sprout = &mut self.nodes[node as usize];
        if sprout.tags.len() > row {
            return Err(Twice);
        }
        if sprout.tags.len() < row {
            sprout.tags.resize(row, Tag::Missing as u8);
        }
        sprout.tags.push(tag as u8);
        sprout.n_bags += usize::from(tag == Tag::Bag);
        self.touched.push(node);
        Ok(())
    }

    /// Sets a whole number.
    #[inline]
    pub(crate) fn set_long(&mut self, node: NodeId, value: i64) -> Result<(), Twice> {
        self.set(node, Tag::Long)?;
        let longs = &mut self.nodes[node as usize].longs;
        longs.resize(self.row, 0);
        longs.push(value);
        Ok(())
    }

    /// Sets a float.
    pub(crate) fn set_real(&mut self, node: NodeId, value: f64) -> Result<(), Twice> {
        self.set(node, Tag::Real)?;
        let reals = &mut self.nodes[node as usize].reals;
        reals.resize(self.row, 0.0);
        reals.push(value);
        Ok(())
    }

    /// Sets a string.
    #[inline]
    pub(crate) fn set_string(&mut self, node: NodeId, value: &str) -> Result<(), Twice> {
        self.set(node, Tag::String)?;
        self.nodes[node as usize].strings.get_or_insert_default().set(self.row, value);
        Ok(())
    }

    /// Sets a JSON text.
    pub(crate) fn set_raw(&mut self, node: NodeId, text: &str) -> Result<(), Twice> {
        self.set(node, Tag::Raw)?;
        self.nodes[node as usize].raw.get_or_insert_default().set(self.row, text);
        Ok(())
    }

    /// How far the row has come.
    #[inline]
    pub(crate) fn mark(&self) -> Mark {
        Mark { touched: self.touched.len(), nodes: self.nodes.len() }
    }

    /// Undoes what was written to the row since the mark.
    pub(crate) fn undo(&mut self, mark: Mark) {
        let touched = self.touched.split_off(mark.touched.min(self.touched.len()));
        for node in touched {
            self.nodes[node as usize].truncate(self.row);
        }
        while self.nodes.len() > mark.nodes.max(1) {
            let Some(gone) = self.nodes.pop() else { return };
            let id = self.nodes.len() as NodeId;
            let parent = &mut self.nodes[gone.parent as usize];
            // Names given to the node, and to others since, were made after the mark as well.
            while let Some(member) = parent.members.pop() {
                _ = parent.by_key.remove(&member.key);
                if member.node == id && !member.details {
                    break;
                }
            }
        }
    }

    /// Undoes the whole row.
    pub(crate) fn undo_row(&mut self, start: Mark) {
        self.undo(Mark { touched: 0, nodes: start.nodes });
    }

    /// The row is complete.
    #[inline]
    pub(crate) fn end_row(&mut self) {
        self.touched.clear();
        self.row += 1;
        if self.row >= self.chunk_rows {
            self.end_chunk();
        }
    }

    /// Rows that a chunk has.
    pub(crate) fn chunk_rows(&self) -> usize {
        self.chunk_rows
    }

    /// Finished chunks.
    pub(crate) fn n_chunks(&self) -> usize {
        self.chunks.len()
    }

    /// Ends the chunk under way, if it has rows.
    pub(crate) fn end_chunk(&mut self) {
        if self.row == 0 {
            return;
        }
        let (chunk, n_rows) = (self.chunks.len(), self.row);
        for node in &mut self.nodes {
            self.finished_bytes += node.finish_chunk(chunk, n_rows);
        }
        self.chunks.push(n_rows);
        self.row = 0;
    }

    /// No more rows.
    pub(crate) fn finish(mut self) -> Grown {
        self.end_chunk();
        let grow = |mut it: Sprout| GrownNode {
            members: it.members.into_iter().filter(|it| !it.details).map(|it| (it.key, it.node)).collect(),
            strings: it.strings.take().map(|it| it.finish()),
            raw: it.raw.take().map(|it| it.finish()),
            parts: it.parts,
        };
        Grown { nodes: self.nodes.into_iter().map(grow).collect(), chunks: self.chunks }
    }
}

#[derive(Debug)]
struct GrownNode {
    members: Vec<(Arc<str>, NodeId)>,
    strings: Option<Finished>,
    raw: Option<Finished>,
    parts: Vec<Option<ChunkPart>>,
}

/// A complete tree, from which nodes are taken.
#[derive(Debug)]
pub(crate) struct Grown {
    nodes: Vec<GrownNode>,
    /// Rows by chunk.
    pub(crate) chunks: Vec<usize>,
}

impl Grown {
    /// The keys of a node and their nodes, in order of first appearance.
    pub(crate) fn members(&self, node: NodeId) -> Vec<(Arc<str>, NodeId)> {
        self.nodes.get(node as usize).map(|it| it.members.clone()).unwrap_or_default()
    }

    /// The child of that key.
    pub(crate) fn child(&self, node: NodeId, key: &str) -> Option<NodeId> {
        self.nodes.get(node as usize)?.members.iter().find(|it| &*it.0 == key).map(|it| it.1)
    }

    /// The finished node of a chunk, taken out. `None` when no row of the chunk has it.
    pub(crate) fn take(&mut self, node: NodeId, chunk: usize) -> Option<Node> {
        let grown = self.nodes.get_mut(node as usize)?;
        let part = grown.parts.get_mut(chunk)?.take()?;
        let strings = part.strings.zip(grown.strings.as_ref()).map(|(part, it)| it.texts(part));
        let raw = part.raw.zip(grown.raw.as_ref()).map(|(part, it)| it.texts(part));
        let mut children = IndexMap::default();
        for (key, child) in self.members(node) {
            if let Some(child) = self.take(child, chunk) {
                _ = children.insert(key, Arc::new(child));
            }
        }
        Some(Node {
            tags: part.tags.into(),
            longs: part.longs.map(Into::into),
            reals: part.reals.map(Into::into),
            strings,
            raw,
            children,
        })
    }
}
