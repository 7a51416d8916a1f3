//! `extend`: new columns behind the others; one of an existing name takes its place.

use super::super::{
    Bind, Binder, Table,
    naming::{Names, UNNAMED},
};
use super::columns;
use crate::syntax::Assignment;
use kql_data::Schema;

pub(super) fn bind(b: &mut Binder<'_>, assignments: &[Assignment], input: Table) -> Bind<Table> {
    if assignments.is_empty() {
        return Ok(input);
    }
    let bound = columns::over(b, &input, |b| columns::bind(b, assignments))?;
    let numbered = input.schema.fields.iter().filter(|it| it.name.starts_with(UNNAMED));
    let mut names = Names::new(Vec::new(), numbered.map(|it| it.name.to_string()));
    let mut fields = input.schema.fields.clone();
    let mut exprs = columns::all(b, &input.schema);
    for column in bound {
        let name = match column.spelled.as_ref().or(column.natural.as_ref()) {
            Some(name) if names.take(name) => name.clone(),
            Some(name) => return b.fail("SEM0034", column.span, format!("the column `{name}` is given twice")),
            None => {
                let name = names.unnamed();
                if assignments.iter().any(|it| it.names.iter().any(|it| it.text == name)) {
                    return b.fail("SEM0034", column.span, format!("the column `{name}` is given twice"));
                }
                name
            }
        };
        let field = kql_data::Field::new(name, b.ty(column.expr));
        match fields.iter().position(|it| it.name == field.name) {
            Some(index) => {
                if let (Some(at), Some(expr)) = (fields.get_mut(index), exprs.get_mut(index)) {
                    (*at, *expr) = (field, column.expr);
                }
            }
            None => {
                fields.push(field);
                exprs.push(column.expr);
            }
        }
    }
    Ok(columns::project(b, exprs, Schema::new(fields), &input))
}
