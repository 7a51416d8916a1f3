//! Plain text: a row a line.

use super::source::Source;
use crate::{
    Accounting, LoadError,
    shred::{NONE, NodeId, ROOT, Tree},
};
use kql_data::{Fault, Limits, Tag};

/// Reads lines into one column.
pub(crate) struct Reader<'a> {
    pub(crate) limits: &'a Limits,
    pub(crate) tree: &'a mut Tree,
    pub(crate) accounting: &'a mut Accounting,
}

impl Reader<'_> {
    /// Reads a whole source; of empty lines come rows as well.
    pub(crate) fn read(&mut self, source: &mut Source, column: &str) -> Result<(), LoadError> {
        let full = |source: &Source| source.error(Fault::new("more columns than a table may have"));
        let column = self.tree.member(ROOT, NONE, column).ok_or_else(|| full(source))?;
        let column = self.tree.at(ROOT, column).node;
        while let Some(len) = source.lines()? {
            for line in source.window().get(..len).unwrap_or(&[]).split_inclusive(|it| *it == b'\n') {
                if line.len() > self.limits.line_bytes.saturating_add(1) {
                    return Err(source.too_long());
                }
                self.line(line, column);
            }
            source.skip(len);
            if self.tree.bytes() > self.limits.memory {
                let (name, limit) = ("memory", self.limits.memory as u64);
                return Err(source.error(Fault::Limit { name, limit, by: "loading".to_owned() }));
            }
        }
        Ok(())
    }

    fn line(&mut self, line: &[u8], column: NodeId) {
        let bad: usize = line.utf8_chunks().map(|it| it.invalid().len()).sum();
        let text = String::from_utf8_lossy(line);
        let text = if self.accounting.bytes == 0 { text.strip_prefix('\u{feff}').unwrap_or(&text) } else { &text };
        let text = text.strip_suffix('\n').unwrap_or(text);
        let text = text.strip_suffix('\r').unwrap_or(text);
        // A new row has no value yet, so neither can be there already.
        _ = self.tree.set_bag(ROOT);
        _ = self.tree.set_own_text(column, Tag::String, text);
        self.tree.end_row("");
        self.accounting.bytes += line.len() as u64;
        self.accounting.row_bytes += line.len() as u64;
        self.accounting.lines += 1;
        self.accounting.rows += 1;
        self.accounting.replaced_bytes += bad as u64;
    }
}
