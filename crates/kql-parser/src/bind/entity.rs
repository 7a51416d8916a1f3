//! Databases as entities, entity groups, patterns (`declare pattern`), and what `restrict access` leaves visible.

use super::{
    Bind, Binder, Reported, Row, Table,
    operators::matches,
    scope::{Binding, Closure, Environment},
};
use crate::{
    diagnostic::Span,
    plan::ExprId,
    syntax::{self, Argument, BodyId, ExprKind, Step},
};
use kql_data::{Type, Value};
use std::sync::Arc;

/// A database, or a cluster without one: the tables that the host put under its name, `Db.T` or `Cluster.Db.T`; the tables
/// without such a name where it has none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Entity {
    pub(super) cluster: String,
    pub(super) database: String,
}

/// What `restrict access to (…)` names.
#[derive(Clone, Debug, Default)]
pub(super) struct Restriction {
    /// Names of `let`s and patterns, perhaps with `*`.
    definitions: Vec<String>,
    /// Names of tables and stored functions, perhaps with `*`.
    tables: Vec<String>,
}

/// The name under which a restriction stands in the environment; no query can spell it.
const RESTRICTION: &str = "restrict access";

impl Binder<'_> {
    // ---- entities

    /// A database: `database("d")`, `cluster("c").database("d")`, or a name for one.
    pub(super) fn entity(&mut self, id: syntax::ExprId) -> Bind<Entity> {
        let query = self.query.clone();
        let span = query.span(id);
        match query.kind(id) {
            ExprKind::Parenthesized(inner) => self.entity(*inner),
            ExprKind::Name(name) => match self.env.find(&name.text) {
                Some(Binding::Entity(it)) => Ok(it.clone()),
                Some(Binding::Group(..)) => self.fail("SEM0611", span, "an entity group cannot hold another"),
                _ => self.fail("SEM0100", span, format!("unknown entity `{}`", name.text)),
            },
            ExprKind::EntityGroup(_) => self.fail("SEM0611", span, "an entity group cannot hold another"),
            ExprKind::Call(call) => match call.function.text.as_str() {
                "database" => Ok(Entity { cluster: String::new(), database: self.entity_name(&call.arguments, span)? }),
                "cluster" | "workspace" | "app" | "resource" => {
                    Ok(Entity { cluster: self.entity_name(&call.arguments, span)?, database: String::new() })
                }
                _ => self.fail("SEM0100", span, "a database is needed here"),
            },
            ExprKind::Path { base, steps } => {
                let mut entity = self.entity(*base)?;
                for step in steps {
                    match step {
                        Step::Call(call) if call.function.text == "database" => {
                            entity.database = self.entity_name(&call.arguments, span)?;
                        }
                        _ => return self.fail("SEM0100", span, "a database is needed here"),
                    }
                }
                Ok(entity)
            }
            _ => self.fail("SEM0100", span, "a database is needed here"),
        }
    }

    fn entity_name(&mut self, arguments: &[Argument], span: Span) -> Bind<String> {
        let [one] = arguments else {
            return if arguments.is_empty() {
                Ok(String::new())
            } else {
                self.fail("SEM0219", span, "one name is needed")
            };
        };
        let expr = self.constant_scalar(one.value)?;
        match self.value_of(expr) {
            Some(Value::String(it)) => Ok(it.to_string()),
            _ => self.fail("SEM0207", span, "a constant string is needed here"),
        }
    }

    /// The entity that a path begins with, its last step left out.
    pub(super) fn entity_of_path(&mut self, base: syntax::ExprId, steps: &[Step]) -> Bind<Entity> {
        let mut entity = self.entity(base)?;
        for step in steps.split_last().map_or(&[][..], |it| it.1) {
            if let Step::Call(call) = step
                && call.function.text == "database"
            {
                entity.database = self.entity_name(&call.arguments, call.function.span)?;
            }
        }
        Ok(entity)
    }

    /// What the names of an entity's tables begin with, where the host has any.
    pub(super) fn prefix_of(&self, entity: &Entity) -> Option<String> {
        let Entity { cluster, database } = entity;
        let names = [format!("{cluster}.{database}."), format!("{database}."), format!("{cluster}.")];
        let is_whole = |it: &&String| !it.starts_with('.') && !it.ends_with("..");
        let tables = self.catalogue.tables();
        names.iter().filter(is_whole).find(|it| tables.iter().any(|name| name.starts_with(it.as_str()))).cloned()
    }

    /// `X.$current_database` of an entity.
    pub(super) fn entity_property(&mut self, base: syntax::ExprId, steps: &[Step]) -> Option<ExprId> {
        let ExprKind::Name(name) = self.query.kind(base) else { return None };
        let (Some(Binding::Entity(entity)), [Step::Member(property)]) = (self.env.find(&name.text), steps) else {
            return None;
        };
        let text = match property.text.as_str() {
            "$current_database" => entity.database.clone(),
            "$current_cluster_endpoint" => entity.cluster.clone(),
            _ => return None,
        };
        Some(self.constant(Value::String(text.into()), Type::String))
    }

    // ---- bodies

    /// The table of a body in braces, with more names bound.
    pub(super) fn body_table(
        &mut self,
        closure: Closure,
        names: Vec<(String, Binding)>,
        body: BodyId,
        span: Span,
    ) -> Bind<Table> {
        let mut closure = closure;
        for (name, binding) in names {
            closure.env.bind(name, binding);
        }
        // The names that it defines are its own.
        self.calls.push(String::new());
        let is_closed = std::mem::replace(&mut self.is_closed, false);
        let res = self.over(Row::none(), |binder| {
            binder.within(closure, None, |binder| {
                binder.nested(span, |binder| {
                    let query = binder.query.clone();
                    let body = query.body(body);
                    binder.local_statements(&body.statements, &[])?;
                    match body.result {
                        Some(id) => binder.tabular(id),
                        None => binder.fail("SEM0098", span, "the body gives no table"),
                    }
                })
            })
        });
        _ = self.calls.pop();
        self.is_closed = is_closed;
        res
    }

    // ---- patterns

    pub(super) fn declare_pattern(&mut self, it: &syntax::Pattern) -> Bind<()> {
        let name = &it.name.text;
        if kql_functions::function(name).is_some() {
            return self.fail("SEM0515", it.name.span, format!("`{name}` is the name of a built-in function"));
        }
        let closure = Closure { query: self.query.clone(), env: self.env.clone() };
        self.env.bind(name.clone(), Binding::Pattern(closure, it.definition.clone().map(Arc::new)));
        Ok(())
    }

    /// The table that a pattern gives for arguments, and a path where it has one.
    pub(super) fn pattern_table(
        &mut self,
        name: &str,
        arguments: &[Argument],
        path: Option<&Step>,
        span: Span,
    ) -> Bind<Table> {
        let Some(Binding::Pattern(closure, definition)) = self.env.find(name).cloned() else { return Err(Reported) };
        let mut given = Vec::with_capacity(arguments.len());
        for it in arguments {
            given.push(self.pattern_value(it.value)?);
        }
        let path = match path {
            Some(Step::Member(it)) => Some(it.text.clone()),
            Some(Step::Index(id)) => Some(self.pattern_value(*id)?),
            Some(_) => return self.fail("SEM0036", span, format!("`{name}` has no such path")),
            None => None,
        };
        for case in definition.iter().flat_map(|it| &it.cases) {
            let found = self.within(closure.clone(), None, |binder| {
                let values: Bind<Vec<String>> = case.values.iter().map(|it| binder.pattern_value(*it)).collect();
                let of_path = case.path.map(|it| binder.pattern_value(it)).transpose();
                Ok((values?, of_path?))
            })?;
            if found.0 == given && found.1 == path {
                let parameters = definition.iter().flat_map(|it| it.arguments.iter().chain(&it.path));
                let mut names = Vec::new();
                for (parameter, value) in parameters.zip(given.iter().chain(&path)) {
                    let value = self.constant(Value::String(value.as_str().into()), Type::String);
                    names.push((parameter.name.text.clone(), Binding::Scalar(value)));
                }
                return self.body_table(closure, names, case.body, span);
            }
        }
        let call = self.query.text_of(span).to_owned();
        self.fail("SEM0036", span, format!("the pattern `{name}` has no case for `{call}`"))
    }

    fn pattern_value(&mut self, id: syntax::ExprId) -> Bind<String> {
        let expr = self.constant_scalar(id)?;
        match self.value_of(expr) {
            Some(Value::String(it)) => Ok(it.to_string()),
            _ => self.fail("SEM0207", self.query.span(id), "a pattern takes constant strings"),
        }
    }

    // ---- restricted access

    /// From here on only these are visible, and what is defined later.
    pub(super) fn restrict(&mut self, entities: &[syntax::ExprId]) -> Bind<()> {
        let query = self.query.clone();
        let mut restriction = Restriction::default();
        for id in entities {
            match query.kind(*id) {
                ExprKind::Star => restriction.definitions.push("*".to_owned()),
                ExprKind::Wildcard(name) => restriction.definitions.push(name.text.clone()),
                ExprKind::Name(name) if self.env.find(&name.text).is_some() => {
                    restriction.definitions.push(name.text.clone());
                }
                ExprKind::Name(name) => restriction.tables.push(name.text.clone()),
                ExprKind::Path { steps, .. } => match steps.last() {
                    Some(Step::Member(name) | Step::Wildcard(name)) => restriction.tables.push(name.text.clone()),
                    Some(Step::Call(call)) => restriction.tables.push(call.function.text.clone()),
                    Some(Step::Index(_)) | None => {
                        return self.fail("SEM0100", query.span(*id), "a table or a view is needed here");
                    }
                },
                _ => return self.fail("SEM0100", query.span(*id), "a table or a view is needed here"),
            }
        }
        // What an earlier restriction hides stays hidden.
        let before = restriction_of(&self.env);
        if let Some(before) = before {
            restriction.tables.retain(|it| before.tables.iter().any(|known| matches(known, it)));
            restriction.definitions.retain(|it| it == "*" || before.definitions.iter().any(|known| matches(known, it)));
        }
        self.env.bind(RESTRICTION, Binding::Restriction(Some(Arc::new(restriction))));
        Ok(())
    }

    /// Whether a restriction hides a table or stored function.
    pub(super) fn is_table_hidden(&self, name: &str) -> bool {
        restriction_of(&self.env).is_some_and(|it| !it.tables.iter().any(|known| matches(known, name)))
    }

    /// Whether a restriction hides what a name of the environment stands for.
    pub(super) fn is_definition_hidden(&self, name: &str) -> bool {
        for (known, binding) in self.env.iter() {
            match binding {
                // It was defined later.
                _ if known == name => return false,
                Binding::Restriction(Some(it)) => return !it.definitions.iter().any(|known| matches(known, name)),
                Binding::Restriction(None) => return false,
                _ => {}
            }
        }
        false
    }

    /// The environment in which a visible stored function sees all that there is.
    pub(super) fn unrestricted(&self) -> Environment {
        let mut env = self.env.clone();
        if restriction_of(&env).is_some() {
            env.bind(RESTRICTION, Binding::Restriction(None));
        }
        env
    }

    /// Reports a name that a restriction hides.
    pub(super) fn hidden<T>(&mut self, name: &str, span: Span) -> Bind<T> {
        self.fail("SEM0100", span, format!("`{name}` is not among what `restrict access` leaves visible"))
    }
}

fn restriction_of(env: &Environment) -> Option<Arc<Restriction>> {
    match env.find(RESTRICTION) {
        Some(Binding::Restriction(Some(it))) => Some(it.clone()),
        _ => None,
    }
}
