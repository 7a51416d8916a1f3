//! Detection rules of Microsoft Sentinel and Defender XDR, offline: read, check, run, backtest, test.
//!
//! ```
//! use kql_rules::{Kind, read};
//!
//! let text = "name: Many failures\nqueryFrequency: 1h\nqueryPeriod: 1d\nquery: |\n  SigninLogs\n  | where x\n";
//! let rule = read("rule.yaml", text.as_bytes()).rules.remove(0);
//! assert_eq!(rule.kind, Kind::Scheduled);
//! assert_eq!(rule.query.text, "SigninLogs\n| where x\n");
//! // Byte 11 of the query, in the file: its column counts the indentation.
//! let place = rule.query.place(11..12);
//! assert_eq!((place.line, place.column), (6, 3));
//! ```
//!
//! Reading never fails as a whole: what is odd becomes a [`Note`] with a code and a place, and what was understood is kept.

pub mod catalogue;
pub mod check;
pub mod document;
pub mod duration;
pub mod entity;
mod external;
mod files;
mod guid;
pub mod paths;
pub mod project;
pub mod read;
mod rule;
pub mod run;
pub mod schemas;
mod source;
pub mod test;
mod text_map;
pub mod vendor;

pub use external::{Copies, LocalCopy};
pub use files::{Disk, Files, Memory};
pub use project::Project;
pub use read::{Contents, read};
pub use rule::{
    Comparison, Connector, DetailGrouping, EntityMapping, EventGrouping, FieldMapping, Function, Incident,
    IncidentGrouping, Kind, MatchingMethod, Overrides, QueryText, Rule, Severity, Suppression,
};
pub use source::{At, Level, Note, Place, Source};
pub use text_map::TextMap;
