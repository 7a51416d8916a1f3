//! One JSON record into the tree: the fast path, which guesses the next key from the record before.
//!
//! It checks all syntax. A record that it finds odd (not JSON, a key twice, nested too deep) is undone and given to
//! [`super::careful`], which decides.

use super::scan::{Cursor, Number, Odd, Text};
use crate::openai::Shape;
use crate::shred::{Base, Mark, NONE, NodeId, ROOT, Tree, Twice};
use kql_data::{Tag, json};
use std::ops::Range;

impl From<Twice> for Odd {
    fn from(_: Twice) -> Odd {
        Odd
    }
}

/// How keys of records become columns.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Keys {
    /// Records are OpenAI audit events: the member named like the event's type is its `EventDetails`.
    pub(crate) audit: bool,
}

impl Keys {
    /// For records of a shape.
    pub(crate) fn of(shape: Shape) -> Keys {
        Keys { audit: shape == Shape::OpenAiAudit }
    }

    /// The column of details.
    pub(crate) const DETAILS: &str = "EventDetails";

    /// Whether a key holds the details of a type of event: `api_key.created`, or `api_key_created`.
    pub(crate) fn stands_for(key: &str, kind: &str) -> bool {
        key == kind
            || key.len() == kind.len() && key.bytes().eq(kind.bytes().map(|it| if it == b'.' { b'_' } else { it }))
    }

    /// The column of a key, made if it is new. `None` when there is no room, or the careful reader must see all keys.
    fn column(self, tree: &mut Tree, last: u32, key: &str, block: &str) -> Option<u32> {
        if !self.audit {
            return tree.member(ROOT, last, key);
        }
        if let Some(known) = tree.known_member(ROOT, last, key) {
            return Some(known);
        }
        let is_details = match tree.child(ROOT, "type") {
            Some(kind) if tree.is_set(kind) => tree.string(kind, block).is_some_and(|kind| Keys::stands_for(key, kind)),
            _ if matches!(key, "id" | "object" | "type") => false,
            _ => return None,
        };
        if is_details {
            _ = tree.alias(key, Keys::DETAILS)?;
        }
        tree.member(ROOT, last, key)
    }
}

/// Reads one record.
pub(crate) struct Fast<'a> {
    cursor: Cursor<'a>,
    /// What the record stands in.
    block: &'a str,
    base: Base,
    keys: Keys,
    tree: &'a mut Tree,
    scratch: &'a mut Scratch,
    /// Whether records may be left out.
    sifts: bool,
    /// Nobody wants the record at hand: its texts need not be kept. Keys of its bags are, for slots stand in the order in
    /// which they first came.
    drops: bool,
}

/// Room for texts on their way.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    key: Vec<u8>,
    keys: Vec<Range<usize>>,
}

/// Reads the record that begins at a place of the block that the tree is settled with, and ends in its line. Returns where it
/// ends; on failure the row is as it was.
pub(crate) fn read_in_line(
    block: &str,
    at: usize,
    depth_max: usize,
    keys: Keys,
    tree: &mut Tree,
    scratch: &mut Scratch,
) -> Result<usize, Odd> {
    let mark = tree.mark();
    let cursor = Cursor::in_line(block, at);
    let sifts = tree.sifts();
    let mut reader = Fast { cursor, block, base: Base::BLOCK, keys, tree, scratch, sifts, drops: false };
    let res = reader.sifted(mark, |it| it.record(depth_max));
    let at = reader.cursor.at;
    if res.is_err() {
        tree.undo_row(mark);
    }
    res.map(|()| at)
}

/// Reads a record that stands in no block. On failure the row is as it was.
pub(crate) fn read_alone(
    text: &str,
    depth_max: usize,
    keys: Keys,
    tree: &mut Tree,
    scratch: &mut Scratch,
) -> Result<(), Odd> {
    let start = tree.mark();
    let base = tree.stash(text);
    let (cursor, mark) = (Cursor::new(text), tree.mark());
    let sifts = tree.sifts();
    let mut reader = Fast { cursor, block: "", base, keys, tree, scratch, sifts, drops: false };
    let res = reader.sifted(mark, |it| {
        it.record(depth_max)?;
        it.cursor.space();
        if it.cursor.is_end() { Ok(()) } else { Err(Odd) }
    });
    if res.is_err() {
        tree.undo_row(start);
    }
    res
}

