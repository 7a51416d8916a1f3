//! Filters move towards the tables: below projections that hand their columns through, below sorts, into the legs of unions
//! and the sides of joins. A filter over a scan tells it between which values its columns matter.

use crate::plan::{Expr, ExprId, JoinKind, NodeId, Op, Plan};
use kql_data::{Context, Fault, Map, Schema, Set, Type, Value};
use kql_functions::{Actual, function, resolve};
use std::sync::Arc;

/// Runs the pass.
pub(super) fn run(cx: &Context, plan: &Plan) -> Result<Plan, Fault> {
    let parents = super::parents(cx, plan)?;
    let mut pass = Pass { cx, plan: plan.clone(), parents, built: Map::default(), depth: 0 };
    let results =
        plan.results.iter().map(|it| crate::plan::ResultTable { node: pass.build(it.node, Vec::new()), ..it.clone() });
    let results = results.collect();
    // A pass that was stopped left nodes as they were.
    cx.check()?;
    pass.plan.results = results;
    Ok(pass.plan)
}

struct Pass<'p> {
    cx: &'p Context,
    /// The old nodes, and the new ones behind them.
    plan: Plan,
    parents: Map<NodeId, usize>,
    built: Map<NodeId, NodeId>,
    depth: usize,
}

/// What stands deeper than this is left as it is: the pass goes down by recursion.
const DEPTH_MAX: usize = 500;

