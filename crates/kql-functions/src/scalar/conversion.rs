//! Conversions between types. What cannot be converted gives null, never an error; `tostring` converts everything.

use crate::{
    declare::{Accepts, CHECK_ROWS, Function, Naming, Overload, Param, Returns},
    scalar::{
        datetime::text::{parse_datetime, parse_timespan},
        operator::lift,
    },
};
use arrow_array::{
    Float64Array, Int32Array, Int64Array,
    types::{ArrowPrimitiveType, Float64Type, Int32Type, Int64Type},
};
use kql_data::{Column, ColumnBuilder, Context, Decimal, Dynamic, Fault, Rows, Shredded, Tag, Type, Value, json, time};

pub mod choice;
pub(crate) mod shred;
mod template;
pub mod test;
pub mod text;

/// A float cut toward zero; null for NaN, the nearest long beyond 64 bits.
pub fn long_of_real(value: f64) -> Option<i64> {
    (!value.is_nan()).then_some(value as i64)
}

/// A value as another type, by the rules of `tolong`, `todatetime` and so on. Null when it cannot be.
pub fn convert(value: &Value, ty: Type) -> Value {
    let made = match ty {
        Type::String => return Value::String(value.text().into()),
        Type::Long => to_long(value).map(Value::Long),
        Type::Int => to_int(value).map(Value::Int),
        Type::Real => to_real(value).map(Value::Real),
        Type::Decimal => to_decimal(value).map(Value::Decimal),
        Type::Bool => to_bool(value).map(Value::Bool),
        Type::Datetime => to_datetime(value).map(Value::Datetime),
        Type::Timespan => to_timespan(value).map(Value::Timespan),
        Type::Guid => to_guid(value).map(Value::Guid),
        Type::Dynamic => Some(value.to_dynamic()).filter(|it| !it.is_null()).map(Value::Dynamic),
    };
    made.unwrap_or(Value::Null)
}

/// A dynamic's content as a type, still as a dynamic. `None` when it cannot be.
pub fn convert_dynamic(value: &Dynamic, ty: Type) -> Option<Dynamic> {
    Some(convert(&value.to_value(), ty).to_dynamic()).filter(|it| !it.is_null())
}

/// A dynamic's content as a float.
pub fn to_real_of(value: &Dynamic) -> Option<f64> {
    to_real(&value.to_value())
}

/// As `tolong`: reals are cut toward zero, times are their ticks.
pub fn to_long(value: &Value) -> Option<i64> {
    match value {
        Value::Bool(it) => Some(i64::from(*it)),
        Value::Int(it) => Some(i64::from(*it)),
        Value::Long(it) | Value::Datetime(it) | Value::Timespan(it) => Some(*it),
        Value::Real(it) => long_of_real(*it),
        Value::Decimal(it) => it.to_i64(),
        Value::String(it) => text::parse_long(it),
        Value::Dynamic(it) => inside(it).as_ref().and_then(to_long),
        Value::Null | Value::Guid(_) => None,
    }
}

/// As `toint`: longs wrap at 32 bits, reals stop at the ends of the type.
pub fn to_int(value: &Value) -> Option<i32> {
    match value {
        Value::Int(it) => Some(*it),
        Value::Real(it) => (!it.is_nan()).then_some(*it as i32),
        Value::String(it) => text::parse_int(it),
        Value::Dynamic(it) => inside(it).as_ref().and_then(to_int),
        other => to_long(other).map(|it| it as i32),
    }
}

/// As `toreal`.
pub fn to_real(value: &Value) -> Option<f64> {
    match value {
        Value::Real(it) => Some(*it),
        Value::Decimal(it) => Some(it.to_f64()),
        Value::String(it) => text::parse_real(it),
        Value::Dynamic(it) => inside(it).as_ref().and_then(to_real),
        other => to_long(other).map(|it| it as f64),
    }
}

/// As `todecimal`.
pub fn to_decimal(value: &Value) -> Option<Decimal> {
    match value {
        Value::Decimal(it) => Some(it.clone()),
        Value::Real(it) => Decimal::from_f64(*it),
        Value::String(it) => text::parse_decimal(it),
        Value::Dynamic(it) => inside(it).as_ref().and_then(to_decimal),
        other => to_long(other).map(Decimal::from),
    }
}

