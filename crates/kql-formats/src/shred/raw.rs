//! Columns made of nodes that hold JSON texts, without taking each text apart: most stand as they would be written.

use crate::read::scan::{Cursor, Odd, Text};
use kql_data::{Column, Dynamic, Map, Node, Tag, Texts, json};

/// Keys of an object that are compared with each other.
const KEYS_MAX: usize = 64;
/// Nesting that is looked at.
const DEPTH_MAX: usize = 100;

/// Every row as text: what `tostring` gives.
pub(super) fn texts(node: Option<&Node>, n_rows: usize) -> Column {
    let Some(node) = node else { return Column::strings((0..n_rows).map(|_| "")) };
    if only_raw(node)
        && let Some(Texts::Plain(texts)) = &node.raw
        && texts.iter().flatten().all(|it| it.is_empty() || is_canonical(it))
    {
        return Column::String(texts.clone());
    }
    let raw = node.raw.as_ref().map(Texts::reader);
    let text = |row: usize| match (node.tag(row), raw) {
        (Tag::Raw, Some(raw)) if is_canonical(raw.get(row)) => raw.get(row).to_owned(),
        _ => node.value(row).text(),
    };
    Column::strings((0..n_rows).map(text))
}

/// The `finish_reason` of the first element, in an array, in every row.
pub(super) fn finish_reasons(node: Option<&Node>, n_rows: usize) -> Column {
    let mut made: Map<String, Dynamic> = Map::default();
    let mut array = |reason: &str| match made.get(reason) {
        Some(it) => it.clone(),
        None => {
            let it = Dynamic::array(vec![Dynamic::string(reason)]);
            if made.len() < 1_024 {
                _ = made.insert(reason.to_owned(), it.clone());
            }
            it
        }
    };
    let raw = node.and_then(|it| it.raw.as_ref()).map(Texts::reader);
    let mut of = |row: usize| {
        let Some(node) = node else { return array("") };
        if let (Tag::Raw, Some(raw)) = (node.tag(row), raw)
            && let Ok(reason) = first_reason(raw.get(row))
        {
            return array(reason);
        }
        array(&node.value(row).at(0).get("finish_reason").text())
    };
    Column::dynamics((0..n_rows).map(|row| Some(of(row))).collect())
}

fn only_raw(node: &Node) -> bool {
    let empty = [Tag::Missing as u8, Tag::Null as u8, Tag::Raw as u8];
    node.tags.iter().all(|it| empty.contains(it))
}

/// The finish reason of the first element of a JSON array, when it is plainly there or not.
fn first_reason(text: &str) -> Result<&str, Odd> {
    let mut it = Cursor::new(text);
    it.expect(b'[')?;
    it.space();
    if it.byte() != b'{' {
        return if it.byte() == b']' { Ok("") } else { Err(Odd) };
    }
    it.at += 1;
    it.space();
    if it.byte() == b'}' {
        return Ok("");
    }
    let mut found = None;
    loop {
        let Text::Plain(from, to) = it.string()? else { return Err(Odd) };
        let is_reason = it.slice(from, to)? == "finish_reason";
        it.space();
        it.expect(b':')?;
        it.space();
        match (is_reason, it.byte()) {
            (false, _) => it.skip_value(DEPTH_MAX)?,
            (true, _) if found.is_some() => return Err(Odd),
            (true, b'"') => {
                let Text::Plain(from, to) = it.string()? else { return Err(Odd) };
                found = Some(it.slice(from, to)?);
            }
            (true, b'n') => {
                it.literal("null")?;
                found = Some("");
            }
            (true, _) => return Err(Odd),
        }
        it.space();
        match it.byte() {
            b',' => it.at += 1,
            b'}' => return Ok(found.unwrap_or("")),
            _ => return Err(Odd),
        }
        it.space();
    }
}

/// Whether a well-formed text of an array or a bag is what would be written of its value: false when in doubt.
fn is_canonical(text: &str) -> bool {
    let mut cursor = Cursor::new(text);
    matches!(cursor.byte(), b'[' | b'{')
        && canonical(&mut cursor, &mut Vec::new(), DEPTH_MAX).is_ok()
        && cursor.is_end()
}

