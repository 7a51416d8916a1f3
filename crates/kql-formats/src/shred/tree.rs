//! The tree under construction: what a reader of records writes into.
//!
//! A record is a bag at the root. Values are written row by row, as entries; a row that goes wrong half way is undone.
//! Every few hundred rows the entries of each node move into its columns, which then are in the cache.
#![allow(
    clippy::indexing_slicing,
    reason = "numbers of nodes and members are those that the tree gave out; none is taken back while it grows"
)]

use super::{
    grown::Grown,
    growth::{Entry, Growth, Layout, Scratch, Texts, Uniform},
    instant,
    pattern::Pattern,
    sieve::{Latest, Sieve, Sift},
};
use kql_data::{Chunk, Map, Presence, Slots, Tag};
use std::sync::Arc;

/// A node of the tree.
pub(crate) type NodeId = u32;
/// The node of whole records.
pub(crate) const ROOT: NodeId = 0;
/// No member, or none yet.
pub(crate) const NONE: u32 = u32::MAX;

/// Columns that a table may have.
const COLUMNS_MAX: usize = 4_096;
/// Children that a node may have.
const CHILDREN_MAX: usize = 1_024;
/// Children that a node may have without having many rows.
const CHILDREN_FREE: usize = 256;
/// Nodes of a tree.
const NODES_MAX: usize = 16_384;
/// Rows that wait before they are settled: so many that a node which few rows have gets several values at a time, so few that
/// all their entries and lines stay in the cache.
const ROWS_WAITING: usize = 256;
/// The same where a sieve may drop rows: as many as a word has bits.
const ROWS_SIFTED: usize = 64;
/// Guesses by key that a node holds; a power of two.
const HINTS: usize = 64;
/// A slot of a bag is held by the rows that have it when no more than one in so many does. Columns are not.
const FEW: usize = 8;
/// Bytes of texts beside the block that wait.
const SIDE_BYTES: usize = 1 << 18;

/// A key of a node.
#[derive(Clone, Debug)]
pub(crate) struct Member {
    pattern: Pattern,
    /// Where its values go; [`NONE`] when they are checked and not kept.
    pub(crate) node: NodeId,
    /// The member that came next last time.
    pub(super) follow: u32,
    /// The member that came next before that.
    pub(super) other: u32,
    /// The key is another name of the node.
    pub(super) details: bool,
    pub(super) key: Arc<str>,
}

/// What is known of values that were not kept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Skimmed {
    /// By tag: whether a row has it.
    pub(crate) seen: u16,
    /// Whether all strings are moments.
    pub(crate) moments: bool,
}

impl Skimmed {
    pub(super) fn settle(&mut self, entries: &[Entry], texts: Texts<'_>) {
        for it in entries {
            self.seen |= 1 << it.tag();
            if it.tag() == Tag::String as u8 {
                self.moments = self.moments && instant::date_time(it.text(texts)).is_some();
            }
        }
    }

    /// Also that of another tree.
    pub(super) fn add(&mut self, other: Skimmed) {
        self.seen |= other.seen;
        self.moments &= other.moments;
    }
}

impl Default for Skimmed {
    fn default() -> Skimmed {
        Skimmed { seen: 0, moments: true }
    }
}

/// What of records is wanted.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wanted {
    /// Keys of the root whose values are kept, and what of them; all when there is no such list.
    pub(crate) keys: Option<Arc<Map<String, Slots>>>,
    /// Keys of the root whose arrays are kept as they would be written.
    pub(crate) written: &'static [&'static str],
    /// Which records need not be kept.
    pub(crate) sieve: Option<Arc<Sieve>>,
}

/// What became of records that were read with less kept than all.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Losses {
    /// Records that were left out.
    pub(crate) records: u64,
    /// The newest of each of their times, in ticks.
    pub(crate) latest: Latest,
    /// Whether a record was met that all kept might have treated otherwise.
    pub(crate) doubtful: bool,
}

impl Losses {
    pub(super) fn add(&mut self, other: Losses) {
        self.records += other.records;
        self.doubtful |= other.doubtful;
        for (own, other) in self.latest.iter_mut().zip(other.latest) {
            *own = (*own).max(other);
        }
    }
}

