//! A Markdown table.

use super::{WriteOptions, cell::text, paint, rows};
use kql_data::{Batch, Schema};
use std::io::{Result, Write};

pub(super) fn write(schema: &Schema, batches: &[Batch], options: &WriteOptions, out: &mut impl Write) -> Result<()> {
    let mut line = String::from("|");
    for it in &schema.fields {
        cell(&it.name, options, &mut line);
    }
    line.push_str("\n|");
    for it in &schema.fields {
        line.push_str(if it.ty.is_number() { "---:|" } else { "---|" });
    }
    writeln!(out, "{line}")?;
    for (batch, row) in rows(batches) {
        line.clear();
        line.push('|');
        for column in &batch.columns {
            cell(&text(column, row).unwrap_or_else(|| options.null.clone()), options, &mut line);
        }
        writeln!(out, "{line}")?;
    }
    Ok(())
}

fn cell(text: &str, options: &WriteOptions, line: &mut String) {
    let text = text.replace('\\', "\\\\").replace('|', "\\|").replace("\r\n", "<br>").replace(['\n', '\r'], "<br>");
    line.push(' ');
    line.push_str(&if options.terminal { paint::paint(&text) } else { text.into() });
    line.push_str(" |");
}
