//! `parse-where [kind=…] [flags=…] expression with "text" name[:type] * …` — as `parse`, without the rows that do not match.

use super::parse::pattern;
use crate::parser::{Parsed, Parser};
use crate::syntax::{Operator, ParseWhere};

/// Reads what stands behind `parse-where`.
pub(super) fn parse(it: &mut Parser<'_>) -> Parsed<Operator> {
    let parameters = it.parameters(&[])?;
    let value = it.expression()?;
    it.expect_word("with")?;
    let pattern = pattern(it)?;
    Ok(Operator::ParseWhere(ParseWhere { parameters, value, pattern }))
}
