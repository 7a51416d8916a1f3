//! `as`: a name for a table in the middle of a pipeline.

use super::super::{Bind, Binder, Table, scope::Binding};
use crate::{plan::Op, syntax::As};

pub(super) fn bind(b: &mut Binder<'_>, it: &As, input: Table) -> Bind<Table> {
    let hint = b.parameter(&it.parameters, "hint.materialized");
    let is_kept = hint.map(|it| b.word(it)).transpose()?.is_some_and(|it| it == "true");
    let mut table = match is_kept || !b.is_by_chance(input.node) {
        true => b.table(Op::Shared { input: input.node }, input.schema.clone(), &input),
        // A name alone keeps nothing: what is made by chance is made anew where the name is read.
        false => input,
    };
    table.label = Some(it.name.text.clone());
    // The name is known in what follows: `T | as A | join (A | …)`.
    b.env.bind(it.name.text.clone(), Binding::Table(Box::new(table.clone())));
    Ok(table)
}
