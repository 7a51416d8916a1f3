//! Which paths inside dynamic columns a plan reads of its tables.

use super::in_order;
use crate::plan::{ExpandOutput, Expr, ExprId, JoinKind, NodeId, Op, ParseOutput, Plan};
use kql_data::{Map, Set, Slots, Type, Value};

/// What is read of the columns of a node, by their place. A column that is not here is not read.
pub type ColumnSlots = Map<usize, Slots>;

/// What the plan reads of the output columns of each of its scans. Whatever does more with a column than go down a path of
/// constant keys reads it as a whole.
pub fn paths_read(plan: &Plan) -> Map<NodeId, ColumnSlots> {
    let mut read: Map<NodeId, ColumnSlots> = Map::default();
    for result in &plan.results {
        whole(plan, result.node, &mut read);
    }
    for id in in_order(plan).into_iter().rev() {
        let Some(node) = plan.node(id).filter(|it| !matches!(it.op, Op::Scan { .. })) else { continue };
        for it in plan.subplans(node.op.expressions()) {
            add(read.entry(it).or_default(), 0, &Slots::All);
        }
        // All that reads the node was looked at before it.
        let wanted = read.remove(&id).unwrap_or_default();
        for (input, columns) in read_of_inputs(plan, &node.op, wanted) {
            let all = read.entry(input).or_default();
            columns.iter().for_each(|(column, slots)| add(all, *column, slots));
        }
    }
    read
}

fn add(read: &mut ColumnSlots, column: usize, slots: &Slots) {
    match read.get_mut(&column) {
        Some(known) => known.add(slots),
        None => _ = read.insert(column, slots.clone()),
    }
}

fn all(plan: &Plan, node: NodeId) -> ColumnSlots {
    (0..plan.schema(node).len()).map(|it| (it, Slots::All)).collect()
}

fn whole(plan: &Plan, node: NodeId, read: &mut Map<NodeId, ColumnSlots>) {
    let columns = read.entry(node).or_default();
    all(plan, node).iter().for_each(|(column, slots)| add(columns, *column, slots));
}

/// The column of the input that an expression goes down from, and the keys on the way.
fn path(plan: &Plan, expr: ExprId) -> Option<(usize, Vec<&str>)> {
    let (mut at, mut keys) = (expr, Vec::new());
    loop {
        match plan.expr(at) {
            Expr::Column { index, .. } => {
                keys.reverse();
                return Some((*index, keys));
            }
            Expr::Call { function, args, .. } if matches!(function.name, "." | "[]") => {
                let [value, key] = args.as_slice() else { return None };
                let Expr::Constant { value: Value::String(key), .. } = plan.expr(*key) else { return None };
                if plan.expr(*value).ty() != Type::Dynamic {
                    return None;
                }
                keys.push(key);
                at = *value;
            }
            _ => return None,
        }
    }
}

/// Adds what an expression reads of the columns of the input, when `slots` are read of its values.
fn read_by(plan: &Plan, expr: ExprId, slots: &Slots, read: &mut ColumnSlots) {
    if let Some((column, keys)) = path(plan, expr) {
        return add(read, column, &slots.clone().under(&keys));
    }
    let (mut open, mut seen): (Vec<ExprId>, Set<ExprId>) = (vec![expr], Set::default());
    while let Some(id) = open.pop() {
        if !seen.insert(id) {
            continue;
        }
        match (path(plan, id), plan.expr(id)) {
            (Some((column, keys)), _) => add(read, column, &Slots::All.under(&keys)),
            (None, Expr::Call { args, .. }) => open.extend(args.iter().copied()),
            _ => {}
        }
    }
}

fn read_by_all(plan: &Plan, exprs: impl IntoIterator<Item = ExprId>, read: &mut ColumnSlots) {
    exprs.into_iter().for_each(|it| read_by(plan, it, &Slots::All, read));
}

/// What a node reads of each input, given what is read of it.
fn read_of_inputs(plan: &Plan, op: &Op, mut wanted: ColumnSlots) -> Vec<(NodeId, ColumnSlots)> {
    let mut read = ColumnSlots::default();
    match op {
        Op::Filter { input, predicate } => {
            read_by_all(plan, [*predicate], &mut wanted);
            vec![(*input, wanted)]
        }
        Op::Sort { input, keys, .. } => {
            read_by_all(plan, keys.iter().map(|it| it.value), &mut wanted);
            vec![(*input, wanted)]
        }
        Op::Limit { input, .. } | Op::Sample { input, .. } | Op::Shared { input } => vec![(*input, wanted)],
        Op::Project { input, columns } | Op::Window { input, columns } => {
            for (column, expr) in columns.iter().enumerate() {
                if let Some(slots) = wanted.get(&column) {
                    read_by(plan, *expr, slots, &mut read);
                }
            }
            vec![(*input, read)]
        }
        Op::Aggregate { input, .. } => {
            read_by_all(plan, op.expressions(), &mut read);
            vec![(*input, read)]
        }
        Op::Series(it) => {
            read_by_all(plan, op.expressions(), &mut read);
            vec![(it.input, read)]
        }
        Op::Union { inputs } => inputs.iter().map(|it| (*it, wanted.clone())).collect(),
        Op::Join { left, right, kind, keys, condition } => {
            let sides = (plan.schema(*left).len(), *kind);
            let [mut on_left, mut on_right] = read_by_sides(plan, sides, *condition, wanted);
            read_by_all(plan, keys.iter().map(|it| it.0), &mut on_left);
            read_by_all(plan, keys.iter().map(|it| it.1), &mut on_right);
            vec![(*left, on_left), (*right, on_right)]
        }
        Op::Expand { input, values, outputs, .. } => {
            read_by_all(plan, values.iter().map(|it| it.value), &mut read);
            for (column, slots) in &wanted {
                if let Some(ExpandOutput::Input(index)) = outputs.get(*column) {
                    add(&mut read, *index, slots);
                }
            }
            vec![(*input, read)]
        }
        Op::Parse { input, value, outputs, .. } | Op::ParseKv { input, value, outputs, .. } => {
            read_by_all(plan, [*value], &mut read);
            for (column, slots) in &wanted {
                if let Some(ParseOutput::Input(index)) = outputs.get(*column) {
                    add(&mut read, *index, slots);
                }
            }
            vec![(*input, read)]
        }
        // These see whole rows.
        other => {
            let mut inputs = other.inputs();
            inputs.extend(match other {
                Op::Apply { body, .. } => Some(*body),
                _ => None,
            });
            inputs.into_iter().map(|it| (it, all(plan, it))).collect()
        }
    }
}

/// What a join reads of both sides for its output and its condition.
fn read_by_sides(
    plan: &Plan,
    (n_left, kind): (usize, JoinKind),
    condition: Option<ExprId>,
    wanted: ColumnSlots,
) -> [ColumnSlots; 2] {
    let (mut on_left, mut on_right, mut pairs) =
        (ColumnSlots::default(), ColumnSlots::default(), ColumnSlots::default());
    match kind {
        JoinKind::LeftSemi | JoinKind::LeftAnti => on_left = wanted,
        JoinKind::RightSemi | JoinKind::RightAnti => on_right = wanted,
        _ => pairs = wanted,
    }
    read_by_all(plan, condition, &mut pairs);
    for (column, slots) in &pairs {
        match column.checked_sub(n_left) {
            None => add(&mut on_left, *column, slots),
            Some(column) => add(&mut on_right, column, slots),
        }
    }
    [on_left, on_right]
}
