//! Tables to and from files: bytes in, columns out, and the way back.
//!
//! A [`Loader`] takes sources that the caller opened and gives a table, with an [`Accounting`] of every byte: what is
//! malformed is counted, located and kept, and never dropped in silence. [`write`] turns a result into text.
//!
//! ```
//! use kql_formats::{Format, LoadOptions, WriteOptions, load_bytes, write};
//!
//! let loaded = load_bytes("events.ndjson", "{\"user\":\"ann\",\"n\":1}\nnot json\n", LoadOptions::default())?;
//! assert_eq!(loaded.accounting.rows, 1);
//! assert_eq!(loaded.accounting.rejects[0].line, 2);
//!
//! let batches: Vec<_> = loaded.table.chunks.iter().map(|it| it.batch.clone()).collect();
//! let mut out = Vec::new();
//! write(Format::Csv, &loaded.table.schema, &batches, &WriteOptions::default(), &mut out)?;
//! assert_eq!(out, b"user,n\nann,1\n");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod accounting;
mod load;
mod openai;
mod parquet;
mod read;
pub mod schemas;
mod shred;
mod write;

pub use accounting::{Accounting, Reject};
pub use load::{
    Bytes, ConversionWarning, Header, InputFormat, LoadError, LoadOptions, Loaded, Loader, load, load_bytes,
};
pub use openai::{Shape, detect};
pub use parquet::{Condition, Random, Search};
pub use write::{Format, WriteOptions, cut, paint, width, write, write_cell, write_cell_at};
