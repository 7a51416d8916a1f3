//! `macro-expand`: a query for each entity of a group, the answers united.

use super::super::{
    Bind, Binder, Reported, Table,
    entity::Entity,
    scope::{Binding, Closure},
};
use super::union;
use crate::{
    diagnostic::Severity,
    syntax::{ExprKind, MacroExpand, Stage},
};

pub(super) fn bind(b: &mut Binder<'_>, it: &MacroExpand, input: Option<Table>, stage: &Stage) -> Bind<Table> {
    if input.is_some() {
        return b.fail("SYN0002", stage.keyword, "`macro-expand` begins a pipeline; no table can stand in front of it");
    }
    let kind = b.choice(&it.parameters, "kind", &["outer", "inner"])?;
    let is_fuzzy = match b.parameter(&it.parameters, "isfuzzy") {
        Some(it) => b.word(it)?.eq_ignore_ascii_case("true"),
        None => b.options.is_fuzzy,
    };
    let Some(scope) = &it.scope else {
        return b.fail("SYN0002", stage.span, "the name of the entity is missing: `as X`");
    };
    if matches!(b.env.find(&scope.text), Some(Binding::Entity(_))) {
        return b.fail("SEM0611", scope.span, format!("`{}` stands for an entity already", scope.text));
    }
    let mut legs = Vec::new();
    for entity in entities(b, it)? {
        let closure = Closure { query: b.query.clone(), env: b.env.clone() };
        let names = vec![(scope.text.clone(), Binding::Entity(entity))];
        let before = b.diagnostics.len();
        match b.body_table(closure, names, it.body, stage.span) {
            Ok(table) => legs.push(table),
            Err(Reported) => {
                let errors = b.diagnostics.iter().skip(before).filter(|it| it.severity == Severity::Error);
                if !is_fuzzy || !errors.clone().all(|it| matches!(it.code, "SEM0100" | "SEM0260")) {
                    return Err(Reported);
                }
                b.diagnostics.truncate(before);
            }
        }
    }
    if legs.is_empty() {
        return b.fail("SEM0100", stage.span, "none of the entities has what the query names");
    }
    Ok(union::combine(b, &legs, kind == Some("inner"), None, stage.span))
}

/// The entities of the group, which must differ.
fn entities(b: &mut Binder<'_>, it: &MacroExpand) -> Bind<Vec<Entity>> {
    let query = b.query.clone();
    let span = query.span(it.group);
    let (closure, ids) = match query.kind(it.group) {
        ExprKind::EntityGroup(ids) => (Closure { query: query.clone(), env: b.env.clone() }, ids.clone()),
        ExprKind::Name(name) => match b.env.find(&name.text).cloned() {
            Some(Binding::Group(closure, ids)) => (closure, ids),
            Some(Binding::Faulty) => return Err(Reported),
            _ => return b.fail("SEM0100", span, format!("unknown entity group `{}`", name.text)),
        },
        _ => return b.fail("SYN0002", span, "an entity group is needed here: `entity_group [ … ]`"),
    };
    if ids.is_empty() {
        return b.fail("SYN0002", span, "the entity group is empty");
    }
    let found = b.within(closure, None, |b| Binder::all(ids.iter().map(|id| b.entity(*id)).collect()))?;
    for (n, entity) in found.iter().enumerate() {
        if found.iter().take(n).any(|it| it == entity) {
            let message = format!("the entity group names `{}{}` twice", entity.cluster, entity.database);
            return b.fail("SEM0614", span, message);
        }
    }
    if found.len() > 1 && found.iter().all(|it| b.prefix_of(it).is_none()) {
        b.warn("KQL0005", span, "every entity of the group is read from the same local tables");
    }
    Ok(found)
}
