//! `execute-and-cache` — keeps the result for further use.

use crate::parser::{Parsed, Parser};
use crate::syntax::{ExecuteAndCache, Operator};

/// Reads what stands behind `execute-and-cache`.
pub(super) fn parse(it: &mut Parser<'_>) -> Parsed<Operator> {
    Ok(Operator::ExecuteAndCache(ExecuteAndCache { parameters: it.parameters(&[])? }))
}
