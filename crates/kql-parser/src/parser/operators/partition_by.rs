//! The operator `__partitionby`.

use crate::parser::{OperatorDeclaration, Parsed, Parser};
use crate::syntax::{Operator, PartitionBy};

/// `__partitionby`: how it is written and what it does.
pub(super) const DECLARATION: OperatorDeclaration = OperatorDeclaration {
    words: &["__partitionby"],
    syntax: "T | __partitionby Key [id guid] (pipeline)",
    doc: "Another form of `partition`, over the rows of each key.",
    query: r#"datatable(User:string, n:long)["ann", 1, "bob", 5, "ann", 3] | __partitionby User (top 1 by n) | sort by n asc"#,
    rows: &[r#"{"User":"ann","n":3}"#, r#"{"User":"bob","n":5}"#],
    parse,
};

/// Reads what stands behind `__partitionby`.
fn parse(it: &mut Parser<'_>) -> Parsed<Operator> {
    let parameters = it.parameters(&[])?;
    let by = it.partition_key()?;
    let context_id = if it.eat_word("id") { Some(it.operand()?) } else { None };
    let subquery = it.subquery()?;
    Ok(Operator::PartitionBy(PartitionBy { parameters, by, context_id, subquery }))
}
