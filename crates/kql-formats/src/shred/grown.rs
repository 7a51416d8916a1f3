//! A complete tree, from which nodes are taken.

use super::{
    growth::ChunkPart,
    texts::Finished,
    tree::{NONE, NodeId, ROOT, Skimmed, Sprout},
};
use indexmap::IndexMap;
use kql_data::{NO_ROW, Node, Presence, Rows, Shredded, Slot};
use std::sync::Arc;

#[derive(Debug)]
struct GrownNode {
    members: Vec<(Arc<str>, NodeId)>,
    strings: Option<Finished>,
    raw: Option<Finished>,
    parts: Vec<Option<ChunkPart>>,
    skimmed: Skimmed,
    writes: bool,
    parent: NodeId,
    /// By chunk, of those parts that have only some rows of their bag.
    presences: Vec<Option<Arc<Presence>>>,
}

/// A complete tree, from which nodes are taken.
#[derive(Debug)]
pub(crate) struct Grown {
    nodes: Vec<GrownNode>,
    /// Rows by chunk.
    pub(crate) chunks: Vec<usize>,
}

impl Grown {
    /// The nodes of a tree whose last chunk is ended.
    pub(super) fn new(nodes: Vec<Sprout>, chunks: Vec<usize>) -> Grown {
        let grow = |mut it: Sprout| GrownNode {
            members: it
                .members
                .into_iter()
                .filter(|it| !it.details && it.node != NONE)
                .map(|it| (it.key, it.node))
                .collect(),
            strings: it.growth.strings.take().map(|it| it.finish()),
            raw: it.growth.raw.take().map(|it| it.finish()),
            presences: it.growth.parts.iter().map(|it| it.as_ref().and_then(|it| it.presence.clone())).collect(),
            parts: it.growth.parts,
            skimmed: it.skimmed,
            writes: it.writes,
            parent: it.parent,
        };
        Grown { nodes: nodes.into_iter().map(grow).collect(), chunks }
    }

    /// The keys of a node and their nodes, in order of first appearance.
    pub(crate) fn members(&self, node: NodeId) -> Vec<(Arc<str>, NodeId)> {
        self.nodes.get(node as usize).map(|it| it.members.clone()).unwrap_or_default()
    }

    /// The child of that key.
    pub(crate) fn child(&self, node: NodeId, key: &str) -> Option<NodeId> {
        self.nodes.get(node as usize)?.members.iter().find(|it| &*it.0 == key).map(|it| it.1)
    }

    /// What is known of values of a node that were not kept.
    pub(super) fn skimmed(&self, node: NodeId) -> Skimmed {
        self.nodes.get(node as usize).map(|it| it.skimmed).unwrap_or_default()
    }

    /// Whether all arrays of a node stand as they would be written.
    pub(super) fn writes(&self, node: NodeId) -> bool {
        self.nodes.get(node as usize).is_some_and(|it| it.writes)
    }

    /// The finished node of a chunk, over all its rows, taken out. `None` when no row of the chunk has it.
    pub(crate) fn take(&mut self, node: NodeId, chunk: usize) -> Option<Node> {
        let (mut above, mut at) = (Vec::new(), node);
        while at != ROOT {
            let grown = self.nodes.get(at as usize)?;
            above.extend(grown.presences.get(chunk).cloned().flatten());
            at = grown.parent;
        }
        let taken = self.take_slot(node, chunk)?.node;
        if above.is_empty() {
            return Some(Arc::unwrap_or_clone(taken));
        }
        let below = |row: usize| above.iter().rev().try_fold(row, |row, it| it.row(row));
        let n_rows = self.chunks.get(chunk).copied().unwrap_or(0);
        let rows = (0..n_rows).map(|row| below(row).map_or(NO_ROW, |it| it as u32));
        Some(Shredded { node: taken, rows: Rows::Indices(rows.collect()) }.to_node())
    }

    /// The finished node of a chunk, over the rows that it has, taken out.
    fn take_slot(&mut self, node: NodeId, chunk: usize) -> Option<Slot> {
        let grown = self.nodes.get_mut(node as usize)?;
        let part = grown.parts.get_mut(chunk)?.take()?;
        let strings = part.strings.zip(grown.strings.as_ref()).map(|(part, it)| it.texts(part));
        let raw = part.raw.zip(grown.raw.as_ref()).map(|(part, it)| it.texts(part));
        let mut children = IndexMap::default();
        for (key, child) in self.members(node) {
            if let Some(child) = self.take_slot(child, chunk) {
                _ = children.insert(key, child);
            }
        }
        let (longs, reals) = (part.longs.map(Into::into), part.reals.map(Into::into));
        let node = Node { tags: part.tags, longs, reals, strings, raw, children };
        Some(Slot { node: Arc::new(node), presence: part.presence })
    }
}
