//! Columns: an Arrow array, or one of the engine's own encodings.

use crate::{
    Decimal, DictionaryColumn, Dynamic, Fault, Lists, Shredded, StringReader, Type, Value, strings::StringDictionary,
};
use arrow_array::{
    Array, BooleanArray, Float64Array, Int32Array, Int64Array, LargeStringArray,
    builder::{BooleanBuilder, LargeStringBuilder, PrimitiveBuilder},
    types::{Float64Type, Int32Type, Int64Type},
};
use arrow_buffer::{BooleanBuffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use std::sync::{Arc, OnceLock};

/// The row number that stands for "no row" in [`Column::take`]: it gives null.
pub const NO_ROW: u32 = u32::MAX;

/// Values behind a shared pointer, for types that no Arrow array serves: decimal, guid, computed dynamic.
#[derive(Clone, Debug)]
pub struct Boxed<T> {
    values: Arc<[Option<T>]>,
    /// Bytes behind all values, once somebody asked.
    size: Arc<OnceLock<usize>>,
    offset: usize,
    len: usize,
}

impl<T> Boxed<T> {
    /// A column of those values.
    pub fn new(values: Vec<Option<T>>) -> Boxed<T> {
        let len = values.len();
        Boxed { values: values.into(), size: Arc::default(), offset: 0, len }
    }

    /// A column of values whose size is known.
    pub fn sized(values: Vec<Option<T>>, bytes: usize) -> Boxed<T> {
        Boxed { size: Arc::new(OnceLock::from(bytes)), ..Boxed::new(values) }
    }

    /// The bytes behind its rows: of a slice, its part of the whole.
    fn bytes(&self, of: impl Fn(&T) -> usize) -> usize {
        let whole = *self.size.get_or_init(|| self.values.iter().flatten().map(of).sum());
        match self.values.len() {
            0 => 0,
            n if n == self.len => whole,
            n => (whole as u128 * self.len as u128 / n as u128) as usize,
        }
    }

    /// The values of its rows.
    pub fn values(&self) -> &[Option<T>] {
        self.values.get(self.offset..self.offset + self.len).unwrap_or(&[])
    }

    /// The value of a row.
    #[inline]
    pub fn get(&self, row: usize) -> Option<&T> {
        self.values().get(row).and_then(Option::as_ref)
    }

    fn slice(&self, from: usize, count: usize) -> Boxed<T> {
        Boxed { values: self.values.clone(), size: self.size.clone(), offset: self.offset + from, len: count }
    }
}

impl<T: Clone> Boxed<T> {
    fn take(&self, rows: &[u32]) -> Boxed<T> {
        Boxed::new(rows.iter().map(|row| self.get(*row as usize).cloned()).collect())
    }
}

/// One column of a batch. Cloning and slicing share the data.
#[derive(Clone, Debug)]
pub enum Column {
    /// The same value in every row.
    Constant {
        /// The value.
        value: Value,
        /// Its type, which a null does not tell.
        ty: Type,
        /// Number of rows.
        len: usize,
    },
    /// `bool`.
    Bool(BooleanArray),
    /// `int`.
    Int(Int32Array),
    /// `long`.
    Long(Int64Array),
    /// `real`.
    Real(Float64Array),
    /// `decimal`.
    Decimal(Boxed<Decimal>),
    /// `string`, plain. Never null.
    String(LargeStringArray),
    /// `string`, by dictionary.
    Dictionary(DictionaryColumn),
    /// `datetime` in ticks.
    Datetime(Int64Array),
    /// `timespan` in ticks.
    Timespan(Int64Array),
    /// `guid`.
    Guid(Boxed<u128>),
    /// `dynamic`, computed. Null is `None`, never `Some(Dynamic::Null)`.
    Dynamic(Boxed<Dynamic>),
    /// `dynamic`, shredded at load.
    Shredded(Shredded),
    /// `dynamic`: arrays of rows of other columns.
    Lists(Lists),
}

fn take_primitive<T: arrow_array::ArrowPrimitiveType>(
    array: &arrow_array::PrimitiveArray<T>,
    rows: &[u32],
) -> arrow_array::PrimitiveArray<T> {
    let values = array.values();
    let taken: ScalarBuffer<T::Native> =
        rows.iter().map(|row| values.get(*row as usize).copied().unwrap_or_default()).collect();
    arrow_array::PrimitiveArray::new(taken, take_nulls(array.nulls(), rows))
}

fn take_nulls(nulls: Option<&NullBuffer>, rows: &[u32]) -> Option<NullBuffer> {
    match nulls {
        None if !rows.contains(&NO_ROW) => None,
        None => Some(rows.iter().map(|row| *row != NO_ROW).collect()),
        Some(nulls) => Some(rows.iter().map(|row| *row != NO_ROW && nulls.is_valid(*row as usize)).collect()),
    }
}

impl Column {
    /// The same value in so many rows.
    pub fn constant(value: Value, ty: Type, len: usize) -> Column {
        let value =
            if value.is_null() || matches!(value, Value::Dynamic(Dynamic::Null)) { Value::null(ty) } else { value };
        Column::Constant { value, ty, len }
    }

    /// Nulls ("" for string).
    pub fn null(ty: Type, len: usize) -> Column {
        Column::constant(Value::Null, ty, len)
    }

    /// A long column without nulls.
    pub fn longs(values: Vec<i64>) -> Column {
        Column::Long(Int64Array::new(values.into(), None))
    }

    /// A column of strings.
    pub fn strings<S: AsRef<str>>(values: impl IntoIterator<Item = S>) -> Column {
        let mut out = LargeStringBuilder::new();
        for it in values {
            out.append_value(it);
        }
        Column::String(out.finish())
    }

    /// A dynamic column; null values become null rows.
    pub fn dynamics(values: Vec<Option<Dynamic>>) -> Column {
        Column::Dynamic(Boxed::new(values.into_iter().map(|it| it.filter(|it| !it.is_null())).collect()))
    }

    /// Its type.
    pub fn ty(&self) -> Type {
        match self {
            Column::Constant { ty, .. } => *ty,
            Column::Bool(_) => Type::Bool,
            Column::Int(_) => Type::Int,
            Column::Long(_) => Type::Long,
            Column::Real(_) => Type::Real,
            Column::Decimal(_) => Type::Decimal,
            Column::String(_) | Column::Dictionary(_) => Type::String,
            Column::Datetime(_) => Type::Datetime,
            Column::Timespan(_) => Type::Timespan,
            Column::Guid(_) => Type::Guid,
            Column::Dynamic(_) | Column::Shredded(_) | Column::Lists(_) => Type::Dynamic,
        }
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        match self {
            Column::Constant { len, .. } => *len,
            Column::Bool(it) => it.len(),
            Column::Int(it) => it.len(),
            Column::Long(it) | Column::Datetime(it) | Column::Timespan(it) => it.len(),
            Column::Real(it) => it.len(),
            Column::Decimal(it) => it.len,
            Column::String(it) => it.len(),
            Column::Dictionary(it) => it.codes.len(),
            Column::Guid(it) => it.len,
            Column::Dynamic(it) => it.len,
            Column::Shredded(it) => it.len(),
            Column::Lists(it) => it.len(),
        }
    }

    /// Whether it has no row.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The value of a row; null beyond the end.
    pub fn value(&self, row: usize) -> Value {
        fn of<T>(valid: bool, value: T, make: impl FnOnce(T) -> Value) -> Value {
            if valid { make(value) } else { Value::Null }
        }
        if row >= self.len() {
            return Value::null(self.ty());
        }
        match self {
            Column::Constant { value, .. } => value.clone(),
            Column::Bool(it) => of(it.is_valid(row), it.value(row), Value::Bool),
            Column::Int(it) => of(it.is_valid(row), it.value(row), Value::Int),
            Column::Long(it) => of(it.is_valid(row), it.value(row), Value::Long),
            Column::Datetime(it) => of(it.is_valid(row), it.value(row), Value::Datetime),
            Column::Timespan(it) => of(it.is_valid(row), it.value(row), Value::Timespan),
            Column::Real(it) => of(it.is_valid(row), it.value(row), Value::Real),
            Column::Decimal(it) => it.get(row).map_or(Value::Null, |it| Value::Decimal(it.clone())),
            Column::Guid(it) => it.get(row).map_or(Value::Null, |it| Value::Guid(*it)),
            Column::String(_) | Column::Dictionary(_) => Value::String(self.string_reader().get(row).into()),
            Column::Dynamic(_) | Column::Shredded(_) | Column::Lists(_) => match self.dynamic(row) {
                Dynamic::Null => Value::Null,
                it => Value::Dynamic(it),
            },
        }
    }

    /// The dynamic of a row of a dynamic column; other types are wrapped.
    pub fn dynamic(&self, row: usize) -> Dynamic {
        match self {
            Column::Dynamic(it) => it.get(row).cloned().unwrap_or(Dynamic::Null),
            Column::Shredded(it) => it.value(row),
            Column::Lists(it) => it.get(row).cloned().unwrap_or(Dynamic::Null),
            other => other.value(row).to_dynamic(),
        }
    }

    /// Whether a row is null; a string never is.
    pub fn is_null(&self, row: usize) -> bool {
        match self {
            Column::Constant { value, .. } => value.is_null(),
            Column::Bool(it) => it.is_null(row),
            Column::Int(it) => it.is_null(row),
            Column::Long(it) | Column::Datetime(it) | Column::Timespan(it) => it.is_null(row),
            Column::Real(it) => it.is_null(row),
            Column::Decimal(it) => it.get(row).is_none(),
            Column::Guid(it) => it.get(row).is_none(),
            Column::Dynamic(it) => it.get(row).is_none(),
            Column::Shredded(it) => matches!(it.tag(row), crate::Tag::Missing | crate::Tag::Null),
            Column::Lists(it) => it.numbers(row).is_none(),
            Column::String(_) | Column::Dictionary(_) => false,
        }
    }

    /// Strings by row. For a column of another type every row reads as "".
    pub fn string_reader(&self) -> StringReader<'_> {
        match self {
            Column::String(it) => StringReader::Plain(it),
            Column::Dictionary(it) => StringReader::Dictionary(&it.codes, it.dictionary.values()),
            Column::Constant { value: Value::String(it), .. } => StringReader::Constant(it),
            _ => StringReader::Constant(""),
        }
    }

    /// Those rows, in that order; [`NO_ROW`] gives null.
    pub fn take(&self, rows: &[u32]) -> Column {
        match self {
            Column::Constant { value, ty, .. } if !value.is_null() && rows.contains(&NO_ROW) => {
                let mut out = ColumnBuilder::new(*ty, rows.len());
                for row in rows {
                    out.push(if *row == NO_ROW { &Value::Null } else { value });
                }
                out.finish()
            }
            Column::Constant { value, ty, .. } => Column::Constant { value: value.clone(), ty: *ty, len: rows.len() },
            Column::Bool(it) => {
                let (len, values) = (it.len(), it.values());
                let pick =
                    |at: usize| rows.get(at).is_some_and(|row| (*row as usize) < len && values.value(*row as usize));
                let taken = BooleanBuffer::collect_bool(rows.len(), pick);
                Column::Bool(BooleanArray::new(taken, take_nulls(it.nulls(), rows)))
            }
            Column::Int(it) => Column::Int(take_primitive(it, rows)),
            Column::Long(it) => Column::Long(take_primitive(it, rows)),
            Column::Datetime(it) => Column::Datetime(take_primitive(it, rows)),
            Column::Timespan(it) => Column::Timespan(take_primitive(it, rows)),
            Column::Real(it) => Column::Real(take_primitive(it, rows)),
            Column::Decimal(it) => Column::Decimal(it.take(rows)),
            Column::Guid(it) => Column::Guid(it.take(rows)),
            Column::Dynamic(it) => Column::Dynamic(it.take(rows)),
            Column::Shredded(it) => Column::Shredded(it.take(rows)),
            Column::Lists(it) => it.take(rows),
            Column::String(it) => Column::String(take_strings(it, rows)),
            Column::Dictionary(it) => {
                // Code 0 is "", which is what a missing string is.
                let codes = rows.iter().map(|row| it.codes.get(*row as usize).copied().unwrap_or(0)).collect();
                Column::Dictionary(DictionaryColumn { codes, dictionary: it.dictionary.clone() })
            }
        }
    }

    /// A stretch of rows, which must lie inside.
    pub fn slice(&self, from: usize, count: usize) -> Column {
        match self {
            Column::Constant { value, ty, .. } => Column::Constant { value: value.clone(), ty: *ty, len: count },
            Column::Bool(it) => Column::Bool(it.slice(from, count)),
            Column::Int(it) => Column::Int(it.slice(from, count)),
            Column::Long(it) => Column::Long(it.slice(from, count)),
            Column::Datetime(it) => Column::Datetime(it.slice(from, count)),
            Column::Timespan(it) => Column::Timespan(it.slice(from, count)),
            Column::Real(it) => Column::Real(it.slice(from, count)),
            Column::Decimal(it) => Column::Decimal(it.slice(from, count)),
            Column::Guid(it) => Column::Guid(it.slice(from, count)),
            Column::Dynamic(it) => Column::Dynamic(it.slice(from, count)),
            Column::Shredded(it) => Column::Shredded(it.slice(from, count)),
            Column::Lists(it) => Column::Lists(it.slice(from, count)),
            Column::String(it) => Column::String(it.slice(from, count)),
            Column::Dictionary(it) => Column::Dictionary(DictionaryColumn {
                codes: it.codes.slice(from, count),
                dictionary: it.dictionary.clone(),
            }),
        }
    }

    /// All columns of one type, one after the other.
    pub fn concat(ty: Type, columns: &[Column]) -> Result<Column, Fault> {
        if let [one] = columns {
            return Ok(one.clone());
        }
        // Columns that nobody reads are such: nulls, or one text.
        let same = |it: &Column| match (columns.first(), it) {
            (Some(Column::Constant { value: Value::Null, .. }), Column::Constant { value: Value::Null, .. }) => true,
            (
                Some(Column::Constant { value: Value::String(a), .. }),
                Column::Constant { value: Value::String(b), .. },
            ) => a == b,
            _ => false,
        };
        if let Some(Column::Constant { value, .. }) = columns.first()
            && columns.iter().all(same)
        {
            return Ok(Column::constant(value.clone(), ty, columns.iter().map(Column::len).sum()));
        }
        if let Some(joined) = concat_dictionaries(columns) {
            return Ok(joined);
        }
        let shredded: Option<Vec<&Shredded>> =
            columns.iter().map(|it| if let Column::Shredded(it) = it { Some(it) } else { None }).collect();
        if let Some(parts) = shredded.filter(|it| !it.is_empty()) {
            return Ok(Column::Shredded(Shredded::concat(&parts)));
        }
        let lists: Option<Vec<&Lists>> =
            columns.iter().map(|it| if let Column::Lists(it) = it { Some(it) } else { None }).collect();
        if let Some(joined) = lists.and_then(|it| Lists::concat(&it)) {
            return Ok(Column::Lists(joined));
        }
        let mut out = ColumnBuilder::new(ty, columns.iter().map(Column::len).sum());
        for column in columns {
            out.extend(column);
        }
        Ok(out.finish())
    }

    /// The rows for which it is true, of a bool column. Null counts as false.
    pub fn true_rows(&self) -> Vec<u32> {
        match self {
            Column::Constant { value: Value::Bool(true), len, .. } => (0..*len as u32).collect(),
            it => it.true_bits().set_indices_u32().collect(),
        }
    }

    /// A bit for each row, set where it is true, of a bool column.
    pub fn true_bits(&self) -> BooleanBuffer {
        match self {
            Column::Constant { value: Value::Bool(true), len, .. } => BooleanBuffer::new_set(*len),
            Column::Bool(it) => match it.nulls() {
                None => it.values().clone(),
                Some(nulls) => it.values() & nulls.inner(),
            },
            it => BooleanBuffer::new_unset(it.len()),
        }
    }

    /// Bytes of its buffers; shared dictionaries and trees count once a table, not here.
    pub fn bytes(&self) -> usize {
        match self {
            Column::Constant { value, .. } => value.bytes(),
            Column::Bool(it) => it.len() / 4,
            Column::Int(it) => it.len() * 5,
            Column::Long(it) | Column::Datetime(it) | Column::Timespan(it) => it.len() * 9,
            Column::Real(it) => it.len() * 9,
            Column::String(it) => {
                let offsets = it.offsets();
                let text = offsets.last().unwrap_or(&0) - offsets.first().unwrap_or(&0);
                usize::try_from(text).unwrap_or(0) + it.len() * 8
            }
            Column::Dictionary(it) => it.codes.len() * 4,
            Column::Decimal(it) => it.len * 64,
            Column::Guid(it) => it.len * 32,
            Column::Dynamic(it) => it.len * size_of::<Option<Dynamic>>() + it.bytes(Dynamic::owned_bytes),
            Column::Shredded(it) => it.len() * 4,
            Column::Lists(it) => it.bytes(),
        }
    }
}