/// As `tobool`: a number is true unless it is 0.
pub fn to_bool(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(it) => Some(*it),
        Value::Int(it) => Some(*it != 0),
        Value::Long(it) => Some(*it != 0),
        Value::Real(it) => Some(*it != 0.0),
        Value::Decimal(it) => Some(!it.is_zero()),
        Value::String(it) => text::parse_bool(it),
        Value::Dynamic(it) => inside(it).as_ref().and_then(to_bool),
        _ => None,
    }
}

/// As `todatetime`: a whole number counts ticks.
pub fn to_datetime(value: &Value) -> Option<i64> {
    match value {
        Value::Datetime(it) => Some(*it),
        Value::String(it) => parse_datetime(it),
        Value::Int(_) | Value::Long(_) | Value::Real(_) | Value::Timespan(_) => time::in_range(to_long(value)?),
        Value::Dynamic(it) => inside(it).as_ref().and_then(to_datetime),
        _ => None,
    }
}

/// As `totimespan`: a number counts ticks.
pub fn to_timespan(value: &Value) -> Option<i64> {
    match value {
        Value::Timespan(it) => Some(*it),
        Value::String(it) => parse_timespan(it),
        Value::Real(it) => it.is_finite().then_some(*it as i64),
        Value::Dynamic(it) => inside(it).as_ref().and_then(to_timespan),
        other => to_long(other),
    }
}

/// As `toguid`.
pub fn to_guid(value: &Value) -> Option<u128> {
    match value {
        Value::Guid(it) => Some(*it),
        Value::String(it) => text::parse_guid(it),
        Value::Dynamic(it) => inside(it).as_ref().and_then(to_guid),
        _ => None,
    }
}

/// The scalar in a dynamic; nothing in an array or bag.
fn inside(value: &Dynamic) -> Option<Value> {
    match value {
        Dynamic::Array(_) | Dynamic::Bag(_) | Dynamic::Null => None,
        it => Some(it.to_value()),
    }
}

/// A whole column to another type, as the conversion function of that type does.
pub fn convert_column(column: &Column, ty: Type) -> Column {
    let n_rows = column.len();
    if column.ty() == ty {
        return column.clone();
    }
    if let Column::Constant { value, .. } = column {
        return Column::constant(convert(value, ty), ty, n_rows);
    }
    if let Some(done) = fast(column, ty) {
        return done;
    }
    let mut out = ColumnBuilder::new(ty, n_rows);
    for row in 0..n_rows {
        out.push(&convert(&column.value(row), ty));
    }
    out.finish()
}

fn mapped<A, B>(
    array: &arrow_array::PrimitiveArray<A>,
    map: impl Fn(A::Native) -> B::Native,
) -> arrow_array::PrimitiveArray<B>
where
    A: ArrowPrimitiveType,
    B: ArrowPrimitiveType,
{
    array.unary(map)
}

/// The conversions that need no value by value work.
fn fast(column: &Column, ty: Type) -> Option<Column> {
    Some(match (column, ty) {
        (Column::Int(it), Type::Long) => Column::Long(mapped::<Int32Type, Int64Type>(it, i64::from)),
        (Column::Int(it), Type::Real) => Column::Real(mapped::<Int32Type, Float64Type>(it, f64::from)),
        (Column::Long(it), Type::Int) => Column::Int(mapped::<Int64Type, Int32Type>(it, |it| it as i32)),
        (Column::Long(it) | Column::Datetime(it) | Column::Timespan(it), Type::Real) => {
            Column::Real(mapped::<Int64Type, Float64Type>(it, |it| it as f64))
        }
        (Column::Datetime(it) | Column::Timespan(it), Type::Long) => Column::Long(it.clone()),
        (Column::Long(it) | Column::Datetime(it), Type::Timespan) => Column::Timespan(it.clone()),
        (Column::String(_) | Column::Dictionary(_), _) => return from_strings(column, ty),
        (Column::Shredded(it), _) => return from_shredded(it, ty),
        _ => return None,
    })
}

