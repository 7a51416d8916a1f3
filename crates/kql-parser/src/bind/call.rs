//! Calls of built-in functions and aggregates, conversions, constant folding.

use super::{Aggregation, Bind, Binder, Reported, null_text, scope::Binding};
use crate::{
    diagnostic::{Diagnostic, Span, closest},
    plan::{AggregateExpr, Expr, ExprId},
    syntax::{self, Argument, Call, ExprKind, TypeOf},
};
use kql_data::{Fault, Type, Value};
use kql_functions::{Actual, Aggregate, Function, Resolved, Returns, conversion, evaluate::fold, resolve};

/// An argument, and whether it is `typeof(…)`.
#[derive(Clone, Copy, Debug)]
struct Arg {
    expr: ExprId,
    is_type: bool,
}

/// What queries call most: of names equally close to a slip the likelier ones.
const COMMON: &[&str] = &[
    "count",
    "countif",
    "dcount",
    "sum",
    "avg",
    "min",
    "max",
    "arg_max",
    "arg_min",
    "make_set",
    "make_list",
    "take_any",
    "ago",
    "now",
    "bin",
    "iff",
    "case",
    "coalesce",
    "strcat",
    "split",
    "extract",
    "substring",
    "strlen",
    "tostring",
    "tolower",
    "toupper",
    "toint",
    "tolong",
    "toreal",
    "todatetime",
    "todynamic",
    "parse_json",
    "isempty",
    "isnotempty",
    "isnull",
    "isnotnull",
    "replace_string",
];

