//! A projection over a projection becomes one: what the lower gives is computed where the upper reads it. A thousand
//! `extend`s are a few nodes then, and not a thousand batches of up to a thousand columns.

use super::{in_order, parents};
use crate::plan::{Expr, ExprId, NodeId, Op, Plan};
use kql_data::{Context, Fault, Map};

/// How deep expressions may become: later passes go down them by recursion.
const DEPTH_MAX: usize = 256;

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
        let mut done = Map::default();
        let fused: Option<Vec<ExprId>> = columns.iter().map(|it| self.replace(*it, &inner, &mut done)).collect();
        match (fused, self.plan.nodes.get_mut(id.0 as usize)) {
            (Some(columns), Some(node)) => node.op = Op::Project { input, columns },
            _ => {
                self.plan.go_back(mark);
                self.depths.truncate(self.plan.exprs.len());
            }
        }
    }

    /// An expression over the lower projection's input; `None` when it would be too deep.
    fn replace(&mut self, id: ExprId, inner: &[ExprId], done: &mut Map<ExprId, ExprId>) -> Option<ExprId> {
        if let Some(known) = done.get(&id) {
            return Some(*known);
        }
        let new = match self.plan.expr(id) {
            Expr::Column { index, .. } => return inner.get(*index).copied(),
            Expr::Call { function, overload, args, ty } => {
                let (function, overload, args, ty) = (*function, *overload, args.clone(), *ty);
                let args = args.into_iter().map(|it| self.replace(it, inner, done)).collect::<Option<Vec<_>>>()?;
                if args.iter().any(|it| self.depth(*it) >= DEPTH_MAX) {
                    return None;
                }
                self.plan.add_expr(Expr::Call { function, overload, args, ty })
            }
            Expr::Constant { .. } | Expr::Scalar { .. } | Expr::List { .. } => id,
        };
        _ = done.insert(id, new);
        Some(new)
    }

    /// How deep an expression is; each is looked at once, since arguments stand before their calls.
    fn depth(&mut self, id: ExprId) -> usize {
        for expr in self.plan.exprs.iter().skip(self.depths.len()) {
            let depth = match expr {
                Expr::Call { args, .. } => {
                    args.iter().filter_map(|it| self.depths.get(it.0 as usize)).max().map_or(1, |it| it + 1)
                }
                _ => 0,
            };
            self.depths.push(depth);
        }
        self.depths.get(id.0 as usize).copied().unwrap_or(0)
    }
}
