//! The engine: tables, stored functions, surroundings, and the run of a query.

use crate::{Error, Outcome, ResultTable, catalogue::Names, reads::Part};
use indexmap::IndexMap;
use kql_data::{Batch, Column, Context, Fault, Geo, Limits, Map, Schema, Stop, Table, time};
use kql_executor::{Execution, Threads};
use kql_parser::{
    Bound, Diagnostic, Notes, ParseOptions, StoredFunction, bind, bind_with_notes, optimise::optimise, parse,
    plan::Plan, syntax,
};
use std::{
    cell::Cell,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

/// Bytes of stack that a query gets; the depth limits are made for it.
const STACK_BYTES: usize = 16 << 20;

/// What `now()` is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Now {
    /// The wall clock, once a query.
    #[default]
    Clock,
    /// That moment, in ticks.
    At(i64),
    /// The newest `TimeGenerated` (or `Timestamp`) of all tables: for old logs.
    Latest,
}

/// Where `externaldata` and the like get their rows.
pub trait External: Send + Sync {
    /// The rows behind a URI under a schema; the error says what to do. `limits` are the query's, its memory what is left of it.
    fn read(
        &self,
        uri: &str,
        schema: &Schema,
        properties: &[(String, String)],
        limits: &Limits,
    ) -> Result<Vec<Batch>, String>;

    /// The columns that the rows behind a URI seem to have. `properties`: `format`, and `header` where it is `true`.
    fn infer(&self, uri: &str, properties: &[(String, String)]) -> Result<Schema, String> {
        _ = properties;
        Err(format!("the columns of `{uri}` cannot be told here"))
    }

    /// Whether a URI can be read; the error says why not and what to do.
    fn available(&self, uri: &str) -> Result<(), String> {
        _ = uri;
        Ok(())
    }
}

/// Tables and functions to query. Cloning shares the tables.
#[derive(Clone, Default)]
pub struct Engine {
    pub(crate) tables: IndexMap<String, Arc<Table>, ahash::RandomState>,
    /// Tables that may be named while nothing is loaded into them.
    pub(crate) known: Arc<IndexMap<String, Arc<Table>, ahash::RandomState>>,
    pub(crate) functions: Arc<IndexMap<String, StoredFunction, ahash::RandomState>>,
    pub(crate) external: Option<Arc<dyn External>>,
    pub(crate) checked: Option<Arc<dyn Known>>,
    geo: Option<Arc<dyn Geo>>,
    now: Now,
    limits: Limits,
    pub(crate) batch_rows: Option<usize>,
    seed: u64,
    /// Of tables that were loaded in part: what of them.
    pub(crate) parts: Map<String, Part>,
    stop: Stop,
    pub(crate) unoptimised: bool,
    /// Copies of an engine share them.
    threads: Arc<Threads>,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Engine").field("tables", &self.tables.keys()).finish_non_exhaustive()
    }
}

/// A query with what goes with it.
#[derive(Clone, Debug, Default)]
pub struct Query {
    /// The text.
    pub text: String,
    /// Values for `declare query_parameters`: a KQL literal or plain text each.
    pub parameters: Vec<(String, String)>,
}

impl From<&str> for Query {
    fn from(text: &str) -> Query {
        Query { text: text.to_owned(), parameters: Vec::new() }
    }
}

/// What checking a query tells.
#[derive(Clone, Debug)]
pub struct Check {
    /// Columns of each result; empty when the text is faulty.
    pub results: Vec<(String, Arc<Schema>)>,
    /// Errors and warnings.
    pub diagnostics: Vec<Diagnostic>,
    /// The plan as it was bound; whole only without errors.
    pub plan: Arc<Plan>,
    /// The text as it was parsed.
    pub tree: Arc<syntax::Query>,
    /// What else binding found out about the text; nothing when it could not be parsed.
    pub notes: Notes,
}

/// What a host knows of tables and functions that an engine does not have, for [`Engine::check`]: a query that names them is
/// bound with the columns that are known, and other columns are taken to exist.
pub trait Known: Send + Sync {
    /// All columns of a table.
    fn table(&self, name: &str) -> Option<Arc<Schema>>;
    /// The names of those tables: for patterns, and for suggestions.
    fn tables(&self) -> Vec<String>;
    /// What stands for a table or table function that nothing else knows; `None` makes its name an error.
    fn opaque(&self, name: &str) -> Option<kql_parser::Opaque>;
}

