//! Functions of the query and of the host: they are inlined at each call.

use super::{
    Bind, Binder, Reported, Row, Table,
    scope::{Binding, Closure, UserFunction},
};
use crate::{
    diagnostic::{Severity, Span},
    plan::ExprId,
    syntax::{self, Argument, ExprKind, LetValue, ParameterType, Statement, StatementKind},
};
use kql_data::{Map, Type};
use std::sync::Arc;

/// What a call gives.
pub(super) enum Outcome {
    Scalar(ExprId),
    Table(Table),
}

impl Binder<'_> {
    /// Runs `body` with the names and text of a closure; faults of foreign text are shown at `place`.
    pub(super) fn within<T>(&mut self, closure: Closure, place: Option<Span>, body: impl FnOnce(&mut Self) -> T) -> T {
        let query = std::mem::replace(&mut self.query, closure.query);
        let env = std::mem::replace(&mut self.env, closure.env);
        let foreign = self.foreign;
        self.foreign = foreign.or(place);
        let res = body(self);
        (self.query, self.env, self.foreign) = (query, env, foreign);
        res
    }

    /// The host's function of that name, parsed.
    pub(super) fn stored_function(&mut self, name: &str, span: Span) -> Bind<Option<Arc<UserFunction>>> {
        if self.is_table_hidden(name) {
            return Ok(None);
        }
        let Some(stored) = self.catalogue.function(name) else { return Ok(None) };
        let body = stored.body.trim();
        let body = if body.starts_with('{') { body.to_owned() } else { format!("{{\n{body}\n}}") };
        let parameters = if stored.parameters.trim().is_empty() { "()" } else { stored.parameters.trim() };
        let text = format!("let {} = {parameters} {body};", quoted(name));
        let (query, diagnostics) = crate::parse(&text, &(&self.cx.limits).into());
        if let Some(first) = diagnostics.iter().find(|it| it.severity == Severity::Error) {
            return self.fail(first.code, span, format!("in the stored function `{name}`: {}", first.message));
        }
        let Some(Statement {
            kind: StatementKind::Let(syntax::Let { value: LetValue::Function(function), .. }), ..
        }) = query.statements.first()
        else {
            return self.fail("SEM0260", span, format!("the stored function `{name}` is no function"));
        };
        let function = function.clone();
        // A stored function is expanded at the call: the caller's earlier lets are visible in it.
        let closure = Closure { query: Arc::new(query), env: self.unrestricted() };
        Ok(Some(Arc::new(UserFunction {
            name: name.to_owned(),
            parameters: function.parameters,
            body: function.body,
            closure,
            is_view: function.is_view,
            is_stored: true,
        })))
    }

    pub(super) fn call_scalar_function(
        &mut self,
        function: &Arc<UserFunction>,
        arguments: &[Argument],
        span: Span,
    ) -> Bind<ExprId> {
        match self.call_function(function, arguments, None, span)? {
            Outcome::Scalar(expr) => Ok(expr),
            Outcome::Table(_) => {
                self.fail("SEM0085", span, format!("`{}` gives a table, and a scalar is needed here", function.name))
            }
        }
    }

    pub(super) fn call_tabular_function(
        &mut self,
        function: &Arc<UserFunction>,
        arguments: &[Argument],
        piped: Option<Table>,
        span: Span,
    ) -> Bind<Table> {
        match self.call_function(function, arguments, piped, span)? {
            Outcome::Table(table) => Ok(table),
            Outcome::Scalar(_) => {
                self.fail("SEM0085", span, format!("`{}` gives a scalar, and a table is needed here", function.name))
            }
        }
    }

    fn call_function(
        &mut self,
        function: &Arc<UserFunction>,
        arguments: &[Argument],
        piped: Option<Table>,
        span: Span,
    ) -> Bind<Outcome> {
        if self.calls.iter().any(|it| *it == function.name) && function.is_stored {
            return self.fail("SEM0057", span, format!("the stored function `{}` calls itself", function.name));
        }
        let bound = self.function_arguments(function, arguments, piped, span)?;
        let is_closed = self.is_closed;
        self.is_closed &= bound.is_empty() && !function.is_stored;
        let mut closure = function.closure.clone();
        for (name, binding) in bound {
            closure.env.bind(name, binding);
        }
        let place = (function.is_stored || self.foreign.is_some()).then_some(span);
        self.calls.push(function.name.clone());
        // The body sees no column of the caller's row, but arguments may read it.
        let row = Row { level: self.row.level, ..Row::none() };
        let before = std::mem::replace(&mut self.row, row);
        let (aggregation, graph) = (self.aggregation.take(), self.graph.take());
        let res = self.within(closure, place, |binder| {
            binder.nested(span, |binder| {
                let query = binder.query.clone();
                let body = query.body(function.body);
                binder.local_statements(&body.statements, &function.parameters)?;
                match body.result {
                    None => binder.fail("SEM0098", span, format!("the function `{}` is empty", function.name)),
                    Some(id) if binder.is_tabular(id) => binder.table_or_graph(id).map(Outcome::Table),
                    Some(id) => binder.scalar(id).map(Outcome::Scalar),
                }
            })
        });
        (self.row, self.aggregation, self.graph, self.is_closed) = (before, aggregation, graph, is_closed);
        _ = self.calls.pop();
        res
    }

    /// Arguments by parameter: those given by position and by name, then the defaults.
    fn function_arguments(
        &mut self,
        function: &Arc<UserFunction>,
        arguments: &[Argument],
        piped: Option<Table>,
        span: Span,
    ) -> Bind<Vec<(String, Binding)>> {
        let parameters = &function.parameters;
        let mut given: Map<usize, syntax::ExprId> = Map::default();
        let mut position = usize::from(piped.is_some());
        for argument in arguments {
            let index = match &argument.name {
                Some(name) => match parameters.iter().position(|it| it.name.text == name.text) {
                    Some(index) => {
                        // A name at its own place counts as one by position.
                        position += usize::from(index == position);
                        index
                    }
                    None => {
                        let message = format!("`{}` has no parameter `{}`", function.name, name.text);
                        return self.fail("SEM0219", name.span, message);
                    }
                },
                None => {
                    position += 1;
                    position - 1
                }
            };
            if index >= parameters.len() || given.insert(index, argument.value).is_some() {
                let message = format!("`{}` takes {} arguments", function.name, parameters.len());
                return self.fail("SEM0219", span, message);
            }
        }
        let mut piped = piped;
        let mut bound = Vec::with_capacity(parameters.len());
        for (index, parameter) in parameters.iter().enumerate() {
            let binding = match (piped.take(), given.get(&index), parameter.default) {
                (Some(table), ..) => {
                    let table = self.declared_table(table, &parameter.ty, span)?;
                    Binding::Table(Box::new(table))
                }
                (None, Some(value), _) => self.function_argument(*value, &parameter.ty)?,
                (None, None, Some(default)) => {
                    let closure = function.closure.clone();
                    let place = function.is_stored.then_some(span);
                    self.within(closure, place, |binder| binder.function_argument(default, &parameter.ty))?
                }
                (None, None, None) => {
                    let message = format!("the argument `{}` of `{}` is missing", parameter.name.text, function.name);
                    return self.fail("SEM0219", span, message);
                }
            };
            bound.push((parameter.name.text.clone(), binding));
        }
        Ok(bound)
    }

    fn function_argument(&mut self, value: syntax::ExprId, ty: &ParameterType) -> Bind<Binding> {
        let span = self.query.span(value);
        match ty {
            ParameterType::Table(_) => {
                let table = self.over(Row::none(), |binder| binder.tabular(value))?;
                Ok(Binding::Table(Box::new(self.declared_table(table, ty, span)?)))
            }
            ParameterType::Scalar(name) => {
                let ty = self.type_literal(&name.text, name.span)?;
                let expr = self.scalar(value)?;
                let expr = self.argument_as(expr, ty, span)?;
                Ok(if self.reads_row(expr) { Binding::RowScalar(expr, self.row.level) } else { Binding::Scalar(expr) })
            }
        }
    }

    /// An argument as the declared type: it may widen, a dynamic may be anything and anything a dynamic.
    pub(super) fn argument_as(&mut self, expr: ExprId, ty: Type, span: Span) -> Bind<ExprId> {
        let from = self.ty(expr);
        let fits = from == ty
            || from == Type::Dynamic
            || ty == Type::Dynamic
            || kql_functions::resolve::widening(from, ty).is_some()
            || (from.is_integer() && ty.is_integer())
            || self.value_of(expr).is_some_and(|it| it.is_null())
            || (self.value_of(expr).is_some() && (from == Type::String || from.is_number() && ty.is_number()));
        if !fits {
            return self.fail("SEM0027", span, format!("an argument of type {ty} is needed, not {from}"));
        }
        let cast = self.cast(expr, ty, span)?;
        let is_text = matches!(self.value_of(expr), Some(kql_data::Value::String(_)));
        if is_text && self.value_of(cast).is_some_and(|it| it.is_null()) {
            return self.fail("SEM0027", span, format!("an argument of type {ty} is needed, and this text is none"));
        }
        Ok(cast)
    }

    /// A table as its parameter declares it: the columns that are declared must be there; others are seen all the same.
    fn declared_table(&mut self, table: Table, ty: &ParameterType, span: Span) -> Bind<Table> {
        let columns = match ty {
            ParameterType::Table(schema) if !table.open => schema.columns.as_slice(),
            _ => &[],
        };
        for column in columns {
            let wanted = column.ty.as_ref().and_then(|it| Type::from_name(&it.text));
            let name = column.name.text.as_str();
            let found = table.schema.index_of(name).and_then(|it| table.schema.fields.get(it)).map(|it| it.ty);
            match (wanted, found) {
                (_, None) => {
                    return self.fail(
                        "SEM0100",
                        span,
                        format!("the table has no column `{name}`, which the function needs"),
                    );
                }
                (Some(wanted), Some(found)) if !is_declared_type(found, wanted) => {
                    let message = format!("the column `{name}` is {found}, and the function needs {wanted}");
                    return self.fail("SEM0027", span, message);
                }
                _ => {}
            }
        }
        Ok(Table { visualization: None, ..table })
    }

    /// Whether an expression gives a table, found out without binding it.
    pub(super) fn is_tabular(&self, id: syntax::ExprId) -> bool {
        let closure = Closure { query: self.query.clone(), env: self.env.clone() };
        self.is_tabular_in(&closure, &[], id, 0)
    }

    /// `locals` tells of names that are bound inside: whether each is a table.
    fn is_tabular_in(&self, closure: &Closure, locals: &[(String, bool)], id: syntax::ExprId, depth: usize) -> bool {
        if depth > super::NESTING_MAX {
            return false;
        }
        let query = &closure.query;
        match query.kind(id) {
            ExprKind::Pipeline(_) | ExprKind::Materialize { .. } | ExprKind::ToTable { .. } => true,
            ExprKind::Parenthesized(inner) => self.is_tabular_in(closure, locals, *inner, depth + 1),
            ExprKind::Name(name) => self.is_tabular_name(closure, locals, &name.text, depth),
            ExprKind::Call(call) => match call.function.text.as_str() {
                "database" | "cluster" | "workspace" | "app" | "resource" | "adx" => false,
                "table" | "graph" | "materialize" | "external_table" | "materialized_view" | "stored_query_result" => {
                    true
                }
                name if kql_functions::function(name).is_some() && closure.env.find(name).is_none() => false,
                name => self.is_tabular_name(closure, locals, name, depth),
            },
            ExprKind::Path { base, steps } => {
                let is_remote = match query.kind(*base) {
                    ExprKind::Call(call) => {
                        matches!(
                            call.function.text.as_str(),
                            "database" | "cluster" | "workspace" | "app" | "resource" | "adx"
                        ) || matches!(closure.env.find(&call.function.text), Some(Binding::Pattern(..)))
                    }
                    ExprKind::Name(name) => matches!(closure.env.find(&name.text), Some(Binding::Entity(_))),
                    _ => false,
                };
                is_remote && !steps.is_empty()
            }
            _ => false,
        }
    }

    fn is_tabular_name(&self, closure: &Closure, locals: &[(String, bool)], name: &str, depth: usize) -> bool {
        if let Some((_, is_table)) = locals.iter().rev().find(|(known, _)| known == name) {
            return *is_table;
        }
        // A column of the row hides tables of its name.
        if self.row.find(name).is_some() && closure.env.find(name).is_none() {
            return false;
        }
        match closure.env.find(name) {
            Some(Binding::Table(_) | Binding::Group(..) | Binding::Pattern(..)) => true,
            Some(Binding::Function(function)) => self.gives_table(function, depth + 1),
            Some(_) => false,
            None => match self.catalogue.function(name) {
                Some(stored) => {
                    let text = format!("let f = {} {};", parameters_or_none(&stored.parameters), braced(&stored.body));
                    let (query, _) = crate::parse(&text, &(&self.cx.limits).into());
                    let Some(StatementKind::Let(syntax::Let { value: LetValue::Function(it), .. })) =
                        query.statements.first().map(|it| it.kind.clone())
                    else {
                        return true;
                    };
                    let env = closure.env.clone();
                    let function = UserFunction {
                        name: name.to_owned(),
                        parameters: it.parameters,
                        body: it.body,
                        closure: Closure { query: Arc::new(query), env },
                        is_view: it.is_view,
                        is_stored: true,
                    };
                    self.gives_table(&function, depth + 1)
                }
                None => {
                    self.catalogue.table(name).is_some() || self.catalogue.opaque(name).is_some_and(|it| it.is_known)
                }
            },
        }
    }

    fn gives_table(&self, function: &UserFunction, depth: usize) -> bool {
        if depth > 32 {
            return false;
        }
        let mut locals: Vec<(String, bool)> = function
            .parameters
            .iter()
            .map(|it| (it.name.text.clone(), matches!(it.ty, ParameterType::Table(_))))
            .collect();
        let closure = &function.closure;
        let body = closure.query.body(function.body);
        for statement in &body.statements {
            if let StatementKind::Let(it) = &statement.kind {
                let is_table = match &it.value {
                    LetValue::Expr(id) => self.is_tabular_in(closure, &locals, *id, depth + 1),
                    LetValue::Function(inner) => {
                        let last = closure.query.body(inner.body).result;
                        last.is_some_and(|it| self.is_tabular_in(closure, &locals, it, depth + 1))
                    }
                };
                locals.push((it.name.text.clone(), is_table));
            }
        }
        body.result.is_some_and(|it| self.is_tabular_in(closure, &locals, it, depth + 1))
    }

    /// The statements of a function's body: their names may not be those of its parameters.
    pub(super) fn local_statements(
        &mut self,
        statements: &[Statement],
        parameters: &[syntax::FunctionParameter],
    ) -> Bind<()> {
        for statement in statements {
            if let StatementKind::Let(it) = &statement.kind
                && parameters.iter().any(|parameter| parameter.name.text == it.name.text)
            {
                return self.fail("SEM0079", it.name.span, format!("`{}` is a parameter already", it.name.text));
            }
            let before = self.n_errors();
            self.statement(statement);
            if self.n_errors() > before {
                return Err(Reported);
            }
        }
        Ok(())
    }

    pub(super) fn n_errors(&self) -> usize {
        self.diagnostics.iter().filter(|it| it.severity == Severity::Error).count()
    }
}

/// Whether a column of type `found` will do for one that is declared as `wanted`.
fn is_declared_type(found: Type, wanted: Type) -> bool {
    found == wanted || (found.is_number() && wanted.is_number()) || found == Type::Dynamic || wanted == Type::Dynamic
}

fn parameters_or_none(parameters: &str) -> &str {
    if parameters.trim().is_empty() { "()" } else { parameters }
}

fn braced(body: &str) -> String {
    if body.trim_start().starts_with('{') { body.to_owned() } else { format!("{{\n{body}\n}}") }
}

fn quoted(name: &str) -> String {
    if name.chars().all(|it| it.is_alphanumeric() || it == '_') { name.to_owned() } else { format!("['{name}']") }
}
