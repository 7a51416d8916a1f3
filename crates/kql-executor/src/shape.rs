//! What kind of node each is: fused into a chain, or a point where all rows are gathered. Found in one pass, no recursion.

use crate::{apply::by_row, stream::Needed};
use kql_data::Set;
use kql_parser::plan::{ExpandOutput, Expr, ExprId, NodeId, Op, Plan};

/// Steps that one chain, and segments that one stream, may have; beyond them a point is put in.
const STEPS_MAX: usize = 1_024;
const SEGMENTS_MAX: usize = 1_024;
const EXPANDS_MAX: usize = 16;

/// What is known of every node of a plan.
#[derive(Debug)]
pub(crate) struct Shape {
    nodes: Vec<NodeShape>,
    /// Nodes that `toscalar` reads.
    scalars: Set<NodeId>,
    /// Nodes that `in (subquery)` reads.
    lists: Set<NodeId>,
    /// Whether some `toscalar` or list reads the rows of a group.
    has_group_values: bool,
}

#[derive(Clone, Copy, Debug, Default)]
struct NodeShape {
    /// All its rows are gathered before another node reads them.
    is_point: bool,
    /// Each batch can be worked on by itself, in a chain with others.
    is_row_wise: bool,
    /// It reads the rows of one group of an `Apply` around it.
    needs_group: bool,
    n_parents: usize,
    n_steps: usize,
    n_segments: usize,
    n_expands: usize,
    /// How many rows of a `Sort` are read at most.
    limit: Option<ExprId>,
}

/// Counts the readers of each node. An expansion for an `Apply` that goes by its rows goes with it, if nothing else reads it.
fn count_parents(plan: &Plan, nodes: &mut [NodeShape]) {
    for input in plan.nodes.iter().flat_map(|it| it.op.inputs()) {
        if let Some(it) = nodes.get_mut(input.0 as usize) {
            it.n_parents += 1;
        }
    }
    for expansion in plan.nodes.iter().filter_map(|it| by_row::expansion(plan, &it.op)) {
        if let Some(it) = nodes.get_mut(expansion.0 as usize) {
            it.is_row_wise = it.n_parents == 1;
        }
    }
}

impl Shape {
    pub(crate) fn new(plan: &Plan) -> Shape {
        let mut nodes = vec![NodeShape::default(); plan.nodes.len()];
        let mut has_group_values = false;
        count_parents(plan, &mut nodes);
        for (index, node) in plan.nodes.iter().enumerate() {
            let mut shape = nodes.get(index).copied().unwrap_or_default();
            shape.n_segments = 1;
            shape.is_row_wise |= is_row_wise(&node.op);
            if let Some(below) = by_row::expansion(plan, &node.op).and_then(|it| nodes.get(it.0 as usize)) {
                shape.is_row_wise = below.is_row_wise && !below.is_point;
            }
            shape.needs_group = matches!(node.op, Op::Group);
            for subplan in plan.subplans(node.op.expressions()) {
                let needs_group = nodes.get(subplan.0 as usize).is_some_and(|it| it.needs_group);
                shape.needs_group |= needs_group;
                has_group_values |= needs_group;
            }
            let mut is_fused = shape.is_row_wise || matches!(node.op, Op::Union { .. });
            if is_fused {
                shape.n_segments = 0;
            }
            for input in node.op.inputs() {
                let Some(below) = nodes.get(input.0 as usize) else { continue };
                shape.needs_group |= below.needs_group;
                if !is_fused {
                    continue;
                }
                if below.is_point {
                    shape.n_segments += 1;
                } else {
                    shape.n_segments = shape.n_segments.saturating_add(below.n_segments);
                    shape.n_steps = shape.n_steps.saturating_add(below.n_steps);
                    shape.n_expands = shape.n_expands.max(below.n_expands);
                }
            }
            if shape.is_row_wise {
                shape.n_steps = shape.n_steps.saturating_add(shape.n_segments);
                shape.n_expands += usize::from(matches!(node.op, Op::Expand { .. }));
            }
            is_fused &= shape.n_parents <= 1
                && shape.n_steps <= STEPS_MAX
                && shape.n_segments <= SEGMENTS_MAX
                && shape.n_expands <= EXPANDS_MAX;
            shape.is_point = !is_fused && !is_source(&node.op);
            if let Some(it) = nodes.get_mut(index) {
                *it = shape;
            }
        }
        for node in &plan.nodes {
            if let Op::Limit { input, count } = &node.op
                && matches!(plan.expr(*count), Expr::Constant { .. })
                && matches!(plan.node(*input).map(|it| &it.op), Some(Op::Sort { limit: None, .. }))
                && plan.results.iter().all(|it| it.node != *input)
                && let Some(it) = nodes.get_mut(input.0 as usize).filter(|it| it.n_parents == 1)
            {
                it.limit = Some(*count);
            }
        }
        let (mut scalars, mut lists) = (Set::default(), Set::default());
        for expr in &plan.exprs {
            match expr {
                Expr::Scalar { node, .. } => _ = scalars.insert(*node),
                Expr::List { node } => _ = lists.insert(*node),
                _ => {}
            }
        }
        Shape { nodes, scalars, lists, has_group_values }
    }

