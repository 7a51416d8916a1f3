//! Tables to and from files: bytes in, columns out, and the way back.
//!
//! A [`Loader`] takes sources that the caller opened and gives a table, with an [`Accounting`] of every byte: what is
//! malformed is counted, located and kept, and never dropped in silence.

mod accounting;
mod load;
mod openai;
mod read;
pub mod schemas;
mod shred;
mod write;

pub use accounting::{Accounting, Reject};
pub use load::{Bytes, ConversionWarning, InputFormat, LoadError, LoadOptions, Loaded, Loader, load, load_bytes};
pub use openai::{Shape, detect};
pub use write::{Format, WriteOptions, paint, write, write_cell, write_cell_at};
