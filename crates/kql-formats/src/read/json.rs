//! JSON sources: lines, arrays, pages of an interface.

use super::{
    careful, parallel,
    record::{self, Keys},
    source::Source,
};
use crate::{
    Accounting, LoadError, LoadOptions, Reject,
    accounting::cut,
    openai::{self, Shape},
    shred::Tree,
};
use kql_data::{Fault, Limits, json};
use std::{borrow::Cow, ops::Range};

/// Keys under which a page holds its records.
const PAGE_KEYS: [&str; 3] = ["data", "value", "Records"];
/// Keys that stand beside the records of a page.
const ENVELOPE: [&str; 22] = [
    "object",
    "first_id",
    "last_id",
    "has_more",
    "next_page",
    "next",
    "next_cursor",
    "nextLink",
    "previous",
    "total",
    "count",
    "total_count",
    "page",
    "per_page",
    "limit",
    "offset",
    "url",
    "status",
    "success",
    "meta",
    "paging",
    "cursor",
];

/// Rows after which a column of distinct texts is known as such, for blocks of a common size.
const TRIAL_ROWS: usize = 8_192 + 256;

/// What may stand around the record of a line.
const BLANKS: [char; 6] = ['\n', '\r', ' ', '\t', '\0', '\u{feff}'];

/// Reads JSON records into a tree.
pub(crate) struct Reader<'a> {
    pub(crate) limits: &'a Limits,
    /// What the records are; found out from the first.
    pub(crate) shape: &'a mut Option<Shape>,
    /// What is wanted of records whose shape is still to be found out.
    pub(crate) options: Option<&'a LoadOptions>,
    pub(crate) tree: &'a mut Tree,
    pub(crate) accounting: &'a mut Accounting,
    /// Whether the fast path is taken; not in tests that compare.
    pub(crate) fast: bool,
    pub(crate) scratch: record::Scratch,
    /// Blocks of lines read before other threads help.
    pub(crate) alone: usize,
}

/// A piece of a source.
#[derive(Clone, Copy)]
struct Place {
    line: u64,
    offset: u64,
    bytes: u64,
}

