//! `find`: rows of several tables that fit a predicate, with the columns that matter.

use super::super::{Bind, Binder, Table};
use super::{columns, project_away, terms, union};
use crate::{
    plan::{ExprId as PlanExpr, Op},
    syntax::{ExprId, ExprKind, Find, FindOutput, Stage},
};
use kql_data::{Field, Schema, Type, Value};

pub(super) fn bind(b: &mut Binder<'_>, it: &Find, input: Option<Table>, stage: &Stage) -> Bind<Table> {
    let source = b.declared_name(&it.parameters, "withsource")?.unwrap_or_else(|| "source_".to_owned());
    let mut legs: Vec<Table> = input.into_iter().collect();
    legs.extend(union::named(b, &it.tables)?);
    if legs.is_empty() {
        legs = union::wildcard(b, "*");
    }
    let named = mentioned(b, it.predicate);
    let all = union::all_columns(&legs);
    let mut found = Vec::new();
    for leg in &legs {
        let predicate = columns::over(b, leg, |b| {
            b.row.elsewhere = Some(all.clone());
            terms::predicate(b, it.predicate, false)
        })?;
        let schema = leg.schema.clone();
        let table = b.table(Op::Filter { input: leg.node, predicate }, schema, leg).with_label(leg);
        found.push(table);
    }
    if found.is_empty() {
        return b.fail("SEM0100", stage.span, "no table has the columns that `find` names");
    }
    let legs = found;
    let mut shown = Vec::with_capacity(legs.len());
    for leg in &legs {
        shown.push(output(b, &it.output, leg, &legs, &named)?);
    }
    Ok(union::combine(b, &shown, false, Some(source), stage.span))
}

/// The names that a predicate mentions, in the order of its text.
fn mentioned(b: &Binder<'_>, id: ExprId) -> Vec<String> {
    let span = b.query.span(id);
    let mut names: Vec<(usize, String)> = Vec::new();
    for expr in &b.query.exprs {
        if let ExprKind::Name(name) = &expr.kind
            && expr.span.start >= span.start
            && expr.span.end <= span.end
        {
            names.push((expr.span.start as usize, name.text.clone()));
        }
    }
    names.sort();
    names.into_iter().map(|(_, name)| name).collect()
}

fn output(b: &mut Binder<'_>, output: &FindOutput, leg: &Table, legs: &[Table], named: &[String]) -> Bind<Table> {
    match output {
        FindOutput::Default | FindOutput::Smart => {
            // Columns that all tables share or that the predicate names; the rest goes into a bag.
            let is_shown = |field: &Field| {
                named.iter().any(|it| *it == *field.name) || legs.iter().all(|it| it.schema.fields.contains(field))
            };
            let mut wanted: Vec<Field> = leg.schema.fields.iter().filter(|it| is_shown(it)).cloned().collect();
            // What all tables share comes first, then what the predicate names.
            let is_common = |field: &Field| legs.iter().all(|it| it.schema.fields.contains(field));
            wanted.sort_by_key(|it| match is_common(it) {
                true => None,
                false => named.iter().position(|name| *name == *it.name),
            });
            let one = legs.len() == 1;
            project(b, &wanted, !one, leg)
        }
        FindOutput::Project { columns, pack } => {
            let mut wanted = Vec::with_capacity(columns.len());
            for column in columns {
                let known = legs
                    .iter()
                    .find_map(|it| it.schema.fields.iter().find(|it| *it.name == *column.name.text).map(|it| it.ty));
                let ty = match &column.ty {
                    Some(ty) => b.type_literal(&ty.text, ty.span)?,
                    None => known.unwrap_or(Type::String),
                };
                wanted.push(Field::new(column.name.text.as_str(), ty));
            }
            project(b, &wanted, *pack, leg)
        }
        FindOutput::Away(list) => {
            let mut away = Vec::new();
            for id in list {
                let before = b.diagnostics.len();
                match project_away::matching(b, *id, leg) {
                    Ok(found) => away.extend(found),
                    Err(_) => b.diagnostics.truncate(before),
                }
            }
            let fields = leg.schema.fields.iter().enumerate();
            let wanted: Vec<Field> = fields.filter(|(n, _)| !away.contains(n)).map(|(_, it)| it.clone()).collect();
            project(b, &wanted, false, leg)
        }
    }
}

/// Those columns, converted where needed, and a bag of all others in `pack_`.
fn project(b: &mut Binder<'_>, wanted: &[Field], pack: bool, leg: &Table) -> Bind<Table> {
    let mut exprs: Vec<PlanExpr> = Vec::new();
    for field in wanted {
        let index = leg.schema.index_of(&field.name);
        exprs.push(match index.and_then(|it| leg.schema.fields.get(it).map(|known| (it, known.ty))) {
            Some((index, ty)) => {
                let column = b.column(index, ty);
                b.cast(column, field.ty, Default::default())?
            }
            None => b.constant(Value::null(field.ty), field.ty),
        });
    }
    let mut fields = wanted.to_vec();
    if pack {
        let ignore = b.constant(Value::Bool(true), Type::Bool);
        let mut args = vec![ignore];
        for (index, field) in leg.schema.fields.iter().enumerate() {
            if !wanted.iter().any(|it| it.name == field.name) {
                args.push(b.constant(Value::String(field.name.clone()), Type::String));
                args.push(b.column(index, field.ty));
            }
        }
        exprs.push(b.make_call("pack_all", &args, Default::default())?);
        fields.push(Field::new("pack_", Type::Dynamic));
    }
    let table = columns::project(b, exprs, Schema::new(fields), leg);
    Ok(table.with_label(leg))
}
