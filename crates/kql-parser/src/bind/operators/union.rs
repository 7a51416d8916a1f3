//! `union`: the rows of several tables, by column name.

use super::super::{Bind, Binder, Reported, Row, Table, scope::Binding};
use super::project_away::matches;
use crate::{
    diagnostic::Severity,
    plan::{ExprId as PlanExpr, Op},
    syntax::{ExprId, ExprKind, Stage, Step, Union},
};
use kql_data::{Field, Schema, Type, Value};

pub(super) fn bind(b: &mut Binder<'_>, it: &Union, input: Option<Table>, stage: &Stage) -> Bind<Table> {
    let kind = b.choice(&it.parameters, "kind", &["outer", "inner"])?;
    let source = b.declared_name(&it.parameters, "withsource")?;
    let is_fuzzy = match b.parameter(&it.parameters, "isfuzzy") {
        Some(it) => b.word(it)? == "true",
        None => false,
    };
    let mut legs: Vec<Table> = input.into_iter().collect();
    let mut failed = false;
    for id in &it.tables {
        match leg(b, *id, is_fuzzy) {
            Ok(found) => legs.extend(found),
            Err(Reported) => failed = true,
        }
    }
    if failed {
        return Err(Reported);
    }
    if legs.is_empty() {
        return b.fail("SEM0100", stage.span, "none of the tables of the union exists");
    }
    Ok(combine(b, &legs, kind == Some("inner"), source))
}

/// The tables of one leg: one, or as many as a wildcard matches; none when it may be missing.
fn leg(b: &mut Binder<'_>, id: ExprId, is_fuzzy: bool) -> Bind<Vec<Table>> {
    let query = b.query.clone();
    let span = query.span(id);
    let pattern = match query.kind(id) {
        ExprKind::Wildcard(name) => Some(name.text.clone()),
        ExprKind::Star => Some("*".to_owned()),
        ExprKind::Path { steps, .. } => match steps.last() {
            Some(Step::Wildcard(name)) => Some(name.text.clone()),
            _ => None,
        },
        _ => None,
    };
    if let Some(pattern) = pattern {
        let found = wildcard(b, &pattern);
        if found.is_empty() && !is_fuzzy {
            return b.fail("SEM0100", span, format!("no table matches `{pattern}`"));
        }
        return Ok(found);
    }
    if !is_fuzzy {
        return b.over(Row::none(), |b| b.tabular(id)).map(|it| vec![it]);
    }
    // A leg whose table is missing is left out, with all that it reported.
    let before = b.diagnostics.len();
    let (nodes, exprs) = (b.plan.nodes.len(), b.plan.exprs.len());
    match b.over(Row::none(), |b| b.tabular(id)) {
        Ok(table) => Ok(vec![table]),
        Err(Reported) => {
            let is_missing = b
                .diagnostics
                .iter()
                .skip(before)
                .filter(|it| it.severity == Severity::Error)
                .all(|it| matches!(it.code, "SEM0100" | "SEM0260" | "SEM0056" | "KQL0003"));
            if !is_missing {
                return Err(Reported);
            }
            b.diagnostics.truncate(before);
            b.plan.nodes.truncate(nodes);
            b.plan.exprs.truncate(exprs);
            let text = query.text_of(span);
            b.warn("KQL0004", span, format!("`{text}` does not exist and is left out of the fuzzy union"));
            Ok(Vec::new())
        }
    }
}

/// Every column that some leg has, the first of each name.
pub(super) fn all_columns(legs: &[Table]) -> std::sync::Arc<Schema> {
    let mut seen = kql_data::Set::default();
    let fields = legs.iter().flat_map(|it| it.schema.fields.iter()).filter(|it| seen.insert(it.name.clone())).cloned();
    std::sync::Arc::new(Schema::new(fields.collect()))
}

/// Tables and views that a pattern matches, in the order of their creation.
pub(super) fn wildcard(b: &mut Binder<'_>, pattern: &str) -> Vec<Table> {
    let mut found = Vec::new();
    for name in b.catalogue.tables() {
        if matches(pattern, &name) {
            found.extend(b.stored_table(&name));
        }
    }
    let env = b.env.clone();
    let mut views: Vec<_> = env
        .iter()
        .filter(|(name, _)| matches(pattern, name))
        .filter_map(|(name, binding)| match binding {
            Binding::Function(function) if function.is_view && function.parameters.is_empty() => {
                Some((name.to_owned(), function.clone()))
            }
            _ => None,
        })
        .collect();
    views.reverse();
    for (name, function) in views {
        if let Ok(mut table) = b.call_tabular_function(&function, &[], None, Default::default()) {
            table.label = Some(name);
            found.push(table);
        }
    }
    found
}

/// One table of all legs. Columns of one name and several types become one column a type: `x_long`, `x_string`.
pub(super) fn combine(b: &mut Binder<'_>, legs: &[Table], inner: bool, source: Option<String>) -> Table {
    let mut columns: Vec<Field> = Vec::new();
    for leg in legs {
        for field in &leg.schema.fields {
            let everywhere = || legs.iter().all(|it| it.schema.index_of(&field.name).is_some());
            if !columns.contains(field) && (!inner || everywhere()) {
                // Columns of one name stand together.
                let last = columns.iter().rposition(|it| it.name == field.name);
                columns.insert(last.map_or(columns.len(), |it| it + 1), field.clone());
            }
        }
    }
    let names = output_names(&columns);
    let mut fields: Vec<Field> =
        columns.iter().zip(&names).map(|(field, name)| Field::new(name.as_str(), field.ty)).collect();
    if let Some(source) = &source {
        let mut name = source.clone();
        let mut n = 0;
        while fields.iter().any(|it| *it.name == *name) {
            n += 1;
            name = format!("{source}{n}");
        }
        fields.insert(0, Field::new(name, Type::String));
    }
    let schema = std::sync::Arc::new(Schema::new(fields));
    let mut inputs = Vec::with_capacity(legs.len());
    for (n, leg) in legs.iter().enumerate() {
        let mut exprs: Vec<PlanExpr> = Vec::with_capacity(schema.len());
        if source.is_some() {
            let label = leg.label.clone().unwrap_or_else(|| format!("union_arg{n}"));
            exprs.push(b.constant(Value::String(label.into()), Type::String));
        }
        for field in &columns {
            let index = leg.schema.fields.iter().position(|it| it == field);
            exprs.push(match index {
                Some(index) => b.column(index, field.ty),
                None => b.constant(Value::null(field.ty), field.ty),
            });
        }
        inputs.push(b.plan.add(Op::Project { input: leg.node, columns: exprs }, schema.clone()));
    }
    let open = legs.iter().any(|it| it.open);
    let table = b.new_table(Op::Union { inputs }, schema);
    Table { open, ..table }
}

/// A name that stands for several types is told apart by them.
fn output_names(columns: &[Field]) -> Vec<String> {
    let mut names: Vec<String> = Vec::with_capacity(columns.len());
    for field in columns {
        let is_shared = columns.iter().filter(|it| it.name == field.name).count() > 1;
        let wanted = if is_shared { format!("{}_{}", field.name, field.ty) } else { field.name.to_string() };
        let mut name = wanted.clone();
        let mut n = 0;
        let is_taken = |name: &str, names: &[String]| {
            names.iter().any(|it| it == name)
                || (is_shared && columns.iter().any(|it| *it.name == *name && it.name != field.name))
        };
        while is_taken(&name, &names) {
            n += 1;
            name = format!("{wanted}{n}");
        }
        names.push(name);
    }
    names
}
