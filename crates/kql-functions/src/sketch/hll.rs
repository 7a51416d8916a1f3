//! Distinct counts: exact by 64-bit hashes while there are few, then HyperLogLog with Ertl's estimator.
//!
//! O. Ertl, "New cardinality estimation algorithms for HyperLogLog sketches", 2017, section 4.

use arrow_array::Array;
use kql_data::{Column, Dynamic, Value};
use std::{
    hash::{BuildHasherDefault, Hasher},
    sync::Arc,
};

/// First number of a sketch written as a dynamic.
const FORMAT: i64 = 1_024;

/// Bits of the register index for an accuracy from 0 to 4; the default is 1.
pub fn bits_of_accuracy(accuracy: Option<i64>) -> u8 {
    match accuracy.unwrap_or(1) {
        ..=0 => 12,
        1 => 14,
        2 => 16,
        3 => 17,
        4.. => 18,
    }
}

/// Spreads numbers that are hashes already, or pairs of small numbers, by one multiplication.
#[derive(Clone, Copy, Debug, Default)]
pub struct Spread(u64);

impl Hasher for Spread {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|it| self.write_u64(u64::from(*it)));
    }
    fn write_u64(&mut self, it: u64) {
        let spread = (self.0 ^ it).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        self.0 = spread ^ (spread >> 32);
    }
}

/// A set of such numbers.
pub type Hashes = std::collections::HashSet<u64, BuildHasherDefault<Spread>>;

/// A sketch of a set.
#[derive(Clone, Debug)]
pub enum Hll {
    /// The hashes of all elements.
    Exact(u8, Hashes),
    /// One register for each index of so many bits: the largest rank seen.
    Dense(u8, Box<[u8]>),
}

impl Hll {
    /// Without elements.
    pub fn new(bits: u8) -> Hll {
        Hll::Exact(bits.clamp(4, 18), Hashes::default())
    }

    fn bits(&self) -> u8 {
        match self {
            Hll::Exact(bits, _) | Hll::Dense(bits, _) => *bits,
        }
    }

    /// Whether nothing was added.
    pub fn is_empty(&self) -> bool {
        matches!(self, Hll::Exact(_, hashes) if hashes.is_empty())
    }

    /// Adds an element by its hash.
    pub fn insert(&mut self, hash: u64) {
        match self {
            Hll::Exact(bits, hashes) => {
                _ = hashes.insert(hash);
                if hashes.len() > 1 << (*bits - 2) {
                    let dense = dense(*bits, hashes);
                    *self = Hll::Dense(*bits, dense);
                }
            }
            Hll::Dense(bits, registers) => set_register(*bits, registers, hash),
        }
    }

    /// Adds an element by its hash. Gives the bytes that it grew by, which are negative where hashes became registers.
    #[inline]
    pub fn insert_sized(&mut self, hash: u64) -> isize {
        if let Hll::Dense(bits, registers) = self {
            set_register(*bits, registers, hash);
            return 0;
        }
        let before = self.bytes() as isize;
        self.insert(hash);
        self.bytes() as isize - before
    }

    /// Adds the elements of another sketch. Of two accuracies the lower stays.
    pub fn merge(&mut self, other: &Hll) {
        if self.is_empty() {
            *self = other.clone();
            return;
        }
        let bits = self.bits().min(other.bits());
        self.fold(bits);
        match other {
            Hll::Exact(_, hashes) => hashes.iter().for_each(|it| self.insert(*it)),
            Hll::Dense(..) => {
                let mut other = other.clone();
                other.fold(bits);
                if let Hll::Exact(_, hashes) = self {
                    let dense = dense(bits, hashes);
                    *self = Hll::Dense(bits, dense);
                }
                if let (Hll::Dense(_, mine), Hll::Dense(_, theirs)) = (self, &other) {
                    mine.iter_mut().zip(theirs.iter()).for_each(|(a, b)| *a = (*a).max(*b));
                }
            }
        }
    }

