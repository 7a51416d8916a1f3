//! `graph-shortest-paths`: breadth first where one path is asked for and nothing else; in general by growing length.

use super::{
    BY, Graph,
    matches::{Found, Output, each_start},
    pattern::{Pattern, Walk},
    search::{Path, Search},
};
use crate::{execution::Run, stream::Rows};
use kql_data::{Fault, Map};
use kql_parser::plan::{GraphMatch, Shortest};

pub(super) fn run(
    run: &Run<'_>,
    graph: &Graph,
    it: &GraphMatch,
    output: &Output<'_>,
    shortest: Shortest,
) -> Result<Rows, Fault> {
    let is_plain = it.predicate.is_none()
        && matches!(it.steps.as_slice(), [one] if one.from != one.to && one.range.is_some_and(|(least, _)| least <= 1));
    let ends = match (it.steps.first(), it.steps.last()) {
        (Some(first), Some(last)) => (first.from, last.to),
        _ => (0, 0),
    };
    if is_plain {
        let pattern = Pattern::new(run, graph, it, None)?;
        return each_start(run, &pattern, output.is_volatile(), |starts| {
            let mut found = Found::new(output)?;
            let Some(walk) = pattern.walks.first() else { return found.finish() };
            let mut breadth = Breadth::new(run, &pattern, walk, shortest)?;
            for start in starts {
                breadth.from(start, &mut found)?;
            }
            found.finish()
        });
    }
    let pattern = Pattern::new(run, graph, it, Some(ends.0))?;
    each_start(run, &pattern, output.is_volatile(), |starts| {
        let mut search = Search::new(run, &pattern)?;
        let mut found = Found::new(output)?;
        for start in starts {
            by_length(&mut search, &mut found, start, ends.1, shortest)?;
        }
        found.finish()
    })
}

/// All matches from a node, those of fewer edges first, until no longer one can be.
fn by_length(
    search: &mut Search<'_>,
    found: &mut Found<'_>,
    start: u32,
    last: usize,
    shortest: Shortest,
) -> Result<(), Fault> {
    // The length of the shortest match to each last node.
    let mut lengths: Map<u32, u64> = Map::default();
    let mut length = 0;
    loop {
        (search.exact, search.is_cut) = (Some(length), false);
        let mut choose = |slots: &[Vec<u32>], row: usize| {
            let Some(node) = slots.get(last).and_then(|it| it.get(row)) else { return false };
            match lengths.get(node) {
                None => {
                    _ = lengths.insert(*node, length);
                    true
                }
                Some(known) => *known == length && shortest == Shortest::All,
            }
        };
        search.from(start, &mut |search| {
            found.add(search);
            if found.is_full() { found.flush_chosen(&mut choose) } else { Ok(()) }
        })?;
        found.flush_chosen(&mut choose)?;
        if !search.is_cut {
            return Ok(());
        }
        length += 1;
    }
}

/// No node.
const NONE: u32 = u32::MAX;

/// A way into a node: the edge, the node before, and the next way in.
#[derive(Clone, Copy)]
struct Way {
    edge: u32,
    before: u32,
    next: u32,
}

/// Breadth-first search of the shortest paths from one node to all others.
struct Breadth<'b> {
    run: &'b Run<'b>,
    pattern: &'b Pattern<'b>,
    walk: &'b Walk,
    shortest: Shortest,
    /// The layer of each node that was reached.
    layers: Vec<u32>,
    /// The first way into each.
    heads: Vec<u32>,
    ways: Vec<Way>,
    reached: Vec<u32>,
    held: kql_data::Reservation,
}