fn take_strings(array: &LargeStringArray, rows: &[u32]) -> LargeStringArray {
    let len = array.len();
    let offsets = array.value_offsets();
    let end = |row: usize| offsets.get(row).map_or(0, |it| *it as usize);
    let size = |row: &u32| if (*row as usize) < len { end(*row as usize + 1) - end(*row as usize) } else { 0 };
    let mut out = LargeStringBuilder::with_capacity(rows.len(), rows.iter().map(size).sum());
    for row in rows {
        out.append_value(if (*row as usize) < len { array.value(*row as usize) } else { "" });
    }
    out.finish()
}

/// Dictionary columns that share one dictionary stay by dictionary.
fn concat_dictionaries(columns: &[Column]) -> Option<Column> {
    let mut shared: Option<&Arc<StringDictionary>> = None;
    for column in columns {
        let Column::Dictionary(it) = column else { return None };
        if shared.get_or_insert(&it.dictionary).id() != it.dictionary.id() {
            return None;
        }
    }
    let dictionary = shared?.clone();
    let mut codes = Vec::with_capacity(columns.iter().map(Column::len).sum());
    for column in columns {
        if let Column::Dictionary(it) = column {
            codes.extend_from_slice(&it.codes);
        }
    }
    Some(Column::Dictionary(DictionaryColumn { codes: codes.into(), dictionary }))
}