fn from_strings(column: &Column, ty: Type) -> Option<Column> {
    let (rows, n_rows) = (column.string_reader(), column.len());
    let rows = (0..n_rows).map(|row| rows.get(row));
    Some(match ty {
        Type::Long => Column::Long(rows.map(text::parse_long).collect::<Int64Array>()),
        Type::Int => Column::Int(rows.map(text::parse_int).collect::<Int32Array>()),
        Type::Real => Column::Real(rows.map(text::parse_real).collect::<Float64Array>()),
        Type::Datetime => Column::Datetime(rows.map(parse_datetime).collect::<Int64Array>()),
        Type::Timespan => Column::Timespan(rows.map(parse_timespan).collect::<Int64Array>()),
        _ => return None,
    })
}

/// The values of a column that has a whole number in every row.
fn plain_longs(column: &Shredded) -> Option<&[i64]> {
    let Rows::Range { offset, len } = column.rows else { return None };
    let rows = offset..offset.checked_add(len)?;
    // In numbers, which are gone through many at once.
    let are_longs = |tags: &[u8]| tags.iter().fold(0, |any, it| any | u8::from(*it != Tag::Long as u8)) == 0;
    let longs = column.node.longs.as_ref()?.get(rows.clone())?;
    column.node.tags.get(rows)?.chunks(1 << 10).all(are_longs).then_some(longs)
}

/// A shredded column of strings needs no work to become one of strings, nor do whole numbers to become longs.
fn from_shredded(column: &Shredded, ty: Type) -> Option<Column> {
    match (ty, plain_longs(column)) {
        (Type::Int, Some(longs)) => {
            return Some(Column::Int(longs.iter().map(|it| *it as i32).collect::<Vec<_>>().into()));
        }
        (Type::Long, Some(longs)) => return Some(Column::Long(longs.to_vec().into())),
        _ => {}
    }
    match ty {
        Type::String => {
            if let Some(done) = column.as_strings() {
                return Some(done);
            }
            let mut out = ColumnBuilder::new(Type::String, column.len());
            let strings = column.node.strings.as_ref().map(|it| it.reader());
            for row in 0..column.len() {
                match (column.tag(row), &strings, column.rows.get(row)) {
                    (Tag::Missing | Tag::Null, ..) => out.push_str(""),
                    (Tag::String, Some(strings), Some(at)) => out.push_str(strings.get(at)),
                    _ => out.push_str(&column.value(row).text()),
                }
            }
            Some(out.finish())
        }
        Type::Long => {
            let longs = column.node.longs.as_ref();
            let one = |row| match column.tag(row) {
                Tag::Long => longs?.get(column.rows.get(row)?).copied(),
                Tag::Missing | Tag::Null => None,
                _ => to_long(&Value::Dynamic(column.value(row))),
            };
            Some(Column::Long((0..column.len()).map(one).collect::<Int64Array>()))
        }
        Type::Int if column.node.longs.is_some() => {
            let longs = column.node.longs.as_ref();
            let one = |row| match column.tag(row) {
                Tag::Long => longs?.get(column.rows.get(row)?).map(|it| *it as i32),
                Tag::Missing | Tag::Null => None,
                _ => to_int(&Value::Dynamic(column.value(row))),
            };
            Some(Column::Int((0..column.len()).map(one).collect::<Int32Array>()))
        }
        // Texts are converted once a distinct one.
        Type::Datetime | Type::Real | Type::Int | Type::Timespan | Type::Bool | Type::Guid => {
            let Column::Dictionary(it) = column.as_strings()? else { return None };
            if it.dictionary.len() > column.len() {
                return None;
            }
            let values = convert_column(&Column::String(it.dictionary.values().clone()), ty);
            Some(values.take(&it.codes))
        }
        _ => None,
    }
}

