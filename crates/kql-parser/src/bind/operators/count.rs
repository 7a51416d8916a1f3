//! `count`: the number of rows.

use super::super::{Bind, Binder, Table};
use crate::{
    plan::{AggregateExpr, Op},
    syntax::Count,
};
use kql_data::{Schema, Type};

pub(super) fn bind(b: &mut Binder<'_>, it: &Count, input: Table) -> Bind<Table> {
    let name = it.name.as_ref().map_or("Count", |it| it.text.as_str());
    let schema = Schema::of(&[(name, Type::Long)]);
    let count = count(b)?;
    let op = Op::Aggregate { input: input.node, keys: Vec::new(), aggregates: vec![count] };
    Ok(b.new_table(op, schema))
}

/// The aggregate `count()`.
pub(super) fn count(b: &mut Binder<'_>) -> Bind<AggregateExpr> {
    let Some(aggregate) = kql_functions::aggregate("count") else {
        return b.fail("SEM0260", Default::default(), "the aggregate `count` is missing");
    };
    let overload = aggregate.overloads.iter().position(|it| it.params.is_empty()).unwrap_or(0);
    Ok(AggregateExpr { aggregate, overload, args: Vec::new(), outputs: vec![Type::Long] })
}
