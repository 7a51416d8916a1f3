//! A pattern made ready for a graph: who may stand where, in which order edges are tried, how far an end can be.

use super::{Graph, column_of};
use crate::execution::Run;
use kql_data::{Batch, Fault};
use kql_parser::{
    plan::{Cycles, GraphMatch, GraphStep},
    syntax::EdgeDirection,
};
use std::sync::Arc;

/// For each node its edges and the nodes at their other ends.
pub(crate) struct Neighbours {
    starts: Vec<usize>,
    items: Vec<(u32, u32)>,
}

impl Neighbours {
    /// The edges from `from` to `to`, by edge.
    pub(crate) fn new(n_nodes: usize, from: &[u32], to: &[u32]) -> Neighbours {
        Neighbours::of_all(n_nodes, &[(from, to)])
    }

    /// Several such lists as one; an edge may stand in each.
    fn of_all(n_nodes: usize, lists: &[(&[u32], &[u32])]) -> Neighbours {
        let mut starts = vec![0usize; n_nodes + 1];
        for node in lists.iter().flat_map(|(from, _)| from.iter()) {
            if let Some(it) = starts.get_mut(*node as usize + 1) {
                *it += 1;
            }
        }
        let mut sum = 0;
        for it in &mut starts {
            sum += *it;
            *it = sum;
        }
        let mut next = starts.clone();
        let mut items = vec![(0, 0); sum];
        for (from, to) in lists {
            for (edge, (from, to)) in from.iter().zip(to.iter()).enumerate() {
                let Some(place) = next.get_mut(*from as usize) else { continue };
                if let Some(it) = items.get_mut(*place) {
                    *it = (edge as u32, *to);
                }
                *place += 1;
            }
        }
        Neighbours { starts, items }
    }

    /// Edge and other end of each edge of a node.
    pub(crate) fn of(&self, node: u32) -> &[(u32, u32)] {
        let at = |it: usize| self.starts.get(it).copied().unwrap_or(self.items.len());
        self.items.get(at(node as usize)..at(node as usize + 1)).unwrap_or(&[])
    }
}

/// The rows where a test holds; `None` for all of them.
#[derive(Clone, Default)]
pub(crate) struct Mask(Option<Vec<bool>>);

impl Mask {
    /// The rows where all those columns are true.
    fn new(batch: &Batch, columns: &[usize]) -> Result<Mask, Fault> {
        let mut mask: Option<Vec<bool>> = None;
        for index in columns {
            let mut holds = vec![false; batch.n_rows];
            for row in column_of(batch, *index)?.true_rows() {
                let before = mask.as_ref().is_none_or(|it| it.get(row as usize).copied().unwrap_or(false));
                if let Some(it) = holds.get_mut(row as usize) {
                    *it = before;
                }
            }
            mask = Some(holds);
        }
        Ok(Mask(mask))
    }

    pub(crate) fn holds(&self, row: u32) -> bool {
        self.0.as_ref().is_none_or(|it| it.get(row as usize).copied().unwrap_or(false))
    }

    fn count(&self, n_rows: usize) -> usize {
        self.0.as_ref().map_or(n_rows, |it| it.iter().filter(|it| **it).count())
    }
}

/// One edge of the pattern in the order of the search.
pub(crate) struct Walk {
    /// Its number in the pattern.
    pub(crate) step: usize,
    /// The slot that is bound already.
    pub(crate) from: usize,
    /// The slot at the other end.
    pub(crate) to: usize,
    /// Whether it is walked from right to left.
    pub(crate) is_backward: bool,
    pub(crate) neighbours: Arc<Neighbours>,
    /// Fewest and most edges, of a path.
    pub(crate) range: Option<(u64, u64)>,
    pub(crate) edges: Mask,
    pub(crate) inner: Mask,
    /// How many edges at least to a node that may be the end; `None` when any may be.
    reach: Option<Vec<u32>>,
}

impl Walk {
    /// Whether an end can still be reached from a node with so many edges.
    pub(crate) fn can_end(&self, node: u32, left: u64) -> bool {
        match &self.reach {
            None => true,
            Some(reach) => reach.get(node as usize).is_some_and(|it| *it != u32::MAX && u64::from(*it) <= left),
        }
    }
}

/// A pattern over a graph.
pub(crate) struct Pattern<'g> {
    pub(crate) graph: &'g Graph,
    pub(crate) slots: Vec<Mask>,
    /// The edges in the order in which they are tried.
    pub(crate) walks: Vec<Walk>,
    /// The slot that the search begins at.
    pub(crate) first: usize,
    pub(crate) cycles: Cycles,
    pub(crate) n_steps: usize,
}

/// Lists of neighbours by direction, made when first wanted.
#[derive(Default)]
struct Lists {
    outs: Option<Arc<Neighbours>>,
    ins: Option<Arc<Neighbours>>,
    both: Option<Arc<Neighbours>>,
}

