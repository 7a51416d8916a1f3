//! Arrays of stored values to columns of the language's types.

use super::kind::{Kind, Unit};
use crate::shred::Failures;
use arrow_array::{
    Array, ArrayRef, BinaryArray, BooleanArray, FixedSizeBinaryArray, Float32Array, Float64Array, Int32Array,
    Int64Array, LargeBinaryArray, types::ArrowPrimitiveType,
};
use kql_data::{Boxed, Column, Decimal, time};
use std::borrow::Cow;

/// Days from 4713 BC, where Julian days begin, to 1970.
const JULIAN_EPOCH: i64 = 2_440_588;

/// The bytes of rows, of whatever width their offsets are.
pub(super) enum Bytes<'a> {
    Small(&'a BinaryArray),
    Large(&'a LargeBinaryArray),
    Fixed(&'a FixedSizeBinaryArray),
}

impl<'a> Bytes<'a> {
    pub(super) fn of(array: &'a dyn Array) -> Result<Bytes<'a>, String> {
        let any = array.as_any();
        if let Some(it) = any.downcast_ref() {
            return Ok(Bytes::Small(it));
        }
        if let Some(it) = any.downcast_ref() {
            return Ok(Bytes::Large(it));
        }
        any.downcast_ref().map(Bytes::Fixed).ok_or_else(|| unexpected(array))
    }

    fn len(&self) -> usize {
        match self {
            Bytes::Small(it) => it.len(),
            Bytes::Large(it) => it.len(),
            Bytes::Fixed(it) => it.len(),
        }
    }

    pub(super) fn get(&self, row: usize) -> Option<&'a [u8]> {
        match self {
            _ if row >= self.len() => None,
            Bytes::Small(it) => it.is_valid(row).then(|| it.value(row)),
            Bytes::Large(it) => it.is_valid(row).then(|| it.value(row)),
            Bytes::Fixed(it) => it.is_valid(row).then(|| it.value(row)),
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = Option<&'a [u8]>> + '_ {
        (0..self.len()).map(|row| self.get(row))
    }
}

/// A text; bytes that are not UTF-8 become U+FFFD and are counted.
pub(super) fn text<'a>(bytes: &'a [u8], replaced: &mut u64) -> Cow<'a, str> {
    match simdutf8::basic::from_utf8(bytes) {
        Ok(it) => Cow::Borrowed(it),
        Err(_) => {
            *replaced += bytes.utf8_chunks().map(|it| it.invalid().len() as u64).sum::<u64>();
            String::from_utf8_lossy(bytes)
        }
    }
}

fn unexpected(array: &dyn Array) -> String {
    format!("values came as {}", array.data_type())
}

fn stored<T: 'static>(array: &dyn Array) -> Result<&T, String> {
    array.as_any().downcast_ref().ok_or_else(|| unexpected(array))
}

/// The values of a leaf; a text that is JSON as the text.
pub(super) fn column(
    array: &ArrayRef,
    kind: Kind,
    failures: &mut Failures,
    replaced: &mut u64,
) -> Result<Column, String> {
    let array = &**array;
    Ok(match kind {
        Kind::Bool => Column::Bool(stored::<BooleanArray>(array)?.clone()),
        Kind::Int => Column::Int(stored::<Int32Array>(array)?.clone()),
        Kind::Long => Column::Long(stored::<Int64Array>(array)?.clone()),
        Kind::Double => Column::Real(stored::<Float64Array>(array)?.clone()),
        Kind::Float => Column::Real(stored::<Float32Array>(array)?.unary(f64::from)),
        Kind::Unsigned32 => Column::Long(stored::<Int32Array>(array)?.unary(|it| i64::from(it as u32))),
        Kind::Unsigned64 => {
            let fits = |it: Option<i64>| {
                if let Some(it) = it.filter(|it| *it < 0) {
                    failures.add(|| (it as u64).to_string());
                }
                it.filter(|it| *it >= 0)
            };
            Column::Long(stored::<Int64Array>(array)?.iter().map(fits).collect())
        }
        Kind::Half => {
            let half = |it: &[u8]| it.first_chunk::<2>().map(|it| f64::from(half_to_f32(u16::from_le_bytes(*it))));
            Column::Real(Bytes::of(array)?.iter().map(|it| it.and_then(half)).collect())
        }
        Kind::Date | Kind::Moment(_) | Kind::Moment96 | Kind::Ticks => {
            Column::Datetime(moments(array, kind, failures)?)
        }
        Kind::Span32 | Kind::Span(_) | Kind::Interval => Column::Timespan(spans(array, kind, failures)?),
        Kind::Guid => {
            let guid = |it: &[u8]| it.first_chunk::<16>().map(|it| u128::from_be_bytes(*it));
            Column::Guid(Boxed::new(Bytes::of(array)?.iter().map(|it| it.and_then(guid)).collect()))
        }
        Kind::Decimal32(scale) => whole::<arrow_array::types::Int32Type>(stored(array)?, scale),
        Kind::Decimal64(scale) => whole::<arrow_array::types::Int64Type>(stored(array)?, scale),
        Kind::DecimalBytes(scale) => {
            let decimal = |it: &[u8]| Decimal::from_unscaled(it, i64::from(scale));
            Column::Decimal(Boxed::new(Bytes::of(array)?.iter().map(|it| it.map(decimal)).collect()))
        }
        Kind::DecimalText => {
            let decimal = |it: &[u8]| Decimal::parse(std::str::from_utf8(it).ok()?);
            let values = Bytes::of(array)?.iter().map(|it| fixed(it, &decimal, failures)).collect();
            Column::Decimal(Boxed::new(values))
        }
        Kind::Hex => Column::strings(Bytes::of(array)?.iter().map(|it| it.map_or(String::new(), hex))),
        Kind::Text | Kind::Json => {
            Column::strings(Bytes::of(array)?.iter().map(|it| text(it.unwrap_or(&[]), replaced)))
        }
    })
}

/// Moments in ticks.
fn moments(array: &dyn Array, kind: Kind, failures: &mut Failures) -> Result<Int64Array, String> {
    let mut of = |count: Option<i64>, of: &dyn Fn(i64) -> Option<i64>| counted(count, of, failures);
    let day = |it: i64| it.checked_mul(time::DAY)?.checked_add(time::UNIX_EPOCH);
    Ok(match kind {
        Kind::Moment(unit) => stored::<Int64Array>(array)?.iter().map(|it| of(it, &|it| unit.moment(it))).collect(),
        Kind::Date => {
            let days = stored::<Int32Array>(array)?.iter().map(|it| it.map(i64::from));
            days.map(|it| of(it, &|it| time::in_range(day(it)?))).collect()
        }
        Kind::Moment96 => {
            let moment = |it: &[u8]| {
                let (nanos, julian) = it.split_first_chunk::<8>()?;
                let (nanos, julian) = (i64::from_le_bytes(*nanos), i32::from_le_bytes(*julian.first_chunk()?));
                let midnight = day(i64::from(julian) - JULIAN_EPOCH)?;
                time::in_range(midnight.checked_add(Unit::Nanosecond.ticks(nanos)?)?)
            };
            Bytes::of(array)?.iter().map(|it| fixed(it, &moment, failures)).collect()
        }
        _ => stored::<Int64Array>(array)?.iter().map(|it| of(it, &time::in_range)).collect(),
    })
}

/// Timespans in ticks.
fn spans(array: &dyn Array, kind: Kind, failures: &mut Failures) -> Result<Int64Array, String> {
    Ok(match kind {
        Kind::Span(unit) => {
            let counts = stored::<Int64Array>(array)?;
            counts.iter().map(|it| counted(it, &|it| unit.ticks(it), failures)).collect()
        }
        Kind::Interval => {
            let span = |it: &[u8]| {
                let (parts, _) = it.as_chunks::<4>();
                let mut parts = parts.iter().map(|it| i64::from(u32::from_le_bytes(*it)));
                let (months, days, millis) = (parts.next()?, parts.next()?, parts.next()?);
                // How long a month is depends on which one.
                let days = days.checked_mul(time::DAY).filter(|_| months == 0)?;
                days.checked_add(millis * time::MILLISECOND)
            };
            Bytes::of(array)?.iter().map(|it| fixed(it, &span, failures)).collect()
        }
        _ => stored::<Int32Array>(array)?.unary(|it| i64::from(it) * time::MILLISECOND),
    })
}

fn counted(count: Option<i64>, of: &dyn Fn(i64) -> Option<i64>, failures: &mut Failures) -> Option<i64> {
    let count = count?;
    let value = of(count);
    if value.is_none() {
        failures.add(|| count.to_string());
    }
    value
}

fn fixed<T>(bytes: Option<&[u8]>, of: &dyn Fn(&[u8]) -> Option<T>, failures: &mut Failures) -> Option<T> {
    let bytes = bytes?;
    let value = of(bytes);
    if value.is_none() {
        failures.add(|| hex(bytes));
    }
    value
}

fn whole<T: ArrowPrimitiveType>(array: &arrow_array::PrimitiveArray<T>, scale: i32) -> Column
where
    i64: From<T::Native>,
{
    let behind = <i64 as From<i32>>::from(scale);
    let decimal = |it: T::Native| Decimal::from_unscaled(&<i64 as From<T::Native>>::from(it).to_be_bytes(), behind);
    Column::Decimal(Boxed::new(array.iter().map(|it| it.map(decimal)).collect()))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|it| format!("{it:02x}")).collect()
}

