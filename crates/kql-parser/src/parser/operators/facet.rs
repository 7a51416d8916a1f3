//! The operator `facet`.

use crate::parser::{OperatorDeclaration, Parsed, Parser};
use crate::syntax::{Facet, Operator};

/// `facet`: how it is written and what it does.
pub(super) const DECLARATION: OperatorDeclaration = OperatorDeclaration {
    words: &["facet"],
    syntax: "T | facet by Column, … [with (pipeline)]",
    doc: "One table of counts for each column.",
    query: r#"datatable(User:string, n:long)["ann", 1, "bob", 5, "ann", 3] | facet by User"#,
    rows: &[r#"{"User":"ann","count_User":2}"#, r#"{"User":"bob","count_User":1}"#],
    parse,
};

/// Reads what stands behind `facet`.
fn parse(it: &mut Parser<'_>) -> Parsed<Operator> {
    it.expect_word("by")?;
    let columns = it.list(Parser::operand)?;
    let subquery = if it.eat_word("with") { Some(it.subquery()?) } else { None };
    Ok(Operator::Facet(Facet { columns, subquery }))
}
