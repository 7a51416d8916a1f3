//! A result as a Parquet file that reads back as the same values.
//!
//! | type | stored as |
//! | --- | --- |
//! | bool, int, long, real | `BOOLEAN`, `INT32`, `INT64`, `DOUBLE` |
//! | string | `STRING`, never null |
//! | datetime | `TIMESTAMP` in microseconds; in nanoseconds where a value has a tenth of one, and all are between 1677 and 2262; else `INT64` ticks of 100 ns since the year 1 |
//! | timespan | `INT64` ticks of 100 ns |
//! | decimal | `DECIMAL` where all values have as many digits behind the point, and 38 digits at most; else their texts |
//! | guid | `UUID` |
//! | dynamic | `JSON` |
//!
//! The file's metadata tells the types of the language under the key `kql`.

use super::footer::TYPES_KEY;
use ::parquet::{
    basic::{Compression, LogicalType, Repetition, TimeUnit, Type as Physical},
    data_type::{
        BoolType, ByteArray, ByteArrayType, DataType, DoubleType, FixedLenByteArray, FixedLenByteArrayType, Int32Type,
        Int64Type,
    },
    errors::ParquetError,
    file::{
        metadata::KeyValue,
        properties::{EnabledStatistics, WriterProperties},
        writer::{SerializedColumnWriter, SerializedFileWriter},
    },
    schema::types::{Type, TypePtr},
};
use kql_data::{Batch, Chunk, Column, Field, Schema, Type as KqlType, Value, time};
use std::{
    io::{self, Write},
    sync::Arc,
};

/// Bytes of the dictionary of a column, from which on its values are written out.
const DICTIONARY_BYTES: usize = 4 << 20;
/// Digits of a decimal.
const DIGITS_MAX: usize = 38;

/// How a column is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stored {
    Bool,
    Int,
    Long,
    Real,
    Text,
    Json,
    Guid,
    Micros,
    Nanos,
    Ticks,
    Decimal { precision: i32, scale: i32 },
    DecimalText,
}

/// Rows of a row group: a batch, from which row on, and how many.
type Piece<'a> = (&'a Batch, usize, usize);

