//! Rewrites a bound plan into one that gives the same rows with less work. Each pass is a function from plan to plan.
//!
//! Constants are folded while the query is bound. Here: [`push_down`] moves filters towards the tables they read and tells
//! scans which stretch of a column matters; [`fuse`] makes chains of projections one, and aggregations compute what they
//! read; [`prune`] drops columns that nothing reads.

mod columns;
mod fuse;
pub mod paths;
mod prune;
mod push_down;

pub use push_down::bound;

use crate::plan::{Expr, ExprId, NodeId, Plan};
use kql_data::{Context, Fault, Map};

/// A pass. It ends early when the query is to stop.
type Pass = fn(&Context, &Plan) -> Result<Plan, Fault>;

/// The passes, in order.
pub const PASSES: &[(&str, Pass)] = &[("push_down", push_down::run), ("fuse", fuse::run), ("prune", prune::run)];

/// Plans larger than this are run as they are.
const NODES_MAX: usize = 20_000;

/// Runs every pass. Fails only when the query is to stop.
pub fn optimise(cx: &Context, plan: Plan) -> Result<Plan, Fault> {
    if plan.nodes.len() > NODES_MAX {
        return Ok(plan);
    }
    PASSES.iter().try_fold(plan, |plan, (_, pass)| pass(cx, &plan))
}

/// The columns that an expression reads.
pub(crate) fn columns_read(plan: &Plan, expr: ExprId, found: &mut Vec<usize>) {
    plan.walk(expr, &mut |it| {
        if let Expr::Column { index, .. } = it {
            found.push(*index);
        }
    });
}

/// Every node that a node needs before it, bodies and subplans included.
pub(crate) fn needed(plan: &Plan, node: NodeId) -> Vec<NodeId> {
    let Some(op) = plan.node(node).map(|it| &it.op) else { return Vec::new() };
    let mut found = op.inputs_and_body();
    found.extend(plan.subplans(op.expressions()));
    found
}

/// All nodes that the results need, each after those it needs itself.
pub(crate) fn in_order(plan: &Plan) -> Vec<NodeId> {
    let mut order = Vec::new();
    let mut state: Map<NodeId, bool> = Map::default();
    let mut todo: Vec<(NodeId, bool)> = plan.results.iter().map(|it| (it.node, false)).collect();
    todo.reverse();
    while let Some((node, is_done)) = todo.pop() {
        if is_done {
            if state.insert(node, true) != Some(true) {
                order.push(node);
            }
        } else if let std::collections::hash_map::Entry::Vacant(unseen) = state.entry(node) {
            _ = unseen.insert(false);
            todo.push((node, true));
            todo.extend(needed(plan, node).into_iter().map(|it| (it, false)));
        }
    }
    order
}

/// By node how many others read it, results among them.
pub(crate) fn parents(cx: &Context, plan: &Plan) -> Result<Map<NodeId, usize>, Fault> {
    let mut parents: Map<NodeId, usize> = Map::default();
    for node in in_order(plan) {
        cx.check()?;
        for input in needed(plan, node) {
            *parents.entry(input).or_default() += 1;
        }
    }
    for result in &plan.results {
        *parents.entry(result.node).or_default() += 1;
    }
    Ok(parents)
}
