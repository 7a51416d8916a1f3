//! `datatable`: a table written out.

use super::super::{Bind, Binder, Table};
use crate::{
    plan::Op,
    syntax::{Datatable, RowSchema, Stage},
};
use kql_data::{Batch, ColumnBuilder, Field, Schema};
use std::sync::Arc;

pub(super) fn bind(b: &mut Binder<'_>, it: &Datatable, stage: &Stage) -> Bind<Table> {
    let schema = row_schema(b, &it.schema)?;
    let n_columns = schema.len();
    if n_columns == 0 || !it.values.len().is_multiple_of(n_columns) {
        if it.values.is_empty() && n_columns > 0 {
            return Ok(b.no_rows(schema));
        }
        let message = format!("{} values do not fill rows of {n_columns} columns", it.values.len());
        return b.fail("SEM0018", stage.span, message);
    }
    let n_rows = it.values.len() / n_columns;
    let mut builders: Vec<ColumnBuilder> =
        schema.fields.iter().map(|field| ColumnBuilder::new(field.ty, n_rows)).collect();
    let mut failed = Vec::new();
    for row in it.values.chunks(n_columns) {
        for ((id, field), out) in row.iter().zip(&schema.fields).zip(&mut builders) {
            let span = b.query.span(*id);
            let value = b.constant_scalar(*id).and_then(|it| match field.ty {
                kql_data::Type::String => b.cast(it, field.ty, span),
                ty => b.argument_as(it, ty, span),
            });
            match value.map(|it| b.value_of(it)) {
                Ok(Some(value)) => out.push(&value),
                Ok(None) => failed.push(b.fail("SEM0207", span, "the cells of a datatable must be constants")),
                Err(it) => failed.push(Err(it)),
            }
        }
    }
    let _: Vec<()> = Binder::all(failed)?;
    let batch = Arc::new(Batch::new(builders.into_iter().map(ColumnBuilder::finish).collect(), n_rows));
    Ok(b.new_table(Op::Values { batch }, schema))
}

/// The columns of a row schema, which must all have a type and different names.
pub(super) fn row_schema(b: &mut Binder<'_>, it: &RowSchema) -> Bind<Schema> {
    let mut fields: Vec<Field> = Vec::with_capacity(it.columns.len());
    for column in &it.columns {
        let Some(ty) = &column.ty else {
            return b.fail("SYN0002", column.span, format!("the type of `{}` is missing", column.name.text));
        };
        let ty = b.type_literal(&ty.text, ty.span)?;
        if fields.iter().any(|it| *it.name == *column.name.text) {
            return b.fail("SEM0034", column.span, format!("the column `{}` is given twice", column.name.text));
        }
        fields.push(Field::new(column.name.text.as_str(), ty));
    }
    Ok(Schema::new(fields))
}
