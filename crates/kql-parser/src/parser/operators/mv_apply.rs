//! The operator `mv-apply`.

use super::mv_expand::{column, limit};
use crate::parser::{OperatorDeclaration, Parsed, Parser};
use crate::syntax::{MvApply, Operator};

/// `mv-apply`: how it is written and what it does.
pub(super) const DECLARATION: OperatorDeclaration = OperatorDeclaration {
    words: &["mv-apply", "mvapply"],
    syntax: "T | mv-apply [Name =] Array [to typeof(type)], … [limit n] on (pipeline)",
    doc: "Runs a pipeline over the elements of each row's array.",
    query: "print a = dynamic([3, 1, 2]) | mv-apply n = a to typeof(long) on (top 1 by n) | project n",
    rows: &[r#"{"n":3}"#],
    parse,
};

/// Reads what stands behind `mv-apply`.
fn parse(it: &mut Parser<'_>) -> Parsed<Operator> {
    let parameters = it.parameters(&[])?;
    let columns = it.list(column)?;
    let limit = limit(it)?;
    let context_id = if it.eat_word("id") { Some(it.operand()?) } else { None };
    it.expect_word("on")?;
    let subquery = it.subquery()?;
    Ok(Operator::MvApply(MvApply { parameters, columns, limit, context_id, subquery }))
}
