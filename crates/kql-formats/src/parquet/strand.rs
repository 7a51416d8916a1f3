//! The values of a column while files are read: chunk by chunk, in the type that a file has them.

use super::{
    convert::{self, Bytes},
    words::Words,
};
use crate::{
    read::{
        careful,
        record::{self, Keys},
    },
    shred::{Base, NONE, ROOT, Tree},
};
use arrow_array::{Array, ArrayRef, DictionaryArray, types::UInt32Type};
use kql_data::{Chunk, Column, Fault, NO_ROW, Node, Rows, Shredded, Tag, Type, json};
use std::{borrow::Cow, ops::Range, sync::Arc};

/// Bytes of JSON texts that are put together before they are taken apart.
const BLOCK: usize = 1 << 20;
/// The key that values have in the tree.
const KEY: &str = "v";

/// The values of one column that had one type.
#[derive(Debug)]
pub(super) struct Strand {
    pub(super) ty: Type,
    growth: Growth,
    bytes: usize,
}

#[derive(Debug)]
enum Growth {
    Plain { parts: Vec<(usize, Column)>, open: Vec<Column> },
    Text(Box<Words>),
    Json(Box<Json>),
}

/// JSON texts taken apart; of a dictionary each once.
#[derive(Debug)]
struct Json {
    tree: Tree,
    parts: Vec<(usize, Vec<Segment>)>,
    open: Vec<Segment>,
    /// The dictionary that was read last, and the chunk of the tree with its values.
    last: Option<(ArrayRef, usize)>,
    scratch: record::Scratch,
}

/// Rows of a chunk that come from one chunk of the tree.
#[derive(Debug)]
struct Segment {
    /// The chunk of the tree; none when all rows are null.
    chunk: Option<usize>,
    /// Its rows; all, one after the other, when not given.
    rows: Option<Vec<u32>>,
    len: usize,
}

/// How texts are read into a dynamic column.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reading {
    /// Nesting of JSON.
    pub(super) depth: usize,
    /// Only texts of bags and arrays are JSON; others are strings.
    pub(super) loose: bool,
}

impl Strand {
    pub(super) fn new(ty: Type) -> Strand {
        let growth = match ty {
            Type::String => Growth::Text(Box::default()),
            Type::Dynamic => Growth::Json(Box::new(Json {
                tree: Tree::new(Chunk::ROWS),
                parts: Vec::new(),
                open: Vec::new(),
                last: None,
                scratch: record::Scratch::default(),
            })),
            _ => Growth::Plain { parts: Vec::new(), open: Vec::new() },
        };
        Strand { ty, growth, bytes: 0 }
    }

    /// Columns that are there already, by chunk.
    pub(super) fn given(ty: Type, parts: impl Iterator<Item = (Option<Column>, usize)>) -> Strand {
        let parts = parts.filter_map(|(column, chunk)| Some((chunk, column?))).collect();
        Strand { ty, growth: Growth::Plain { parts, open: Vec::new() }, bytes: 0 }
    }

    /// Rough bytes held.
    pub(super) fn bytes(&self) -> usize {
        match &self.growth {
            Growth::Plain { .. } => self.bytes,
            Growth::Text(it) => it.bytes(),
            Growth::Json(it) => it.tree.bytes() + self.bytes,
        }
    }

    /// Appends values of a type that is neither string nor dynamic.
    pub(super) fn extend(&mut self, column: Column) {
        if let Growth::Plain { open, .. } = &mut self.growth {
            self.bytes += column.bytes();
            open.push(column);
        }
    }

    /// Appends texts: of a dictionary, or one a row.
    pub(super) fn extend_texts(&mut self, array: &ArrayRef, replaced: &mut u64) -> Result<(), String> {
        let Growth::Text(words) = &mut self.growth else { return Ok(()) };
        let mut own = |it: Option<&'_ [u8]>| convert::text(it.unwrap_or(&[]), replaced).into_owned();
        let Some(dictionary) = array.as_any().downcast_ref::<DictionaryArray<UInt32Type>>() else {
            let bytes = Bytes::of(&**array)?;
            if bytes.iter().all(|it| it.is_none_or(|it| simdutf8::basic::from_utf8(it).is_ok())) {
                let text = |row| bytes.get(row).and_then(|it| std::str::from_utf8(it).ok()).unwrap_or("");
                words.extend((0..array.len()).map(text));
            } else {
                let texts: Vec<String> = bytes.iter().map(&mut own).collect();
                words.extend(texts.iter().map(String::as_str));
            }
            return Ok(());
        };
        let bytes = Bytes::of(&**dictionary.values())?;
        let values: Vec<String> = bytes.iter().map(own).collect();
        let values: Vec<&str> = values.iter().map(String::as_str).collect();
        words.extend_coded(&values, dictionary.keys().iter());
        Ok(())
    }