/// A node of the tree under construction.
#[derive(Debug)]
pub(super) struct Sprout {
    pub(super) members: Vec<Member>,
    pub(super) entries: Vec<Entry>,
    /// The row written last; [`NONE`] when it is none of the rows that wait.
    pub(super) last_row: u32,
    pub(super) first: u32,
    /// The run of lines in which it was first seen.
    pub(super) run: usize,
    pub(super) n_bags: usize,
    /// Those of the tree that this one was forked of.
    pub(super) n_bags_before: usize,
    /// Values are only looked at, for the type of the column, and not kept.
    skims: bool,
    pub(super) skimmed: Skimmed,
    /// What of bags is kept.
    slots: Slots,
    /// What is looked at in the values, of a key of the root.
    pub(super) sift: Option<Arc<Sift>>,
    /// Arrays are kept as they would be written, so far.
    pub(super) writes: bool,
    /// Members by a short hash of their keys: guesses.
    hints: Vec<u16>,
    pub(super) parent: NodeId,
    pub(super) by_key: Box<Map<Arc<str>, u32>>,
    pub(super) growth: Box<Growth>,
}

impl Sprout {
    fn new(parent: NodeId, run: usize) -> Sprout {
        Sprout {
            members: Vec::new(),
            entries: Vec::new(),
            last_row: NONE,
            first: NONE,
            run,
            n_bags: 0,
            n_bags_before: 0,
            skims: false,
            skimmed: Skimmed::default(),
            slots: Slots::All,
            sift: None,
            writes: false,
            hints: Vec::new(),
            parent,
            by_key: Box::default(),
            growth: Box::default(),
        }
    }

    /// The same node without rows, for a thread that goes on. What was learned stays: keys, guesses, dictionaries.
    fn fork(&self) -> Sprout {
        Sprout {
            members: self.members.clone(),
            entries: Vec::new(),
            last_row: NONE,
            n_bags_before: self.n_bags,
            slots: self.slots.clone(),
            sift: self.sift.clone(),
            hints: self.hints.clone(),
            by_key: self.by_key.clone(),
            growth: Box::new(self.growth.fork()),
            ..*self
        }
    }

    /// Forgets the value of the row written last.
    fn undo(&mut self) {
        self.last_row = NONE;
        if self.entries.pop().is_some_and(|it| it.tag() == Tag::Bag as u8) {
            self.n_bags -= 1;
        }
    }
}

/// A key or a value came twice in one record.
#[derive(Debug)]
pub(crate) struct Twice;

/// How far the row under way had come.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mark {
    nodes: usize,
    side: usize,
}

/// Where the text of a value stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    from: u64,
    len: u32,
}

/// Where a record stands: what is added to the places of its texts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Base(u64);

impl Base {
    /// In the block that is settled with it.
    pub(crate) const BLOCK: Base = Base(0);

    /// The bytes between two places of the record.
    #[inline]
    pub(crate) fn place(self, from: usize, to: usize) -> Place {
        Place { from: self.0 + from as u64, len: (to - from) as u32 }
    }
}

/// A guess at the key at hand.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Guess {
    /// The member.
    pub(crate) member: u32,
    /// Its node.
    pub(crate) node: NodeId,
    /// Bytes up to its value, or to white space before that.
    pub(crate) len: usize,
}

/// Records taken apart, so far.
#[derive(Debug)]
pub(crate) struct Tree {
    pub(super) nodes: Vec<Sprout>,
    run: usize,
    pub(super) row: usize,
    /// Rows of the chunk under way that are in columns.
    pub(super) settled: usize,
    /// Rows of the finished chunks.
    pub(super) chunks: Vec<usize>,
    /// Texts of entries that stand nowhere else.
    pub(super) side: Vec<u8>,
    chunk_rows: usize,
    rows_waiting: usize,
    pub(super) finished_bytes: usize,
    pub(super) wanted: Wanted,
    /// Alternatives of the sieve that the row under way rules out.
    pub(super) failed: u64,
    /// The times of the row under way, if it is to be left out.
    pub(super) times: Latest,
    /// Rows that wait and are not kept: a bit each.
    pub(super) dropped: u64,
    /// Nodes whose values are looked at.
    pub(super) sifted: Vec<NodeId>,
    /// Records that had to be kept though nobody wants them.
    pub(super) refused: u64,
    pub(super) losses: Losses,
    scratch: Scratch,
    uniform: Uniform,
}

