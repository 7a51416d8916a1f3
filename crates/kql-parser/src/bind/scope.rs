//! What names mean: rows in front of a pipeline's expressions, and the environment of `let`s, parameters and functions.

use super::Table;
use crate::{plan::ExprId, syntax};
use kql_data::{Schema, Type};
use std::sync::Arc;

/// The columns that an expression can read.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) schema: Arc<Schema>,
    /// Whether unknown columns may exist.
    pub(super) open: bool,
    /// Columns that other tables of the same search have: null here.
    pub(super) elsewhere: Option<Arc<Schema>>,
    /// Tells apart the rows of different places: an argument that reads one cannot be used over another.
    pub(super) level: u32,
    /// Of a join's condition: the right side's columns, which follow the left's.
    pub(super) right: Option<Arc<Schema>>,
    /// Names with a dot in front (`scan` steps, graph elements): name, first column, columns.
    pub(super) parts: Vec<(String, usize, Arc<Schema>)>,
}

impl Row {
    /// No columns at all.
    pub(super) fn none() -> Row {
        Row { schema: Arc::default(), open: false, level: 0, elsewhere: None, right: None, parts: Vec::new() }
    }

    pub(super) fn new(schema: Arc<Schema>, open: bool, level: u32) -> Row {
        Row { schema, open, level, elsewhere: None, right: None, parts: Vec::new() }
    }

    /// The column of that name.
    pub(super) fn find(&self, name: &str) -> Option<(usize, Type)> {
        let index = self.schema.index_of(name)?;
        self.schema.fields.get(index).map(|it| (index, it.ty))
    }
}

/// What a name of the environment stands for.
#[derive(Clone, Debug)]
pub(super) enum Binding {
    /// A scalar that is the same for all rows.
    Scalar(ExprId),
    /// A scalar argument that reads the row of `level`.
    RowScalar(ExprId, u32),
    /// A scalar that differs at each use (`rand()`): bound anew.
    Fresh(Closure, syntax::ExprId),
    /// A table.
    Table(Box<Table>),
    /// A function.
    Function(Arc<UserFunction>),
    /// Entities of `entity_group [ … ]`.
    Group(Closure, Vec<syntax::ExprId>),
    /// One entity of `macro-expand`.
    Entity(super::entity::Entity),
    /// `declare pattern`, with its cases where it has any.
    Pattern(Closure, Option<Arc<syntax::PatternDefinition>>),
    /// What is visible from here on; `None` where all is again.
    Restriction(Option<Arc<super::entity::Restriction>>),
    /// Its definition was faulty; uses say nothing more.
    Faulty,
}

impl Binding {
    /// Whether it stands for rows.
    pub(super) fn is_tabular(&self) -> bool {
        matches!(self, Binding::Table(_) | Binding::Function(_) | Binding::Pattern(..))
    }
}

/// A tree and the environment that its names are looked up in.
#[derive(Clone, Debug)]
pub(super) struct Closure {
    pub(super) query: Arc<syntax::Query>,
    pub(super) env: Environment,
}

/// A function of the query, or a stored one whose text was parsed.
#[derive(Clone, Debug)]
pub(super) struct UserFunction {
    pub(super) name: String,
    pub(super) parameters: Vec<syntax::FunctionParameter>,
    pub(super) body: syntax::BodyId,
    pub(super) closure: Closure,
    pub(super) is_view: bool,
    pub(super) is_stored: bool,
}

#[derive(Debug)]
struct Entry {
    name: String,
    binding: Binding,
    before: Environment,
}

impl Entry {
    /// Moves what it holds of other entries into `open`.
    fn release(&mut self, open: &mut Vec<Arc<Entry>>) {
        open.extend(self.before.0.take());
        match std::mem::replace(&mut self.binding, Binding::Faulty) {
            Binding::Fresh(mut closure, _) | Binding::Group(mut closure, _) => open.extend(closure.env.0.take()),
            Binding::Function(function) => {
                if let Ok(mut function) = Arc::try_unwrap(function) {
                    open.extend(function.closure.env.0.take());
                }
            }
            _ => {}
        }
    }
}

impl Drop for Entry {
    /// Long chains of `let` must not be dropped by recursion, nor those that hang on each other's closures.
    fn drop(&mut self) {
        let mut open = Vec::new();
        self.release(&mut open);
        while let Some(entry) = open.pop() {
            if let Ok(mut entry) = Arc::try_unwrap(entry) {
                entry.release(&mut open);
            }
        }
    }
}

/// The bindings in force, newest first. Cloning is cheap, so functions keep the ones of their definition.
#[derive(Clone, Debug, Default)]
pub(super) struct Environment(Option<Arc<Entry>>);

impl Environment {
    /// The newest binding of a name.
    pub(super) fn find(&self, name: &str) -> Option<&Binding> {
        let mut at = self.0.as_deref();
        while let Some(entry) = at {
            if entry.name == name {
                return Some(&entry.binding);
            }
            at = entry.before.0.as_deref();
        }
        None
    }

    /// Adds a binding.
    pub(super) fn bind(&mut self, name: impl Into<String>, binding: Binding) {
        let before = Environment(self.0.take());
        self.0 = Some(Arc::new(Entry { name: name.into(), binding, before }));
    }

    /// All bindings, newest first.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &Binding)> {
        let mut at = self.0.as_deref();
        std::iter::from_fn(move || {
            let entry = at?;
            at = entry.before.0.as_deref();
            Some((entry.name.as_str(), &entry.binding))
        })
    }
}
