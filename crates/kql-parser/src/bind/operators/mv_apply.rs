//! `mv-apply`: a subquery over the elements of each row's arrays.

use super::super::{Bind, Binder, Table};
use super::{expand, join, project_away::choose};
use crate::{
    plan::{ExpandOutput, Expr, ExprId, JoinKind, NodeId, Op, ParseOutput, Plan},
    syntax::{MvApply, Stage},
};
use kql_data::{Schema, Set, Value};

pub(super) fn bind(b: &mut Binder<'_>, it: &MvApply, input: Table, _: &Stage) -> Bind<Table> {
    let expanded = expand::bind(b, &it.columns, &it.parameters, it.limit, true, &input)?;
    let n_expanded = expanded.schema.len() - 1;
    // The subquery sees the expanded row without its number.
    let visible = Schema::new(expanded.schema.fields.iter().take(n_expanded).cloned().collect());
    let group = b.new_table(Op::Group, visible.clone());
    let group = Table { serialized: true, open: input.open, ..group };
    let of_group = group.node;
    let body = b.pipeline(it.subquery, Some(group))?;
    let repeated: Vec<usize> = (0..input.schema.len())
        .filter(|index| {
            let name = input.schema.fields.get(*index).map_or("", |it| &*it.name);
            visible.fields.get(*index).is_some_and(|it| *it.name == *name) && !is_element(&expanded, b, *index)
        })
        .collect();
    let body = without_gaps(b, of_group, &repeated, body);
    // Input columns come first, unless the subquery gives one of the name itself.
    let is_carried = |it: &usize| visible.fields.get(*it).is_some_and(|it| body.schema.index_of(&it.name).is_none());
    let carried: Vec<usize> = repeated.into_iter().filter(is_carried).collect();
    let front = Schema::new(carried.iter().filter_map(|it| expanded.schema.fields.get(*it).cloned()).collect());
    let row = expanded.schema.fields.last().map_or(kql_data::Type::Long, |it| it.ty);
    let by = vec![b.column(n_expanded, row)];
    let schema = join::joined(&front, &body.schema);
    let op = Op::Apply { input: expanded.node, by, body: body.node, carried, groups_max: None };
    let table = b.table(op, schema, &input);
    Ok(reorder(b, &input, table))
}

/// Whether an output column of the expansion holds elements.
fn is_element(expanded: &Table, b: &Binder<'_>, index: usize) -> bool {
    match b.plan.node(expanded.node).map(|it| &it.op) {
        Some(Op::Expand { outputs, .. }) => {
            matches!(outputs.get(index), Some(crate::plan::ExpandOutput::Element(_)))
        }
        _ => false,
    }
}

/// Columns of the input stand in their old places, the subquery's new ones behind.
fn reorder(b: &mut Binder<'_>, input: &Table, table: Table) -> Table {
    let mut order: Vec<usize> = input.schema.fields.iter().filter_map(|it| table.schema.index_of(&it.name)).collect();
    order.extend((0..table.schema.len()).filter(|it| !order.contains(it)).collect::<Vec<_>>());
    if order.iter().enumerate().all(|(n, it)| n == *it) {
        return table;
    }
    choose(b, &order, &table)
}

/// The body without those of the `repeated` columns that are the group's in some of its rows and missing in others, such as
/// those of the other tables of a `union`: all rows of a group have the group's, which are carried beside the body.
fn without_gaps(b: &mut Binder<'_>, group: NodeId, repeated: &[usize], body: Table) -> Table {
    let makes_gaps = |it: &crate::plan::Node| matches!(it.op, Op::Union { .. } | Op::Join { .. });
    if !b.plan.nodes.iter().skip(group.0 as usize).any(makes_gaps) {
        return body;
    }
    let of_group = b.plan.node(group).map(|it| it.schema.clone()).unwrap_or_default();
    let has_gaps = |column: &usize| {
        let gap = Origins::of(&b.plan, group, body.node, *column).and_then(|it| it.with_gaps());
        let name = |schema: &Schema, at: usize| schema.fields.get(at).map(|it| it.name.clone());
        gap.is_some_and(|it| repeated.contains(&it) && name(&of_group, it) == name(&body.schema, *column))
    };
    let kept: Vec<usize> = (0..body.schema.len()).filter(|it| !has_gaps(it)).collect();
    if kept.len() == body.schema.len() { body } else { choose(b, &kept, &body) }
}

