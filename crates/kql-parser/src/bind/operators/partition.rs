//! `partition`: a subquery for each value of a column.

use super::super::{
    Bind, Binder, Row, Table,
    scope::{Binding, Closure},
};
use super::union;
use crate::{
    plan::Op,
    syntax::{BodyId, ExprId, Partition, PartitionBody, PartitionBy, PipelineId, Stage},
};
use kql_data::{Schema, Value};

/// The keys that the legacy strategy, which is the one without a hint, may run for.
const KEYS_MAX: usize = 64;

pub(super) fn bind(b: &mut Binder<'_>, it: &Partition, input: Table, stage: &Stage) -> Bind<Table> {
    match &it.body {
        PartitionBody::Subquery(pipeline) => {
            let strategy = b.parameter(&it.parameters, "hint.strategy").map(|it| b.word(it)).transpose()?;
            let is_legacy = strategy.is_none_or(|it| it.eq_ignore_ascii_case("legacy"));
            apply(b, it.by, *pipeline, input, is_legacy.then_some(KEYS_MAX))
        }
        PartitionBody::Expression(body) => each_key(b, it, *body, input, stage),
    }
}

pub(super) fn by(b: &mut Binder<'_>, it: &PartitionBy, input: Table) -> Bind<Table> {
    apply(b, it.by, it.subquery, input, None)
}

fn apply(b: &mut Binder<'_>, by: ExprId, subquery: PipelineId, input: Table, groups_max: Option<usize>) -> Bind<Table> {
    let row: Row = b.row_of(&input);
    let (index, ty) = b.over(row, |b| b.column_of(by))?;
    let key = b.column(index, ty);
    let group = b.new_table(Op::Group, input.schema.clone());
    let group = Table { serialized: input.serialized, open: input.open, ..group };
    let body = b.pipeline(subquery, Some(group))?;
    let op = Op::Apply { input: input.node, by: vec![key], body: body.node, carried: Vec::new(), groups_max };
    let schema = body.schema;
    Ok(b.new_table(op, schema))
}

/// `partition by k { source | … }`: the body is bound once for each key, which it sees as a value. The keys depend on rows, so
/// where there are rows they are found while the query is bound.
fn each_key(b: &mut Binder<'_>, it: &Partition, body: BodyId, input: Table, stage: &Stage) -> Bind<Table> {
    if input.node_reads_group(b) {
        let message = "`partition by column { … }` inside a subquery over groups is not implemented yet";
        return b.fail("KQL0002", stage.span, message);
    }
    let row: Row = b.row_of(&input);
    let (index, ty) = b.over(row, |b| b.column_of(it.by))?;
    let name = input.schema.fields.get(index).map(|it| it.name.to_string()).unwrap_or_default();
    let key = b.column(index, ty);
    let schema = Schema::of(&[(&name, ty)]);
    let keys = b.new_table(Op::Aggregate { input: input.node, keys: vec![key], aggregates: Vec::new() }, schema);
    let mut values: Vec<Value> = Vec::new();
    match b.catalogue.evaluate(&b.plan, keys.node) {
        Some(Ok(batches)) => {
            for batch in batches {
                values.extend(
                    batch.columns.first().into_iter().flat_map(|it| (0..batch.n_rows).map(|row| it.value(row))),
                );
            }
        }
        Some(Err(fault)) => return b.run_fault(stage.span, &fault),
        None => {}
    }
    if values.len() > KEYS_MAX {
        let message =
            format!("`partition` has {} keys, and {KEYS_MAX} are the most with a body in braces", values.len());
        return b.fail("SEM0001", stage.span, message);
    }
    let is_empty = values.is_empty();
    if is_empty {
        // Its columns are known without a key too.
        values.push(Value::null(ty));
    }
    let mut legs = Vec::with_capacity(values.len());
    for value in values {
        let key = b.constant(value, ty);
        let closure = Closure { query: b.query.clone(), env: b.env.clone() };
        legs.push(b.body_table(closure, vec![(name.clone(), Binding::Scalar(key))], body, stage.span)?);
    }
    let all = union::combine(b, &legs, false, None, Default::default());
    Ok(if is_empty { b.no_rows((*all.schema).clone()) } else { all })
}