impl Binder<'_> {
    /// An expression converted to a type.
    pub(super) fn cast(&mut self, expr: ExprId, to: Type, span: Span) -> Bind<ExprId> {
        let from = self.ty(expr);
        if from == to {
            return Ok(expr);
        }
        match self.value_of(expr) {
            Some(Value::Null) => return Ok(self.constant(Value::null(to), to)),
            Some(value) if to == Type::Dynamic => {
                return Ok(self.constant(Value::Dynamic(value.to_dynamic()), Type::Dynamic));
            }
            _ => {}
        }
        self.make_call(conversion(to), &[expr], span)
    }

    /// A call of a built-in function by name, with conversions of its arguments, folded when all are constant.
    pub(super) fn make_call(&mut self, name: &str, args: &[ExprId], span: Span) -> Bind<ExprId> {
        let args: Vec<Arg> = args.iter().map(|it| Arg { expr: *it, is_type: false }).collect();
        match kql_functions::function(name) {
            Some(function) => self.make(function, &args, span),
            None => self.fail("SEM0260", span, format!("unknown function `{name}`")),
        }
    }

    fn actual(&self, arg: Arg) -> Actual {
        let constant = self.value_of(arg.expr);
        let is_literal = constant.is_some();
        let is_constant = is_literal || self.is_constant(arg.expr);
        Actual { ty: self.ty(arg.expr), constant, is_constant, is_literal, is_type: arg.is_type }
    }

    /// The arguments of a call, as its overload takes them.
    fn converted(&mut self, args: &[Arg], resolved: &Resolved, span: Span) -> Bind<Vec<ExprId>> {
        let mut converted = Vec::with_capacity(args.len());
        for (arg, cast) in args.iter().zip(&resolved.casts) {
            converted.push(match cast {
                Some(ty) if !arg.is_type => self.cast(arg.expr, *ty, span)?,
                _ => arg.expr,
            });
        }
        Ok(converted)
    }

    fn make(&mut self, function: &'static Function, args: &[Arg], span: Span) -> Bind<ExprId> {
        let actuals: Vec<Actual> = args.iter().map(|it| self.actual(*it)).collect();
        let resolved = match resolve(function, &actuals) {
            Ok(it) => it,
            Err(fault) => return self.fault(span, &fault),
        };
        let mut converted = self.converted(args, &resolved, span)?;
        self.convert_branches(function.name, resolved.ty, &mut converted, span)?;
        if !function.volatile && !function.window {
            let values: Option<Vec<(Value, Type)>> =
                converted.iter().map(|it| self.value_of(*it).map(|value| (value, self.ty(*it)))).collect();
            if let Some(mut values) = values {
                null_text::folded_arguments(function.name, &mut values);
                match fold(self.cx, function, resolved.overload, &values) {
                    Ok(value) => {
                        let value = null_text::folded(function.name, &values, value);
                        if let Err(fault) = self.cx.keep(value.bytes(), "a constant of the query") {
                            return self.fault(span, &fault);
                        }
                        return Ok(self.constant(value, resolved.ty));
                    }
                    Err(Fault::Error { code, message }) if code != "GENERAL" => return self.fail(code, span, message),
                    // Left for the run, where it fails with its place.
                    Err(_) => {}
                }
            }
        }
        if function.window && !self.allows_window {
            let message = format!("`{}` needs rows in order: put `serialize` or `sort` in front", function.name);
            return self.fail("SEM0036", span, message);
        }
        let depth = converted.iter().map(|it| self.traits(*it).depth + 1).max().unwrap_or(0);
        if depth > super::DEPTH_MAX {
            return self.fail("SEM0019", span, format!("the expression is more than {} deep", super::DEPTH_MAX));
        }
        let first = converted.first().copied();
        let call = Expr::Call { function, overload: resolved.overload, args: converted, ty: resolved.ty };
        let call = self.plan.add_expr(call);
        match first {
            Some(first) => self.around_null_text(function.name, first, call, span),
            None => Ok(call),
        }
    }

    /// The values that a choice is made of get the type of its result.
    fn convert_branches(&mut self, function: &str, ty: Type, args: &mut [ExprId], span: Span) -> Bind<()> {
        let last = args.len().saturating_sub(1);
        for (index, arg) in args.iter_mut().enumerate() {
            let is_branch = match function {
                "iff" => index > 0,
                "case" => index % 2 == 1 || index == last,
                "coalesce" => true,
                _ => false,
            };
            if is_branch {
                *arg = self.cast(*arg, ty, span)?;
            }
        }
        Ok(())
    }

    /// A call as written: a user function, an aggregate where one may stand, a built-in function.
    pub(super) fn call(&mut self, call: &Call, span: Span) -> Bind<ExprId> {
        let name = call.function.text.as_str();
        if let Some(res) = self.graph_call(call, span) {
            return res;
        }
        match self.env.find(name).cloned() {
            Some(Binding::Function(function)) => return self.call_scalar_function(&function, &call.arguments, span),
            Some(Binding::Faulty) => return Err(Reported),
            Some(Binding::Scalar(expr)) if call.arguments.is_empty() => return Ok(expr),
            _ => {}
        }
        if self.aggregation.is_some()
            && let Some(aggregate) = kql_functions::aggregate(name)
        {
            return match self.aggregate(aggregate, call, span)?.first() {
                Some((_, expr)) => Ok(*expr),
                None => Err(Reported),
            };
        }
        if let Some(res) = self.special_call(call, span) {
            return res;
        }
        if let Some(function) = kql_functions::function(name) {
            let args = self.arguments(&call.arguments)?;
            return self.make(function, &args, call.function.span.to(span));
        }
        if let Some(function) = self.stored_function(name, call.function.span)? {
            return self.call_scalar_function(&function, &call.arguments, span);
        }
        if kql_functions::aggregate(name).is_some() {
            return self.fail("SEM0237", call.function.span, format!("the aggregate `{name}` is not expected here"));
        }
        self.unknown_function(name, call.function.span)
    }

    /// Reports a function that nothing has, with a suggestion.
    pub(super) fn unknown_function<T>(&mut self, name: &str, span: Span) -> Bind<T> {
        let mut diagnostic = Diagnostic::error("SEM0260", span, format!("unknown function `{name}`"));
        let functions = kql_functions::all_functions().into_iter().map(|it| it.name);
        let aggregates = kql_functions::all_aggregates().into_iter().map(|it| it.name);
        // Of names that are equally close the first: what is written most, then what may stand here.
        let expected = aggregates.clone().filter(|_| self.aggregation.as_ref().is_some_and(|it| !it.inside));
        let names = COMMON.iter().copied().chain(expected).chain(functions).chain(aggregates);
        if let Some(it) = closest(name, names) {
            diagnostic = diagnostic.hint(format!("did you mean `{it}`?"));
        }
        if let Some(hint) = super::source::asim_hint(name) {
            diagnostic.hints.clear();
            diagnostic = diagnostic.hint(hint);
        }
        self.report(diagnostic);
        Err(Reported)
    }

    fn arguments(&mut self, arguments: &[Argument]) -> Bind<Vec<Arg>> {
        let query = self.query.clone();
        let mut bound = Vec::with_capacity(arguments.len());
        for argument in arguments {
            bound.push(match query.kind(argument.value) {
                ExprKind::TypeOf(TypeOf::Scalar(ty)) => self.type_literal(&ty.text, ty.span).map(|ty| Arg {
                    expr: self.constant(Value::String(ty.name().into()), Type::String),
                    is_type: true,
                }),
                ExprKind::Star => {
                    for (index, field) in self.row.schema.fields.clone().iter().enumerate() {
                        let expr = self.column(index, field.ty);
                        bound.push(Ok(Arg { expr, is_type: false }));
                    }
                    continue;
                }
                _ => self.scalar(argument.value).map(|expr| Arg { expr, is_type: false }),
            });
        }
        bound.into_iter().collect()
    }

    /// The type of that name.
    pub(super) fn type_literal(&mut self, name: &str, span: Span) -> Bind<Type> {
        match Type::from_name(name) {
            Some(ty) => Ok(ty),
            None => self.fail("SYN0002", span, format!("unknown type `{name}`")),
        }
    }

    /// Functions that look at names, the clock or the row and not only at values.
    fn special_call(&mut self, call: &Call, span: Span) -> Option<Bind<ExprId>> {
        let arguments = &call.arguments;
        Some(match call.function.text.as_str() {
            "now" | "ago" => self.clock(call, span),
            "column_ifexists" | "columnifexists" => self.column_if_exists(arguments, span),
            "iscolumnexists" => self.is_column_exists(arguments, span),
            "pack_all" => self.pack_all(arguments, span),
            "bag_pack_columns" => self.bag_pack_columns(arguments, span),
            "bin_auto" => self.bin_auto(arguments, span),
            "column_names_of" => self.column_names_of(arguments, span),
            "ingestion_time" => self.ingestion_time(arguments, span),
            "toscalar" => match arguments.as_slice() {
                [one] => self.first_cell(one.value, span),
                _ => self.fail("SEM0219", span, "toscalar() takes one argument"),
            },
            _ => return None,
        })
    }

    fn clock(&mut self, call: &Call, span: Span) -> Bind<ExprId> {
        let now = self.constant(Value::Datetime(self.now), Type::Datetime);
        let is_ago = call.function.text == "ago";
        match call.arguments.as_slice() {
            [] if !is_ago => Ok(now),
            [one] => {
                let offset = self.scalar(one.value)?;
                let offset =
                    if self.ty(offset) == Type::Dynamic { self.cast(offset, Type::Timespan, span)? } else { offset };
                if self.ty(offset) != Type::Timespan {
                    let message = format!("{}() takes a timespan, not {}", call.function.text, self.ty(offset));
                    return self.fail("SEM0207", span, message);
                }
                self.make_call(if is_ago { "-" } else { "+" }, &[now, offset], span)
            }
            _ => self.fail("SEM0219", span, format!("{}() takes one argument", call.function.text)),
        }
    }

    fn constant_text(&mut self, id: syntax::ExprId) -> Bind<String> {
        let expr = self.constant_scalar(id)?;
        match self.value_of(expr) {
            Some(Value::String(it)) => Ok(it.to_string()),
            _ => self.fail("SEM0207", self.query.span(id), "a constant string is needed"),
        }
    }

    fn column_if_exists(&mut self, arguments: &[Argument], span: Span) -> Bind<ExprId> {
        let [name, default] = arguments else {
            return self.fail("SEM0219", span, "column_ifexists() takes a name and a default");
        };
        let query = self.query.clone();
        let name = match query.kind(name.value) {
            ExprKind::Name(it) if self.env.find(&it.text).is_none() => it.text.clone(),
            _ => self.constant_text(name.value)?,
        };
        match self.row.find(&name) {
            Some((index, ty)) => Ok(self.column(index, ty)),
            None => self.scalar(default.value),
        }
    }

    fn is_column_exists(&mut self, arguments: &[Argument], span: Span) -> Bind<ExprId> {
        let [name] = arguments else { return self.fail("SEM0219", span, "iscolumnexists() takes a name") };
        let name = self.constant_text(name.value)?;
        let exists = self.row.find(&name).is_some();
        Ok(self.constant(Value::Bool(exists), Type::Bool))
    }

    /// `pack_all([ignore])` as a call with the names and columns spelled out: `ignore, name, value, …`.
    fn pack_all(&mut self, arguments: &[Argument], span: Span) -> Bind<ExprId> {
        let ignore = match arguments {
            [] => self.constant(Value::Bool(false), Type::Bool),
            [one] => self.scalar(one.value)?,
            _ => return self.fail("SEM0219", span, "pack_all() takes one argument at most"),
        };
        let mut args = vec![ignore];
        for (index, field) in self.row.schema.fields.clone().iter().enumerate() {
            args.push(self.constant(Value::String(field.name.clone()), Type::String));
            args.push(self.column(index, field.ty));
        }
        self.make_call("pack_all", &args, span)
    }

    fn bag_pack_columns(&mut self, arguments: &[Argument], span: Span) -> Bind<ExprId> {
        let mut args = Vec::new();
        for argument in arguments {
            let name = self.natural_name(argument.value).unwrap_or_default();
            let value = self.scalar(argument.value)?;
            args.push(self.constant(Value::String(name.into()), Type::String));
            args.push(value);
        }
        self.make_call("bag_pack", &args, span)
    }

    /// `bin_auto(x)`: bins of `query_bin_auto_size`, counted from `query_bin_auto_at`.
    fn bin_auto(&mut self, arguments: &[Argument], span: Span) -> Bind<ExprId> {
        let [one] = arguments else { return self.fail("SEM0219", span, "bin_auto() takes one argument") };
        let value = self.scalar(one.value)?;
        let Some(size) = self.bin_auto.get("query_bin_auto_size").copied() else {
            return self.fail("SEM0001", span, "bin_auto() needs `set query_bin_auto_size=…;` in front of the query");
        };
        match self.bin_auto.get("query_bin_auto_at").copied() {
            Some(at) => self.make_call("bin_at", &[value, size, at], span),
            None => self.make_call("bin", &[value, size], span),
        }
    }

    /// The names of a table's columns.
    fn column_names_of(&mut self, arguments: &[Argument], span: Span) -> Bind<ExprId> {
        let [one] = arguments else { return self.fail("SEM0219", span, "column_names_of() takes a table") };
        let table = self.over(super::Row::none(), |binder| binder.tabular(one.value))?;
        let names = table.schema.fields.iter().map(|it| kql_data::Dynamic::String(it.name.clone())).collect();
        Ok(self.constant(Value::Dynamic(kql_data::Dynamic::array(names)), Type::Dynamic))
    }

    /// The time a row came in: its `_IngestionTime` or `_TimeReceived`, else `TimeGenerated`, else null.
    fn ingestion_time(&mut self, arguments: &[Argument], span: Span) -> Bind<ExprId> {
        if !arguments.is_empty() {
            return self.fail("SEM0219", span, "ingestion_time() takes no argument");
        }
        for name in ["_IngestionTime", "_TimeReceived", "TimeGenerated", "Timestamp"] {
            if let Some((index, Type::Datetime)) = self.row.find(name) {
                return Ok(self.column(index, Type::Datetime));
            }
        }
        Ok(self.constant(Value::Null, Type::Datetime))
    }

    // ---- several columns out of one call

    /// Suffixes and types of a call that gives several columns.
    pub(super) fn columns_of(&self, expr: ExprId) -> Option<&'static [(&'static str, Type)]> {
        let Expr::Call { function, overload, .. } = self.plan.expr(expr) else { return None };
        match function.overloads.get(*overload)?.returns {
            Returns::Columns(columns) => Some(columns),
            _ => None,
        }
    }

    /// The n-th column of such a call.
    pub(super) fn nth_column(&mut self, expr: ExprId, n: usize, ty: Type, span: Span) -> Bind<ExprId> {
        let index = self.constant(Value::Long(n as i64), Type::Long);
        let item = self.make_call("[]", &[expr, index], span)?;
        self.cast(item, ty, span)
    }

    // ---- aggregates

    /// Binds `body` with aggregates allowed; gives its result and the aggregates met.
    pub(super) fn aggregating<T>(
        &mut self,
        n_keys: usize,
        body: impl FnOnce(&mut Self) -> Bind<T>,
    ) -> Bind<(T, Vec<AggregateExpr>)> {
        let before = self.aggregation.replace(Aggregation { n_keys, calls: Vec::new(), n_outputs: 0, inside: false });
        let res = body(self);
        let aggregation = std::mem::replace(&mut self.aggregation, before);
        Ok((res?, aggregation.map(|it| it.calls).unwrap_or_default()))
    }

    /// An aggregate call: the names and columns of its outputs.
    pub(super) fn aggregate(
        &mut self,
        aggregate: &'static Aggregate,
        call: &Call,
        span: Span,
    ) -> Bind<Vec<(String, ExprId)>> {
        match &mut self.aggregation {
            Some(it) if !it.inside => it.inside = true,
            _ => return self.fail("SEM0237", span, format!("the aggregate `{}` is not expected here", aggregate.name)),
        }
        let res = self.aggregate_arguments(aggregate, call);
        if let Some(it) = &mut self.aggregation {
            it.inside = false;
        }
        let (args, names) = res?;
        let actuals: Vec<Actual> = args.iter().map(|it| self.actual(*it)).collect();
        let resolved = match aggregate.resolve(&actuals) {
            Ok(it) => it,
            Err(fault) => return self.fault(span, &fault),
        };
        let converted = self.converted(&args, &resolved, span)?;
        let outputs = kql_functions::aggregate::outputs(aggregate, &actuals, &names, resolved.ty);
        let types: Vec<Type> = outputs.iter().map(|(_, ty)| *ty).collect();
        let Some(aggregation) = &mut self.aggregation else { return Err(Reported) };
        let first = aggregation.n_keys + aggregation.n_outputs;
        aggregation.n_outputs += types.len();
        let overload = resolved.overload;
        aggregation.calls.push(AggregateExpr { aggregate, overload, args: converted, outputs: types });
        Ok(outputs.into_iter().enumerate().map(|(n, (name, ty))| (name, self.column(first + n, ty))).collect())
    }

    /// A value that is the same for all rows as an aggregate: itself where a group has rows.
    pub(super) fn any_of(&mut self, expr: ExprId, span: Span) -> Bind<ExprId> {
        let Some(aggregate) = kql_functions::aggregate("take_any") else { return Err(Reported) };
        let actual = self.actual(Arg { expr, is_type: false });
        let resolved = match aggregate.resolve(&[actual]) {
            Ok(it) => it,
            Err(fault) => return self.fault(span, &fault),
        };
        let ty = self.ty(expr);
        let Some(aggregation) = &mut self.aggregation else { return Err(Reported) };
        let index = aggregation.n_keys + aggregation.n_outputs;
        aggregation.n_outputs += 1;
        let overload = resolved.overload;
        aggregation.calls.push(AggregateExpr { aggregate, overload, args: vec![expr], outputs: vec![ty] });
        Ok(self.column(index, ty))
    }

    /// Arguments with `*` spelled out: every column but the first argument's and the group keys.
    fn aggregate_arguments(&mut self, aggregate: &Aggregate, call: &Call) -> Bind<(Vec<Arg>, Vec<Option<String>>)> {
        let query = self.query.clone();
        let (mut args, mut names) = (Vec::new(), Vec::new());
        let is_count = matches!(aggregate.name, "count" | "dcount");
        for argument in &call.arguments {
            if matches!(query.kind(argument.value), ExprKind::Star) {
                if is_count {
                    continue;
                }
                let first =
                    call.arguments.first().filter(|_| !args.is_empty()).and_then(|it| self.simple_name(it.value));
                let skipped = self.star_skips.clone();
                for (index, field) in self.row.schema.fields.clone().iter().enumerate() {
                    if first.as_ref().is_some_and(|(name, _)| **name == *field.name) || skipped.contains(&*field.name) {
                        continue;
                    }
                    args.push(Arg { expr: self.column(index, field.ty), is_type: false });
                    names.push(Some(field.name.to_string()));
                }
                continue;
            }
            let arg = match query.kind(argument.value) {
                ExprKind::TypeOf(TypeOf::Scalar(ty)) => {
                    let ty = self.type_literal(&ty.text, ty.span)?;
                    Arg { expr: self.constant(Value::String(ty.name().into()), Type::String), is_type: true }
                }
                _ => Arg { expr: self.scalar(argument.value)?, is_type: false },
            };
            args.push(arg);
            // `arg_max(t, Last = x)` names that output.
            let given = argument.name.as_ref().map(|it| it.text.clone());
            names.push(given.or_else(|| self.natural_name(argument.value)));
        }
        Ok((args, names))
    }
}
