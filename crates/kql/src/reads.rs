//! What of its tables a query reads: for hosts that load no more.

use crate::{Engine, Error, Query, catalogue::Names, engine::on_own_stack};
use kql_data::{Dynamic, Fault, Map, Schema, Set, Slots, Type, Value};
use kql_formats::{Condition, Search};
use kql_parser::{
    Diagnostic, bind_with_notes,
    optimise::{bound, optimise, paths::paths_read},
    plan::{Expr, ExprId, NodeId, Op, Plan},
};

/// What a query reads of a table.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reads {
    /// Its columns, and which slots of their bags.
    pub columns: Map<String, Slots>,
    /// What its rows are wanted for.
    pub rows: Search,
}

impl Reads {
    /// Also reads a column, or some of it.
    fn add(&mut self, column: &str, slots: &Slots) {
        match self.columns.get_mut(column) {
            Some(known) => known.add(slots),
            None => _ = self.columns.insert(column.to_owned(), slots.clone()),
        }
    }

    /// Also reads what the other reads.
    pub fn extend(&mut self, other: &Reads) {
        other.columns.iter().for_each(|(column, slots)| self.add(column, slots));
        self.rows.any.extend(other.rows.any.iter().cloned());
    }

    /// Whether the other reads all that this does.
    pub fn is_within(&self, other: &Reads) -> bool {
        missing(&self.columns, &other.columns).is_none() && self.rows.is_within(&other.rows)
    }
}

/// The first column of which more is read than was kept.
fn missing<'a>(read: &'a Map<String, Slots>, kept: &Map<String, Slots>) -> Option<&'a str> {
    let is_kept = |column: &str, slots: &Slots| kept.get(column).is_some_and(|it| slots.is_within(it));
    read.iter().find(|(column, slots)| !is_kept(column, slots)).map(|it| it.0.as_str())
}

/// What of a table was loaded, where that is not all of it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Part {
    columns: Option<Map<String, Slots>>,
    rows: Option<Search>,
    /// The newest time of the rows that were left out, in ticks.
    pub(crate) latest: Option<i64>,
    /// Row groups of Parquet files, those that were read and all.
    row_groups: Option<(u64, u64)>,
}

impl Engine {
    /// The columns of each table that the answer of a query depends on, over tables with the columns that they have here.
    /// `None` when that cannot be told: of a faulty query, and of one that is bound by rows.
    pub fn columns_read(&self, query: impl Into<Query>) -> Option<Map<String, Set<String>>> {
        Some(self.reads(query)?.into_iter().map(|(table, it)| (table, it.columns.into_keys().collect())).collect())
    }

    /// The columns and rows of each table that the answer of a query depends on; as [`Engine::columns_read`]. Rows are told
    /// by bounds of times and numbers, and by strings that a column is compared with, right behind the table.
    pub fn reads(&self, query: impl Into<Query>) -> Option<Map<String, Reads>> {
        let query = query.into();
        // What runs while it is bound reads columns that the plan no longer shows.
        let by_rows = |text: &str| ["evaluate", "partition"].iter().any(|it| text.contains(it));
        if self.unoptimised || by_rows(&query.text) || self.functions.values().any(|it| by_rows(&it.body)) {
            return None;
        }
        let work = || {
            let cx = self.context(self.stop());
            let (tree, diagnostics) = self.parse(&query);
            let bound = bind_with_notes(&tree, &Names { engine: self, cx: &cx, runs: false }, &cx, &query.parameters);
            if diagnostics.iter().chain(&bound.diagnostics).any(Diagnostic::is_error) {
                return Ok(None);
            }
            Ok(Some(optimise(&cx, bound.plan)?))
        };
        self.scanned(&on_own_stack(work).ok().flatten()?)
    }

