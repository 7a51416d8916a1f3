//! YAML and JSON documents as trees in which every key and value has its place.
//!
//! The YAML crate is `granit-parser`: it is maintained (it is what `serde-saphyr` parses with), writes no unsafe code,
//! and gives *events* with the byte range of each. A deserializer such as `serde-saphyr` with its `Spanned` wants to
//! know the shape of a document beforehand and keeps no place of keys, while rules come with unknown keys that are to
//! be told about, and text blocks in which a byte must be found again. JSON has a reader of its own: escapes of
//! surrogates, long keys and deep nesting are no YAML.

mod json;
mod yaml;

use crate::{Note, Place, Source, TextMap};

/// Nodes that a file may have, aliases counted as often as they stand for something.
pub(crate) const NODES_MAX: usize = 2_000_000;
/// How deep nodes may nest.
pub(crate) const DEPTH_MAX: usize = 128;

/// A value of a document, with its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// What it is.
    pub tree: Tree,
    /// Where it stands; for a block of text the first line after the indicator and on.
    pub place: Place,
}

/// What a node is.
#[derive(Clone, Debug, PartialEq)]
pub enum Tree {
    /// A text, number, truth value or null.
    Scalar(Scalar),
    /// A list.
    List(Vec<Node>),
    /// A mapping in the order it is written.
    Map(Vec<Entry>),
}

/// A key with its value.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// Where the key stands.
    pub key_place: Place,
    /// Its value.
    pub value: Node,
}

/// How a scalar is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Without quotes: what may be a number, a truth value or null.
    Plain,
    /// In single or double quotes: a text.
    Quoted,
    /// After `|`: a text.
    Literal,
    /// After `>`: a text.
    Folded,
}

/// A scalar's text.
#[derive(Clone, Debug, PartialEq)]
pub struct Scalar {
    /// The text, escapes and folds undone.
    pub text: String,
    /// How it is written.
    pub style: Style,
    /// Where its bytes stand in the file.
    pub map: TextMap,
}

impl Node {
    /// An empty value: what a missing one is.
    pub(crate) fn null(place: Place) -> Node {
        let map = TextMap::straight(place.start);
        Node { tree: Tree::Scalar(Scalar { text: String::new(), style: Style::Plain, map }), place }
    }

    /// The scalar, if it is one.
    pub fn scalar(&self) -> Option<&Scalar> {
        match &self.tree {
            Tree::Scalar(it) => Some(it),
            _ => None,
        }
    }

    /// The text of a scalar that is not null. Numbers and truth values are texts too.
    pub fn text(&self) -> Option<&str> {
        self.scalar().filter(|_| !self.is_null()).map(|it| it.text.as_str())
    }

    /// Whether it is null: `null`, `~`, or nothing.
    pub fn is_null(&self) -> bool {
        let is_null = |it: &Scalar| matches!(it.text.as_str(), "" | "~" | "null" | "Null" | "NULL");
        self.scalar().is_some_and(|it| it.style == Style::Plain && is_null(it))
    }

    /// A truth value: `true` and `false`, quoted or not.
    pub fn boolean(&self) -> Option<bool> {
        match self.text()?.to_ascii_lowercase().as_str() {
            "true" | "yes" | "on" => Some(true),
            "false" | "no" | "off" => Some(false),
            _ => None,
        }
    }

    /// A whole number, quoted or not.
    pub fn integer(&self) -> Option<i64> {
        self.text()?.trim().parse().ok()
    }

    /// The items of a list.
    pub fn list(&self) -> Option<&[Node]> {
        match &self.tree {
            Tree::List(items) => Some(items),
            _ => None,
        }
    }

    /// The entries of a mapping.
    pub fn map(&self) -> Option<&[Entry]> {
        match &self.tree {
            Tree::Map(entries) => Some(entries),
            _ => None,
        }
    }

    /// The value of a key of a mapping.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.map()?.iter().find(|it| it.key == key).map(|it| &it.value)
    }

    /// The first of those keys that the mapping has.
    pub fn get_any(&self, keys: &[&str]) -> Option<&Node> {
        keys.iter().find_map(|it| self.get(it))
    }

    /// The value as JSON: unquoted scalars by YAML's core schema (numbers, truth values, null), all others texts.
    pub fn to_json(&self) -> serde_json::Value {
        use serde_json::Value as Json;
        match &self.tree {
            Tree::List(items) => items.iter().map(Node::to_json).collect(),
            Tree::Map(entries) => Json::Object(entries.iter().map(|it| (it.key.clone(), it.value.to_json())).collect()),
            Tree::Scalar(it) if it.style != Style::Plain => it.text.as_str().into(),
            Tree::Scalar(_) if self.is_null() => Json::Null,
            Tree::Scalar(it) => match it.text.as_str() {
                "true" | "True" | "TRUE" => true.into(),
                "false" | "False" | "FALSE" => false.into(),
                text => number(text).unwrap_or_else(|| text.into()),
            },
        }
    }
}

/// A number of YAML's core schema; one that would not read back as it is written stays a text.
fn number(text: &str) -> Option<serde_json::Value> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if let Some(hex) = digits.strip_prefix("0x") {
        return Some(i64::from_str_radix(hex, 16).ok()?.into());
    }
    if !digits.starts_with(|it: char| it.is_ascii_digit() || it == '.') {
        return None;
    }
    if let Ok(whole) = text.parse::<i64>() {
        return Some(whole.into());
    }
    let shape = |it: char| it.is_ascii_digit() || matches!(it, '.' | 'e' | 'E' | '+' | '-');
    let value = text.chars().all(shape).then(|| text.parse::<f64>().ok())??;
    serde_json::Number::from_f64(value).map(Into::into)
}