/// The float of IEEE 754's half precision.
fn half_to_f32(bits: u16) -> f32 {
    let sign = if bits & 0x8000 == 0 { 1.0 } else { -1.0 };
    let (exponent, fraction) = (i32::from(bits >> 10 & 0x1F), f32::from(bits & 0x3FF));
    match exponent {
        0 => sign * fraction * 2_f32.powi(-24),
        31 if fraction == 0.0 => sign * f32::INFINITY,
        31 => f32::NAN,
        _ => sign * (1.0 + fraction / 1024.0) * 2_f32.powi(exponent - 15),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves() {
        let of = |bits| half_to_f32(bits);
        assert_eq!((of(0x3C00), of(0xC000), of(0x7BFF), of(0x0001)), (1.0, -2.0, 65504.0, 2_f32.powi(-24)));
        assert!(of(0x7C00).is_infinite() && of(0x7E00).is_nan());
    }

    #[test]
    fn what_is_beyond_a_type_is_null_and_counted() {
        let mut failures = Failures::default();
        let longs: ArrayRef = std::sync::Arc::new(Int64Array::from(vec![Some(-1), Some(i64::MAX), None]));
        let of = |array: &ArrayRef, kind, failures: &mut Failures| column(array, kind, failures, &mut 0).unwrap();
        let unsigned = of(&longs, Kind::Unsigned64, &mut failures);
        assert!(unsigned.is_null(0) && !unsigned.is_null(1) && unsigned.is_null(2));
        assert_eq!((failures.count, failures.example.as_deref()), (1, Some("18446744073709551615")));
        let moments = of(&longs, Kind::Moment(Unit::Second), &mut failures);
        assert_eq!((moments.value(0), failures.count), (kql_data::Value::Datetime(time::UNIX_EPOCH - time::SECOND), 2));
        let days: ArrayRef = std::sync::Arc::new(Int32Array::from(vec![i32::MAX, i32::MIN, 0]));
        let days = of(&days, Kind::Date, &mut failures);
        assert!(days.is_null(0) && days.is_null(1) && !days.is_null(2));
        let ends: ArrayRef = std::sync::Arc::new(BinaryArray::from(vec![&[0xFF; 12][..], &[0x7F; 12][..]]));
        for kind in [Kind::Moment96, Kind::Interval] {
            let values = of(&ends, kind, &mut failures);
            assert!(values.is_null(0) && values.is_null(1), "{kind:?}");
        }
        assert_eq!(failures.count, 8);
    }
}
