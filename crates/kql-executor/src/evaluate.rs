//! Whole-table algorithms by name: plugins, and the operators `reduce` and `top-nested`.

mod active_users_count;
mod activity_counts_metrics;
mod activity_engagement;
mod activity_metrics;
mod autocluster;
mod bag_unpack;
mod basket;
mod dcount_intersect;
mod diffpatterns;
mod diffpatterns_text;
mod estimate_rows_count;
mod funnel_sequence;
mod funnel_sequence_completion;
mod geo_lookup;
mod identity;
mod ip_lookup;
mod names;
mod narrow;
mod new_activity_metrics;
mod patterns;
mod pivot;
mod preview;
mod reduce;
mod rolling_percentile;
mod rows_near;
mod schema_merge;
mod sequence_detect;
mod session_count;
mod sliding_window_counts;
mod timeline;
mod top_nested;

use crate::{
    execution::{Execution, Frame, Run, Tables},
    group::joined,
    program::{Program, Results},
    stream::Rows,
};
use kql_data::{Batch, Column, Context, Fault, Reservation, Schema, Type, Value};
use kql_parser::diagnostic::closest;
use kql_parser::plan::{AggregateExpr, EvaluateArg, EvaluateValue, NodeId, Op, Plan};
use std::sync::Arc;

/// What a plugin gives: its columns, which may depend on the rows, and the rows.
pub(crate) type Answer = Result<(Schema, Vec<Batch>), Fault>;

/// One plugin.
type Plugin = fn(&Call<'_>) -> Answer;

/// Every plugin and operator that runs here.
const PLUGINS: &[(&str, Plugin)] = &[
    ("active_users_count", active_users_count::run),
    ("activity_counts_metrics", activity_counts_metrics::run),
    ("activity_engagement", activity_engagement::run),
    ("activity_metrics", activity_metrics::run),
    ("autocluster", autocluster::run),
    ("bag_unpack", bag_unpack::run),
    ("basket", basket::run),
    ("dcount_intersect", dcount_intersect::run),
    ("diffpatterns", diffpatterns::run),
    ("diffpatterns_text", diffpatterns_text::run),
    ("estimate_rows_count", estimate_rows_count::run),
    ("funnel_sequence", funnel_sequence::run),
    ("funnel_sequence_completion", funnel_sequence_completion::run),
    ("geo_line_lookup", geo_lookup::line),
    ("geo_polygon_lookup", geo_lookup::polygon),
    ("identity", identity::run),
    ("ipv4_lookup", ip_lookup::ipv4),
    ("ipv6_lookup", ip_lookup::ipv6),
    ("narrow", narrow::run),
    ("new_activity_metrics", new_activity_metrics::run),
    ("pivot", pivot::run),
    ("preview", preview::run),
    ("reduce", reduce::run),
    ("rolling_percentile", rolling_percentile::run),
    ("rows_near", rows_near::run),
    ("schema_merge", schema_merge::run),
    ("sequence_detect", sequence_detect::run),
    ("session_count", session_count::run),
    ("sliding_window_counts", sliding_window_counts::run),
    ("top-nested", top_nested::run),
];

/// Plugins that need a network, a service or another language, and which.
const ELSEWHERE: &[(&str, &str)] = &[
    ("ai_chat_completion", "a language model"),
    ("ai_chat_completion_prompt", "a language model"),
    ("ai_embed_text", "a language model"),
    ("ai_embeddings", "a language model"),
    ("azure_digital_twins_query_request", "Azure Digital Twins"),
    ("cosmosdb_sql_request", "Cosmos DB"),
    ("csharp", "a .NET runtime"),
    ("dax_request", "a Power BI service"),
    ("execute_query", "a cluster"),
    ("execute_show_command", "a cluster"),
    ("external_datatable", "external storage"),
    ("http_request", "a network"),
    ("http_request_post", "a network"),
    ("infer_storage_schema_with_suggestions", "external storage"),
    ("mysql_request", "a MySQL server"),
    ("postgresql_request", "a PostgreSQL server"),
    ("python", "a Python runtime"),
    ("r", "an R runtime"),
    ("sql_request", "an SQL server"),
];

/// The names of all plugins and operators that run here.
pub fn names() -> impl Iterator<Item = &'static str> {
    PLUGINS.iter().map(|(name, _)| *name)
}

/// Plugins that cannot run here, and what they would need.
pub fn refused() -> &'static [(&'static str, &'static str)] {
    ELSEWHERE
}