impl Tree {
    /// An empty tree that cuts chunks of so many rows.
    pub(crate) fn new(chunk_rows: usize) -> Tree {
        Tree {
            nodes: vec![Sprout::new(ROOT, 0)],
            run: 0,
            row: 0,
            settled: 0,
            chunks: Vec::new(),
            side: Vec::new(),
            chunk_rows: chunk_rows.clamp(1, Chunk::ROWS),
            rows_waiting: ROWS_WAITING,
            finished_bytes: 0,
            wanted: Wanted::default(),
            failed: 0,
            times: Latest::default(),
            dropped: 0,
            sifted: Vec::new(),
            refused: 0,
            losses: Losses::default(),
            scratch: Scratch::default(),
            uniform: Uniform::default(),
        }
    }

    /// A tree without rows that knows what this one has learned. Its codes of dictionaries are those of this one, and more.
    pub(crate) fn fork(&self) -> Tree {
        Tree {
            nodes: self.nodes.iter().map(Sprout::fork).collect(),
            rows_waiting: self.rows_waiting,
            wanted: self.wanted.clone(),
            sifted: self.sifted.clone(),
            ..Tree::new(self.chunk_rows)
        }
    }

    /// Says, before the first record is read, what of records is wanted.
    pub(crate) fn want(&mut self, wanted: Wanted) {
        self.rows_waiting = if wanted.sieve.is_some() { ROWS_SIFTED } else { ROWS_WAITING };
        self.wanted = wanted;
    }

    /// Whether less may be kept than all.
    pub(crate) fn prunes(&self) -> bool {
        self.wanted.keys.is_some() || self.wanted.sieve.is_some()
    }

    /// A record was met that all kept might have treated otherwise.
    pub(crate) fn doubt(&mut self) {
        self.losses.doubtful = true;
    }

    /// What was not kept.
    pub(crate) fn losses(&self) -> Losses {
        self.losses
    }

    /// Says which run of lines the next records stand in.
    pub(crate) fn begin_run(&mut self, run: usize) {
        self.run = run;
    }

    /// Whether arrays of the node are kept as they would be written.
    #[inline]
    pub(crate) fn writes(&self, node: NodeId) -> bool {
        self.nodes[node as usize].writes
    }

    /// A text of the node is kept as it stands: nothing is promised any more.
    pub(crate) fn keep_text_as_it_stands(&mut self, node: NodeId) {
        self.nodes[node as usize].writes = false;
    }

    /// Whether values of the node are only looked at.
    #[inline]
    pub(crate) fn skims(&self, node: NodeId) -> bool {
        self.nodes[node as usize].skims
    }

    /// Rows so far.
    pub(crate) fn n_rows(&self) -> usize {
        self.chunks.iter().sum::<usize>() + self.row
    }

    /// Rough bytes held.
    pub(crate) fn bytes(&self) -> usize {
        let now = |it: &Sprout| it.growth.bytes() + it.entries.capacity() * size_of::<Entry>() + 512;
        self.finished_bytes + self.side.capacity() + self.nodes.iter().map(now).sum::<usize>()
    }

    /// The member that followed `last` last time, or the one that did before, if it stands behind the bracket or comma at a
    /// place, perhaps with a blank between.
    #[inline(always)]
    pub(crate) fn predicted(&self, node: NodeId, last: u32, text: &[u8], at: usize) -> Option<Guess> {
        let node = &self.nodes[node as usize];
        let (follow, other) = match last {
            NONE => (node.first, NONE),
            last => (node.members[last as usize].follow, node.members[last as usize].other),
        };
        let from = 1 + usize::from(text.get(at + 1) == Some(&b' '));
        let text = text.get(at + from..)?;
        let guess = |at: u32| {
            let member = node.members.get(at as usize)?;
            member.pattern.begins(text).then(|| {
                let len = from + member.pattern.len;
                let blank = usize::from(text.get(member.pattern.len) == Some(&b' '));
                Guess { member: at, node: member.node, len: len + blank }
            })
        };
        guess(follow).or_else(|| guess(other))
    }

    /// The member of a key that is likely known, with which the text at hand begins.
    pub(crate) fn hinted(&mut self, node: NodeId, last: u32, key: &[u8], text: &[u8]) -> Option<Guess> {
        let sprout = &mut self.nodes[node as usize];
        let at = u32::from(*sprout.hints.get(short_hash(key))?);
        let member = sprout.members.get(at as usize).filter(|it| it.pattern.begins(text))?;
        let guess = Guess { member: at, node: member.node, len: member.pattern.len };
        self.guess(node, last, at);
        Some(guess)
    }