    /// Appends strings of a column.
    pub(super) fn extend_strings(&mut self, column: &Column) {
        if let Growth::Text(words) = &mut self.growth {
            let reader = column.string_reader();
            words.extend((0..column.len()).map(|row| reader.get(row)));
        }
    }

    /// Appends JSON texts: of a dictionary, or one a row. `n_rows` is how many rows may have values of the dictionary.
    pub(super) fn extend_json(
        &mut self,
        array: &ArrayRef,
        n_rows: usize,
        reading: Reading,
        replaced: &mut u64,
    ) -> Result<(), String> {
        let Growth::Json(it) = &mut self.growth else { return Ok(()) };
        let Some(dictionary) = array.as_any().downcast_ref::<DictionaryArray<UInt32Type>>() else {
            let bytes = Bytes::of(&**array)?;
            it.rows(array.len(), bytes.iter().map(|it| it.map(|it| convert::text(it, replaced))), reading);
            return Ok(());
        };
        let (keys, values) = (dictionary.keys(), dictionary.values());
        let bytes = Bytes::of(&**values)?;
        let same = it.last.as_ref().filter(|it| it.0.to_data().ptr_eq(&values.to_data())).map(|it| it.1);
        let is_worth_while = values.len() <= Chunk::ROWS && values.len() * 2 <= n_rows && !values.is_empty();
        if same.is_none() && !is_worth_while {
            let text = |key: Option<u32>| Some(convert::text(bytes.get(key? as usize)?, replaced));
            it.rows(array.len(), keys.iter().map(text), reading);
            return Ok(());
        }
        let chunk = match same {
            Some(chunk) => chunk,
            None => {
                let chunk = it.read(bytes.iter().map(|it| it.map(|it| convert::text(it, replaced))), reading);
                it.last = Some((values.clone(), chunk));
                chunk
            }
        };
        let rows: Vec<u32> = keys.iter().map(|it| it.unwrap_or(NO_ROW)).collect();
        self.bytes += rows.len() * 4;
        it.open.push(Segment { chunk: Some(chunk), len: rows.len(), rows: Some(rows) });
        Ok(())
    }

    /// Appends JSON texts one a row.
    pub(super) fn extend_json_texts<'a>(
        &mut self,
        n_rows: usize,
        texts: impl Iterator<Item = Option<Cow<'a, str>>>,
        reading: Reading,
    ) {
        if let Growth::Json(it) = &mut self.growth {
            it.rows(n_rows, texts, reading);
        }
    }

    /// Ends the chunk of that number in the table.
    pub(super) fn end_chunk(&mut self, chunk: usize) -> Result<(), Fault> {
        match &mut self.growth {
            Growth::Plain { parts, open } => {
                parts.push((chunk, Column::concat(self.ty, &std::mem::take(open))?));
            }
            Growth::Text(it) => it.end_chunk(chunk),
            Growth::Json(it) => {
                let open = std::mem::take(&mut it.open);
                it.parts.push((chunk, open));
            }
        }
        Ok(())
    }

    /// The columns by chunk of the table, of so many chunks.
    pub(super) fn finish(self, n_chunks: usize) -> Result<Vec<Option<Column>>, Fault> {
        let mut out: Vec<Option<Column>> = vec![None; n_chunks];
        let mut put = |chunk: usize, column: Column| {
            if let Some(place) = out.get_mut(chunk) {
                *place = Some(column);
            }
        };
        match self.growth {
            Growth::Plain { parts, .. } => parts.into_iter().for_each(|(chunk, column)| put(chunk, column)),
            Growth::Text(it) => it.finish().for_each(|(chunk, column)| put(chunk, column)),
            Growth::Json(it) => {
                for (chunk, column) in it.finish()? {
                    put(chunk, column);
                }
            }
        }
        Ok(out)
    }
}

