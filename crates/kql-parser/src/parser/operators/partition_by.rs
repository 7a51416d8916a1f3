//! `__partitionby [hints] column [id guid] ( subquery )` — the native form of `partition`.

use crate::parser::{Parsed, Parser};
use crate::syntax::{Operator, PartitionBy};

/// Reads what stands behind `__partitionby`.
pub(super) fn parse(it: &mut Parser<'_>) -> Parsed<Operator> {
    let parameters = it.parameters(&[])?;
    let by = it.partition_key()?;
    let context_id = if it.eat_word("id") { Some(it.operand()?) } else { None };
    let subquery = it.subquery()?;
    Ok(Operator::PartitionBy(PartitionBy { parameters, by, context_id, subquery }))
}
