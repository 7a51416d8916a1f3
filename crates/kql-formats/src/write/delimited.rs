//! CSV and TSV: a header and a row a line, with quotes where they are needed.

use super::{WriteOptions, cell::text, paint, rows};
use kql_data::{Batch, Schema, Type};
use std::io::{self, Write};

pub(super) fn write(
    schema: &Schema,
    batches: &[Batch],
    options: &WriteOptions,
    out: &mut impl Write,
    delimiter: char,
) -> io::Result<()> {
    let mut line = String::new();
    for (index, it) in schema.fields.iter().enumerate() {
        cell(&it.name, index, delimiter, &mut line);
    }
    finish(&mut line, options, out)?;
    for (batch, row) in rows(batches) {
        for (index, column) in batch.columns.iter().enumerate() {
            match text(column, row) {
                Some(it) if options.csv_safe && is_formula(&it, column.ty()) => {
                    cell(&format!("'{it}"), index, delimiter, &mut line);
                }
                Some(it) => cell(&it, index, delimiter, &mut line),
                None => cell(&options.null, index, delimiter, &mut line),
            }
        }
        // One empty cell would read as no row.
        if line.is_empty() {
            line.push_str("\"\"");
        }
        finish(&mut line, options, out)?;
    }
    Ok(())
}

/// Whether a spreadsheet would run a text.
fn is_formula(text: &str, ty: Type) -> bool {
    matches!(ty, Type::String | Type::Dynamic) && text.starts_with(['=', '+', '-', '@', '\t', '\r'])
}

fn cell(text: &str, index: usize, delimiter: char, line: &mut String) {
    if index > 0 {
        line.push(delimiter);
    }
    if text.contains(['"', '\n', '\r', delimiter]) {
        line.push('"');
        line.push_str(&text.replace('"', "\"\""));
        line.push('"');
    } else {
        line.push_str(text);
    }
}

fn finish(line: &mut String, options: &WriteOptions, out: &mut impl Write) -> io::Result<()> {
    line.push('\n');
    out.write_all(if options.terminal { paint::lines(line) } else { line.as_str().into() }.as_bytes())?;
    line.clear();
    Ok(())
}
