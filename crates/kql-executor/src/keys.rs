//! Equality of rows as keys: nulls are equal, NaN equals NaN, -0.0 equals 0.0, a string is its text in any encoding.

use ahash::RandomState;
use arrow_array::Array;
use kql_data::{Column, Value};
use std::{hash::Hash, sync::Arc};

/// Hash of a null cell; any number does.
const NULL: u64 = 0x5bd1_e995_9d1f_2a37;

/// A float by which equal keys are equal bits.
fn real_bits(value: f64) -> u64 {
    if value.is_nan() { f64::NAN.to_bits() } else { (value + 0.0).to_bits() }
}

/// Cells of fixed width as bits: rows that are null give `None`.
macro_rules! with_bits {
    ($column:expr, $row:ident, $bits:ident => $body:expr) => {
        match $column {
            Column::Bool(it) => {
                let $bits = |$row: usize| it.is_valid($row).then(|| u64::from(it.value($row)));
                $body
            }
            Column::Int(it) => {
                let $bits = |$row: usize| it.is_valid($row).then(|| u64::from(it.value($row) as u32));
                $body
            }
            Column::Long(it) | Column::Datetime(it) | Column::Timespan(it) => {
                let $bits = |$row: usize| it.is_valid($row).then(|| it.value($row) as u64);
                $body
            }
            Column::Real(it) => {
                let $bits = |$row: usize| it.is_valid($row).then(|| real_bits(it.value($row)));
                $body
            }
            Column::Constant { value, .. } => {
                let constant = value_bits(value);
                let $bits = |_: usize| constant;
                $body
            }
            _ => {
                let $bits = |_: usize| None::<u64>;
                $body
            }
        }
    };
}

fn value_bits(value: &Value) -> Option<u64> {
    match value {
        Value::Bool(it) => Some(u64::from(*it)),
        Value::Int(it) => Some(u64::from(*it as u32)),
        Value::Long(it) | Value::Datetime(it) | Value::Timespan(it) => Some(*it as u64),
        Value::Real(it) => Some(real_bits(*it)),
        _ => None,
    }
}

fn has_fixed_width(column: &Column) -> bool {
    match column {
        Column::Bool(_) | Column::Int(_) | Column::Long(_) | Column::Datetime(_) | Column::Timespan(_) => true,
        Column::Real(_) => true,
        Column::Constant { value, .. } => value.is_null() || value_bits(value).is_some(),
        _ => false,
    }
}

fn is_text(column: &Column) -> bool {
    matches!(column, Column::String(_) | Column::Dictionary(_) | Column::Constant { value: Value::String(_), .. })
}

fn combine(hash: u64, cell: u64) -> u64 {
    (hash.rotate_left(26) ^ cell).wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

/// One hash a row over all columns. Equal rows have equal hashes, whatever their encoding.
pub(crate) fn hash_rows(state: &RandomState, columns: &[Column], n_rows: usize) -> Vec<u64> {
    let mut hashes = vec![0; n_rows];
    for column in columns {
        if let Column::Dictionary(it) = column
            && it.dictionary.len() <= n_rows
        {
            let values = it.dictionary.values();
            let by_code: Vec<u64> = (0..values.len()).map(|code| state.hash_one(values.value(code))).collect();
            for (hash, code) in hashes.iter_mut().zip(it.codes.iter()) {
                *hash = combine(*hash, by_code.get(*code as usize).copied().unwrap_or(NULL));
            }
            continue;
        }
        let mut each = |cell: &dyn Fn(usize) -> u64| {
            for (row, hash) in hashes.iter_mut().enumerate() {
                *hash = combine(*hash, cell(row));
            }
        };
        if is_text(column) {
            let reader = column.string_reader();
            each(&|row| state.hash_one(reader.get(row)));
        } else if has_fixed_width(column) {
            with_bits!(column, row, bits => each(&|row| bits(row).map_or(NULL, |it| state.hash_one(it))));
        } else {
            each(&|row| hash_value(state, &column.value(row)));
        }
    }
    hashes
}

/// The hash of one row, as [`hash_rows`] gives it.
pub(crate) fn hash_row(state: &RandomState, columns: &[Column], row: usize) -> u64 {
    let mut hash = 0;
    for column in columns {
        let cell = if is_text(column) {
            state.hash_one(column.string_reader().get(row))
        } else if has_fixed_width(column) {
            with_bits!(column, row, bits => bits(row).map_or(NULL, |it| state.hash_one(it)))
        } else {
            hash_value(state, &column.value(row))
        };
        hash = combine(hash, cell);
    }
    hash
}

fn hash_value(state: &RandomState, value: &Value) -> u64 {
    fn of(state: &RandomState, it: impl Hash) -> u64 {
        state.hash_one(it)
    }
    match value {
        Value::Null => NULL,
        Value::Decimal(it) => of(state, it),
        Value::Guid(it) => of(state, it),
        Value::Dynamic(it) => of(state, it),
        Value::String(it) => of(state, &**it),
        other => value_bits(other).map_or(NULL, |it| of(state, it)),
    }
}

/// Whether a row of some columns equals a row of others of the same types.
pub(crate) fn same_row(left: &[Column], left_row: usize, right: &[Column], right_row: usize) -> bool {
    left.iter().zip(right).all(|(a, b)| same_cell(a, left_row, b, right_row))
}

fn same_cell(a: &Column, a_row: usize, b: &Column, b_row: usize) -> bool {
    if let (Column::Dictionary(x), Column::Dictionary(y)) = (a, b)
        && x.dictionary.id() == y.dictionary.id()
    {
        return x.codes.get(a_row) == y.codes.get(b_row);
    }
    if is_text(a) && is_text(b) {
        return a.string_reader().get(a_row) == b.string_reader().get(b_row);
    }
    if has_fixed_width(a) && has_fixed_width(b) {
        let left = with_bits!(a, row, bits => bits(a_row));
        return left == with_bits!(b, row, bits => bits(b_row));
    }
    same_value(&a.value(a_row), &b.value(b_row))
}

/// Whether two values are one key.
pub(crate) fn same_value(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Real(a), Value::Real(b)) => real_bits(*a) == real_bits(*b),
        _ => a == b,
    }
}