macro_rules! conversion_kernels {
    ($($name:ident $ty:ident;)*) => {$(
        fn $name(_: &Context, args: &[Column], _: usize) -> Result<Column, Fault> {
            Ok(convert_column(lift::arg(args, 0)?, Type::$ty))
        }
    )*};
}
conversion_kernels! {
    tostring String;
    tolong Long;
    toint Int;
    toreal Real;
    todecimal Decimal;
    tobool Bool;
    todatetime Datetime;
    totimespan Timespan;
    toguid Guid;
}

/// A JSON text of a row as a dynamic. Text that is no JSON is a string when it is plain words, and null when it has signs of
/// JSON in it: `abc` is a string, and `a,b` and `{"a":` are nothing.
pub fn dynamic_of_text(reader: &mut json::Reader, text: &str) -> Dynamic {
    if text.trim().is_empty() {
        return Dynamic::Null;
    }
    match reader.read(text) {
        Some(it) => it,
        None if is_plain(text) => Dynamic::string(text),
        None => Dynamic::Null,
    }
}

/// Whether a text has no sign of JSON in it.
pub(crate) fn is_plain(text: &str) -> bool {
    !text.contains([',', ':', '[', ']', '{', '}', '"'])
}

/// Text is read as JSON; a dynamic passes, other types are wrapped.
fn todynamic(cx: &Context, args: &[Column], n_rows: usize) -> Result<Column, Fault> {
    let column = lift::arg(args, 0)?;
    match column {
        Column::Dynamic(_) | Column::Shredded(_) | Column::Lists(_) | Column::Constant { ty: Type::Dynamic, .. } => {
            Ok(column.clone())
        }
        _ if column.ty() == Type::String => {
            let rows = column.string_reader();
            if let Some(shredded) = shred::shred(cx, rows, n_rows, None)? {
                return Ok(shredded);
            }
            let mut out = Vec::with_capacity(n_rows);
            let (mut held, mut bytes) = (cx.budget.reserve(0, "todynamic")?, 0);
            let mut reader = json::Reader::default();
            for row in 0..n_rows {
                if row % CHECK_ROWS == 0 {
                    cx.check()?;
                }
                let made = dynamic_of_text(&mut reader, rows.get(row));
                bytes += made.owned_bytes();
                held.follow(bytes, "todynamic")?;
                out.push(Some(made));
            }
            Ok(Column::dynamics(out))
        }
        _ => Ok(convert_column(column, Type::Dynamic)),
    }
}

fn gettype(_: &Context, args: &[Column], n_rows: usize) -> Result<Column, Fault> {
    let column = lift::arg(args, 0)?;
    if column.ty() != Type::Dynamic {
        return Ok(Column::constant(Value::String(column.ty().name().into()), Type::String, n_rows));
    }
    Ok(Column::strings((0..n_rows).map(|row| column.dynamic(row).type_name())))
}

const VALUE: Param = Param::new("value", Accepts::Scalar);

const fn conversion(kernel: crate::Kernel, ty: Type) -> Overload {
    Overload { params: &[VALUE], rest: None, returns: Returns::Type(ty), kernel: Some(kernel) }
}

const fn named(name: &'static str, doc: &'static str, overloads: &'static [Overload]) -> Function {
    Function::new(name, doc, overloads).naming(Naming::FirstArgument)
}

