//! `sort`, `order`, `top`: rows in order.

use super::super::{Bind, Binder, Table};
use super::{columns, take};
use crate::{
    plan::{Op, SortKey},
    syntax::{Direction, Nulls, OrderKey, Top},
};
use kql_data::Type;

pub(super) fn bind(b: &mut Binder<'_>, keys: &[OrderKey], input: Table) -> Bind<Table> {
    let keys = order(b, keys, &input)?;
    Ok(sorted(b, keys, None, &input))
}

pub(super) fn top(b: &mut Binder<'_>, it: &Top, input: Table) -> Bind<Table> {
    let limit = take::number(b, it.count)?;
    let keys = order(b, std::slice::from_ref(&it.key), &input)?;
    Ok(sorted(b, keys, Some(limit), &input))
}

fn sorted(b: &mut Binder<'_>, keys: Vec<SortKey>, limit: Option<crate::plan::ExprId>, input: &Table) -> Table {
    let schema = input.schema.clone();
    let table = b.table(Op::Sort { input: input.node, keys, limit }, schema, input).with_label(input);
    Table { serialized: true, ..table }
}

/// Sort keys over a table. The language sorts downwards unless told otherwise; null is the smallest value.
pub(super) fn order(b: &mut Binder<'_>, keys: &[OrderKey], input: &Table) -> Bind<Vec<SortKey>> {
    columns::over(b, input, |b| {
        let bound = keys.iter().map(|key| one(b, key)).collect();
        Binder::all(bound)
    })
}

fn one(b: &mut Binder<'_>, key: &OrderKey) -> Bind<SortKey> {
    let value = b.scalar(key.value)?;
    if b.ty(value) == Type::Dynamic && !b.row.open {
        return b.fail("SEM0480", key.span, "rows cannot be sorted by a dynamic; convert it, as with tostring()");
    }
    let direction = key.direction.unwrap_or(Direction::Descending);
    let nulls_first = match key.nulls {
        Some(nulls) => nulls == Nulls::First,
        None => direction == Direction::Ascending,
    };
    Ok(SortKey { value, direction, nulls_first })
}
