//! From a syntax tree to a logical plan: names, scopes, overloads, conversions, automatic column names, inlined functions.
//!
//! * [`scope`]: what names mean. * [`expression`], [`call`]: scalar expressions. * [`naming`]: names of columns without one.
//! * [`chance`]: what is made anew. * [`entity`]: databases, patterns, restricted access.
//! * [`graph`]: graphs and the variables of patterns.
//! * [`source`]: where pipelines begin. * [`statement`]: `let` and the rest. * [`option`]: `set`.
//! * [`parameter`], [`hint`]: `kind=inner`, `hint.strategy=shuffle`. * [`operators`]: one file an operator.

mod call;
mod chance;
mod entity;
mod expression;
mod function;
mod graph;
mod hint;
mod literal;
mod naming;
mod notes;
mod null_text;
mod operators;
mod option;
mod parameter;
mod scope;
mod source;
mod statement;

use crate::{
    diagnostic::{Diagnostic, Severity, Span},
    plan::{Expr, ExprId, Mark, NodeId, Op, Plan, Visualization},
    syntax,
};
use kql_data::{Batch, Context, Fault, Schema, Type, Value};
use scope::{Environment, Row};

pub use notes::{Columns, Notes, OpaqueNote, StageNote};

use std::{cell::RefCell, sync::Arc};

/// A function that the host stores, as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredFunction {
    /// `(a:long, b:string = "x")`; may be empty.
    pub parameters: String,
    /// `{ … }` or the bare text of a query.
    pub body: String,
}

/// A table or table function of which not all is known: any further column is taken to exist.
#[derive(Clone, Debug, Default)]
pub struct Opaque {
    /// The columns that it has at least.
    pub schema: Arc<Schema>,
    /// Whether the host knows that it exists.
    pub is_known: bool,
}

/// What the host knows: tables, stored functions, and where external data and early results come from.
pub trait Catalogue {
    /// Columns of a table.
    fn table(&self, name: &str) -> Option<Arc<Schema>>;
    /// Names of all tables, in the order of their creation.
    fn tables(&self) -> Vec<String>;
    /// Names of tables that wildcards pass over, such as those of watchlists.
    fn unlisted(&self) -> Vec<String> {
        Vec::new()
    }
    /// A stored function.
    fn function(&self, name: &str) -> Option<StoredFunction>;
    /// Names of all stored functions.
    fn functions(&self) -> Vec<String>;
    /// What stands for a table or table function that the host does not have. `None`: the name is an error, as in a run.
    fn opaque(&self, name: &str) -> Option<Opaque> {
        _ = name;
        None
    }
    /// Rows of `externaldata`; the error says what to do.
    fn external(&self, uri: &str, schema: &Schema, properties: &[(String, String)]) -> Result<Vec<Batch>, String>;
    /// The rows of a node, for operators whose columns depend on their input (`bag_unpack`, `pivot`). `None` when the query is
    /// only checked.
    fn evaluate(&self, plan: &Plan, node: NodeId) -> Option<Result<Vec<Batch>, Fault>>;
    /// Why a plugin of that name cannot run; `None` when it can.
    fn plugin_refusal(&self, name: &str) -> Option<Fault>;
    /// The columns of a plugin, whose inputs are empty; `None` when it cannot tell.
    fn plugin_columns(&self, plan: &Plan, call: &crate::plan::Op) -> Option<Schema>;
    /// The columns that a file seems to have; the error says what to do.
    fn infer(&self, uri: &str, properties: &[(String, String)]) -> Result<Schema, String>;
    /// Whether the query will run; otherwise it is only checked.
    fn runs(&self) -> bool;
    /// Runs a plugin whose columns depend on its input. `None` when the query is only checked.
    fn plugin(&self, plan: &Plan, call: &crate::plan::Op) -> Option<Result<(Schema, Vec<Batch>), Fault>>;
}

/// Plugins that are answered while the query is bound.
pub const BOUND_PLUGINS: &[&str] = &["infer_storage_schema"];

/// Functions that look at names, columns or options and not at values: they are bound away and have no kernel.
pub const BOUND: &[&str] = &["bin_auto", "column_ifexists", "columnifexists", "column_names_of", "iscolumnexists"];

/// Values given to `declare query_parameters`, by name, as KQL literals or plain text.
pub type Parameters = Vec<(String, String)>;

/// Binds a query. The plan is whole only when no diagnostic is an error.
pub fn bind(
    query: &Arc<syntax::Query>,
    catalogue: &dyn Catalogue,
    cx: &Context,
    parameters: &Parameters,
) -> (Plan, Vec<Diagnostic>) {
    let mut binder = Binder::new(query, catalogue, cx, parameters);
    binder.statements(&query.statements);
    (binder.plan, binder.diagnostics)
}

