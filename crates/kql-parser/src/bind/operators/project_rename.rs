//! `project-rename`: other names for columns.

use super::super::{Bind, Binder, Table};
use super::columns;
use crate::{plan::Expr, syntax::ProjectRename};
use kql_data::{Field, Schema, Set};

pub(super) fn bind(b: &mut Binder<'_>, it: &ProjectRename, input: Table) -> Bind<Table> {
    let mut fields = input.schema.fields.clone();
    let mut assumed = Vec::new();
    let mut renamed = Set::default();
    for renaming in &it.columns {
        let row = b.row_of(&input);
        let old = b.over(row, |b| b.column_or_assumed(renaming.value))?;
        let Expr::Column { index, .. } = *b.plan.expr(old) else {
            assumed.extend(renaming.names.first().map(|it| (it.text.clone(), old)));
            continue;
        };
        let (Some(name), Some(field)) = (renaming.names.first(), fields.get_mut(index)) else {
            return b.fail("SYN0002", renaming.span, "a new name is needed: `new = old`");
        };
        if !renamed.insert(index) {
            let message =
                format!("the column `{}` is renamed twice", input.schema.fields.get(index).map_or("", |it| &*it.name));
            return b.fail("SEM0034", renaming.span, message);
        }
        field.name = name.text.as_str().into();
    }
    let mut names = Set::default();
    for field in &fields {
        if !names.insert(&*field.name) {
            let span = it.columns.first().map(|it| it.span).unwrap_or_default();
            return b.fail("SEM0034", span, format!("the column `{}` is given twice", field.name));
        }
    }
    let mut exprs = columns::all(b, &input.schema);
    for (name, expr) in assumed {
        fields.push(Field::new(name, b.ty(expr)));
        exprs.push(expr);
    }
    Ok(columns::project(b, exprs, Schema::new(fields), &input))
}