impl Engine {
    /// An engine without tables.
    pub fn new() -> Engine {
        Engine { seed: 1, ..Engine::default() }
    }

    /// Adds a table, or replaces the one of that name.
    pub fn add_table(&mut self, name: impl Into<String>, table: Table) {
        let name = name.into();
        _ = self.parts.remove(&name);
        _ = self.tables.insert(name, Arc::new(table));
    }

    /// Adds a stored function, as a workspace has them.
    pub fn add_function(&mut self, name: impl Into<String>, function: StoredFunction) {
        _ = Arc::make_mut(&mut self.functions).insert(name.into(), function);
    }

    /// Removes a table.
    pub fn remove_table(&mut self, name: &str) -> bool {
        self.tables.shift_remove(name).is_some()
    }

    /// The tables by name, in the order they came.
    pub fn tables(&self) -> impl Iterator<Item = (&str, &Arc<Table>)> {
        self.tables.iter().map(|(name, it)| (name.as_str(), it))
    }

    /// The table of that name, be it a known one without rows.
    pub fn table(&self, name: &str) -> Option<&Arc<Table>> {
        self.tables.get(name).or_else(|| self.known.get(name))
    }

    /// Tables that may be named while nothing is loaded into them.
    pub fn known_tables(&self) -> impl Iterator<Item = (&str, &Arc<Table>)> {
        self.known.iter().filter(|it| !self.tables.contains_key(it.0)).map(|(name, it)| (name.as_str(), it))
    }

    /// The stored functions by name.
    pub fn functions(&self) -> impl Iterator<Item = (&str, &StoredFunction)> {
        self.functions.iter().map(|(name, it)| (name.as_str(), it))
    }

    /// Sets what `now()` is.
    pub fn set_now(&mut self, now: Now) {
        self.now = now;
    }