impl Reader<'_> {
    /// Reads a whole source.
    pub(crate) fn read(&mut self, source: &mut Source) -> Result<(), LoadError> {
        while source.window().len() < 64 << 10 && source.more()? {}
        if self.is_document(source) { self.document(source) } else { self.lines(source) }
    }

    fn check_memory(&self, source: &Source) -> Result<(), LoadError> {
        let limit = self.limits.memory;
        if self.tree.bytes() > limit {
            let by = "loading".to_owned();
            return Err(source.error(Fault::Limit { name: "memory", limit: limit as u64, by }));
        }
        Ok(())
    }

    /// One record a line.
    fn lines(&mut self, source: &mut Source) -> Result<(), LoadError> {
        let mut n_blocks = 0;
        while let Some(len) = source.lines()? {
            // Whether a column's values repeat is known after so many: then no thread finds out again.
            let knows = self.tree.n_rows() > TRIAL_ROWS || n_blocks >= 2 * self.alone;
            if n_blocks >= self.alone && knows && self.shape.is_some() && self.limits.threads > 1 {
                return parallel::lines(self, source);
            }
            n_blocks += 1;
            let lines =
                self.block(&source.name, source.window().get(..len).unwrap_or(&[]), source.line, source.offset)?;
            source.consume(len, lines);
            self.check_memory(source)?;
        }
        Ok(())
    }

    /// Whole lines; returns how many.
    pub(super) fn block(&mut self, source: &str, block: &[u8], line: u64, offset: u64) -> Result<u64, LoadError> {
        let (mut at, mut n_lines) = (0, 0);
        // UTF-8 is checked over the block at once; only in a bad one line by line.
        let whole = simdutf8::basic::from_utf8(block).ok();
        while at < block.len() {
            if let Some(size) = whole.and_then(|it| self.quick_line(it, at)) {
                self.accounting.lines += 1;
                self.accounting.rows += 1;
                self.accounting.bytes += size as u64;
                self.accounting.row_bytes += size as u64;
                at += size;
                n_lines += 1;
                continue;
            }
            let rest = block.get(at..).unwrap_or(&[]);
            let size = memchr::memchr(b'\n', rest).map_or(rest.len(), |it| it + 1);
            let place = Place { line: line + n_lines, offset: offset + at as u64, bytes: size as u64 };
            if size > self.limits.line_bytes.saturating_add(1) {
                let (name, limit) = ("line_bytes", self.limits.line_bytes as u64);
                let fault = Fault::Limit { name, limit, by: "a line of the input".to_owned() };
                self.tree.settle(whole.unwrap_or(""));
                return Err(LoadError::at(source, place.line, place.offset, fault));
            }
            self.accounting.bytes += size as u64;
            self.accounting.lines += 1;
            match whole {
                Some(block) => self.line(source, block, at..at + size, place),
                None => {
                    let text = self.text(rest.get(..size).unwrap_or(&[]));
                    let text = text.trim_matches(BLANKS);
                    if text.is_empty() { self.blank_line(place) } else { self.record(source, text, place) }
                }
            }
            at += size;
            n_lines += 1;
        }
        self.tree.settle(whole.unwrap_or(""));
        Ok(n_lines)
    }

    /// Takes a line that holds a plain record and nothing else but blanks behind it; returns its bytes. What is otherwise is
    /// left as it was.
    #[inline]
    fn quick_line(&mut self, block: &str, at: usize) -> Option<usize> {
        let shape = (*self.shape).filter(|_| self.fast)?;
        let bytes = block.as_bytes();
        if bytes.get(at) != Some(&b'{') {
            return None;
        }
        let mark = self.tree.mark();
        let (keys, depth) = (Keys::of(shape), self.depth());
        let mut end = record::read_in_line(block, at, depth, keys, self.tree, &mut self.scratch).ok()?;
        let next = loop {
            match bytes.get(end) {
                Some(b' ' | b'\t' | b'\r' | 0) => end += 1,
                Some(b'\n') => break Some(end + 1),
                None => break Some(end),
                Some(_) => break None,
            }
        };
        let size = next.map(|it| it - at).filter(|it| *it <= self.limits.line_bytes.saturating_add(1));
        match size {
            Some(_) => self.tree.end_row(block),
            None => self.tree.undo_row(mark),
        }
        size
    }

    /// A line that is `range` of a block.
    fn line(&mut self, source: &str, block: &str, range: Range<usize>, place: Place) {
        let line = block.get(range.clone()).unwrap_or("");
        let from = range.start + (line.len() - line.trim_start_matches(BLANKS).len());
        let text = line.trim_matches(BLANKS);
        if text.is_empty() {
            return self.blank_line(place);
        }
        let keys = self.keys(text);
        // What begins the line was read already, but for the first record of all.
        let read = match self.fast && (from > range.start || self.tree.n_rows() == 0) {
            true => self.read_in_line(block, from, text.len(), keys),
            false => None,
        };
        let read = read.map_or_else(|| careful::read(text, self.depth(), keys, self.tree), |()| Ok(0));
        self.end_record(source, block, text, place, read);
    }

    /// Reads a record of so many bytes.
    fn read_in_line(&mut self, block: &str, from: usize, len: usize, keys: Keys) -> Option<()> {
        let mark = self.tree.mark();
        let end = record::read_in_line(block, from, self.depth(), keys, self.tree, &mut self.scratch).ok()?;
        if end != from + len {
            self.tree.undo_row(mark);
            return None;
        }
        Some(())
    }

    fn blank_line(&mut self, place: Place) {
        self.accounting.blank += 1;
        self.accounting.blank_bytes += place.bytes;
    }

    /// UTF-8, with anything else replaced and counted.
    fn text<'b>(&mut self, bytes: &'b [u8]) -> Cow<'b, str> {
        match simdutf8::basic::from_utf8(bytes) {
            Ok(it) => Cow::Borrowed(it),
            Err(_) => {
                let bad: usize = bytes.utf8_chunks().map(|it| it.invalid().len()).sum();
                self.accounting.replaced_bytes += bad as u64;
                String::from_utf8_lossy(bytes)
            }
        }
    }

    /// How deep a record may be nested.
    fn depth(&self) -> usize {
        self.limits.json_depth.min(json::DEPTH_MAX)
    }

    /// How the keys of a record are read.
    fn keys(&mut self, text: &str) -> Keys {
        let shape = match *self.shape {
            Some(it) => it,
            None => {
                let found = openai::detect(text);
                self.tree.want(openai::wanted(found, self.options));
                *self.shape.insert(found)
            }
        };
        Keys::of(shape)
    }

    /// A record that stands in no block.
    fn record(&mut self, source: &str, text: &str, place: Place) {
        let (keys, depth) = (self.keys(text), self.depth());
        let read = match self.fast && record::read_alone(text, depth, keys, self.tree, &mut self.scratch).is_ok() {
            true => Ok(0),
            false => careful::read(text, depth, keys, self.tree),
        };
        self.end_record(source, "", text, place, read);
    }

    fn end_record(&mut self, source: &str, block: &str, text: &str, place: Place, read: Result<u64, String>) {
        match read {
            Ok(replaced) => {
                self.tree.end_row(block);
                self.accounting.rows += 1;
                self.accounting.row_bytes += place.bytes;
                self.accounting.replaced_bytes += replaced;
            }
            Err(reason) => self.reject(source, text, place, reason),
        }
    }

    fn reject(&mut self, source: &str, text: &str, place: Place, reason: String) {
        let Place { line, offset, bytes } = place;
        let source = source.to_owned();
        self.accounting.reject(self.limits.rejects_kept, bytes, || Reject {
            source,
            line,
            offset,
            reason,
            text: cut(text),
        });
    }

    /// Whether the source is an array, a page, or values over several lines.
    fn is_document(&self, source: &Source) -> bool {
        let window = source.window();
        let bytes = window.get(blank(window)..).unwrap_or(&[]);
        match bytes.first() {
            Some(b'[') => true,
            Some(b'{') => {
                let line =
                    bytes.get(..memchr::memchr(b'\n', bytes).unwrap_or(bytes.len())).unwrap_or(&[]).trim_ascii_end();
                page(bytes).is_some()
                    || line.last().is_some_and(|it| matches!(it, b'{' | b'[' | b',' | b':'))
                    || end(bytes).is_some_and(|it| it > line.len())
            }
            _ => false,
        }
    }

    /// Values over several lines, arrays and pages, one after the other.
    fn document(&mut self, source: &mut Source) -> Result<(), LoadError> {
        loop {
            if !self.blank(source)? {
                break;
            }
            match source.window().first() {
                Some(b'[') => {
                    self.envelope(source, 1);
                    self.elements(source)?;
                }
                Some(b'{') => match self.page(source)? {
                    Some(len) => {
                        self.envelope(source, len);
                        if self.elements(source)? {
                            self.rest_of_page(source)?;
                        }
                    }
                    None => self.element(source)?,
                },
                _ => self.junk(source)?,
            }
            self.check_memory(source)?;
        }
        self.accounting.lines += source.line.saturating_sub(1);
        Ok(())
    }

    /// Takes bytes that belong to no record.
    fn envelope(&mut self, source: &mut Source, bytes: usize) {
        source.skip(bytes);
        self.accounting.bytes += bytes as u64;
        self.accounting.blank_bytes += bytes as u64;
    }

    /// Takes white space; false at the end of input.
    fn blank(&mut self, source: &mut Source) -> Result<bool, LoadError> {
        loop {
            let n = blank(source.window());
            self.envelope(source, n);
            if !source.window().is_empty() {
                return Ok(true);
            }
            if !source.more()? {
                return Ok(false);
            }
        }
    }

    /// Records up to the end of an array; false when the input ends first.
    fn elements(&mut self, source: &mut Source) -> Result<bool, LoadError> {
        let mut comma = true;
        let mut n = 0_u32;
        while self.blank(source)? {
            match source.window().first() {
                Some(b']') => {
                    self.envelope(source, 1);
                    return Ok(true);
                }
                Some(b',') if !comma => {
                    comma = true;
                    self.envelope(source, 1);
                }
                _ => {
                    self.element(source)?;
                    comma = false;
                    n = n.wrapping_add(1);
                    if n.is_multiple_of(4_096) {
                        self.check_memory(source)?;
                    }
                }
            }
        }
        let place = Place { line: source.line, offset: source.offset, bytes: 0 };
        self.reject(&source.name, "", place, "the input ends inside an array".to_owned());
        Ok(false)
    }

    /// The value at hand, as a record.
    fn element(&mut self, source: &mut Source) -> Result<(), LoadError> {
        let mut frame = Frame::default();
        let (len, whole) = loop {
            if let Some(len) = frame.end(source.window()) {
                break (len, true);
            }
            if source.window().len() > self.limits.line_bytes {
                return Err(source.too_long());
            }
            if !source.more()? {
                break (source.window().len(), false);
            }
        };
        let place = Place { line: source.line, offset: source.offset, bytes: len as u64 };
        let text = self.text(source.window().get(..len).unwrap_or(&[]));
        if whole {
            self.record(&source.name, &text, place);
        } else {
            self.reject(&source.name, &text, place, "the input ends inside a value".to_owned());
        }
        drop(text);
        source.skip(len);
        self.accounting.bytes += len as u64;
        Ok(())
    }

    /// Rejects the rest of a line that begins no value.
    fn junk(&mut self, source: &mut Source) -> Result<(), LoadError> {
        let len = loop {
            match memchr::memchr(b'\n', source.window()) {
                Some(at) => break at + 1,
                None if source.window().len() > self.limits.line_bytes => return Err(source.too_long()),
                None if source.more()? => {}
                None => break source.window().len(),
            }
        };
        let place = Place { line: source.line, offset: source.offset, bytes: len as u64 };
        let text = self.text(source.window().get(..len).unwrap_or(&[]));
        self.reject(&source.name, text.trim_ascii(), place, "expected a JSON object or array".to_owned());
        drop(text);
        source.skip(len);
        self.accounting.bytes += len as u64;
        Ok(())
    }

    /// When a page is at hand, the bytes before its first record.
    fn page(&mut self, source: &mut Source) -> Result<Option<usize>, LoadError> {
        while source.window().len() < 64 << 10 && source.more()? {}
        Ok(page(source.window()))
    }

    /// Takes what follows the records of a page.
    fn rest_of_page(&mut self, source: &mut Source) -> Result<(), LoadError> {
        let mut frame = Frame { depth: 1, ..Frame::default() };
        loop {
            match frame.end(source.window()) {
                Some(len) => {
                    self.envelope(source, len);
                    return Ok(());
                }
                None if source.window().len() > self.limits.line_bytes => return Err(source.too_long()),
                None if source.more()? => {}
                None => break,
            }
        }
        let place = Place { line: source.line, offset: source.offset, bytes: source.window().len() as u64 };
        let text = self.text(source.window());
        self.reject(&source.name, &text, place, "the input ends inside a page".to_owned());
        drop(text);
        source.skip(source.window().len());
        self.accounting.bytes += place.bytes;
        Ok(())
    }
}