/// A bound query with what was found out on the way.
#[derive(Clone, Debug, Default)]
pub struct Bound {
    /// The plan; whole only when no diagnostic is an error.
    pub plan: Plan,
    /// Errors and warnings.
    pub diagnostics: Vec<Diagnostic>,
    /// What else is known of the text.
    pub notes: Notes,
}

/// Binds a query as [`bind`] does and keeps notes.
pub fn bind_with_notes(
    query: &Arc<syntax::Query>,
    catalogue: &dyn Catalogue,
    cx: &Context,
    parameters: &Parameters,
) -> Bound {
    let mut binder = Binder { notes: Some(Notes::default()), ..Binder::new(query, catalogue, cx, parameters) };
    binder.statements(&query.statements);
    let mut notes = binder.notes.unwrap_or_default();
    let opens = |it: &crate::plan::ResultTable| binder.open_nodes.contains(&it.node);
    notes.open_results = binder.plan.results.iter().map(opens).collect();
    Bound { plan: binder.plan, diagnostics: binder.diagnostics, notes }
}

impl<'a> Binder<'a> {
    fn new(
        query: &Arc<syntax::Query>,
        catalogue: &'a dyn Catalogue,
        cx: &'a Context,
        parameters: &'a Parameters,
    ) -> Self {
        Binder {
            query: query.clone(),
            root: query.clone(),
            notes: None,
            open_nodes: kql_data::Set::default(),
            catalogue,
            cx,
            parameters,
            plan: Plan::default(),
            diagnostics: Vec::new(),
            env: Environment::default(),
            row: Row::none(),
            aggregation: None,
            allows_window: false,
            depth: 0,
            calls: Vec::new(),
            foreign: None,
            level: 0,
            now: cx.now,
            star_skips: kql_data::Set::default(),
            scope_names: kql_data::Set::default(),
            results_given: false,
            options: option::Options::default(),
            bin_auto: kql_data::Map::default(),
            graph: None,
            unclaimed: Vec::new(),
            traits: RefCell::default(),
            unknown: kql_data::Set::default(),
            inferred: Vec::new(),
            chance: chance::Chance::default(),
            is_closed: true,
            supposes_tables: false,
        }
    }
}

/// A fault that is already among the diagnostics.
#[derive(Clone, Copy, Debug)]
struct Reported;

type Bind<T> = Result<T, Reported>;

/// A bound table.
#[derive(Clone, Debug)]
struct Table {
    node: NodeId,
    schema: Arc<Schema>,
    /// Whether it may have columns that are only known when data is there.
    open: bool,
    /// Whether its order is meant: window functions may follow.
    serialized: bool,
    /// What `withsource` and `$table` call it.
    label: Option<String>,
    /// Whether the label is that of a stored table, which `let` hands on.
    label_is_table: bool,
    visualization: Option<Visualization>,
    /// A graph: its rows are none, and only graph operators may follow.
    graph: Option<Arc<graph::Graph>>,
}

impl Table {
    /// The same table under the label of another.
    fn with_label(self, like: &Table) -> Table {
        Table { label: like.label.clone(), label_is_table: like.label_is_table, ..self }
    }

    /// Whether its rows are those of a group of an enclosing operator.
    fn node_reads_group(&self, b: &Binder<'_>) -> bool {
        let mut todo = vec![self.node];
        let mut seen = kql_data::Set::default();
        while let Some(id) = todo.pop() {
            match b.plan.node(id).map(|it| &it.op) {
                Some(Op::Group) => return true,
                Some(op) if seen.insert(id) => todo.extend(op.inputs()),
                _ => {}
            }
        }
        false
    }
}

/// Aggregates met while the expressions of `summarize` are bound.
struct Aggregation {
    /// Columns before the aggregates: the keys.
    n_keys: usize,
    /// The calls so far.
    calls: Vec<crate::plan::AggregateExpr>,
    /// The number of outputs of those.
    n_outputs: usize,
    /// Whether an aggregate's arguments are being bound, where no other may stand.
    inside: bool,
}

