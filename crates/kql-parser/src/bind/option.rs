//! `set`: what it may ask of a query, and a word on what has no effect here.

use super::{
    Bind, Binder, Table,
    operators::{getschema, limited},
};
use crate::{
    diagnostic::{Diagnostic, Span, closest},
    plan::{Lowered, Op},
    syntax::{self, ExprKind},
};
use kql_data::{Type, Value};
use std::time::Duration;

/// Options that have an effect, or ask for what holds anyhow.
const HONOURED: &[&str] = &[
    "best_effort",
    "max_memory_consumption_per_query_per_node",
    "maxmemoryconsumptionperiterator",
    "maxoutputcolumns",
    "norequesttimeout",
    "notruncation",
    "now",
    "query_bin_auto_at",
    "query_bin_auto_size",
    "query_datetimescope_column",
    "query_datetimescope_from",
    "query_datetimescope_to",
    "query_language",
    "query_max_entities_in_union",
    "query_now",
    "query_results_apply_getschema",
    "query_results_cache_max_age",
    "query_take_max_records",
    "request_block_row_level_security",
    "request_callout_disabled",
    "request_description",
    "request_external_data_disabled",
    "request_external_table_disabled",
    "request_readonly",
    "request_readonly_hardline",
    "request_remote_entities_disabled",
    "request_sandboxed_execution_disabled",
    "servertimeout",
    "truncationmaxrecords",
    "truncationmaxsize",
];

/// Documented options that steer a service: caches, nodes, shards, the wire, its journal.
const OF_A_SERVICE: &[&str] = &[
    "client_max_redirect_count",
    "client_results_reader_allow_varying_row_widths",
    "deferpartialqueryfailures",
    "materialized_view_shuffle",
    "materialized_view_shuffle_query",
    "perftrace",
    "push_selection_through_aggregation",
    "query_cursor_after_default",
    "query_cursor_before_or_at_default",
    "query_cursor_current",
    "query_cursor_disabled",
    "query_cursor_scoped_tables",
    "query_datascope",
    "query_distribution_nodes_span",
    "query_fanout_nodes_percent",
    "query_fanout_threads_percent",
    "query_force_row_level_security",
    "query_log_query_parameters",
    "query_optimize_fts_at_relop",
    "query_python_debug",
    "query_results_cache_force_refresh",
    "query_results_cache_per_shard",
    "query_results_progressive_row_count",
    "query_results_progressive_update_period",
    "query_weakconsistency_session_id",
    "queryconsistency",
    "request_app_name",
    "request_impersonation_disabled",
    "request_user",
    "results_error_reporting_placement",
    "results_progressive_enabled",
    "results_v2_fragment_primary_tables",
    "results_v2_newlines_between_frames",
    "validatepermissions",
];

/// What `set` statements ask of the whole query.
#[derive(Clone, Debug, Default)]
pub(super) struct Options {
    /// `best_effort`: legs of unions may be missing.
    pub(super) is_fuzzy: bool,
    /// `request_external_data_disabled`: no `externaldata`, no external tables.
    pub(super) no_external_data: bool,
    /// `request_external_table_disabled`.
    pub(super) no_external_tables: bool,
    /// `request_remote_entities_disabled`: no other databases.
    pub(super) no_remote: bool,
    /// `query_results_apply_getschema`.
    only_schema: bool,
    /// `query_take_max_records`.
    take: Option<i64>,
    /// `maxoutputcolumns`.
    columns_max: Option<usize>,
    /// `query_max_entities_in_union`.
    pub(super) legs_max: Option<usize>,
    /// `query_datetimescope_column`.
    scope_column: Option<String>,
    /// `query_datetimescope_from`, ticks.
    scope_from: Option<i64>,
    /// `query_datetimescope_to`, ticks, which is outside.
    scope_to: Option<i64>,
}