impl Lists {
    fn get(&mut self, graph: &Graph, direction: EdgeDirection, is_backward: bool) -> Arc<Neighbours> {
        let n_nodes = graph.nodes.n_rows;
        let (sources, targets) = (graph.sources.as_slice(), graph.targets.as_slice());
        match (direction, is_backward) {
            (EdgeDirection::Any, _) => self.both.get_or_insert_with(|| {
                Arc::new(Neighbours::of_all(n_nodes, &[(sources, targets), (targets, sources)]))
            }),
            (EdgeDirection::Right, false) | (EdgeDirection::Left, true) => {
                self.outs.get_or_insert_with(|| Arc::new(Neighbours::new(n_nodes, sources, targets)))
            }
            (EdgeDirection::Right, true) | (EdgeDirection::Left, false) => {
                self.ins.get_or_insert_with(|| Arc::new(Neighbours::new(n_nodes, targets, sources)))
            }
        }
        .clone()
    }
}

impl<'g> Pattern<'g> {
    /// Chooses where to begin and in which order to go on: few nodes first, single edges before paths.
    pub(crate) fn new(
        run: &Run<'_>,
        graph: &'g Graph,
        it: &GraphMatch,
        first: Option<usize>,
    ) -> Result<Pattern<'g>, Fault> {
        let slots = it.slots.iter().map(|columns| Mask::new(&graph.nodes, columns)).collect::<Result<Vec<_>, _>>()?;
        let fewest = || {
            let count = |(slot, mask): (usize, &Mask)| (mask.count(graph.nodes.n_rows), slot);
            slots.iter().enumerate().map(count).min().map_or(0, |(_, slot)| slot)
        };
        let first = first.unwrap_or_else(fewest);
        let mut bound = vec![false; slots.len()];
        let mut left: Vec<(usize, &GraphStep)> = it.steps.iter().enumerate().collect();
        let mut lists = Lists::default();
        let mut walks = Vec::with_capacity(left.len());
        if let Some(it) = bound.get_mut(first) {
            *it = true;
        }
        while !left.is_empty() {
            let is_bound = |slot: usize| bound.get(slot).copied().unwrap_or(false);
            let price = |(place, (_, step)): (usize, &(usize, &GraphStep))| {
                let ends = (is_bound(step.from), is_bound(step.to));
                match ends {
                    (false, false) => None,
                    _ => Some((ends != (true, true), step.range.is_some(), place)),
                }
            };
            let Some((_, _, place)) = left.iter().enumerate().filter_map(price).min() else {
                return Err(Fault::new("the sequences of a pattern share no node"));
            };
            let (number, step) = left.remove(place);
            let is_backward = !is_bound(step.from);
            let (from, to) = if is_backward { (step.to, step.from) } else { (step.from, step.to) };
            let edges = Mask::new(&graph.edges, &step.edge_filters)?;
            let reach = match (step.range, slots.get(to)) {
                (Some((_, most)), Some(ends)) if ends.0.is_some() => {
                    let back = lists.get(graph, step.direction, !is_backward);
                    Some(reach(run, graph.nodes.n_rows, &back, ends, &edges, most)?)
                }
                _ => None,
            };
            walks.push(Walk {
                step: number,
                from,
                to,
                is_backward,
                neighbours: lists.get(graph, step.direction, is_backward),
                range: step.range,
                edges,
                inner: Mask::new(&graph.nodes, &step.inner_filters)?,
                reach,
            });
            if let Some(it) = bound.get_mut(to) {
                *it = true;
            }
            run.execution.cx.check()?;
        }
        Ok(Pattern { graph, slots, walks, first, cycles: it.cycles, n_steps: it.steps.len() })
    }

    /// The nodes that the search begins at.
    pub(crate) fn starts(&self) -> Vec<u32> {
        let nodes = 0..self.graph.nodes.n_rows as u32;
        match self.slots.get(self.first) {
            Some(mask) => nodes.filter(|it| mask.holds(*it)).collect(),
            None => nodes.collect(),
        }
    }

    pub(crate) fn may_stand(&self, slot: usize, node: u32) -> bool {
        self.slots.get(slot).is_none_or(|it| it.holds(node))
    }
}

/// How many edges at least lead from each node to an end, at most `most`; breadth first, from all ends at once.
fn reach(
    run: &Run<'_>,
    n_nodes: usize,
    back: &Neighbours,
    ends: &Mask,
    edges: &Mask,
    most: u64,
) -> Result<Vec<u32>, Fault> {
    let mut found = vec![u32::MAX; n_nodes];
    let mut layer: Vec<u32> = (0..n_nodes as u32).filter(|it| ends.holds(*it)).collect();
    let mut far = 0u32;
    while !layer.is_empty() {
        for node in &layer {
            if let Some(it) = found.get_mut(*node as usize) {
                *it = far;
            }
        }
        if u64::from(far) >= most {
            break;
        }
        far += 1;
        let mut next = Vec::new();
        for (n, node) in layer.iter().enumerate() {
            if n % 4_096 == 0 {
                run.execution.cx.check()?;
            }
            for (edge, other) in back.of(*node) {
                let Some(it) = found.get_mut(*other as usize) else { continue };
                if *it == u32::MAX && edges.holds(*edge) {
                    *it = far;
                    next.push(*other);
                }
            }
        }
        layer = next;
    }
    Ok(found)
}
