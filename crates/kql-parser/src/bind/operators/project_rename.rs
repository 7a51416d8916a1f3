//! `project-rename`: other names for columns.

use super::super::{Bind, Binder, Table};
use super::columns;
use crate::syntax::ProjectRename;
use kql_data::Schema;

pub(super) fn bind(b: &mut Binder<'_>, it: &ProjectRename, input: Table) -> Bind<Table> {
    let mut fields = input.schema.fields.clone();
    for renaming in &it.columns {
        let row = b.row_of(&input);
        let (index, _) = b.over(row, |b| b.column_of(renaming.value))?;
        let (Some(name), Some(field)) = (renaming.names.first(), fields.get_mut(index)) else {
            return b.fail("SYN0002", renaming.span, "a new name is needed: `new = old`");
        };
        field.name = name.text.as_str().into();
    }
    for (index, field) in fields.iter().enumerate() {
        if fields.iter().take(index).any(|it| it.name == field.name) {
            let span = it.columns.first().map(|it| it.span).unwrap_or_default();
            return b.fail("SEM0034", span, format!("the column `{}` is given twice", field.name));
        }
    }
    let exprs = columns::all(b, &input.schema);
    Ok(columns::project(b, exprs, Schema::new(fields), &input))
}
