//! JSON to nodes. Comments and a comma too many are tolerated, as exports that people edited have them.

use super::{DEPTH_MAX, Entry, Node, Scalar, Style, Tree};
use crate::{Note, Source, TextMap};

struct Reader<'a> {
    source: &'a Source,
    at: usize,
}

/// The value that a text is.
pub(super) fn parse(source: &Source) -> Result<Node, Note> {
    let mut reader = Reader { source, at: 0 };
    let node = reader.value(0)?;
    reader.blank();
    if reader.peek().is_some() {
        return Err(reader.fault("more after the value"));
    }
    Ok(node)
}

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a str {
        self.source.text.get(self.at..).unwrap_or("")
    }

    fn peek(&self) -> Option<u8> {
        self.source.text.as_bytes().get(self.at).copied()
    }

    fn fault(&self, what: &str) -> Note {
        Note::error("READ001", self.source.place(self.at..self.at), format!("no JSON: {what}"))
    }

    fn blank(&mut self) {
        loop {
            let rest = self.rest();
            let blanks = rest.len() - rest.trim_start_matches([' ', '\t', '\n', '\r']).len();
            self.at += blanks;
            let rest = self.rest();
            if rest.starts_with("//") {
                self.at += rest.find('\n').unwrap_or(rest.len());
            } else if rest.starts_with("/*") {
                self.at += rest.find("*/").map_or(rest.len(), |it| it + 2);
            } else if blanks == 0 {
                return;
            }
        }
    }

    fn value(&mut self, depth: usize) -> Result<Node, Note> {
        self.blank();
        if depth > DEPTH_MAX {
            return Err(self.fault(&format!("values nest deeper than {DEPTH_MAX}")));
        }
        let start = self.at;
        let tree = match self.peek() {
            Some(b'{') => self.object(depth)?,
            Some(b'[') => self.array(depth)?,
            Some(b'"') => {
                let (text, map) = self.string()?;
                Tree::Scalar(Scalar { text, style: Style::Quoted, map })
            }
            Some(b'-' | b'0'..=b'9' | b't' | b'f' | b'n') => {
                let end = |it: char| !(it.is_ascii_alphanumeric() || matches!(it, '-' | '+' | '.'));
                let rest = self.rest();
                let word = rest.get(..rest.find(end).unwrap_or(rest.len())).unwrap_or("");
                if serde_json::from_str::<serde_json::Value>(word).is_err() {
                    return Err(self.fault("no value"));
                }
                self.at += word.len();
                Tree::Scalar(Scalar { text: word.to_owned(), style: Style::Plain, map: TextMap::straight(start) })
            }
            _ => return Err(self.fault("expected a value")),
        };
        Ok(Node { tree, place: self.source.place(start..self.at) })
    }

    fn object(&mut self, depth: usize) -> Result<Tree, Note> {
        self.at += 1;
        let mut entries = Vec::new();
        loop {
            self.blank();
            match self.peek() {
                Some(b'}') => {
                    self.at += 1;
                    return Ok(Tree::Map(entries));
                }
                Some(b'"') => {}
                _ => return Err(self.fault("expected a key or `}`")),
            }
            let start = self.at;
            let (key, _) = self.string()?;
            let key_place = self.source.place(start..self.at);
            self.blank();
            if self.peek() != Some(b':') {
                return Err(self.fault("expected `:`"));
            }
            self.at += 1;
            let value = self.value(depth + 1)?;
            entries.push(Entry { key, key_place, value });
            self.comma(b'}')?;
        }
    }

    fn array(&mut self, depth: usize) -> Result<Tree, Note> {
        self.at += 1;
        let mut items = Vec::new();
        loop {
            self.blank();
            if self.peek() == Some(b']') {
                self.at += 1;
                return Ok(Tree::List(items));
            }
            items.push(self.value(depth + 1)?);
            self.comma(b']')?;
        }
    }

    /// A comma, or the end that is next.
    fn comma(&mut self, end: u8) -> Result<(), Note> {
        self.blank();
        match self.peek() {
            Some(b',') => self.at += 1,
            Some(it) if it == end => {}
            _ => return Err(self.fault(&format!("expected `,` or `{}`", char::from(end)))),
        }
        Ok(())
    }

    /// The string that begins here, and where its bytes stand. Raw line ends inside are tolerated.
    fn string(&mut self) -> Result<(String, TextMap), Note> {
        let begin = self.at + 1;
        let bytes = self.source.text.as_bytes();
        let mut end = begin;
        loop {
            match bytes.get(end) {
                Some(b'"') => break,
                Some(b'\\') => end += 2,
                Some(_) => end += 1,
                None => return Err(self.fault("a string without an end")),
            }
        }
        let written = self.source.text.get(begin..end).ok_or_else(|| self.fault("a string without an end"))?;
        let text = if written.contains(['\\', '\n', '\r', '\t']) {
            let clean = written.replace('\n', "\\n").replace('\r', "\\r").replace('\t', "\\t");
            serde_json::from_str(&format!("\"{clean}\"")).map_err(|why| self.fault(&why.to_string()))?
        } else {
            written.to_owned()
        };
        self.at = end + 1;
        let map = TextMap::aligned(&text, written, begin, true);
        Ok((text, map))
    }
}
