//! What plans and their nodes are made of: adding, looking up and visiting nodes and expressions.

use super::{EvaluateValue, Expr, ExprId, GraphOp, Node, NodeId, Op, Plan};
use kql_data::{Map, Schema, Set, Type, Value};
use std::sync::Arc;

static EMPTY: Expr = Expr::Constant { value: Value::Null, ty: Type::Dynamic };

/// What is known of the expressions of a plan, so that none is looked at twice.
#[derive(Clone, Debug, Default)]
pub(super) struct Index {
    /// Every column is one expression however often it is read: a thousand `extend`s would be half a million else.
    columns: Map<(usize, Type), ExprId>,
    /// By expression: whether a subplan is read somewhere in it.
    reads_subplan: Vec<bool>,
    /// Columns of the schemas of all nodes, those that nodes share with their inputs counted once.
    n_columns: usize,
}

/// A length of a plan to go back to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mark {
    nodes: usize,
    exprs: usize,
}

impl Plan {
    /// Adds a node.
    pub fn add(&mut self, op: Op, schema: Arc<Schema>) -> NodeId {
        let node = Node { op, schema };
        self.index.n_columns += self.own_columns(&node);
        self.nodes.push(node);
        NodeId((self.nodes.len() - 1) as u32)
    }

    /// How many columns the schemas of all nodes have that were made for them.
    pub(crate) fn n_columns(&self) -> usize {
        self.index.n_columns
    }

    /// The columns of a node whose schema is not that of an input.
    fn own_columns(&self, node: &Node) -> usize {
        let is_shared = |it: NodeId| self.node(it).is_some_and(|it| Arc::ptr_eq(&it.schema, &node.schema));
        if node.op.inputs().into_iter().any(is_shared) { 0 } else { node.schema.len() }
    }

    /// The expressions of a projection; `None` where the node is none.
    pub(crate) fn projected(&mut self, id: NodeId) -> Option<&mut Vec<ExprId>> {
        match self.nodes.get_mut(id.0 as usize).map(|it| &mut it.op) {
            Some(Op::Project { columns, .. }) => Some(columns),
            _ => None,
        }
    }

    /// Puts more columns behind those of a projection that nothing reads yet, or in place of some: `change` is handed the
    /// expressions and the schema of the node, which is given back. `None`: the node is no projection.
    pub(crate) fn widen(
        &mut self,
        id: NodeId,
        change: impl FnOnce(&mut Vec<ExprId>, &mut Schema),
    ) -> Option<Arc<Schema>> {
        let node = self.nodes.get_mut(id.0 as usize)?;
        let Op::Project { columns, .. } = &mut node.op else { return None };
        let before = node.schema.len();
        change(columns, Arc::make_mut(&mut node.schema));
        self.index.n_columns += node.schema.len().saturating_sub(before);
        Some(node.schema.clone())
    }

    /// Adds an expression, or gives the one that reads the same column.
    pub fn add_expr(&mut self, expr: Expr) -> ExprId {
        let column = match &expr {
            Expr::Column { index, ty } => Some((*index, *ty)),
            _ => None,
        };
        if let Some(known) = column.and_then(|it| self.index.columns.get(&it)) {
            return *known;
        }
        self.index.reads_subplan.push(match &expr {
            Expr::Call { args, .. } => args.iter().any(|it| self.reads_subplan(*it)),
            Expr::Scalar { .. } | Expr::List { .. } => true,
            Expr::Column { .. } | Expr::Constant { .. } => false,
        });
        self.exprs.push(expr);
        let id = ExprId((self.exprs.len() - 1) as u32);
        if let Some(column) = column {
            _ = self.index.columns.insert(column, id);
        }
        id
    }

    /// How far the plan goes now.
    pub(crate) fn mark(&self) -> Mark {
        Mark { nodes: self.nodes.len(), exprs: self.exprs.len() }
    }

    /// Takes away what came after a mark.
    pub(crate) fn go_back(&mut self, to: Mark) {
        let dropped: usize = self.nodes.iter().skip(to.nodes).map(|it| self.own_columns(it)).sum();
        self.index.n_columns = self.index.n_columns.saturating_sub(dropped);
        self.nodes.truncate(to.nodes);
        self.exprs.truncate(to.exprs);
        self.index.reads_subplan.truncate(to.exprs);
        self.index.columns.retain(|_, it| (it.0 as usize) < to.exprs);
    }

