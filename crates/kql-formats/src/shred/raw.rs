//! Columns made of nodes that hold JSON texts, without taking each text apart: most stand as they would be written.

use crate::read::{
    canonical::canonical,
    scan::{Cursor, Odd, Text},
    shape::Shapes,
};
use arrow_array::builder::LargeStringBuilder;
use kql_data::{
    Column, DictionaryBuilder, DictionaryColumn, Dynamic, Map, Node, Shredded, StringDictionary, Tag, Texts,
};
use std::{borrow::Cow, sync::Arc};

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

/// Different reasons up to which their arrays are told apart by a dictionary.
const REASONS_MAX: usize = 1_024;

/// The `finish_reason` of the first element, in an array, in every row: as JSON texts by dictionary while reasons are few.
pub(super) fn finish_reasons(node: Option<&Node>, n_rows: usize) -> Column {
    let raw = node.and_then(|it| it.raw.as_ref()).map(Texts::reader);
    let mut shapes = Shapes::default();
    let mut reason = |row: usize| -> Cow<'_, str> {
        let Some(node) = node else { return Cow::Borrowed("") };
        if let (Tag::Raw, Some(raw)) = (node.tag(row), raw)
            && let Some(reason) = reason_like_others(raw.get(row), &mut shapes)
        {
            return Cow::Borrowed(reason);
        }
        Cow::Owned(node.value(row).at(0).get("finish_reason").text())
    };
    let (mut known, mut texts) = (Map::default(), DictionaryBuilder::default());
    let mut codes: Vec<u32> = Vec::with_capacity(n_rows);
    for row in 0..n_rows {
        let reason = reason(row);
        let code = match known.get(&*reason) {
            Some(code) => *code,
            None if known.len() >= REASONS_MAX => break,
            None => {
                let code = texts.code(&Dynamic::array(vec![Dynamic::string(&*reason)]).json());
                *known.entry(reason.into_owned()).or_insert(code)
            }
        };
        codes.push(code);
    }
    if codes.len() == n_rows {
        return by_dictionary(codes, &Arc::new(texts.finish()));
    }
    let array = |row| Some(Dynamic::array(vec![Dynamic::string(&*reason(row))]));
    Column::dynamics((0..n_rows).map(array).collect())
}

/// JSON texts by their codes, one in every row.
fn by_dictionary(codes: Vec<u32>, dictionary: &Arc<StringDictionary>) -> Column {
    let tags = vec![Tag::Raw as u8; codes.len()].into();
    let raw = Texts::Dictionary(DictionaryColumn { codes: codes.into(), dictionary: dictionary.clone() });
    Column::Shredded(Shredded::new(Arc::new(Node { tags, raw: Some(raw), ..Node::default() })))
}

/// Gives all columns of JSON texts in every row one dictionary, if they have few together.
pub(super) fn share_dictionary(columns: &mut [Column]) {
    let mut texts = DictionaryBuilder::default();
    let mut parts: Vec<Vec<u32>> = Vec::with_capacity(columns.len());
    for column in &*columns {
        let Column::Shredded(it) = column else { return };
        let Some(Texts::Dictionary(raw)) = &it.node.raw else { return };
        let map: Vec<u32> = raw.dictionary.values().iter().map(|it| texts.code(it.unwrap_or(""))).collect();
        if texts.len() > REASONS_MAX {
            return;
        }
        parts.push(raw.codes.iter().map(|code| map.get(*code as usize).copied().unwrap_or(0)).collect());
    }
    let dictionary = Arc::new(texts.finish());
    columns.iter_mut().zip(parts).for_each(|(column, codes)| *column = by_dictionary(codes, &dictionary));
}

fn only_raw(node: &Node) -> bool {
    let empty = [Tag::Missing as u8, Tag::Null as u8, Tag::Raw as u8];
    node.tags.iter().all(|it| empty.contains(it))
}

/// The same as [`first_reason`], without a look at the keys of an array that has the shape of one before.
fn reason_like_others<'a>(text: &'a str, shapes: &mut Shapes) -> Option<&'a str> {
    match shapes.asked(text) {
        Some("null") => return Some(""),
        Some(it) if !it.contains('\\') => {
            if let Some(reason) = it.strip_prefix('"').and_then(|it| it.strip_suffix('"')) {
                return Some(reason);
            }
        }
        _ => {}
    }
    let reason = first_reason(text).ok()?;
    // Where it stands, with its quotes.
    let from = (reason.as_ptr() as usize).wrapping_sub(text.as_ptr() as usize).wrapping_sub(1);
    let place = from..from.wrapping_add(reason.len() + 2);
    if !reason.is_empty() && matches!(canonical(text), Ok(None)) {
        shapes.learn_place(text, place);
    }
    Some(reason)
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
    fn arrays_of_reasons_share_a_dictionary_while_they_are_few() {
        let texts = |n: usize| -> Vec<String> {
            let text = |it: usize| match it % (n + 1) {
                0 => "[]".to_owned(),
                it => format!("[{{\"finish_reason\":\"r\\\"{it}\"}}]"),
            };
            (0..3_000).map(text).collect()
        };
        let column = |texts: &[String]| {
            let node = Node {
                tags: vec![Tag::Raw as u8; texts.len()].into(),
                raw: Some(Texts::Plain(texts.iter().map(Some).collect())),
                ..Node::default()
            };
            finish_reasons(Some(&node), texts.len())
        };
        for (n, is_few) in [(2, true), (1_500, false)] {
            let texts = texts(n);
            let mut columns = [column(&texts), column(&texts[1..]), finish_reasons(None, 2)];
            assert_eq!(matches!(columns[0], Column::Shredded(_)), is_few);
            share_dictionary(&mut columns);
            let ids = columns.iter().map(|it| match it {
                Column::Shredded(it) => it.as_json_texts().map(|it| it.dictionary.id()),
                _ => None,
            });
            let ids: Vec<_> = ids.collect();
            assert_eq!(is_few, ids.iter().all(|it| it.is_some() && it == &ids[0]));
            for (row, text) in texts.iter().enumerate() {
                let reason = json::read(text).unwrap().at(0).get("finish_reason").text();
                let expected = Dynamic::array(vec![Dynamic::string(reason)]);
                assert_eq!(columns[0].dynamic(row), expected);
                assert!(row == 0 || columns[1].dynamic(row - 1) == expected);
            }
            assert_eq!(columns[2].dynamic(1).json(), "[\"\"]");
        }
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