/// Builds a column value by value. A value of another type, and null, give null.
#[derive(Debug)]
pub struct ColumnBuilder {
    ty: Type,
    values: Values,
}

#[derive(Debug)]
enum Values {
    Bool(BooleanBuilder),
    Int(PrimitiveBuilder<Int32Type>),
    Long(PrimitiveBuilder<Int64Type>),
    Real(PrimitiveBuilder<Float64Type>),
    String(Vec<u8>, Vec<i64>),
    Decimal(Vec<Option<Decimal>>),
    Guid(Vec<Option<u128>>),
    Dynamic(Vec<Option<Dynamic>>),
}

impl ColumnBuilder {
    /// A builder for about so many rows.
    pub fn new(ty: Type, rows: usize) -> ColumnBuilder {
        let values = match ty {
            Type::Bool => Values::Bool(BooleanBuilder::with_capacity(rows)),
            Type::Int => Values::Int(PrimitiveBuilder::with_capacity(rows)),
            Type::Long | Type::Datetime | Type::Timespan => Values::Long(PrimitiveBuilder::with_capacity(rows)),
            Type::Real => Values::Real(PrimitiveBuilder::with_capacity(rows)),
            Type::String => {
                let mut offsets = Vec::with_capacity(rows + 1);
                offsets.push(0);
                Values::String(Vec::new(), offsets)
            }
            Type::Decimal => Values::Decimal(Vec::with_capacity(rows)),
            Type::Guid => Values::Guid(Vec::with_capacity(rows)),
            Type::Dynamic => Values::Dynamic(Vec::with_capacity(rows)),
        };
        ColumnBuilder { ty, values }
    }