impl Pass<'_> {
    /// The new node for an old one under more predicates, which read its columns.
    fn build(&mut self, id: NodeId, predicates: Vec<ExprId>) -> NodeId {
        let is_shared = self.parents.get(&id).copied().unwrap_or(0) > 1;
        if self.depth > DEPTH_MAX || self.cx.check().is_err() {
            let node = self.built.get(&id).copied().unwrap_or(id);
            return self.filter(node, predicates);
        }
        if is_shared {
            let known = self.built.get(&id).copied();
            let node = known.unwrap_or_else(|| self.build_one(id, Vec::new()));
            _ = self.built.insert(id, node);
            return self.filter(node, predicates);
        }
        self.build_one(id, predicates)
    }

    fn build_one(&mut self, id: NodeId, mut predicates: Vec<ExprId>) -> NodeId {
        let Some(node) = self.plan.node(id).cloned() else { return id };
        self.depth += 1;
        for expr in node.op.expressions() {
            self.subplans(expr);
        }
        let schema = node.schema;
        let built = match node.op {
            Op::Filter { input, predicate } => {
                // What stood first is tested first.
                let mut all = self.conjuncts(predicate);
                all.append(&mut predicates);
                self.build(input, all)
            }
            Op::Project { input, columns } => {
                let (pushed, kept) = self.through(&columns, predicates);
                let input = self.build(input, pushed);
                let node = self.plan.add(Op::Project { input, columns }, schema);
                self.filter(node, kept)
            }
            Op::Union { inputs } => {
                let inputs = inputs.into_iter().map(|it| self.build(it, predicates.clone())).collect();
                self.plan.add(Op::Union { inputs }, schema)
            }
            Op::Sort { input, keys, limit: None } => {
                let input = self.build(input, predicates);
                self.plan.add(Op::Sort { input, keys, limit: None }, schema)
            }
            Op::Join { left, right, kind, keys, condition } => {
                let n_left = self.plan.schema(left).len();
                let (on_left, on_right, kept) = self.sides(kind, n_left, predicates);
                let (left, right) = (self.build(left, on_left), self.build(right, on_right));
                let (condition, kept) = self.condition_with(kind, condition, kept);
                let node = self.plan.add(Op::Join { left, right, kind, keys, condition }, schema);
                self.filter(node, kept)
            }
            Op::Scan { table, columns, mut bounds } => {
                for predicate in &predicates {
                    bounds.extend(bound(&self.plan, *predicate, &columns));
                }
                let node = self.plan.add(Op::Scan { table, columns, bounds }, schema);
                self.filter(node, predicates)
            }
            other => {
                let node = self.rebuilt(other, schema);
                self.filter(node, predicates)
            }
        };
        self.depth -= 1;
        built
    }

    /// A node whose inputs are rebuilt and which lets no predicate pass.
    fn rebuilt(&mut self, mut op: Op, schema: Arc<Schema>) -> NodeId {
        let inputs: Vec<NodeId> = op.inputs().into_iter().map(|it| self.build(it, Vec::new())).collect();
        if let Op::Apply { body, .. } = &mut op {
            *body = self.build(*body, Vec::new());
        }
        op.set_inputs(&inputs);
        self.plan.add(op, schema)
    }

    /// Subplans inside an expression are optimised where they stand.
    fn subplans(&mut self, expr: ExprId) {
        let found = self.plan.subplans([expr]);
        let any = !found.is_empty();
        for node in found {
            if self.depth > DEPTH_MAX || self.built.contains_key(&node) {
                continue;
            }
            let new = self.build_one(node, Vec::new());
            _ = self.built.insert(node, new);
        }
        if !any {
            return;
        }
        let (mut todo, mut seen) = (vec![expr], Set::default());
        while let Some(id) = todo.pop() {
            let built = &self.built;
            match self.plan.exprs.get_mut(id.0 as usize) {
                Some(Expr::Call { args, .. }) if seen.insert(id) => todo.extend(args.iter().copied()),
                Some(Expr::Scalar { node, .. } | Expr::List { node }) => {
                    *node = built.get(node).copied().unwrap_or(*node);
                }
                _ => {}
            }
        }
    }

    fn conjuncts(&self, predicate: ExprId) -> Vec<ExprId> {
        match self.plan.expr(predicate) {
            Expr::Call { function, args, .. } if function.name == "and" => {
                args.iter().flat_map(|it| self.conjuncts(*it)).collect()
            }
            _ => vec![predicate],
        }
    }

    /// A filter of all predicates; none makes no node.
    fn filter(&mut self, input: NodeId, predicates: Vec<ExprId>) -> NodeId {
        let predicate = match predicates.as_slice() {
            [] => return input,
            [one] => *one,
            many => match self.conjunction(many) {
                Some(it) => it,
                None => return many.iter().fold(input, |input, it| self.filter(input, vec![*it])),
            },
        };
        let schema = self.plan.schema(input);
        self.plan.add(Op::Filter { input, predicate }, schema)
    }

    fn conjunction(&mut self, predicates: &[ExprId]) -> Option<ExprId> {
        let function = function("and")?;
        let actuals: Vec<Actual> = predicates.iter().map(|_| Actual::varying(Type::Bool)).collect();
        let overload = resolve(function, &actuals).ok()?.overload;
        Some(self.plan.add_expr(Expr::Call { function, overload, args: predicates.to_vec(), ty: Type::Bool }))
    }

    /// Predicates that only read columns which a projection hands through, over its input; and the others.
    fn through(&mut self, columns: &[ExprId], predicates: Vec<ExprId>) -> (Vec<ExprId>, Vec<ExprId>) {
        let (mut pushed, mut kept) = (Vec::new(), Vec::new());
        for predicate in predicates {
            let mut read = Vec::new();
            super::columns_read(&self.plan, predicate, &mut read);
            let passes = read.iter().all(|it| {
                columns
                    .get(*it)
                    .is_some_and(|it| matches!(self.plan.expr(*it), Expr::Column { .. } | Expr::Constant { .. }))
            });
            if passes && !read.is_empty() {
                pushed.push(self.substitute(predicate, &|index, _| columns.get(index).copied()));
            } else {
                kept.push(predicate);
            }
        }
        (pushed, kept)
    }

    /// An expression with its columns replaced. `by` gives the replacement, or nothing to leave the column.
    fn substitute(&mut self, expr: ExprId, by: &dyn Fn(usize, Type) -> Option<ExprId>) -> ExprId {
        self.substitute_shared(expr, by, &mut Map::default())
    }

    fn substitute_shared(
        &mut self,
        expr: ExprId,
        by: &dyn Fn(usize, Type) -> Option<ExprId>,
        done: &mut Map<ExprId, ExprId>,
    ) -> ExprId {
        if let Some(known) = done.get(&expr) {
            return *known;
        }
        let new = match self.plan.expr(expr).clone() {
            Expr::Column { index, ty } => by(index, ty).unwrap_or(expr),
            Expr::Call { function, overload, args, ty } => {
                let args = args.into_iter().map(|it| self.substitute_shared(it, by, done)).collect();
                self.plan.add_expr(Expr::Call { function, overload, args, ty })
            }
            _ => expr,
        };
        _ = done.insert(expr, new);
        new
    }

    /// Predicates by the side of a join that they read alone, where testing it first changes nothing; and the others.
    fn sides(
        &mut self,
        kind: JoinKind,
        n_left: usize,
        predicates: Vec<ExprId>,
    ) -> (Vec<ExprId>, Vec<ExprId>, Vec<ExprId>) {
        use JoinKind as K;
        let left_free = matches!(kind, K::Inner | K::LeftOuter | K::LeftSemi | K::LeftAnti);
        let right_free = matches!(kind, K::Inner | K::InnerUnique | K::RightOuter);
        let right_only = matches!(kind, K::RightSemi | K::RightAnti);
        let (mut on_left, mut on_right, mut kept) = (Vec::new(), Vec::new(), Vec::new());
        for predicate in predicates {
            let mut read = Vec::new();
            super::columns_read(&self.plan, predicate, &mut read);
            let read: Set<usize> = read.into_iter().collect();
            if read.is_empty() {
                kept.push(predicate);
            } else if right_only {
                on_right.push(predicate);
            } else if left_free && read.iter().all(|it| *it < n_left) {
                on_left.push(predicate);
            } else if right_free && read.iter().all(|it| *it >= n_left) {
                let mut moved: Map<usize, ExprId> = Map::default();
                for index in &read {
                    let ty = self.type_of_column(predicate, *index);
                    _ = moved.insert(*index, self.plan.add_expr(Expr::Column { index: index - n_left, ty }));
                }
                on_right.push(self.substitute(predicate, &|index, _| moved.get(&index).copied()));
            } else {
                kept.push(predicate);
            }
        }
        (on_left, on_right, kept)
    }

    /// Predicates on pairs become part of a join's condition, which tests them before the pairs are put together; and the
    /// others.
    fn condition_with(
        &mut self,
        kind: JoinKind,
        condition: Option<ExprId>,
        predicates: Vec<ExprId>,
    ) -> (Option<ExprId>, Vec<ExprId>) {
        if !matches!(kind, JoinKind::Inner | JoinKind::InnerUnique) {
            return (condition, predicates);
        }
        let (moved, kept): (Vec<ExprId>, Vec<ExprId>) = predicates.into_iter().partition(|it| {
            let (mut reads, mut is_volatile) = (false, false);
            self.plan.walk(*it, &mut |it| match it {
                Expr::Column { .. } => reads = true,
                Expr::Call { function, .. } => is_volatile |= function.volatile,
                _ => {}
            });
            reads && !is_volatile
        });
        let all: Vec<ExprId> = condition.into_iter().chain(moved.iter().copied()).collect();
        match all.as_slice() {
            [] => (None, kept),
            [one] => (Some(*one), kept),
            many => match self.conjunction(many) {
                Some(it) => (Some(it), kept),
                None => (condition, moved.into_iter().chain(kept).collect()),
            },
        }
    }

    fn type_of_column(&self, expr: ExprId, wanted: usize) -> Type {
        let mut found = Type::Dynamic;
        self.plan.walk(expr, &mut |it| match it {
            Expr::Column { index, ty } if *index == wanted => found = *ty,
            _ => {}
        });
        found
    }
}

