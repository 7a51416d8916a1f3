//! A complete tree, from which nodes are taken.

use super::{
    growth::ChunkPart,
    texts::Finished,
    tree::{NodeId, Skimmed, Sprout},
};
use indexmap::IndexMap;
use kql_data::Node;
use std::sync::Arc;

#[derive(Debug)]
struct GrownNode {
    members: Vec<(Arc<str>, NodeId)>,
    strings: Option<Finished>,
    raw: Option<Finished>,
    parts: Vec<Option<ChunkPart>>,
    skimmed: Skimmed,
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
            members: it.members.into_iter().filter(|it| !it.details).map(|it| (it.key, it.node)).collect(),
            strings: it.growth.strings.take().map(|it| it.finish()),
            raw: it.growth.raw.take().map(|it| it.finish()),
            parts: it.growth.parts,
            skimmed: it.skimmed,
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

    /// The finished node of a chunk, taken out. `None` when no row of the chunk has it.
    pub(crate) fn take(&mut self, node: NodeId, chunk: usize) -> Option<Node> {
        let grown = self.nodes.get_mut(node as usize)?;
        let part = grown.parts.get_mut(chunk)?.take()?;
        let strings = part.strings.zip(grown.strings.as_ref()).map(|(part, it)| it.texts(part));
        let raw = part.raw.zip(grown.raw.as_ref()).map(|(part, it)| it.texts(part));
        let mut children = IndexMap::default();
        for (key, child) in self.members(node) {
            if let Some(child) = self.take(child, chunk) {
                _ = children.insert(key, Arc::new(child));
            }
        }
        Some(Node {
            tags: part.tags.into(),
            longs: part.longs.map(Into::into),
            reals: part.reals.map(Into::into),
            strings,
            raw,
            children,
        })
    }
}
