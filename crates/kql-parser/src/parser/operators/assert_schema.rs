//! The operator `assert-schema`.

use crate::parser::{OperatorDeclaration, Parsed, Parser};
use crate::syntax::{AssertSchema, Operator};

/// `assert-schema`: how it is written and what it does.
pub(super) const DECLARATION: OperatorDeclaration = OperatorDeclaration {
    words: &["assert-schema"],
    syntax: "T | assert-schema (Column:type, …)",
    doc: "Fails unless the columns are exactly these.",
    query: "print a = 1 | assert-schema (a:long)",
    rows: &[r#"{"a":1}"#],
    parse,
};

/// Reads what stands behind `assert-schema`.
fn parse(it: &mut Parser<'_>) -> Parsed<Operator> {
    Ok(Operator::AssertSchema(AssertSchema { schema: it.row_schema()? }))
}
