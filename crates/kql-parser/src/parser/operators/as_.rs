//! `as [hint.materialized=…] name` — names the result so far.

use crate::parser::{Parsed, Parser};
use crate::syntax::{As, Operator};

/// Reads what stands behind `as`.
pub(super) fn parse(it: &mut Parser<'_>) -> Parsed<Operator> {
    let parameters = it.parameters(&[])?;
    let name = it.name("a name")?;
    Ok(Operator::As(As { parameters, name }))
}
