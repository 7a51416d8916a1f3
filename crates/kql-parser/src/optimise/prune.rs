//! Columns that nothing reads are not carried along.

use super::{columns::Columns, columns_read, in_order};
use crate::plan::{
    AggregateExpr, ExpandOutput, Expr, ExprId, JoinKind, NodeId, Op, ParseOutput, Plan, ResultTable, Series,
};
use kql_data::{Batch, Context, Fault, Field, Map, Schema};
use std::sync::Arc;

/// Runs the pass.
pub(super) fn run(cx: &Context, plan: &Plan) -> Result<Plan, Fault> {
    let order = in_order(plan);
    let required = required(cx, plan, &order)?;
    let mut pass = Pass { old: plan, new: Plan::default(), required, nodes: Map::default() };
    for node in order {
        cx.check()?;
        pass.rebuild(node);
    }
    let result =
        |it: &ResultTable| ResultTable { node: pass.nodes.get(&it.node).map_or(it.node, |it| it.0), ..it.clone() };
    pass.new.results = plan.results.iter().map(result).collect();
    pass.new.lowered = plan.lowered.clone();
    Ok(pass.new)
}

/// By node the columns that something above it reads.
type Required = Map<NodeId, Columns>;

fn all(plan: &Plan, node: NodeId) -> Columns {
    Columns::first(plan.schema(node).len())
}

fn required(cx: &Context, plan: &Plan, order: &[NodeId]) -> Result<Required, Fault> {
    let mut required = Required::default();
    for result in &plan.results {
        required.entry(result.node).or_default().add(&all(plan, result.node));
    }
    for id in order.iter().rev() {
        cx.check()?;
        let Some(node) = plan.node(*id) else { continue };
        let wanted = required.get(id).cloned().unwrap_or_default();
        for it in plan.subplans(node.op.expressions()) {
            required.entry(it).or_default().insert(0);
        }
        for (input, columns) in read_of_inputs(plan, &node.op, &wanted) {
            required.entry(input).or_default().add(&columns);
        }
    }
    Ok(required)
}

fn read(plan: &Plan, exprs: impl IntoIterator<Item = ExprId>) -> Columns {
    let mut found = Vec::new();
    exprs.into_iter().for_each(|it| columns_read(plan, it, &mut found));
    found.into_iter().collect()
}

/// What a node reads of each input, given what is wanted of it.
fn read_of_inputs(plan: &Plan, op: &Op, wanted: &Columns) -> Vec<(NodeId, Columns)> {
    let with = |mut columns: Columns| {
        columns.add(wanted);
        columns
    };
    match op {
        Op::Filter { input, predicate } => vec![(*input, with(read(plan, [*predicate])))],
        Op::Sort { input, keys, .. } => vec![(*input, with(read(plan, keys.iter().map(|it| it.value))))],
        Op::Limit { input, .. } | Op::Sample { input, .. } | Op::Shared { input } => vec![(*input, wanted.clone())],
        Op::Project { input, columns } | Op::Window { input, columns } => {
            let used = columns.iter().enumerate().filter(|(n, _)| wanted.contains(*n)).map(|(_, it)| *it);
            vec![(*input, read(plan, used))]
        }
        Op::Aggregate { input, keys, aggregates } => {
            let mut used = read(plan, keys.iter().copied());
            for it in wanted_aggregates(aggregates, keys.len(), wanted) {
                used.add(&read(plan, it.args.iter().copied()));
            }
            vec![(*input, used)]
        }
        Op::Union { inputs } => inputs.iter().map(|it| (*it, wanted.clone())).collect(),
        Op::Join { left, right, kind, keys, condition } => {
            let n_left = plan.schema(*left).len();
            let mut on_left = read(plan, keys.iter().map(|it| it.0));
            let mut on_right = read(plan, keys.iter().map(|it| it.1));
            let mut pairs = read(plan, *condition);
            match kind {
                JoinKind::LeftSemi | JoinKind::LeftAnti => on_left.add(wanted),
                JoinKind::RightSemi | JoinKind::RightAnti => on_right.add(wanted),
                _ => pairs.add(wanted),
            }
            on_left.extend(pairs.iter().filter(|it| *it < n_left));
            on_right.extend(pairs.iter().filter(|it| *it >= n_left).map(|it| it - n_left));
            vec![(*left, on_left), (*right, on_right)]
        }
        Op::Expand { input, values, outputs, .. } => {
            let mut used = read(plan, values.iter().map(|it| it.value));
            used.extend(outputs.iter().enumerate().filter_map(|(n, it)| match it {
                ExpandOutput::Input(index) if wanted.contains(n) => Some(*index),
                _ => None,
            }));
            vec![(*input, used)]
        }
        Op::Parse { input, value, outputs, .. } | Op::ParseKv { input, value, outputs, .. } => {
            let mut used = read(plan, [*value]);
            used.extend(outputs.iter().enumerate().filter_map(|(n, it)| match it {
                ParseOutput::Input(index) if wanted.contains(n) => Some(*index),
                _ => None,
            }));
            vec![(*input, used)]
        }
        Op::Series(it) => {
            let used = read(plan, op.expressions());
            vec![(it.input, used)]
        }
        // These see whole rows.
        Op::Apply { input, body, .. } => vec![(*input, all(plan, *input)), (*body, all(plan, *body))],
        other => other.inputs().into_iter().map(|it| (it, all(plan, it))).collect(),
    }
}