impl Json {
    /// Rows whose texts are taken apart one by one.
    fn rows<'a>(&mut self, len: usize, texts: impl Iterator<Item = Option<Cow<'a, str>>>, reading: Reading) {
        let chunk = self.read(texts, reading);
        self.open.push(Segment { chunk: (len > 0).then_some(chunk), rows: None, len });
    }

    /// Reads texts into a chunk of the tree of their own; there are no more than a chunk may have. Returns its number.
    fn read<'a>(&mut self, texts: impl Iterator<Item = Option<Cow<'a, str>>>, reading: Reading) -> usize {
        let chunk = self.tree.n_chunks();
        let (mut block, mut places) = (String::new(), Vec::new());
        for text in texts {
            let from = block.len();
            let text = text.as_deref().map(str::trim);
            places.push(text.filter(|it| !it.is_empty()).map(|text| {
                block.push_str(text);
                block.push('\n');
                (from..from + text.len(), !reading.loose || is_json(text))
            }));
            if block.len() >= BLOCK {
                self.settle(&block, &places, reading);
                block.clear();
                places.clear();
            }
        }
        self.settle(&block, &places, reading);
        self.tree.end_chunk();
        chunk
    }

    /// Reads the texts at those places of a block; `false` are no JSON. What is none, for all that, is a string.
    fn settle(&mut self, block: &str, places: &[Option<(Range<usize>, bool)>], reading: Reading) {
        let Json { tree, scratch, .. } = self;
        let Some(member) = tree.member(ROOT, NONE, KEY) else { return };
        let node = tree.at(ROOT, member).node;
        for place in places {
            match place {
                // A row without the key is null.
                None => _ = tree.set_bag(ROOT),
                Some((range, is_json)) => {
                    let text = block.get(range.clone()).unwrap_or("");
                    let is_read = *is_json
                        && (record::read_value(block, (range.start, range.end), reading.depth, node, tree, scratch)
                            .is_ok()
                            || read_carefully(text, reading.depth, tree));
                    if !is_read && tree.set_bag(ROOT).is_ok() {
                        _ = tree.set_text(node, Tag::String, Base::BLOCK.place(range.start, range.end));
                    }
                }
            }
            tree.end_row(block);
        }
        tree.settle(block);
    }

    fn finish(self) -> Result<Vec<(usize, Column)>, Fault> {
        let n_chunks = self.tree.n_chunks();
        let mut tree = self.tree.finish();
        let child = tree.child(ROOT, KEY);
        let take = |chunk| child.and_then(|it| tree.take(it, chunk)).map(Arc::new);
        let nodes: Vec<Option<Arc<Node>>> = (0..n_chunks).map(take).collect();
        let column = |it: Segment| {
            let node = it.chunk.and_then(|it| nodes.get(it)?.clone());
            match (node, it.rows) {
                (None, _) => Column::null(Type::Dynamic, it.len),
                (Some(node), None) => Column::Shredded(Shredded::new(node)),
                (Some(node), Some(rows)) => Column::Shredded(Shredded { node, rows: Rows::Indices(rows.into()) }),
            }
        };
        let mut out = Vec::new();
        for (chunk, segments) in self.parts {
            let columns: Vec<Column> = segments.into_iter().map(column).collect();
            out.push((chunk, Column::concat(Type::Dynamic, &columns)?));
        }
        Ok(out)
    }
}

/// Reads a text that the fast path found odd.
fn read_carefully(text: &str, depth: usize, tree: &mut Tree) -> bool {
    // Alone, so that what stands around it cannot make JSON of it.
    json::read(text).is_some()
        && careful::read(&format!("{{\"{KEY}\":{text}}}"), depth + 1, Keys::default(), tree).is_ok()
}

/// Whether a text is that of a bag or an array.
fn is_json(text: &str) -> bool {
    let (first, last) = (text.bytes().next(), text.bytes().last());
    matches!((first, last), (Some(b'{'), Some(b'}')) | (Some(b'['), Some(b']'))) && json::read(text).is_some()
}
