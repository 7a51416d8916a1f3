//! Rewrites a bound plan into one that gives the same rows with less work. Each pass is a function from plan to plan.
//!
//! Constants are folded while the query is bound. Here: [`push_down`] moves filters towards the tables they read and tells
//! scans which stretch of a column matters; [`prune`] drops columns that nothing reads.

mod prune;
mod push_down;

use crate::plan::{Expr, ExprId, NodeId, Op, Plan};
use kql_data::Map;

/// A pass.
type Pass = fn(&Plan) -> Plan;

/// The passes, in order.
pub const PASSES: &[(&str, Pass)] = &[("push_down", push_down::run), ("prune", prune::run)];

/// Plans larger than this are run as they are.
const NODES_MAX: usize = 20_000;

/// Runs every pass.
pub fn optimise(plan: &Plan) -> Plan {
    if plan.nodes.len() > NODES_MAX {
        return plan.clone();
    }
    PASSES.iter().fold(plan.clone(), |plan, (_, pass)| pass(&plan))
}

/// The expressions that a node holds.
pub(crate) fn expressions(op: &Op) -> Vec<ExprId> {
    let mut found = Vec::new();
    match op {
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
                    crate::plan::EvaluateValue::Expr(it) => found.push(*it),
                    crate::plan::EvaluateValue::Aggregate(it) => found.extend(&it.args),
                    _ => {}
                }
            }
        }
    }
    found
}

/// The columns that an expression reads.
pub(crate) fn columns_read(plan: &Plan, expr: ExprId, found: &mut Vec<usize>) {
    plan.walk(expr, &mut |it| {
        if let Expr::Column { index, .. } = it {
            found.push(*index);
        }
    });
}

/// The plans that an expression computes once: those of `toscalar` and `in (subquery)`.
pub(crate) fn subplans(plan: &Plan, expr: ExprId, found: &mut Vec<NodeId>) {
    plan.walk(expr, &mut |it| {
        if let Expr::Scalar { node, .. } | Expr::List { node } = it {
            found.push(*node);
        }
    });
}

/// Every node that a node needs before it, bodies and subplans included.
pub(crate) fn needed(plan: &Plan, node: NodeId) -> Vec<NodeId> {
    let Some(op) = plan.node(node).map(|it| &it.op) else { return Vec::new() };
    let mut found = op.inputs();
    if let Op::Apply { body, .. } = op {
        found.push(*body);
    }
    for expr in expressions(op) {
        subplans(plan, expr, &mut found);
    }
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
