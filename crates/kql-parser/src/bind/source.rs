//! Where pipelines begin: tables, `let`s, functions, other databases, and the chain of operators behind them.

use super::{Bind, Binder, Opaque, Reported, Row, Table, entity::Entity, operators, scope::Binding};
use crate::{
    diagnostic::{Diagnostic, Span, closest},
    plan::Op,
    syntax::{self, Argument, Call, ExprKind, Name, Operator, PipelineId, Step},
};
use kql_data::{Schema, Type, Value};
use std::sync::Arc;

impl Binder<'_> {
    /// Binds a tabular expression.
    pub(super) fn tabular(&mut self, id: syntax::ExprId) -> Bind<Table> {
        let table = self.table_or_graph(id)?;
        let table = self.rows_of(table, self.query.span(id))?;
        self.note_table(id, &table);
        Ok(table)
    }

    /// Binds a tabular expression, which may be a graph.
    pub(super) fn table_or_graph(&mut self, id: syntax::ExprId) -> Bind<Table> {
        let query = self.query.clone();
        let span = query.span(id);
        self.nested(span, |binder| match query.kind(id) {
            ExprKind::Missing => Err(Reported),
            ExprKind::Parenthesized(inner) => {
                let table = binder.table_or_graph(*inner)?;
                Ok(table)
            }
            ExprKind::Pipeline(pipeline) => binder.pipeline_or_graph(*pipeline, None),
            ExprKind::Name(name) => binder.named_table(&name.text, name.span),
            ExprKind::Call(call) => binder.called_table(call, span),
            ExprKind::Path { base, steps } => binder.remote_table(*base, steps, span),
            ExprKind::Materialize { value, .. } => binder.materialize(*value),
            ExprKind::ToTable { value, .. } => binder.tabular(*value),
            ExprKind::ToScalar { .. } => binder.fail("SEM0085", span, "a scalar is not expected here"),
            ExprKind::EntityGroup(_) => binder.fail("SEM0611", span, "an entity group is not a table"),
            _ => binder.fail("SEM0001", span, "a table is needed here"),
        })
    }

    /// Binds a pipeline; `input` is what a subquery without a source reads.
    pub(super) fn pipeline(&mut self, id: PipelineId, input: Option<Table>) -> Bind<Table> {
        let span = self.query.pipeline(id).span;
        let table = self.pipeline_or_graph(id, input)?;
        self.rows_of(table, span)
    }

    fn pipeline_or_graph(&mut self, id: PipelineId, input: Option<Table>) -> Bind<Table> {
        let query = self.query.clone();
        let pipeline = query.pipeline(id);
        let table = match pipeline.source {
            Some(source) => Some(self.over(Row::none(), |binder| binder.table_or_graph(source))?),
            None => input,
        };
        match self.stages(&pipeline.stages, table)? {
            Some(it) => Ok(it),
            None => self.fail("SYN0002", pipeline.span, "a table is needed here"),
        }
    }

    /// Binds operators, one after the other.
    pub(super) fn stages(&mut self, stages: &[syntax::Stage], input: Option<Table>) -> Bind<Option<Table>> {
        let mut table = input;
        // Whether the table is that of the `extend` before, which nothing else has seen.
        let mut is_extended = false;
        for stage in stages {
            self.check_size(stage.span)?;
            let extends = matches!(stage.operator, Operator::Extend(_) | Operator::Serialize(_));
            if !(extends && is_extended)
                && let Some(table) = &table
            {
                self.note_row(table);
            }
            let (input_open, before) = (table.as_ref().map(|it| it.open), table.as_ref().map(|it| it.node));
            let input = table.take();
            let next = self.over(Row::none(), |binder| match (&stage.operator, input) {
                (Operator::Extend(it), Some(input)) if is_extended => {
                    binder.tell_of_parameters(stage);
                    operators::extend_more(binder, &it.columns, input)
                }
                (Operator::Serialize(it), Some(input)) if is_extended => {
                    binder.tell_of_parameters(stage);
                    operators::extend_more(binder, &it.columns, Table { serialized: true, ..input })
                }
                (_, input) => operators::bind(binder, stage, input),
            })?;
            self.note_stage(stage.span, input_open);
            // One without columns hands on the very table that it was given, which others may read.
            is_extended = extends && (is_extended || Some(next.node) != before);
            table = Some(next);
        }
        Ok(table)
    }

    fn named_table(&mut self, name: &str, span: Span) -> Bind<Table> {
        if self.env.find(name).is_some_and(Binding::is_tabular) && self.is_definition_hidden(name) {
            return self.hidden(name, span);
        }
        match self.env.find(name).cloned() {
            Some(Binding::Table(table)) => {
                let node = self.made_anew(table.node, span)?;
                return Ok(Table { node, visualization: None, ..*table });
            }
            Some(Binding::Function(function)) => {
                let mut table = self.call_tabular_function(&function, &[], None, span)?;
                table.label = function.is_view.then(|| name.to_owned());
                table.label_is_table = false;
                return Ok(table);
            }
            Some(Binding::Faulty) => return Err(Reported),
            Some(Binding::Group(..) | Binding::Entity(_)) => {
                return self.fail("SEM0608", span, format!("`{name}` is not a table"));
            }
            // A table may have the name of a scalar.
            Some(Binding::Pattern(..)) => return self.pattern_table(name, &[], None, span),
            Some(Binding::Scalar(_) | Binding::RowScalar(..) | Binding::Fresh(..) | Binding::Restriction(_)) | None => {
            }
        }
        if self.calls.iter().all(|it| it != name)
            && let Some(function) = self.stored_function(name, span)?
        {
            let mut table = self.call_tabular_function(&function, &[], None, span)?;
            table.label = None;
            return Ok(table);
        }
        if let Some(table) = self.stored_table(name) {
            return Ok(table);
        }
        if self.env.find(name).is_some() {
            return self.fail("SEM0085", span, format!("`{name}` is a scalar, and a table is needed here"));
        }
        let named = Name { text: name.to_owned(), span, quoted: false };
        match self.opaque(&named, None) {
            Some(table) => Ok(table),
            None => self.unknown_table(name, span),
        }
    }

    /// A table of the catalogue.
    pub(super) fn stored_table(&mut self, name: &str) -> Option<Table> {
        if self.is_table_hidden(name) {
            return None;
        }
        let schema = self.catalogue.table(name)?;
        let op = Op::Scan { table: name.to_owned(), columns: (0..schema.len()).collect(), bounds: Vec::new() };
        let mut table = self.new_table(op, schema);
        table.label = Some(name.to_owned());
        table.label_is_table = true;
        Some(self.scoped(table))
    }

    pub(super) fn unknown_table<T>(&mut self, name: &str, span: Span) -> Bind<T> {
        if self.is_table_hidden(name)
            && (self.catalogue.table(name).is_some() || self.catalogue.function(name).is_some())
        {
            return self.hidden(name, span);
        }
        if let Some(alias) = watchlist_of(name) {
            return self.unknown_watchlist(alias, span);
        }
        let mut known = self.catalogue.tables();
        known.extend(self.catalogue.functions());
        known.extend(self.env.iter().map(|(name, _)| name.to_owned()));
        let mut diagnostic = Diagnostic::error("SEM0100", span, format!("unknown table `{name}`"));
        if let Some(it) = closest(name, known.iter().map(String::as_str)) {
            diagnostic = diagnostic.hint(format!("did you mean `{it}`?"));
        } else if let Some(hint) = asim_hint(name) {
            diagnostic = diagnostic.hint(hint);
        }
        self.report(diagnostic);
        Err(Reported)
    }

    /// The function that reads watchlists is the host's, but its caller says which: unlike other faults in there this one
    /// tells what to do.
    fn unknown_watchlist<T>(&mut self, alias: &str, span: Span) -> Bind<T> {
        let unlisted = self.catalogue.unlisted();
        let known: Vec<&str> = unlisted.iter().filter_map(|it| watchlist_of(it)).collect();
        let span = self.foreign.unwrap_or(span);
        let mut diagnostic = Diagnostic::error("SEM0100", span, format!("unknown watchlist `{alias}`"));
        diagnostic = match closest(alias, known.iter().copied()) {
            Some(it) => diagnostic.hint(format!("did you mean `{it}`?")),
            None if known.is_empty() => diagnostic.hint("there is no watchlist"),
            None => diagnostic.hint(format!("there are: {}", shown(&known))),
        };
        let how = "a line of `[watchlists]` in kql.toml adds one, as a file `watchlists/NAME.csv` beside the data of rules does";
        let line = format!("{alias} = {{ file = \"watchlists/{alias}.csv\", search-key = \"…\" }}");
        self.report_as_is(diagnostic.hint(format!("{how}: {line}")));
        Err(Reported)
    }

    fn called_table(&mut self, call: &Call, span: Span) -> Bind<Table> {
        let name = call.function.text.as_str();
        if self.env.find(name).is_some_and(Binding::is_tabular) && self.is_definition_hidden(name) {
            return self.hidden(name, span);
        }
        match self.env.find(name).cloned() {
            Some(Binding::Pattern(..)) => return self.pattern_table(name, &call.arguments, None, span),
            Some(Binding::Function(function)) => {
                let mut table = self.call_tabular_function(&function, &call.arguments, None, span)?;
                table.label = None;
                return Ok(table);
            }
            Some(Binding::Faulty) => return Err(Reported),
            Some(Binding::Table(table)) if call.arguments.is_empty() => return Ok(*table),
            _ => {}
        }
        match name {
            "table" | "materialized_view" => return self.table_by_name(call, span),
            "materialize" => {
                return match call.arguments.as_slice() {
                    [one, ..] => self.materialize(one.value),
                    [] => self.fail("SEM0219", span, "materialize() takes a table"),
                };
            }
            "graph" => {
                let message = "`graph()` reads a graph that a service stores; make one here with `make-graph`";
                return self.fail("SEM1076", span, message);
            }
            "cluster" | "database" => {
                return self.fail("SEM0048", span, "a database is not a table; name one of its tables");
            }
            "external_table" | "stored_query_result" if self.names_known_table(call) => {
                return self.table_by_name(call, span);
            }
            "external_table" | "stored_query_result" | "arg" => {
                let message =
                    format!("`{name}()` reads from a service; load its rows as a table and name that instead");
                return self.fail("KQL0003", span, message);
            }
            _ => {}
        }
        if let Some(function) = self.stored_function(name, call.function.span)? {
            let mut table = self.call_tabular_function(&function, &call.arguments, None, span)?;
            table.label = None;
            return Ok(table);
        }
        if kql_functions::function(name).is_some() {
            return self.fail("SEM0085", span, format!("`{name}` gives a scalar, and a table is needed here"));
        }
        match self.opaque(&call.function, Some(&call.arguments)) {
            Some(table) => Ok(table),
            None => self.unknown_function(name, call.function.span),
        }
    }

    /// A table, or with arguments a table function, of which the host knows too little to bind it.
    pub(super) fn opaque(&mut self, name: &Name, arguments: Option<&[Argument]>) -> Option<Table> {
        if self.is_table_hidden(&name.text) {
            return None;
        }
        let opaque = match self.catalogue.opaque(&name.text) {
            None if self.supposes_tables => Opaque::default(),
            known => known?,
        };
        for argument in arguments.unwrap_or_default() {
            // Their own faults are told; what the function makes of them is not known.
            match self.is_tabular(argument.value) {
                true => _ = self.over(Row::none(), |binder| binder.tabular(argument.value)),
                false => _ = self.scalar(argument.value),
            }
        }
        if let Some(notes) = self.notes() {
            let (is_call, is_known) = (arguments.is_some(), opaque.is_known);
            notes.opaque.push(super::OpaqueNote { name: name.clone(), is_call, is_known, is_fuzzy: false });
        }
        let mut table = self.no_rows((*opaque.schema).clone());
        table.open = true;
        table.label = arguments.is_none().then(|| name.text.clone());
        Some(table)
    }

    /// Whether a call names a table of the host: `external_table("T")` reads that.
    fn names_known_table(&mut self, call: &Call) -> bool {
        let query = self.query.clone();
        match call.arguments.first().map(|it| query.kind(it.value)) {
            Some(ExprKind::Literal(syntax::Literal::String(name))) => self.catalogue.table(name).is_some(),
            _ => false,
        }
    }

    fn table_by_name(&mut self, call: &Call, span: Span) -> Bind<Table> {
        let Some(first) = call.arguments.first() else {
            return self.fail("SEM0219", span, "table() takes a name");
        };
        let expr = self.constant_scalar(first.value)?;
        match self.value_of(expr) {
            Some(Value::String(name)) => match self.stored_table(&name) {
                Some(table) => Ok(table),
                None => self.named_table(&name, span),
            },
            _ => self.fail("SEM0207", span, "table() takes a constant string"),
        }
    }

    fn materialize(&mut self, value: syntax::ExprId) -> Bind<Table> {
        let table = self.over(Row::none(), |binder| binder.tabular(value))?;
        let schema = table.schema.clone();
        let mut shared = self.table(Op::Shared { input: table.node }, schema, &table);
        shared.label = None;
        Ok(shared)
    }

    /// `database("d").T`, `workspace("w").T`: the table `d.T`, `w.T` of the host; where it has none that begins so, `T`.
    fn remote_table(&mut self, base: syntax::ExprId, steps: &[Step], span: Span) -> Bind<Table> {
        let query = self.query.clone();
        if let ExprKind::Call(call) = query.kind(base)
            && matches!(self.env.find(&call.function.text), Some(Binding::Pattern(..)))
        {
            if self.is_definition_hidden(&call.function.text) {
                return self.hidden(&call.function.text, span);
            }
            return match steps {
                [one] => self.pattern_table(&call.function.text, &call.arguments, Some(one), span),
                _ => self.fail("SEM0036", span, "a pattern has one path only"),
            };
        }
        let is_entity = match query.kind(base) {
            ExprKind::Call(call) => {
                matches!(call.function.text.as_str(), "database" | "cluster" | "workspace" | "app" | "resource")
            }
            ExprKind::Name(name) => matches!(self.env.find(&name.text), Some(Binding::Entity(_))),
            _ => false,
        };
        if !is_entity {
            if let ExprKind::Call(call) = query.kind(base)
                && matches!(call.function.text.as_str(), "arg" | "adx")
            {
                let message =
                    format!("`{}()` reads from a service; load its rows as a table instead", call.function.text);
                return self.fail("KQL0003", span, message);
            }
            return match query.kind(base) {
                ExprKind::Name(name) => self.unknown_table(&name.text, name.span),
                _ => self.fail("SEM0001", span, "a table is needed here"),
            };
        }
        if self.options.no_remote {
            return self.fail(
                "SEM1076",
                span,
                "other databases are off: the query sets `request_remote_entities_disabled`",
            );
        }
        match steps.last() {
            Some(Step::Member(name)) => {
                let entity = self.entity_of_path(base, steps)?;
                self.table_of_entity(&entity, &name.text, name.span)
            }
            Some(Step::Index(index)) => {
                let entity = self.entity_of_path(base, steps)?;
                let expr = self.constant_scalar(*index)?;
                let name = self.value_of(expr).map(|it| it.text()).unwrap_or_default();
                self.table_of_entity(&entity, &name, span)
            }
            Some(Step::Call(call)) if call.function.text == "database" => {
                self.fail("SEM0048", span, "a database is not a table; name one of its tables")
            }
            Some(Step::Call(call)) => self.called_table(call, span),
            Some(Step::Wildcard(name)) => self.fail("SEM0100", name.span, "a wildcard is not expected here"),
            None => self.fail("SEM0048", span, "a database is not a table; name one of its tables"),
        }
    }

    fn table_of_entity(&mut self, entity: &Entity, name: &str, span: Span) -> Bind<Table> {
        let Some(prefix) = self.prefix_of(entity) else {
            return match self.stored_table(name) {
                Some(table) => Ok(table),
                None => self.named_table(name, span),
            };
        };
        match self.stored_table(&format!("{prefix}{name}")) {
            Some(table) => Ok(table),
            None => self.unknown_table(&format!("{prefix}{name}"), span),
        }
    }

    /// A table with one row and no columns: what `print` reads.
    pub(super) fn one_row(&mut self) -> Table {
        let batch = Arc::new(kql_data::Batch::new(Vec::new(), 1));
        self.new_table(Op::Values { batch }, Schema::default())
    }

    /// A table without rows.
    pub(super) fn no_rows(&mut self, schema: Schema) -> Table {
        let batch = Arc::new(kql_data::Batch::empty(&schema));
        self.new_table(Op::Values { batch }, schema)
    }

    /// The column of a name that must be a plain column of the row.
    pub(super) fn column_of(&mut self, id: syntax::ExprId) -> Bind<(usize, Type)> {
        let span = self.query.span(id);
        let Some((name, span)) = self.plain_column(id) else {
            return self.fail("SEM0100", span, "the name of a column is needed here");
        };
        match self.row.find(&name) {
            Some(it) => Ok(it),
            None => self.unknown_name(&name, span),
        }
    }

    /// As [`Self::column_of`], where a column that only data would tell of is null.
    pub(super) fn column_or_assumed(&mut self, id: syntax::ExprId) -> Bind<crate::plan::ExprId> {
        if let Some((name, span)) = self.plain_column(id)
            && self.row.open
            && self.row.find(&name).is_none()
        {
            return Ok(self.assumed(&name, span));
        }
        let (index, ty) = self.column_of(id)?;
        Ok(self.column(index, ty))
    }

    /// The name that an expression consists of, `$left.` and `$right.` left out.
    fn plain_column(&mut self, id: syntax::ExprId) -> Option<(String, Span)> {
        match self.query.kind(id) {
            ExprKind::Path { base, steps } => match (self.query.kind(*base), steps.as_slice()) {
                (ExprKind::Name(side), [Step::Member(name)]) if side.text == "$left" || side.text == "$right" => {
                    Some((name.text.clone(), name.span))
                }
                _ => None,
            },
            _ => self.simple_name(id),
        }
    }
}

