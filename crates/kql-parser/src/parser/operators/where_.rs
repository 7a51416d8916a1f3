//! `where predicate`, `filter predicate` — keeps the rows that match.

use crate::parser::{Parsed, Parser};
use crate::syntax::{Operator, Where};

/// Reads what stands behind `where`.
pub(super) fn parse(it: &mut Parser<'_>) -> Parsed<Operator> {
    let parameters = it.parameters(&[])?;
    let name = if it.is_named() {
        let name = it.name("a name")?;
        let span = it.advance().span;
        let message = format!("`{} = …` names the predicate and compares nothing", name.text);
        it.warn(span, message, "write `==` to compare");
        Some(name)
    } else {
        None
    };
    Ok(Operator::Where(Where { parameters, name, predicate: it.expression()? }))
}