struct Binder<'a> {
    query: Arc<syntax::Query>,
    /// The query's own text; `query` is another one within stored functions.
    root: Arc<syntax::Query>,
    notes: Option<Notes>,
    /// Nodes of results that may have more columns than their schema tells.
    open_nodes: kql_data::Set<NodeId>,
    catalogue: &'a dyn Catalogue,
    cx: &'a Context,
    parameters: &'a Parameters,
    plan: Plan,
    diagnostics: Vec<Diagnostic>,
    env: Environment,
    row: Row,
    aggregation: Option<Aggregation>,
    allows_window: bool,
    depth: usize,
    /// Stored functions being expanded, to find recursion.
    calls: Vec<String>,
    /// While a stored function's text is bound: the place of its call, where its faults are shown.
    foreign: Option<Span>,
    level: u32,
    now: i64,
    /// Columns that `*` leaves out of an aggregate: the group keys.
    star_skips: kql_data::Set<String>,
    /// Names that top-level `let`s bound so far.
    scope_names: kql_data::Set<String>,
    /// Whether an operator (`fork`, `facet`) has added the results of the statement itself.
    results_given: bool,
    /// What `set` statements ask for.
    options: option::Options,
    /// Values of the options `query_bin_auto_size` and `query_bin_auto_at`.
    bin_auto: kql_data::Map<String, ExprId>,
    /// The graph whose pattern or elements expressions are bound over.
    graph: Option<Box<graph::GraphScope>>,
    /// Tables that a statement named for later ones; they are the results when nothing else is.
    unclaimed: Vec<crate::plan::ResultTable>,
    /// What is known of each expression of the plan so far.
    traits: RefCell<Vec<Traits>>,
    /// Expressions whose type only the rows can tell.
    unknown: kql_data::Set<ExprId>,
    /// What is known of rows and scalars that are made by chance.
    chance: chance::Chance,
    /// Whether the functions around what is bound see the same at each call: they have no parameters.
    is_closed: bool,
    /// Whether tables that do not exist are taken to: of a leg of a fuzzy union in a check.
    supposes_tables: bool,
    /// Columns that tables of unknown columns must have, since expressions name them: the row's level and the name.
    inferred: Vec<(u32, String)>,
}

/// What an expression holds somewhere, and how deep it is.
#[derive(Clone, Copy, Debug, Default)]
struct Traits {
    reads_row: bool,
    is_volatile: bool,
    has_window: bool,
    depth: usize,
}

/// How deep a bound expression may be: what walks it does so by recursion.
const DEPTH_MAX: usize = 2_048;

/// Inlined functions and subqueries that may nest.
const NESTING_MAX: usize = 192;