    /// The member of a key, made if it is new. `None` when the node has no room for another.
    pub(crate) fn member(&mut self, node: NodeId, last: u32, key: &str) -> Option<u32> {
        let at = match self.nodes[node as usize].by_key.get(key) {
            Some(at) => *at,
            None => self.add_member(node, key)?,
        };
        self.guess(node, last, at);
        self.hint(node, key, at);
        Some(at)
    }

    /// The member of a key that is known.
    pub(crate) fn known_member(&mut self, node: NodeId, last: u32, key: &str) -> Option<u32> {
        let at = *self.nodes[node as usize].by_key.get(key)?;
        self.guess(node, last, at);
        self.hint(node, key, at);
        Some(at)
    }

    /// Remembers where a key is found.
    fn hint(&mut self, node: NodeId, key: &str, at: u32) {
        let hints = &mut self.nodes[node as usize].hints;
        hints.resize(HINTS, 0);
        if let Some(it) = hints.get_mut(short_hash(key.as_bytes())) {
            *it = at as u16;
        }
    }

    /// Remembers what followed a member.
    fn guess(&mut self, node: NodeId, last: u32, at: u32) {
        let sprout = &mut self.nodes[node as usize];
        match last {
            NONE => sprout.first = at,
            last => {
                let last = &mut sprout.members[last as usize];
                (last.follow, last.other) = (at, last.follow);
            }
        }
    }

    fn add_member(&mut self, node: NodeId, key: &str) -> Option<u32> {
        let sprout = &self.nodes[node as usize];
        let n = sprout.members.len();
        let room = match node {
            // Not by the number of nodes: whether a record is taken must not depend on which columns are kept.
            ROOT => n < COLUMNS_MAX,
            _ if self.nodes.len() >= NODES_MAX => false,
            _ => n < CHILDREN_FREE || n < CHILDREN_MAX && sprout.n_bags > n * 1_024,
        };
        if !room {
            // Another load may have room here, and slots in another order.
            self.losses.doubtful |= self.prunes();
            return None;
        }
        Some(self.grow_member(node, key))
    }

    /// A member, whether there is room or not; with a node of its own if its values are kept.
    pub(super) fn grow_member(&mut self, node: NodeId, key: &str) -> u32 {
        let kept = match (node, &self.wanted.keys) {
            (ROOT, None) => Some(Slots::All),
            (ROOT, Some(wanted)) => wanted.get(key).cloned(),
            _ => self.nodes[node as usize].slots.of(key),
        };
        if node != ROOT && kept.is_none() {
            return self.push_member(node, key, NONE, false);
        }
        let child = self.nodes.len() as NodeId;
        let mut sprout = Sprout::new(node, self.run);
        sprout.skims = kept.is_none();
        sprout.slots = kept.unwrap_or(Slots::none());
        if node == ROOT {
            sprout.writes = self.wanted.written.contains(&key);
            sprout.sift = self.wanted.sieve.as_ref().and_then(|it| it.of(key));
            if sprout.sift.is_some() && !self.sifted.contains(&child) {
                self.sifted.push(child);
            }
        }
        self.nodes.push(sprout);
        self.push_member(node, key, child, false)
    }

    /// Makes members of a node of those of another, in their order. No deeper than a record may be nested.
    pub(super) fn sketch(&mut self, node: NodeId, from: &Grown, like: NodeId) {
        for (key, child) in from.members(like) {
            let member = self.grow_member(node, &key);
            self.sketch(self.at(node, member).node, from, child);
        }
    }

    fn push_member(&mut self, node: NodeId, key: &str, child: NodeId, details: bool) -> u32 {
        let pattern = Pattern::new(key);
        let key: Arc<str> = key.into();
        let sprout = &mut self.nodes[node as usize];
        let at = sprout.members.len() as u32;
        _ = sprout.by_key.insert(key.clone(), at);
        sprout.members.push(Member { key, pattern, node: child, follow: NONE, other: NONE, details });
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
        node.by_key.get(key).map(|it| node.members[*it as usize].node).filter(|it| *it != NONE)
    }

    /// Whether the node has a value in the row under way.
    pub(crate) fn is_set(&self, node: NodeId) -> bool {
        self.nodes[node as usize].last_row as usize == self.row
    }

