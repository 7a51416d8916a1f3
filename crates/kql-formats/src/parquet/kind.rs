//! What the values of a leaf column are: from Parquet's physical and logical types to the language's.
//!
//! Leaves are read as what they physically are, and converted here: exactly, and with what does not fit counted.

use ::parquet::{
    basic::{ConvertedType, LogicalType, TimeUnit, Type as Physical},
    schema::types::{Type, TypePtr},
};
use kql_data::{Type as KqlType, time};

/// Bytes of a value of fixed length.
const FIXED_BYTES_MAX: i32 = 64 << 10;
/// Bytes of a decimal: 308 digits.
const DECIMAL_BYTES_MAX: i32 = 128;

/// What a whole number counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    Second,
    Millisecond,
    Microsecond,
    Nanosecond,
    /// 100 ns.
    Tick,
}

impl Unit {
    /// So many of them in ticks; of nanoseconds the whole ticks that have passed.
    pub(super) fn ticks(self, count: i64) -> Option<i64> {
        match self {
            Unit::Second => count.checked_mul(time::SECOND),
            Unit::Millisecond => count.checked_mul(time::MILLISECOND),
            Unit::Microsecond => count.checked_mul(10),
            Unit::Nanosecond => Some(count.div_euclid(100)),
            Unit::Tick => Some(count),
        }
    }

    /// The moment so many of them after 1970.
    pub(super) fn moment(self, count: i64) -> Option<i64> {
        time::in_range(self.ticks(count)?.checked_add(time::UNIX_EPOCH)?)
    }

    fn of(unit: TimeUnit) -> Unit {
        match unit {
            TimeUnit::MILLIS => Unit::Millisecond,
            TimeUnit::MICROS => Unit::Microsecond,
            TimeUnit::NANOS => Unit::Nanosecond,
        }
    }
}

/// What a value of a leaf column is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Bool,
    /// 32 bits.
    Int,
    /// 32 bits without a sign.
    Unsigned32,
    Long,
    /// 64 bits without a sign: what is beyond a long is null, and counted.
    Unsigned64,
    Float,
    Double,
    /// Two bytes.
    Half,
    /// 32, 64 bits or bytes, with so many digits behind the point.
    Decimal32(i32),
    Decimal64(i32),
    DecimalBytes(i32),
    /// As a text: what decimals of several scales are written as.
    DecimalText,
    /// Days since 1970.
    Date,
    Moment(Unit),
    /// Nanoseconds of a day and a Julian day, twelve bytes.
    Moment96,
    /// Ticks since the year 1: what no other type holds.
    Ticks,
    /// Milliseconds in 32 bits.
    Span32,
    Span(Unit),
    /// Months, days and milliseconds.
    Interval,
    Guid,
    Text,
    /// Bytes of a fixed length without a meaning, which become hexadecimal digits.
    Hex,
    /// A JSON text.
    Json,
}

impl Kind {
    /// The type of its values.
    pub(super) fn ty(self) -> KqlType {
        match self {
            Kind::Bool => KqlType::Bool,
            Kind::Int => KqlType::Int,
            Kind::Unsigned32 | Kind::Long | Kind::Unsigned64 => KqlType::Long,
            Kind::Float | Kind::Double | Kind::Half => KqlType::Real,
            Kind::Decimal32(_) | Kind::Decimal64(_) | Kind::DecimalBytes(_) | Kind::DecimalText => KqlType::Decimal,
            Kind::Date | Kind::Moment(_) | Kind::Moment96 | Kind::Ticks => KqlType::Datetime,
            Kind::Span32 | Kind::Span(_) | Kind::Interval => KqlType::Timespan,
            Kind::Guid => KqlType::Guid,
            Kind::Text | Kind::Hex => KqlType::String,
            Kind::Json => KqlType::Dynamic,
        }
    }

    /// Whether it is read as bytes of any length.
    pub(super) fn is_bytes(self) -> bool {
        matches!(self, Kind::Text | Kind::Json | Kind::DecimalText) || matches!(self, Kind::DecimalBytes(_))
    }
}