    /// Number of rows so far.
    pub fn len(&self) -> usize {
        match &self.values {
            Values::Bool(it) => arrow_array::builder::ArrayBuilder::len(it),
            Values::Int(it) => arrow_array::builder::ArrayBuilder::len(it),
            Values::Long(it) => arrow_array::builder::ArrayBuilder::len(it),
            Values::Real(it) => arrow_array::builder::ArrayBuilder::len(it),
            Values::String(_, offsets) => offsets.len() - 1,
            Values::Decimal(it) => it.len(),
            Values::Guid(it) => it.len(),
            Values::Dynamic(it) => it.len(),
        }
    }

    /// Bytes of the texts of a string column so far; 0 of other types.
    pub fn text_bytes(&self) -> usize {
        if let Values::String(bytes, _) = &self.values { bytes.len() } else { 0 }
    }

    /// Whether it has no row yet.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Appends a value. In a dynamic column any value is wrapped.
    pub fn push(&mut self, value: &Value) {
        match (&mut self.values, value) {
            (Values::Bool(out), Value::Bool(it)) => out.append_value(*it),
            (Values::Bool(out), _) => out.append_null(),
            (Values::Int(out), Value::Int(it)) => out.append_value(*it),
            (Values::Int(out), _) => out.append_null(),
            (Values::Long(out), Value::Long(it) | Value::Datetime(it) | Value::Timespan(it)) => out.append_value(*it),
            (Values::Long(out), Value::Int(it)) => out.append_value(i64::from(*it)),
            (Values::Long(out), _) => out.append_null(),
            (Values::Real(out), Value::Real(it)) => out.append_value(*it),
            (Values::Real(out), Value::Long(it)) => out.append_value(*it as f64),
            (Values::Real(out), _) => out.append_null(),
            (Values::String(..), Value::String(it)) => self.push_str(it),
            (Values::String(..), _) => self.push_str(""),
            (Values::Decimal(out), Value::Decimal(it)) => out.push(Some(it.clone())),
            (Values::Decimal(out), _) => out.push(None),
            (Values::Guid(out), Value::Guid(it)) => out.push(Some(*it)),
            (Values::Guid(out), _) => out.push(None),
            (Values::Dynamic(out), it) => out.push(Some(it.to_dynamic()).filter(|it| !it.is_null())),
        }
    }

