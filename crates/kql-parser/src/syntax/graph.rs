//! The graph operators.

use super::{Assignment, ExprId, Name, Parameter, PipelineId};
use crate::diagnostic::Span;

/// `graph-mark-components [kind=weak|strong] [with_component_id=name]`
#[derive(Clone, Debug, PartialEq)]
pub struct GraphMarkComponents {
    /// `kind`, `with_component_id`.
    pub parameters: Vec<Parameter>,
}

/// `graph-match [cycles=…] pattern, … [where predicate] [project …]`
#[derive(Clone, Debug, PartialEq)]
pub struct GraphMatch {
    /// `cycles`.
    pub parameters: Vec<Parameter>,
    /// The sequences; each begins and ends with a node.
    pub patterns: Vec<GraphPattern>,
    /// The predicate.
    pub predicate: Option<ExprId>,
    /// The output; `None` when there is no `project`.
    pub project: Option<Vec<Assignment>>,
}

/// `graph-shortest-paths [output=any|all] pattern, … [where predicate] [project …]`
#[derive(Clone, Debug, PartialEq)]
pub struct GraphShortestPaths {
    /// `output`.
    pub parameters: Vec<Parameter>,
    /// The sequences.
    pub patterns: Vec<GraphPattern>,
    /// The predicate.
    pub predicate: Option<ExprId>,
    /// The output; `None` when there is no `project`.
    pub project: Option<Vec<Assignment>>,
}

/// A sequence of nodes and edges.
#[derive(Clone, Debug, PartialEq)]
pub struct GraphPattern {
    /// Node, edge, node, …
    pub elements: Vec<GraphElement>,
    /// Its place.
    pub span: Span,
}

/// A node or an edge of a pattern.
#[derive(Clone, Debug, PartialEq)]
pub enum GraphElement {
    /// `(name)` or `()`
    Node {
        /// The variable.
        name: Option<Name>,
        /// Its place.
        span: Span,
    },
    /// `-[name]->`, `<-[name*1..3]-`, `--`, `-->`, `<--`
    Edge {
        /// The direction.
        direction: EdgeDirection,
        /// The variable.
        name: Option<Name>,
        /// The bounds of `*low..high`.
        range: Option<(ExprId, ExprId)>,
        /// Its place.
        span: Span,
    },
}

/// The direction of an edge in a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EdgeDirection {
    /// `-->`
    Right,
    /// `<--`
    Left,
    /// `--`
    Any,
}

/// `graph-to-table nodes [as T] [with_node_id=c], edges [as T] [with_source_id=c] [with_target_id=c]`
#[derive(Clone, Debug, PartialEq)]
pub struct GraphToTable {
    /// One or two outputs.
    pub outputs: Vec<GraphOutput>,
}

/// An output of `graph-to-table`.
#[derive(Clone, Debug, PartialEq)]
pub struct GraphOutput {
    /// Whether it is `edges`, else `nodes`.
    pub is_edges: bool,
    /// The name behind `as`.
    pub name: Option<Name>,
    /// `with_node_id`, `with_source_id`, `with_target_id`.
    pub parameters: Vec<Parameter>,
    /// Its place.
    pub span: Span,
}

/// `graph-where-edges predicate`
#[derive(Clone, Debug, PartialEq)]
pub struct GraphWhereEdges {
    /// The predicate.
    pub predicate: ExprId,
}

/// `graph-where-nodes predicate`
#[derive(Clone, Debug, PartialEq)]
pub struct GraphWhereNodes {
    /// The predicate.
    pub predicate: ExprId,
}

/// `make-graph [hints] source --> target [with nodes on key, … | with_node_id=name] [partitioned-by column (subquery)]`
#[derive(Clone, Debug, PartialEq)]
pub struct MakeGraph {
    /// Hints, and `with_node_id`.
    pub parameters: Vec<Parameter>,
    /// The column of the source node.
    pub source: ExprId,
    /// `-->`, or `--` for undirected edges.
    pub direction: EdgeDirection,
    /// The column of the target node.
    pub target: ExprId,
    /// The node tables.
    pub nodes: Vec<GraphNodes>,
    /// The column of `partitioned-by` and its subquery.
    pub partitioned_by: Option<(ExprId, PipelineId)>,
}

/// `nodes on key` of `make-graph`
#[derive(Clone, Debug, PartialEq)]
pub struct GraphNodes {
    /// The node table.
    pub table: ExprId,
    /// Its key column.
    pub key: ExprId,
}