    /// The node `id`; `None` for a number of another plan.
    pub fn node(&self, id: NodeId) -> Option<&Node> {
        self.nodes.get(id.0 as usize)
    }

    /// The schema of a node; empty for a number of another plan.
    pub fn schema(&self, id: NodeId) -> Arc<Schema> {
        self.node(id).map(|it| it.schema.clone()).unwrap_or_default()
    }

    /// The expression `id`; null for a number of another plan.
    pub fn expr(&self, id: ExprId) -> &Expr {
        self.exprs.get(id.0 as usize).unwrap_or(&EMPTY)
    }

    /// Visits an expression and all that it is made of, each once however often it is shared.
    pub fn walk(&self, expr: ExprId, visit: &mut dyn FnMut(&Expr)) {
        self.walk_where(expr, &|_| true, visit);
    }

    /// Visits only the parts that `enters` lets through.
    fn walk_where(&self, expr: ExprId, enters: &dyn Fn(ExprId) -> bool, visit: &mut dyn FnMut(&Expr)) {
        if !enters(expr) {
            return;
        }
        // Most columns of wide tables are handed on as they are.
        if !matches!(self.expr(expr), Expr::Call { .. }) {
            return visit(self.expr(expr));
        }
        let (mut seen, mut todo) = (Set::default(), vec![expr]);
        while let Some(id) = todo.pop() {
            let expr = self.expr(id);
            if let Expr::Call { args, .. } = expr {
                if !seen.insert(id) {
                    continue;
                }
                todo.extend(args.iter().copied().filter(|it| enters(*it)));
            }
            visit(expr);
        }
    }

    fn reads_subplan(&self, expr: ExprId) -> bool {
        self.index.reads_subplan.get(expr.0 as usize).copied().unwrap_or(false)
    }

    /// The plans that expressions compute once a query: those of `toscalar` and `in (subquery)`.
    pub fn subplans(&self, roots: impl IntoIterator<Item = ExprId>) -> Vec<NodeId> {
        let mut found = Vec::new();
        for root in roots {
            self.walk_where(root, &|it| self.reads_subplan(it), &mut |it| {
                if let Expr::Scalar { node, .. } | Expr::List { node } = it {
                    found.push(*node);
                }
            });
        }
        found
    }
}

/// Hands the inputs of a node to a function, in one order for reading and, with `mut`, for writing.
macro_rules! each_input {
    ($op:expr, $visit:expr $(, $mutable:tt)?) => {{
        let mut visit = $visit;
        match $op {
            Op::Scan { .. } | Op::Values { .. } | Op::Range { .. } | Op::Group => {}
            Op::Filter { input, .. }
            | Op::Project { input, .. }
            | Op::Window { input, .. }
            | Op::Aggregate { input, .. }
            | Op::Sort { input, .. }
            | Op::Limit { input, .. }
            | Op::Sample { input, .. }
            | Op::Expand { input, .. }
            | Op::Parse { input, .. }
            | Op::ParseKv { input, .. }
            | Op::Apply { input, .. }
            | Op::Shared { input } => visit(input),
            Op::Series(it) => visit(&$($mutable)? it.input),
            Op::Steps(it) => visit(&$($mutable)? it.input),
            Op::Join { left, right, .. } => {
                visit(left);
                visit(right);
            }
            Op::Union { inputs } | Op::Evaluate { inputs, .. } => inputs.into_iter().for_each(visit),
            Op::Graph(GraphOp::Nodes { edges, tables, .. }) => {
                visit(edges);
                tables.into_iter().for_each(visit);
            }
            Op::Graph(GraphOp::Edges { edges, nodes, .. }) => {
                visit(edges);
                visit(nodes);
            }
            Op::Graph(GraphOp::Degrees { tables } | GraphOp::Components { tables, .. }) => {
                visit(&$($mutable)? tables.nodes);
                visit(&$($mutable)? tables.edges);
            }
            Op::Graph(GraphOp::Match(it)) => {
                visit(&$($mutable)? it.tables.nodes);
                visit(&$($mutable)? it.tables.edges);
            }
        }
    }};
}

impl Op {
    /// The nodes whose rows it reads; the body of an `Apply` is not among them.
    pub fn inputs(&self) -> Vec<NodeId> {
        let mut inputs = Vec::new();
        each_input!(self, |it: &NodeId| inputs.push(*it));
        inputs
    }

