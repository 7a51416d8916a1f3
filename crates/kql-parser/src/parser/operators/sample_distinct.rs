//! `sample-distinct n of expression` — random distinct values.

use crate::parser::{Parsed, Parser};
use crate::syntax::{Operator, SampleDistinct};

/// Reads what stands behind `sample-distinct`.
pub(super) fn parse(it: &mut Parser<'_>) -> Parsed<Operator> {
    let parameters = it.parameters(&[])?;
    let count = it.expression()?;
    it.expect_word("of")?;
    Ok(Operator::SampleDistinct(SampleDistinct { parameters, count, value: it.expression()? }))
}
