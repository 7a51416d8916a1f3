//! `mv-apply`: a subquery over the elements of each row's arrays.

use super::super::{Bind, Binder, Table};
use super::{expand, join};
use crate::{
    plan::Op,
    syntax::{MvApply, Stage},
};
use kql_data::Schema;

pub(super) fn bind(b: &mut Binder<'_>, it: &MvApply, input: Table, _: &Stage) -> Bind<Table> {
    let expanded = expand::bind(b, &it.columns, &it.parameters, it.limit, true, &input)?;
    let n_expanded = expanded.schema.len() - 1;
    // The subquery sees the expanded row without its number.
    let visible = Schema::new(expanded.schema.fields.iter().take(n_expanded).cloned().collect());
    let group = b.new_table(Op::Group, visible.clone());
    let group = Table { serialized: true, open: input.open, ..group };
    let body = b.pipeline(it.subquery, Some(group))?;
    // Input columns come first, unless the subquery gives one of the name itself.
    let carried: Vec<usize> = (0..input.schema.len())
        .filter(|index| {
            let name = input.schema.fields.get(*index).map_or("", |it| &*it.name);
            let same_name = visible.fields.get(*index).is_some_and(|it| *it.name == *name);
            same_name && body.schema.index_of(name).is_none() && !is_element(&expanded, b, *index)
        })
        .collect();
    let front = Schema::new(carried.iter().filter_map(|it| expanded.schema.fields.get(*it).cloned()).collect());
    let row = expanded.schema.fields.last().map_or(kql_data::Type::Long, |it| it.ty);
    let by = vec![b.column(n_expanded, row)];
    let schema = join::joined(&front, &body.schema);
    let op = Op::Apply { input: expanded.node, by, body: body.node, carried, groups_max: None };
    let table = b.table(op, schema, &input);
    Ok(reorder(b, &input, table))
}

/// Whether an output column of the expansion holds elements.
fn is_element(expanded: &Table, b: &Binder<'_>, index: usize) -> bool {
    match b.plan.node(expanded.node).map(|it| &it.op) {
        Some(Op::Expand { outputs, .. }) => {
            matches!(outputs.get(index), Some(crate::plan::ExpandOutput::Element(_)))
        }
        _ => false,
    }
}

/// Columns of the input stand in their old places, the subquery's new ones behind.
fn reorder(b: &mut Binder<'_>, input: &Table, table: Table) -> Table {
    let mut order: Vec<usize> = input.schema.fields.iter().filter_map(|it| table.schema.index_of(&it.name)).collect();
    order.extend((0..table.schema.len()).filter(|it| !order.contains(it)).collect::<Vec<_>>());
    if order.iter().enumerate().all(|(n, it)| n == *it) {
        return table;
    }
    super::project_away::choose(b, &order, &table)
}