    /// Sets the bounds of queries.
    pub fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
    }

    /// The bounds of queries.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Sets how long a query may run: [`Limits::time`].
    pub fn set_timeout(&mut self, timeout: Option<Duration>) {
        self.limits.time = timeout;
    }

    /// Sets how many rows flow through a query at once; `None` for the usual. Answers do not depend on it; tests do.
    pub fn set_batch_rows(&mut self, n_rows: Option<usize>) {
        self.batch_rows = n_rows;
    }

    /// Sets where `geo_info_from_ip_address` looks addresses up.
    pub fn set_geo(&mut self, geo: Arc<dyn Geo>) {
        self.geo = Some(geo);
    }

    /// Sets where `externaldata` gets its rows.
    pub fn set_external(&mut self, external: Arc<dyn External>) {
        self.external = Some(external);
    }

    /// Whether `externaldata` can read a URI; the error says why not and what to do.
    pub fn external_available(&self, uri: &str) -> Result<(), String> {
        match &self.external {
            Some(external) => external.available(uri),
            None => Err(format!("`{uri}` is not read: the engine opens nothing by itself")),
        }
    }

    /// Sets what [`Engine::check`] knows beyond the engine's own tables and functions; runs do not see it.
    pub fn set_known(&mut self, known: Arc<dyn Known>) {
        self.checked = Some(known);
    }

    /// Sets whether plans are optimised; they are unless told otherwise. For tests and `explain`.
    pub fn set_optimised(&mut self, optimised: bool) {
        self.unoptimised = !optimised;
    }

    /// Sets the seed of `rand()` and `new_guid()`.
    pub fn set_seed(&mut self, seed: u64) {
        self.seed = seed;
    }

    /// Sets the switch that stops queries from another thread.
    pub fn set_stop(&mut self, stop: Stop) {
        self.stop = stop;
    }

    /// The switch that stops queries.
    pub fn stop(&self) -> Stop {
        self.stop.clone()
    }

    /// The moment that `now()` gives, in ticks.
    pub fn now(&self) -> i64 {
        match self.now {
            Now::At(ticks) => ticks,
            Now::Clock => clock(),
            Now::Latest => {
                let newest = |it: &Arc<Table>| it.latest("TimeGenerated").max(it.latest("Timestamp"));
                let left_out = self.parts.values().filter_map(|it| it.latest);
                self.tables.values().filter_map(newest).chain(left_out).max().unwrap_or_else(clock)
            }
        }
    }

    pub(crate) fn context(&self, stop: Stop) -> Context {
        let mut cx = Context::new(self.now(), self.seed, stop, self.limits.clone());
        cx.geo = self.geo.clone();
        cx
    }

    /// Parses and binds a query without running it.
    pub fn check(&self, query: impl Into<Query>) -> Check {
        let query = query.into();
        let work = || {
            let stop = self.stop.child();
            let _watch = self.limits.time.map(|time| Watch::new(time, stop.clone()));
            let cx = self.context(stop);
            let (tree, mut diagnostics) = self.parse(&query);
            let mut bound = Bound::default();
            if !diagnostics.iter().any(Diagnostic::is_error) {
                bound = bind_with_notes(&tree, &Names { engine: self, cx: &cx, runs: false }, &cx, &query.parameters);
            }
            diagnostics.append(&mut bound.diagnostics);
            let plan = bound.plan;
            let results = match diagnostics.iter().any(Diagnostic::is_error) {
                true => Vec::new(),
                false => plan.results.iter().map(|it| (it.name.clone(), plan.schema(it.node))).collect(),
            };
            Ok(Check { results, diagnostics, plan: Arc::new(plan), tree, notes: bound.notes })
        };
        on_own_stack(work).unwrap_or_else(|error| Check {
            results: Vec::new(),
            diagnostics: vec![Diagnostic::error("KQL9999", Default::default(), error.to_string())],
            plan: Arc::default(),
            tree: Arc::default(),
            notes: Notes::default(),
        })
    }

    /// Runs a query.
    pub fn query(&self, query: impl Into<Query>) -> Result<Outcome, Error> {
        let query = query.into();
        // The query's own, so that the next one is not out of time too.
        let stop = self.stop.child();
        let _watch = self.limits.time.map(|time| Watch::new(time, stop.clone()));
        on_own_stack(|| self.run(&query, stop))
    }

    pub(crate) fn parse(&self, query: &Query) -> (Arc<syntax::Query>, Vec<Diagnostic>) {
        if query.text.len() > self.limits.query_bytes {
            let message = format!("the query is longer than the limit `query_bytes` of {}", self.limits.query_bytes);
            return (Arc::default(), vec![Diagnostic::error("SYN0001", Default::default(), message)]);
        }
        let (tree, diagnostics) = parse(&query.text, &ParseOptions::from(&self.limits));
        (Arc::new(tree), diagnostics)
    }

    /// Computes one node of a plan over the tables of this engine, which must have the columns that the plan was bound with.
    pub fn evaluate(&self, plan: &Plan, node: kql_parser::plan::NodeId) -> Result<Vec<Batch>, Error> {
        on_own_stack(|| {
            let cx = self.context(self.stop.child());
            Ok(self.execution(&cx, plan).run(node)?)
        })
    }

    fn bind(&self, query: &Query, cx: &Context) -> (Plan, Vec<Diagnostic>) {
        let (tree, mut diagnostics) = self.parse(query);
        if diagnostics.iter().any(Diagnostic::is_error) {
            return (Plan::default(), diagnostics);
        }
        let names = Names { engine: self, cx, runs: true };
        let (plan, found) = bind(&tree, &names, cx, &query.parameters);
        diagnostics.extend(found);
        (plan, diagnostics)
    }

    pub(crate) fn execution<'a>(&'a self, cx: &'a Context, plan: &'a Plan) -> Execution<'a> {
        let execution = Execution::new(cx, plan, self).threads(&self.threads);
        match self.batch_rows {
            Some(n_rows) => execution.batch_rows(n_rows),
            None => execution,
        }
    }

    fn run(&self, query: &Query, stop: Stop) -> Result<Outcome, Error> {
        let cx = self.context(stop);
        let (plan, diagnostics) = self.bind(query, &cx);
        cx.check()?;
        if let Some(fault) = plan.halted {
            return Err(Error::Run(fault));
        }
        if diagnostics.iter().any(Diagnostic::is_error) {
            return Err(Error::Query(diagnostics));
        }
        cx.budget.lower(plan.lowered.memory);
        let _watch = plan.lowered.time.map(|time| Watch::new(time, cx.stop.clone()));
        let plan = if self.unoptimised { plan } else { optimise(&cx, plan)? };
        self.check_kept(&plan)?;
        cx.check()?;
        let start = Instant::now();
        let elapsed = move || u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX);
        let execution = self.execution(&cx, &plan).clock(&elapsed);
        let mut tables = Vec::with_capacity(plan.results.len());
        for result in &plan.results {
            let batches = execution.run(result.node)?;
            self.check_result(&plan, &result.name, &batches)?;
            tables.push(ResultTable {
                name: result.name.clone(),
                schema: plan.schema(result.node),
                batches,
                visualization: result.visualization.clone(),
            });
        }
        let statistics = execution.statistics();
        drop(execution);
        let warnings = cx.take_warnings();
        Ok(Outcome { tables, diagnostics, warnings, complete: true, plan: Arc::new(plan), statistics })
    }
}

