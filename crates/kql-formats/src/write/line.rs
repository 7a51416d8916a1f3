//! One line a value, a blank line between rows.

use super::{WriteOptions, cell::text, paint, rows};
use kql_data::{Batch, Schema};
use std::io::{Result, Write};

pub(super) fn write(schema: &Schema, batches: &[Batch], options: &WriteOptions, out: &mut impl Write) -> Result<()> {
    let names: Vec<_> = schema.fields.iter().map(|it| paint::paint(&it.name)).collect();
    let width = names.iter().map(|it| paint::width(it)).max().unwrap_or(0);
    for (index, (batch, row)) in rows(batches).enumerate() {
        if index > 0 {
            writeln!(out)?;
        }
        for (name, column) in names.iter().zip(&batch.columns) {
            let cell = text(column, row).unwrap_or_else(|| options.null.clone());
            let cell = if options.terminal { paint::lines(&cell) } else { cell.into() };
            // The lines of a value stand below each other.
            let cell = cell.replace('\n', &format!("\n{:width$}   ", ""));
            writeln!(out, "{:pad$}{name} = {cell}", "", pad = width - paint::width(name))?;
        }
    }
    Ok(())
}
