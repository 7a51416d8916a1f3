//! `union`: the rows of several tables, by column name.

use super::super::{Bind, Binder, Reported, Row, Table, scope::Binding};
use super::project_away::matches;
use crate::{
    diagnostic::{Severity, Span},
    plan::{ExprId as PlanExpr, Op},
    syntax::{ExprId, ExprKind, Name, Stage, Step, Union},
};
use indexmap::IndexMap;
use kql_data::{Field, Schema, Type, Value};
use std::sync::Arc;

pub(super) fn bind(b: &mut Binder<'_>, it: &Union, input: Option<Table>, stage: &Stage) -> Bind<Table> {
    let kind = b.choice(&it.parameters, "kind", &["outer", "inner"])?;
    let source = b.declared_name(&it.parameters, "withsource")?;
    let is_fuzzy = match b.parameter(&it.parameters, "isfuzzy") {
        Some(it) => b.word(it)? == "true",
        None => b.options.is_fuzzy,
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
    if let Some(most) = b.options.legs_max
        && legs.len() > most
    {
        let message = format!("the union has {} tables, and `query_max_entities_in_union` allows {most}", legs.len());
        return b.fail("SEM0019", stage.span, message);
    }
    Ok(combine(b, &legs, kind == Some("inner"), source, stage.span))
}

/// The tables of one leg: one, or as many as a wildcard matches; none when it may be missing.
fn leg(b: &mut Binder<'_>, id: ExprId, is_fuzzy: bool) -> Bind<Vec<Table>> {
    let query = b.query.clone();
    let span = query.span(id);
    let pattern = match query.kind(id) {
        ExprKind::Wildcard(name) => Some(name.text.clone()),
        ExprKind::Star => Some("*".to_owned()),
        ExprKind::Path { base, steps } => match steps.last() {
            Some(Step::Wildcard(name)) => {
                let entity = b.entity_of_path(*base, steps)?;
                Some(b.prefix_of(&entity).unwrap_or_default() + &name.text)
            }
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
    let (mark, notes) = (b.plan.mark(), b.mark_notes());
    match b.over(Row::none(), |b| b.tabular(id)) {
        Ok(table) => {
            b.note_fuzzy(notes);
            Ok(vec![table])
        }
        Err(Reported) => {
            let is_missing = b
                .diagnostics
                .iter()
                .skip(before)
                .filter(|it| it.severity == Severity::Error)
                .all(|it| matches!(it.code, "SEM0100" | "SEM0260" | "KQL0003"));
            if !is_missing {
                return Err(Reported);
            }
            b.diagnostics.truncate(before);
            b.go_back(mark);
            b.forget_notes(notes);
            let text = query.text_of(span);
            b.warn("KQL0004", span, format!("`{text}` does not exist and is left out of the fuzzy union"));
            Ok(b.as_if_there(id).into_iter().collect())
        }
    }
}

impl Binder<'_> {
    /// In a check, a leg whose tables are missing with the columns that it would have: where the rule runs they may be there,
    /// and what stands behind the union may read their columns.
    fn as_if_there(&mut self, id: ExprId) -> Option<Table> {
        if self.catalogue.runs() {
            return None;
        }
        let before = self.diagnostics.len();
        let (mark, notes) = (self.plan.mark(), self.mark_notes());
        let was = std::mem::replace(&mut self.supposes_tables, true);
        let bound = self.over(Row::none(), |b| b.tabular(id));
        self.supposes_tables = was;
        self.diagnostics.truncate(before);
        match bound {
            Ok(table) => {
                self.note_fuzzy(notes);
                Some(table)
            }
            Err(Reported) => {
                self.go_back(mark);
                self.forget_notes(notes);
                None
            }
        }
    }
}

/// Every column that some leg has, the first of each name.
pub(super) fn all_columns(legs: &[Table]) -> std::sync::Arc<Schema> {
    let mut seen = kql_data::Set::default();
    let fields = legs.iter().flat_map(|it| it.schema.fields.iter()).filter(|it| seen.insert(it.name.clone())).cloned();
    std::sync::Arc::new(Schema::new(fields.collect()))
}

/// The tables that `in (A, B*, …)` names.
pub(super) fn named(b: &mut Binder<'_>, tables: &[ExprId]) -> Bind<Vec<Table>> {
    let query = b.query.clone();
    let mut found = Vec::new();
    for id in tables {
        match query.kind(*id) {
            ExprKind::Wildcard(name) => found.extend(wildcard(b, &name.text)),
            ExprKind::Star => found.extend(wildcard(b, "*")),
            _ => found.push(b.over(Row::none(), |b| b.tabular(*id))?),
        }
    }
    Ok(found)
}

/// Tables and views that a pattern matches, in the order of their creation.
pub(super) fn wildcard(b: &mut Binder<'_>, pattern: &str) -> Vec<Table> {
    let mut found = Vec::new();
    if pattern == "*" {
        // Where tables are only named, all of them are too many to bind.
        let name = Name { text: pattern.to_owned(), span: Default::default(), quoted: false };
        if let Some(all) = b.opaque(&name, None) {
            return vec![all];
        }
    }
    for name in b.catalogue.tables() {
        if matches(pattern, &name) {
            found.extend(b.stored_table(&name));
        }
    }
    let env = b.env.clone();
    let mut views: Vec<_> = env
        .iter()
        .filter(|(name, _)| matches(pattern, name) && !b.is_definition_hidden(name))
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
pub(super) fn combine(b: &mut Binder<'_>, legs: &[Table], inner: bool, source: Option<String>, span: Span) -> Table {
    // Columns of one name stand together, in the order in which the names are met.
    let mut by_name: IndexMap<Arc<str>, (Vec<Type>, usize)> = IndexMap::new();
    for leg in legs {
        for field in &leg.schema.fields {
            let (types, n_legs) = by_name.entry(field.name.clone()).or_default();
            if !types.contains(&field.ty) {
                types.push(field.ty);
            }
            *n_legs += 1;
        }
    }
    if !b.catalogue.runs() {
        as_the_editor_shows(b, legs, &mut by_name, span);
    }
    let is_kept = |(_, (_, n_legs)): &(&Arc<str>, &(Vec<Type>, usize))| !inner || *n_legs == legs.len();
    let columns: Vec<Field> = by_name
        .iter()
        .filter(is_kept)
        .flat_map(|(name, (types, _))| types.iter().map(|ty| Field::new(name.clone(), *ty)))
        .collect();
    let unknown: kql_data::Set<&str> =
        legs.iter().flat_map(|it| it.schema.fields.iter()).filter(|it| it.unknown).map(|it| &*it.name).collect();
    let names = output_names(&columns);
    let mut fields: Vec<Field> = columns
        .iter()
        .zip(&names)
        .map(|(field, name)| match unknown.contains(&*field.name) && field.ty == Type::Dynamic {
            true => Field::unknown(name.as_str()),
            false => Field::new(name.as_str(), field.ty),
        })
        .collect();
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
    // One null a type serves all legs: a union of all tables has millions of missing cells.
    let mut nulls: kql_data::Map<Type, PlanExpr> = kql_data::Map::default();
    let mut inputs = Vec::with_capacity(legs.len());
    for (n, leg) in legs.iter().enumerate() {
        let mut exprs: Vec<PlanExpr> = Vec::with_capacity(schema.len());
        if source.is_some() {
            let label = leg.label.clone().unwrap_or_else(|| format!("union_arg{n}"));
            exprs.push(b.constant(Value::String(label.into()), Type::String));
        }
        let own: kql_data::Map<(&str, Type), usize> =
            leg.schema.fields.iter().enumerate().map(|(n, it)| ((&*it.name, it.ty), n)).collect();
        for field in &columns {
            exprs.push(match own.get(&(&*field.name, field.ty)) {
                Some(index) => b.field(*index, field),
                None => *nulls.entry(field.ty).or_insert_with(|| b.constant(Value::null(field.ty), field.ty)),
            });
        }
        inputs.push(b.plan.add(Op::Project { input: leg.node, columns: exprs }, schema.clone()));
    }
    // A column of an unknown type does not split in two; which of its names exists is not known.
    let unsure =
        b.has_assumed() && by_name.values().any(|(types, _)| types.len() > 1 && types.contains(&Type::Dynamic));
    let open = legs.iter().any(|it| it.open) || unsure;
    let table = b.new_table(Op::Union { inputs }, schema);
    Table { open, ..table }
}

/// Where the first two tables with a column agree on its type, the reference's language library goes on with that type alone,
/// and so with the plain name. A check says what that library says, and warns of what answers will have.
fn as_the_editor_shows(
    b: &mut Binder<'_>,
    legs: &[Table],
    by_name: &mut IndexMap<Arc<str>, (Vec<Type>, usize)>,
    span: Span,
) {
    for (name, (types, _)) in by_name.iter_mut().filter(|(_, (types, _))| types.len() > 1) {
        let mut met = legs.iter().filter_map(|it| it.schema.fields.iter().find(|it| it.name == *name)).map(|it| it.ty);
        let (first, second) = (met.next(), met.next());
        if first.is_some() && first == second {
            let names: Vec<String> = types.iter().map(|ty| format!("`{name}_{ty}`")).collect();
            let message = format!("`{name}` has several types here: answers have {}", names.join(", "));
            types.truncate(1);
            b.warn("KQL0006", span, message);
        }
    }
}

/// A name that stands for several types is told apart by them.
fn output_names(columns: &[Field]) -> Vec<String> {
    let mut n_types: IndexMap<&str, usize> = IndexMap::new();
    columns.iter().for_each(|it| *n_types.entry(&it.name).or_default() += 1);
    let mut taken: kql_data::Set<String> = kql_data::Set::default();
    let mut names = Vec::with_capacity(columns.len());
    for field in columns {
        let is_shared = n_types.get(&*field.name).is_some_and(|it| *it > 1);
        let wanted = if is_shared { format!("{}_{}", field.name, field.ty) } else { field.name.to_string() };
        let mut name = wanted.clone();
        let mut n = 0;
        while taken.contains(&name) || (is_shared && n_types.contains_key(name.as_str())) {
            n += 1;
            name = format!("{wanted}{n}");
        }
        _ = taken.insert(name.clone());
        names.push(name);
    }
    names
}
