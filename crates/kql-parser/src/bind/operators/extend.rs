//! `extend`: new columns behind the others; one of an existing name takes its place.

use super::super::{
    Bind, Binder, Table, Traits,
    naming::{Names, UNNAMED},
};
use super::columns::{self, NewColumn};
use crate::{
    plan::{ExprId, Plan, Replaced},
    syntax::Assignment,
};
use kql_data::{Field, Schema};

pub(super) fn bind(b: &mut Binder<'_>, assignments: &[Assignment], input: Table) -> Bind<Table> {
    if assignments.is_empty() {
        return Ok(input);
    }
    let added = added(b, assignments, &input)?;
    project(b, added, input)
}

/// `extend` over the columns of another `extend` that only this one reads: the two become one projection, so that a thousand
/// of them are not a thousand tables of up to a thousand columns.
pub(in super::super) fn more(b: &mut Binder<'_>, assignments: &[Assignment], input: Table) -> Bind<Table> {
    if assignments.is_empty() {
        return Ok(input);
    }
    let added = added(b, assignments, &input)?;
    let Some(exprs) = below(b, &added, &input) else { return project(b, added, input) };
    let Table { node, schema, .. } = input;
    // The schema is the node's alone now, and need not be copied.
    drop(schema);
    let add = |columns: &mut Vec<ExprId>, schema: &mut Schema| {
        for ((field, _), expr) in added.into_iter().zip(exprs) {
            put(columns, schema, field, expr);
        }
    };
    b.forget_chance_of(node);
    let schema = b.plan.widen(node, add).unwrap_or_default();
    Ok(Table { node, schema, visualization: None, label_is_table: false, graph: None, ..input })
}

/// The new columns, over the columns of the input.
fn added(b: &mut Binder<'_>, assignments: &[Assignment], input: &Table) -> Bind<Vec<(Field, ExprId)>> {
    let bound = columns::over(b, input, |b| columns::bind(b, assignments))?;
    let is_unnamed = |it: &NewColumn| it.spelled.is_none() && it.natural.is_none();
    let numbered = if bound.iter().any(is_unnamed) { input.schema.fields.as_slice() } else { &[] };
    let numbered = numbered.iter().filter(|it| it.name.starts_with(UNNAMED));
    let mut names = Names::new(Vec::new(), numbered.map(|it| it.name.to_string()));
    let mut added = Vec::with_capacity(bound.len());
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
        added.push((Field::new(name, b.ty(column.expr)), column.expr));
    }
    Ok(added)
}

fn project(b: &mut Binder<'_>, added: Vec<(Field, ExprId)>, input: Table) -> Bind<Table> {
    let mut exprs = columns::all(b, &input.schema);
    let mut schema = Schema::clone(&input.schema);
    for (field, expr) in added {
        put(&mut exprs, &mut schema, field, expr);
    }
    Ok(columns::project(b, exprs, schema, &input))
}

/// Puts a column behind the others, or in the place of the one of its name.
fn put(exprs: &mut Vec<ExprId>, schema: &mut Schema, field: Field, expr: ExprId) {
    match schema.index_of(&field.name) {
        Some(index) => {
            if let (Some(at), Some(old)) = (schema.fields.get_mut(index), exprs.get_mut(index)) {
                (*at, *old) = (field, expr);
            }
        }
        None => {
            schema.fields.push(field);
            exprs.push(expr);
        }
    }
}

/// The new columns over what the projection of the input reads itself; `None` where they must stand above it.
fn below(b: &mut Binder<'_>, added: &[(Field, ExprId)], input: &Table) -> Option<Vec<ExprId>> {
    if added.iter().any(|it| columns::is_window(b, it.1)) {
        return None;
    }
    // They are put back below: a copy of all columns at each stage is what is to be saved.
    let inner = std::mem::take(b.plan.projected(input.node)?);
    let mark = b.plan.mark();
    let Binder { plan, traits, .. } = b;
    let mut depth = |plan: &Plan, id: ExprId| Traits::of(traits.get_mut(), plan, id).depth;
    let mut replaced = Replaced::new(&inner);
    let exprs: Option<Vec<ExprId>> = added.iter().map(|it| replaced.of(plan, &mut depth, it.1)).collect();
    if exprs.is_none() {
        b.go_back(mark);
    }
    *b.plan.projected(input.node)? = inner;
    exprs
}
