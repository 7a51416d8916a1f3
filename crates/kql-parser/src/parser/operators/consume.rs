//! `consume [decodeblocks=…]` — reads the input and puts out nothing.

use crate::parser::{Parsed, Parser};
use crate::syntax::{Consume, Operator};

/// Reads what stands behind `consume`.
pub(super) fn parse(it: &mut Parser<'_>) -> Parsed<Operator> {
    Ok(Operator::Consume(Consume { parameters: it.parameters(&[])? }))
}
