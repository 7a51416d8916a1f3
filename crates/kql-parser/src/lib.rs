//! From KQL text to tokens, syntax tree, bound logical plan and optimised plan.

pub mod diagnostic;
pub mod syntax;

pub use diagnostic::{Diagnostic, Severity, Span, line_column};

pub mod plan;
