//! Writers: a result to text, one file a format; Parquet is written where it is read.

mod cell;
mod delimited;
mod json;
mod kql;
mod line;
mod markdown;
mod paint;
mod raw;
mod table;

pub use cell::{write_cell, write_cell_at};
pub use paint::{cut, paint, width};

use kql_data::{Batch, Schema};
use std::io::{self, Write};

/// A way to write a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// Aligned columns, for reading.
    Table,
    /// One JSON array of objects.
    Json,
    /// One JSON object a line.
    Ndjson,
    /// Comma-separated values with a header.
    Csv,
    /// Tab-separated values with a header.
    Tsv,
    /// A Markdown table.
    Markdown,
    /// A `datatable` that reads back as the same rows.
    Kql,
    /// One line a value, for wide rows.
    Line,
    /// The texts alone, tabs between them.
    Raw,
    /// A Parquet file, which is for files alone.
    Parquet,
}

impl Format {
    /// Every format.
    pub const ALL: [Format; 10] = [
        Format::Table,
        Format::Json,
        Format::Ndjson,
        Format::Csv,
        Format::Tsv,
        Format::Markdown,
        Format::Kql,
        Format::Line,
        Format::Raw,
        Format::Parquet,
    ];

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Format::Table => "table",
            Format::Json => "json",
            Format::Ndjson => "ndjson",
            Format::Csv => "csv",
            Format::Tsv => "tsv",
            Format::Markdown => "markdown",
            Format::Kql => "kql",
            Format::Line => "line",
            Format::Raw => "raw",
            Format::Parquet => "parquet",
        }
    }

    /// The format of that name or alias.
    pub fn from_name(name: &str) -> Option<Format> {
        Some(match name {
            "jsonl" | "jsonlines" => Format::Ndjson,
            "md" => Format::Markdown,
            _ => *Format::ALL.iter().find(|it| it.name() == name)?,
        })
    }

    /// A sentence about it.
    pub fn doc(self) -> &'static str {
        match self {
            Format::Table => "Aligned columns; wide cells and the middle of long results are cut.",
            Format::Json => "One JSON array of objects.",
            Format::Ndjson => "One JSON object a line.",
            Format::Csv => "Comma-separated values with a header; null is an empty cell.",
            Format::Tsv => "Tab-separated values with a header; null is an empty cell.",
            Format::Markdown => "A Markdown table.",
            Format::Kql => "A datatable that can be pasted into a query and reads back as the same rows.",
            Format::Line => "One line a value and a blank line between rows, for wide rows.",
            Format::Raw => "The texts alone: no header, no quotes, tabs between columns.",
            Format::Parquet => "A Parquet file, with --output or in .once: it reads back as the same values.",
        }
    }
}

/// How a result is written.
#[derive(Clone, Debug)]
pub struct WriteOptions {
    /// Whether a person's terminal reads it: then nothing in the data can move the cursor.
    pub terminal: bool,
    /// Rows that `table` shows; from the middle of more, rows are left out. 0 for all.
    pub rows_max: usize,
    /// Characters that a cell of `table` shows; 0 for all.
    pub cell_width: usize,
    /// Columns of a terminal that `table` fits into, by cutting texts and leaving out columns in the middle; 0 for any.
    pub width: usize,
    /// Whether `table` draws lines around cells.
    pub lines: bool,
    /// Whether `csv` and `tsv` put `'` before texts that a spreadsheet would take for a formula.
    pub csv_safe: bool,
    /// What `csv`, `tsv`, `table`, `markdown`, `line` and `raw` write for null.
    pub null: String,
}

impl Default for WriteOptions {
    fn default() -> WriteOptions {
        WriteOptions {
            terminal: false,
            rows_max: 0,
            cell_width: 0,
            width: 0,
            lines: true,
            csv_safe: false,
            null: String::new(),
        }
    }
}

/// Writes a result.
pub fn write(
    format: Format,
    schema: &Schema,
    batches: &[Batch],
    options: &WriteOptions,
    out: &mut impl Write,
) -> io::Result<()> {
    match format {
        Format::Table => table::write(schema, batches, options, out),
        Format::Json => json::write(schema, batches, options, out, true),
        Format::Ndjson => json::write(schema, batches, options, out, false),
        Format::Csv => delimited::write(schema, batches, options, out, ','),
        Format::Tsv => delimited::write(schema, batches, options, out, '\t'),
        Format::Markdown => markdown::write(schema, batches, options, out),
        Format::Kql => kql::write(schema, batches, options, out),
        Format::Line => line::write(schema, batches, options, out),
        Format::Raw => raw::write(schema, batches, options, out),
        Format::Parquet if options.terminal => {
            Err(io::Error::other("the format parquet is for files, not for a terminal"))
        }
        Format::Parquet => crate::parquet::write(schema, batches, out),
    }
}

/// Every row: its batch and its number in it.
fn rows(batches: &[Batch]) -> impl Iterator<Item = (&Batch, usize)> {
    batches.iter().flat_map(|batch| (0..batch.n_rows).map(move |row| (batch, row)))
}