/// How the cells of a column became numbers. Codes of two batches can be compared when their signatures are equal.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Signature {
    /// Codes of a dictionary, by its id.
    Dictionary(u64),
    /// The bits of the value.
    Bits,
    /// One text for all rows.
    Text(Arc<str>),
}

/// Rows as numbers: equal numbers are equal rows.
#[derive(Debug)]
pub(crate) enum Codes {
    /// Below the count, which is small.
    Dense(Vec<u32>, usize),
    /// In 64 bits.
    Packed(Vec<u64>),
    /// In 128 bits.
    Wide(Vec<u128>),
}

/// Sizes up to which codes are looked up in an array.
const DENSE_MAX: usize = 1 << 16;

/// Packs the keys of each row into one number. `None` when a column has no codes, or they are too many bits.
pub(crate) fn pack(columns: &[Column], n_rows: usize) -> Option<(Vec<Signature>, Codes)> {
    let mut signatures = Vec::with_capacity(columns.len());
    let mut widths = Vec::with_capacity(columns.len());
    let mut n_combinations = Some(1_usize);
    for column in columns {
        let (signature, width, size) = match column {
            Column::Dictionary(it) => {
                let len = it.dictionary.len();
                (Signature::Dictionary(it.dictionary.id()), usize::BITS - (len - 1).leading_zeros(), Some(len))
            }
            Column::Constant { value: Value::String(it), .. } => (Signature::Text(it.clone()), 0, Some(1)),
            it if !has_fixed_width(it) => return None,
            it => match it.ty() {
                kql_data::Type::Bool => (Signature::Bits, 2, Some(3)),
                kql_data::Type::Int => (Signature::Bits, 33, None),
                _ => (Signature::Bits, 65, None),
            },
        };
        signatures.push(signature);
        widths.push(width);
        n_combinations = n_combinations.zip(size).and_then(|(a, b)| a.checked_mul(b)).filter(|it| *it <= DENSE_MAX);
    }
    let codes = match (n_combinations, widths.iter().sum::<u32>()) {
        (Some(n_combinations), _) => Codes::Dense(dense(columns, n_rows), n_combinations),
        (_, 0..=64) => {
            let mut codes = vec![0_u64; n_rows];
            for (column, width) in columns.iter().zip(widths) {
                each_code(column, |row, code| {
                    if let Some(it) = codes.get_mut(row) {
                        *it = it.checked_shl(width).unwrap_or(0) | code as u64;
                    }
                });
            }
            Codes::Packed(codes)
        }
        (_, 65..=128) => {
            let mut codes = vec![0_u128; n_rows];
            for (column, width) in columns.iter().zip(widths) {
                each_code(column, |row, code| {
                    if let Some(it) = codes.get_mut(row) {
                        *it = it.checked_shl(width).unwrap_or(0) | code;
                    }
                });
            }
            Codes::Wide(codes)
        }
        _ => return None,
    };
    Some((signatures, codes))
}

fn dense(columns: &[Column], n_rows: usize) -> Vec<u32> {
    if let [Column::Dictionary(it)] = columns {
        return it.codes.to_vec();
    }
    let mut codes = vec![0_u32; n_rows];
    for column in columns {
        match column {
            Column::Dictionary(it) => {
                let size = it.dictionary.len() as u32;
                codes.iter_mut().zip(it.codes.iter()).for_each(|(out, code)| *out = *out * size + code);
            }
            Column::Constant { value: Value::String(_), .. } => {}
            _ => each_code(column, |row, code| {
                if let Some(out) = codes.get_mut(row) {
                    *out = *out * 3 + code as u32;
                }
            }),
        }
    }
    codes
}

/// The code of each row: of a dictionary its code, else 0 for null and one more than the bits.
fn each_code(column: &Column, mut put: impl FnMut(usize, u128)) {
    match column {
        Column::Dictionary(it) => it.codes.iter().enumerate().for_each(|(row, code)| put(row, u128::from(*code))),
        Column::Constant { value: Value::String(_), .. } => {}
        other => with_bits!(other, row, bits => {
            (0..other.len()).for_each(|row| put(row, bits(row).map_or(0, |it| u128::from(it) + 1)));
        }),
    }
}