    /// Lowers the accuracy to so many bits.
    fn fold(&mut self, to: u8) {
        match self {
            Hll::Exact(bits, _) => *bits = to,
            Hll::Dense(bits, registers) if *bits > to => {
                let by = *bits - to;
                let mut folded = vec![0_u8; 1 << to].into_boxed_slice();
                for (index, rank) in registers.iter().enumerate().filter(|(_, rank)| **rank > 0) {
                    // The bits that leave the index now lead the rest of the hash.
                    let low = index & ((1 << by) - 1);
                    let rank = if low == 0 { rank + by } else { by - low.ilog2() as u8 };
                    if let Some(register) = folded.get_mut(index >> by) {
                        *register = (*register).max(rank);
                    }
                }
                *self = Hll::Dense(to, folded);
            }
            Hll::Dense(..) => {}
        }
    }

    /// About how many different elements were added.
    pub fn count(&self) -> i64 {
        match self {
            Hll::Exact(_, hashes) => hashes.len() as i64,
            Hll::Dense(bits, registers) => estimate(*bits, registers).round() as i64,
        }
    }

    /// Rough bytes held.
    pub fn bytes(&self) -> usize {
        match self {
            Hll::Exact(_, hashes) => hashes.capacity() * 9,
            Hll::Dense(_, registers) => registers.len(),
        }
    }

    /// As `hll` gives it: `[[format, bits], [hashes], registers]`. Hashes are text, registers one character each.
    pub fn to_dynamic(&self) -> Dynamic {
        let head = Dynamic::array(vec![Dynamic::Long(FORMAT), Dynamic::Long(i64::from(self.bits()))]);
        let (hashes, registers) = match self {
            Hll::Exact(_, hashes) => {
                let mut hashes: Vec<i64> = hashes.iter().map(|it| *it as i64).collect();
                hashes.sort_unstable();
                (hashes.into_iter().map(|it| Dynamic::string(it.to_string())).collect(), Dynamic::array(Vec::new()))
            }
            Hll::Dense(_, registers) => {
                let text: String = registers.iter().map(|it| char::from(b'0' + (*it).min(64))).collect();
                (Vec::new(), Dynamic::String(Arc::from(text)))
            }
        };
        Dynamic::array(vec![head, Dynamic::array(hashes), registers])
    }

    /// What [`to_dynamic`](Hll::to_dynamic) gave; `None` for anything else.
    pub fn from_dynamic(value: &Dynamic) -> Option<Hll> {
        let [head, hashes, registers] = value.as_array()? else { return None };
        let [Dynamic::Long(FORMAT), Dynamic::Long(bits)] = head.as_array()? else { return None };
        let bits = u8::try_from(*bits).ok().filter(|it| (4..=18).contains(it))?;
        if let Dynamic::String(text) = registers {
            let registers: Option<Vec<u8>> = text.bytes().map(|it| it.checked_sub(b'0')).collect();
            let registers = registers.filter(|it| it.len() == 1 << bits && it.iter().all(|it| *it <= 64 - bits + 1))?;
            return Some(Hll::Dense(bits, registers.into()));
        }
        let hashes: Option<Hashes> =
            hashes.as_array()?.iter().map(|it| it.as_str()?.parse::<i64>().ok().map(|it| it as u64)).collect();
        let mut res = Hll::new(bits);
        hashes?.into_iter().for_each(|it| res.insert(it));
        Some(res)
    }
}

fn dense(bits: u8, hashes: &Hashes) -> Box<[u8]> {
    let mut registers = vec![0_u8; 1 << bits].into_boxed_slice();
    hashes.iter().for_each(|it| set_register(bits, &mut registers, *it));
    registers
}

#[inline]
fn set_register(bits: u8, registers: &mut [u8], hash: u64) {
    let index = (hash >> (64 - bits)) as usize;
    // The bit set below bounds the rank at 64 - bits + 1.
    let rank = ((hash << bits) | (1 << (bits - 1))).leading_zeros() as u8 + 1;
    if let Some(register) = registers.get_mut(index) {
        *register = (*register).max(rank);
    }
}

