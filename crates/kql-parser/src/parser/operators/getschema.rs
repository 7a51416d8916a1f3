//! The operator `getschema`.

use crate::parser::{OperatorDeclaration, Parsed, Parser};
use crate::syntax::Operator;

/// `getschema`: how it is written and what it does.
pub(super) const DECLARATION: OperatorDeclaration = OperatorDeclaration {
    words: &["getschema"],
    syntax: "T | getschema",
    doc: "The columns and their types, one row each.",
    query: "print a = 1 | getschema | project ColumnName, ColumnType",
    rows: &[r#"{"ColumnName":"a","ColumnType":"long"}"#],
    parse,
};

/// Nothing stands behind `getschema`.
pub(super) fn parse(_: &mut Parser<'_>) -> Parsed<Operator> {
    Ok(Operator::GetSchema)
}