/// The documents of a text: several for a stream of YAML documents, parted by `---`. A JSON text is one.
///
/// The note tells why it is neither. Tabs that indent are read as blanks where the text is no YAML otherwise; the
/// second value has a warning of the first of them.
pub fn parse(source: &Source) -> Result<(Vec<Node>, Vec<Note>), Note> {
    if source.text.trim_start().starts_with(['{', '['])
        && let Ok(node) = json::parse(source)
    {
        return Ok((vec![node], Vec::new()));
    }
    let error = match yaml::parse(source, &source.text) {
        Ok(nodes) => return Ok((nodes, Vec::new())),
        Err(error) => error,
    };
    let Some((text, first)) = without_tabs(&source.text) else { return Err(error) };
    let nodes = yaml::parse(source, &text).map_err(|_| error)?;
    let note = Note::warning("READ002", source.place(first..first + 1), "a tab indents this line; YAML wants blanks");
    Ok((nodes, vec![note]))
}

/// One document of JSON alone.
pub fn parse_json(source: &Source) -> Result<Node, Note> {
    json::parse(source)
}

/// The text with one blank for each tab that indents, so that every byte stays where it is, and the first such tab.
fn without_tabs(text: &str) -> Option<(String, usize)> {
    let (mut out, mut first, mut offset) = (String::with_capacity(text.len()), None, 0);
    for line in text.split_inclusive('\n') {
        let content = line.trim_start_matches([' ', '\t']);
        let indentation = line.get(..line.len() - content.len()).unwrap_or("");
        if let Some(at) = indentation.find('\t') {
            first = first.or(Some(offset + at));
        }
        out.push_str(&indentation.replace('\t', " "));
        out.push_str(content);
        offset += line.len();
    }
    Some((out, first?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn yaml(text: &str) -> Node {
        parse(&Source::new("a.yaml", text)).unwrap().0.remove(0)
    }

    #[test]
    fn places_of_keys_and_values() {
        let root = yaml("a: 1\nb:\n  - x: 'it''s'\n  - 2.5\nc: {d: [true, null]}\n");
        let entries = root.map().unwrap();
        assert_eq!((entries[1].key_place.line, entries[1].key_place.column), (2, 1));
        let item = &entries[1].value.list().unwrap()[0];
        let value = item.get("x").unwrap();
        assert_eq!((value.text(), value.place.line, value.place.column), (Some("it's"), 3, 8));
        assert_eq!(root.to_json().to_string(), r#"{"a":1,"b":[{"x":"it's"},2.5],"c":{"d":[true,null]}}"#);
    }

    #[test]
    fn blocks_of_text() {
        let text = "q: |\n    T\n    | where x\n\n    | take 1\nf: >-\n  one\n  two\n\n  three\nk: |2-\n    deep\n";
        let root = yaml(text);
        let scalar = root.get("q").and_then(Node::scalar).unwrap();
        assert_eq!(scalar.text, "T\n| where x\n\n| take 1\n");
        for needle in ["T\n", "where", "take"] {
            let (inside, outside) = (scalar.text.find(needle).unwrap(), text.find(needle).unwrap());
            assert_eq!(scalar.map.byte(inside), outside, "{needle}");
        }
        let scalar = root.get("f").and_then(Node::scalar).unwrap();
        assert_eq!(scalar.text, "one two\nthree");
        assert_eq!(scalar.map.byte(8), text.find("three").unwrap());
        let scalar = root.get("k").and_then(Node::scalar).unwrap();
        assert_eq!((scalar.text.as_str(), scalar.map.byte(2)), ("  deep", text.find("deep").unwrap()));
    }

    #[test]
    fn marks_line_ends_and_tabs() {
        let source = Source::new("a", "\u{feff}a: |\r\n\tT\r\n\t| take 1\r\nb: x\r\n");
        let (nodes, notes) = parse(&source).unwrap();
        assert_eq!(nodes[0].get("a").and_then(Node::text), Some("T\n| take 1\n"));
        assert_eq!((notes[0].place.line, notes[0].place.column), (2, 1));
    }

    #[test]
    fn json_with_escapes() {
        let text = "{\n\t\"query\": \"T\\n| where x == \\\"\\ud83d\\ude00\\\" y\"\n}";
        let root = yaml(text);
        let scalar = root.get("query").and_then(Node::scalar).unwrap();
        assert_eq!(scalar.text, "T\n| where x == \"😀\" y");
        assert_eq!(
            scalar.map.byte(scalar.text.find('y').unwrap()),
            text.find('y').map(|_| text.rfind('y').unwrap()).unwrap()
        );
    }

    #[test]
    fn aliases_and_bombs() {
        let root = yaml("a: &x [1, 2]\nb: *x\n");
        assert_eq!(root.get("b").unwrap().to_json().to_string(), "[1,2]");
        let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for level in 1..12 {
            let items = vec![format!("*a{}", level - 1); 10].join(", ");
            bomb.push_str(&format!("a{level}: &a{level} [{items}]\n"));
        }
        assert!(parse(&Source::new("bomb", bomb)).unwrap_err().message.contains("nodes"));
        let deep = format!("a: {}1{}", "[".repeat(5000), "]".repeat(5000));
        assert!(parse(&Source::new("deep", deep)).is_err());
        let deep = format!("{}1{}", "[".repeat(5000), "]".repeat(5000));
        assert!(parse(&Source::new("deep", deep)).is_err());
    }

    #[test]
    fn faults_have_places() {
        let note = parse(&Source::new("a", "a: 1\nb: [1, 2\nc: 3\n")).unwrap_err();
        assert_eq!(note.code, "READ001");
        assert!(note.place.line >= 2, "{note:?}");
    }
}
