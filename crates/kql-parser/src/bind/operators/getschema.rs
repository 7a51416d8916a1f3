//! `getschema`: one row a column. `assert-schema`: fails unless the columns are as said.

use super::super::{Bind, Binder, Table};
use crate::{
    plan::Op,
    syntax::{AssertSchema, Stage},
};
use kql_data::{Batch, Column, ColumnBuilder, Schema, Type, Value};
use std::sync::Arc;

pub(in super::super) fn bind(b: &mut Binder<'_>, input: Table) -> Bind<Table> {
    let fields = &input.schema.fields;
    let mut ordinals = ColumnBuilder::new(Type::Int, fields.len());
    for ordinal in 0..fields.len() {
        ordinals.push(&Value::Int(ordinal as i32));
    }
    let columns = vec![
        Column::strings(fields.iter().map(|it| &*it.name)),
        ordinals.finish(),
        Column::strings(fields.iter().map(|it| it.ty.system_name())),
        Column::strings(fields.iter().map(|it| it.ty.name())),
    ];
    let schema = Schema::of(&[
        ("ColumnName", Type::String),
        ("ColumnOrdinal", Type::Int),
        ("DataType", Type::String),
        ("ColumnType", Type::String),
    ]);
    let batch = Arc::new(Batch::new(columns, fields.len()));
    Ok(b.new_table(Op::Values { batch }, schema))
}

pub(super) fn assert(b: &mut Binder<'_>, it: &AssertSchema, input: Table, stage: &Stage) -> Bind<Table> {
    for declared in &it.schema.columns {
        let Some(ty) = &declared.ty else { continue };
        let ty = b.type_literal(&ty.text, ty.span)?;
        let name = &declared.name.text;
        match input.schema.fields.iter().find(|it| *it.name == **name) {
            Some(field) if field.ty == ty => {}
            Some(field) => {
                let message = format!("the column `{name}` is {}, not {ty}", field.ty);
                return b.fail("SEM0027", declared.span, message);
            }
            None => return b.fail("SEM0100", declared.span, format!("the column `{name}` is missing")),
        }
    }
    if !it.schema.open && it.schema.columns.len() != input.schema.len() {
        return b.fail("SEM0027", stage.span, "the table has more columns than the schema");
    }
    Ok(input)
}
