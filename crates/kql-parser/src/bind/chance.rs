//! What a query makes by chance: tables with a name are made anew at each use, `toscalar` of a function once.
//!
//! A name stands for its expression, so that `let T = Logs | sample 1; union T, T` are two rows by chance, and only
//! `materialize` and `toscalar` keep what they gave. A table without chance is one node however often it is named.

use super::{Bind, Binder};
use crate::{
    diagnostic::Span,
    plan::{ExprId, NodeId, Op},
    syntax,
};
use kql_data::{Map, Set};
use std::sync::Arc;

/// What is known of chance in a plan.
#[derive(Debug, Default)]
pub(super) struct Chance {
    /// By node whether its rows may differ when they are made again.
    nodes: Vec<bool>,
    /// What `toscalar` gave in bodies of functions that see the same at each call, by text and place.
    scalars: Map<(usize, syntax::ExprId), ExprId>,
}

impl Chance {
    /// Forgets what is said of nodes and expressions from these on.
    pub(super) fn forget(&mut self, n_nodes: usize, n_exprs: usize) {
        self.nodes.truncate(n_nodes);
        self.scalars.retain(|_, it| (it.0 as usize) < n_exprs);
    }
}

impl Binder<'_> {
    /// A node is about to change.
    pub(super) fn forget_chance_of(&mut self, node: NodeId) {
        self.chance.forget(node.0 as usize, usize::MAX);
    }

    /// The node of a named table, or one that makes its rows again where they are made by chance.
    pub(super) fn made_anew(&mut self, node: NodeId, span: Span) -> Bind<NodeId> {
        if !self.is_by_chance(node) {
            return Ok(node);
        }
        let (mut todo, mut found) = (vec![node], Set::default());
        while let Some(id) = todo.pop() {
            if self.is_by_chance(id) && found.insert(id) {
                todo.extend(self.plan.node(id).into_iter().flat_map(|it| it.op.inputs_and_body()));
            }
        }
        // Inputs stand before the nodes that read them.
        let mut found: Vec<NodeId> = found.into_iter().collect();
        found.sort();
        let mut copies: Map<NodeId, NodeId> = Map::default();
        for id in found {
            self.check_size(span)?;
            let Some(mut it) = self.plan.node(id).cloned() else { continue };
            let copy = |id: &NodeId| copies.get(id).copied().unwrap_or(*id);
            let inputs: Vec<NodeId> = it.op.inputs().iter().map(copy).collect();
            it.op.set_inputs(&inputs);
            if let Op::Apply { body, .. } = &mut it.op {
                *body = copy(body);
            }
            let new = self.plan.add(it.op, it.schema);
            _ = copies.insert(id, new);
        }
        Ok(copies.get(&node).copied().unwrap_or(node))
    }

    /// Whether the rows of a node may differ when they are made again; each node is looked at once.
    pub(super) fn is_by_chance(&mut self, node: NodeId) -> bool {
        for index in self.chance.nodes.len()..self.plan.nodes.len() {
            let Some(it) = self.plan.nodes.get(index) else { break };
            let is_known = |it: NodeId| self.chance.nodes.get(it.0 as usize).copied().unwrap_or(false);
            let by_chance = match &it.op {
                Op::Sample { .. } => true,
                Op::Shared { .. } => false,
                op => {
                    op.inputs_and_body().into_iter().any(is_known)
                        || op.expressions().iter().any(|it| self.is_volatile(*it))
                }
            };
            self.chance.nodes.push(by_chance);
        }
        self.chance.nodes.get(node.0 as usize).copied().unwrap_or(false)
    }

    /// What `toscalar` of that text and place gives wherever the function around it is called; `bind` says it the first time.
    pub(super) fn once(&mut self, value: syntax::ExprId, bind: impl FnOnce(&mut Self) -> Bind<ExprId>) -> Bind<ExprId> {
        if !self.is_closed || self.calls.is_empty() {
            return bind(self);
        }
        let key = (Arc::as_ptr(&self.query) as usize, value);
        if let Some(known) = self.chance.scalars.get(&key) {
            return Ok(*known);
        }
        let expr = bind(self)?;
        _ = self.chance.scalars.insert(key, expr);
        Ok(expr)
    }
}