/// Where the values of a column come from.
#[derive(Debug, Default)]
struct Origins {
    /// Columns of the group.
    group: Set<usize>,
    /// Whether some rows have none, because a side of a join or a table of a union lacks the column.
    missing: bool,
}

impl Origins {
    /// The group's column that some rows have, where others have nothing.
    fn with_gaps(&self) -> Option<usize> {
        self.group.iter().next().copied().filter(|_| self.missing && self.group.len() == 1)
    }

    /// Of a node's column; `None` when some of them are computed, or from elsewhere.
    fn of(plan: &Plan, group: NodeId, node: NodeId, column: usize) -> Option<Origins> {
        let mut out = Origins::default();
        let (mut left, mut seen) = (vec![(node, column)], Set::default());
        while let Some((node, column)) = left.pop() {
            if !seen.insert((node, column)) {
                continue;
            }
            if node == group {
                _ = out.group.insert(column);
                continue;
            }
            match &plan.node(node)?.op {
                Op::Filter { input, .. } | Op::Sort { input, .. } | Op::Limit { input, .. } => {
                    left.push((*input, column));
                }
                Op::Sample { input, .. } | Op::Shared { input } => left.push((*input, column)),
                Op::Project { input, columns } | Op::Window { input, columns } => {
                    out.expression(plan, *columns.get(column)?, *input, &mut left)?;
                }
                Op::Aggregate { input, keys, .. } => out.expression(plan, *keys.get(column)?, *input, &mut left)?,
                Op::Expand { input, outputs, .. } => match outputs.get(column)? {
                    ExpandOutput::Input(it) => left.push((*input, *it)),
                    _ => return None,
                },
                Op::Parse { input, outputs, .. } | Op::ParseKv { input, outputs, .. } => match outputs.get(column)? {
                    ParseOutput::Input(it) => left.push((*input, *it)),
                    ParseOutput::Captured(_) => return None,
                },
                Op::Union { inputs } => left.extend(inputs.iter().map(|it| (*it, column))),
                Op::Join { left: one, right: other, kind, .. } => {
                    let n_left = plan.node(*one)?.schema.len();
                    let is_right = matches!(kind, JoinKind::RightSemi | JoinKind::RightAnti);
                    let gaps = match column < n_left && !is_right {
                        true => matches!(kind, JoinKind::RightOuter | JoinKind::FullOuter),
                        false => matches!(kind, JoinKind::LeftOuter | JoinKind::FullOuter),
                    };
                    out.missing |= gaps;
                    left.push(match column.checked_sub(n_left) {
                        _ if is_right => (*other, column),
                        Some(at) => (*other, at),
                        None => (*one, column),
                    });
                }
                Op::Apply { input, carried, .. } => left.push((*input, *carried.get(column)?)),
                _ => return None,
            }
        }
        Some(out)
    }

    /// Of an expression over an input: another of its columns, or nothing.
    fn expression(&mut self, plan: &Plan, expr: ExprId, input: NodeId, left: &mut Vec<(NodeId, usize)>) -> Option<()> {
        match plan.expr(expr) {
            Expr::Column { index, .. } => left.push((input, *index)),
            Expr::Constant { value: Value::Null, .. } => self.missing = true,
            Expr::Constant { value: Value::String(it), .. } if it.is_empty() => self.missing = true,
            _ => return None,
        }
        Some(())
    }
}
