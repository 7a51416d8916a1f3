//! `mv-apply [name =] array [to typeof(t)], … [limit n] [id guid] on ( subquery )` — a subquery over the elements of each row.

use super::mv_expand::{column, limit};
use crate::parser::{Parsed, Parser};
use crate::syntax::{MvApply, Operator};

/// Reads what stands behind `mv-apply`.
pub(super) fn parse(it: &mut Parser<'_>) -> Parsed<Operator> {
    let parameters = it.parameters(&[])?;
    let columns = it.list(column)?;
    let limit = limit(it)?;
    let context_id = if it.eat_word("id") { Some(it.operand()?) } else { None };
    it.expect_word("on")?;
    let subquery = it.subquery()?;
    Ok(Operator::MvApply(MvApply { parameters, columns, limit, context_id, subquery }))
}