    /// How many rows of a `Sort` are read at most, by a `Limit` right above it.
    pub(crate) fn limit_of(&self, node: NodeId) -> Option<ExprId> {
        let is_read_by_others = self.scalars.contains(&node) || self.lists.contains(&node);
        self.nodes.get(node.0 as usize).filter(|_| !is_read_by_others).and_then(|it| it.limit)
    }

    /// Whether some `toscalar` or list reads the rows of a group.
    pub(crate) fn has_group_values(&self) -> bool {
        self.has_group_values
    }

    /// Whether `toscalar` reads the node.
    pub(crate) fn is_scalar(&self, node: NodeId) -> bool {
        self.scalars.contains(&node)
    }

    /// Whether `in (subquery)` reads the node.
    pub(crate) fn is_list(&self, node: NodeId) -> bool {
        self.lists.contains(&node)
    }

    /// Whether all rows of the node are gathered before another reads them.
    pub(crate) fn is_point(&self, node: NodeId) -> bool {
        self.nodes.get(node.0 as usize).is_some_and(|it| it.is_point)
    }

    /// Whether each batch of the node can be worked on by itself, in a chain with others.
    pub(crate) fn is_row_wise(&self, node: NodeId) -> bool {
        self.nodes.get(node.0 as usize).is_some_and(|it| it.is_row_wise)
    }

    /// Whether the node reads the rows of a group of an `Apply` around it.
    pub(crate) fn needs_group(&self, node: NodeId) -> bool {
        self.nodes.get(node.0 as usize).is_some_and(|it| it.needs_group)
    }

    /// Points and subplans that must be ready before `target`, which is the last: those outside of groups (`within_group`
    /// false), or those that a group needs.
    pub(crate) fn order(&self, plan: &Plan, target: NodeId, within_group: bool) -> Vec<NodeId> {
        let mut found = Vec::new();
        let mut seen: Set<NodeId> = Set::default();
        // Each node is met twice: on the way down and, when all below is done, on the way up.
        let mut open = vec![(target, false)];
        while let Some((id, is_done)) = open.pop() {
            let Some(node) = plan.node(id) else { continue };
            if is_done {
                if self.is_point(id) || id == target || self.is_scalar(id) || self.is_list(id) {
                    found.push(id);
                }
                continue;
            }
            if !seen.insert(id) {
                continue;
            }
            open.push((id, true));
            if within_group {
                let subplans = plan.subplans(node.op.expressions()).into_iter();
                let below = node.op.inputs().into_iter().chain(subplans);
                open.extend(below.filter(|it| self.needs_group(*it)).map(|it| (it, false)));
            } else {
                open.extend(self.dependencies(plan, id).into_iter().map(|it| (it, false)));
            }
        }
        found
    }

    /// The points whose rows are read when `id` is computed.
    pub(crate) fn reads(&self, plan: &Plan, id: NodeId) -> Vec<NodeId> {
        nearest(
            id,
            |it| self.is_point(it),
            |at, open| {
                let Some(node) = plan.node(at) else { return };
                open.extend(node.op.inputs());
                if let Op::Apply { .. } = &node.op {
                    open.extend(self.dependencies(plan, at));
                }
            },
        )
    }

    /// The nodes outside of groups that a node reads: inputs, `toscalar` and subqueries of its expressions, and those of the
    /// body of an `Apply`.
    fn dependencies(&self, plan: &Plan, id: NodeId) -> Vec<NodeId> {
        nearest(
            id,
            |it| !self.needs_group(it),
            |at, open| {
                let Some(node) = plan.node(at) else { return };
                open.extend(node.op.inputs());
                if let Op::Apply { body, .. } = &node.op {
                    open.push(*body);
                }
                open.extend(plan.subplans(node.op.expressions()));
            },
        )
    }
}