/// Why a plugin of that name cannot run; `None` when it can.
pub fn refusal(name: &str) -> Option<Fault> {
    if let Some((_, needs)) = ELSEWHERE.iter().find(|(it, _)| *it == name) {
        let message = format!("the plugin `{name}` needs {needs}, and nothing leaves this process");
        return Some(Fault::coded("KQL0003", message));
    }
    if UNDOCUMENTED.contains(&name) {
        return Some(Fault::Unsupported(format!("the plugin `{name}`, of which only the name is documented,")));
    }
    let is_known = PLUGINS.iter().any(|(it, _)| *it == name);
    (!is_known).then(|| {
        let names = PLUGINS.iter().map(|it| it.0).chain(ELSEWHERE.iter().map(|it| it.0));
        let meant = closest(name, names).map_or_else(String::new, |it| format!("; did you mean `{it}`?"));
        Fault::coded("SEM0260", format!("unknown plugin `{name}`{meant}"))
    })
}

/// Plugins of which no more than the name is known.
const UNDOCUMENTED: &[&str] = &["identity_v3"];

/// Runs an [`Op::Evaluate`] and gives its columns too, which may depend on the rows: what the binder asks for.
pub fn run_plugin(cx: &Context, plan: &Plan, tables: &dyn Tables, call: &Op) -> Result<(Schema, Vec<Batch>), Fault> {
    let Op::Evaluate { plugin, inputs, args } = call else { return Err(Fault::new("not a plugin")) };
    let execution = Execution::new(cx, plan, tables);
    let mut rows = Vec::with_capacity(inputs.len());
    for input in inputs {
        rows.push((plan.schema(*input), execution.run(*input)?));
    }
    for expr in call.expressions() {
        for node in plan.subplans([expr]) {
            execution.prepare(node)?;
        }
    }
    dispatch(&Run { execution: &execution, frame: &Frame::default() }, plugin, rows, args)
}

/// `Op::Evaluate`.
pub(crate) fn run(run: &Run<'_>, id: NodeId, op: &Op) -> Result<Rows, Fault> {
    let Op::Evaluate { plugin, inputs, args } = op else { return Err(Fault::new("not a plugin")) };
    let execution = run.execution;
    let (mut rows, mut held) = (Vec::with_capacity(inputs.len()), Vec::new());
    for (slot, input) in inputs.iter().enumerate() {
        let found = run.input(id, slot, *input, None, plugin)?;
        rows.push((execution.plan.schema(*input), found.batches));
        held.extend(found.held);
    }
    let (schema, batches) = dispatch(run, plugin, rows, args)?;
    let wanted = execution.plan.schema(id);
    let types = |it: &Schema| it.fields.iter().map(|it| it.ty).collect::<Vec<Type>>();
    if types(&schema) != types(&wanted) {
        return Err(Fault::new(format!("the plugin `{plugin}` gave other columns than the query expects")));
    }
    Rows::reserved(run, batches, plugin)
}

fn dispatch(run: &Run<'_>, name: &str, inputs: Vec<(Arc<Schema>, Vec<Batch>)>, args: &[EvaluateArg]) -> Answer {
    if let Some(fault) = refusal(name) {
        return Err(fault);
    }
    let Some((_, plugin)) = PLUGINS.iter().find(|(it, _)| *it == name) else {
        return Err(Fault::Unsupported(format!("the plugin `{name}`")));
    };
    let execution = run.execution;
    let mut held = execution.cx.budget.reserve(0, name)?;
    let (mut tables, mut schemas) = (Vec::with_capacity(inputs.len()), Vec::with_capacity(inputs.len()));
    for (schema, batches) in inputs {
        if batches.len() > 1 {
            held.grow(batches.iter().map(Batch::bytes).sum(), name)?;
        }
        tables.push(joined(&schema, &batches)?);
        schemas.push(schema);
    }
    let call = Call { run, execution, name, tables, schemas, args, _held: held };
    plugin(&call)
}

/// One call: the plugin's tables, each as one batch, and its arguments.
pub(crate) struct Call<'c> {
    run: &'c Run<'c>,
    pub(crate) execution: &'c Execution<'c>,
    pub(crate) name: &'c str,
    pub(crate) tables: Vec<Batch>,
    pub(crate) schemas: Vec<Arc<Schema>>,
    pub(crate) args: &'c [EvaluateArg],
    _held: Reservation,
}

