//! `project-away`, `project-keep`, `project-by-names`: columns by name and wildcard.

use super::super::{Bind, Binder, Table};
use super::columns;
use crate::{
    diagnostic::Span,
    plan::ExprId as PlanExpr,
    syntax::{ExprId, ExprKind},
};
use indexmap::IndexSet;
use kql_data::{Dynamic, Field, Schema, Value};

pub(super) fn bind(b: &mut Binder<'_>, list: &[ExprId], keep: bool, input: Table) -> Bind<Table> {
    let mut listed = vec![false; input.schema.len()];
    for id in list {
        for index in matching(b, *id, &input)? {
            if let Some(it) = listed.get_mut(index) {
                *it = true;
            }
        }
    }
    let chosen: Vec<usize> = (0..input.schema.len()).filter(|it| listed.get(*it) == Some(&keep)).collect();
    if !keep || !input.open {
        return Ok(choose(b, &chosen, &input));
    }
    let mut fields: Vec<Field> = chosen.iter().filter_map(|it| input.schema.fields.get(*it).cloned()).collect();
    let mut exprs: Vec<PlanExpr> = chosen.iter().zip(&fields).map(|(index, it)| b.column(*index, it.ty)).collect();
    let query = b.query.clone();
    for id in list {
        // Kept columns that only data would tell of.
        if let ExprKind::Name(name) = query.kind(*id)
            && input.schema.index_of(&name.text).is_none()
        {
            let expr = b.assumed(&name.text, name.span);
            fields.push(Field::new(name.text.as_str(), b.ty(expr)));
            exprs.push(expr);
        }
    }
    let table = columns::project(b, exprs, Schema::new(fields), &input);
    let open = list.iter().any(|it| matches!(query.kind(*it), ExprKind::Wildcard(_) | ExprKind::Star));
    Ok(Table { open, ..table })
}

/// `project-by-names`: constant strings and arrays of them; names that do not exist are left out.
pub(super) fn by_names(b: &mut Binder<'_>, list: &[ExprId], input: Table) -> Bind<Table> {
    let mut chosen: IndexSet<usize> = IndexSet::new();
    for id in list {
        let expr = b.constant_scalar(*id)?;
        let names: Vec<String> = match b.value_of(expr) {
            Some(Value::String(it)) => vec![it.to_string()],
            Some(Value::Dynamic(Dynamic::Array(items))) => items.iter().map(Dynamic::text).collect(),
            _ => return b.fail("SEM0207", b.query.span(*id), "constant names are needed here"),
        };
        for name in names {
            let fields = input.schema.fields.iter().enumerate();
            chosen.extend(fields.filter(|(_, it)| matches(&name, &it.name)).map(|(index, _)| index));
        }
    }
    let chosen: Vec<usize> = chosen.into_iter().collect();
    Ok(choose(b, &chosen, &input))
}

/// A projection of columns by index.
pub(super) fn choose(b: &mut Binder<'_>, chosen: &[usize], input: &Table) -> Table {
    let fields: Vec<Field> = chosen.iter().filter_map(|it| input.schema.fields.get(*it).cloned()).collect();
    let exprs: Vec<PlanExpr> = chosen
        .iter()
        .filter_map(|it| input.schema.fields.get(*it).map(|field| (*it, field.ty)))
        .map(|(index, ty)| b.column(index, ty))
        .collect();
    columns::project(b, exprs, Schema::new(fields), input)
}

/// The columns that a name or wildcard means. An unknown name is an error, a wildcard may match nothing.
pub(super) fn matching(b: &mut Binder<'_>, id: ExprId, input: &Table) -> Bind<Vec<usize>> {
    let query = b.query.clone();
    let all = || input.schema.fields.iter().enumerate();
    match query.kind(id) {
        ExprKind::Star => Ok(all().map(|(index, _)| index).collect()),
        ExprKind::Wildcard(name) => {
            Ok(all().filter(|(_, it)| matches(&name.text, &it.name)).map(|(index, _)| index).collect())
        }
        ExprKind::Name(name) => match input.schema.index_of(&name.text) {
            Some(index) => Ok(vec![index]),
            None if input.open => Ok(Vec::new()),
            None => {
                let row = b.row_of(input);
                b.over(row, |b| b.unknown_name(&name.text, name.span))
            }
        },
        _ => b.fail("SEM0100", span(b, id), "the name of a column is needed here"),
    }
}

fn span(b: &Binder<'_>, id: ExprId) -> Span {
    b.query.span(id)
}

/// Whether a name fits a pattern in which `*` stands for anything.
pub(in super::super) fn matches(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(first) = parts.next() else { return false };
    let Some(mut rest) = name.strip_prefix(first) else { return false };
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else { return rest.is_empty() };
    for part in middle {
        match rest.find(part) {
            Some(at) => rest = rest.get(at + part.len()..).unwrap_or(""),
            None => return false,
        }
    }
    rest.ends_with(last)
}
