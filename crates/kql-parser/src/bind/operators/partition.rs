//! `partition`: a subquery for each value of a column.

use super::super::{Bind, Binder, Row, Table};
use crate::{
    plan::Op,
    syntax::{ExprId, Partition, PartitionBody, PartitionBy, PipelineId, Stage},
};

pub(super) fn bind(b: &mut Binder<'_>, it: &Partition, input: Table, stage: &Stage) -> Bind<Table> {
    match &it.body {
        PartitionBody::Subquery(pipeline) => apply(b, it.by, *pipeline, input),
        PartitionBody::Expression(_) => {
            b.fail("KQL0002", stage.span, "`partition by column { … }` is not implemented yet; use `( … )`")
        }
    }
}

pub(super) fn by(b: &mut Binder<'_>, it: &PartitionBy, input: Table) -> Bind<Table> {
    apply(b, it.by, it.subquery, input)
}

fn apply(b: &mut Binder<'_>, by: ExprId, subquery: PipelineId, input: Table) -> Bind<Table> {
    let row: Row = b.row_of(&input);
    let (index, ty) = b.over(row, |b| b.column_of(by))?;
    let key = b.column(index, ty);
    let group = b.new_table(Op::Group, input.schema.clone());
    let group = Table { serialized: input.serialized, open: input.open, ..group };
    let body = b.pipeline(subquery, Some(group))?;
    let op = Op::Apply { input: input.node, by: vec![key], body: body.node, carried: Vec::new() };
    let schema = body.schema.clone();
    Ok(b.new_table(op, schema))
}