fn canonical<'a>(it: &mut Cursor<'a>, keys: &mut Vec<&'a str>, depth: usize) -> Result<(), Odd> {
    match it.byte() {
        b'"' => canonical_string(it).map(|_| ()),
        open @ (b'[' | b'{') => {
            let depth = depth.checked_sub(1).ok_or(Odd)?;
            let close = if open == b'{' { b'}' } else { b']' };
            it.at += 1;
            if it.byte() == close {
                it.at += 1;
                return Ok(());
            }
            let first_key = keys.len();
            loop {
                if open == b'{' {
                    let key = canonical_string(it)?;
                    let known = keys.get(first_key..).unwrap_or(&[]);
                    if known.len() >= KEYS_MAX || known.contains(&key) {
                        return Err(Odd);
                    }
                    keys.push(key);
                    it.expect(b':')?;
                }
                canonical(it, keys, depth)?;
                match it.byte() {
                    b',' => it.at += 1,
                    byte if byte == close => {
                        it.at += 1;
                        keys.truncate(first_key);
                        return Ok(());
                    }
                    _ => return Err(Odd),
                }
            }
        }
        b't' => it.literal("true"),
        b'f' => it.literal("false"),
        b'n' => it.literal("null"),
        _ => canonical_number(it),
    }
}

/// A string without an escape that would be written otherwise; its text as it stands.
fn canonical_string<'a>(it: &mut Cursor<'a>) -> Result<&'a str, Odd> {
    let start = it.at + 1;
    let mut text = it.string()?;
    loop {
        match text {
            Text::Plain(_, to) => return it.slice(start, to),
            Text::Escaped(_) => {
                it.expect(b'\\')?;
                if !matches!(it.byte(), b'"' | b'\\' | b'n' | b'r' | b't' | b'b' | b'f') {
                    return Err(Odd);
                }
                it.at += 1;
                text = it.string_rest();
            }
        }
    }
}

fn canonical_number(it: &mut Cursor<'_>) -> Result<(), Odd> {
    use crate::read::scan::Number;
    let start = it.at;
    match it.number()? {
        Number::Long(_) => Ok(()),
        Number::Real(value) => {
            let mut text = String::new();
            json::write_real(value, &mut text);
            if it.since(start)? == text { Ok(()) } else { Err(Odd) }
        }
        Number::Raw => Err(Odd),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn canonical_texts_are_written_as_they_stand() {
        let mut n_canonical = 0;
        for text in [
            "[]",
            "{}",
            "[1,-2,\"a\",{\"b\":null,\"c\":[true,false]}]",
            "[1, 2]",
            "[1.5,1.0,1e5,-0,0.1,100000.0,1e22,1.50]",
            "[1.5]",
            "[-0]",
            "[9223372036854775808]",
            "[\"\\n\\t\\\"\\\\\\b\\f\\r\"]",
            "[\"\\/\"]",
            "[\"\\u00e9\"]",
            "[\"\\u0001\"]",
            "[\"žluť\"]",
            "{\"a\":1,\"a\":2}",
            "{\"a\":{\"a\":1},\"b\":{\"a\":1}}",
            "{\"a\":1,\"\\u0061\":2}",
            "[\"0123456789abcdef\\nx\",\"0123456789abcdefg\"]",
        ] {
            let written = json::read(text).unwrap().text();
            assert!(!is_canonical(text) || written == text, "{text} is written {written}");
            n_canonical += usize::from(is_canonical(text));
        }
        assert_eq!(n_canonical, 8);
        assert!(!is_canonical(&"[".repeat(100_000)));
    }

    #[test]
    fn reasons() {
        for text in [
            "[]",
            "[{}]",
            "[{\"index\":0,\"message\":{\"finish_reason\":\"no\"},\"finish_reason\":\"stop\",\"x\":[1]}]",
            "[ { \"finish_reason\" : null } ]",
            "[{\"finish_reason\":\"a\\nb\"}]",
            "[{\"finish_reason\":\"a\",\"finish_reason\":\"b\"}]",
            "[{\"finish_reason\":7}]",
            "[1]",
            "[[],{\"finish_reason\":\"x\"}]",
            "{\"finish_reason\":\"x\"}",
            "[{\"x\":1},{\"finish_reason\":\"x\"}]",
        ] {
            let expected = json::read(text).unwrap().at(0).get("finish_reason").text();
            if let Ok(found) = first_reason(text) {
                assert_eq!(found, expected, "{text}");
            }
        }
        assert_eq!(first_reason("[{\"finish_reason\":\"stop\"}]"), Ok("stop"));
    }
}
