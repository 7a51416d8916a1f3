//! JSON: an array of objects, or an object a line.

use super::{WriteOptions, cell::write_cell_at, paint, rows};
use kql_data::{Batch, Schema, json};
use std::io::{self, Write};

pub(super) fn write(
    schema: &Schema,
    batches: &[Batch],
    options: &WriteOptions,
    out: &mut impl Write,
    array: bool,
) -> io::Result<()> {
    let keys: Vec<String> = schema
        .fields
        .iter()
        .map(|it| {
            let mut key = String::new();
            json::write_string(&it.name, &mut key);
            key
        })
        .collect();
    let mut line = String::new();
    for (index, (batch, row)) in rows(batches).enumerate() {
        line.clear();
        if array {
            line.push_str(if index == 0 { "[" } else { ",\n " });
        }
        line.push('{');
        for (at, (key, column)) in keys.iter().zip(&batch.columns).enumerate() {
            if at > 0 {
                line.push(',');
            }
            line.push_str(key);
            line.push(':');
            write_cell_at(column, row, &mut line);
        }
        line.push('}');
        if options.terminal {
            // Only the separator in front holds a line end.
            let (head, rest) = if array && index > 0 { line.split_at(3) } else { ("", line.as_str()) };
            out.write_all(head.as_bytes())?;
            out.write_all(paint::json(rest).as_bytes())?;
        } else {
            out.write_all(line.as_bytes())?;
        }
        if !array {
            out.write_all(b"\n")?;
        }
    }
    if array {
        let is_empty = batches.iter().all(|it| it.n_rows == 0);
        out.write_all(if is_empty { b"[]\n" } else { b"]\n" })?;
    }
    Ok(())
}
