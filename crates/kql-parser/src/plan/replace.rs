//! Expressions over a projection as expressions over what the projection reads.

use super::{Expr, ExprId, Plan};
use kql_data::Map;

/// How deep expressions may become: passes over plans go down them by recursion.
const DEPTH_MAX: usize = 256;

/// Replaces columns by what a projection makes them of.
pub(crate) struct Replaced<'a> {
    inner: &'a [ExprId],
    done: Map<ExprId, ExprId>,
}

impl<'a> Replaced<'a> {
    /// For a projection of those columns.
    pub(crate) fn new(inner: &'a [ExprId]) -> Replaced<'a> {
        Replaced { inner, done: Map::default() }
    }

    /// An expression over the projection's input; `None` when it would be too deep. What several expressions share stays
    /// shared. `depth` tells how deep an expression is.
    pub(crate) fn of(
        &mut self,
        plan: &mut Plan,
        depth: &mut dyn FnMut(&Plan, ExprId) -> usize,
        id: ExprId,
    ) -> Option<ExprId> {
        if let Some(known) = self.done.get(&id) {
            return Some(*known);
        }
        let new = match plan.expr(id) {
            Expr::Column { index, .. } => return self.inner.get(*index).copied(),
            Expr::Call { function, overload, args, ty } => {
                let (function, overload, old, ty) = (*function, *overload, args.clone(), *ty);
                let args = old.iter().map(|it| self.of(plan, depth, *it)).collect::<Option<Vec<_>>>()?;
                if args.iter().any(|it| depth(plan, *it) >= DEPTH_MAX) {
                    return None;
                }
                match args == old {
                    true => id,
                    false => plan.add_expr(Expr::Call { function, overload, args, ty }),
                }
            }
            Expr::Constant { .. } | Expr::Scalar { .. } | Expr::List { .. } => id,
        };
        _ = self.done.insert(id, new);
        Some(new)
    }
}
