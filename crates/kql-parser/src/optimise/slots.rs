//! Paths into what `parse_json` gives are taken where the text is read, so that only the slots that are wanted are kept:
//! `extend p = parse_json(T) | summarize count() by tostring(p.kind)` carries `p.kind` along and not `p`.

use super::{columns_read, in_order, parents};
use crate::plan::{AggregateExpr, Expr, ExprId, NodeId, Op, Plan};
use kql_data::{Context, Fault, Field, Map, Schema, Value};
use std::sync::Arc;

/// Runs the pass.
pub(super) fn run(cx: &Context, plan: &Plan) -> Result<Plan, Fault> {
    let parents = parents(cx, plan)?;
    let mut pass = Pass { plan: plan.clone(), columns: Map::default(), done: Map::default() };
    for id in in_order(plan) {
        cx.check()?;
        if let Some(Op::Aggregate { input, keys, aggregates }) = plan.node(id).map(|it| &it.op)
            && parents.get(input) == Some(&1)
        {
            pass.take_slots(id, *input, keys, aggregates);
        }
    }
    Ok(pass.plan)
}

struct Pass {
    plan: Plan,
    /// Of the projection at hand: for a column and a slot of it the column that has it.
    columns: Map<(usize, Arc<str>), usize>,
    /// What expressions above it became.
    done: Map<ExprId, ExprId>,
}

impl Pass {
    fn take_slots(&mut self, id: NodeId, below: NodeId, keys: &[ExprId], aggregates: &[AggregateExpr]) {
        let Some(Op::Project { input, mut columns }) = self.plan.node(below).map(|it| it.op.clone()) else { return };
        let is_parsed =
            |it: &ExprId| matches!(self.plan.expr(*it), Expr::Call { function, .. } if function.name == "todynamic");
        if !columns.iter().any(is_parsed) {
            return;
        }
        // Read in any other way, the whole is needed.
        let read: Vec<ExprId> =
            keys.iter().copied().chain(aggregates.iter().flat_map(|it| it.args.iter().copied())).collect();
        let mut whole = Vec::new();
        read.iter().for_each(|it| self.read_whole(*it, &mut whole, &mut Map::default()));
        let parsed: Vec<usize> =
            (0..columns.len()).filter(|it| columns.get(*it).is_some_and(is_parsed) && !whole.contains(it)).collect();
        if parsed.is_empty() {
            return;
        }
        let mut schema = Schema::clone(&self.plan.schema(below));
        (self.columns, self.done) = (Map::default(), Map::default());
        let mut replaced = |it: &ExprId| self.replace(*it, &parsed, &mut columns, &mut schema);
        let keys: Vec<ExprId> = keys.iter().map(&mut replaced).collect();
        let aggregates: Vec<AggregateExpr> = aggregates
            .iter()
            .map(|it| AggregateExpr { args: it.args.iter().map(&mut replaced).collect(), ..it.clone() })
            .collect();
        if let Some(node) = self.plan.nodes.get_mut(below.0 as usize) {
            (node.op, node.schema) = (Op::Project { input, columns }, schema.into());
        }
        if let Some(node) = self.plan.nodes.get_mut(id.0 as usize) {
            node.op = Op::Aggregate { input: below, keys, aggregates };
        }
    }

    /// A column and the name of its slot, of a call that takes one.
    fn slot(&self, expr: &Expr) -> Option<(usize, Arc<str>)> {
        let Expr::Call { function, args, .. } = expr else { return None };
        let ("." | "[]", [of, key]) = (function.name, args.as_slice()) else { return None };
        match (self.plan.expr(*of), self.plan.expr(*key)) {
            (Expr::Column { index, .. }, Expr::Constant { value: Value::String(key), .. }) => {
                Some((*index, key.clone()))
            }
            _ => None,
        }
    }

    /// The columns that are read but for slots.
    fn read_whole(&self, id: ExprId, found: &mut Vec<usize>, seen: &mut Map<ExprId, ()>) {
        if seen.insert(id, ()).is_some() {
            return;
        }
        match self.plan.expr(id) {
            it if self.slot(it).is_some() => {}
            Expr::Call { args, .. } => args.iter().for_each(|it| self.read_whole(*it, found, seen)),
            _ => columns_read(&self.plan, id, found),
        }
    }

    /// An expression that reads the slots' columns, which are added where they are not there yet.
    fn replace(&mut self, id: ExprId, parsed: &[usize], columns: &mut Vec<ExprId>, schema: &mut Schema) -> ExprId {
        if let Some(known) = self.done.get(&id) {
            return *known;
        }
        let expr = self.plan.expr(id).clone();
        let slot = self.slot(&expr).filter(|(index, _)| parsed.contains(index));
        let new = match (slot, expr) {
            (Some((of, key)), Expr::Call { function, overload, args, ty }) => {
                let name = schema.fields.get(of).map_or("", |it| &*it.name);
                let field = Field::new(format!("{name}.{key}"), ty);
                let index = *self.columns.entry((of, key)).or_insert_with(|| {
                    let mut args = args;
                    args.iter_mut().take(1).zip(columns.get(of)).for_each(|(to, it)| *to = *it);
                    columns.push(self.plan.add_expr(Expr::Call { function, overload, args, ty }));
                    schema.fields.push(field);
                    columns.len() - 1
                });
                self.plan.add_expr(Expr::Column { index, ty })
            }
            (_, Expr::Call { function, overload, args, ty }) => {
                let new: Vec<ExprId> = args.iter().map(|it| self.replace(*it, parsed, columns, schema)).collect();
                if new == args { id } else { self.plan.add_expr(Expr::Call { function, overload, args: new, ty }) }
            }
            _ => id,
        };
        _ = self.done.insert(id, new);
        new
    }
}
