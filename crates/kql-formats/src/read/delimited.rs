//! CSV and TSV sources: a header, then a record a row, with quotes and line ends inside quotes.

use super::source::Source;
use crate::{
    Accounting, Header, LoadError, Reject,
    accounting::cut,
    shred::{NONE, NodeId, ROOT, Tree},
};
use kql_data::{Fault, Limits, Tag};
use std::borrow::Cow;

/// Reads delimited records into a tree.
pub(crate) struct Reader<'a> {
    limits: &'a Limits,
    tree: &'a mut Tree,
    accounting: &'a mut Accounting,
    delimiter: u8,
    /// The column of each cell; none before they are known.
    columns: Vec<Option<NodeId>>,
    /// Whether the first record is still to be passed over.
    skip: bool,
    /// Whether line ends may stand inside quotes. No more, once a quote was left open to the end of the input.
    multiline: bool,
}

/// Where a record ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// After so many bytes, line end included.
    At(usize),
    /// Nowhere: a quote that seems to close lines below is the opening one of another cell.
    Torn,
    /// Beyond the bytes at hand; whether inside quotes.
    Beyond { quoted: bool },
}

impl<'a> Reader<'a> {
    /// A reader for sources whose first record names the columns.
    pub(crate) fn new(
        limits: &'a Limits,
        tree: &'a mut Tree,
        accounting: &'a mut Accounting,
        delimiter: u8,
    ) -> Reader<'a> {
        Reader { limits, tree, accounting, delimiter, columns: Vec::new(), skip: false, multiline: true }
    }

    /// Says what the first record is, and the columns by order where it does not name them.
    pub(crate) fn head(&mut self, header: Header, names: Vec<String>) {
        if header != Header::Names && !names.is_empty() {
            self.skip = header == Header::Skip;
            self.name(names);
        }
    }

    /// Reads a whole source.
    pub(crate) fn read(&mut self, source: &mut Source) -> Result<(), LoadError> {
        while source.window().len() < 3 && source.more()? {}
        if source.window().starts_with(&[0xEF, 0xBB, 0xBF]) {
            source.consume(3, 0);
            self.accounting.bytes += 3;
            self.accounting.blank_bytes += 3;
        }
        source.look_at_line_ends()?;
        let mut n = 0_u32;
        while let Some((len, closed)) = self.record(source)? {
            let bytes = source.window().get(..len).unwrap_or(&[]);
            let lines = memchr::memchr_iter(b'\n', bytes).count().max(1) as u64;
            self.accounting.bytes += len as u64;
            self.accounting.lines += lines;
            let text = self.text(bytes);
            let text = text.strip_suffix('\n').unwrap_or(&text);
            let text = text.strip_suffix('\r').unwrap_or(text);
            if text.trim_matches('\0').is_empty() {
                self.accounting.blank += 1;
                self.accounting.blank_bytes += len as u64;
            } else if !closed {
                self.reject(source, text, len, "a quote is left open".to_owned());
            } else if self.skip || self.columns.is_empty() {
                self.accounting.blank_bytes += len as u64;
                if !std::mem::take(&mut self.skip) {
                    self.header(text);
                }
            } else {
                self.row(source, text, len);
            }
            source.consume(len, lines);
            n = n.wrapping_add(1);
            if n.is_multiple_of(4_096) && self.tree.bytes() > self.limits.memory {
                let (name, limit) = ("memory", self.limits.memory as u64);
                return Err(source.error(Fault::Limit { name, limit, by: "loading".to_owned() }));
            }
        }
        Ok(())
    }

    /// Brings a record into the window: its bytes, and whether its quotes are closed. `None` at the end.
    fn record(&mut self, source: &mut Source) -> Result<Option<(usize, bool)>, LoadError> {
        loop {
            match end(source.window(), self.delimiter, self.multiline) {
                End::At(len) if len > self.limits.line_bytes.saturating_add(1) => return Err(source.too_long()),
                End::At(len) => {
                    return Ok(Some((len, self.multiline || is_closed(source.window(), len, self.delimiter))));
                }
                End::Torn => {
                    let line = memchr::memchr(b'\n', source.window()).map_or(source.window().len(), |it| it + 1);
                    return Ok(Some((line, false)));
                }
                End::Beyond { .. } if source.window().len() > self.limits.line_bytes => return Err(source.too_long()),
                End::Beyond { quoted } => {
                    if source.more()? {
                        continue;
                    }
                    if source.window().is_empty() {
                        return Ok(None);
                    }
                    if !quoted {
                        return Ok(Some((source.window().len(), true)));
                    }
                    if !self.multiline {
                        return Ok(Some((source.window().len(), false)));
                    }
                    // A quote was left open: only its own line is lost, and the rest is read line by line.
                    self.multiline = false;
                }
            }
        }
    }

    /// The column of each cell of the header. Empty and repeated names get a number.
    fn header(&mut self, text: &str) {
        let mut names: Vec<String> = Vec::new();
        for (index, cell) in cells(text, self.delimiter).iter().enumerate() {
            // The Azure portal names time columns so when it exports.
            let mut name = cell.trim().trim_end_matches(" [UTC]").to_owned();
            if name.is_empty() {
                name = format!("Column{}", index + 1);
            }
            let (plain, mut n) = (name.clone(), 0);
            while names.contains(&name) {
                n += 1;
                name = format!("{plain}_{n}");
            }
            names.push(name);
        }
        self.name(names);
    }

    fn name(&mut self, names: Vec<String>) {
        let tree = &mut *self.tree;
        self.columns = names.iter().map(|it| tree.member(ROOT, NONE, it).map(|it| tree.at(ROOT, it).node)).collect();
    }

    fn text<'b>(&mut self, bytes: &'b [u8]) -> Cow<'b, str> {
        let bad: usize = match simdutf8::basic::from_utf8(bytes) {
            Ok(it) => return it.into(),
            Err(_) => bytes.utf8_chunks().map(|it| it.invalid().len()).sum(),
        };
        self.accounting.replaced_bytes += bad as u64;
        String::from_utf8_lossy(bytes)
    }

    fn row(&mut self, source: &Source, text: &str, bytes: usize) {
        let cells = cells(text, self.delimiter);
        if cells.len() != self.columns.len() {
            let reason = format!("{} cells, but the header has {}", cells.len(), self.columns.len());
            return self.reject(source, text, bytes, reason);
        }
        let mark = self.tree.mark();
        let mut written = self.tree.set_bag(ROOT).is_ok();
        for (cell, column) in cells.iter().zip(&self.columns) {
            written &= column.is_some_and(|column| self.tree.set_own_text(column, Tag::String, cell).is_ok());
        }
        if !written {
            self.tree.undo_row(mark);
            return self.reject(source, text, bytes, "more columns than a table may have".to_owned());
        }
        self.tree.end_row("");
        self.accounting.rows += 1;
        self.accounting.row_bytes += bytes as u64;
    }

    fn reject(&mut self, source: &Source, text: &str, bytes: usize, reason: String) {
        let (line, offset, text) = (source.line, source.offset, cut(text));
        let source = source.name.clone();
        let reject = || Reject { source, line, offset, reason, text };
        self.accounting.reject(self.limits.rejects_kept, bytes as u64, reject);
    }
}