/// The conversion functions.
pub const FUNCTIONS: &[Function] = &[
    named(
        "tostring",
        "Text of a value; null gives \"\".\n\n    tostring(1d) => \"1.00:00:00\"\n    tostring(true) => \"True\"\n    \
         tostring(long(null)) => \"\"\n",
        &[conversion(tostring, Type::String)],
    ),
    named(
        "tolong",
        "Whole number of 64 bits: reals are cut toward zero, times give their ticks, text must be a whole number.\n\n    \
         tolong(-5.7) => -5\n    tolong(\"0x10\") => 16\n    tolong(\"5.7\") => long(null)\n",
        &[conversion(tolong, Type::Long)],
    ),
    named(
        "toint",
        "Whole number of 32 bits. A long beyond them wraps, a real stops at their end, text gives null.\n\n    \
         toint(\"123\") => int(123)\n    toint(\"9999999999\") => int(null)\n    toint(9999999999) => int(1410065407)\n",
        &[conversion(toint, Type::Int)],
    ),
    named(
        "toreal",
        "Floating point number.\n\n    toreal(\"1e3\") => 1000.0\n    todouble(\"x\") => real(null)\n",
        &[conversion(toreal, Type::Real)],
    )
    .aliases(&["todouble"]),
    named(
        "todecimal",
        "Decimal number.\n\n    todecimal(\"123.45\") => decimal(123.45)\n",
        &[conversion(todecimal, Type::Decimal)],
    ),
    named(
        "tobool",
        "Truth value: `true`, `false` in any case, and numbers, of which only 0 is false.\n\n    \
         tobool(\"TRUE\") => true\n    tobool(0) => false\n    tobool(\"yes\") => bool(null)\n",
        &[conversion(tobool, Type::Bool)],
    )
    .aliases(&["toboolean"]),
    named(
        "todatetime",
        "Point in time from text in ISO 8601, RFC 822 or 850, or month first; what has no zone is UTC.\n\n    \
         todatetime(\"2022-12-02T13:45:56+02:00\") => datetime(2022-12-02 11:45:56)\n    \
         todatetime(\"2/3/2022\") => datetime(2022-02-03)\n    todatetime(\"soon\") => datetime(null)\n",
        &[conversion(todatetime, Type::Datetime)],
    ),
    named(
        "totimespan",
        "Length of time from its clock form, or from a number of ticks.\n\n    \
         totimespan(\"1.00:00:00\") => 1d\n    totimespan(10) => 10ticks\n    totimespan(\"10\") => timespan(null)\n",
        &[conversion(totimespan, Type::Timespan)],
    )
    .aliases(&["totime"]),
    named(
        "toguid",
        "Identifier of 128 bits, from 32 hexadecimal digits with hyphens or without.\n\n    \
         toguid(\"0123456789abcdef0123456789abcdef\") => guid(01234567-89ab-cdef-0123-456789abcdef)\n",
        &[conversion(toguid, Type::Guid)],
    ),
    named(
        "todynamic",
        "Reads JSON. Plain words become a string, and other text that is no JSON null; a dynamic passes unchanged.\n\n    \
         parse_json('{\"a\": 1}') => dynamic({\"a\": 1})\n    todynamic(\"abc\") => dynamic(\"abc\")\n",
        &[conversion(todynamic, Type::Dynamic)],
    )
    .aliases(&["parse_json", "parsejson", "toobject"]),
    Function::new(
        "gettype",
        "Name of a value's type; for a dynamic, of what it holds.\n\n    gettype(1.5) => \"real\"\n    \
         gettype(dynamic(1.5)) => \"double\"\n    gettype(dynamic([])) => \"array\"\n",
        &[conversion(gettype, Type::String)],
    )
    .naming(Naming::Prefix("type")),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn measured_conversions() {
        assert_eq!(to_int(&Value::Long(9_999_999_999)), Some(1_410_065_407));
        assert_eq!(to_int(&Value::Real(1e10)), Some(i32::MAX));
        assert_eq!(to_long(&Value::Real(1e30)), Some(i64::MAX));
        assert_eq!(to_long(&Value::Real(f64::NAN)), None);
        assert_eq!(to_int(&Value::Timespan(time::DAY)), Some(711_573_504));
        assert_eq!(to_bool(&Value::Real(1.5)), Some(true));
        assert_eq!(to_timespan(&Value::Real(1.5)), Some(1));
        assert_eq!(to_long(&Value::Dynamic(Dynamic::string("5.7"))), None);
        assert_eq!(to_real(&Value::Dynamic(Dynamic::string("5.7"))), Some(5.7));
        assert_eq!(to_long(&Value::Dynamic(Dynamic::array(vec![Dynamic::Long(1)]))), None);
    }

    #[test]
    fn columns_convert_as_values_do() {
        let column = Column::strings(["1", "x", " 3 "]);
        let made = convert_column(&column, Type::Long);
        assert_eq!((made.value(0), made.value(1), made.value(2)), (Value::Long(1), Value::Null, Value::Long(3)));
    }
}