fn wanted_aggregates<'p>(aggregates: &'p [AggregateExpr], n_keys: usize, wanted: &Columns) -> Vec<&'p AggregateExpr> {
    let mut first = n_keys;
    let mut kept = Vec::new();
    for it in aggregates {
        let outputs = first..first + it.outputs.len();
        first = outputs.end;
        if outputs.into_iter().any(|it| wanted.contains(it)) {
            kept.push(it);
        }
    }
    kept
}

/// A new node, and for each old column the new one. Nodes that hand on their input's columns share them.
type Built = (NodeId, Arc<[Option<usize>]>);

struct Pass<'p> {
    old: &'p Plan,
    new: Plan,
    required: Required,
    nodes: Map<NodeId, Built>,
}

impl Pass<'_> {
    fn built(&self, id: NodeId) -> Built {
        self.nodes.get(&id).cloned().unwrap_or((NodeId(0), Arc::default()))
    }

    /// An expression over renumbered columns.
    fn expr(&mut self, id: ExprId, map: &[Option<usize>]) -> ExprId {
        self.shared_expr(id, map, &mut Map::default())
    }

    fn shared_expr(&mut self, id: ExprId, map: &[Option<usize>], done: &mut Map<ExprId, ExprId>) -> ExprId {
        if let Some(known) = done.get(&id) {
            return *known;
        }
        let expr = match self.old.expr(id) {
            Expr::Column { index, ty } => {
                Expr::Column { index: map.get(*index).copied().flatten().unwrap_or(usize::MAX), ty: *ty }
            }
            Expr::Constant { value, ty } => Expr::Constant { value: value.clone(), ty: *ty },
            Expr::Call { function, overload, args, ty } => {
                let args = args.iter().map(|it| self.shared_expr(*it, map, done)).collect();
                Expr::Call { function, overload: *overload, args, ty: *ty }
            }
            Expr::Scalar { node, ty } => Expr::Scalar { node: self.built(*node).0, ty: *ty },
            Expr::List { node } => Expr::List { node: self.built(*node).0 },
        };
        let new = self.new.add_expr(expr);
        _ = done.insert(id, new);
        new
    }

    fn aggregate(
        &mut self,
        it: &AggregateExpr,
        map: &[Option<usize>],
        done: &mut Map<ExprId, ExprId>,
    ) -> AggregateExpr {
        let args = it.args.iter().map(|it| self.shared_expr(*it, map, done)).collect();
        AggregateExpr { args, ..it.clone() }
    }

    /// Adds a node that keeps those old columns.
    fn add(&mut self, id: NodeId, op: Op, kept: &[usize]) {
        let old = self.old.schema(id);
        let fields: Vec<Field> = kept.iter().filter_map(|it| old.fields.get(*it).cloned()).collect();
        let mut map = vec![None; old.len()];
        for (new, old) in kept.iter().enumerate() {
            if let Some(it) = map.get_mut(*old) {
                *it = Some(new);
            }
        }
        let node = self.new.add(op, Arc::new(Schema::new(fields)));
        _ = self.nodes.insert(id, (node, map.into()));
    }

    /// Adds a node that gives the columns of a built one.
    fn hand_on(&mut self, id: NodeId, op: Op, (input, map): Built) {
        let schema = self.new.schema(input);
        let node = self.new.add(op, schema);
        _ = self.nodes.insert(id, (node, map));
    }

    /// The old columns that a built node still has, in order.
    fn kept(map: &[Option<usize>]) -> Vec<usize> {
        map.iter().enumerate().filter(|(_, it)| it.is_some()).map(|(n, _)| n).collect()
    }

    fn rebuild(&mut self, id: NodeId) {
        let Some(node) = self.old.node(id) else { return };
        let wanted = self.required.get(&id).cloned().unwrap_or_default();
        let chosen: Vec<usize> = wanted.iter().collect();
        match &node.op {
            Op::Scan { table, columns, bounds } => {
                let columns = chosen.iter().filter_map(|it| columns.get(*it).copied()).collect();
                self.add(id, Op::Scan { table: table.clone(), columns, bounds: bounds.clone() }, &chosen);
            }
            Op::Values { batch } => {
                let columns = chosen.iter().filter_map(|it| batch.columns.get(*it).cloned()).collect();
                let batch = Arc::new(Batch::new(columns, batch.n_rows));
                self.add(id, Op::Values { batch }, &chosen);
            }
            Op::Filter { input, predicate } => {
                let (input, map) = self.built(*input);
                let predicate = self.expr(*predicate, &map);
                self.hand_on(id, Op::Filter { input, predicate }, (input, map));
            }
            Op::Sort { input, keys, limit } => {
                let (input, map) = self.built(*input);
                let mut keys = keys.clone();
                for key in &mut keys {
                    key.value = self.expr(key.value, &map);
                }
                let limit = limit.map(|it| self.expr(it, &[]));
                self.hand_on(id, Op::Sort { input, keys, limit }, (input, map));
            }
            Op::Limit { input, count } => {
                let (input, map) = self.built(*input);
                let count = self.expr(*count, &[]);
                self.hand_on(id, Op::Limit { input, count }, (input, map));
            }
            Op::Sample { input, count } => {
                let (input, map) = self.built(*input);
                let count = self.expr(*count, &[]);
                self.hand_on(id, Op::Sample { input, count }, (input, map));
            }
            Op::Shared { input } => {
                let (input, map) = self.built(*input);
                self.hand_on(id, Op::Shared { input }, (input, map));
            }
            Op::Project { input, columns } => {
                let (input, map) = self.built(*input);
                let columns = self.chosen_exprs(columns, &chosen, &map);
                self.add(id, Op::Project { input, columns }, &chosen);
            }
            Op::Window { input, columns } => {
                let (input, map) = self.built(*input);
                let columns = self.chosen_exprs(columns, &chosen, &map);
                self.add(id, Op::Window { input, columns }, &chosen);
            }
            _ => self.rebuild_wide(id, &chosen, &wanted),
        }
    }

    fn chosen_exprs(&mut self, columns: &[ExprId], chosen: &[usize], map: &[Option<usize>]) -> Vec<ExprId> {
        let exprs: Vec<ExprId> = chosen.iter().filter_map(|it| columns.get(*it).copied()).collect();
        // What columns share is computed once for all of them.
        let mut done = Map::default();
        exprs.into_iter().map(|it| self.shared_expr(it, map, &mut done)).collect()
    }

    fn rebuild_wide(&mut self, id: NodeId, chosen: &[usize], wanted: &Columns) {
        let Some(node) = self.old.node(id) else { return };
        match &node.op {
            Op::Aggregate { input, keys, aggregates } => {
                let (input, map) = self.built(*input);
                let n_keys = keys.len();
                // What keys and arguments share is computed once for all of them.
                let mut done = Map::default();
                let keys = keys.iter().map(|it| self.shared_expr(*it, &map, &mut done)).collect();
                let mut kept: Vec<usize> = (0..n_keys).collect();
                let mut calls = Vec::new();
                let mut first = n_keys;
                for it in aggregates {
                    let outputs = first..first + it.outputs.len();
                    first = outputs.end;
                    if outputs.clone().any(|it| wanted.contains(it)) {
                        kept.extend(outputs);
                        calls.push(self.aggregate(it, &map, &mut done));
                    }
                }
                self.add(id, Op::Aggregate { input, keys, aggregates: calls }, &kept);
            }
            Op::Union { inputs } => {
                let inputs = inputs.clone().into_iter().map(|it| self.exactly(it, chosen)).collect();
                self.add(id, Op::Union { inputs }, chosen);
            }
            Op::Join { left, right, kind, keys, condition } => {
                self.rebuild_join(id, (*left, *right), *kind, keys, *condition);
            }
            Op::Expand { input, values, bags_as_arrays, limit, outputs } => {
                let (input, map) = self.built(*input);
                let mut values = values.clone();
                for it in &mut values {
                    it.value = self.expr(it.value, &map);
                }
                let limit = limit.map(|it| self.expr(it, &[]));
                let output = |it: &ExpandOutput| match it {
                    ExpandOutput::Input(index) => ExpandOutput::Input(map.get(*index).copied().flatten().unwrap_or(0)),
                    other => *other,
                };
                let outputs = chosen.iter().filter_map(|it| outputs.get(*it)).map(output).collect();
                let bags_as_arrays = *bags_as_arrays;
                self.add(id, Op::Expand { input, values, bags_as_arrays, limit, outputs }, chosen);
            }
            Op::Parse { input, value, pattern, drops, outputs } => {
                let (input, map) = self.built(*input);
                let (value, outputs) = (self.expr(*value, &map), parse_outputs(outputs, chosen, &map));
                self.add(id, Op::Parse { input, value, pattern: pattern.clone(), drops: *drops, outputs }, chosen);
            }
            Op::ParseKv { input, value, keys, options, outputs } => {
                let (input, map) = self.built(*input);
                let (value, outputs) = (self.expr(*value, &map), parse_outputs(outputs, chosen, &map));
                let (keys, options) = (keys.clone(), options.clone());
                self.add(id, Op::ParseKv { input, value, keys, options, outputs }, chosen);
            }
            Op::Series(it) => self.rebuild_series(id, it.clone()),
            other => self.rebuild_whole(id, other.clone()),
        }
    }

    fn rebuild_join(
        &mut self,
        id: NodeId,
        (left, right): (NodeId, NodeId),
        kind: JoinKind,
        keys: &[(ExprId, ExprId)],
        condition: Option<ExprId>,
    ) {
        let n_left = self.old.schema(left).len();
        let ((left, left_map), (right, right_map)) = (self.built(left), self.built(right));
        let keys = keys.iter().map(|(a, b)| (self.expr(*a, &left_map), self.expr(*b, &right_map))).collect();
        let n_kept = Self::kept(&left_map).len();
        let mut both = left_map.to_vec();
        both.extend(right_map.iter().map(|it| it.map(|it| it + n_kept)));
        let condition = condition.map(|it| self.expr(it, &both));
        let kept = match kind {
            JoinKind::LeftSemi | JoinKind::LeftAnti => Self::kept(&left_map),
            JoinKind::RightSemi | JoinKind::RightAnti => Self::kept(&right_map),
            _ => {
                let mut kept = Self::kept(&left_map);
                kept.extend(Self::kept(&right_map).into_iter().map(|it| it + n_left));
                kept
            }
        };
        self.add(id, Op::Join { left, right, kind, keys, condition }, &kept);
    }

    fn rebuild_series(&mut self, id: NodeId, mut it: Box<Series>) {
        let (input, map) = self.built(it.input);
        it.input = input;
        it.axis = self.expr(it.axis, &map);
        it.step = self.expr(it.step, &[]);
        it.from = it.from.map(|it| self.expr(it, &[]));
        it.to = it.to.map(|it| self.expr(it, &[]));
        it.keys = it.keys.iter().map(|it| self.expr(*it, &map)).collect();
        let aggregates = std::mem::take(&mut it.aggregates);
        for (call, default) in &aggregates {
            let default = default.map(|it| self.expr(it, &[]));
            let call = self.aggregate(call, &map, &mut Map::default());
            it.aggregates.push((call, default));
        }
        let all: Vec<usize> = (0..self.old.schema(id).len()).collect();
        self.add(id, Op::Series(it), &all);
    }

    /// Nodes that see whole rows: only their expressions and inputs are renumbered.
    fn rebuild_whole(&mut self, id: NodeId, mut op: Op) {
        let last = read(self.old, op.expressions()).iter().last();
        let same: Vec<Option<usize>> = (0..last.map_or(0, |it| it + 1)).map(Some).collect();
        let inputs: Vec<NodeId> = op
            .inputs()
            .into_iter()
            .map(|it| {
                let all: Vec<usize> = (0..self.old.schema(it).len()).collect();
                self.exactly(it, &all)
            })
            .collect();
        op.set_inputs(&inputs);
        if let Op::Apply { body, .. } = &mut op {
            let all: Vec<usize> = (0..self.old.schema(*body).len()).collect();
            *body = self.exactly(*body, &all);
        }
        op.map_exprs(&mut |expr| self.expr(expr, &same));
        let all: Vec<usize> = (0..self.old.schema(id).len()).collect();
        self.add(id, op, &all);
    }

    /// A node that gives exactly those old columns of a built node.
    fn exactly(&mut self, id: NodeId, columns: &[usize]) -> NodeId {
        let (node, map) = self.built(id);
        if Self::kept(&map) == columns {
            return node;
        }
        let schema = self.old.schema(id);
        let fields: Vec<Field> = columns.iter().filter_map(|it| schema.fields.get(*it).cloned()).collect();
        let exprs = columns
            .iter()
            .zip(&fields)
            .map(|(old, field)| {
                let index = map.get(*old).copied().flatten().unwrap_or(usize::MAX);
                self.new.add_expr(Expr::Column { index, ty: field.ty })
            })
            .collect();
        self.new.add(Op::Project { input: node, columns: exprs }, Arc::new(Schema::new(fields)))
    }
}

fn parse_outputs(outputs: &[ParseOutput], chosen: &[usize], map: &[Option<usize>]) -> Vec<ParseOutput> {
    let output = |it: &ParseOutput| match it {
        ParseOutput::Input(index) => ParseOutput::Input(map.get(*index).copied().flatten().unwrap_or(0)),
        other => *other,
    };
    chosen.iter().filter_map(|it| outputs.get(*it)).map(output).collect()
}
