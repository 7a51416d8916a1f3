//! The operator `join`.

use crate::parser::{OperatorDeclaration, Parsed, Parser};
use crate::syntax::{ExprId, Join, Operator};

/// `join`: how it is written and what it does.
pub(super) const DECLARATION: OperatorDeclaration = OperatorDeclaration {
    words: &["join"],
    syntax: "T | join [kind=leftouter] [hint.…] (U) on Key, $left.a == $right.b",
    doc: "Rows of both tables with equal keys. Kinds: innerunique (the default: one left row for each key), inner, leftouter, rightouter, fullouter, leftsemi, rightsemi, leftanti, rightanti.",
    query: r#"datatable(k:string, n:long)["a", 1, "b", 2] | join kind=leftouter (print k = "b", City = "Oslo") on k | project k, City"#,
    rows: &[r#"{"k":"a","City":""}"#, r#"{"k":"b","City":"Oslo"}"#],
    parse,
};

/// Reads what stands behind `join`.
fn parse(it: &mut Parser<'_>) -> Parsed<Operator> {
    let parameters = it.parameters(&[])?;
    let right = it.operand_or_source()?;
    let (on, predicate) = keys(it)?;
    Ok(Operator::Join(Join { parameters, right, on, predicate }))
}

/// `on key, …` or `where predicate`.
pub(super) fn keys(it: &mut Parser<'_>) -> Parsed<(Vec<ExprId>, Option<ExprId>)> {
    if it.eat_word("on") {
        return Ok((it.list(Parser::expression)?, None));
    }
    if it.eat_word("where") {
        return Ok((Vec::new(), Some(it.expression()?)));
    }
    Err(it.expected("`on` and the join keys"))
}
