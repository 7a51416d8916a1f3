//! `summarize [hints] [name =] aggregate, … [by [name =] key, …]` — a row per group.

use crate::parser::{Parsed, Parser};
use crate::syntax::{Operator, Summarize};

/// Reads what stands behind `summarize`.
pub(super) fn parse(it: &mut Parser<'_>) -> Parsed<Operator> {
    let parameters = it.parameters(&[])?;
    let aggregates = if it.is_word("by") { Vec::new() } else { it.assignments()? };
    let has_by = it.eat_word("by");
    let by = if has_by { it.assignments()? } else { Vec::new() };
    Ok(Operator::Summarize(Summarize { parameters, aggregates, has_by, by }))
}