impl Binder<'_> {
    /// Reports an error.
    fn fail<T>(&mut self, code: &'static str, span: Span, message: impl Into<String>) -> Bind<T> {
        self.report(Diagnostic::error(code, span, message));
        Err(Reported)
    }

    fn report(&mut self, mut diagnostic: Diagnostic) {
        if let Some(span) = self.foreign {
            diagnostic.span = span;
            diagnostic.hints.clear();
        }
        self.report_as_is(diagnostic);
    }

    fn report_as_is(&mut self, diagnostic: Diagnostic) {
        if self.diagnostics.len() < 200 && !self.diagnostics.contains(&diagnostic) {
            self.diagnostics.push(diagnostic);
        }
    }

    fn warn(&mut self, code: &'static str, span: Span, message: impl Into<String>) {
        self.report(Diagnostic::warning(code, span, message));
    }

    /// Reports a fault of a function's resolution or folding.
    fn fault<T>(&mut self, span: Span, fault: &Fault) -> Bind<T> {
        let code = match fault {
            Fault::Error { code, .. } => code,
            Fault::Unsupported(_) => "KQL0002",
            Fault::Limit { .. } => "E_RUNAWAY_QUERY",
            _ => "GENERAL",
        };
        self.fail(code, span, fault.to_string())
    }

    /// Reports a fault of rows that were computed to bind a query. A limit that they met is no fault of the text.
    fn run_fault<T>(&mut self, span: Span, fault: &Fault) -> Bind<T> {
        if let Fault::Limit { .. } = fault {
            self.plan.halted.get_or_insert_with(|| fault.clone());
        }
        self.fault(span, fault)
    }

    /// Runs `body` one level deeper; too deep is an error.
    fn nested<T>(&mut self, span: Span, body: impl FnOnce(&mut Self) -> Bind<T>) -> Bind<T> {
        if self.depth >= NESTING_MAX {
            return self.fail("SEM0019", span, "the query nests functions and subqueries too deeply");
        }
        self.check_size(span)?;
        self.depth += 1;
        let res = body(self);
        self.depth -= 1;
        res
    }

    /// Reports a plan that has grown too large, or a query that is to stop.
    fn check_size(&mut self, span: Span) -> Bind<()> {
        let limits = &self.cx.limits;
        for (name, limit, count) in [
            ("plan_nodes", limits.plan_nodes, self.plan.nodes.len()),
            ("plan_exprs", limits.plan_exprs, self.plan.exprs.len()),
            ("plan_columns", limits.plan_columns, self.plan.n_columns()),
        ] {
            if count > limit {
                let message =
                    format!("the query is too large once its functions are expanded (limit `{name}` of {limit})");
                return self.fail("SEM0019", span, message);
            }
        }
        if let Err(stopped) = self.cx.check() {
            return self.fault(span, &stopped);
        }
        Ok(())
    }

    /// Reports a table of too many columns, such as joins that double them make.
    fn check_columns(&mut self, count: usize, span: Span) -> Bind<()> {
        let limit = self.cx.limits.columns;
        if count <= limit {
            return Ok(());
        }
        self.fail("SEM0019", span, format!("the table would have {count} columns (limit `columns` of {limit})"))
    }

    /// Runs `body` over the rows of another table.
    fn over<T>(&mut self, row: Row, body: impl FnOnce(&mut Self) -> T) -> T {
        let before = std::mem::replace(&mut self.row, row);
        let (aggregation, window) = (self.aggregation.take(), std::mem::take(&mut self.allows_window));
        let graph = self.graph.take();
        let res = body(self);
        (self.row, self.aggregation, self.allows_window, self.graph) = (before, aggregation, window, graph);
        res
    }

    fn row_of(&mut self, table: &Table) -> Row {
        self.level += 1;
        Row::new(table.schema.clone(), table.open, self.level)
    }

    fn has_errors(&self) -> bool {
        self.diagnostics.iter().any(|it| it.severity == Severity::Error)
    }

    // ---- plan building

    fn table(&mut self, op: Op, schema: impl Into<Arc<Schema>>, like: &Table) -> Table {
        let schema = schema.into();
        let node = self.plan.add(op, schema.clone());
        Table { node, schema, visualization: None, label_is_table: false, graph: None, ..like.clone() }
    }

    fn new_table(&mut self, op: Op, schema: impl Into<Arc<Schema>>) -> Table {
        let schema = schema.into();
        let node = self.plan.add(op, schema.clone());
        Table {
            node,
            schema,
            open: false,
            serialized: false,
            label: None,
            label_is_table: false,
            visualization: None,
            graph: None,
        }
    }

    /// Takes away the nodes and expressions after a mark, and what is known of them.
    fn go_back(&mut self, to: Mark) {
        self.plan.go_back(to);
        self.traits.get_mut().truncate(self.plan.exprs.len());
        self.chance.forget(self.plan.nodes.len(), self.plan.exprs.len());
    }

    fn constant(&mut self, value: Value, ty: Type) -> ExprId {
        self.plan.add_expr(Expr::Constant { value, ty })
    }

    fn column(&mut self, index: usize, ty: Type) -> ExprId {
        self.plan.add_expr(Expr::Column { index, ty })
    }

    /// A column of a table, of which it may be unknown what it holds.
    fn field(&mut self, index: usize, field: &kql_data::Field) -> ExprId {
        let expr = self.column(index, field.ty);
        if field.unknown {
            _ = self.unknown.insert(expr);
        }
        expr
    }

    /// A column that only the rows of an open table can give: null, of unknown type.
    fn unknown_column(&mut self) -> ExprId {
        let expr = self.constant(Value::Null, Type::Dynamic);
        _ = self.unknown.insert(expr);
        expr
    }

    fn ty(&self, expr: ExprId) -> Type {
        self.plan.expr(expr).ty()
    }

    /// The value of an expression that is already known.
    fn value_of(&self, expr: ExprId) -> Option<Value> {
        match self.plan.expr(expr) {
            Expr::Constant { value, .. } => Some(value.clone()),
            _ => None,
        }
    }

    /// Whether an expression is the same for all rows.
    fn is_constant(&self, expr: ExprId) -> bool {
        let it = self.traits(expr);
        !(it.reads_row || it.is_volatile || it.has_window)
    }

    /// Whether an expression reads a column of the row.
    fn reads_row(&self, expr: ExprId) -> bool {
        self.traits(expr).reads_row
    }

    /// Whether two evaluations may differ.
    fn is_volatile(&self, expr: ExprId) -> bool {
        self.traits(expr).is_volatile
    }

    /// What is known of an expression; each is looked at once, since arguments stand before their calls.
    fn traits(&self, expr: ExprId) -> Traits {
        Traits::of(&mut self.traits.borrow_mut(), &self.plan, expr)
    }
}

impl Traits {
    fn of(known: &mut Vec<Traits>, plan: &Plan, expr: ExprId) -> Traits {
        for it in plan.exprs.iter().skip(known.len()) {
            let mut traits = Traits::default();
            match it {
                Expr::Column { .. } => traits.reads_row = true,
                Expr::Call { function, args, .. } => {
                    (traits.is_volatile, traits.has_window) = (function.volatile, function.window);
                    for arg in args.iter().filter_map(|it| known.get(it.0 as usize)) {
                        traits.reads_row |= arg.reads_row;
                        traits.is_volatile |= arg.is_volatile;
                        traits.has_window |= arg.has_window;
                        traits.depth = traits.depth.max(arg.depth + 1);
                    }
                }
                _ => {}
            }
            known.push(traits);
        }
        known.get(expr.0 as usize).copied().unwrap_or_default()
    }
}
