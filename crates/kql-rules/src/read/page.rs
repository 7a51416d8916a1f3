//! Rules pasted into a page: their YAML has lost its indentation, or is none, and prose may stand around it. Keys at
//! the beginning of a line part it.

use super::Contents;
use crate::{
    Kind, Note, QueryText, Source, TextMap,
    document::{self, Entry, Node, Scalar, Style, Tree},
};
use std::ops::Range;

/// Keys of a rule that end its query where a page has lost the indentation.
const KEYS: &[&str] = &[
    "alertDetailsOverride",
    "alertRuleTemplateName",
    "author",
    "customDetails",
    "description",
    "displayName",
    "enabled",
    "entityMappings",
    "eventGroupingSettings",
    "id",
    "incidentConfiguration",
    "kind",
    "metadata",
    "name",
    "query",
    "queryFrequency",
    "queryPeriod",
    "relevantTechniques",
    "requiredDataConnectors",
    "sentinelEntitiesMappings",
    "severity",
    "status",
    "subTechniques",
    "suppressionDuration",
    "suppressionEnabled",
    "tactics",
    "tags",
    "techniques",
    "triggerOperator",
    "triggerThreshold",
    "version",
];

/// A key with the bytes of what follows it.
struct Section<'a> {
    key: &'a str,
    key_range: Range<usize>,
    /// From behind the colon to the next key.
    value: Range<usize>,
}

/// Whether a text has the `query:` of a rule at the beginning of a line.
pub(super) fn is_page(text: &str) -> bool {
    text.lines().any(|it| {
        it.trim_end().strip_prefix("query:").is_some_and(|it| it.is_empty() || it.starts_with([' ', '|', '>']))
    })
}

/// Reads the one rule of a page.
pub(super) fn read(out: &mut Contents) {
    let source = out.source.clone();
    let mut entries: Vec<Entry> = Vec::new();
    for section in sections(&source.text) {
        if entries.iter().any(|it| it.key == section.key) {
            // A second rule, or prose that looks like a key.
            continue;
        }
        let value = match section.key {
            "query" | "description" => block(&source, &section),
            _ => value(&source, &section, &mut out.notes),
        };
        let key_place = source.place(section.key_range);
        entries.push(Entry { key: section.key.to_owned(), key_place, value });
    }
    let place = source.place(0..source.text.len());
    let node = Node { tree: Tree::Map(entries), place };
    super::rule::read(out, &node);
    if let Some(rule) = out.rules.last_mut().filter(|it| it.kind == Kind::Hunting) {
        trim_prose(&mut rule.query);
    }
}

fn sections(text: &str) -> Vec<Section<'_>> {
    let mut out: Vec<Section<'_>> = Vec::new();
    let mut offset = 0;
    for line in text.split_inclusive('\n') {
        let key = line.split_once(':').map(|it| it.0).filter(|it| KEYS.contains(it));
        if let Some(key) = key {
            let start = offset + key.len() + 1;
            out.push(Section { key, key_range: offset..offset + key.len(), value: start..offset + line.len() });
        } else if let Some(last) = out.last_mut() {
            last.value.end = offset + line.len();
        }
        offset += line.len();
    }
    out
}

/// A block of text: what follows `|`, `>` or nothing, without the indentation that all lines share; or the one line.
fn block(source: &Source, section: &Section<'_>) -> Node {
    let text = source.text.get(section.value.clone()).unwrap_or("");
    let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
    let head = first.trim();
    if !head.is_empty() && !head.starts_with(['|', '>']) {
        let start = section.value.start + (first.len() - first.trim_start().len());
        let inside = head.trim_matches(['\'', '"']);
        let start = start + head.find(inside).unwrap_or(0);
        return scalar(source, inside.to_owned(), TextMap::straight(start), start..start + inside.len());
    }
    let begin = section.value.start + first.len() + 1;
    let used = |it: &&str| !it.trim().is_empty();
    let indent = rest.lines().filter(used).map(|it| it.len() - it.trim_start().len()).min().unwrap_or(0);
    let (mut out, mut map, mut at) = (String::new(), TextMap::straight(begin + indent), begin);
    for line in rest.split_inclusive('\n') {
        let content = line.get(indent..).unwrap_or_else(|| line.trim_start_matches([' ', '\t']));
        map.push(out.len(), at + (line.len() - content.len()));
        out.push_str(&content.replace('\r', ""));
        at += line.len();
    }
    out.truncate(out.trim_end().len());
    let range = begin.min(source.text.len())..section.value.end.max(begin).min(source.text.len());
    scalar(source, out, map, range)
}

fn scalar(source: &Source, text: String, map: TextMap, range: Range<usize>) -> Node {
    Node { tree: Tree::Scalar(Scalar { text, style: Style::Literal, map }), place: source.place(range) }
}

/// A value by itself: everything before it is blanked out, so that its places stay.
fn value(source: &Source, section: &Section<'_>, notes: &mut Vec<Note>) -> Node {
    let before = source.text.get(..section.value.start).unwrap_or("");
    let blank: String = before.bytes().map(|it| if it == b'\n' { '\n' } else { ' ' }).collect();
    let line = blank.rfind('\n').map_or(0, |it| it + 1);
    let own = source.text.get(section.value.clone()).unwrap_or("");
    // The key begins its line, so that a list below it may do so too.
    let padding = " ".repeat(section.value.start.saturating_sub(line + 2));
    let text = format!("{}x{padding}:{own}", blank.get(..line).unwrap_or(""));
    let place = source.place(section.value.clone());
    let padded = Source::new(source.name.clone(), text);
    let parsed = document::parse(&padded).ok().and_then(|mut it| it.0.pop());
    match parsed.as_ref().and_then(|it| it.get("x")) {
        Some(node) => node.clone(),
        None => {
            let message = format!("`{}` was not understood: its lines have lost their indentation", section.key);
            notes.push(Note::warning("READ010", place, message));
            Node::null(place)
        }
    }
}

/// Takes off what follows a query that ends with a line of prose: nothing can tell for sure, so only a fence does.
fn trim_prose(query: &mut QueryText) {
    if let Some(at) = query.text.find("\n```") {
        query.text.truncate(at);
    }
}
