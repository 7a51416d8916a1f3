//! Equality of rows as keys: nulls are equal, NaN equals NaN, -0.0 equals 0.0, a string is its text in any encoding.

use ahash::RandomState;
use arrow_array::Array;
use kql_data::{Column, StringReader, Type, Value, text_hash::TextHasher};
use std::{borrow::Cow, hash::Hash, sync::Arc};

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
            let (values, hasher) = (it.dictionary.values(), TextHasher::of_process());
            let by_code: Vec<u64> = (0..values.len()).map(|code| hasher.hash(values.value(code).as_bytes())).collect();
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
            let hasher = TextHasher::of_process();
            // Known without looking at the encoding of each row.
            match reader {
                StringReader::Plain(it) => each(&|row| hasher.hash(it.value(row).as_bytes())),
                _ => each(&|row| hasher.hash(reader.get(row).as_bytes())),
            }
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
            TextHasher::of_process().hash(column.string_reader().get(row).as_bytes())
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
        Value::String(it) => TextHasher::of_process().hash(it.as_bytes()),
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
    /// Codes of a [`Coder`] with that much room.
    Coder(usize),
    /// Numbers of steps.
    Steps(Steps),
    /// The bits of the value.
    Bits,
    /// One text for all rows.
    Text(Arc<str>),
}

/// Rows as numbers: equal numbers are equal rows.
#[derive(Debug)]
pub(crate) enum Codes<'a> {
    /// Below the count, which is small.
    Dense(Cow<'a, [u32]>, usize),
    /// In 64 bits.
    Packed(Vec<u64>),
    /// In 128 bits.
    Wide(Vec<u128>),
}

/// Sizes up to which codes are looked up in an array.
const DENSE_MAX: usize = 1 << 16;

/// A column whose cells are numbers below a size, or bits.
enum Cells<'a> {
    Small(Cow<'a, [u32]>, usize),
    Bits(&'a Column, u32),
}

impl Cells<'_> {
    fn width(&self) -> u32 {
        match self {
            Cells::Small(_, size) => usize::BITS - size.saturating_sub(1).leading_zeros(),
            Cells::Bits(_, width) => *width,
        }
    }

    /// The number of each row.
    fn each(&self, mut put: impl FnMut(usize, u128)) {
        match self {
            Cells::Small(codes, _) => codes.iter().enumerate().for_each(|(row, it)| put(row, u128::from(*it))),
            // One more than the bits; 0 for null.
            Cells::Bits(column, _) => with_bits!(column, row, bits => {
                (0..column.len()).for_each(|row| put(row, bits(row).map_or(0, |it| u128::from(it) + 1)));
            }),
        }
    }
}

/// Packs the keys of each row into one number. `None` when a column has no codes, or they are too many bits. `coders` has
/// one for each column, or none.
pub(crate) fn pack<'a>(
    columns: &'a [Column],
    n_rows: usize,
    coders: &mut [Coder],
) -> Option<(Vec<Signature>, Codes<'a>)> {
    let mut signatures = Vec::with_capacity(columns.len());
    let mut cells = Vec::with_capacity(columns.len());
    let mut coders = coders.iter_mut();
    for column in columns {
        let coder = coders.next();
        let (signature, it) = match column {
            Column::Dictionary(it) => {
                let codes = Cells::Small(Cow::Borrowed(&it.codes), it.dictionary.len());
                (Signature::Dictionary(it.dictionary.id()), codes)
            }
            // No number at all.
            Column::Constant { value: Value::String(it), .. } => {
                signatures.push(Signature::Text(it.clone()));
                continue;
            }
            it if !has_fixed_width(it) => return None,
            it => match coder.and_then(|coder| Some((coder.codes(it)?, coder))) {
                Some((codes, coder)) => (coder.signature(), Cells::Small(codes.into(), coder.size())),
                None => (
                    Signature::Bits,
                    match it.ty() {
                        Type::Bool => Cells::Bits(it, 2),
                        Type::Int => Cells::Bits(it, 33),
                        _ => Cells::Bits(it, 65),
                    },
                ),
            },
        };
        signatures.push(signature);
        cells.push(it);
    }
    let size = |it: &Cells<'_>| match it {
        Cells::Small(_, size) => Some(*size),
        Cells::Bits(_, width) => (*width == 2).then_some(3),
    };
    let n_combinations =
        cells.iter().try_fold(1_usize, |all, it| all.checked_mul(size(it)?).filter(|it| *it <= DENSE_MAX));
    let codes = match (n_combinations, cells.iter().map(Cells::width).sum::<u32>()) {
        (Some(n_combinations), _) => Codes::Dense(dense(cells, n_rows), n_combinations),
        (_, 0..=64) => Codes::Packed(packed(&cells, n_rows, |all: u64, width, code| {
            all.checked_shl(width).unwrap_or(0) | code as u64
        })),
        (_, 65..=128) => {
            Codes::Wide(packed(&cells, n_rows, |all: u128, width, code| all.checked_shl(width).unwrap_or(0) | code))
        }
        _ => return None,
    };
    Some((signatures, codes))
}

