//! Answers as Arrow record batches.

use crate::ResultTable;
use arrow_array::{ArrayRef, LargeStringArray, RecordBatch, RecordBatchOptions};
use arrow_schema::{DataType, Field, Schema};
use kql_data::{Batch, Column, ColumnBuilder, Type, Value};
use std::{collections::HashMap, sync::Arc};

/// The key of a field's metadata that tells the language's type.
pub const ARROW_TYPE_KEY: &str = "kql";

impl ResultTable {
    /// The rows as Arrow record batches. bool, int, long, real and string are Arrow's own; datetime and timespan are `Int64`
    /// counts of 100 ns (since 0001-01-01), since no Arrow type has both their range and their precision; decimal, guid
    /// and dynamic are `LargeUtf8`, dynamic as JSON. Each field's metadata tells the type under [`ARROW_TYPE_KEY`].
    ///
    /// ```
    /// use arrow_array::Int64Array;
    ///
    /// let outcome = kql::Engine::new().query("range n from 1 to 3 step 1 | extend s = strcat('a', n)")?;
    /// let batches = outcome.table().unwrap().record_batches();
    /// let n = batches[0].column(0).as_any().downcast_ref::<Int64Array>().unwrap();
    /// assert_eq!(n.values(), &[1, 2, 3]);
    /// assert_eq!(batches[0].schema().field(1).metadata()["kql"], "string");
    /// # Ok::<(), kql::Error>(())
    /// ```
    pub fn record_batches(&self) -> Vec<RecordBatch> {
        let fields = self.schema.fields.iter().map(|it| {
            let metadata = HashMap::from([(ARROW_TYPE_KEY.to_owned(), it.ty.to_string())]);
            Field::new(&*it.name, data_type(it.ty), true).with_metadata(metadata)
        });
        let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        let convert = |batch: &Batch| {
            let columns =
                batch.columns.iter().zip(&self.schema.fields).map(|(it, field)| array(it, field.ty)).collect();
            let options = RecordBatchOptions::new().with_row_count(Some(batch.n_rows));
            // The arrays are made for the fields, so that they fit.
            RecordBatch::try_new_with_options(schema.clone(), columns, &options).ok()
        };
        self.batches.iter().filter_map(convert).collect()
    }
}

fn data_type(ty: Type) -> DataType {
    match ty {
        Type::Bool => DataType::Boolean,
        Type::Int => DataType::Int32,
        Type::Long | Type::Datetime | Type::Timespan => DataType::Int64,
        Type::Real => DataType::Float64,
        Type::String | Type::Decimal | Type::Guid | Type::Dynamic => DataType::LargeUtf8,
    }
}

fn array(column: &Column, ty: Type) -> ArrayRef {
    match column {
        Column::Bool(it) => Arc::new(it.clone()),
        Column::Int(it) => Arc::new(it.clone()),
        Column::Long(it) | Column::Datetime(it) | Column::Timespan(it) => Arc::new(it.clone()),
        Column::Real(it) => Arc::new(it.clone()),
        Column::String(it) => Arc::new(it.clone()),
        other if matches!(ty, Type::String | Type::Decimal | Type::Guid | Type::Dynamic) => {
            let text = |row| match other.value(row) {
                Value::Null => None,
                Value::Dynamic(it) => Some(it.json()),
                it => Some(if ty == Type::Dynamic { it.to_dynamic().json() } else { it.text() }),
            };
            Arc::new((0..other.len()).map(text).collect::<LargeStringArray>())
        }
        // A constant of a type that Arrow has, written out.
        other => {
            let mut out = ColumnBuilder::new(ty, other.len());
            (0..other.len()).for_each(|row| out.push(&other.value(row)));
            match out.finish() {
                Column::Bool(it) => Arc::new(it),
                Column::Int(it) => Arc::new(it),
                Column::Long(it) | Column::Datetime(it) | Column::Timespan(it) => Arc::new(it),
                Column::Real(it) => Arc::new(it),
                _ => arrow_array::new_null_array(&data_type(ty), other.len()),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::Array;

    #[test]
    fn every_type_has_its_array() {
        let engine = crate::Engine::new();
        let query = "range n from 1 to 2 step 1 | extend b = n > 1, i = toint(n), r = n / 2.0, s = strcat('a', n), c = 'x',
            t = datetime(2024-01-01) + n * 1d, p = n * 1s, g = guid(74be27de-1e4e-49d9-b579-fe0b331d3642), e = decimal(1.5),
            d = pack_array(n, 'x'), z = long(null), y = dynamic('q'), q = bool(null)";
        let outcome = engine.query(query).unwrap();
        let batches = outcome.table().unwrap().record_batches();
        assert_eq!(batches.iter().map(RecordBatch::num_rows).sum::<usize>(), 2);
        let (schema, columns) = (batches[0].schema(), batches[0].columns());
        let types: Vec<String> = schema.fields().iter().map(|it| it.metadata()[ARROW_TYPE_KEY].clone()).collect();
        let expected = "long bool int real string string datetime timespan guid decimal dynamic long dynamic bool";
        assert_eq!(types.join(" "), expected);
        let text = |at: usize| columns[at].as_any().downcast_ref::<LargeStringArray>().unwrap().value(1).to_owned();
        assert_eq!(
            (text(4), text(5), text(9), text(10), text(12)),
            ("a2".into(), "x".into(), "1.5".into(), "[2,\"x\"]".into(), "\"q\"".into())
        );
        assert!(columns[11].is_null(0) && columns[13].is_null(1) && !columns[6].is_null(0));
    }
}
