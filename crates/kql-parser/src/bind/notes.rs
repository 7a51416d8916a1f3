//! What binding tells of the query's own text beyond its faults: for lints, completion and editors.

use super::{Binder, Table};
use crate::{
    diagnostic::Span,
    plan::ExprId,
    syntax::{self, Name},
};
use kql_data::Schema;
use std::sync::Arc;

/// Columns of a table at some place of the text.
#[derive(Clone, Debug, Default)]
pub struct Columns {
    /// The known columns.
    pub schema: Arc<Schema>,
    /// Whether there may be more that only data tells.
    pub open: bool,
}

/// An operator that was bound.
#[derive(Clone, Debug)]
pub struct StageNote {
    /// The place of the stage.
    pub span: Span,
    /// Whether the table in front may have more columns than are known; `None` where the operator is a source itself.
    pub input_open: Option<bool>,
}

/// A table or table function of which the host knows the name at most.
#[derive(Clone, Debug)]
pub struct OpaqueNote {
    /// The name.
    pub name: Name,
    /// Whether it is called: `name(…)`.
    pub is_call: bool,
    /// Whether the host knows that it exists.
    pub is_known: bool,
    /// Whether it may be missing: a leg of a fuzzy union.
    pub is_fuzzy: bool,
}

/// What was found out about the text of a query. Texts of stored functions are not part of it.
#[derive(Clone, Debug, Default)]
pub struct Notes {
    /// Scalar expressions and what they were bound to; an expression of a function stands here once a call.
    pub scalars: Vec<(syntax::ExprId, ExprId)>,
    /// Tabular expressions and their columns; likewise.
    pub tables: Vec<(syntax::ExprId, Columns)>,
    /// Operators, in the order in which they were bound.
    pub stages: Vec<StageNote>,
    /// The columns in front of operators; of `extend`s in a row only those that all of them make.
    pub rows: Vec<Arc<Schema>>,
    /// Columns that were taken to exist, because not all columns of their table are known.
    pub assumed: Vec<Name>,
    /// Tables and table functions whose columns are not, or not all, known.
    pub opaque: Vec<OpaqueNote>,
    /// For each result of the plan whether it may have more columns than its schema tells.
    pub open_results: Vec<bool>,
}

/// Marks of how much was noted, to take back what a leg that is left out added.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Mark {
    scalars: usize,
    tables: usize,
    stages: usize,
    rows: usize,
    assumed: usize,
    opaque: usize,
}

impl From<&Table> for Columns {
    fn from(table: &Table) -> Columns {
        Columns { schema: table.schema.clone(), open: table.open }
    }
}

impl Binder<'_> {
    /// The notes, while the text that is bound is the query's own.
    pub(super) fn notes(&mut self) -> Option<&mut Notes> {
        let own = self.foreign.is_none() && Arc::ptr_eq(&self.query, &self.root);
        self.notes.as_mut().filter(|_| own)
    }

    pub(super) fn note_scalar(&mut self, id: syntax::ExprId, expr: ExprId) {
        if let Some(notes) = self.notes() {
            notes.scalars.push((id, expr));
        }
    }

    pub(super) fn note_table(&mut self, id: syntax::ExprId, table: &Table) {
        if let Some(notes) = self.notes() {
            notes.tables.push((id, Columns::from(table)));
        }
    }

    pub(super) fn note_stage(&mut self, span: Span, input_open: Option<bool>) {
        if let Some(notes) = self.notes() {
            notes.stages.push(StageNote { span, input_open });
        }
    }

    pub(super) fn note_row(&mut self, table: &Table) {
        if let Some(notes) = self.notes() {
            notes.rows.push(table.schema.clone());
        }
    }

    pub(super) fn note_assumed(&mut self, name: &str, span: Span) {
        if let Some(notes) = self.notes() {
            notes.assumed.push(Name { text: name.to_owned(), span, quoted: false });
        }
    }

    /// Whether some column was taken to exist so far: then types are not certain.
    pub(super) fn has_assumed(&self) -> bool {
        self.notes.as_ref().is_some_and(|it| !it.assumed.is_empty() || !it.opaque.is_empty())
    }

    pub(super) fn mark_notes(&self) -> Mark {
        self.notes.as_ref().map_or_else(Mark::default, |it| Mark {
            scalars: it.scalars.len(),
            tables: it.tables.len(),
            stages: it.stages.len(),
            rows: it.rows.len(),
            assumed: it.assumed.len(),
            opaque: it.opaque.len(),
        })
    }

    /// What was noted since as opaque may be missing.
    pub(super) fn note_fuzzy(&mut self, since: Mark) {
        if let Some(it) = self.notes.as_mut() {
            it.opaque.iter_mut().skip(since.opaque).for_each(|it| it.is_fuzzy = true);
        }
    }

    pub(super) fn forget_notes(&mut self, mark: Mark) {
        if let Some(it) = self.notes.as_mut() {
            it.scalars.truncate(mark.scalars);
            it.tables.truncate(mark.tables);
            it.stages.truncate(mark.stages);
            it.rows.truncate(mark.rows);
            it.assumed.truncate(mark.assumed);
            it.opaque.truncate(mark.opaque);
        }
    }
}
