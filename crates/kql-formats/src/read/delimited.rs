//! CSV and TSV sources: a header, then a record a row, with quotes and line ends inside quotes.

use super::source::Source;
use crate::{Accounting, LoadError, Reject, accounting::cut, shred::ROOT, shred::Tree};
use kql_data::{Fault, Limits};
use std::{
    io::{self, Read},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

/// Counts the bytes read since the last record, so that an open quote cannot swallow everything.
struct Watched<R> {
    reader: R,
    since: Arc<AtomicUsize>,
    max: usize,
    /// The last byte read.
    last: Arc<AtomicUsize>,
}

impl<R: Read> Read for Watched<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.since.load(Ordering::Relaxed) > self.max {
            return Err(io::Error::other(
                "a record of the input reached the limit `line_bytes`; raise it, or mend a quote left open",
            ));
        }
        let n = self.reader.read(out)?;
        _ = self.since.fetch_add(n, Ordering::Relaxed);
        if let Some(last) = out.get(..n).and_then(<[u8]>::last) {
            self.last.store(usize::from(*last), Ordering::Relaxed);
        }
        Ok(n)
    }
}

/// Reads delimited records into a tree.
pub(crate) struct Reader<'a> {
    pub(crate) limits: &'a Limits,
    pub(crate) tree: &'a mut Tree,
    pub(crate) accounting: &'a mut Accounting,
}

impl Reader<'_> {
    /// Reads a whole source.
    pub(crate) fn read(&mut self, mut source: Source, delimiter: u8) -> Result<(), LoadError> {
        while source.window().len() < 3 && source.more()? {}
        if source.window().starts_with(&[0xEF, 0xBB, 0xBF]) {
            source.consume(3, 0);
            self.accounting.bytes += 3;
            self.accounting.blank_bytes += 3;
        }
        let (name, base) = (source.name.clone(), source.offset);
        let (since, last) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let watched = Watched {
            reader: source.into_reader(),
            since: since.clone(),
            max: self.limits.line_bytes,
            last: last.clone(),
        };
        let mut reader = csv::ReaderBuilder::new()
            .delimiter(delimiter)
            .has_headers(false)
            .flexible(true)
            .buffer_capacity(1 << 16)
            .from_reader(watched);
        let mut record = csv::ByteRecord::new();
        let mut columns: Vec<Option<u32>> = Vec::new();
        let mut n = 0_u64;
        loop {
            let (from, line) = (reader.position().byte(), reader.position().line());
            since.store(0, Ordering::Relaxed);
            let offset = base + from;
            let more = reader
                .read_byte_record(&mut record)
                .map_err(|it| LoadError::at(&name, line, offset, Fault::new(it.to_string())))?;
            let bytes = reader.position().byte() - from;
            self.accounting.bytes += bytes;
            if !more {
                self.accounting.blank_bytes += bytes;
                // The reader does not count the last line unless it ends.
                let open = u64::from(!matches!(last.load(Ordering::Relaxed), 0 | 10));
                self.accounting.lines += reader.position().line().saturating_sub(1) + open;
                return Ok(());
            }
            if columns.is_empty() {
                self.accounting.blank_bytes += bytes;
                columns = self.header(&record);
                continue;
            }
            self.row(&name, &record, &columns, line, offset, bytes, delimiter);
            n += 1;
            if n.is_multiple_of(4_096) && self.tree.bytes() > self.limits.memory {
                let fault = Fault::Limit { name: "memory", limit: self.limits.memory as u64, by: "loading".to_owned() };
                return Err(LoadError::at(&name, line, offset, fault));
            }
        }
    }

    /// The column of each cell of the header. Empty and repeated names get a number.
    fn header(&mut self, record: &csv::ByteRecord) -> Vec<Option<u32>> {
        let mut names: Vec<String> = Vec::new();
        for (index, cell) in record.iter().enumerate() {
            let mut name = self.text(cell).trim().to_owned();
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
        names.iter().map(|it| self.tree.member(ROOT, None, it).map(|it| self.tree.at(ROOT, it).node)).collect()
    }

    fn text<'b>(&mut self, bytes: &'b [u8]) -> std::borrow::Cow<'b, str> {
        let bad: usize = match simdutf8::basic::from_utf8(bytes) {
            Ok(it) => return it.into(),
            Err(_) => bytes.utf8_chunks().map(|it| it.invalid().len()).sum(),
        };
        self.accounting.replaced_bytes += bad as u64;
        String::from_utf8_lossy(bytes)
    }

    #[expect(clippy::too_many_arguments, reason = "one call, and all of it is about one row")]
    fn row(
        &mut self,
        source: &str,
        record: &csv::ByteRecord,
        columns: &[Option<u32>],
        line: u64,
        offset: u64,
        bytes: u64,
        delimiter: u8,
    ) {
        if record.len() == columns.len() {
            let mark = self.tree.mark();
            let mut written = self.tree.set(ROOT, kql_data::Tag::Bag).is_ok();
            for (cell, column) in record.iter().zip(columns) {
                let cell = self.text(cell);
                written &= column.is_some_and(|column| self.tree.set_string(column, &cell).is_ok());
            }
            if written {
                self.tree.end_row();
                self.accounting.rows += 1;
                self.accounting.row_bytes += bytes;
                return;
            }
            self.tree.undo_row(mark);
        }
        let reason = match columns.contains(&None) {
            true => "more columns than a table may have".to_owned(),
            false => format!("{} cells, but the header has {}", record.len(), columns.len()),
        };
        let cells: Vec<_> = record.iter().map(String::from_utf8_lossy).collect();
        let text = cut(&cells.join(if delimiter == b'\t' { "\t" } else { "," }));
        let source = source.to_owned();
        self.accounting.reject(self.limits.rejects_kept, bytes, || Reject { source, line, offset, reason, text });
    }
}
