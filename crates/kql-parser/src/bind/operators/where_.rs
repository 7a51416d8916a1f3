//! `where`: the rows for which a predicate is true.

use super::super::{Bind, Binder, Table};
use super::columns;
use crate::{plan::Op, syntax::ExprId};
use kql_data::{Field, Schema, Type};

pub(super) fn bind(b: &mut Binder<'_>, predicate: ExprId, input: Table) -> Bind<Table> {
    let n_inferred = b.inferred.len();
    let predicate = columns::over(b, &input, |b| b.predicate(predicate))?;
    let table = filtered(b, predicate, input);
    Ok(with_inferred(b, table, n_inferred))
}

/// A table whose columns are not all known has those that a predicate names.
fn with_inferred(b: &mut Binder<'_>, table: Table, n_before: usize) -> Table {
    let named = b.inferred.get(n_before..).unwrap_or_default();
    let mut names: Vec<String> = Vec::new();
    for (_, name) in named {
        if table.open && !names.contains(name) && table.schema.index_of(name).is_none() {
            names.push(name.clone());
        }
    }
    if names.is_empty() || b.catalogue.runs() {
        return table;
    }
    let mut fields = table.schema.fields.clone();
    let mut exprs = columns::all(b, &table.schema);
    for name in names {
        fields.push(Field::unknown(name));
        exprs.push(b.unknown_column());
    }
    columns::project(b, exprs, Schema::new(fields), &table).with_label(&table)
}

fn filtered(b: &mut Binder<'_>, predicate: crate::plan::ExprId, input: Table) -> Table {
    if !columns::is_window(b, predicate) {
        let schema = input.schema.clone();
        return b.table(Op::Filter { input: input.node, predicate }, schema, &input).with_label(&input);
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
    columns::project(b, exprs, (*input.schema).clone(), &kept)
}
