//! Statements: `let`, `set`, `declare query_parameters`, queries and the rest.

use super::{
    Bind, Binder, Reported, Row,
    scope::{Binding, Closure, UserFunction},
};
use crate::{
    diagnostic::Span,
    plan::ResultTable,
    syntax::{self, ExprKind, FunctionParameter, LetValue, ParameterType, Statement, StatementKind},
};
use kql_data::{Type, Value};
use std::sync::Arc;

impl Binder<'_> {
    /// Binds the statements of a query.
    pub(super) fn statements(&mut self, statements: &[Statement]) {
        for statement in statements {
            if let StatementKind::Set { name, value } = &statement.kind {
                self.set_option(name, *value, statement.span);
            }
        }
        for statement in statements {
            self.statement(statement);
        }
        if self.plan.results.is_empty() {
            self.plan.results = std::mem::take(&mut self.unclaimed);
        }
        let has_query = statements.iter().any(|it| matches!(it.kind, StatementKind::Query(_)));
        if !has_query && !self.has_errors() {
            let end = self.query.text.len() as u32;
            _ = self.fail::<()>("SEM0001", Span::at(end), "the text has no query statement, only definitions");
        }
    }

    /// Binds one statement; faults are reported, and a faulty `let` does not make its uses faulty once more.
    pub(super) fn statement(&mut self, statement: &Statement) {
        match &statement.kind {
            StatementKind::Let(it) => self.let_(it),
            StatementKind::Query(id) => _ = self.result(*id),
            StatementKind::Set { .. } => {}
            StatementKind::QueryParameters(parameters) => _ = self.query_parameters(parameters),
            StatementKind::Alias { name, value } => {
                let binding = self.entity(*value).map_or(Binding::Faulty, Binding::Entity);
                self.env.bind(name.text.clone(), binding);
            }
            StatementKind::Restrict { entities } => _ = self.restrict(entities),
            StatementKind::Pattern(it) => _ = self.declare_pattern(it),
        }
    }

    fn let_(&mut self, it: &syntax::Let) {
        let name = &it.name.text;
        let is_new = !self.scope_names.contains(name);
        if !is_new && self.calls.is_empty() {
            _ = self.fail::<()>("SEM0079", it.name.span, format!("`{name}` is defined already"));
        }
        if self.calls.is_empty() {
            _ = self.scope_names.insert(name.clone());
        }
        let binding = match &it.value {
            LetValue::Function(function) => self.let_function(name, function, it.name.span),
            LetValue::Expr(id) => self.let_value(name, *id),
        };
        self.env.bind(name.clone(), binding.unwrap_or(Binding::Faulty));
    }

    fn let_function(&mut self, name: &str, function: &syntax::Function, span: Span) -> Bind<Binding> {
        if kql_functions::function(name).is_some() || kql_functions::aggregate(name).is_some() {
            return self.fail("SEM0515", span, format!("`{name}` is the name of a built-in function"));
        }
        for (index, parameter) in function.parameters.iter().enumerate() {
            if function.parameters.iter().take(index).any(|it| it.name.text == parameter.name.text) {
                let message = format!("the parameter `{}` is given twice", parameter.name.text);
                return self.fail("SEM0079", parameter.span, message);
            }
        }
        Ok(Binding::Function(Arc::new(UserFunction {
            name: name.to_owned(),
            parameters: function.parameters.clone(),
            body: function.body,
            closure: Closure { query: self.query.clone(), env: self.env.clone() },
            is_view: function.is_view,
            is_stored: false,
        })))
    }

    fn let_value(&mut self, name: &str, id: syntax::ExprId) -> Bind<Binding> {
        let query = self.query.clone();
        let closure = Closure { query: query.clone(), env: self.env.clone() };
        match query.kind(id) {
            ExprKind::EntityGroup(entities) => return Ok(Binding::Group(closure, entities.clone())),
            // A name for a database: `let d = cluster("c").database("d")`.
            ExprKind::Path { base, steps } if self.is_database(*base, steps) => {
                return self.entity(id).map(Binding::Entity);
            }
            ExprKind::Call(call) if matches!(call.function.text.as_str(), "database" | "cluster" | "workspace") => {
                return self.entity(id).map(Binding::Entity);
            }
            _ => {}
        }
        if self.is_tabular(id) {
            let mut table = self.over(Row::none(), |binder| binder.table_or_graph(id))?;
            // A let that merely names a table keeps the table's label; any other has none.
            if !matches!(query.kind(id), ExprKind::Name(_)) && table.label_is_table {
                table.label = None;
            }
            return Ok(Binding::Table(Box::new(table)));
        }
        if let ExprKind::Call(call) = query.kind(id)
            && let Some(table) = self.table_of_unknown_function(name, call)
        {
            return Ok(Binding::Table(Box::new(table)));
        }
        // A parameter of an enclosing scalar function may read the row, and so may what is computed from it.
        let expr = self.scalar(id)?;
        Ok(match () {
            () if self.is_volatile(expr) => Binding::Fresh(closure, id),
            () if self.reads_row(expr) => Binding::RowScalar(expr, self.row.level),
            () => Binding::Scalar(expr),
        })
    }

    /// `let t = F(…); t | …` where nothing has `F`, and the host takes it to exist: its use as a table says what it gives.
    fn table_of_unknown_function(&mut self, name: &str, call: &syntax::Call) -> Option<super::Table> {
        let function = call.function.text.as_str();
        let is_known = self.env.find(function).is_some()
            || kql_functions::function(function).is_some()
            || kql_functions::aggregate(function).is_some()
            || self.catalogue.function(function).is_some();
        if is_known || self.catalogue.opaque(function).is_none() {
            return None;
        }
        let query = self.query.clone();
        let is_source = |it: &syntax::Pipeline| {
            let source = it.source.map(|it| query.kind(it));
            !it.stages.is_empty() && matches!(source, Some(ExprKind::Name(it)) if it.text == name)
        };
        match query.pipelines.iter().any(is_source) {
            true => self.opaque(&call.function, Some(&call.arguments)),
            false => None,
        }
    }

    /// Binds an expression statement and adds its result.
    fn result(&mut self, id: syntax::ExprId) -> Bind<()> {
        let span = self.query.span(id);
        if !self.is_tabular(id) && !self.could_be_table(id) {
            // A bare scalar is no query.
            let expr = self.scalar(id)?;
            _ = expr;
            return self.fail("SEM0001", span, "a query statement must give a table; put `print` in front of a scalar");
        }
        let table = self.tabular(id)?;
        if std::mem::take(&mut self.results_given) {
            return Ok(());
        }
        let table = self.result_under_options(table, span)?;
        let name = if self.plan.results.is_empty() {
            "PrimaryResult".to_owned()
        } else {
            format!("Table_{}", self.plan.results.len())
        };
        if table.open {
            _ = self.open_nodes.insert(table.node);
        }
        self.plan.results.push(ResultTable { name, node: table.node, visualization: table.visualization });
        Ok(())
    }

    /// Whether a name that nothing has should be reported as a table.
    fn could_be_table(&self, id: syntax::ExprId) -> bool {
        match self.query.kind(id) {
            ExprKind::Name(it) => self.env.find(&it.text).is_none(),
            ExprKind::Call(call) => {
                self.env.find(&call.function.text).is_none() && kql_functions::function(&call.function.text).is_none()
            }
            ExprKind::Path { .. } => true,
            ExprKind::Parenthesized(inner) => self.could_be_table(*inner),
            _ => false,
        }
    }

    fn query_parameters(&mut self, parameters: &[FunctionParameter]) -> Bind<()> {
        for parameter in parameters {
            let ParameterType::Scalar(ty) = &parameter.ty else {
                return self.fail("SEM0027", parameter.span, "a query parameter must be a scalar");
            };
            let ty = self.type_literal(&ty.text, ty.span)?;
            let given = self.parameters.iter().find(|(name, _)| *name == parameter.name.text).map(|(_, it)| it.clone());
            let expr = match (given, parameter.default) {
                (Some(text), _) => self.parameter_value(&text, ty, parameter.span)?,
                (None, Some(default)) => {
                    let expr = self.constant_scalar(default)?;
                    self.argument_as(expr, ty, parameter.span)?
                }
                (None, None) if self.catalogue.runs() => {
                    let name = &parameter.name.text;
                    let message = format!("no value is given for the query parameter `{name}`, and it has no default");
                    _ = self.fail::<()>("SEM0020", parameter.span, message);
                    self.env.bind(name.clone(), Binding::Faulty);
                    continue;
                }
                // Without a value the parameter is a null of its type, so that a query can be checked.
                (None, None) => self.constant(Value::null(ty), ty),
            };
            self.env.bind(parameter.name.text.clone(), Binding::Scalar(expr));
        }
        Ok(())
    }

    /// A given value: a literal of the language, or plain text for a string.
    fn parameter_value(&mut self, text: &str, ty: Type, span: Span) -> Bind<crate::plan::ExprId> {
        let (query, diagnostics) = crate::parse(&format!("print {text}"), &(&self.cx.limits).into());
        let literal = match query.exprs.as_slice() {
            [one, ..] if diagnostics.is_empty() => match &one.kind {
                ExprKind::Literal(it) => Some(self.literal(it)),
                _ => None,
            },
            _ => None,
        };
        let (value, from) = literal.unwrap_or_else(|| (Value::String(text.into()), Type::String));
        let expr = self.constant(value, from);
        if from == Type::String && ty != Type::String && ty != Type::Dynamic {
            return self.cast(expr, ty, span);
        }
        self.argument_as(expr, ty, span)
    }

    fn is_database(&self, base: syntax::ExprId, steps: &[syntax::Step]) -> bool {
        let is_remote = matches!(self.query.kind(base), ExprKind::Call(call)
            if matches!(call.function.text.as_str(), "cluster" | "workspace" | "app" | "database"));
        is_remote && matches!(steps.last(), Some(syntax::Step::Call(call)) if call.function.text == "database")
    }
}

impl Binder<'_> {
    /// The faults of a list, all reported; the list when there is none.
    pub(super) fn all<T>(items: Vec<Bind<T>>) -> Bind<Vec<T>> {
        if items.iter().any(Result::is_err) { Err(Reported) } else { items.into_iter().collect() }
    }
}
