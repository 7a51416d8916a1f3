//! Parquet files: columns that are stored by themselves, in row groups that can be passed over.
//!
//! Headers and pages are read here, against the bytes that are there; the decoding of values is the `parquet` crate's.

mod convert;
mod footer;
mod input;
mod kind;
mod nested;
mod pages;
mod read;
mod skip;
mod strand;
mod thrift;
mod words;
mod write;

pub use input::Random;
pub use skip::{Condition, Search};

pub(crate) use footer::MAGIC;
pub(crate) use input::Input;
pub(crate) use write::write;

use crate::{ConversionWarning, LoadError, LoadOptions, accounting::Accounting, shred};
use footer::Footer;
use kql_data::{Batch, Column, ColumnBuilder, Fault, Field, Schema, Table, Type, Value};
use read::TableColumn;
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

/// What was read of Parquet files so far.
#[derive(Debug, Default)]
pub(crate) struct Files {
    columns: Vec<TableColumn>,
    /// Rows by chunk.
    chunks: Vec<usize>,
    /// The newest moment by statistics, of row groups that were passed over too.
    latest: Option<i64>,
}

impl Files {
    /// Whether no file was read.
    pub(crate) fn is_empty(&self) -> bool {
        self.columns.is_empty() && self.chunks.is_empty()
    }

    /// Rows so far.
    pub(crate) fn n_rows(&self) -> usize {
        self.chunks.iter().sum()
    }

    /// Adds the rows of a file, or nothing when it cannot be read.
    pub(crate) fn add(
        &mut self,
        name: &str,
        input: &Input,
        options: &LoadOptions,
        accounting: &mut Accounting,
    ) -> Result<(), LoadError> {
        let footer = Footer::read(input, &options.limits).map_err(|it| LoadError::at(name, 0, 0, it))?;
        let latest = footer.columns.iter().filter(|it| matches!(it.name.as_str(), "TimeGenerated" | "Timestamp"));
        let groups = footer.metadata.row_groups();
        self.latest =
            latest.flat_map(|it| groups.iter().filter_map(|group| skip::latest(it, group))).max().max(self.latest);
        read::read(name, input, &footer, options, (&mut self.columns, &mut self.chunks), accounting)
    }

    /// Adds rows that came from files of other formats.
    pub(crate) fn add_table(&mut self, table: &Table) {
        for (index, field) in table.schema.fields.iter().enumerate() {
            let at = self.columns.iter().position(|it| it.name == field.name).unwrap_or_else(|| {
                let name = field.name.clone();
                self.columns.push(TableColumn { name, strands: Vec::new(), failures: Default::default() });
                self.columns.len() - 1
            });
            let parts = table.chunks.iter().map(|it| it.batch.columns.get(index).cloned());
            if let Some(column) = self.columns.get_mut(at) {
                column.strands.push(strand::Strand::given(field.ty, parts.zip(self.chunks.len()..)));
            }
        }
        self.chunks.extend(table.chunks.iter().map(|it| it.batch.n_rows));
    }

    /// The table: declared columns first, in their order and of their types.
    pub(crate) fn finish(self, declared: Option<&Schema>) -> Result<(Table, Vec<ConversionWarning>), Fault> {
        let Files { columns, chunks, .. } = self;
        let mut warnings = Vec::new();
        let mut made: Vec<(Field, Vec<Column>)> = Vec::new();
        for column in columns {
            let declared = declared.into_iter().flat_map(|it| &it.fields).find(|it| it.name == column.name);
            let ty = declared.map_or_else(|| common(&column.strands), |it| it.ty);
            let TableColumn { name, strands, mut failures } = column;
            let mut parts: Vec<Option<Column>> = vec![None; chunks.len()];
            for strand in strands {
                let converts = strand.ty != ty;
                for (place, part) in parts.iter_mut().zip(strand.finish(chunks.len())?) {
                    if let Some(part) = part {
                        *place = Some(if converts { converted(&part, ty, &mut failures) } else { part });
                    }
                }
            }
            if failures.count > 0 {
                let (column, example) = (name.to_string(), failures.example.unwrap_or_default());
                warnings.push(ConversionWarning { column, ty, count: failures.count, example });
            }
            let parts = parts.into_iter().zip(&chunks).map(|(it, len)| it.unwrap_or_else(|| Column::null(ty, *len)));
            made.push((Field::new(name, ty), parts.collect()));
        }
        let mut ordered = Vec::with_capacity(made.len());
        for field in declared.iter().flat_map(|it| &it.fields) {
            let nulls = || chunks.iter().map(|len| Column::null(field.ty, *len)).collect();
            let found = made.iter().position(|it| it.0.name == field.name).map(|it| made.remove(it));
            ordered.push(found.unwrap_or_else(|| (field.clone(), nulls())));
        }
        ordered.append(&mut made);
        let (fields, mut parts): (Vec<Field>, Vec<_>) =
            ordered.into_iter().map(|(it, parts)| (it, parts.into_iter())).unzip();
        let batch = |len: &usize| Batch::new(parts.iter_mut().filter_map(Iterator::next).collect(), *len);
        let batches = chunks.iter().map(batch).collect();
        Ok((Table::new(Schema::new(fields), batches), warnings))
    }

    /// The names of the columns so far.
    pub(crate) fn names(&self) -> Vec<Arc<str>> {
        self.columns.iter().map(|it| it.name.clone()).collect()
    }

    /// The newest moment that the files may hold, in ticks.
    pub(crate) fn latest(&self) -> Option<i64> {
        self.latest
    }
}

/// The type of a column that has several: the widest number, else dynamic.
fn common(strands: &[strand::Strand]) -> Type {
    let mut types = strands.iter().map(|it| it.ty);
    let Some(first) = types.next() else { return Type::Dynamic };
    types.fold(first, |a, b| match (a, b) {
        _ if a == b => a,
        (Type::Int, Type::Long) | (Type::Long, Type::Int) => Type::Long,
        (Type::Int | Type::Long | Type::Real, Type::Int | Type::Long | Type::Real) => Type::Real,
        _ => Type::Dynamic,
    })
}

fn converted(column: &Column, ty: Type, failures: &mut shred::Failures) -> Column {
    let mut out = ColumnBuilder::new(ty, column.len());
    for row in 0..column.len() {
        let value = column.value(row);
        let text = |value: &Value| value.text();
        let source = match (&value, ty) {
            // As text, a moment is written as everywhere else.
            (Value::Datetime(_) | Value::Timespan(_) | Value::Guid(_) | Value::Decimal(_), Type::String) => {
                kql_data::Dynamic::string(text(&value))
            }
            _ => value.to_dynamic(),
        };
        match shred::value(&source, ty) {
            Some(it) => out.push(&it),
            None => {
                failures.add(|| text(&value));
                out.push_null();
            }
        }
    }
    out.finish()
}

fn memory_limit(limit: usize, by: &str) -> Fault {
    Fault::Limit { name: "memory", limit: limit as u64, by: by.to_owned() }
}

/// What another crate makes of bytes that lie: a panic becomes a text.
fn guarded<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|it| {
        let text = it.downcast_ref::<String>().map(String::as_str).or(it.downcast_ref::<&str>().copied());
        format!("the Parquet file is malformed ({})", text.unwrap_or("for no known reason"))
    })
}