/// Reads the value that is a line of the block that the tree is settled with, between two places, into a node. On failure the
/// row is as it was.
pub(crate) fn read_value(
    block: &str,
    (from, to): (usize, usize),
    depth_max: usize,
    node: NodeId,
    tree: &mut Tree,
    scratch: &mut Scratch,
) -> Result<(), Odd> {
    let mark = tree.mark();
    let (cursor, keys) = (Cursor::in_line(block, from), Keys::default());
    let mut reader = Fast { cursor, block, base: Base::BLOCK, keys, tree, scratch, sifts: false, drops: false };
    let res = reader.value_alone(node, depth_max, to);
    if res.is_err() {
        tree.undo_row(mark);
    }
    res
}

impl Fast<'_> {
    /// Reads a record; once more, and all of it, when it must be kept though nobody wants it.
    fn sifted(&mut self, mark: Mark, read: impl Fn(&mut Self) -> Result<(), Odd>) -> Result<(), Odd> {
        let start = self.cursor;
        read(self)?;
        if self.drops && !self.tree.may_drop(self.block) {
            self.tree.undo_row(mark);
            (self.cursor, self.sifts, self.drops) = (start, false, false);
            read(self)?;
        }
        Ok(())
    }

    fn value_alone(&mut self, node: NodeId, depth_max: usize, end: usize) -> Result<(), Odd> {
        self.tree.set_bag(ROOT)?;
        self.value(node, depth_max)?;
        if self.cursor.at == end { Ok(()) } else { Err(Odd) }
    }

    fn record(&mut self, depth_max: usize) -> Result<(), Odd> {
        self.cursor.space();
        if self.cursor.byte() != b'{' {
            return Err(Odd);
        }
        self.object(ROOT, depth_max)
    }

    /// Reads an object, from its bracket on. `depth` levels may open, this one included.
    fn object(&mut self, node: NodeId, depth: usize) -> Result<(), Odd> {
        let depth = depth.checked_sub(1).ok_or(Odd)?;
        let (start, mark) = (self.cursor.at, self.tree.mark());
        self.tree.set_bag(node)?;
        self.cursor.at += 1;
        self.cursor.space();
        if self.cursor.byte() == b'}' {
            self.cursor.at += 1;
            return Ok(());
        }
        let mut last = NONE;
        loop {
            let (member, child) = match self.tree.predicted(node, last, self.cursor.rest()) {
                Some(it) => {
                    self.cursor.at += it.len;
                    (it.member, it.node)
                }
                None => match self.unexpected(node, last)? {
                    Some(it) => it,
                    None => {
                        // No room for another key: the bag is kept as text.
                        self.tree.undo(node, mark);
                        self.cursor.at = start;
                        self.cursor.skip_value(depth + 1)?;
                        self.tree.keep_text_as_it_stands(node);
                        return self.text(node, Tag::Raw, start, self.cursor.at);
                    }
                },
            };
            self.cursor.space();
            match child {
                NONE => self.cursor.skip_value(depth)?,
                child => self.value(child, depth)?,
            }
            if node == ROOT && self.sifts && self.tree.sift(child, self.block) {
                self.drops = true;
            }
            self.cursor.space();
            match self.cursor.byte() {
                b',' => {
                    self.cursor.at += 1;
                    self.cursor.space();
                }
                b'}' => {
                    self.cursor.at += 1;
                    return Ok(());
                }
                _ => return Err(Odd),
            }
            last = member;
        }
    }

    #[inline]
    fn text(&mut self, node: NodeId, tag: Tag, from: usize, to: usize) -> Result<(), Odd> {
        Ok(self.tree.set_text(node, tag, self.base.place(from, to))?)
    }

    /// Reads a key that does not follow what it followed last time, and its colon. `None` when the node has no room for it.
    #[inline(never)]
    fn unexpected(&mut self, node: NodeId, last: u32) -> Result<Option<(u32, NodeId)>, Odd> {
        let mut behind = self.cursor;
        if let Text::Plain(from, to) = behind.string()?
            && let Some(key) = self.cursor.bytes(from, to)
            && let Some(it) = self.tree.hinted(node, last, key, self.cursor.rest())
        {
            self.cursor.at += it.len;
            return Ok(Some((it.member, it.node)));
        }
        let member = self.key(node, last)?;
        Ok(member.map(|it| (it, self.tree.at(node, it).node)))
    }

    /// Reads a key that is new, or seldom, and its colon. `None` when the node has no room for it.
    fn key(&mut self, node: NodeId, last: u32) -> Result<Option<u32>, Odd> {
        let whole = &mut self.scratch.key;
        whole.clear();
        let key = match self.cursor.string()? {
            Text::Plain(from, to) => self.cursor.slice(from, to)?,
            Text::Escaped(from) => {
                self.cursor.unescape(from, whole)?;
                std::str::from_utf8(whole).map_err(|_| Odd)?
            }
        };
        let member = match node {
            ROOT => self.keys.column(self.tree, last, key, self.block),
            _ => self.tree.member(node, last, key),
        };
        self.cursor.space();
        self.cursor.expect(b':')?;
        if member.is_none() && node == ROOT { Err(Odd) } else { Ok(member) }
    }

    #[inline]
    fn value(&mut self, node: NodeId, depth: usize) -> Result<(), Odd> {
        match self.cursor.byte() {
            b'"' => match self.cursor.string()? {
                Text::Plain(from, to) => self.text(node, Tag::String, from, to)?,
                Text::Escaped(from) => {
                    let start = self.tree.side().len();
                    self.cursor.unescape(from, self.tree.side())?;
                    self.tree.set_side(node, Tag::String, start)?;
                }
            },
            b'{' | b'[' if self.tree.skims(node) || self.drops && self.cursor.byte() == b'[' => {
                let is_bag = self.cursor.byte() == b'{';
                self.cursor.skip_value(depth)?;
                match is_bag {
                    true => self.tree.set_bag(node)?,
                    false => self.tree.set(node, Tag::Raw)?,
                }
            }
            b'{' => self.object(node, depth)?,
            b'[' => {
                let start = self.cursor.at;
                if self.tree.writes(node) {
                    return self.written(node, depth, start);
                }
                self.cursor.skip_value(depth)?;
                self.text(node, Tag::Raw, start, self.cursor.at)?;
            }
            b't' => {
                self.cursor.literal("true")?;
                self.tree.set(node, Tag::True)?;
            }
            b'f' => {
                self.cursor.literal("false")?;
                self.tree.set(node, Tag::False)?;
            }
            b'n' => {
                self.cursor.literal("null")?;
                self.tree.set(node, Tag::Null)?;
            }
            b'-' | b'0'..=b'9' => {
                let start = self.cursor.at;
                match self.cursor.number()? {
                    Number::Long(it) => self.tree.set_long(node, it)?,
                    Number::Real(it) => self.tree.set_real(node, it)?,
                    Number::Raw => self.text(node, Tag::Raw, start, self.cursor.at)?,
                }
            }
            _ => return Err(Odd),
        }
        Ok(())
    }

    /// Reads an array that is kept as it would be written.
    fn written(&mut self, node: NodeId, depth: usize, start: usize) -> Result<(), Odd> {
        let from = self.tree.side().len();
        match self.cursor.canonical(depth, &mut self.scratch.keys, self.tree.side()) {
            Ok(false) => return self.text(node, Tag::Raw, start, self.cursor.at),
            Ok(true) => return Ok(self.tree.set_side(node, Tag::Raw, from)?),
            Err(Odd) => self.tree.side().truncate(from),
        }
        self.cursor.at = start;
        self.cursor.skip_value(depth)?;
        let value = json::read(self.cursor.since(start)?).ok_or(Odd)?;
        Ok(self.tree.set_own_text(node, Tag::Raw, &value.json())?)
    }
}
