//! `as`: a name for a table in the middle of a pipeline.

use super::super::{Bind, Binder, Table, scope::Binding};
use crate::{plan::Op, syntax::As};

pub(super) fn bind(b: &mut Binder<'_>, it: &As, input: Table) -> Bind<Table> {
    let schema = input.schema.clone();
    let mut table = b.table(Op::Shared { input: input.node }, schema, &input);
    table.label = Some(it.name.text.clone());
    // The name is known in what follows: `T | as A | join (A | …)`.
    b.env.bind(it.name.text.clone(), Binding::Table(Box::new(table.clone())));
    Ok(table)
}
