//! Plan nodes of graphs. A graph is two tables: its nodes, each with a number, and its edges, which name their two nodes by
//! those numbers. So filters and joins of the rest of the plan work on graphs too.

use super::{ExprId, NodeId};

/// What an [`Op::Graph`](super::Op::Graph) does.
#[derive(Clone, Debug)]
pub enum GraphOp {
    /// The nodes of `make-graph`: the rows of the node tables, then the ends of edges that no table has. Of rows with one
    /// identity the first counts. Output: the properties, the number (long, from 0), the identity, and the partition if
    /// there is one.
    Nodes {
        /// The edge rows.
        edges: NodeId,
        /// Column of the source's identity.
        source: usize,
        /// Column of the target's identity.
        target: usize,
        /// Column of the partition, which is part of the identity.
        partition: Option<usize>,
        /// The node tables: the properties, the identity, and the partition if there is one.
        tables: Vec<NodeId>,
        /// Properties that hold the identity in nodes that no table has; the other properties of those are null.
        keys: Vec<usize>,
    },
    /// The edges of `make-graph`. Output: the columns of the edge rows, the numbers of source and target (long), and the
    /// partition if there is one.
    Edges {
        /// The edge rows.
        edges: NodeId,
        /// Column of the source's identity.
        source: usize,
        /// Column of the target's identity.
        target: usize,
        /// Column of the partition.
        partition: Option<usize>,
        /// The nodes: `number` is followed by identity and partition.
        nodes: NodeId,
        /// Column of the node's number.
        number: usize,
    },
    /// The nodes with two more columns: how many edges come in and go out (long).
    Degrees {
        /// Nodes and edges.
        tables: GraphTables,
    },
    /// The nodes with one more column: the number (long, from 0 in each partition) of the component they are in, in the
    /// order of the components' first nodes.
    Components {
        /// Nodes and edges.
        tables: GraphTables,
        /// Column of the nodes' partition.
        partition: Option<usize>,
        /// Whether paths must lead both ways.
        is_strong: bool,
    },
    /// `graph-match` and `graph-shortest-paths`.
    Match(Box<GraphMatch>),
}

/// The two tables of a graph and the columns that hold them together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GraphTables {
    /// The nodes.
    pub nodes: NodeId,
    /// Column of the node's number.
    pub number: usize,
    /// The edges.
    pub edges: NodeId,
    /// Column of the source's number.
    pub source: usize,
    /// Column of the target's number.
    pub target: usize,
}

/// All ways to lay a pattern on a graph.
#[derive(Clone, Debug)]
pub struct GraphMatch {
    /// Nodes and edges.
    pub tables: GraphTables,
    /// The nodes of the pattern: columns (bool) of the nodes that must all be true.
    pub slots: Vec<Vec<usize>>,
    /// The edges of the pattern.
    pub steps: Vec<GraphStep>,
    /// Whether and how nodes and edges may repeat.
    pub cycles: Cycles,
    /// Only the shortest matches of each pair of first and last node; their paths are simple.
    pub shortest: Option<Shortest>,
    /// The columns that predicate and outputs see.
    pub columns: Vec<MatchColumn>,
    /// What else must be true of a match.
    pub predicate: Option<ExprId>,
    /// The output columns.
    pub outputs: Vec<ExprId>,
}

/// An edge, or a path of edges, of a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GraphStep {
    /// Index of the node on the left.
    pub from: usize,
    /// Index of the node on the right.
    pub to: usize,
    /// Which way edges point.
    pub direction: crate::syntax::EdgeDirection,
    /// Fewest and most edges of a path; `None` for a single edge.
    pub range: Option<(u64, u64)>,
    /// Columns (bool) of the edges that must be true of every edge.
    pub edge_filters: Vec<usize>,
    /// Columns (bool) of the nodes that must be true of every inner node of the path.
    pub inner_filters: Vec<usize>,
}

/// What may repeat in a match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cycles {
    /// Anything.
    All,
    /// No edge.
    UniqueEdges,
    /// No edge and no node.
    None,
}

/// Which of the shortest matches are given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shortest {
    /// One for each pair.
    Any,
    /// All of the same length.
    All,
}

/// A column of a match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MatchColumn {
    /// A column of the nodes, of the node of a slot.
    Node {
        /// The slot.
        slot: usize,
        /// The column.
        column: usize,
    },
    /// A column of the edges, of the edge of a step.
    Edge {
        /// The step.
        step: usize,
        /// The column.
        column: usize,
    },
    /// A column over all edges, or inner nodes, of the path of a step.
    Path {
        /// The step.
        step: usize,
        /// Whether inner nodes and not edges.
        over_nodes: bool,
        /// The column.
        column: usize,
        /// What becomes of the values.
        fold: PathFold,
    },
}

/// What becomes of the values along a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathFold {
    /// An array of them.
    Map,
    /// Whether all are true.
    All,
    /// Whether one is true.
    Any,
}

impl GraphOp {
    /// Puts other expressions in the place of its own.
    pub(super) fn map_exprs(&mut self, to: &mut dyn FnMut(ExprId) -> ExprId) {
        if let GraphOp::Match(it) = self {
            it.predicate.iter_mut().chain(&mut it.outputs).for_each(|it| *it = to(*it));
        }
    }

    /// The operator and its size in a line.
    pub fn describe(&self) -> String {
        match self {
            GraphOp::Nodes { tables, .. } => format!("graph nodes of edges and {} tables", tables.len()),
            GraphOp::Edges { .. } => "graph edges".to_owned(),
            GraphOp::Degrees { .. } => "graph degrees".to_owned(),
            GraphOp::Components { is_strong, .. } => {
                format!("graph components, {}", if *is_strong { "strong" } else { "weak" })
            }
            GraphOp::Match(it) => {
                let what = if it.shortest.is_some() { "shortest paths" } else { "match" };
                format!("graph {what} of {} nodes and {} edges", it.slots.len(), it.steps.len())
            }
        }
    }

    /// Its expressions, over [`GraphMatch::columns`].
    pub fn expressions(&self) -> Vec<ExprId> {
        match self {
            GraphOp::Match(it) => it.predicate.iter().chain(&it.outputs).copied().collect(),
            _ => Vec::new(),
        }
    }
}