    /// Appends to a string column.
    pub fn push_str(&mut self, text: &str) {
        if let Values::String(bytes, offsets) = &mut self.values {
            bytes.extend_from_slice(text.as_bytes());
            offsets.push(bytes.len() as i64);
        } else {
            self.push(&Value::Null);
        }
    }

    /// Appends null, or "" to a string column.
    pub fn push_null(&mut self) {
        self.push(&Value::Null);
    }

    /// Appends all rows of a column of the same type.
    pub fn extend(&mut self, column: &Column) {
        match (&mut self.values, column) {
            (Values::Long(out), Column::Long(it) | Column::Datetime(it) | Column::Timespan(it)) => out.append_array(it),
            (Values::Int(out), Column::Int(it)) => out.append_array(it),
            (Values::Real(out), Column::Real(it)) => out.append_array(it),
            (Values::Bool(out), Column::Bool(it)) => out.append_array(it),
            (Values::String(..), _) => {
                let reader = column.string_reader();
                for row in 0..column.len() {
                    self.push_str(reader.get(row));
                }
            }
            (Values::Dynamic(out), Column::Dynamic(it)) => out.extend(it.values().iter().cloned()),
            _ => {
                for row in 0..column.len() {
                    self.push(&column.value(row));
                }
            }
        }
    }