/// Writes a result, which must have a column.
pub(crate) fn write(schema: &Schema, batches: &[Batch], out: &mut impl Write) -> io::Result<()> {
    if schema.fields.is_empty() {
        return Err(io::Error::other("a Parquet file needs a column"));
    }
    let stored: Vec<Stored> = schema.fields.iter().enumerate().map(|(at, field)| stored(field, at, batches)).collect();
    let fields = schema.fields.iter().zip(&stored).map(|(field, stored)| stored.field(&field.name).map(Arc::new));
    let fields: Result<Vec<TypePtr>, ParquetError> = fields.collect();
    let root = fields.and_then(|it| Type::group_type_builder("schema").with_fields(it).build()).map_err(failed)?;
    let types: Vec<(&str, &str)> = schema.fields.iter().map(|it| (&*it.name, it.ty.name())).collect();
    let types = serde_json::to_string(&types).map_err(io::Error::other)?;
    let properties = WriterProperties::builder()
        .set_created_by(concat!("kql version ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_key_value_metadata(Some(vec![KeyValue::new(TYPES_KEY.to_owned(), types)]))
        .set_compression(Compression::SNAPPY)
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_offset_index_disabled(true)
        .set_dictionary_page_size_limit(DICTIONARY_BYTES)
        .build();
    let writer = SerializedFileWriter::new(Vec::new(), Arc::new(root), Arc::new(properties));
    let mut writer = writer.map_err(failed)?;
    for group in groups(batches) {
        let mut row_group = writer.next_row_group().map_err(failed)?;
        let mut columns = stored.iter().enumerate();
        while let Some(mut column) = row_group.next_column().map_err(failed)? {
            let Some((at, stored)) = columns.next() else { break };
            for piece in &group {
                stored.write(&mut column, at, piece).map_err(failed)?;
            }
            column.close().map_err(failed)?;
        }
        _ = row_group.close().map_err(failed)?;
        // What is written leaves the memory; places are counted, not taken from it.
        out.write_all(&std::mem::take(writer.inner_mut()))?;
    }
    _ = writer.finish().map_err(failed)?;
    out.write_all(writer.inner())
}

fn failed(why: ParquetError) -> io::Error {
    io::Error::other(why.to_string())
}

/// Stretches of rows, as many together as a chunk has when they are read back.
fn groups(batches: &[Batch]) -> Vec<Vec<Piece<'_>>> {
    let (mut out, mut open, mut room) = (Vec::new(), Vec::new(), Chunk::ROWS);
    for batch in batches {
        let mut from = 0;
        while from < batch.n_rows {
            let n = room.min(batch.n_rows - from);
            open.push((batch, from, n));
            (from, room) = (from + n, room - n);
            if room == 0 {
                out.push(std::mem::take(&mut open));
                room = Chunk::ROWS;
            }
        }
    }
    if !open.is_empty() {
        out.push(open);
    }
    out
}

fn stored(field: &Field, at: usize, batches: &[Batch]) -> Stored {
    let columns = || batches.iter().filter_map(|it| it.columns.get(at));
    match field.ty {
        KqlType::Bool => Stored::Bool,
        KqlType::Int => Stored::Int,
        KqlType::Long => Stored::Long,
        KqlType::Real => Stored::Real,
        KqlType::String => Stored::Text,
        KqlType::Dynamic => Stored::Json,
        KqlType::Guid => Stored::Guid,
        KqlType::Timespan => Stored::Ticks,
        KqlType::Datetime => {
            let ticks = || columns().flat_map(|it| (0..it.len()).filter_map(|row| ticks(it, row)));
            match () {
                () if ticks().all(|it| it % 10 == 0) => Stored::Micros,
                () if ticks().all(|it| nanos(it).is_some()) => Stored::Nanos,
                () => Stored::Ticks,
            }
        }
        KqlType::Decimal => {
            let (mut scale, mut digits) = (None, 1);
            let values = columns().flat_map(|it| (0..it.len()).map(|row| it.value(row)));
            for value in values {
                let Value::Decimal(it) = value else { continue };
                let (n_digits, own) = it.digits_and_scale();
                if *scale.get_or_insert(own) != own {
                    return Stored::DecimalText;
                }
                digits = digits.max(n_digits);
            }
            let scale = scale.unwrap_or(0);
            match (i32::try_from(scale), usize::try_from(scale)) {
                (Ok(scale), Ok(at_least)) if digits.max(at_least) <= DIGITS_MAX => {
                    Stored::Decimal { precision: digits.max(at_least) as i32, scale }
                }
                _ => Stored::DecimalText,
            }
        }
    }
}

/// The ticks of a datetime or timespan.
fn ticks(column: &Column, row: usize) -> Option<i64> {
    match column.value(row) {
        Value::Datetime(it) | Value::Timespan(it) => Some(it),
        _ => None,
    }
}

fn nanos(ticks: i64) -> Option<i64> {
    ticks.checked_sub(time::UNIX_EPOCH)?.checked_mul(100)
}

impl Stored {
    fn field(self, name: &str) -> Result<Type, ParquetError> {
        let moment = |unit| Some(LogicalType::timestamp(true, unit));
        let (physical, logical) = match self {
            Stored::Bool => (Physical::BOOLEAN, None),
            Stored::Int => (Physical::INT32, None),
            Stored::Long | Stored::Ticks => (Physical::INT64, None),
            Stored::Real => (Physical::DOUBLE, None),
            Stored::Text => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
            Stored::DecimalText => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
            Stored::Json => (Physical::BYTE_ARRAY, Some(LogicalType::Json)),
            Stored::Guid => (Physical::FIXED_LEN_BYTE_ARRAY, Some(LogicalType::Uuid)),
            Stored::Micros => (Physical::INT64, moment(TimeUnit::MICROS)),
            Stored::Nanos => (Physical::INT64, moment(TimeUnit::NANOS)),
            Stored::Decimal { precision, scale } => {
                (Physical::FIXED_LEN_BYTE_ARRAY, Some(LogicalType::decimal(scale, precision)))
            }
        };
        let repetition = if self == Stored::Text { Repetition::REQUIRED } else { Repetition::OPTIONAL };
        let mut builder =
            Type::primitive_type_builder(name, physical).with_repetition(repetition).with_logical_type(logical);
        if physical == Physical::FIXED_LEN_BYTE_ARRAY {
            builder = builder.with_length(16);
        }
        if let Stored::Decimal { precision, scale } = self {
            builder = builder.with_precision(precision).with_scale(scale);
        }
        builder.build()
    }

    fn write(
        self,
        out: &mut SerializedColumnWriter<'_>,
        at: usize,
        (batch, from, n): &Piece<'_>,
    ) -> Result<(), ParquetError> {
        let Some(column) = batch.columns.get(at) else { return Ok(()) };
        let rows = *from..*from + *n;
        match self {
            Stored::Text => {
                let reader = column.string_reader();
                let values: Vec<ByteArray> = rows.map(|row| ByteArray::from(reader.get(row))).collect();
                out.typed::<ByteArrayType>().write_batch(&values, None, None).map(|_| ())
            }
            Stored::Bool => put::<BoolType>(out, rows, |row| match column.value(row) {
                Value::Bool(it) => Some(it),
                _ => None,
            }),
            Stored::Int => put::<Int32Type>(out, rows, |row| match column.value(row) {
                Value::Int(it) => Some(it),
                _ => None,
            }),
            Stored::Long => put::<Int64Type>(out, rows, |row| match column.value(row) {
                Value::Long(it) => Some(it),
                _ => None,
            }),
            Stored::Real => put::<DoubleType>(out, rows, |row| match column.value(row) {
                Value::Real(it) => Some(it),
                _ => None,
            }),
            Stored::Ticks => put::<Int64Type>(out, rows, |row| ticks(column, row)),
            Stored::Micros => put::<Int64Type>(out, rows, |row| {
                // All are whole microseconds.
                Some(ticks(column, row)?.checked_sub(time::UNIX_EPOCH)? / 10)
            }),
            Stored::Nanos => put::<Int64Type>(out, rows, |row| nanos(ticks(column, row)?)),
            Stored::Json => put::<ByteArrayType>(out, rows, |row| {
                Some(column.dynamic(row)).filter(|it| !it.is_null()).map(|it| it.json().into_bytes().into())
            }),
            Stored::DecimalText => put::<ByteArrayType>(out, rows, |row| match column.value(row) {
                Value::Decimal(it) => Some(it.to_string().into_bytes().into()),
                _ => None,
            }),
            Stored::Guid => put::<FixedLenByteArrayType>(out, rows, |row| match column.value(row) {
                Value::Guid(it) => Some(FixedLenByteArray::from(it.to_be_bytes().to_vec())),
                _ => None,
            }),
            Stored::Decimal { .. } => put::<FixedLenByteArrayType>(out, rows, |row| match column.value(row) {
                Value::Decimal(it) => Some(FixedLenByteArray::from(it.unscaled::<16>()?.to_vec())),
                _ => None,
            }),
        }
    }
}

/// Writes values that may be null.
fn put<T: DataType>(
    out: &mut SerializedColumnWriter<'_>,
    rows: std::ops::Range<usize>,
    value: impl Fn(usize) -> Option<T::T>,
) -> Result<(), ParquetError> {
    let (mut values, mut levels) = (Vec::with_capacity(rows.len()), Vec::with_capacity(rows.len()));
    for row in rows {
        let value = value(row);
        levels.push(i16::from(value.is_some()));
        values.extend(value);
    }
    out.typed::<T>().write_batch(&values, Some(&levels), None).map(|_| ())
}
