//! `print [name =] expression, …` — one row of values.

use crate::parser::{Parsed, Parser};
use crate::syntax::{Operator, Print};

/// Reads what stands behind `print`.
pub(super) fn parse(it: &mut Parser<'_>) -> Parsed<Operator> {
    Ok(Operator::Print(Print { columns: it.assignments()? }))
}
