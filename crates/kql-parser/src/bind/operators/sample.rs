//! `sample`, `sample-distinct`: rows and values by chance.

use super::super::{Bind, Binder, Table};
use super::{columns, take};
use crate::{
    plan::Op,
    syntax::{self, SampleDistinct},
};
use kql_data::{Field, Schema};

pub(super) fn bind(b: &mut Binder<'_>, count: syntax::ExprId, input: Table) -> Bind<Table> {
    let count = take::number(b, count)?;
    let schema = input.schema.clone();
    Ok(b.table(Op::Sample { input: input.node, count }, schema, &input))
}

pub(super) fn distinct(b: &mut Binder<'_>, it: &SampleDistinct, input: Table) -> Bind<Table> {
    let count = take::number(b, it.count)?;
    let (key, name) = columns::over(b, &input, |b| {
        let key = b.scalar(it.value)?;
        Ok((key, b.natural_name(it.value).unwrap_or_else(|| "Column1".to_owned())))
    })?;
    let schema = Schema::new(vec![Field::new(name, b.ty(key))]);
    let op = Op::Aggregate { input: input.node, keys: vec![key], aggregates: Vec::new() };
    let values = b.new_table(op, schema.clone());
    Ok(b.table(Op::Limit { input: values.node, count }, schema, &values))
}
