//! One JSON record into the tree: the fast path, which guesses the next key from the record before.
//!
//! It checks all syntax. A record that it finds odd (not JSON, a key twice, nested too deep) is undone and given to
//! [`super::careful`], which decides.

use super::{
    scan::{Cursor, Number, Odd, Text, special_from},
    shape::Shapes,
};
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
    /// Of arrays that stood as they would be written, nested as deep as was allowed.
    shapes: Shapes,
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
        if self.value(self.cursor.at, node, depth_max)? == end { Ok(()) } else { Err(Odd) }
    }

    fn record(&mut self, depth_max: usize) -> Result<(), Odd> {
        self.cursor.space();
        if self.cursor.byte() != b'{' {
            return Err(Odd);
        }
        self.cursor.at = self.object(self.cursor.at, ROOT, depth_max)?;
        Ok(())
    }

    /// Reads an object, from the place of its bracket on, and returns the place behind it. `depth` levels may open, this one
    /// included. Places are handed on in registers: the cursor of the reader serves what is seldom.
    fn object(&mut self, start: usize, node: NodeId, depth: usize) -> Result<usize, Odd> {
        let depth = depth.checked_sub(1).ok_or(Odd)?;
        let (text, mark) = (self.cursor.text(), self.tree.mark());
        self.tree.set_bag(node)?;
        let (mut at, mut last) = (start, NONE);
        loop {
            // At the bracket, or at a comma.
            let (member, child) = match self.tree.predicted(node, last, text, at) {
                Some(it) => {
                    at += it.len;
                    (it.member, it.node)
                }
                None => {
                    self.cursor.at = at + 1;
                    self.cursor.space();
                    if last == NONE && self.cursor.byte() == b'}' {
                        return Ok(self.cursor.at + 1);
                    }
                    let Some(it) = self.unexpected(node, last)? else {
                        return self.crowded(start, node, depth, mark);
                    };
                    self.cursor.space();
                    at = self.cursor.at;
                    it
                }
            };
            at = match child {
                NONE => self.skip_value(at, depth)?,
                child => self.value(at, child, depth)?,
            };
            if node == ROOT && self.sifts && self.tree.sift(child, self.block) {
                self.drops = true;
            }
            match text.get(at) {
                Some(b',') => {}
                Some(b'}') => return Ok(at + 1),
                _ => {
                    self.cursor.at = at;
                    self.cursor.space();
                    at = self.cursor.at;
                    match self.cursor.byte() {
                        b',' => {}
                        b'}' => return Ok(at + 1),
                        _ => return Err(Odd),
                    }
                }
            }
            last = member;
        }
    }

    /// Keeps the object that begins at a place as text: its bag has no room for another key.
    #[cold]
    fn crowded(&mut self, start: usize, node: NodeId, depth: usize, mark: Mark) -> Result<usize, Odd> {
        self.tree.undo(node, mark);
        let end = self.skip_value(start, depth + 1)?;
        self.tree.keep_text_as_it_stands(node);
        self.text(node, Tag::Raw, start, end)?;
        Ok(end)
    }

    fn skip_value(&mut self, at: usize, depth: usize) -> Result<usize, Odd> {
        self.cursor.at = at;
        self.cursor.space();
        self.cursor.skip_value(depth)?;
        Ok(self.cursor.at)
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

    /// Reads the value at a place, and returns the place behind it. Most are short strings without escapes.
    #[inline(always)]
    fn value(&mut self, at: usize, node: NodeId, depth: usize) -> Result<usize, Odd> {
        let text = self.cursor.text();
        if text.get(at) != Some(&b'"') {
            return self.no_string(at, node, depth);
        }
        let end = special_from(text, at + 1);
        if text.get(end) != Some(&b'"') {
            return self.escaped(at + 1, end, node);
        }
        self.text(node, Tag::String, at + 1, end)?;
        Ok(end + 1)
    }

    /// Reads a string that begins at a place, and is plain up to another.
    #[inline(never)]
    fn escaped(&mut self, from: usize, at: usize, node: NodeId) -> Result<usize, Odd> {
        let start = self.tree.side().len();
        self.cursor.at = at;
        self.cursor.unescape(from, self.tree.side())?;
        self.tree.set_side(node, Tag::String, start)?;
        Ok(self.cursor.at)
    }

    /// Reads a value that is no string, or has white space before it.
    fn no_string(&mut self, at: usize, node: NodeId, depth: usize) -> Result<usize, Odd> {
        self.cursor.at = at;
        match self.cursor.byte() {
            b'{' if !self.tree.skims(node) => return self.object(at, node, depth),
            b'{' => {
                self.cursor.skip_value(depth)?;
                self.tree.set_bag(node)?;
            }
            b'[' if self.tree.skims(node) || self.drops => {
                self.cursor.skip_value(depth)?;
                self.tree.set(node, Tag::Raw)?;
            }
            b'[' if self.tree.writes(node) => self.written(node, depth, at)?,
            b'[' => {
                self.cursor.skip_value(depth)?;
                self.text(node, Tag::Raw, at, self.cursor.at)?;
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
            b'-' | b'0'..=b'9' => match self.cursor.number()? {
                Number::Long(it) => self.tree.set_long(node, it)?,
                Number::Real(it) => self.tree.set_real(node, it)?,
                Number::Raw => self.text(node, Tag::Raw, at, self.cursor.at)?,
            },
            _ => {
                self.cursor.space();
                if self.cursor.at == at {
                    return Err(Odd);
                }
                return self.spaced(node, depth);
            }
        }
        Ok(self.cursor.at)
    }

    /// Reads the value at the cursor, which stood behind white space.
    #[inline(never)]
    fn spaced(&mut self, node: NodeId, depth: usize) -> Result<usize, Odd> {
        self.value(self.cursor.at, node, depth)
    }

    /// Reads an array that is kept as it would be written.
    fn written(&mut self, node: NodeId, depth: usize, start: usize) -> Result<(), Odd> {
        let from = self.tree.side().len();
        if self.scratch.shapes.follow(&mut self.cursor, depth) {
            return self.text(node, Tag::Raw, start, self.cursor.at);
        }
        match self.cursor.canonical(depth, &mut self.scratch.keys, self.tree.side()) {
            Ok(false) => {
                self.scratch.shapes.learn(self.cursor.since(start)?, depth);
                return self.text(node, Tag::Raw, start, self.cursor.at);
            }
            Ok(true) => return Ok(self.tree.set_side(node, Tag::Raw, from)?),
            Err(Odd) => self.tree.side().truncate(from),
        }
        self.cursor.at = start;
        self.cursor.skip_value(depth)?;
        let value = json::read(self.cursor.since(start)?).ok_or(Odd)?;
        Ok(self.tree.set_own_text(node, Tag::Raw, &value.json())?)
    }
}