impl<'b> Breadth<'b> {
    fn new(
        run: &'b Run<'b>,
        pattern: &'b Pattern<'b>,
        walk: &'b Walk,
        shortest: Shortest,
    ) -> Result<Breadth<'b>, Fault> {
        let n_nodes = pattern.graph.nodes.n_rows;
        let held = run.execution.cx.budget.reserve(n_nodes * 24, BY)?;
        let (layers, heads) = (vec![NONE; n_nodes], vec![NONE; n_nodes]);
        Ok(Breadth { run, pattern, walk, shortest, layers, heads, ways: Vec::new(), reached: Vec::new(), held })
    }

    fn from(&mut self, start: u32, found: &mut Found<'_>) -> Result<(), Fault> {
        let (least, most) = self.walk.range.unwrap_or((1, 1));
        self.spread(start, most)?;
        let reached = std::mem::take(&mut self.reached);
        for node in &reached {
            // A path to where it began is simple only without edges.
            if (*node != start || least == 0) && self.pattern.may_stand(self.walk.to, *node) {
                self.paths(start, *node, found)?;
            }
        }
        for node in &reached {
            for values in [&mut self.layers, &mut self.heads] {
                if let Some(it) = values.get_mut(*node as usize) {
                    *it = NONE;
                }
            }
        }
        self.ways.clear();
        Ok(())
    }

    /// Finds the layer of each node and the ways into it.
    fn spread(&mut self, start: u32, most: u64) -> Result<(), Fault> {
        let walk = self.walk;
        let mut layer = vec![start];
        let mut far = 0u32;
        if let Some(it) = self.layers.get_mut(start as usize) {
            *it = 0;
        }
        self.reached.push(start);
        while !layer.is_empty() && u64::from(far) < most {
            far += 1;
            let mut next = Vec::new();
            for (n, node) in layer.iter().enumerate() {
                if n % 4_096 == 0 {
                    self.run.execution.cx.check()?;
                    let bytes = self.layers.len() * 24 + self.ways.capacity() * size_of::<Way>();
                    self.held.resize(bytes, BY)?;
                }
                if far > 1 && !walk.inner.holds(*node) {
                    continue;
                }
                for (edge, other) in walk.neighbours.of(*node) {
                    if !walk.edges.holds(*edge) || !walk.can_end(*other, most - u64::from(far)) {
                        continue;
                    }
                    self.arrive(*node, *edge, *other, far, &mut next);
                }
            }
            layer = next;
        }
        Ok(())
    }

    fn arrive(&mut self, before: u32, edge: u32, node: u32, far: u32, next: &mut Vec<u32>) {
        let (Some(layer), Some(head)) = (self.layers.get_mut(node as usize), self.heads.get_mut(node as usize)) else {
            return;
        };
        let is_new = *layer == NONE;
        if is_new {
            *layer = far;
            self.reached.push(node);
            next.push(node);
        }
        if is_new || (*layer == far && self.shortest == Shortest::All) {
            let way = Way { edge, before, next: *head };
            *head = self.ways.len() as u32;
            self.ways.push(way);
        }
    }

    /// The paths from the start to a node, found from their end.
    fn paths(&self, start: u32, end: u32, found: &mut Found<'_>) -> Result<(), Fault> {
        let head = |node: u32| self.heads.get(node as usize).copied().unwrap_or(NONE);
        // The ways taken, last edge first; each gives place to the next way into its node.
        let mut taken: Vec<u32> = Vec::new();
        let mut at = end;
        loop {
            if at == start {
                self.add(start, end, &taken, found);
                if found.is_full() {
                    found.flush()?;
                }
            } else {
                let way = head(at);
                if let Some(it) = self.ways.get(way as usize) {
                    taken.push(way);
                    at = it.before;
                    continue;
                }
            }
            at = loop {
                let Some(way) = taken.pop().and_then(|it| self.ways.get(it as usize)) else { return Ok(()) };
                if let Some(next) = self.ways.get(way.next as usize) {
                    taken.push(way.next);
                    break next.before;
                }
            };
        }
    }

    fn add(&self, start: u32, end: u32, taken: &[u32], found: &mut Found<'_>) {
        let mut path = Path::default();
        for way in taken.iter().rev().filter_map(|it| self.ways.get(*it as usize)) {
            if !path.edges.is_empty() {
                path.nodes.push(way.before);
            }
            path.edges.push(way.edge);
        }
        if !path.edges.is_empty() {
            path.nodes.push(end);
        }
        let ends = [(self.walk.from, start), (self.walk.to, end)];
        found.add_single(&ends, &path, self.walk.is_backward);
    }
}