/// The first nodes on every way down from one for which `is_found` holds; `below` adds what a node reads.
fn nearest(id: NodeId, is_found: impl Fn(NodeId) -> bool, below: impl Fn(NodeId, &mut Vec<NodeId>)) -> Vec<NodeId> {
    let (mut found, mut seen, mut open) = (Vec::new(), Set::default(), vec![id]);
    while let Some(at) = open.pop() {
        if !seen.insert(at) {
            continue;
        }
        if at != id && is_found(at) {
            found.push(at);
        } else {
            below(at, &mut open);
        }
    }
    found
}

/// Readers behind readers that are followed.
const READERS_MAX: usize = 64;

impl Shape {
    /// Which columns of a node anybody reads; `None` for all. Only where one node reads it can that be told.
    pub(crate) fn outputs_read(&self, plan: &Plan, id: NodeId) -> Needed {
        let n_columns = plan.schema(id).len();
        let mut outputs = vec![false; n_columns];
        self.mark_read(plan, id, &mut outputs, READERS_MAX)?;
        Some(outputs.into())
    }

    fn mark_read(&self, plan: &Plan, id: NodeId, outputs: &mut [bool], depth: usize) -> Option<()> {
        let is_value = self.is_scalar(id) || self.is_list(id) || plan.results.iter().any(|it| it.node == id);
        let reads = |op: &Op| op.inputs().contains(&id) || matches!(op, Op::Apply { body, .. } if *body == id);
        let mut readers = (0..).map(NodeId).zip(&plan.nodes).filter(|(_, it)| reads(&it.op));
        let (reader, node) = readers.next()?;
        if is_value || depth == 0 || readers.next().is_some() {
            return None;
        }
        let exprs = match &node.op {
            Op::Project { .. } | Op::Aggregate { .. } => node.op.expressions(),
            Op::Filter { .. } | Op::Sort { .. } | Op::Limit { .. } => {
                self.mark_read(plan, reader, outputs, depth - 1)?;
                node.op.expressions()
            }
            Op::Apply { input, by, body, carried, .. } => {
                let mut above = vec![false; plan.schema(reader).len()];
                self.mark_read(plan, reader, &mut above, depth - 1)?;
                if *body == id {
                    let of_body = above.iter().skip(carried.len());
                    outputs.iter_mut().zip(of_body).for_each(|(out, it)| *out |= it);
                    return Some(());
                }
                if *input != id {
                    return None;
                }
                for column in carried.iter().zip(&above).filter(|(_, it)| **it).map(|(column, _)| *column) {
                    *outputs.get_mut(column)? = true;
                }
                let below = |it: &NodeId| matches!(plan.node(*it).map(|it| &it.op), Some(Op::Group));
                for leaf in self.below(plan, *body).iter().filter(|it| below(it)) {
                    self.mark_read(plan, *leaf, outputs, depth - 1)?;
                }
                by.clone()
            }
            _ => return None,
        };
        for expr in exprs {
            plan.walk(expr, &mut |it| {
                if let Expr::Column { index, .. } = it
                    && let Some(output) = outputs.get_mut(*index)
                {
                    *output = true;
                }
            });
        }
        Some(())
    }

    /// All nodes that a node is made from, itself too.
    fn below(&self, plan: &Plan, id: NodeId) -> Vec<NodeId> {
        let (mut open, mut seen, mut found) = (vec![id], Set::default(), Vec::new());
        while let Some(id) = open.pop() {
            if let Some(op) = plan.node(id).map(|it| &it.op)
                && seen.insert(id)
            {
                found.push(id);
                open.extend(op.inputs());
                open.extend(plan.subplans(op.expressions()));
                if let Op::Apply { body, .. } = op {
                    open.push(*body);
                }
            }
        }
        found
    }
}

/// Whether each batch can be worked on by itself, whatever stands around.
fn is_row_wise(op: &Op) -> bool {
    match op {
        Op::Filter { .. } | Op::Project { .. } | Op::Parse { .. } | Op::ParseKv { .. } => true,
        // Numbers of input rows need the rows before.
        Op::Expand { outputs, .. } => !outputs.contains(&ExpandOutput::Row),
        _ => false,
    }
}

fn is_source(op: &Op) -> bool {
    matches!(op, Op::Scan { .. } | Op::Values { .. } | Op::Range { .. } | Op::Group)
}