fn estimate(bits: u8, registers: &[u8]) -> f64 {
    let n_registers = registers.len() as f64;
    let ranks_max = usize::from(64 - bits);
    let mut histogram = vec![0_u32; ranks_max + 2];
    for it in registers {
        if let Some(n) = histogram.get_mut(usize::from(*it)) {
            *n += 1;
        }
    }
    let of = |rank: usize| f64::from(histogram.get(rank).copied().unwrap_or(0));
    let mut z = n_registers * tau(1.0 - of(ranks_max + 1) / n_registers);
    for rank in (1..=ranks_max).rev() {
        z = 0.5 * (z + of(rank));
    }
    z += n_registers * sigma(of(0) / n_registers);
    n_registers * n_registers / (2.0 * std::f64::consts::LN_2 * z)
}

fn sigma(mut x: f64) -> f64 {
    if x >= 1.0 {
        return f64::INFINITY;
    }
    let (mut y, mut z) = (1.0, x);
    loop {
        x *= x;
        let before = z;
        z += x * y;
        y += y;
        if z == before {
            return z;
        }
    }
}

fn tau(mut x: f64) -> f64 {
    if x <= 0.0 || x >= 1.0 {
        return 0.0;
    }
    let (mut y, mut z) = (1.0, 1.0 - x);
    loop {
        x = x.sqrt();
        let before = z;
        y *= 0.5;
        z -= (1.0 - x) * (1.0 - x) * y;
        if z == before {
            return z / 3.0;
        }
    }
}

const KEYS: [u64; 3] = [0x9E37_79B9_7F4A_7C15, 0xE703_7ED1_A0B4_28DB, 0x8EBC_6AF0_9C88_C6E3];

fn mix(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    product as u64 ^ (product >> 64) as u64
}

/// The hash of a whole number; two numbers never share one.
pub fn hash_long(value: i64) -> u64 {
    let mut z = (value as u64).wrapping_add(KEYS[0]);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// The hash of a text, the same in every run.
#[inline]
pub fn hash_text(text: &str) -> u64 {
    let mut hash = KEYS[2];
    let (pairs, rest) = text.as_bytes().as_chunks::<16>();
    for pair in pairs {
        let pair = u128::from_le_bytes(*pair);
        hash = mix(pair as u64 ^ KEYS[0] ^ hash, (pair >> 64) as u64 ^ KEYS[1]);
    }
    if !rest.is_empty() {
        let (a, b) = match (rest.first_chunk::<8>(), rest.last_chunk::<8>()) {
            // The last eight bytes begin in the first word: what both have is shifted out.
            (Some(a), Some(b)) if rest.len() > 8 => {
                (u64::from_le_bytes(*a), u64::from_le_bytes(*b) >> (8 * (16 - rest.len())))
            }
            (Some(a), _) => (u64::from_le_bytes(*a), 0),
            _ => (short_word(rest), 0),
        };
        hash = mix(a ^ KEYS[0] ^ hash, b ^ KEYS[1]);
    }
    mix(hash ^ text.len() as u64, KEYS[1])
}

/// Fewer than eight bytes as a number.
#[inline]
fn short_word(bytes: &[u8]) -> u64 {
    match (bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
        // What both have is the same bits twice.
        (Some(a), Some(b)) => {
            u64::from(u32::from_le_bytes(*a)) | u64::from(u32::from_le_bytes(*b)) << (8 * (bytes.len() - 4))
        }
        _ => bytes.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte)),
    }
}

/// The hash of a float; equal floats share it, and all NaNs.
pub fn hash_real(value: f64) -> u64 {
    let bits = if value.is_nan() { f64::NAN.to_bits() } else { (value + 0.0).to_bits() };
    hash_long(bits as i64 ^ 0x5555)
}

/// The hash of a value; `None` for null. In a dynamic, numbers that are equal share it.
pub fn hash_value(value: &Value) -> Option<u64> {
    Some(match value {
        Value::Null | Value::Dynamic(Dynamic::Null) => return None,
        Value::Bool(it) => hash_long(i64::from(*it)),
        Value::Int(it) => hash_long(i64::from(*it)),
        Value::Long(it) | Value::Datetime(it) | Value::Timespan(it) => hash_long(*it),
        Value::Real(it) => hash_real(*it),
        Value::Decimal(it) => hash_text(&it.inner().normalized().to_string()),
        Value::String(it) => hash_text(it),
        Value::Guid(it) => mix(*it as u64 ^ KEYS[0], (*it >> 64) as u64 ^ KEYS[1]),
        Value::Dynamic(Dynamic::Real(it)) if it.fract() == 0.0 && it.abs() < 9e15 => hash_long(*it as i64),
        Value::Dynamic(Dynamic::Array(_) | Dynamic::Bag(_)) => hash_text(&value.text()),
        Value::Dynamic(it) => return hash_value(&it.to_value()),
    })
}