    /// The string of the node in the row under way, if it is one. `block` is what its record stands in.
    pub(crate) fn string<'a>(&'a self, node: NodeId, block: &'a str) -> Option<&'a str> {
        let entry = self.nodes[node as usize].entries.last().filter(|_| self.is_set(node))?;
        (entry.tag() == Tag::String as u8).then(|| entry.text(Texts { block, side: &self.side }))
    }

    #[inline]
    fn push(&mut self, node: NodeId, tag: Tag, value: u64, len: u32) -> Result<(), Twice> {
        let row = self.row;
        let sprout = &mut self.nodes[node as usize];
        if sprout.last_row as usize == row {
            return Err(Twice);
        }
        sprout.last_row = row as u32;
        sprout.entries.push(Entry::new(row, tag, value, len));
        Ok(())
    }

    /// Sets a null or bool.
    #[inline]
    pub(crate) fn set(&mut self, node: NodeId, tag: Tag) -> Result<(), Twice> {
        self.push(node, tag, 0, 0)
    }

    /// Sets a bag.
    #[inline]
    pub(crate) fn set_bag(&mut self, node: NodeId) -> Result<(), Twice> {
        self.push(node, Tag::Bag, 0, 0)?;
        self.nodes[node as usize].n_bags += 1;
        Ok(())
    }

    /// Sets a whole number.
    #[inline]
    pub(crate) fn set_long(&mut self, node: NodeId, value: i64) -> Result<(), Twice> {
        self.push(node, Tag::Long, value as u64, 0)
    }

    /// Sets a float.
    #[inline]
    pub(crate) fn set_real(&mut self, node: NodeId, value: f64) -> Result<(), Twice> {
        self.push(node, Tag::Real, value.to_bits(), 0)
    }

    /// Sets a string, or a JSON text with [`Tag::Raw`], that stands in the record.
    #[inline]
    pub(crate) fn set_text(&mut self, node: NodeId, tag: Tag, place: Place) -> Result<(), Twice> {
        self.push(node, tag, place.from, place.len)
    }

    /// Sets a string, or a JSON text with [`Tag::Raw`], of up to 4 GiB.
    pub(crate) fn set_own_text(&mut self, node: NodeId, tag: Tag, text: &str) -> Result<(), Twice> {
        let from = self.side.len();
        self.side.extend_from_slice(text.as_bytes());
        self.set_side(node, tag, from)
    }

    /// Sets a text that was put at the end of [`Tree::side`], from a place on.
    pub(crate) fn set_side(&mut self, node: NodeId, tag: Tag, from: usize) -> Result<(), Twice> {
        self.push(node, tag, from as u64 | Entry::SIDE, (self.side.len() - from) as u32)
    }

    /// Where texts that stand nowhere else are put together: UTF-8 whenever a text is set.
    pub(crate) fn side(&mut self) -> &mut Vec<u8> {
        &mut self.side
    }

    /// Keeps a record that does not stand in the block.
    pub(crate) fn stash(&mut self, record: &str) -> Base {
        let base = Base(self.side.len() as u64 | Entry::SIDE);
        self.side.extend_from_slice(record.as_bytes());
        base
    }

    /// How far the row has come.
    #[inline]
    pub(crate) fn mark(&self) -> Mark {
        Mark { nodes: self.nodes.len(), side: self.side.len() }
    }

    /// Undoes what was written to the row at a node and below it since the mark, which was all that was written.
    pub(crate) fn undo(&mut self, node: NodeId, mark: Mark) {
        let row = self.row;
        let mut below = vec![false; self.nodes.len()];
        for (id, sprout) in self.nodes.iter_mut().enumerate() {
            // Parents come before their children.
            below[id] = id == node as usize || below[sprout.parent as usize];
            if below[id] && sprout.last_row as usize == row {
                sprout.undo();
            }
        }
        self.side.truncate(mark.side);
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
        self.failed = 0;
        self.undo(ROOT, start);
    }

    /// The row is complete. `block` is what records stand in since the last call of [`Tree::settle`].
    #[inline]
    pub(crate) fn end_row(&mut self, block: &str) {
        if self.failed != 0 {
            self.drop_row();
        }
        self.row += 1;
        if self.row - self.settled >= self.rows_waiting || self.side.len() >= SIDE_BYTES || self.row >= self.chunk_rows
        {
            self.settle(block);
        }
        if self.row >= self.chunk_rows {
            self.end_chunk();
        }
    }