fn packed<N: Clone + Copy + Default>(cells: &[Cells<'_>], n_rows: usize, append: impl Fn(N, u32, u128) -> N) -> Vec<N> {
    let mut codes = vec![N::default(); n_rows];
    for it in cells {
        let width = it.width();
        it.each(|row, code| {
            if let Some(it) = codes.get_mut(row) {
                *it = append(*it, width, code);
            }
        });
    }
    codes
}

fn dense(cells: Vec<Cells<'_>>, n_rows: usize) -> Cow<'_, [u32]> {
    let is_one = cells.len() == 1;
    let mut cells = cells.into_iter();
    let mut codes = match cells.next() {
        None => vec![0; n_rows],
        Some(Cells::Small(it, _)) if is_one => return it,
        Some(Cells::Small(it, _)) => it.into_owned(),
        Some(first) => {
            let mut codes = vec![0; n_rows];
            first.each(|row, code| codes.get_mut(row).into_iter().for_each(|it| *it = code as u32));
            codes
        }
    };
    for it in cells {
        match &it {
            Cells::Small(more, size) => {
                let size = *size as u32;
                codes.iter_mut().zip(more.iter()).for_each(|(out, code)| *out = *out * size + code);
            }
            Cells::Bits(..) => it.each(|row, code| {
                if let Some(out) = codes.get_mut(row) {
                    *out = *out * 3 + code as u32;
                }
            }),
        }
    }
    codes.into()
}

/// Numbers for the few different values that a column of whole numbers or times may have: hours, ports, codes.
#[derive(Debug)]
pub(crate) struct Coder {
    /// Values and their codes from 1 on; code 0 is no value. A power of two, at most a quarter of them used.
    slots: Vec<(i64, u32)>,
    n_codes: u32,
    /// Codes for which there is room, null's among them; 0 when there are too many values.
    size: usize,
    /// While all values were so many equal steps from the first: times that were cut down are.
    steps: StepsKnown,
}

/// Whether values are equal steps from one.
#[derive(Debug)]
enum StepsKnown {
    Unseen,
    Are(Steps),
    AreNot,
}

/// Values at equal distances: each has the number of its step, from 1 on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Steps {
    from: i64,
    /// The distance: an odd number, by its inverse, and a power of two.
    inverse: u64,
    shift: u32,
}

/// Steps that have codes.
const STEPS: usize = CODES_FIRST - 1;

impl Steps {
    /// Such that those values are within, if they are few steps apart. Looks at so many of them as tell the distance.
    fn of(values: &[i64]) -> Option<Steps> {
        let first = *values.first()?;
        let (low, high) = values.iter().fold((first, first), |(low, high), it| (low.min(*it), high.max(*it)));
        let range = u64::try_from(high.checked_sub(low)?).ok()?;
        let distance = values.iter().take(CODES_FIRST).fold(range, |all, it| divisor(all, it.abs_diff(low)));
        let n_values = usize::try_from(range.checked_div(distance)?).ok()?.checked_add(1)?;
        // Later values want room, on both sides.
        let room = STEPS.checked_sub(n_values).filter(|it| *it > STEPS / 8)?;
        let below = u64::try_from(room / 2).ok()?.checked_mul(distance)?;
        let shift = distance.trailing_zeros();
        let odd = distance.checked_shr(shift)?;
        // Each round doubles the bits that are right, of which an odd number itself has three.
        let inverse = (0..5).fold(odd, |it, _| it.wrapping_mul(2_u64.wrapping_sub(odd.wrapping_mul(it))));
        Some(Steps { from: low.checked_sub_unsigned(below)?, inverse, shift })
    }

    /// The number of a value's step, from 1 on; larger than there are for a value that is no step.
    #[inline]
    fn code(&self, value: i64) -> u64 {
        // A distance that divides the difference exactly leaves a small number, any other a large one.
        let difference = value.wrapping_sub(self.from) as u64;
        difference.wrapping_mul(self.inverse).rotate_right(self.shift).wrapping_add(1)
    }

    /// The code of each row, 0 for null; `None` when a value is no step.
    fn codes(&self, values: &[i64], nulls: Option<&arrow_buffer::NullBuffer>) -> Option<Vec<u32>> {
        let n_steps = STEPS as u64;
        if let Some(nulls) = nulls {
            let one = |(row, value): (usize, &i64)| match nulls.is_null(row) {
                true => Some(0),
                false => Some(self.code(*value)).filter(|it| (1..=n_steps).contains(it)).map(|it| it as u32),
            };
            return values.iter().enumerate().map(one).collect();
        }
        let mut is_outside = false;
        let codes = values.iter().map(|value| {
            let code = self.code(*value);
            is_outside |= code.wrapping_sub(1) >= n_steps;
            code as u32
        });
        let codes = codes.collect();
        (!is_outside).then_some(codes)
    }
}

/// The greatest number that divides both.
fn divisor(a: u64, b: u64) -> u64 {
    let (mut a, mut b) = (a, b);
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

/// Codes for which there is room at first.
const CODES_FIRST: usize = 1 << 10;
/// Codes at most.
const CODES_MAX: usize = 1 << 14;

impl Default for Coder {
    fn default() -> Coder {
        Coder { slots: Vec::new(), n_codes: 1, size: CODES_FIRST, steps: StepsKnown::Unseen }
    }
}

impl Coder {
    fn size(&self) -> usize {
        if let StepsKnown::Are(_) = &self.steps { STEPS + 1 } else { self.size }
    }

    fn signature(&self) -> Signature {
        if let StepsKnown::Are(it) = &self.steps { Signature::Steps(*it) } else { Signature::Coder(self.size) }
    }

    /// Bytes held.
    pub(crate) fn bytes(&self) -> usize {
        self.slots.len() * size_of::<(i64, u32)>()
    }

    /// The code of each row, 0 for null; `None` when there are too many values, and for columns of other types.
    fn codes(&mut self, column: &Column) -> Option<Vec<u32>> {
        let (Column::Long(values) | Column::Datetime(values) | Column::Timespan(values)) = column else { return None };
        if self.size == 0 {
            return None;
        }
        let nulls = values.nulls().filter(|it| it.null_count() > 0);
        if let StepsKnown::Unseen = self.steps
            && nulls.is_none()
        {
            self.steps = Steps::of(values.values()).map_or(StepsKnown::AreNot, StepsKnown::Are);
        }
        if let StepsKnown::Are(steps) = &self.steps {
            if let Some(codes) = steps.codes(values.values(), nulls) {
                return Some(codes);
            }
            self.steps = StepsKnown::AreNot;
        }
        let mut codes = Vec::with_capacity(values.len());
        // Neighbours are often equal.
        let mut last = (0, self.code(0)?);
        for (row, value) in values.values().iter().enumerate() {
            if nulls.is_some_and(|it| it.is_null(row)) {
                codes.push(0);
                continue;
            }
            if last.0 != *value {
                last = (*value, self.code(*value)?);
            }
            codes.push(last.1);
        }
        Some(codes)
    }

    #[inline]
    fn code(&mut self, value: i64) -> Option<u32> {
        let mask = self.slots.len().wrapping_sub(1);
        let mut at = spread(value) & mask;
        while let Some((known, code)) = self.slots.get(at) {
            if *known == value && *code > 0 {
                return Some(*code);
            }
            if *code == 0 {
                break;
            }
            at = (at + 1) & mask;
        }
        self.add(value)
    }

    #[cold]
    fn add(&mut self, value: i64) -> Option<u32> {
        if self.n_codes as usize >= self.size {
            self.size = if self.size >= CODES_MAX { 0 } else { self.size * 4 };
        }
        if self.size == 0 {
            self.slots = Vec::new();
            return None;
        }
        if self.slots.len() < self.size * 4 {
            let before = std::mem::replace(&mut self.slots, vec![(0, 0); self.size * 4]);
            before.into_iter().filter(|it| it.1 > 0).for_each(|it| self.put(it));
        }
        let code = self.n_codes;
        self.n_codes += 1;
        self.put((value, code));
        Some(code)
    }

    fn put(&mut self, slot: (i64, u32)) {
        let mask = self.slots.len().wrapping_sub(1);
        let mut at = spread(slot.0) & mask;
        while self.slots.get(at).is_some_and(|it| it.1 > 0) {
            at = (at + 1) & mask;
        }
        if let Some(it) = self.slots.get_mut(at) {
            *it = slot;
        }
    }
}

fn spread(value: i64) -> usize {
    ((value as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_at_equal_distances_have_the_numbers_of_their_steps() {
        const HOUR: i64 = 36_000_000_000;
        for (distance, base) in
            [(1, 5), (HOUR, 638_000_000 * 10_000_000), (HOUR, -7 * HOUR), (96, i64::MIN), (7, i64::MAX - 7 * 800)]
        {
            let values: Vec<i64> = (0..800).map(|it| base + it * 31 % 800 * distance).collect();
            let steps = Steps::of(&values);
            // There must be room on both sides.
            let Some(steps) = steps else {
                assert!(base == i64::MIN, "{distance} {base}");
                continue;
            };
            let codes = steps.codes(&values, None).unwrap();
            for (value, code) in values.iter().zip(&codes) {
                assert_eq!(i64::from(*code) - i64::from(codes[0]), (value - values[0]) / distance);
            }
            let is_step = |value: i64| steps.codes(&[value], None).is_some();
            assert!(is_step(values[0]) && (distance == 1 || !is_step(values[0] + 1)));
            assert!(!is_step(base.wrapping_add(distance * 1_000_000)) && !is_step(i64::MIN + 5));
        }
        assert!(Steps::of(&[3, 3]).is_none() && Steps::of(&[]).is_none() && Steps::of(&[i64::MIN, i64::MAX]).is_none());
        // Groups stay the same when later values are no steps.
        let mut coder = Coder::default();
        let first = Column::Long(vec![Some(10), Some(30), Some(20)].into());
        assert_eq!(coder.codes(&first).map(|it| it[2] + 1 == it[1] && it[0] + 1 == it[2]), Some(true));
        assert!(matches!(coder.signature(), Signature::Steps(_)));
        assert_eq!(coder.codes(&Column::Long(vec![Some(40), None].into())).map(|it| it[1]), Some(0));
        assert!(coder.codes(&Column::longs(vec![35])).is_some());
        assert!(matches!(coder.signature(), Signature::Coder(_)));
    }

    #[test]
    fn codes_of_values_are_one_to_one_until_there_are_too_many() {
        let mut coder = Coder::default();
        let mut known = std::collections::HashMap::new();
        for n_values in [1, 5, 900, 1_100, 5_000] {
            let values: Vec<Option<i64>> =
                (0..20_000_i64).map(|it| (it % 7 > 0).then(|| (it * 31 % n_values - 3) * 36_000_000_000)).collect();
            let codes = coder.codes(&Column::Long(values.clone().into())).unwrap();
            for (value, code) in values.iter().zip(codes) {
                assert_eq!(*known.entry(*value).or_insert(code), code);
                assert_eq!(value.is_none(), code == 0);
                assert!((code as usize) < coder.size());
            }
        }
        let distinct: std::collections::HashSet<&u32> = known.values().collect();
        assert_eq!(distinct.len(), known.len());
        assert!(coder.codes(&Column::longs((0..20_000).collect())).is_none());
        assert!(coder.codes(&Column::longs(vec![1])).is_none());
        assert!(Coder::default().codes(&Column::strings(["x"])).is_none());
    }
}
