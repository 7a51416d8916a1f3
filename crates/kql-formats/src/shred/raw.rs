//! Columns made of nodes that hold JSON texts, without taking each text apart: most stand as they would be written.

use crate::read::{
    canonical::canonical,
    scan::{Cursor, Odd, Text},
};
use arrow_array::builder::LargeStringBuilder;
use kql_data::{Column, Dynamic, Map, Node, Tag, Texts};

/// Nesting that is looked at.
const DEPTH_MAX: usize = 100;

/// Every row as text: what `tostring` gives. `written` promises that all JSON texts stand as they would be written.
pub(super) fn texts(node: Option<&Node>, n_rows: usize, written: bool) -> Column {
    let Some(node) = node else { return Column::strings((0..n_rows).map(|_| "")) };
    let is_text = |it: &str| written || it.is_empty() || matches!(canonical(it), Ok(None));
    if only_raw(node) {
        match &node.raw {
            Some(Texts::Plain(texts)) if texts.iter().flatten().all(is_text) => return Column::String(texts.clone()),
            Some(Texts::Dictionary(it)) if it.dictionary.values().iter().flatten().all(is_text) => {
                return Column::Dictionary(it.clone());
            }
            _ => {}
        }
    }
    let raw = node.raw.as_ref().map(Texts::reader);
    let mut out = LargeStringBuilder::new();
    for row in 0..n_rows {
        match (node.tag(row), raw) {
            (Tag::Raw, Some(raw)) if written => out.append_value(raw.get(row)),
            (Tag::Raw, Some(raw)) => match canonical(raw.get(row)) {
                Ok(differs) => out.append_value(differs.as_deref().unwrap_or(raw.get(row))),
                Err(Odd) => out.append_value(node.value(row).text()),
            },
            _ => out.append_value(node.value(row).text()),
        }
    }
    Column::String(out.finish())
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

#[cfg(test)]
mod tests {
    use super::*;
    use kql_data::json;

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
