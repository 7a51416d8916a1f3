//! Loops over whole columns for operators: packed bits, validity, and the shapes column × column and column × constant.

use crate::{declare::types::Primitives, kernel};
use arrow_array::{BooleanArray, PrimitiveArray, types::ArrowPrimitiveType};
use arrow_buffer::{ArrowNativeType, BooleanBuffer, Buffer, NullBuffer, ScalarBuffer};
use kql_data::{Column, Fault, Type, Value};

/// The rows of a long, datetime or timespan column.
pub fn longs(column: &Column) -> Result<Primitives<'_, i64>, Fault> {
    match column {
        Column::Long(it) | Column::Datetime(it) | Column::Timespan(it) => Ok(Primitives::of(it)),
        Column::Constant { value, .. } => Ok(Primitives::Constant(match value {
            Value::Long(it) | Value::Datetime(it) | Value::Timespan(it) => Some(*it),
            Value::Int(it) => Some(i64::from(*it)),
            _ => None,
        })),
        _ => Err(mismatch(Type::Long, column)),
    }
}

/// The rows of an int column.
pub fn ints(column: &Column) -> Result<Primitives<'_, i32>, Fault> {
    match column {
        Column::Int(it) => Ok(Primitives::of(it)),
        Column::Constant { value: Value::Int(it), .. } => Ok(Primitives::Constant(Some(*it))),
        Column::Constant { .. } => Ok(Primitives::Constant(None)),
        _ => Err(mismatch(Type::Int, column)),
    }
}

/// The rows of a real column.
pub fn reals(column: &Column) -> Result<Primitives<'_, f64>, Fault> {
    match column {
        Column::Real(it) => Ok(Primitives::of(it)),
        Column::Constant { value, .. } => Ok(Primitives::Constant(match value {
            Value::Real(it) => Some(*it),
            Value::Long(it) => Some(*it as f64),
            _ => None,
        })),
        _ => Err(mismatch(Type::Real, column)),
    }
}

fn mismatch(wanted: Type, column: &Column) -> Fault {
    Fault::new(format!("a {} column where a {wanted} is needed", column.ty()))
}

/// Argument number `index` of a kernel.
pub fn arg(args: &[Column], index: usize) -> Result<&Column, Fault> {
    args.get(index).ok_or_else(|| Fault::new("an argument is missing"))
}

/// The bit of each value.
pub fn bits<T: Copy>(values: &[T], test: impl Fn(T) -> bool) -> BooleanBuffer {
    let mut words = Vec::with_capacity(values.len().div_ceil(64));
    for chunk in values.chunks(64) {
        let mut word = 0_u64;
        for (bit, it) in chunk.iter().enumerate() {
            word |= u64::from(test(*it)) << bit;
        }
        words.push(word.to_le());
    }
    BooleanBuffer::new(Buffer::from_vec(words), 0, values.len())
}

/// The bit of each code in a table by code.
pub fn bits_of_codes(codes: &[u32], table: &BooleanBuffer) -> BooleanBuffer {
    if table.len() <= 64 {
        let word = table.set_indices().fold(0, |word, it| word | 1_u64 << it);
        return BooleanBuffer::new(Buffer::from_vec(kernel::bits_of_codes(codes, word)), 0, codes.len());
    }
    let table: Vec<bool> = table.iter().collect();
    bits(codes, |code| table.get(code as usize).copied().unwrap_or(false))
}

/// The bit of each pair of values; the shorter slice decides.
pub fn bits_of_pairs<T: Copy, U: Copy>(a: &[T], b: &[U], test: impl Fn(T, U) -> bool) -> BooleanBuffer {
    let len = a.len().min(b.len());
    let mut words = Vec::with_capacity(len.div_ceil(64));
    for (a, b) in a.chunks(64).zip(b.chunks(64)) {
        let mut word = 0_u64;
        for (bit, (a, b)) in a.iter().zip(b).enumerate() {
            word |= u64::from(test(*a, *b)) << bit;
        }
        words.push(word.to_le());
    }
    BooleanBuffer::new(Buffer::from_vec(words), 0, len)
}

