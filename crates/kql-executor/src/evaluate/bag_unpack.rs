//! `bag_unpack`: the slots of a bag become columns, in alphabetical order.

use super::{Answer, Call, names::Names};
use kql_data::{Batch, Column, ColumnBuilder, Dynamic, Fault, Field, Schema, Set, Shredded, Tag, Type};
use std::{collections::BTreeMap, sync::Arc};

/// What happens to a slot whose name a column of the input has.
#[derive(Clone, Copy, PartialEq)]
enum Conflict {
    Error,
    ReplaceSource,
    KeepSource,
}

pub(super) fn run(call: &Call<'_>) -> Answer {
    let (input, schema) = (call.input()?, call.schema(0)?);
    let bag = call.column_index("column", 0)?;
    let prefix = call.constant("OutputColumnPrefix", 1)?.map(|it| it.text()).unwrap_or_default();
    let conflict = match call.constant("columnsConflict", 2)?.map(|it| it.text()).as_deref() {
        None | Some("" | "error") => Conflict::Error,
        Some("replace_source") => Conflict::ReplaceSource,
        Some("keep_source") => Conflict::KeepSource,
        Some(other) => {
            return Err(
                call.wrong(&format!("`columnsConflict` is error, replace_source or keep_source, not `{other}`"))
            );
        }
    };
    let ignored = call.constant("ignoredProperties", 3)?.map(|it| it.to_dynamic());
    let ignored: Set<String> =
        ignored.as_ref().and_then(Dynamic::as_array).unwrap_or(&[]).iter().map(Dynamic::text).collect();
    let Some(column) = input.columns.get(bag) else { return Err(call.wrong("its column is not there")) };
    if column.ty() != Type::Dynamic {
        return Err(call.wrong(&format!("its column is of type {}, and only a dynamic one holds bags", column.ty())));
    }
    let _held = call.execution.cx.budget.reserve(column.bytes(), call.name)?;
    let slots = slots(call, column, &ignored)?;

    let mut fields = schema.fields.clone();
    let mut columns = input.columns.clone();
    _ = fields.remove(bag);
    _ = columns.remove(bag);
    let names = Names::new(fields.iter().map(|it| &*it.name).collect::<Vec<_>>());
    for (slot, column) in slots {
        let name = format!("{prefix}{slot}");
        if !names.has(&name) {
            fields.push(Field::new(name, column.ty()));
            columns.push(column);
            continue;
        }
        match conflict {
            Conflict::Error => {
                return Err(call.wrong(&format!("the slot `{name}` has the name of a column; see `columnsConflict`")));
            }
            Conflict::KeepSource => {}
            Conflict::ReplaceSource => {
                let at = fields.iter().position(|it| *it.name == *name);
                if let Some(at) = at
                    && let (Some(old_field), Some(old)) = (fields.get_mut(at), columns.get_mut(at))
                {
                    *old_field = Field::new(name, column.ty());
                    *old = column;
                }
            }
        }
    }
    Ok((Schema::new(fields), vec![Batch::new(columns, input.n_rows)]))
}

/// Each slot as a column of its type.
fn slots(call: &Call<'_>, column: &Column, ignored: &Set<String>) -> Result<BTreeMap<Arc<str>, Column>, Fault> {
    if let Column::Shredded(it) = column
        && it.node.raw.is_none()
    {
        return shredded(call, it, ignored);
    }
    // By slot, the rows that have it: most bags have few of all slots.
    let mut cells: BTreeMap<Arc<str>, Vec<(usize, Dynamic)>> = BTreeMap::new();
    let (mut held, mut n_cells) = (call.execution.cx.budget.reserve(0, call.name)?, 0);
    for row in 0..column.len() {
        if row.is_multiple_of(4_096) {
            call.check()?;
        }
        let value = column.dynamic(row);
        let Some(bag) = value.as_bag() else { continue };
        for (key, value) in bag {
            if ignored.contains(&**key) {
                continue;
            }
            let known = match cells.get_mut(key) {
                Some(it) => it,
                None => {
                    call.check_columns(cells.len().saturating_add(1))?;
                    cells.entry(key.clone()).or_default()
                }
            };
            if !value.is_null() {
                known.push((row, value.clone()));
                n_cells += 1;
            }
        }
        held.follow(n_cells * size_of::<(usize, Dynamic)>(), call.name)?;
    }
    let mut out = BTreeMap::new();
    for (key, cells) in cells {
        call.check()?;
        let column = typed(&cells, column.len());
        held.grow(column.bytes(), call.name)?;
        _ = out.insert(key, column);
    }
    Ok(out)
}

fn shredded(call: &Call<'_>, bags: &Shredded, ignored: &Set<String>) -> Result<BTreeMap<Arc<str>, Column>, Fault> {
    let mut found = BTreeMap::new();
    for key in bags.node.children.keys() {
        if ignored.contains(&**key) {
            continue;
        }
        call.check()?;
        let Some(Column::Shredded(child)) = bags.child(key) else { continue };
        if (0..child.len()).all(|row| child.tag(row) == Tag::Missing) {
            continue;
        }
        call.check_columns(found.len().saturating_add(1))?;
        let is_text = (0..child.len()).all(|row| matches!(child.tag(row), Tag::Missing | Tag::Null | Tag::String));
        let has_text = (0..child.len()).any(|row| child.tag(row) == Tag::String);
        let texts = if is_text && has_text { child.as_strings() } else { None };
        let column = texts.unwrap_or_else(|| {
            let cells: Vec<(usize, Dynamic)> =
                (0..child.len()).map(|row| (row, child.value(row))).filter(|it| !it.1.is_null()).collect();
            typed(&cells, child.len())
        });
        _ = found.insert(key.clone(), column);
    }
    Ok(found)
}

/// Cells of some rows: of one scalar type as that type, all others as dynamic.
fn typed(cells: &[(usize, Dynamic)], n_rows: usize) -> Column {
    let mut types = cells.iter().map(|it| it.1.scalar_type());
    let first = types.next().unwrap_or(Type::Dynamic);
    let ty = if types.any(|it| it != first) { Type::Dynamic } else { first };
    let mut out = ColumnBuilder::new(ty, n_rows);
    for (row, cell) in cells {
        while out.len() < *row {
            out.push_null();
        }
        out.push(&cell.to_value());
    }
    while out.len() < n_rows {
        out.push_null();
    }
    out.finish()
}
