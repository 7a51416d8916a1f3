//! `getschema` — the columns of the input as rows.

use crate::parser::{Parsed, Parser};
use crate::syntax::Operator;

/// Nothing stands behind `getschema`.
pub(super) fn parse(_: &mut Parser<'_>) -> Parsed<Operator> {
    Ok(Operator::GetSchema)
}