/// The bound that a predicate `column < constant` and the like puts on a column of the table that a scan of those columns reads.
pub fn bound(plan: &Plan, predicate: ExprId, columns: &[usize]) -> Option<(usize, i64, i64)> {
    let Expr::Call { function, args, .. } = plan.expr(predicate) else { return None };
    let ticks = |id: ExprId| match plan.expr(id) {
        Expr::Constant { value: Value::Datetime(it) | Value::Long(it) | Value::Timespan(it), .. } => Some(*it),
        _ => None,
    };
    let column = |id: ExprId| match plan.expr(id) {
        Expr::Column { index, ty: Type::Datetime | Type::Long | Type::Timespan } => columns.get(*index).copied(),
        _ => None,
    };
    let (name, low, high) = match args.as_slice() {
        [value, low, high] if function.name == "between" => {
            return Some((column(*value)?, ticks(*low)?, ticks(*high)?));
        }
        [left, right] if column(*left).is_some() => (function.name, column(*left)?, ticks(*right)?),
        [left, right] => {
            let mirrored = match function.name {
                "<" => ">",
                "<=" => ">=",
                ">" => "<",
                ">=" => "<=",
                other => other,
            };
            (mirrored, column(*right)?, ticks(*left)?)
        }
        _ => return None,
    };
    let (index, at) = (low, high);
    match name {
        "<" => Some((index, i64::MIN, at.saturating_sub(1))),
        "<=" => Some((index, i64::MIN, at)),
        ">" => Some((index, at.saturating_add(1), i64::MAX)),
        ">=" => Some((index, at, i64::MAX)),
        "==" => Some((index, at, at)),
        _ => None,
    }
}
