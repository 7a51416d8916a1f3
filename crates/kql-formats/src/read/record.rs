//! One JSON record into the tree: the fast path, which guesses the next key from the record before.
//!
//! It checks all syntax. A record that it finds odd (not JSON, a key twice, nested too deep) is undone and given to
//! [`super::careful`], which decides.

use super::scan::{Cursor, Number, Odd};
use crate::shred::{NodeId, ROOT, Tree, Twice};
use kql_data::Tag;

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
    /// The column of details.
    pub(crate) const DETAILS: &str = "EventDetails";

    /// Whether a key holds the details of a type of event: `api_key.created`, or `api_key_created`.
    pub(crate) fn stands_for(key: &str, kind: &str) -> bool {
        key == kind
            || key.len() == kind.len() && key.bytes().eq(kind.bytes().map(|it| if it == b'.' { b'_' } else { it }))
    }

    /// The column of a key, made if it is new. `None` when there is no room, or the careful reader must see all keys.
    fn column(self, tree: &mut Tree, last: Option<u32>, key: &str) -> Option<u32> {
        if self.audit && !tree.has_key(ROOT, key) {
            let is_details = match tree.child(ROOT, "type") {
                Some(kind) if tree.is_set(kind) => tree.string(kind).is_some_and(|kind| Keys::stands_for(key, kind)),
                _ if matches!(key, "id" | "object" | "type") => false,
                _ => return None,
            };
            if is_details {
                _ = tree.alias(key, Keys::DETAILS)?;
            }
        }
        tree.member(ROOT, last, key)
    }
}

/// Reads records.
#[derive(Debug, Default)]
pub(crate) struct Fast {
    scratch: String,
}

impl Fast {
    /// Reads a record. On failure the row is as it was.
    pub(crate) fn read(&mut self, text: &str, depth_max: usize, keys: Keys, tree: &mut Tree) -> Result<(), Odd> {
        let mark = tree.mark();
        let mut cursor = Cursor::new(text);
        cursor.space();
        let res = if cursor.byte() == b'{' {
            self.object(&mut cursor, ROOT, depth_max, keys, tree).and_then(|()| {
                cursor.space();
                if cursor.is_end() { Ok(()) } else { Err(Odd) }
            })
        } else {
            Err(Odd)
        };
        if res.is_err() {
            tree.undo_row(mark);
        }
        res
    }

    /// Reads an object, from its bracket on. `depth` levels may open, this one included.
    fn object(
        &mut self,
        cursor: &mut Cursor<'_>,
        node: NodeId,
        depth: usize,
        keys: Keys,
        tree: &mut Tree,
    ) -> Result<(), Odd> {
        let depth = depth.checked_sub(1).ok_or(Odd)?;
        let (start, mark) = (cursor.at, tree.mark());
        tree.set(node, Tag::Bag)?;
        cursor.at += 1;
        cursor.space();
        if cursor.byte() == b'}' {
            cursor.at += 1;
            return Ok(());
        }
        let mut last = None;
        loop {
            let Some(member) = self.key(cursor, node, last, keys, tree)? else {
                // No room for another key: the bag is kept as text.
                tree.undo(mark);
                cursor.at = start;
                cursor.skip_value(depth + 1)?;
                return Ok(tree.set_raw(node, cursor.since(start)?)?);
            };
            cursor.space();
            let child = tree.at(node, member).node;
            self.value(cursor, child, depth, keys, tree)?;
            cursor.space();
            match cursor.byte() {
                b',' => {
                    cursor.at += 1;
                    cursor.space();
                }
                b'}' => {
                    cursor.at += 1;
                    return Ok(());
                }
                _ => return Err(Odd),
            }
            last = Some(member);
        }
    }

    /// Reads a key and its colon. `None` when the node has no room for it.
    #[inline]
    fn key(
        &mut self,
        cursor: &mut Cursor<'_>,
        node: NodeId,
        last: Option<u32>,
        keys: Keys,
        tree: &mut Tree,
    ) -> Result<Option<u32>, Odd> {
        if let Some((member, len)) = tree.predicted(node, last, cursor.rest()) {
            cursor.at += len;
            return Ok(Some(member));
        }
        let key = cursor.string(&mut self.scratch)?;
        let member = if node == ROOT { keys.column(tree, last, key) } else { tree.member(node, last, key) };
        cursor.space();
        cursor.expect(b':')?;
        if member.is_none() && node == ROOT { Err(Odd) } else { Ok(member) }
    }

    #[inline]
    fn value(
        &mut self,
        cursor: &mut Cursor<'_>,
        node: NodeId,
        depth: usize,
        keys: Keys,
        tree: &mut Tree,
    ) -> Result<(), Odd> {
        match cursor.byte() {
            b'"' => {
                let text = cursor.string(&mut self.scratch)?;
                tree.set_string(node, text)?;
            }
            b'{' => self.object(cursor, node, depth, keys, tree)?,
            b'[' => {
                let start = cursor.at;
                cursor.skip_value(depth)?;
                tree.set_raw(node, cursor.since(start)?)?;
            }
            b't' => {
                cursor.literal("true")?;
                tree.set(node, Tag::True)?;
            }
            b'f' => {
                cursor.literal("false")?;
                tree.set(node, Tag::False)?;
            }
            b'n' => {
                cursor.literal("null")?;
                tree.set(node, Tag::Null)?;
            }
            b'-' | b'0'..=b'9' => {
                let start = cursor.at;
                match cursor.number()? {
                    Number::Long(it) => tree.set_long(node, it)?,
                    Number::Real(it) => tree.set_real(node, it)?,
                    Number::Raw => tree.set_raw(node, cursor.since(start)?)?,
                }
            }
            _ => return Err(Odd),
        }
        Ok(())
    }
}
