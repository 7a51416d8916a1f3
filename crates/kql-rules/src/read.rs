//! From files to rules: one file below for each way in which rules are written.

mod arm;
mod defender;
mod fields;
mod function;
mod page;
pub mod panther;
mod query;
mod rule;
pub mod watchlist;

use crate::{
    At, Note, QueryText, Rule, Source, TextMap,
    document::{self, Node},
};
use kql::StoredFunction;
use std::{path::Path, sync::Arc};

/// Endings of files that a directory is searched for. Others, such as JSON, hold rules where they are named.
pub const ENDINGS: &[&str] = &["kql", "csl", "kusto", "yaml", "yml"];

/// What a file holds.
#[derive(Clone, Debug)]
pub struct Contents {
    /// The file.
    pub source: Arc<Source>,
    /// Its rules, queries and functions, in order. Each has notes of its own.
    pub rules: Vec<Rule>,
    /// Its detections of Panther: no queries, but tests.
    pub panther: Vec<panther::Detection>,
    /// What is odd about the file as a whole. An error here means that some of it was not understood.
    pub notes: Vec<Note>,
}

impl Contents {
    /// The functions that it declares, by name.
    pub fn functions(&self) -> Vec<(String, StoredFunction)> {
        self.rules.iter().flat_map(Rule::stored_functions).collect()
    }

    /// Every note, of the file and of its rules, by place.
    pub fn all_notes(&self) -> Vec<&Note> {
        let mut out: Vec<&Note> = self.notes.iter().chain(self.rules.iter().flat_map(|it| &it.notes)).collect();
        out.sort_by_key(|it| it.place.start);
        out
    }
}

/// Whether a file is one of tests for rules, by its name: `rule.test.yaml`.
pub fn is_test_file(path: &Path) -> bool {
    let name = path.file_name().and_then(|it| it.to_str()).unwrap_or("");
    name.ends_with(".test.yaml") || name.ends_with(".test.yml")
}

/// Reads the rules of a file. The name tells how they are written, and their content where it does not.
pub fn read(name: &str, bytes: &[u8]) -> Contents {
    let (source, broken) = Source::of_bytes(name, bytes);
    let source = Arc::new(source);
    let mut out = Contents { source: source.clone(), rules: Vec::new(), panther: Vec::new(), notes: Vec::new() };
    if broken {
        let note =
            Note::warning("READ003", out.source.place(0..0), "the file is no UTF-8 text; what is none was replaced");
        out.notes.push(note);
    }
    let ending = name.rsplit_once('.').map_or("", |it| it.1).to_ascii_lowercase();
    match ending.as_str() {
        "json" => structured(&mut out, true),
        "yaml" | "yml" => structured(&mut out, false),
        _ if page::is_page(&source.text) => page::read(&mut out),
        _ => query::read(&mut out),
    }
    out
}

/// Reads the pieces of a query file that blank lines part, each as a query.
pub fn blocks(name: &str, bytes: &[u8]) -> Contents {
    let source = Arc::new(Source::of_bytes(name, bytes).0);
    let mut out = Contents { source, rules: Vec::new(), panther: Vec::new(), notes: Vec::new() };
    query::read_blocks(&mut out);
    out
}

/// Reads a YAML or JSON document, and where it is none the page that it may be.
fn structured(out: &mut Contents, is_json: bool) {
    let parsed = if is_json {
        document::parse_json(&out.source).map(|it| (vec![it], Vec::new()))
    } else {
        document::parse(&out.source)
    };
    match parsed {
        Ok((nodes, notes)) => {
            let n_before = (out.rules.len(), out.panther.len());
            for node in &nodes {
                self::node(out, node, 0);
            }
            out.notes.extend(notes);
            let nothing = (out.rules.len(), out.panther.len()) == n_before;
            if nothing && !is_json && page::is_page(&out.source.text) {
                page::read(out);
            } else if nothing && out.notes.is_empty() {
                let place = nodes.first().map_or(out.source.place(0..0), |it| it.place);
                out.notes.push(Note::error("READ004", place, "no rule: there is no `query:` in it"));
            }
        }
        Err(error) if !is_json && page::is_page(&out.source.text) => {
            let why = Note::warning("READ001", error.place, error.message)
                .hint("read line by line: keys at the beginning of a line, and what follows each");
            out.notes.push(why);
            page::read(out);
        }
        Err(error) => out.notes.push(error),
    }
}

/// Lists nest in exports; anything deeper is none.
const LISTS_MAX: usize = 3;

/// The rules of a node: one, or a list, or a template of many.
fn node(out: &mut Contents, node: &Node, depth: usize) {
    if let Some(items) = node.list() {
        if depth < LISTS_MAX {
            items.iter().for_each(|it| self::node(out, it, depth + 1));
        }
        return;
    }
    let has = |key: &str| node.get(key).is_some();
    if arm::is_template(node) {
        arm::read(out, node, depth);
    } else if panther::is_detection(node) {
        out.panther.push(panther::read(node, &mut out.notes));
    } else if has("queryCondition") {
        defender::read(out, node);
    } else if has("FunctionQuery") || has("ParserQuery") {
        function::read(out, node);
    } else if has("query") {
        rule::read(out, node);
    }
}

/// A query that a scalar holds, without a fence of Markdown around it.
fn query_text(source: &Arc<Source>, node: &Node) -> QueryText {
    let Some(scalar) = node.scalar() else {
        return QueryText { text: String::new(), source: source.clone(), map: TextMap::straight(node.place.start) };
    };
    let inside = query::unfenced(&scalar.text);
    QueryText {
        text: scalar.text.get(inside.clone()).unwrap_or("").to_owned(),
        source: source.clone(),
        map: scalar.map.from(inside.start),
    }
}

/// A text with its place.
fn at(node: &Node) -> Option<At<String>> {
    node.text().map(|it| At::new(it.to_owned(), node.place))
}
