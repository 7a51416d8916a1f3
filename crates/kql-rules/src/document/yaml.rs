//! YAML events to nodes.

use super::{DEPTH_MAX, Entry, NODES_MAX, Node, Scalar, Style, Tree};
use crate::{Note, Source, TextMap};
use granit_parser::{Event, Parser, ScalarStyle, Span, options};
use std::{collections::BTreeMap, ops::Range};

/// A list or mapping that is still being read.
struct Open {
    anchor: usize,
    start: usize,
    items: Vec<Node>,
    is_map: bool,
}

struct Builder<'a> {
    source: &'a Source,
    open: Vec<Open>,
    anchors: BTreeMap<usize, Node>,
    documents: Vec<Node>,
    n_nodes: usize,
}

/// The documents of `text`, which has the bytes of the source at the same places.
pub(super) fn parse(source: &Source, text: &str) -> Result<Vec<Node>, Note> {
    let options =
        options! { simple_key_max_lookahead: 1 << 16, flow_nesting_limit: DEPTH_MAX, block_nesting_limit: DEPTH_MAX };
    let mut builder = Builder { source, open: Vec::new(), anchors: BTreeMap::new(), documents: Vec::new(), n_nodes: 0 };
    for next in Parser::new_from_str_with_options(text, options) {
        let (event, span) = next.map_err(|why| {
            let at = why.marker().byte_offset().unwrap_or(0);
            Note::error("READ001", source.place(at..at), format!("no YAML: {}", why.info()))
        })?;
        builder.event(event, &span, text)?;
    }
    Ok(builder.documents)
}

fn bytes(span: &Span) -> Range<usize> {
    let start = span.start.byte_offset().unwrap_or(0);
    start..span.end.byte_offset().unwrap_or(start).max(start)
}

impl Builder<'_> {
    fn event(&mut self, event: Event<'_>, span: &Span, text: &str) -> Result<(), Note> {
        let range = bytes(span);
        match event {
            Event::Scalar(value, style, anchor, _) => {
                let node = self.scalar(&value, style, range, text);
                self.add(node, anchor)
            }
            Event::SequenceStart(_, anchor, _) => self.begin(anchor, range.start, false),
            Event::MappingStart(_, anchor, _) => self.begin(anchor, range.start, true),
            Event::SequenceEnd | Event::MappingEnd => self.end(range.end),
            Event::Alias(id) => {
                let node = self.anchors.get(&id).cloned().unwrap_or_else(|| Node::null(self.source.place(range)));
                self.n_nodes += count(&node);
                self.add(node, 0)
            }
            _ => Ok(()),
        }
    }

    fn begin(&mut self, anchor: usize, start: usize, is_map: bool) -> Result<(), Note> {
        if self.open.len() >= DEPTH_MAX {
            let place = self.source.place(start..start);
            return Err(Note::error("READ001", place, format!("values nest deeper than {DEPTH_MAX}")));
        }
        self.open.push(Open { anchor, start, items: Vec::new(), is_map });
        Ok(())
    }

    fn end(&mut self, end: usize) -> Result<(), Note> {
        let Some(Open { anchor, start, items, is_map }) = self.open.pop() else { return Ok(()) };
        // The end event of a block stands where the next value begins: the last of its own values ends it.
        let last = items.last().map_or(end, |it| it.place.end.max(start));
        let place = self.source.place(start..if items.is_empty() { end } else { last.min(end.max(start)) });
        let tree = if is_map { Tree::Map(pairs(items)) } else { Tree::List(items) };
        self.add(Node { tree, place }, anchor)
    }

    fn add(&mut self, node: Node, anchor: usize) -> Result<(), Note> {
        self.n_nodes += 1;
        if self.n_nodes > NODES_MAX {
            return Err(Note::error("READ001", node.place, format!("more than {NODES_MAX} nodes, aliases counted")));
        }
        if anchor > 0 {
            _ = self.anchors.insert(anchor, node.clone());
        }
        match self.open.last_mut() {
            Some(open) => open.items.push(node),
            None => self.documents.push(node),
        }
        Ok(())
    }

    fn scalar(&self, value: &str, style: ScalarStyle, range: Range<usize>, text: &str) -> Node {
        let written = text.get(range.clone()).unwrap_or("");
        let (style, map, start) = match style {
            ScalarStyle::Plain => (Style::Plain, TextMap::aligned(value, written, range.start, false), range.start),
            ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted => {
                let inside = written.get(1..).unwrap_or("");
                let escapes = style == ScalarStyle::DoubleQuoted;
                (Style::Quoted, TextMap::aligned(value, inside, range.start + 1, escapes), range.start)
            }
            ScalarStyle::Literal | ScalarStyle::Folded => {
                // The range may begin at the indicator or behind it.
                let header = match written.starts_with(['|', '>']) {
                    true => written.find('\n').map_or(written.len(), |it| it + 1),
                    false => 0,
                };
                let (content, start) = (written.get(header..).unwrap_or(""), range.start + header);
                match style {
                    ScalarStyle::Literal => (Style::Literal, TextMap::literal(value, content, start), start),
                    _ => (Style::Folded, TextMap::aligned(value, content, start, false), start),
                }
            }
        };
        let place = self.source.place(start..range.end.max(start));
        Node { tree: Tree::Scalar(Scalar { text: value.to_owned(), style, map }), place }
    }
}

/// Keys and values in turn to entries. A key that is no scalar is written as JSON; `<<` stands for the entries of the
/// mappings behind it, as far as the mapping does not have them itself.
fn pairs(items: Vec<Node>) -> Vec<Entry> {
    let mut out: Vec<Entry> = Vec::with_capacity(items.len() / 2);
    let mut merged: Vec<Entry> = Vec::new();
    let mut items = items.into_iter();
    while let (Some(key), Some(value)) = (items.next(), items.next()) {
        let text = key.scalar().map_or_else(|| key.to_json().to_string(), |it| it.text.clone());
        let is_merge = key.scalar().is_some_and(|it| it.text == "<<" && it.style == Style::Plain);
        match (is_merge, value.tree) {
            (true, Tree::Map(entries)) => merged.extend(entries),
            (true, Tree::List(maps)) if maps.iter().all(|it| it.map().is_some()) => {
                let entries = maps.iter().filter_map(Node::map).flatten();
                merged.extend(entries.cloned());
            }
            (_, tree) => out.push(Entry { key: text, key_place: key.place, value: Node { tree, place: value.place } }),
        }
    }
    // Of several mappings the first that has a key counts.
    for entry in merged {
        if !out.iter().any(|it| it.key == entry.key) {
            out.push(entry);
        }
    }
    out
}

fn count(node: &Node) -> usize {
    match &node.tree {
        Tree::Scalar(_) => 1,
        Tree::List(items) => items.iter().map(count).sum::<usize>() + 1,
        Tree::Map(entries) => entries.iter().map(|it| count(&it.value)).sum::<usize>() + 1,
    }
}