    /// What the scans of a plan read, by table.
    fn scanned(&self, plan: &Plan) -> Option<Map<String, Reads>> {
        let mut read: Map<String, Reads> = Map::default();
        let paths = paths_read(plan);
        // Chance falls on rows by their number: all must be there.
        let is_free = !draws_lots(plan);
        for (id, node) in plan.nodes.iter().enumerate() {
            let Op::Scan { table, columns, bounds } = &node.op else { continue };
            let node_id = NodeId(u32::try_from(id).ok()?);
            let schema = self.table(table)?.schema.clone();
            let reads = read.entry(table.clone()).or_default();
            for (place, column) in columns.iter().enumerate() {
                let slots = paths.get(&node_id).and_then(|it| it.get(&place));
                reads.add(&schema.fields.get(*column)?.name, slots.unwrap_or(&Slots::All));
            }
            for (column, ..) in bounds {
                reads.add(&schema.fields.get(*column)?.name, &Slots::All);
            }
            let conditions = if is_free { conditions(plan, node_id, columns, &schema) } else { Some(Vec::new()) };
            let conditions = conditions?;
            reads.rows.any.push(conditions);
        }
        Some(read)
    }

    /// Says that only that of a table's columns was loaded: a query that reads more then fails.
    pub fn set_kept(&mut self, table: &str, columns: Map<String, Slots>) {
        self.parts.entry(table.to_owned()).or_default().columns = Some(columns);
    }

    /// Says that rows of a table which are not wanted for that may be missing: a query that wants others then fails.
    pub fn set_kept_rows(&mut self, table: &str, rows: Search) {
        self.parts.entry(table.to_owned()).or_default().rows = Some(rows);
    }

    /// Says how many row groups of a table's Parquet files were read, and how many there are.
    pub fn set_row_groups(&mut self, table: &str, read: u64, all: u64) {
        self.parts.entry(table.to_owned()).or_default().row_groups = Some((read, all));
    }

    /// How many row groups of a table's Parquet files were read, and how many there are, as the host told.
    pub fn row_groups(&self, table: &str) -> Option<(u64, u64)> {
        self.parts.get(table)?.row_groups
    }

    /// Fails when a plan reads what was not loaded.
    pub(crate) fn check_kept(&self, plan: &Plan) -> Result<(), Error> {
        if self.parts.values().all(|it| it.columns.is_none() && it.rows.is_none()) {
            return Ok(());
        }
        let read = self.scanned(plan).unwrap_or_default();
        for (table, reads) in &read {
            let Some(part) = self.parts.get(table) else { continue };
            if let Some(name) = part.columns.as_ref().and_then(|it| missing(&reads.columns, it)) {
                let text = format!("the column `{name}` of `{table}` was not loaded: other queries were announced");
                return Err(Error::Run(Fault::new(text)));
            }
            if part.rows.as_ref().is_some_and(|it| !reads.rows.is_within(it)) {
                let text = format!("rows of `{table}` were not loaded: other queries were announced");
                return Err(Error::Run(Fault::new(text)));
            }
        }
        Ok(())
    }
}

/// Whether some rows are picked, or some values made, by chance.
fn draws_lots(plan: &Plan) -> bool {
    let is_volatile = |it: &Expr| matches!(it, Expr::Call { function, .. } if function.volatile);
    plan.nodes.iter().any(|it| matches!(it.op, Op::Sample { .. })) || plan.exprs.iter().any(is_volatile)
}

/// What all rows of a scan that matter fulfil. Rows that do not are rejected by the filter above the scan, and before
/// anything there can fail because of them.
fn conditions(plan: &Plan, id: NodeId, columns: &[usize], schema: &Schema) -> Option<Vec<Condition>> {
    let mut conditions = Vec::new();
    for predicate in only_filter(plan, id) {
        if let Some((column, low, high)) = bound(plan, predicate, columns) {
            let field = schema.fields.get(column)?;
            let (column, ty) = (field.name.to_string(), field.ty);
            conditions.push(Condition::Within { column, ty, low, high });
        } else if let Some((column, values)) = one_of(plan, predicate) {
            let column = schema.fields.get(*columns.get(column)?)?.name.to_string();
            conditions.push(Condition::OneOf { column, values });
        } else if !is_total(plan, predicate) {
            break;
        }
    }
    Some(conditions)
}

