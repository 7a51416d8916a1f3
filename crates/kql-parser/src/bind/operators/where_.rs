//! `where`: the rows for which a predicate is true.

use super::super::{Bind, Binder, Table};
use super::columns;
use crate::{plan::Op, syntax::ExprId};
use kql_data::{Field, Schema, Type};

pub(super) fn bind(b: &mut Binder<'_>, predicate: ExprId, input: Table) -> Bind<Table> {
    let predicate = columns::over(b, &input, |b| b.predicate(predicate))?;
    if !columns::is_window(b, predicate) {
        let schema = input.schema.clone();
        return Ok(b.table(Op::Filter { input: input.node, predicate }, schema, &input).with_label(&input));
    }
    // The predicate is computed over all rows first, as one more column.
    let n_columns = input.schema.len();
    let mut fields = input.schema.fields.clone();
    fields.push(Field::new("$predicate", Type::Bool));
    let mut exprs = columns::all(b, &input.schema);
    exprs.push(predicate);
    let wide = columns::project(b, exprs, Schema::new(fields), &input);
    let test = b.column(n_columns, Type::Bool);
    let schema = wide.schema.clone();
    let kept = b.table(Op::Filter { input: wide.node, predicate: test }, schema, &wide);
    let exprs = columns::all(b, &input.schema);
    Ok(columns::project(b, exprs, (*input.schema).clone(), &kept))
}