/// Bytes of white space, byte order marks and NULs at the beginning.
fn blank(bytes: &[u8]) -> usize {
    let mut at = 0;
    loop {
        match bytes.get(at) {
            Some(b' ' | b'\n' | b'\r' | b'\t' | 0) => at += 1,
            Some(0xEF) if bytes.get(at..at + 3) == Some(&[0xEF, 0xBB, 0xBF]) => at += 3,
            _ => return at,
        }
    }
}

/// Finds the end of a value by its brackets and quotes, over windows that grow.
#[derive(Default)]
struct Frame {
    at: usize,
    depth: usize,
    in_string: bool,
}

impl Frame {
    /// Bytes of the value; `None` when the window does not hold its end.
    fn end(&mut self, bytes: &[u8]) -> Option<usize> {
        loop {
            if self.in_string {
                let rest = bytes.get(self.at..)?;
                let Some(found) = memchr::memchr2(b'"', b'\\', rest) else {
                    self.at = bytes.len();
                    return None;
                };
                if rest.get(found) == Some(&b'\\') {
                    if rest.len() < found + 2 {
                        self.at += found;
                        return None;
                    }
                    self.at += found + 2;
                    continue;
                }
                self.at += found + 1;
                self.in_string = false;
                if self.depth == 0 {
                    return Some(self.at);
                }
            }
            let byte = *bytes.get(self.at)?;
            match byte {
                b'"' => self.in_string = true,
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' => {
                    if self.depth <= 1 {
                        return Some(self.at + usize::from(self.depth == 1 || self.at == 0));
                    }
                    self.depth -= 1;
                }
                b',' | b'\n' if self.depth == 0 => return Some(self.at.max(1)),
                _ => {}
            }
            self.at += 1;
        }
    }
}

