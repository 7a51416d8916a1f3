//! `take`, `limit`: some rows.

use super::super::{Bind, Binder, Table};
use crate::{
    plan::{ExprId, Op},
    syntax,
};
use kql_data::{Type, Value};

pub(super) fn bind(b: &mut Binder<'_>, count: syntax::ExprId, input: Table) -> Bind<Table> {
    let count = number(b, count)?;
    Ok(limited(b, count, input))
}

/// So many of the first rows of a table.
pub(in super::super) fn limited(b: &mut Binder<'_>, count: ExprId, input: Table) -> Table {
    let schema = input.schema.clone();
    b.table(Op::Limit { input: input.node, count }, schema, &input).with_label(&input)
}

/// No rows of the input: what `consume` leaves for the caller.
pub(super) fn none(b: &mut Binder<'_>, input: &Table) -> Table {
    let count = b.constant(Value::Long(0), Type::Long);
    b.table(Op::Limit { input: input.node, count }, input.schema.clone(), input)
}

/// A number of rows: a constant long.
pub(super) fn number(b: &mut Binder<'_>, count: syntax::ExprId) -> Bind<ExprId> {
    let span = b.query.span(count);
    let expr = b.constant_scalar(count)?;
    match b.ty(expr) {
        Type::Long => Ok(expr),
        Type::Int | Type::Dynamic | Type::Real => b.cast(expr, Type::Long, span),
        ty => b.fail("SEM0080", span, format!("a number of rows is needed, not {ty}")),
    }
}