/// Whether a predicate has a value for any row, and nothing to tell of it.
fn is_total(plan: &Plan, predicate: ExprId) -> bool {
    const TOTAL: [&str; 29] = [
        "and",
        "or",
        "not",
        "==",
        "!=",
        "<",
        "<=",
        ">",
        ">=",
        "=~",
        "!~",
        "in",
        "!in",
        "in~",
        "!in~",
        "between",
        "!between",
        ".",
        "[]",
        "tostring",
        "tolower",
        "toupper",
        "isempty",
        "isnotempty",
        "isnull",
        "isnotnull",
        "has_any",
        "has_all",
        "strlen",
    ];
    const FAMILIES: [&str; 6] = ["has", "hasprefix", "hassuffix", "contains", "startswith", "endswith"];
    let mut is_total = true;
    plan.walk(predicate, &mut |it| {
        is_total &= match it {
            Expr::Column { .. } | Expr::Constant { .. } => true,
            Expr::Call { function, .. } => {
                let name = function.name.trim_start_matches('!');
                TOTAL.contains(&function.name) || FAMILIES.contains(&name.trim_end_matches("_cs"))
            }
            Expr::Scalar { .. } | Expr::List { .. } => false,
        };
    });
    is_total
}

/// The predicates that all readers of a node filter it by: those of the one filter above it, if it has no other
/// reader. In their order.
fn only_filter(plan: &Plan, id: NodeId) -> Vec<ExprId> {
    let mut filter = None;
    for node in &plan.nodes {
        let n_uses = node.op.inputs().iter().filter(|it| **it == id).count();
        let is_body = matches!(&node.op, Op::Apply { body, .. } if *body == id);
        match &node.op {
            Op::Filter { predicate, .. } if n_uses == 1 && filter.is_none() => filter = Some(*predicate),
            _ if n_uses > 0 || is_body => return Vec::new(),
            _ => {}
        }
    }
    let in_expression = |it: &Expr| matches!(it, Expr::Scalar { node, .. } | Expr::List { node } if *node == id);
    if plan.results.iter().any(|it| it.node == id) || plan.exprs.iter().any(in_expression) {
        return Vec::new();
    }
    let (mut out, mut todo) = (Vec::new(), Vec::from_iter(filter));
    while let Some(next) = todo.pop() {
        match plan.expr(next) {
            Expr::Call { function, args, .. } if function.name == "and" => todo.extend(args.iter().rev().copied()),
            _ => out.push(next),
        }
    }
    out
}

/// The strings that a predicate compares a column of the scan with: `==`, `in`.
fn one_of(plan: &Plan, predicate: ExprId) -> Option<(usize, Vec<String>)> {
    let Expr::Call { function, args, .. } = plan.expr(predicate) else { return None };
    let [left, right] = args.as_slice() else { return None };
    let column = |id: ExprId| match plan.expr(id) {
        Expr::Column { index, ty: Type::String } => Some(*index),
        _ => None,
    };
    let constant = |id: ExprId| match plan.expr(id) {
        Expr::Constant { value, .. } => Some(value),
        _ => None,
    };
    match function.name {
        "==" => {
            let (column, value) = match (column(*left), column(*right)) {
                (Some(column), None) => (column, constant(*right)?),
                (None, Some(column)) => (column, constant(*left)?),
                _ => return None,
            };
            match value {
                Value::String(it) => Some((column, vec![it.to_string()])),
                _ => None,
            }
        }
        "in" => match constant(*right)? {
            Value::Dynamic(Dynamic::Array(items)) => {
                let strings: Option<Vec<String>> = items.iter().map(|it| Some(it.as_str()?.to_owned())).collect();
                Some((column(*left)?, strings?))
            }
            _ => None,
        },
        _ => None,
    }
}