    /// Moves the rows that wait into columns: their block is about to go.
    pub(crate) fn settle(&mut self, block: &str) {
        if self.settled == self.row {
            return;
        }
        if self.dropped != 0 {
            self.sort_out(block);
        }
        self.settled = self.row;
        let texts = Texts { block, side: &self.side };
        for node in &mut self.nodes {
            if !node.entries.is_empty() {
                match node.skims {
                    true => node.skimmed.settle(&node.entries, texts),
                    false => node.growth.settle(&node.entries, texts, &mut self.scratch),
                }
                node.entries.clear();
            }
        }
        self.side.clear();
    }

    /// Rows that a chunk has.
    pub(crate) fn chunk_rows(&self) -> usize {
        self.chunk_rows
    }

    /// Finished chunks.
    pub(crate) fn n_chunks(&self) -> usize {
        self.chunks.len()
    }

    /// Ends the chunk under way, if it has rows. They must be settled, or stand in no block.
    pub(crate) fn end_chunk(&mut self) {
        self.settle("");
        if self.row == 0 {
            return;
        }
        self.lay_out();
        self.chunks.push(self.row);
        (self.row, self.settled) = (0, 0);
    }

    /// Lays out the columns of the chunk under way: those of a slot by the rows of its bag's columns.
    fn lay_out(&mut self) {
        let (chunk, n_rows) = (self.chunks.len(), self.row);
        let counts: Vec<usize> = self.nodes.iter().map(|it| it.growth.n_entries()).collect();
        let mut rows: Vec<Vec<u16>> = self.nodes.iter_mut().map(|it| it.growth.take_rows()).collect();
        // By node: the one whose rows its columns have; all rows of the chunk when there is none.
        let mut kept: Vec<Option<usize>> = vec![None; counts.len()];
        let mut places = Vec::new();
        for id in 0..self.nodes.len() {
            let node = &mut self.nodes[id];
            node.last_row = NONE;
            let (n, parent) = (counts[id], node.parent);
            if n == 0 {
                continue;
            }
            let owner = kept[parent as usize].filter(|_| parent != ROOT);
            let room = owner.map_or(n_rows, |it| counts[it]);
            let own = match owner.map_or(&[][..], |it| &rows[it]) {
                [] => rows[id].as_slice(),
                all => {
                    places_in(all, &rows[id], n, &mut places);
                    places.as_slice()
                }
            };
            let listed = (!own.is_empty()).then_some(own);
            kept[id] = owner;
            let mut layout = Layout { places: listed, n_rows: room };
            let mut presence = None;
            if parent != ROOT && n * FEW <= room {
                kept[id] = Some(id);
                layout = Layout { places: None, n_rows: n };
                presence = Some(match listed {
                    Some(own) => Presence::new(room, own.iter().map(|it| *it as usize)),
                    None => Presence::new(room, 0..n),
                });
            }
            self.finished_bytes += node.growth.finish_chunk(chunk, layout, presence, &mut self.uniform);
        }
        for (node, rows) in self.nodes.iter_mut().zip(rows.drain(..)) {
            node.growth.reuse_rows(rows);
        }
    }

    /// No more rows.
    pub(crate) fn finish(mut self) -> Grown {
        self.end_chunk();
        Grown::new(self.nodes, self.chunks)
    }
}

/// A hash of a key below [`HINTS`], by its length and its ends. Good enough for guesses.
#[inline]
fn short_hash(key: &[u8]) -> usize {
    let (first, last) = match (key.first_chunk::<8>(), key.last_chunk::<8>()) {
        (Some(first), Some(last)) => (u64::from_le_bytes(*first), u64::from_le_bytes(*last)),
        _ => (key.iter().fold(0, |all, it| all << 8 | u64::from(*it)), 0),
    };
    let all = (first ^ last.rotate_left(29) ^ key.len() as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    (all >> 58) as usize % HINTS
}

/// The places in a list of rows of `n` others, all of which are in it; `of` is empty when they are the first of a chunk.
fn places_in(all: &[u16], of: &[u16], n: usize, places: &mut Vec<u16>) {
    places.clear();
    let first = (0..n).map(|it| it as u16);
    let mut at = 0;
    let mut place = |row: u16| {
        while all.get(at).is_some_and(|it| *it < row) {
            at += 1;
        }
        at as u16
    };
    if of.is_empty() {
        places.extend(first.map(&mut place));
    } else {
        places.extend(of.iter().map(|it| place(*it)));
    }
}
