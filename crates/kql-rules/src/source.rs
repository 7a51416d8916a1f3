//! Texts of files, places in them, and notes about those places.

use std::{fmt, ops::Range, sync::Arc};

/// A text with the name of its file.
#[derive(Clone, PartialEq, Eq)]
pub struct Source {
    /// What messages call it: usually the path.
    pub name: String,
    /// The text, without a byte order mark. All bytes of [`Place`] count in it.
    pub text: String,
    /// Whether the file began with a UTF-8 byte order mark: three bytes more than `text` has.
    pub has_mark: bool,
    /// Byte of the beginning of each line.
    lines: Vec<usize>,
}

impl fmt::Debug for Source {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Source({}, {} bytes)", self.name, self.text.len())
    }
}

impl Source {
    /// A source of that text.
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Source {
        let text = text.into();
        let (text, has_mark) = match text.strip_prefix('\u{feff}') {
            Some(rest) => (rest.to_owned(), true),
            None => (text, false),
        };
        let mut lines = vec![0];
        lines.extend(text.bytes().enumerate().filter(|it| it.1 == b'\n').map(|it| it.0 + 1));
        Source { name: name.into(), text, has_mark, lines }
    }

    /// The text of a file's bytes: UTF-8, or UTF-16 with its mark. Anything else is read with replacement characters,
    /// and the second value tells so.
    pub fn of_bytes(name: impl Into<String>, bytes: &[u8]) -> (Source, bool) {
        let wide = |bytes: &[u8], of: fn([u8; 2]) -> u16| {
            let units: Vec<u16> = bytes.as_chunks::<2>().0.iter().map(|it| of(*it)).collect();
            let broken = bytes.len() % 2 == 1 || String::from_utf16(&units).is_err();
            (String::from_utf16_lossy(&units), broken)
        };
        let (text, broken) = match bytes {
            [0xff, 0xfe, rest @ ..] => wide(rest, u16::from_le_bytes),
            [0xfe, 0xff, rest @ ..] => wide(rest, u16::from_be_bytes),
            _ => match std::str::from_utf8(bytes) {
                Ok(text) => (text.to_owned(), false),
                Err(_) => (String::from_utf8_lossy(bytes).into_owned(), true),
            },
        };
        (Source::new(name, text), broken)
    }

    /// The place of a range of bytes; what lies behind the text is its end.
    pub fn place(&self, range: Range<usize>) -> Place {
        // A block has an end of line behind its last line, also where the file has none.
        let range = range.start.min(self.text.len())..range.end.min(self.text.len());
        let line = self.lines.partition_point(|it| *it <= range.start).max(1);
        let begin = self.lines.get(line - 1).copied().unwrap_or(0);
        let before = self.text.get(begin..range.start).map_or(0, |it| it.chars().count());
        Place { start: range.start, end: range.end.max(range.start), line, column: before + 1 }
    }

    /// The text of a line, counted from 1, without its end.
    pub fn line(&self, number: usize) -> &str {
        let Some(begin) = number.checked_sub(1).and_then(|it| self.lines.get(it)) else { return "" };
        let end = self.lines.get(number).copied().unwrap_or(self.text.len());
        self.text.get(*begin..end).unwrap_or("").trim_end_matches(['\n', '\r'])
    }

    /// The byte at which a line begins, counted from 1.
    pub fn line_start(&self, number: usize) -> usize {
        number.checked_sub(1).and_then(|it| self.lines.get(it)).copied().unwrap_or(self.text.len())
    }

    /// Number of lines.
    pub fn n_lines(&self) -> usize {
        self.lines.len()
    }
}

/// A stretch of a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Place {
    /// First byte.
    pub start: usize,
    /// The byte after the last.
    pub end: usize,
    /// Line of the first byte, from 1.
    pub line: usize,
    /// Column of the first byte in characters, from 1.
    pub column: usize,
}

/// A value with the place that it stands at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct At<T> {
    /// The value.
    pub value: T,
    /// Where it is written.
    pub place: Place,
}

impl<T> At<T> {
    /// A value at a place.
    pub fn new(value: T, place: Place) -> At<T> {
        At { value, place }
    }
}

impl<T> std::ops::Deref for At<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.value
    }
}

/// How much a note matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Worth knowing.
    Info,
    /// Works, but perhaps not as meant.
    Warning,
    /// Does not work.
    Error,
}

impl Level {
    /// `info`, `warning` or `error`.
    pub fn name(self) -> &'static str {
        match self {
            Level::Info => "info",
            Level::Warning => "warning",
            Level::Error => "error",
        }
    }
}

/// Something odd about a file, found while it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// A stable name of the kind of note: `READ001`.
    pub code: &'static str,
    /// How much it matters.
    pub level: Level,
    /// Where.
    pub place: Place,
    /// What, in lower case and without a full stop.
    pub message: String,
    /// What to do about it, if that is known.
    pub hint: Option<String>,
}

impl Note {
    /// A note of that level.
    pub fn new(level: Level, code: &'static str, place: Place, message: impl Into<String>) -> Note {
        Note { code, level, place, message: message.into(), hint: None }
    }

    /// An error.
    pub fn error(code: &'static str, place: Place, message: impl Into<String>) -> Note {
        Note::new(Level::Error, code, place, message)
    }

    /// A warning.
    pub fn warning(code: &'static str, place: Place, message: impl Into<String>) -> Note {
        Note::new(Level::Warning, code, place, message)
    }

    /// The note with what to do about it.
    pub fn hint(mut self, hint: impl Into<String>) -> Note {
        self.hint = Some(hint.into());
        self
    }

    /// The note as one line for people: `file:line:column: level CODE: message; hint`.
    pub fn line(&self, source: &Arc<Source>) -> String {
        let Place { line, column, .. } = self.place;
        let hint = self.hint.as_ref().map_or(String::new(), |it| format!("; {it}"));
        format!("{}:{line}:{column}: {} {}: {}{hint}", source.name, self.level.name(), self.code, self.message)
    }
}
