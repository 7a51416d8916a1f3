//! `mv-expand [kind=…] [with_itemindex=i] [name =] array [to typeof(t)], … [limit n]` — a row per element.

use crate::parser::{Parsed, Parser};
use crate::syntax::{ExpandColumn, ExprId, MvExpand, Operator};

/// Reads what stands behind `mv-expand`.
pub(super) fn parse(it: &mut Parser<'_>) -> Parsed<Operator> {
    let parameters = it.parameters(&[])?;
    let columns = it.list(column)?;
    let limit = limit(it)?;
    Ok(Operator::MvExpand(MvExpand { parameters, columns, limit }))
}

/// `[name =] array [to typeof(t)]`.
pub(super) fn column(it: &mut Parser<'_>) -> Parsed<ExpandColumn> {
    let value = it.assignment()?;
    let ty = if it.eat_word("to") { Some(it.type_of()?) } else { None };
    Ok(ExpandColumn { value, ty })
}

/// `limit n`.
pub(super) fn limit(it: &mut Parser<'_>) -> Parsed<Option<ExprId>> {
    if it.eat_word("limit") { Ok(Some(it.expression()?)) } else { Ok(None) }
}