impl Binder<'_> {
    /// Takes up one `set` statement.
    pub(super) fn set_option(&mut self, name: &syntax::Name, value: Option<syntax::ExprId>, span: Span) {
        // A fault is among the diagnostics by then.
        _ = self.take_option(name, value, span);
    }

    fn take_option(&mut self, name: &syntax::Name, value: Option<syntax::ExprId>, span: Span) -> Bind<()> {
        let key = name.text.to_ascii_lowercase();
        match key.as_str() {
            "query_now" | "now" => self.now = self.moment(name, value, span)?,
            "query_results_cache_max_age" => _ = self.duration(name, value, span)?,
            "servertimeout" => {
                let time = self.duration(name, value, span)?;
                self.plan.lowered.time = Some(self.plan.lowered.time.map_or(time, |it| it.min(time)));
            }
            "query_bin_auto_size" | "query_bin_auto_at" => {
                if let Some(value) = value {
                    let value = self.constant_scalar(value)?;
                    _ = self.bin_auto.insert(key, value);
                }
            }
            "truncationmaxrecords" => {
                self.lower(name, value, span, |it, to| it.result_rows = it.result_rows.min(to))?;
            }
            "truncationmaxsize" => self.lower(name, value, span, |it, to| it.result_bytes = it.result_bytes.min(to))?,
            "maxmemoryconsumptionperiterator" | "max_memory_consumption_per_query_per_node" => {
                self.lower(name, value, span, |it, to| it.memory = it.memory.min(to))?;
            }
            "best_effort" => self.options.is_fuzzy = self.flag(name, value, span)?,
            "request_external_data_disabled" => self.options.no_external_data = self.flag(name, value, span)?,
            "request_external_table_disabled" => self.options.no_external_tables = self.flag(name, value, span)?,
            "request_remote_entities_disabled" => self.options.no_remote = self.flag(name, value, span)?,
            "query_results_apply_getschema" => self.options.only_schema = self.flag(name, value, span)?,
            "query_take_max_records" => {
                let count = self.whole(name, value, span)?;
                self.options.take = i64::try_from(count).ok();
            }
            "maxoutputcolumns" => self.options.columns_max = Some(self.whole(name, value, span)?),
            "query_max_entities_in_union" => self.options.legs_max = Some(self.whole(name, value, span)?),
            "query_datetimescope_column" => match self.literal_of(value) {
                Some(Value::String(it)) => self.options.scope_column = Some(it.to_string()),
                _ => return self.wrong_value(name, "a string", span),
            },
            "query_datetimescope_from" => self.options.scope_from = Some(self.moment(name, value, span)?),
            "query_datetimescope_to" => self.options.scope_to = Some(self.moment(name, value, span)?),
            "query_language" => match self.literal_of(value) {
                Some(Value::String(it)) if matches!(&*it, "kql" | "csl") => {}
                _ => return self.fail("KQL0003", span, "`query_language` can be `kql` or `csl` here"),
            },
            _ => self.tell_of_option(name, &key),
        }
        Ok(())
    }

    /// Warns of an option that changes nothing.
    fn tell_of_option(&mut self, name: &syntax::Name, key: &str) {
        if HONOURED.contains(&key) {
            return;
        }
        // Where a rule is checked for the service, such an option is in its place.
        if OF_A_SERVICE.contains(&key) {
            if self.catalogue.runs() {
                let message = format!("`set {}` steers a service; it changes nothing here", name.text);
                self.warn("KQL0007", name.span, message);
            }
            return;
        }
        let message = format!("no option is called `{}`; it changes nothing", name.text);
        let mut diagnostic = Diagnostic::warning("KQL0007", name.span, message);
        if let Some(it) = closest(key, HONOURED.iter().chain(OF_A_SERVICE).copied()) {
            diagnostic = diagnostic.hint(format!("did you mean `{it}`?"));
        }
        self.report(diagnostic);
    }

    fn literal_of(&mut self, value: Option<syntax::ExprId>) -> Option<Value> {
        let query = self.query.clone();
        match query.kind(value?) {
            ExprKind::Literal(it) => Some(self.literal(it).0),
            // `set query_datetimescope_column = Timestamp`: a word is its text.
            ExprKind::Name(name) => Some(Value::String(name.text.as_str().into())),
            _ => None,
        }
    }

    fn wrong_value<T>(&mut self, name: &syntax::Name, wanted: &str, span: Span) -> Bind<T> {
        self.fail("SEM0020", span, format!("`{}` must be {wanted}", name.text))
    }

    fn moment(&mut self, name: &syntax::Name, value: Option<syntax::ExprId>, span: Span) -> Bind<i64> {
        match self.literal_of(value) {
            Some(Value::Datetime(ticks)) => Ok(ticks),
            _ => self.wrong_value(name, "a datetime literal", span),
        }
    }

    fn duration(&mut self, name: &syntax::Name, value: Option<syntax::ExprId>, span: Span) -> Bind<Duration> {
        let ticks = match self.literal_of(value) {
            Some(Value::Timespan(ticks)) => u64::try_from(ticks).ok(),
            Some(Value::String(text)) => crate::parser::timespan(&text).and_then(|it| u64::try_from(it).ok()),
            _ => None,
        };
        match ticks {
            Some(ticks) => Ok(Duration::from_nanos(ticks.saturating_mul(100))),
            None => self.wrong_value(name, "a timespan literal", span),
        }
    }

    /// A flag, which is set by its mere name.
    fn flag(&mut self, name: &syntax::Name, value: Option<syntax::ExprId>, span: Span) -> Bind<bool> {
        match (value, self.literal_of(value)) {
            (None, _) => Ok(true),
            (_, Some(Value::Bool(it))) => Ok(it),
            (_, Some(Value::String(it))) if it.eq_ignore_ascii_case("true") => Ok(true),
            (_, Some(Value::String(it))) if it.eq_ignore_ascii_case("false") => Ok(false),
            _ => self.wrong_value(name, "true or false", span),
        }
    }

    fn whole(&mut self, name: &syntax::Name, value: Option<syntax::ExprId>, span: Span) -> Bind<usize> {
        let number = match self.literal_of(value) {
            Some(Value::Long(it)) => usize::try_from(it).ok(),
            Some(Value::Int(it)) => usize::try_from(it).ok(),
            Some(Value::String(it)) => it.parse().ok(),
            _ => None,
        };
        match number {
            Some(it) => Ok(it),
            None => self.wrong_value(name, "a whole number from 0 on", span),
        }
    }

    /// Lowers a limit to a whole number that a `set` statement gives; the host's own is never raised.
    fn lower(
        &mut self,
        name: &syntax::Name,
        value: Option<syntax::ExprId>,
        span: Span,
        set: impl FnOnce(&mut Lowered, usize),
    ) -> Bind<()> {
        let to = self.whole(name, value, span)?;
        set(&mut self.plan.lowered, to);
        Ok(())
    }

    /// A table of the catalogue, within `query_datetimescope_from` and `_to` where it has that column.
    pub(super) fn scoped(&mut self, table: Table) -> Table {
        let Some(index) = self.options.scope_column.as_deref().and_then(|it| table.schema.index_of(it)) else {
            return table;
        };
        let bounds = [(">=", self.options.scope_from), ("<", self.options.scope_to)];
        if table.schema.fields.get(index).is_none_or(|it| it.ty != Type::Datetime) {
            return table;
        }
        let mut tests = Vec::new();
        for (operator, bound) in bounds {
            let Some(ticks) = bound else { continue };
            let column = self.column(index, Type::Datetime);
            let bound = self.constant(Value::Datetime(ticks), Type::Datetime);
            tests.extend(self.make_call(operator, &[column, bound], Span::default()));
        }
        let predicate = match tests.as_slice() {
            [] => return table,
            [one] => Ok(*one),
            both => self.make_call("and", both, Span::default()),
        };
        match predicate {
            Ok(predicate) => {
                let (schema, op) = (table.schema.clone(), Op::Filter { input: table.node, predicate });
                let (label, is_table) = (table.label.clone(), table.label_is_table);
                Table { label, label_is_table: is_table, ..self.table(op, schema, &table) }
            }
            Err(_) => table,
        }
    }

    /// What a query statement gives under the options for results.
    pub(super) fn result_under_options(&mut self, table: Table, span: Span) -> Bind<Table> {
        if let Some(most) = self.options.columns_max
            && table.schema.len() > most
        {
            let message =
                format!("the result has {} columns, more than `maxoutputcolumns` of {most}", table.schema.len());
            self.warn("KQL0007", span, message);
        }
        if self.options.only_schema {
            return getschema(self, table);
        }
        match self.options.take {
            Some(count) => {
                let visualization = table.visualization.clone();
                let count = self.constant(Value::Long(count), Type::Long);
                Ok(Table { visualization, ..limited(self, count, table) })
            }
            None => Ok(table),
        }
    }
}
