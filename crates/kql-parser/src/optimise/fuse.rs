//! A projection over a projection becomes one: what the lower gives is computed where the upper reads it. A thousand
//! `extend`s are a few nodes then, and not a thousand batches of up to a thousand columns. An aggregation computes itself what a
//! projection below it gives: so a key that was made of a dictionary's entries is grouped by entry, and of a parsed JSON text only
//! the slots that are read are kept.

use super::{in_order, parents};
use crate::plan::{AggregateExpr, Expr, ExprId, NodeId, Op, Plan, Replaced};
use kql_data::{Context, Fault};

/// Runs the pass.
pub(super) fn run(cx: &Context, plan: &Plan) -> Result<Plan, Fault> {
    let parents = parents(cx, plan)?;
    let mut pass = Pass { plan: plan.clone(), depths: Vec::new() };
    // Inputs come first, so that a chain grows from below.
    for id in in_order(plan) {
        cx.check()?;
        match plan.node(id).map(|it| &it.op) {
            Some(Op::Project { input, columns }) if parents.get(input) == Some(&1) => pass.fuse(id, *input, columns),
            Some(Op::Aggregate { input, keys, aggregates }) if parents.get(input) == Some(&1) => {
                pass.fuse_aggregate(id, *input, keys, aggregates);
            }
            _ => {}
        }
    }
    Ok(pass.plan)
}

struct Pass {
    plan: Plan,
    /// By expression, how deep it is.
    depths: Vec<usize>,
}

impl Pass {
    fn fuse(&mut self, id: NodeId, below: NodeId, columns: &[ExprId]) {
        let Some(Op::Project { input, columns: inner }) = self.plan.node(below).map(|it| it.op.clone()) else { return };
        if let Some(columns) = self.replaced(&inner, columns)
            && let Some(node) = self.plan.nodes.get_mut(id.0 as usize)
        {
            node.op = Op::Project { input, columns };
        }
    }

    fn fuse_aggregate(&mut self, id: NodeId, below: NodeId, keys: &[ExprId], aggregates: &[AggregateExpr]) {
        let Some(Op::Project { input, columns: inner }) = self.plan.node(below).map(|it| it.op.clone()) else { return };
        let args = aggregates.iter().flat_map(|it| it.args.iter().copied());
        // What is by chance comes in the order of the rows, which is the projection's business; and an aggregate knows more of
        // a constant than of a column that holds one.
        let becomes_constant = |it: ExprId| match self.plan.expr(it) {
            Expr::Column { index, .. } => inner
                .get(*index)
                .is_none_or(|it| !matches!(self.plan.expr(*it), Expr::Column { .. } | Expr::Call { .. })),
            _ => false,
        };
        if args.clone().any(becomes_constant) || inner.iter().any(|it| self.is_volatile(*it)) {
            return;
        }
        let roots: Vec<ExprId> = keys.iter().copied().chain(args).collect();
        let Some(roots) = self.replaced(&inner, &roots) else { return };
        let (keys, mut args) = roots.split_at_checked(keys.len()).unwrap_or((&roots, &[]));
        let mut calls = aggregates.to_vec();
        for call in &mut calls {
            let (own, rest) = args.split_at_checked(call.args.len()).unwrap_or((args, &[]));
            (call.args, args) = (own.to_vec(), rest);
        }
        if let Some(node) = self.plan.nodes.get_mut(id.0 as usize) {
            node.op = Op::Aggregate { input, keys: keys.to_vec(), aggregates: calls };
        }
    }

    fn is_volatile(&self, expr: ExprId) -> bool {
        let mut found = false;
        self.plan.walk(expr, &mut |it| found |= matches!(it, Expr::Call { function, .. } if function.volatile));
        found
    }

    /// Expressions over what a projection of `inner` gives as such over its input; `None` when they would be too deep.
    fn replaced(&mut self, inner: &[ExprId], exprs: &[ExprId]) -> Option<Vec<ExprId>> {
        let mark = self.plan.mark();
        let mut replaced = Replaced::new(inner);
        let depths = &mut self.depths;
        let mut depth = |plan: &Plan, id: ExprId| depth(depths, plan, id);
        let found = exprs.iter().map(|it| replaced.of(&mut self.plan, &mut depth, *it)).collect();
        if Option::is_none(&found) {
            self.plan.go_back(mark);
            self.depths.truncate(self.plan.exprs.len());
        }
        found
    }
}

/// How deep an expression is; each is looked at once, since arguments stand before their calls.
fn depth(depths: &mut Vec<usize>, plan: &Plan, id: ExprId) -> usize {
    for expr in plan.exprs.iter().skip(depths.len()) {
        let depth = match expr {
            Expr::Call { args, .. } => {
                args.iter().filter_map(|it| depths.get(it.0 as usize)).max().map_or(1, |it| it + 1)
            }
            _ => 0,
        };
        depths.push(depth);
    }
    depths.get(id.0 as usize).copied().unwrap_or(0)
}