    /// The column.
    pub fn finish(self) -> Column {
        match self.values {
            Values::Bool(mut it) => Column::Bool(it.finish()),
            Values::Int(mut it) => Column::Int(it.finish()),
            Values::Long(mut it) => match self.ty {
                Type::Datetime => Column::Datetime(it.finish()),
                Type::Timespan => Column::Timespan(it.finish()),
                _ => Column::Long(it.finish()),
            },
            Values::Real(mut it) => Column::Real(it.finish()),
            Values::String(bytes, offsets) => Column::String(string_array(bytes, offsets)),
            Values::Decimal(it) => Column::Decimal(Boxed::new(it)),
            Values::Guid(it) => Column::Guid(Boxed::new(it)),
            Values::Dynamic(it) => Column::Dynamic(Boxed::new(it)),
        }
    }
}

/// Offsets come from pushes of whole `str`s, so they are in order and the bytes are UTF-8; arrow checks both.
fn string_array(bytes: Vec<u8>, offsets: Vec<i64>) -> LargeStringArray {
    let n_rows = offsets.len() - 1;
    LargeStringArray::try_new(OffsetBuffer::new(offsets.into()), bytes.into(), None)
        .unwrap_or_else(|_| LargeStringArray::new_null(n_rows))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_text_in_all_parts_stays_one_text() {
        let text = |text: &str, len| Column::constant(Value::String(text.into()), Type::String, len);
        let joined = |parts: &[Column]| Column::concat(Type::String, parts).unwrap();
        let same = joined(&[text("", 3), Column::null(Type::String, 2)]);
        assert!(matches!(&same, Column::Constant { len: 5, .. }) && same.value(4) == Value::String("".into()));
        for (a, b) in
            [(text("a", 1), text("b", 1)), (text("a", 1), Column::strings(["a"])), (text("", 1), text("a", 2))]
        {
            let values: Vec<Value> = [&a, &b].iter().flat_map(|it| (0..it.len()).map(|row| it.value(row))).collect();
            let whole = joined(&[a, b]);
            assert_eq!((0..whole.len()).map(|row| whole.value(row)).collect::<Vec<Value>>(), values);
        }
        assert!(matches!(
            Column::concat(Type::Long, &[Column::null(Type::Long, 1), Column::longs(vec![7])]),
            Ok(Column::Long(_))
        ));
        assert!(joined(&[]).is_empty());
    }
}
