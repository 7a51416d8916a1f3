//! An embedded engine for KQL, the Kusto Query Language.
//!
//! ```
//! use kql::Engine;
//!
//! let mut engine = Engine::new();
//! engine.load_bytes("Logins", *br#"{"User":"ann","Ok":true}
//! {"User":"bob","Ok":false}"#).unwrap();
//! let outcome = engine.query("Logins | where not(Ok) | project User").unwrap();
//! assert_eq!(outcome.rows(), vec![vec![kql::Value::String("bob".into())]]);
//! ```
//!
//! An [`Engine`] holds tables and stored functions. A query runs on a thread of its own with a bounded stack, under
//! [`Limits`]; a panic inside becomes [`Error::Bug`]. Nothing here opens a file or a socket: the host hands over bytes.

mod arrow;
mod assert;
mod catalogue;
pub mod codes;
mod country;
pub mod coverage;
mod engine;
mod error;
mod geo;
mod load;
mod outcome;
mod reads;

pub use arrow::ARROW_TYPE_KEY;
pub use assert::assert_rows;
pub use engine::{Check, Engine, External, Known, Now, Query, with_query_stack};
pub use error::Error;
pub use geo::GeoFile;
pub use kql_data::{
    Bag, Batch, Chunk, Column, ColumnBuilder, Context, Dynamic, Fault, Field, Geo, GeoInfo, Limits, Map,
    Range as ColumnRange, Schema, Set, Slots, Stop, Table, TimeIndex, Type, Value, json, time,
};
pub use kql_executor::{NodeStatistics, evaluate as plugins};
pub use kql_formats as formats;
pub use kql_functions as functions;
pub use kql_parser as parser;
pub use kql_parser::{Diagnostic, Severity, Span, StoredFunction, line_column, plan};
pub use load::{Load, table_of_alias};
pub use outcome::{Outcome, ResultTable};
pub use reads::Reads;