/// Where the first record ends. A quote counts only at the beginning of a cell. Behind the closing one a cell goes on, but
/// not when there are lines in between.
fn end(bytes: &[u8], delimiter: u8, multiline: bool) -> End {
    if !multiline {
        let quoted = || !is_closed(bytes, bytes.len(), delimiter);
        return memchr::memchr(b'\n', bytes).map_or_else(|| End::Beyond { quoted: quoted() }, |at| End::At(at + 1));
    }
    let mut at = 0;
    loop {
        let Some(rest) = bytes.get(at..) else { return End::Beyond { quoted: false } };
        if rest.first() == Some(&b'"') {
            let Some(len) = quoted(rest) else { return End::Beyond { quoted: true } };
            at += len;
            let spans_lines = || memchr::memchr(b'\n', rest.get(..len).unwrap_or(&[])).is_some();
            let ends = bytes.get(at).is_none_or(|it| matches!(it, b'\r' | b'\n') || *it == delimiter);
            if !ends && spans_lines() {
                return End::Torn;
            }
        }
        let rest = bytes.get(at..).unwrap_or(&[]);
        match memchr::memchr2(delimiter, b'\n', rest) {
            None => return End::Beyond { quoted: false },
            Some(found) if rest.get(found) == Some(&b'\n') => return End::At(at + found + 1),
            Some(found) => at += found + 1,
        }
    }
}

/// Bytes of the quoted text that `bytes` begins with, both quotes included. `None` when it does not end.
fn quoted(bytes: &[u8]) -> Option<usize> {
    let mut at = 1;
    loop {
        at += memchr::memchr(b'"', bytes.get(at..)?)? + 1;
        if bytes.get(at) != Some(&b'"') {
            return Some(at);
        }
        at += 1;
    }
}

/// Whether no quote is left open in the first `len` bytes.
fn is_closed(bytes: &[u8], len: usize, delimiter: u8) -> bool {
    !matches!(end(bytes.get(..len).unwrap_or(bytes), delimiter, true), End::Beyond { quoted: true })
}

/// The cells of a record. Text behind a closing quote belongs to the cell.
fn cells(record: &str, delimiter: u8) -> Vec<Cow<'_, str>> {
    let mut cells = Vec::new();
    let mut rest = record;
    loop {
        let quoted = if rest.starts_with('"') { quoted(rest.as_bytes()).unwrap_or(rest.len()) } else { 0 };
        let (head, tail) = rest.split_at(quoted);
        let end = memchr::memchr(delimiter, tail.as_bytes());
        let (plain, after) = tail.split_at(end.unwrap_or(tail.len()));
        let inside = head.strip_prefix('"').map(|it| it.strip_suffix('"').unwrap_or(it));
        cells.push(match inside {
            None => Cow::Borrowed(plain),
            Some(it) if plain.is_empty() && !it.contains('"') => Cow::Borrowed(it),
            Some(it) => Cow::Owned(it.replace("\"\"", "\"") + plain),
        });
        if end.is_none() {
            return cells;
        }
        rest = after.get(1..).unwrap_or("");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_those_of_the_csv_crate() {
        let alphabet = ["a", "\"", "\"\"", ",", "\n", "b c", "é", "\r\n", "\"x\"", ",\""];
        let mut state = 1_u64;
        let mut n_records = 0;
        for _ in 0..20_000 {
            let mut text = String::new();
            for _ in 0..state % 12 {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                text.push_str(alphabet[(state >> 33) as usize % alphabet.len()]);
            }
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407) >> 1;
            text.push('\n');
            let mut rest = text.as_str();
            let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_bytes());
            let mut oracle = reader.records();
            while let End::At(len) = end(rest.as_bytes(), b',', true) {
                let (record, tail) = rest.split_at(len);
                let record = record.strip_suffix('\n').unwrap_or(record);
                let record = record.strip_suffix('\r').unwrap_or(record);
                rest = tail;
                if record.is_empty() {
                    continue;
                }
                let expected = oracle.next().unwrap().unwrap();
                assert_eq!(cells(record, b','), expected.iter().collect::<Vec<_>>(), "{text:?}");
                n_records += 1;
            }
        }
        assert!(n_records > 10_000);
    }
}
