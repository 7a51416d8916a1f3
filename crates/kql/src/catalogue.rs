//! What the binder and the executor see of an engine.

use crate::engine::{Engine, Known};
use kql_data::{Batch, Context, Fault, Schema, Table};
use kql_executor::Tables;
use kql_parser::{
    Catalogue, Opaque, StoredFunction,
    plan::{NodeId, Op, Plan},
};
use std::sync::Arc;

/// An engine's tables and functions for one query.
pub(crate) struct Names<'a> {
    pub(crate) engine: &'a Engine,
    pub(crate) cx: &'a Context,
    /// Whether parts of the query may run while it is bound.
    pub(crate) runs: bool,
}

impl Names<'_> {
    /// What only checks know.
    fn known(&self) -> Option<&dyn Known> {
        self.engine.checked.as_deref().filter(|_| !self.runs)
    }
}

impl Tables for Engine {
    fn table(&self, name: &str) -> Option<Arc<Table>> {
        Engine::table(self, name).cloned()
    }
}

impl Catalogue for Names<'_> {
    fn table(&self, name: &str) -> Option<Arc<Schema>> {
        let own = self.engine.table(name).map(|it| it.schema.clone());
        own.or_else(|| self.known()?.table(name))
    }

    fn tables(&self) -> Vec<String> {
        let mut names: Vec<String> = self.engine.tables.keys().cloned().collect();
        if let Some(known) = self.known() {
            names.extend(known.tables().into_iter().filter(|it| self.engine.table(it).is_none()));
        }
        names
    }

    fn unlisted(&self) -> Vec<String> {
        self.engine.known.keys().cloned().collect()
    }

    fn function(&self, name: &str) -> Option<StoredFunction> {
        self.engine.functions.get(name).cloned()
    }

    fn opaque(&self, name: &str) -> Option<Opaque> {
        self.known()?.opaque(name)
    }

    fn functions(&self) -> Vec<String> {
        self.engine.functions.keys().cloned().collect()
    }

    fn external(&self, uri: &str, schema: &Schema, properties: &[(String, String)]) -> Result<Vec<Batch>, String> {
        // What is only checked opens nothing.
        let external = self.engine.external.as_ref().filter(|_| self.runs);
        match external {
            Some(external) => {
                let budget = &self.cx.budget;
                let memory = budget.limit().saturating_sub(budget.used());
                let limits = kql_data::Limits { memory, ..self.cx.limits.clone() };
                external.read(uri, schema, properties, &limits)
            }
            None if self.runs => {
                Err(format!("`{uri}` is not read: the engine opens nothing by itself. Allow a local copy of it"))
            }
            None => Ok(Vec::new()),
        }
    }

    fn evaluate(&self, plan: &Plan, node: NodeId) -> Option<Result<Vec<Batch>, Fault>> {
        self.runs.then(|| self.engine.execution(self.cx, plan).run(node))
    }

    fn plugin_columns(&self, plan: &Plan, call: &Op) -> Option<Schema> {
        kql_executor::run_plugin(self.cx, plan, self.engine, call).ok().map(|(schema, _)| schema)
    }

    fn infer(&self, uri: &str, properties: &[(String, String)]) -> Result<Schema, String> {
        match &self.engine.external {
            Some(external) => external.infer(uri, properties),
            None => Err(format!("`{uri}` is not read: the engine opens nothing by itself. Allow a local copy of it")),
        }
    }

    fn runs(&self) -> bool {
        self.runs
    }

    fn plugin_refusal(&self, name: &str) -> Option<Fault> {
        kql_executor::evaluate::refusal(name)
    }

    fn plugin(&self, plan: &Plan, call: &Op) -> Option<Result<(Schema, Vec<Batch>), Fault>> {
        if !self.runs {
            return None;
        }
        Some(kql_executor::run_plugin(self.cx, plan, self.engine, call))
    }
}
