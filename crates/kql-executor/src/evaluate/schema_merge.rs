//! `schema_merge`: one schema out of the rows that several `getschema` gave.

use super::{Answer, Call};
use kql_data::{Batch, Column, Map, Schema, Type, Value};

pub(super) fn run(call: &Call<'_>) -> Answer {
    let (input, schema) = (call.input()?, call.schema(0)?);
    let keeps_order = call.constant("PreserveOrder", 0)?.is_none_or(|it| it != Value::Bool(false));
    let column = |name: &str| {
        let index = schema.index_of(name).and_then(|it| input.columns.get(it));
        index.ok_or_else(|| call.wrong(&format!("the input has no column `{name}`; it takes what `getschema` gives")))
    };
    let (names, ordinals) = (column("ColumnName")?, column("ColumnOrdinal")?);
    let (data_types, types) = (column("DataType")?, column("ColumnType")?);
    let mut known: Map<String, usize> = Map::default();
    let mut rows: Vec<u32> = Vec::new();
    let mut misplaced: Vec<u32> = Vec::new();
    for row in 0..input.n_rows {
        let name = names.value(row).text();
        match known.get(&name) {
            None => {
                _ = known.insert(name, row);
                rows.push(row as u32);
            }
            Some(first) if types.value(*first) != types.value(row) => {
                return Err(call.wrong(&format!("the column `{name}` has two types")));
            }
            Some(first) if keeps_order && ordinals.value(*first) != ordinals.value(row) => {
                if !misplaced.contains(&(*first as u32)) {
                    misplaced.push(*first as u32);
                }
            }
            Some(_) => {}
        }
    }
    // Columns that stand in two places come last, without a place, and say so where their types would stand.
    rows.retain(|it| !misplaced.contains(it));
    let n_placed = rows.len() as i64;
    rows.extend(&misplaced);
    let n_rows = rows.len();
    let texts = |column: &Column, fault: &str| {
        let text =
            |row: &u32| if misplaced.contains(row) { fault.to_owned() } else { column.value(*row as usize).text() };
        Column::strings(rows.iter().map(text))
    };
    let places = (0..n_placed).chain(misplaced.iter().map(|_| -1)).collect();
    let columns = vec![
        names.take(&rows),
        Column::longs(places),
        texts(data_types, "ERROR(unknown CSL type:ERROR(columns are out of order))"),
        texts(types, "ERROR(columns are out of order)"),
    ];
    let fields = [
        ("ColumnName", Type::String),
        ("ColumnOrdinal", Type::Long),
        ("DataType", Type::String),
        ("ColumnType", Type::String),
    ];
    Ok((Schema::of(&fields), vec![Batch::new(columns, n_rows)]))
}
