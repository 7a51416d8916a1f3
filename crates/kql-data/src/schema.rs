//! Names and types of the columns of a table or a batch.

use crate::Type;
use std::sync::Arc;

/// One column's name and type.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Field {
    /// Case-sensitive name.
    pub name: Arc<str>,
    /// Type of its values.
    pub ty: Type,
    /// Whether only the rows can tell its type, as of what a plugin unpacks: held as dynamic, called `unknown` by a check.
    pub unknown: bool,
}

impl Field {
    /// A field of that name and type.
    pub fn new(name: impl Into<Arc<str>>, ty: Type) -> Field {
        Field { name: name.into(), ty, unknown: false }
    }

    /// A field whose type only the rows can tell.
    pub fn unknown(name: impl Into<Arc<str>>) -> Field {
        Field { name: name.into(), ty: Type::Dynamic, unknown: true }
    }

    /// What a check calls its type.
    pub fn type_name(&self) -> &'static str {
        if self.unknown { "unknown" } else { self.ty.name() }
    }
}

/// The columns of a table, in order.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Schema {
    /// Its fields.
    pub fields: Vec<Field>,
}

impl Schema {
    /// A schema of those fields.
    pub fn new(fields: Vec<Field>) -> Schema {
        Schema { fields }
    }

    /// A schema from name and type pairs.
    pub fn of(fields: &[(&str, Type)]) -> Schema {
        Schema { fields: fields.iter().map(|(name, ty)| Field::new(*name, *ty)).collect() }
    }

    /// Index of the column of exactly that name.
    pub fn index_of(&self, name: &str) -> Option<usize> {
        self.fields.iter().position(|it| &*it.name == name)
    }

    /// Number of columns.
    pub fn len(&self) -> usize {
        self.fields.len()
    }

    /// Whether it has no column.
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }
}
