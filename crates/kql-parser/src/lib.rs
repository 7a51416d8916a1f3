//! From KQL text to tokens, syntax tree, bound logical plan and optimised plan.

pub mod diagnostic;
mod explain;
mod format;
pub mod lexer;
pub mod optimise;
mod parser;
pub mod plan;
pub mod syntax;
pub mod token;

pub use diagnostic::{Diagnostic, Severity, Span, line_column};
pub use explain::explain;
pub use format::format;
pub use kql_functions::scalar::datetime::text::parse_datetime;
pub use parser::{OPERATORS, OperatorDeclaration, ParseOptions, is_incomplete, operators, parse};

mod bind;
pub use bind::{
    BOUND, BOUND_PLUGINS, Bound, Catalogue, Columns, Notes, Opaque, OpaqueNote, Parameters, StageNote, StoredFunction,
    bind, bind_with_notes,
};
