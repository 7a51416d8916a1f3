//! The operator `mv-expand`.

use crate::parser::{OperatorDeclaration, Parsed, Parser};
use crate::syntax::{ExpandColumn, ExprId, MvExpand, Operator};

/// `mv-expand`: how it is written and what it does.
pub(super) const DECLARATION: OperatorDeclaration = OperatorDeclaration {
    words: &["mv-expand", "mvexpand"],
    syntax: "T | mv-expand [kind=bag|array] [with_itemindex=Name] [Name =] Array [to typeof(type)], … [limit n]",
    doc: "One row for each element of an array or slot of a bag.",
    query: "print a = dynamic([3, 1]) | mv-expand a to typeof(long)",
    rows: &[r#"{"a":3}"#, r#"{"a":1}"#],
    parse,
};

/// Reads what stands behind `mv-expand`.
fn parse(it: &mut Parser<'_>) -> Parsed<Operator> {
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
