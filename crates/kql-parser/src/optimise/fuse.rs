//! A projection over a projection becomes one: what the lower gives is computed where the upper reads it. A thousand
//! `extend`s are a few nodes then, and not a thousand batches of up to a thousand columns.

use super::{in_order, parents};
use crate::plan::{Expr, ExprId, NodeId, Op, Plan, Replaced};
use kql_data::{Context, Fault};

/// Runs the pass.
pub(super) fn run(cx: &Context, plan: &Plan) -> Result<Plan, Fault> {
    let parents = parents(cx, plan)?;
    let mut pass = Pass { plan: plan.clone(), depths: Vec::new() };
    // Inputs come first, so that a chain grows from below.
    for id in in_order(plan) {
        cx.check()?;
        let Some(Op::Project { input, columns }) = plan.node(id).map(|it| &it.op) else { continue };
        if parents.get(input) == Some(&1) {
            pass.fuse(id, *input, columns);
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
        let mark = self.plan.mark();
        let mut replaced = Replaced::new(&inner);
        let depths = &mut self.depths;
        let mut depth = |plan: &Plan, id: ExprId| depth(depths, plan, id);
        let fused: Option<Vec<ExprId>> =
            columns.iter().map(|it| replaced.of(&mut self.plan, &mut depth, *it)).collect();
        match (fused, self.plan.nodes.get_mut(id.0 as usize)) {
            (Some(columns), Some(node)) => node.op = Op::Project { input, columns },
            _ => {
                self.plan.go_back(mark);
                self.depths.truncate(self.plan.exprs.len());
            }
        }
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
