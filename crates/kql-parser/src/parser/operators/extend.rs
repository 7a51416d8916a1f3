//! `extend [name =] expression, …` — adds or replaces columns.

use crate::parser::{Parsed, Parser};
use crate::syntax::{Extend, Operator};

/// Reads what stands behind `extend`.
pub(super) fn parse(it: &mut Parser<'_>) -> Parsed<Operator> {
    Ok(Operator::Extend(Extend { columns: it.assignments()? }))
}