/// The alias of the watchlist that a table of that name holds.
fn watchlist_of(table: &str) -> Option<&str> {
    table.strip_prefix("_GetWatchlist('")?.strip_suffix("')")
}

/// Where the parser of a name comes from that looks like one of ASIM's: `_Im_Dns`, `_ASim_Dns_Gcp`, `imDns`, `vimDnsGcp`.
pub(super) fn asim_hint(name: &str) -> Option<String> {
    let lower = name.to_ascii_lowercase();
    let is_builtin = lower.starts_with("_im_") || lower.starts_with("_asim_");
    let prefixes = ["im", "vim", "ASim"];
    let begins = |it: &&str| name.strip_prefix(*it).is_some_and(|rest| rest.starts_with(|it: char| it.is_uppercase()));
    if !is_builtin && !prefixes.iter().any(begins) {
        return None;
    }
    Some(
        "a parser of ASIM, which the workspace has and this project lacks: put its YAML (Azure-Sentinel, \
         `Parsers/ASim…/Parsers/*.yaml`) and those that it calls into a directory that `functions` of kql.toml names"
            .to_owned(),
    )
}

/// The first names of a list.
fn shown(names: &[&str]) -> String {
    let first: Vec<String> = names.iter().take(10).map(|it| format!("`{it}`")).collect();
    let more = if names.len() > first.len() { ", …" } else { "" };
    first.join(", ") + more
}
