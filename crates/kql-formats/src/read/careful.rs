//! One JSON record into the tree by way of serde_json: slower, and the judge of what is accepted.

use super::record::Keys;
use super::scan::{Cursor, NUMBER_BYTES, Number};
use crate::shred::{NONE, NodeId, ROOT, Tree};
use indexmap::IndexMap;
use kql_data::{Tag, json};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::{borrow::Cow, fmt};

/// The members of an object; of a key that comes twice, the last.
struct Members<'a>(IndexMap<String, &'a RawValue, ahash::RandomState>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Members<'de>;

            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
                let mut members = IndexMap::default();
                while let Some((key, value)) = map.next_entry::<String, &'de RawValue>()? {
                    _ = members.insert(key, value);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Reader)
    }
}

/// Reads a record. On failure says why, and the row is as it was. Returns how many bytes of lone surrogates were replaced.
pub(crate) fn read(text: &str, depth_max: usize, keys: Keys, tree: &mut Tree) -> Result<u64, String> {
    let mark = tree.mark();
    let (text, replaced) = mend_surrogates(text);
    let value: &RawValue = serde_json::from_str(&text).map_err(|it| reason(&it))?;
    let value = value.get();
    if !value.starts_with('{') {
        return Err("a record must be a JSON object".to_owned());
    }
    let depth = depth(value);
    if depth > depth_max {
        return Err(format!("nested {depth} deep, beyond the limit `json_depth` of {depth_max}"));
    }
    // With room for all keys such a number is kept, without it is not: which keys there are depends on what is kept.
    if tree.prunes() && check_numbers(value).is_err() {
        tree.doubt();
    }
    let res = object(value, ROOT, keys, tree);
    if res.is_err() {
        tree.undo_row(mark);
    }
    res.map(|()| replaced)
}

fn reason(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.rsplit_once(" at line ") {
        Some((text, _)) => format!("{text}, at column {}", error.column()),
        None => text,
    }
}

/// Nesting of a well-formed text.
fn depth(text: &str) -> usize {
    let (mut depth, mut deepest, mut in_string, mut escaped) = (0_usize, 0, false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = in_string,
            b'"' => in_string = !in_string,
            _ if in_string => {}
            b'{' | b'[' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

fn object(text: &str, node: NodeId, keys: Keys, tree: &mut Tree) -> Result<(), String> {
    let twice = |_| "a value came twice".to_owned();
    let Members(members) = serde_json::from_str(text).map_err(|it| reason(&it))?;
    let mark = tree.mark();
    tree.set_bag(node).map_err(twice)?;
    let details = if node == ROOT && keys.audit { details(&members, tree) } else { None };
    let mut last = NONE;
    for (key, value) in &members {
        let member = match details {
            Some(it) if it == key => tree.alias(key, Keys::DETAILS),
            // Details of another type than the event's: a column of their own.
            Some(_) if tree.is_alias(key) => tree.member(node, last, &format!("{key}_")),
            _ => tree.member(node, last, key),
        };
        let Some(member) = member else {
            if node == ROOT {
                return Err(format!("no room for another column, `{key}`"));
            }
            tree.undo(node, mark);
            tree.keep_text_as_it_stands(node);
            check_numbers(text)?;
            return tree.set_own_text(node, Tag::Raw, text).map_err(twice);
        };
        match tree.at(node, member).node {
            NONE => check_value(value.get())?,
            child => write_value(value.get(), child, keys, tree)?,
        }
        last = member;
    }
    Ok(())
}

fn write_value(text: &str, node: NodeId, keys: Keys, tree: &mut Tree) -> Result<(), String> {
    let twice = |_| "a value came twice".to_owned();
    match text.bytes().next() {
        Some(b'"') => {
            let text: String = serde_json::from_str(text).map_err(|it| reason(&it))?;
            tree.set_own_text(node, Tag::String, &text).map_err(twice)
        }
        Some(b'{') => object(text, node, keys, tree),
        Some(b'[') => {
            check_numbers(text)?;
            match tree.writes(node).then(|| json::read(text)).flatten() {
                Some(it) => tree.set_own_text(node, Tag::Raw, &it.json()).map_err(twice),
                None => {
                    tree.keep_text_as_it_stands(node);
                    tree.set_own_text(node, Tag::Raw, text).map_err(twice)
                }
            }
        }
        Some(b't') => tree.set(node, Tag::True).map_err(twice),
        Some(b'f') => tree.set(node, Tag::False).map_err(twice),
        Some(b'n') => tree.set(node, Tag::Null).map_err(twice),
        _ => match Cursor::new(text).number() {
            Ok(Number::Long(it)) => tree.set_long(node, it).map_err(twice),
            Ok(Number::Real(it)) => tree.set_real(node, it).map_err(twice),
            Ok(Number::Raw) => tree.set_own_text(node, Tag::Raw, text).map_err(twice),
            Err(_) => Err(too_long()),
        },
    }
}

/// Whether a value that is not kept could be.
fn check_value(text: &str) -> Result<(), String> {
    match text.bytes().next() {
        Some(b'"') => serde_json::from_str::<String>(text).map(|_| ()).map_err(|it| reason(&it)),
        Some(b'{') => {
            let Members(members) = serde_json::from_str(text).map_err(|it| reason(&it))?;
            members.values().try_for_each(|it| check_value(it.get()))
        }
        Some(b'[') => check_numbers(text),
        Some(b't' | b'f' | b'n') => Ok(()),
        _ => Cursor::new(text).number().map(|_| ()).map_err(|_| too_long()),
    }
}

fn too_long() -> String {
    format!("a number of over {NUMBER_BYTES} characters")
}

/// Whether a well-formed array or bag can be kept as text.
fn check_numbers(text: &str) -> Result<(), String> {
    Cursor::new(text).skip_value(127).map_err(|_| "a number too large or too long, inside an array".to_owned())
}

/// Lone surrogate escapes, which stand for no character, become U+FFFD; also how many bytes that changed.
fn mend_surrogates(text: &str) -> (Cow<'_, str>, u64) {
    let bytes = text.as_bytes();
    let code = |at: usize| match bytes.get(at..at + 2) {
        Some(b"\\u") => text.get(at + 2..at + 6).and_then(|it| u32::from_str_radix(it, 16).ok()),
        _ => None,
    };
    let (mut out, mut kept, mut at, mut replaced) = (String::new(), 0, 0, 0);
    while let Some(found) = bytes.get(at..).and_then(|it| memchr::memchr(b'\\', it)) {
        at += found;
        match code(at) {
            Some(0xD800..0xDC00) if matches!(code(at + 6), Some(0xDC00..0xE000)) => at += 12,
            Some(0xD800..0xE000) => {
                out.push_str(text.get(kept..at).unwrap_or_default());
                out.push_str("\\ufffd");
                at += 6;
                kept = at;
                replaced += 6;
            }
            _ => at += 2,
        }
    }
    if replaced == 0 {
        return (Cow::Borrowed(text), 0);
    }
    out.push_str(text.get(kept..).unwrap_or_default());
    (Cow::Owned(out), replaced)
}

/// The key of the details of an audit event.
fn details<'a>(members: &'a IndexMap<String, &RawValue, ahash::RandomState>, tree: &Tree) -> Option<&'a String> {
    let kind = members.get("type").and_then(|it| serde_json::from_str::<String>(it.get()).ok()).unwrap_or_default();
    let mut keys = members.keys();
    keys.find(|it| Keys::stands_for(it, &kind)).or_else(|| members.keys().find(|it| tree.is_alias(it)))
}
