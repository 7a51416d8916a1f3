//! `assert-schema (a:long, …)` — fails unless the input has these columns.

use crate::parser::{Parsed, Parser};
use crate::syntax::{AssertSchema, Operator};

/// Reads what stands behind `assert-schema`.
pub(super) fn parse(it: &mut Parser<'_>) -> Parsed<Operator> {
    Ok(Operator::AssertSchema(AssertSchema { schema: it.row_schema()? }))
}
