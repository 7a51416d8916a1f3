//! The operator `top`.

use crate::parser::{OperatorDeclaration, Parsed, Parser};
use crate::syntax::{Operator, Top};

/// `top`: how it is written and what it does.
pub(super) const DECLARATION: OperatorDeclaration = OperatorDeclaration {
    words: &["top"],
    syntax: "T | top n by Key [asc|desc] [nulls first|last]",
    doc: "The first n rows by a key; the greatest unless `asc` is written.",
    query: r#"datatable(User:string, n:long)["ann", 1, "bob", 5, "ann", 3] | top 1 by n"#,
    rows: &[r#"{"User":"bob","n":5}"#],
    parse,
};

/// Reads what stands behind `top`.
fn parse(it: &mut Parser<'_>) -> Parsed<Operator> {
    let mut parameters = it.parameters(&[])?;
    let count = it.expression()?;
    parameters.extend(it.parameters(&[])?);
    it.expect_word("by")?;
    let key = it.order_key()?;
    Ok(Operator::Top(Top { parameters, count, key }))
}