impl Call<'_> {
    /// The rows piped in.
    pub(crate) fn input(&self) -> Result<&Batch, Fault> {
        self.table(0)
    }

    /// A table by index.
    pub(crate) fn table(&self, index: usize) -> Result<&Batch, Fault> {
        self.tables.get(index).ok_or_else(|| self.wrong("it needs another table"))
    }

    /// The columns of a table by index.
    pub(crate) fn schema(&self, index: usize) -> Result<&Schema, Fault> {
        self.schemas.get(index).map(|it| &**it).ok_or_else(|| self.wrong("it needs another table"))
    }

    /// A fault that names the plugin.
    pub(crate) fn wrong(&self, what: &str) -> Fault {
        Fault::coded("SEM0100", format!("{}(): {what}", self.name))
    }

    /// Refuses more columns than a table may have.
    pub(crate) fn check_columns(&self, n_columns: usize) -> Result<(), Fault> {
        let limit = self.execution.cx.limits.columns;
        match n_columns <= limit {
            true => Ok(()),
            false => Err(Fault::Limit { name: "columns", limit: limit as u64, by: format!("{}()", self.name) }),
        }
    }

    /// The n-th argument without a name.
    pub(crate) fn positional(&self, index: usize) -> Option<&EvaluateValue> {
        self.args.iter().filter(|it| it.name.is_none()).nth(index).map(|it| &it.value)
    }

    /// An argument by name, or else by place among those without a name.
    pub(crate) fn argument(&self, name: &str, index: usize) -> Option<&EvaluateValue> {
        let named = self.args.iter().find(|it| it.name.as_deref() == Some(name)).map(|it| &it.value);
        named.or_else(|| self.positional(index))
    }

    /// The same, which must be there.
    pub(crate) fn required(&self, name: &str, index: usize) -> Result<&EvaluateValue, Fault> {
        self.argument(name, index).ok_or_else(|| self.wrong(&format!("the argument `{name}` is missing")))
    }

    /// The index of the input column that an argument names.
    pub(crate) fn column_index(&self, name: &str, index: usize) -> Result<usize, Fault> {
        match self.required(name, index)? {
            EvaluateValue::Column(it) => Ok(*it),
            _ => Err(self.wrong(&format!("the argument `{name}` must be a column"))),
        }
    }

    /// The values of an argument by row of the input.
    pub(crate) fn values(&self, value: &EvaluateValue) -> Result<Column, Fault> {
        self.values_over(value, self.input()?)
    }

    /// The values of an argument by row of some other rows.
    pub(crate) fn values_over(&self, value: &EvaluateValue, input: &Batch) -> Result<Column, Fault> {
        match value {
            EvaluateValue::Column(it) => {
                input.columns.get(*it).cloned().ok_or_else(|| self.wrong("it names a column that is not there"))
            }
            EvaluateValue::Expr(id) => {
                let columns = Program::compile(self.run, &[*id])?.run(self.execution, input)?;
                columns.first().cloned().ok_or_else(|| self.wrong("an argument has no value"))
            }
            EvaluateValue::Table(_) | EvaluateValue::Aggregate(_) => Err(self.wrong("an argument is no column")),
        }
    }

    /// The constant that an argument is; `None` when it is not given or null.
    pub(crate) fn constant(&self, name: &str, index: usize) -> Result<Option<Value>, Fault> {
        match self.argument(name, index) {
            None => Ok(None),
            Some(EvaluateValue::Expr(id)) => self.constant_of(&EvaluateValue::Expr(*id)).map(Some),
            Some(_) => Err(self.wrong(&format!("the argument `{name}` must be a constant"))),
        }
        .map(|it| it.filter(|it| !it.is_null()))
    }

    /// The value of an argument that is an expression without columns.
    pub(crate) fn constant_of(&self, value: &EvaluateValue) -> Result<Value, Fault> {
        match value {
            EvaluateValue::Expr(id) => {
                let program = Program::compile(self.run, &[*id])?;
                if !program.columns.is_empty() {
                    return Err(self.wrong("an argument must be a constant"));
                }
                program.value(self.execution)
            }
            _ => Err(self.wrong("an argument must be a constant")),
        }
    }

    /// An aggregate with the columns of its arguments.
    pub(crate) fn aggregate(&self, it: &AggregateExpr) -> Result<(crate::aggregate::Aggregates, Results), Fault> {
        let program = Program::compile(self.run, &it.args)?;
        let columns = program.run(self.execution, self.input()?)?;
        let calls =
            crate::aggregate::Aggregates::new(self.execution, std::slice::from_ref(it), &program.constants(), 0);
        Ok((calls, columns))
    }

    /// Fails once the query is to stop.
    pub(crate) fn check(&self) -> Result<(), Fault> {
        self.execution.cx.check()
    }
}