/// The bit of each row.
pub fn bits_of_rows(n_rows: usize, mut test: impl FnMut(usize) -> bool) -> BooleanBuffer {
    BooleanBuffer::collect_bool(n_rows, &mut test)
}

/// A bool column without nulls.
pub fn bools(values: BooleanBuffer) -> Column {
    Column::Bool(BooleanArray::new(values, None))
}

/// A bool column from one answer a row.
pub fn bool_rows(n_rows: usize, mut test: impl FnMut(usize) -> Option<bool>) -> Column {
    Column::Bool((0..n_rows).map(&mut test).collect())
}

/// Which rows have a value: `None` for all.
pub type Valid = Option<BooleanBuffer>;

/// Which rows of a primitive column have a value.
pub fn valid<T: ArrowNativeType>(rows: &Primitives<'_, T>, n_rows: usize) -> Valid {
    match rows {
        Primitives::Plain(_) | Primitives::Constant(Some(_)) => None,
        Primitives::Constant(None) => Some(BooleanBuffer::new_unset(n_rows)),
        Primitives::Nullable(_, nulls) => Some(nulls.inner().clone()),
    }
}

/// Rows that have a value on both sides.
pub fn both(a: Valid, b: Valid) -> Valid {
    match (a, b) {
        (None, it) | (it, None) => it,
        (Some(a), Some(b)) => Some(&a & &b),
    }
}

fn slice<'a, T: ArrowNativeType>(rows: &Primitives<'a, T>) -> Option<&'a [T]> {
    match rows {
        Primitives::Constant(_) => None,
        Primitives::Plain(it) | Primitives::Nullable(it, _) => Some(it),
    }
}

fn constant<T: ArrowNativeType>(rows: &Primitives<'_, T>) -> T {
    if let Primitives::Constant(Some(it)) = rows { *it } else { T::default() }
}

/// A test over two columns. Where a side is null the bit means nothing.
pub fn test<T: ArrowNativeType, U: ArrowNativeType>(
    a: &Primitives<'_, T>,
    b: &Primitives<'_, U>,
    n_rows: usize,
    test: impl Fn(T, U) -> bool,
) -> BooleanBuffer {
    let (x, y) = (constant(a), constant(b));
    match (slice(a), slice(b)) {
        (Some(a), Some(b)) => bits_of_pairs(a, b, test),
        (Some(a), None) => bits(a, |a| test(a, y)),
        (None, Some(b)) => bits(b, |b| test(x, b)),
        (None, None) if test(x, y) => BooleanBuffer::new_set(n_rows),
        (None, None) => BooleanBuffer::new_unset(n_rows),
    }
}

/// A total function of two columns; null where a side is.
pub fn map<T, U, P>(
    a: &Primitives<'_, T>,
    b: &Primitives<'_, U>,
    n_rows: usize,
    map: impl Fn(T, U) -> P::Native,
) -> PrimitiveArray<P>
where
    T: ArrowNativeType,
    U: ArrowNativeType,
    P: ArrowPrimitiveType,
{
    let (x, y) = (constant(a), constant(b));
    let values: Vec<P::Native> = match (slice(a), slice(b)) {
        (Some(a), Some(b)) => a.iter().zip(b).map(|(a, b)| map(*a, *b)).collect(),
        (Some(a), None) => a.iter().map(|a| map(*a, y)).collect(),
        (None, Some(b)) => b.iter().map(|b| map(x, *b)).collect(),
        (None, None) => vec![map(x, y); n_rows],
    };
    PrimitiveArray::new(ScalarBuffer::from(values), both(valid(a, n_rows), valid(b, n_rows)).map(NullBuffer::new))
}

/// A function of two columns that may give null; null where a side is.
pub fn try_map<T, U, P>(
    a: &Primitives<'_, T>,
    b: &Primitives<'_, U>,
    n_rows: usize,
    map: impl Fn(T, U) -> Option<P::Native>,
) -> PrimitiveArray<P>
where
    T: ArrowNativeType,
    U: ArrowNativeType,
    P: ArrowPrimitiveType,
{
    let one = |row: usize| map(a.get(row)?, b.get(row)?);
    (0..n_rows).map(one).collect()
}
