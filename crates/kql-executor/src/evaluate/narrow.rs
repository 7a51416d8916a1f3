//! `narrow`: one row a cell, as text.

use super::{Answer, Call};
use kql_data::{Batch, Column, Schema, Type};

pub(super) fn run(call: &Call<'_>) -> Answer {
    let (input, schema) = (call.input()?, call.schema(0)?);
    let n_cells = input.n_rows.saturating_mul(schema.len());
    let _held = call.execution.cx.budget.reserve(n_cells.saturating_mul(112), call.name)?;
    let (mut rows, mut names, mut values) = (Vec::new(), Vec::new(), Vec::new());
    for row in 0..input.n_rows {
        if row.is_multiple_of(1_024) {
            call.check()?;
        }
        for (field, column) in schema.fields.iter().zip(&input.columns) {
            rows.push(row as i64);
            names.push(field.name.clone());
            values.push(column.value(row).text());
        }
    }
    let columns = vec![Column::longs(rows), Column::strings(names), Column::strings(values)];
    let schema = Schema::of(&[("Row", Type::Long), ("Column", Type::String), ("Value", Type::String)]);
    Ok((schema, vec![Batch::new(columns, n_cells)]))
}
