//! The operator `top-hitters`.

use crate::parser::{OperatorDeclaration, Parsed, Parser};
use crate::syntax::{Operator, TopHitters};

/// `top-hitters`: how it is written and what it does.
pub(super) const DECLARATION: OperatorDeclaration = OperatorDeclaration {
    words: &["top-hitters"],
    syntax: "T | top-hitters n of Value [by Weight]",
    doc: "The most frequent values, roughly.",
    query: r#"datatable(User:string, n:long)["ann", 1, "bob", 5, "ann", 3] | top-hitters 1 of User"#,
    rows: &[r#"{"User":"ann","approximate_count_User":2}"#],
    parse,
};

/// Reads what stands behind `top-hitters`.
fn parse(it: &mut Parser<'_>) -> Parsed<Operator> {
    let parameters = it.parameters(&[])?;
    let count = it.expression()?;
    it.expect_word("of")?;
    let value = it.expression()?;
    let by = if it.eat_word("by") { Some(it.expression()?) } else { None };
    Ok(Operator::TopHitters(TopHitters { parameters, count, value, by }))
}
