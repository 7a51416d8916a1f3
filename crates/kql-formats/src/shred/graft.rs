//! Several trees into one, as if one had been grown from the start, but for where chunks end.
//!
//! Chunks stay as they are; only their codes change. Copying them into larger ones would hold all rows twice.
#![allow(clippy::indexing_slicing, reason = "numbers of nodes and parts are those that the trees gave out")]

use super::{
    growth::ChunkPart,
    texts::{Part, Taken},
    tree::{NONE, NodeId, ROOT, Sprout, Tree},
};
use crate::read::record::Keys;
use kql_data::Map;
use std::sync::Arc;

/// A tree that a thread grew: a fork of the one that takes it in.
#[derive(Debug)]
pub(crate) struct Harvest {
    /// The tree, its last chunk ended.
    pub(crate) tree: Tree,
    /// By chunk: the run of lines that it comes from.
    pub(crate) runs: Vec<usize>,
}

/// Where a key was first seen: the run of lines, from 1, and its place among the keys of the tree that read it.
type First = (usize, usize);

impl Tree {
    /// Adds the rows of those trees, in the order of their runs.
    pub(crate) fn absorb(&mut self, harvests: Vec<Harvest>) {
        self.end_chunk();
        let mut order: Vec<(usize, usize, usize)> = Vec::new();
        for (tree, harvest) in harvests.iter().enumerate() {
            order.extend(harvest.runs.iter().enumerate().map(|(chunk, run)| (*run, tree, chunk)));
        }
        order.sort_unstable();
        let mut places: Vec<Vec<usize>> = harvests.iter().map(|it| vec![0; it.runs.len()]).collect();
        // What is here was first.
        let mut firsts: Map<NodeId, First> = Map::default();
        for sprout in &self.nodes {
            firsts.extend(sprout.members.iter().enumerate().map(|(at, member)| (member.node, (0, at))));
        }
        for (tree, chunk) in order.into_iter().map(|it| (it.1, it.2)) {
            places[tree][chunk] = self.chunks.len();
            self.chunks.push(harvests[tree].tree.chunks.get(chunk).copied().unwrap_or(0));
        }
        for (mut harvest, places) in harvests.into_iter().zip(places) {
            self.finished_bytes += harvest.tree.finished_bytes;
            self.losses.add(harvest.tree.losses);
            self.graft(ROOT, &mut harvest.tree.nodes, ROOT, &places, &mut firsts);
        }
        for node in &mut self.nodes {
            reorder(node, &firsts);
        }
    }

    /// Ends the work of a thread: does of what is left to do all that concerns no other tree.
    pub(crate) fn wrap_up(&mut self) {
        self.end_chunk();
        self.finished_bytes += self.nodes.iter_mut().map(Sprout::spread).sum::<usize>();
    }

    /// Adds a node of another tree, whose chunks go to those places, to one of this, and its children likewise. No deeper than a record may be nested.
    fn graft(
        &mut self,
        into: NodeId,
        nodes: &mut [Sprout],
        from: NodeId,
        places: &[usize],
        firsts: &mut Map<NodeId, First>,
    ) {
        let other = &mut nodes[from as usize];
        self.finished_bytes += self.nodes[into as usize].take_over(other, places);
        let members: Vec<(Arc<str>, NodeId, bool)> =
            other.members.iter().filter(|it| it.node != NONE).map(|it| (it.key.clone(), it.node, it.details)).collect();
        for (at, (key, child, details)) in members.into_iter().enumerate() {
            if details {
                _ = self.alias(&key, Keys::DETAILS);
                continue;
            }
            let member = match self.nodes[into as usize].by_key.get(&key) {
                Some(it) => *it,
                None => self.grow_member(into, &key),
            };
            let node = self.at(into, member).node;
            let first = (nodes[child as usize].run + 1, at);
            let known = firsts.entry(node).or_insert(first);
            *known = first.min(*known);
            self.graft(node, nodes, child, places, firsts);
        }
    }
}

impl Sprout {
    /// Takes the values of a node of another tree, whose chunks go to those places. Returns how many bytes those take more.
    fn take_over(&mut self, other: &mut Sprout, places: &[usize]) -> usize {
        self.n_bags += other.n_bags - other.n_bags_before;
        self.skimmed.add(other.skimmed);
        self.writes &= other.writes;
        let strings = other.growth.strings.take().map(|it| self.growth.strings.get_or_insert_default().absorb(*it));
        let raw = other.growth.raw.take().map(|it| self.growth.raw.get_or_insert_default().absorb(*it));
        let mut bytes = 0;
        for (part, place) in other.growth.parts.drain(..).zip(places) {
            let Some(mut part) = part else { continue };
            bytes += part.take(&strings, &raw);
            if self.growth.parts.len() <= *place {
                self.growth.parts.resize_with(*place + 1, || None);
            }
            self.growth.parts[*place] = Some(part);
        }
        bytes
    }

    /// Lays out earlier chunks of texts that turned out plain. Returns how many bytes those take more.
    fn spread(&mut self) -> usize {
        let growth = &mut self.growth;
        let (strings, raw) = (growth.strings.as_mut(), growth.raw.as_mut());
        let (strings, raw) = (strings.and_then(|it| it.spread()), raw.and_then(|it| it.spread()));
        if strings.is_none() && raw.is_none() {
            return 0;
        }
        growth.parts.iter_mut().flatten().map(|it| it.take(&strings, &raw)).sum()
    }
}

impl ChunkPart {
    /// Turns codes into what they are elsewhere. Returns how many bytes that takes more.
    fn take(&mut self, strings: &Option<Taken>, raw: &Option<Taken>) -> usize {
        let apply = |part: &mut Option<Part>, it: &Option<Taken>| match (part, it) {
            (Some(part), Some(it)) => it.apply(part),
            _ => 0,
        };
        apply(&mut self.strings, strings) + apply(&mut self.raw, raw)
    }
}

/// Keys in the order of their first appearance; guesses of what follows are forgotten.
fn reorder(node: &mut Sprout, firsts: &Map<NodeId, First>) {
    let last = (usize::MAX, usize::MAX);
    node.members.sort_by_key(|it| if it.details { last } else { firsts.get(&it.node).copied().unwrap_or(last) });
    node.first = NONE;
    for (at, member) in node.members.iter_mut().enumerate() {
        (member.follow, member.other) = (NONE, NONE);
        if let Some(it) = node.by_key.get_mut(&member.key) {
            *it = at as u32;
        }
    }
}
