//! Statements: `let`, `set`, `declare query_parameters`, queries and the rest.

use super::{
    Bind, Binder, Reported, Row,
    scope::{Binding, Closure, UserFunction},
};
use crate::{
    diagnostic::Span,
    plan::{Lowered, ResultTable},
    syntax::{self, ExprKind, FunctionParameter, LetValue, Literal, ParameterType, Statement, StatementKind},
};
use kql_data::{Type, Value};
use std::{sync::Arc, time::Duration};

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

    fn set_option(&mut self, name: &syntax::Name, value: Option<syntax::ExprId>, span: Span) {
        let query = self.query.clone();
        match name.text.as_str() {
            "query_now" | "now" | "query_datetimescope_from" | "query_datetimescope_to" => {
                self.set_moment(name, value, span);
            }
            "query_datetimescope_column" => match value.map(|it| query.kind(it)) {
                Some(ExprKind::Literal(Literal::String(column))) => self.time_scope.column = Some(column.clone()),
                _ => _ = self.fail::<()>("SEM0020", span, format!("`{}` must be a string literal", name.text)),
            },
            "query_results_cache_max_age" => {
                let is_age = match value.map(|it| query.kind(it)) {
                    Some(ExprKind::Literal(Literal::Timespan(_))) => true,
                    Some(ExprKind::Literal(Literal::String(text))) => crate::parser::timespan(text).is_some(),
                    _ => false,
                };
                if !is_age {
                    _ = self.fail::<()>("SEM0020", span, format!("`{}` must be a timespan literal", name.text));
                }
            }
            "query_bin_auto_size" | "query_bin_auto_at" => {
                if let Some(value) = value.and_then(|it| self.constant_scalar(it).ok()) {
                    _ = self.options.insert(name.text.clone(), value);
                }
            }
            "truncationmaxrecords" => self.lower(value, |it, to| it.result_rows = it.result_rows.min(to)),
            "truncationmaxsize" => self.lower(value, |it, to| it.result_bytes = it.result_bytes.min(to)),
            "maxmemoryconsumptionperiterator" => self.lower(value, |it, to| it.memory = it.memory.min(to)),
            "servertimeout" => {
                if let Some(ExprKind::Literal(Literal::Timespan(Some(ticks)))) = value.map(|it| query.kind(it)) {
                    let time = Duration::from_nanos(u64::try_from(*ticks).unwrap_or(0).saturating_mul(100));
                    self.plan.lowered.time = Some(self.plan.lowered.time.map_or(time, |it| it.min(time)));
                }
            }
            // Other options steer a service, or would raise a limit; they are accepted and change nothing here.
            _ => {}
        }
    }

    /// The options that are moments: the clock, and the ends of the scope.
    fn set_moment(&mut self, name: &syntax::Name, value: Option<syntax::ExprId>, span: Span) {
        let query = self.query.clone();
        let Some(ExprKind::Literal(Literal::Datetime(Some(ticks)))) = value.map(|it| query.kind(it)) else {
            _ = self.fail::<()>("SEM0020", span, format!("`{}` must be a datetime literal", name.text));
            return;
        };
        match name.text.as_str() {
            "query_datetimescope_from" => self.time_scope.from = Some(*ticks),
            "query_datetimescope_to" => self.time_scope.to = Some(*ticks),
            _ => self.now = *ticks,
        }
    }

    /// Lowers a limit to a whole number that a `set` statement gives.
    fn lower(&mut self, value: Option<syntax::ExprId>, set: impl FnOnce(&mut Lowered, usize)) {
        let query = self.query.clone();
        let to = match value.map(|it| query.kind(it)) {
            Some(ExprKind::Literal(Literal::Long(Some(it)))) => usize::try_from(*it).ok(),
            _ => None,
        };
        if let Some(to) = to {
            set(&mut self.plan.lowered, to);
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
