//! `sample n` — random rows.

use crate::parser::{Parsed, Parser};
use crate::syntax::{Operator, Sample};

/// Reads what stands behind `sample`.
pub(super) fn parse(it: &mut Parser<'_>) -> Parsed<Operator> {
    let parameters = it.parameters(&[])?;
    Ok(Operator::Sample(Sample { parameters, count: it.expression()? }))
}