fn end(bytes: &[u8]) -> Option<usize> {
    Frame::default().end(bytes)
}

/// When an object is the page of an interface, its bytes before the first record.
fn page(bytes: &[u8]) -> Option<usize> {
    let mut at = 1;
    loop {
        at += blank(bytes.get(at..)?);
        let rest = bytes.get(at..)?;
        if rest.first() != Some(&b'"') {
            return None;
        }
        let len = end(rest)?;
        let key = std::str::from_utf8(rest.get(1..len - 1)?).ok()?;
        at += len;
        at += blank(bytes.get(at..)?);
        if bytes.get(at) != Some(&b':') {
            return None;
        }
        at += 1;
        at += blank(bytes.get(at..)?);
        let rest = bytes.get(at..)?;
        if PAGE_KEYS.contains(&key) {
            let inside = rest.get(1..)?;
            let first = inside.get(blank(inside)).copied();
            return (rest.first() == Some(&b'[') && matches!(first, Some(b'{' | b']'))).then_some(at + 1);
        }
        if !ENVELOPE.contains(&key) && !key.starts_with("@odata.") {
            return None;
        }
        at += end(rest)?;
        at += blank(bytes.get(at..)?);
        if bytes.get(at) != Some(&b',') {
            return None;
        }
        at += 1;
    }
}