/// What a leaf holds. `own` is the type that a file written here tells of it.
pub(super) fn of(field: &Type, own: Option<KqlType>) -> Result<Kind, String> {
    let info = field.get_basic_info();
    let (physical, scale) = (field.get_physical_type(), field.get_scale());
    match (own, physical) {
        (Some(KqlType::Datetime), Physical::INT64) if info.logical_type_ref().is_none() => return Ok(Kind::Ticks),
        (Some(KqlType::Timespan), Physical::INT64) => return Ok(Kind::Span(Unit::Tick)),
        (Some(KqlType::Decimal), Physical::BYTE_ARRAY) => return Ok(Kind::DecimalText),
        (Some(KqlType::Dynamic), Physical::BYTE_ARRAY) => return Ok(Kind::Json),
        _ => {}
    }
    if let Some(logical) = info.logical_type_ref()
        && let Some(kind) = logical_kind(logical, physical, scale)?
    {
        return Ok(kind);
    }
    Ok(match (physical, info.converted_type()) {
        (Physical::BOOLEAN, _) => Kind::Bool,
        (Physical::INT32, ConvertedType::UINT_32) => Kind::Unsigned32,
        (Physical::INT32, ConvertedType::DATE) => Kind::Date,
        (Physical::INT32, ConvertedType::TIME_MILLIS) => Kind::Span32,
        (Physical::INT32, ConvertedType::DECIMAL) => Kind::Decimal32(scale),
        (Physical::INT32, _) => Kind::Int,
        (Physical::INT64, ConvertedType::UINT_64) => Kind::Unsigned64,
        (Physical::INT64, ConvertedType::TIME_MICROS) => Kind::Span(Unit::Microsecond),
        (Physical::INT64, ConvertedType::TIMESTAMP_MILLIS) => Kind::Moment(Unit::Millisecond),
        (Physical::INT64, ConvertedType::TIMESTAMP_MICROS) => Kind::Moment(Unit::Microsecond),
        (Physical::INT64, ConvertedType::DECIMAL) => Kind::Decimal64(scale),
        (Physical::INT64, _) => Kind::Long,
        (Physical::INT96, _) => Kind::Moment96,
        (Physical::FLOAT, _) => Kind::Float,
        (Physical::DOUBLE, _) => Kind::Double,
        (Physical::BYTE_ARRAY, ConvertedType::DECIMAL) => Kind::DecimalBytes(scale),
        (Physical::BYTE_ARRAY, ConvertedType::JSON) => Kind::Json,
        (Physical::BYTE_ARRAY, ConvertedType::BSON) => return Err("BSON is not supported".to_owned()),
        (Physical::BYTE_ARRAY, _) => Kind::Text,
        (Physical::FIXED_LEN_BYTE_ARRAY, ConvertedType::DECIMAL) => Kind::DecimalBytes(scale),
        (Physical::FIXED_LEN_BYTE_ARRAY, ConvertedType::INTERVAL) if length(field) == 12 => Kind::Interval,
        (Physical::FIXED_LEN_BYTE_ARRAY, _) => Kind::Hex,
    })
}

fn logical_kind(logical: &LogicalType, physical: Physical, scale: i32) -> Result<Option<Kind>, String> {
    Ok(Some(match (logical, physical) {
        (LogicalType::Json, _) => Kind::Json,
        (LogicalType::Uuid, Physical::FIXED_LEN_BYTE_ARRAY) => Kind::Guid,
        (LogicalType::Float16, Physical::FIXED_LEN_BYTE_ARRAY) => Kind::Half,
        (LogicalType::Date, Physical::INT32) => Kind::Date,
        (LogicalType::Time(_), Physical::INT32) => Kind::Span32,
        (LogicalType::Time(it), Physical::INT64) => Kind::Span(Unit::of(it.unit)),
        (LogicalType::Timestamp(it), Physical::INT64) => Kind::Moment(Unit::of(it.unit)),
        (LogicalType::Integer(it), Physical::INT32) if it.bit_width == 32 && !it.is_signed => Kind::Unsigned32,
        (LogicalType::Integer(it), Physical::INT64) if !it.is_signed => Kind::Unsigned64,
        (LogicalType::Decimal(_), Physical::INT32) => Kind::Decimal32(scale),
        (LogicalType::Decimal(_), Physical::INT64) => Kind::Decimal64(scale),
        (LogicalType::Decimal(_), Physical::BYTE_ARRAY | Physical::FIXED_LEN_BYTE_ARRAY) => Kind::DecimalBytes(scale),
        (LogicalType::Bson, _) => return Err("BSON is not supported".to_owned()),
        (LogicalType::Geometry(_) | LogicalType::Geography(_), _) => {
            return Err("geometries are not supported".to_owned());
        }
        _ => return Ok(None),
    }))
}

/// Bytes of a value of fixed length; `get_physical_type` was asked before.
fn length(field: &Type) -> i32 {
    match field {
        Type::PrimitiveType { type_length, .. } => *type_length,
        Type::GroupType { .. } => 0,
    }
}

/// The leaf as it is stored, without a meaning. `INT96` is twelve bytes.
pub(super) fn physical(field: &TypePtr, kind: Kind) -> Result<Type, String> {
    let stored = field.get_physical_type();
    let (stored, length) = match stored {
        Physical::INT96 => (Physical::FIXED_LEN_BYTE_ARRAY, 12),
        Physical::FIXED_LEN_BYTE_ARRAY => (stored, length(field)),
        _ => (stored, -1),
    };
    let length_max = if matches!(kind, Kind::DecimalBytes(_)) { DECIMAL_BYTES_MAX } else { FIXED_BYTES_MAX };
    if stored == Physical::FIXED_LEN_BYTE_ARRAY && !(1..=length_max).contains(&length) {
        return Err(format!("values of {length} bytes are not supported, only of 1 to {length_max}"));
    }
    let scale = if let Kind::Decimal32(it) | Kind::Decimal64(it) | Kind::DecimalBytes(it) = kind { it } else { 0 };
    if !(0..=1_000).contains(&scale) {
        return Err(format!("a decimal with {scale} digits behind the point is not supported"));
    }
    let res = Type::primitive_type_builder(field.name(), stored)
        .with_repetition(field.get_basic_info().repetition())
        .with_length(length)
        .build();
    res.map_err(|it| it.to_string())
}

/// Refuses groups that mean more than their members.
pub(super) fn check_group(field: &Type) -> Result<(), String> {
    match field.get_basic_info().logical_type_ref() {
        Some(LogicalType::Variant(_)) => Err("Parquet's Variant is not supported; write it as JSON text".to_owned()),
        _ if field.get_fields().is_empty() => Err("a group without members is not supported".to_owned()),
        _ => Ok(()),
    }
}