    /// The nodes whose rows it reads, the body of an `Apply` among them.
    pub fn inputs_and_body(&self) -> Vec<NodeId> {
        let mut inputs = self.inputs();
        if let Op::Apply { body, .. } = self {
            inputs.push(*body);
        }
        inputs
    }

    /// Puts other nodes in the place of the inputs, in the order of [`Op::inputs`].
    pub fn set_inputs(&mut self, nodes: &[NodeId]) {
        let mut nodes = nodes.iter().copied();
        let set = |it: &mut NodeId| {
            if let Some(node) = nodes.next() {
                *it = node;
            }
        };
        each_input!(self, set, mut);
    }

    /// Puts other expressions in the place of those of `Apply`, `Graph`, `Range`, `Steps` and `Evaluate`, which see whole rows.
    pub(crate) fn map_exprs(&mut self, to: &mut dyn FnMut(ExprId) -> ExprId) {
        match self {
            Op::Apply { by, .. } => by.iter_mut().for_each(|it| *it = to(*it)),
            Op::Graph(it) => it.map_exprs(to),
            Op::Range { from, to: end, step } => {
                for it in [from, end, step] {
                    *it = to(*it);
                }
            }
            Op::Steps(steps) => {
                steps.partition_by.iter_mut().for_each(|it| *it = to(*it));
                steps.declared.iter_mut().filter_map(|(_, it)| it.as_mut()).for_each(|it| *it = to(*it));
                for step in &mut steps.steps {
                    step.condition = to(step.condition);
                    step.assignments.iter_mut().for_each(|(_, it)| *it = to(*it));
                }
            }
            Op::Evaluate { args, .. } => {
                for arg in args {
                    match &mut arg.value {
                        EvaluateValue::Expr(it) => *it = to(*it),
                        EvaluateValue::Aggregate(it) => it.args.iter_mut().for_each(|it| *it = to(*it)),
                        EvaluateValue::Column(_) | EvaluateValue::Table(_) => {}
                    }
                }
            }
            _ => {}
        }
    }

    /// The expressions that it holds.
    pub fn expressions(&self) -> Vec<ExprId> {
        let mut found = Vec::new();
        match self {
            Op::Scan { .. } | Op::Values { .. } | Op::Group | Op::Union { .. } | Op::Shared { .. } => {}
            Op::Range { from, to, step } => found.extend([*from, *to, *step]),
            Op::Filter { predicate, .. } => found.push(*predicate),
            Op::Project { columns, .. } | Op::Window { columns, .. } => found.extend(columns),
            Op::Aggregate { keys, aggregates, .. } => {
                found.extend(keys);
                found.extend(aggregates.iter().flat_map(|it| &it.args));
            }
            Op::Sort { keys, limit, .. } => {
                found.extend(keys.iter().map(|it| it.value));
                found.extend(limit);
            }
            Op::Limit { count, .. } | Op::Sample { count, .. } => found.push(*count),
            Op::Join { keys, condition, .. } => {
                found.extend(keys.iter().flat_map(|(left, right)| [*left, *right]));
                found.extend(condition);
            }
            Op::Expand { values, limit, .. } => {
                found.extend(values.iter().map(|it| it.value));
                found.extend(limit);
            }
            Op::Parse { value, .. } | Op::ParseKv { value, .. } => found.push(*value),
            Op::Series(it) => {
                found.extend([it.axis, it.step]);
                found.extend(it.from.iter().chain(&it.to).chain(&it.keys));
                for (aggregate, default) in &it.aggregates {
                    found.extend(&aggregate.args);
                    found.extend(default);
                }
            }
            Op::Apply { by, .. } => found.extend(by),
            Op::Graph(it) => found.extend(it.expressions()),
            Op::Steps(it) => {
                found.extend(&it.partition_by);
                found.extend(it.declared.iter().filter_map(|(_, default)| *default));
                for step in &it.steps {
                    found.push(step.condition);
                    found.extend(step.assignments.iter().map(|(_, value)| *value));
                }
            }
            Op::Evaluate { args, .. } => {
                for arg in args {
                    match &arg.value {
                        EvaluateValue::Expr(it) => found.push(*it),
                        EvaluateValue::Aggregate(it) => found.extend(&it.args),
                        EvaluateValue::Column(_) | EvaluateValue::Table(_) => {}
                    }
                }
            }
        }
        found
    }
}
