//! Answers.

use kql_data::{Batch, Schema, Value};
use kql_executor::NodeStatistics;
use kql_parser::{Diagnostic, plan::Plan, plan::Visualization};
use std::sync::Arc;

/// One table of an answer.
#[derive(Clone, Debug)]
pub struct ResultTable {
    /// `PrimaryResult`, or what `fork` and others call it.
    pub name: String,
    /// Its columns.
    pub schema: Arc<Schema>,
    /// Its rows, in order.
    pub batches: Vec<Batch>,
    /// What `render` asks for.
    pub visualization: Option<Visualization>,
}

impl ResultTable {
    /// Number of rows.
    pub fn n_rows(&self) -> usize {
        self.batches.iter().map(|it| it.n_rows).sum()
    }

    /// The rows as values.
    pub fn rows(&self) -> impl Iterator<Item = Vec<Value>> + '_ {
        self.batches
            .iter()
            .flat_map(|batch| (0..batch.n_rows).map(move |row| batch.columns.iter().map(|it| it.value(row)).collect()))
    }
}

/// The answer of a query: its tables, what was odd, and how it went.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// One table a query statement, or more for `fork` and `facet`.
    pub tables: Vec<ResultTable>,
    /// Warnings of the text.
    pub diagnostics: Vec<Diagnostic>,
    /// Warnings of the run, such as a missing GeoIP file.
    pub warnings: Vec<String>,
    /// Whether nothing was cut; when not, `warnings` say what.
    pub complete: bool,
    /// The plan that ran.
    pub plan: Arc<Plan>,
    /// Rows and time by node of the plan.
    pub statistics: Vec<NodeStatistics>,
}

impl Outcome {
    /// The first table.
    pub fn table(&self) -> Option<&ResultTable> {
        self.tables.first()
    }

    /// The rows of the first table.
    pub fn rows(&self) -> Vec<Vec<Value>> {
        self.table().map(|it| it.rows().collect()).unwrap_or_default()
    }
}