impl Engine {
    /// Refuses an answer that is larger than the host, or the query itself, allows.
    fn check_result(&self, plan: &Plan, name: &str, batches: &[Batch]) -> Result<(), Fault> {
        let (limits, lowered) = (&self.limits, &plan.lowered);
        let within = |field: &'static str, limit: usize, found: usize| match found <= limit {
            true => Ok(()),
            false => Err(Fault::Limit { name: field, limit: limit as u64, by: format!("the result {name}") }),
        };
        let n_rows = batches.iter().map(|it| it.n_rows).sum();
        within("result_rows", limits.result_rows.min(lowered.result_rows), n_rows)?;
        let bytes_max = limits.result_bytes.min(lowered.result_bytes);
        match bytes_max {
            usize::MAX => Ok(()),
            _ => within("result_bytes", bytes_max, batches.iter().flat_map(|it| &it.columns).map(written_bytes).sum()),
        }
    }
}

/// Bytes of a column where every row has its own, as whoever gets the answer will have it.
fn written_bytes(column: &Column) -> usize {
    match column {
        Column::Constant { value, len, .. } => value.bytes().saturating_mul(*len),
        Column::Lists(it) => it.value_bytes(),
        other => other.bytes(),
    }
}

/// The wall clock in ticks.
fn clock() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    time::UNIX_EPOCH + i64::try_from(since.as_nanos() / 100).unwrap_or(0)
}

/// Stops a query when its time is over, unless it is dropped before.
struct Watch {
    done: Stop,
    /// `None` where the system gives no thread, which the query itself then says.
    thread: Option<std::thread::Thread>,
}

impl Watch {
    fn new(time: Duration, stop: Stop) -> Watch {
        let done = Stop::default();
        let is_done = done.clone();
        let wait = move || {
            let start = Instant::now();
            while is_done.check().is_ok() {
                match time.checked_sub(start.elapsed()) {
                    Some(left) if !left.is_zero() => std::thread::park_timeout(left),
                    _ => return stop.time_out(),
                }
            }
        };
        let thread = std::thread::Builder::new().spawn(wait).ok().map(|it| it.thread().clone());
        Watch { done, thread }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.done.cancel();
        if let Some(thread) = &self.thread {
            thread.unpark();
        }
    }
}

thread_local! {
    /// Whether this thread was made for queries, and runs none at the moment.
    static IS_FREE: Cell<bool> = const { Cell::new(false) };
}

/// Runs work on a thread with the stack that queries need. Those that it runs then make no threads of their own, which
/// counts where there are many small ones. A panic becomes an error.
pub fn with_query_stack<T: Send>(work: impl FnOnce() -> T + Send) -> Result<T, Error> {
    on_new_stack(|| {
        IS_FREE.set(true);
        Ok(work())
    })
}

/// Runs work on a thread with the stack that the depth limits need; a panic becomes an error.
pub(crate) fn on_own_stack<T: Send>(work: impl FnOnce() -> Result<T, Error> + Send) -> Result<T, Error> {
    if !IS_FREE.get() {
        return on_new_stack(work);
    }
    IS_FREE.set(false);
    let res = guarded(work);
    IS_FREE.set(true);
    res
}

fn guarded<T>(work: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| Err(Error::Bug(message(&*panic))))
}

fn on_new_stack<T: Send>(work: impl FnOnce() -> Result<T, Error> + Send) -> Result<T, Error> {
    let work = || guarded(work);
    std::thread::scope(|scope| match std::thread::Builder::new().stack_size(STACK_BYTES).spawn_scoped(scope, work) {
        Ok(handle) => handle.join().unwrap_or_else(|panic| Err(Error::Bug(message(&*panic)))),
        Err(why) => Err(Error::Bug(format!("no thread for the query: {why}"))),
    })
}

fn message(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or(panic.downcast_ref::<&str>().copied()).unwrap_or("unknown panic").to_owned()
}
