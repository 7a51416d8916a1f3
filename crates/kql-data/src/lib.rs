//! Types, values, columns and tables of the engine.
//!
//! The bottom of the house: nothing here knows queries, functions or files. A [`Table`] is a list of immutable
//! [`Chunk`]s; a chunk is one [`Column`] a field; a column is an Arrow array or one of the engine's own encodings
//! (constant, dictionary, shredded dynamic, lists). What runs a query gets a [`Context`] first: cancellation, clock, seed,
//! memory [`Budget`] and [`Limits`].

mod column;
mod context;
mod decimal;
mod dictionary;
mod dynamic;
mod hash_index;
pub mod json;
mod limits;
mod lists;
mod reader;
mod schema;
mod shredded;
mod slots;
mod strings;
mod table;
pub mod text_hash;
pub mod time;
mod time_index;
mod types;
mod value;

pub use column::{Boxed, Column, ColumnBuilder, NO_ROW};
pub use context::{Budget, Context, Crew, Fault, Geo, GeoInfo, Reservation, Stop};
pub use decimal::Decimal;
pub use dictionary::{DictionaryBuilder, Lookup};
pub use dynamic::{Bag, Dynamic};
pub use hash_index::{First, HashIndex};
pub use limits::Limits;
pub use lists::Lists;
pub use reader::DynamicReader;
pub use schema::{Field, Schema};
pub use shredded::{Node, Presence, Rows, Shredded, Slot, Tag, Texts};
pub use slots::Slots;
pub use strings::{DictionaryColumn, StringDictionary, StringReader};
pub use table::{Batch, Chunk, HeldColumn, Range, Table};
pub use time_index::TimeIndex;
pub use types::Type;
pub use value::{Value, real_text};

/// A hash map seeded per process, so that hostile keys cannot be made to collide.
pub type Map<K, V> = std::collections::HashMap<K, V, ahash::RandomState>;
/// A hash set seeded per process.
pub type Set<K> = std::collections::HashSet<K, ahash::RandomState>;
