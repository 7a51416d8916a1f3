//! Plain texts without header, quotes or escapes: tabs between columns, for other programs.

use super::{WriteOptions, cell::text, paint, rows};
use kql_data::{Batch, Schema};
use std::io::{self, Write};

pub(super) fn write(_: &Schema, batches: &[Batch], options: &WriteOptions, out: &mut impl Write) -> io::Result<()> {
    for (batch, row) in rows(batches) {
        for (number, column) in batch.columns.iter().enumerate() {
            if number > 0 {
                out.write_all(b"\t")?;
            }
            let cell = text(column, row).unwrap_or_else(|| options.null.clone());
            let cell = if options.terminal { paint::lines(&cell) } else { cell.into() };
            out.write_all(cell.as_bytes())?;
        }
        out.write_all(b"\n")?;
    }
    Ok(())
}