/// Runs something for the hash of every row that is not null.
pub fn each_hash(column: &Column, mut body: impl FnMut(usize, u64)) {
    match column {
        Column::Long(it) | Column::Datetime(it) | Column::Timespan(it) => {
            let rows = it.iter().enumerate();
            rows.for_each(|(row, it)| it.into_iter().for_each(|it| body(row, hash_long(it))));
        }
        Column::Real(it) => {
            let rows = it.iter().enumerate();
            rows.for_each(|(row, it)| it.into_iter().for_each(|it| body(row, hash_real(it))));
        }
        Column::String(it) => (0..it.len()).for_each(|row| body(row, hash_text(it.value(row)))),
        other => {
            for row in 0..other.len() {
                if let Some(hash) = hash_value(&other.value(row)) {
                    body(row, hash);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sketch(bits: u8, range: std::ops::Range<i64>) -> Hll {
        let mut res = Hll::new(bits);
        range.for_each(|it| res.insert(hash_long(it)));
        res
    }

    #[test]
    fn errors_stay_within_three_sigma() {
        for (accuracy, sigma) in [(0, 0.016), (1, 0.008), (2, 0.004), (4, 0.002)] {
            let bits = bits_of_accuracy(Some(accuracy));
            for n in [100, 5_000, 20_000, 300_000] {
                let count = sketch(bits, 0..n).count();
                assert!((count - n).abs() as f64 <= 3.0 * sigma * n as f64, "{accuracy}: {count} of {n}");
            }
        }
        let texts: Hll = (0..100_000).fold(Hll::new(14), |mut it, n| {
            it.insert(hash_text(&format!("user{n}@example.com")));
            it
        });
        assert!((texts.count() - 100_000).abs() < 2_400);
    }

    #[test]
    fn merging_equals_one_pass_and_the_lower_accuracy_stays() {
        let (mut left, right) = (sketch(14, 0..30_000), sketch(14, 20_000..60_000));
        left.merge(&right);
        assert_eq!(left.count(), sketch(14, 0..60_000).count());
        let mut mixed = sketch(14, 0..30_000);
        mixed.merge(&sketch(12, 20_000..60_000));
        assert_eq!(mixed.count(), sketch(12, 0..60_000).count());
        let mut small = sketch(14, 0..10);
        small.merge(&sketch(14, 5..15));
        assert_eq!(small.count(), 15);
    }

    #[test]
    fn hashes_of_texts_stay_what_they_are() {
        // Sketches are kept between runs. The same sixteen bytes at a time, in words that end where the text does.
        let plain = |text: &str| {
            let word = |bytes: &[u8]| bytes.iter().rev().fold(0_u64, |word, byte| word << 8 | u64::from(*byte));
            let pair = |hash: u64, chunk: &[u8]| {
                let (a, b) = chunk.split_at(chunk.len().min(8));
                mix(word(a) ^ KEYS[0] ^ hash, word(b) ^ KEYS[1])
            };
            let hash = text.as_bytes().chunks(16).fold(KEYS[2], pair);
            mix(hash ^ text.len() as u64, KEYS[1])
        };
        let text: String = (0..70_u8).map(|it| char::from(b'!' + it % 90)).collect();
        for len in 0..text.len() {
            let text: String = text.chars().take(len).collect();
            assert_eq!(hash_text(&text), plain(&text), "{len}");
        }
        assert_eq!(hash_text("kql"), plain("kql"));
    }

    #[test]
    fn a_sketch_survives_as_a_dynamic() {
        for it in [sketch(14, 0..10), sketch(12, 0..50_000)] {
            assert_eq!(Hll::from_dynamic(&it.to_dynamic()).unwrap().count(), it.count());
        }
        assert!(Hll::from_dynamic(&Dynamic::array(vec![Dynamic::Long(1)])).is_none());
    }
}
