//! Loops over bytes that run several times faster with instructions that not every processor has.
//!
//! The only module with `unsafe`: calls of what is compiled for AVX2, once the processor has said that it has it, and loads of
//! 32 bytes that lie inside their slice. Its tests run under Miri and AddressSanitizer too (`.ci/kernel`).
#![allow(unsafe_code, reason = "instructions of some processors, and loads without a look at the bounds for each")]

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::{
    __m256i, _mm256_add_epi8, _mm256_and_si256, _mm256_blendv_epi8, _mm256_cmpeq_epi8, _mm256_loadu_si256,
    _mm256_min_epu32, _mm256_movemask_epi8, _mm256_or_si256, _mm256_packus_epi16, _mm256_packus_epi32,
    _mm256_permutevar8x32_epi32, _mm256_set1_epi8, _mm256_set1_epi32, _mm256_setr_epi32, _mm256_setr_epi64x,
    _mm256_setzero_si256, _mm256_shuffle_epi8, _mm256_slli_epi16,
};

/// A byte that stands so far behind the beginning of what is searched for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Probe {
    /// How far.
    pub at: usize,
    /// The byte.
    pub byte: u8,
    /// What is set in a byte of the text before it is compared: 0x20 where the case of a letter does not matter.
    pub mask: u8,
}

/// Two bytes by which a place is found.
pub type Pair = [Probe; 2];

/// Places looked at together.
const BLOCK: usize = 64;
/// Blocks that are gone through twice.
#[cfg(target_arch = "x86_64")]
const GROUP: usize = 128;
/// Pairs that are looked for in one go.
const PAIRS_MAX: usize = 8;

/// Appends the places of `hay` from which on both probes of a pair hold, each once and in ascending order. Places from
/// which a probe would lie beyond the end are none.
pub fn places(hay: &[u8], pairs: &[Pair], out: &mut Vec<usize>) {
    if pairs.len() <= PAIRS_MAX {
        return places_of(hay, pairs, out);
    }
    let n_before = out.len();
    pairs.chunks(PAIRS_MAX).for_each(|it| places_of(hay, it, out));
    let mut found = out.split_off(n_before);
    found.sort_unstable();
    found.dedup();
    out.append(&mut found);
}

fn places_of(hay: &[u8], pairs: &[Pair], out: &mut Vec<usize>) {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") {
        // SAFETY: the processor has AVX2.
        return match *pairs {
            [] => {}
            [a] => unsafe { places_avx2(hay, [a], out) },
            [a, b] => unsafe { places_avx2(hay, [a, b], out) },
            [a, b, c] => unsafe { places_avx2(hay, [a, b, c], out) },
            [a, b, c, d] => unsafe { places_avx2(hay, [a, b, c, d], out) },
            [last, ..] => {
                let mut all = [last; PAIRS_MAX];
                all.iter_mut().zip(pairs).for_each(|(to, it)| *to = *it);
                unsafe { places_avx2(hay, all, out) }
            }
        };
    }
    places_plain(hay, pairs, out);
}

/// How far behind a place the last probe lies.
fn reach(pairs: &[Pair]) -> usize {
    pairs.iter().flatten().map(|it| it.at).max().unwrap_or(0)
}

fn push_bits(mut bits: u64, at: usize, out: &mut Vec<usize>) {
    while bits != 0 {
        out.push(at + bits.trailing_zeros() as usize);
        bits &= bits - 1;
    }
}

/// The places from `from` on, one by one.
fn rest_of(hay: &[u8], from: usize, pairs: &[Pair], out: &mut Vec<usize>) {
    let holds = |at: usize, it: &Probe| hay.get(at + it.at).is_some_and(|byte| byte | it.mask == it.byte);
    out.extend((from..hay.len()).filter(|at| pairs.iter().any(|pair| pair.iter().all(|it| holds(*at, it)))));
}

fn places_plain(hay: &[u8], pairs: &[Pair], out: &mut Vec<usize>) {
    let (mut at, reach) = (0, reach(pairs));
    while let Some(window) = hay.get(at..at + BLOCK + reach) {
        let mut found = [0; BLOCK];
        for [first, second] in pairs {
            let bytes = |it: &Probe| window.get(it.at..).and_then(|it| it.first_chunk::<BLOCK>());
            let (Some(a), Some(b)) = (bytes(first), bytes(second)) else { continue };
            for (it, (a, b)) in found.iter_mut().zip(a.iter().zip(b)) {
                *it |= u8::from(a | first.mask == first.byte) & u8::from(b | second.mask == second.byte);
            }
        }
        if found.iter().fold(0, |any, it| any | it) != 0 {
            push_bits(packed(&found), at, out);
        }
        at += BLOCK;
    }
    rest_of(hay, at, pairs, out);
}

/// Bytes that are 0 or 1 as bits, the first as the lowest.
fn packed(bytes: &[u8; BLOCK]) -> u64 {
    let (words, _) = bytes.as_chunks::<8>();
    // The multiplication moves the byte of number i to bit i of the highest byte.
    let of_word = |word: &[u8; 8]| u64::from_le_bytes(*word).wrapping_mul(0x0102_0408_1020_4080) >> 56;
    words.iter().rev().fold(0, |bits, word| bits << 8 | of_word(word))
}

/// A probe ready for 32 places at once.
#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy)]
struct Wide {
    at: usize,
    byte: __m256i,
    mask: __m256i,
}

// No closures in here: they are not always compiled for what their function is.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn places_avx2<const N: usize>(hay: &[u8], pairs: [Pair; N], out: &mut Vec<usize>) {
    let zero = _mm256_setzero_si256();
    let mut wide = [[Wide { at: 0, byte: zero, mask: zero }; 2]; N];
    for (to, pair) in wide.iter_mut().flatten().zip(pairs.iter().flatten()) {
        *to = Wide {
            at: pair.at,
            byte: _mm256_set1_epi8(pair.byte.cast_signed()),
            mask: _mm256_set1_epi8(pair.mask.cast_signed()),
        };
    }
    // Of a block's places all probes lie in `hay`.
    let n_blocks = hay.len().saturating_sub(reach(&pairs)) / BLOCK;
    let mut hits = [0; GROUP];
    let mut from = 0;
    while from < n_blocks {
        // First which blocks have a place, without a branch, and then where: few have.
        let to = n_blocks.min(from + GROUP);
        let mut n_hits = 0;
        for block in from..to {
            // SAFETY: the probes' bytes of the block lie in `hay`.
            let any = unsafe { any_in(hay.as_ptr().add(block * BLOCK), &wide) };
            if let Some(hit) = hits.get_mut(n_hits) {
                *hit = block * BLOCK;
            }
            n_hits += usize::from(any);
        }
        for at in hits.iter().take(n_hits) {
            // SAFETY: the same.
            push_bits(unsafe { bits_of(hay.as_ptr().add(*at), &wide) }, *at, out);
        }
        from = to;
    }
    rest_of(hay, n_blocks * BLOCK, &pairs, out);
}

/// Whether a pair holds at one of the places of a block.
///
/// # Safety
/// From `block` on 64 bytes and as many as the furthest probe is away can be read.
#[cfg(target_arch = "x86_64")]
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn any_in<const N: usize>(block: *const u8, pairs: &[[Wide; 2]; N]) -> bool {
    let mut any = _mm256_setzero_si256();
    for pair in pairs {
        // SAFETY: 32 places are half of the block's.
        let (low, high) = unsafe { (holds(block, pair), holds(block.add(BLOCK / 2), pair)) };
        any = _mm256_or_si256(any, _mm256_or_si256(low, high));
    }
    _mm256_movemask_epi8(any) != 0
}

/// The places of a block at which a pair holds, a bit each.
///
/// # Safety
/// As for [`any_in`].
#[cfg(target_arch = "x86_64")]
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn bits_of<const N: usize>(block: *const u8, pairs: &[[Wide; 2]; N]) -> u64 {
    let (mut low, mut high) = (_mm256_setzero_si256(), _mm256_setzero_si256());
    for pair in pairs {
        // SAFETY: 32 places are half of the block's.
        unsafe {
            low = _mm256_or_si256(low, holds(block, pair));
            high = _mm256_or_si256(high, holds(block.add(BLOCK / 2), pair));
        }
    }
    let bits = |it| u64::from(_mm256_movemask_epi8(it).cast_unsigned());
    bits(low) | bits(high) << 32
}

/// At which of 32 places both probes hold: 0xff for those.
///
/// # Safety
/// From `from` on 32 bytes and as many as the further probe is away can be read.
#[cfg(target_arch = "x86_64")]
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn holds(from: *const u8, [first, second]: &[Wide; 2]) -> __m256i {
    // SAFETY: both loads lie in what can be read.
    let (a, b) =
        unsafe { (_mm256_loadu_si256(from.add(first.at).cast()), _mm256_loadu_si256(from.add(second.at).cast())) };
    let a = _mm256_cmpeq_epi8(_mm256_or_si256(a, first.mask), first.byte);
    let b = _mm256_cmpeq_epi8(_mm256_or_si256(b, second.mask), second.byte);
    _mm256_and_si256(a, b)
}

/// The bit of each code in a table, 0 for those beyond it; 64 bits a word, the first as the lowest.
pub fn bits_of_codes(codes: &[u32], table: u64) -> Vec<u64> {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") {
        // SAFETY: the processor has AVX2.
        return unsafe { bits_of_codes_avx2(codes, table) };
    }
    codes.chunks(64).map(|it| word_of_codes(it, table)).collect()
}

fn word_of_codes(codes: &[u32], table: u64) -> u64 {
    codes.iter().rev().fold(0, |word, code| word << 1 | table.checked_shr(*code).unwrap_or(0) & 1)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn bits_of_codes_avx2(codes: &[u32], table: u64) -> Vec<u64> {
    // A byte a code, of which the highest bit tells: sixteen in each half of a register.
    let bytes = |first: u32| i64::from_le_bytes(std::array::from_fn(|at| ((table >> first >> at & 1) as u8) << 7));
    let sixteen = |first: u32| {
        let (low, high) = (bytes(first), bytes(first + 8));
        _mm256_setr_epi64x(low, high, low, high)
    };
    let quarters = [sixteen(0), sixteen(16), sixteen(32), sixteen(48)];
    let mut words = Vec::with_capacity(codes.len().div_ceil(64));
    let (chunks, rest) = codes.as_chunks::<64>();
    for chunk in chunks {
        let (halves, _) = chunk.as_chunks::<32>();
        let mut word = 0;
        for half in halves.iter().rev() {
            word = word << 32 | u64::from(bits_of_32(half, &quarters));
        }
        words.push(word);
    }
    if !rest.is_empty() {
        words.push(word_of_codes(rest, table));
    }
    words
}

/// The bits of 32 codes, by the bytes of 64 of which the highest bits tell.
#[cfg(target_arch = "x86_64")]
#[inline]
#[target_feature(enable = "avx2")]
fn bits_of_32(codes: &[u32; 32], quarters: &[__m256i; 4]) -> u32 {
    let (low, high) = (
        _mm256_packus_epi32(eight(codes, 0), eight(codes, 8)),
        _mm256_packus_epi32(eight(codes, 16), eight(codes, 24)),
    );
    // Packing goes on in each half of a register for itself.
    let order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
    let ordered = _mm256_permutevar8x32_epi32(_mm256_packus_epi16(low, high), order);
    // The first beyond the table gets the bit with which a look-up gives 0.
    let at = _mm256_add_epi8(ordered, _mm256_set1_epi8(64));
    let (is_odd, is_upper) = (_mm256_slli_epi16::<3>(at), _mm256_slli_epi16::<2>(at));
    let [first, second, third, fourth] = quarters;
    let (first, second) = (_mm256_shuffle_epi8(*first, at), _mm256_shuffle_epi8(*second, at));
    let (third, fourth) = (_mm256_shuffle_epi8(*third, at), _mm256_shuffle_epi8(*fourth, at));
    let (lower, upper) = (_mm256_blendv_epi8(first, second, is_odd), _mm256_blendv_epi8(third, fourth, is_odd));
    _mm256_movemask_epi8(_mm256_blendv_epi8(lower, upper, is_upper)).cast_unsigned()
}

/// Eight of the codes; all beyond a table of 64 are as good as the first of them.
#[cfg(target_arch = "x86_64")]
#[inline]
#[target_feature(enable = "avx2")]
fn eight(codes: &[u32; 32], from: usize) -> __m256i {
    let Some(codes) = codes.get(from..from + 8) else { return _mm256_setzero_si256() };
    // SAFETY: eight codes are the 32 bytes.
    let codes = unsafe { _mm256_loadu_si256(codes.as_ptr().cast()) };
    _mm256_min_epu32(codes, _mm256_set1_epi32(64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_are_those_of_the_codes() {
        let codes: Vec<u32> = (0..300).map(|it| if it % 50 == 7 { u32::MAX - it } else { it * 7 % 70 }).collect();
        for (table, len) in [0, 1, u64::MAX, 0x8000_0001_8000_0001, 0x1234_5678_9abc_def0]
            .into_iter()
            .flat_map(|table| [0, 1, 63, 64, 65, 128, 300].map(|len| (table, len)))
        {
            let found = bits_of_codes(&codes[..len], table);
            assert_eq!(found.len(), len.div_ceil(64));
            for at in 0..found.len() * 64 {
                let code = codes[..len].get(at).copied().unwrap_or(u32::MAX);
                let expected = u64::from(code < 64) & (table >> (code % 64));
                assert_eq!(found[at / 64] >> (at % 64) & 1, expected, "{table} {len} {at}");
            }
        }
    }

    #[test]
    fn places_are_those_of_a_plain_loop() {
        let mut dice = 7_u64;
        let n_bytes = if cfg!(miri) { 1_100 } else { 20_000 };
        let hay: Vec<u8> = (0..n_bytes)
            .map(|_| {
                dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                b"aAbB \xc3\xa9"[(dice >> 40) as usize % 7]
            })
            .collect();
        let probe = |at, byte, mask| Probe { at, byte, mask };
        let pairs = [
            [probe(0, b'a', 0x20), probe(3, b'b', 0x20)],
            [probe(5, b'A', 0), probe(0, b'b', 0)],
            [probe(1, b' ', 0), probe(1, b' ', 0)],
            [probe(70, b'a', 0), probe(2, 0xc3, 0)],
            [probe(4, b'!', 0), probe(2, b'?', 0)],
            [probe(9, 0xa9, 0), probe(8, 0xc3, 0)],
            [probe(0, b'A', 0), probe(9, b'B', 0)],
            [probe(1, b'B', 0), probe(3, 0xa9, 0)],
            [probe(0, b'b', 0), probe(2, b' ', 0)],
        ];
        let lens = (0..140).chain([200, 257, 1_100, 4_200, 8_191, 8_192 + 70, 9_000, 20_000]);
        for len in lens.filter(|it| *it <= n_bytes && (!cfg!(miri) || *it % 13 == 0 || *it > 200)) {
            // A copy of its own, so that a read beyond the end is seen.
            let hay = &*Box::<[u8]>::from(&hay[..len]);
            for (from, to) in
                [(0, 1), (1, 2), (2, 3), (3, 4), (4, 6), (0, 2), (3, 5), (0, 3), (2, 7), (1, 9), (0, 9), (0, 0)]
            {
                let pairs = &pairs[from..to];
                let holds = |at: usize| {
                    let at = |it: &Probe| hay.get(at + it.at).is_some_and(|byte| byte | it.mask == it.byte);
                    pairs.iter().any(|pair| pair.iter().all(at))
                };
                let expected: Vec<usize> = (0..len).filter(|at| holds(*at)).collect();
                let (mut found, mut plain) = (Vec::new(), Vec::new());
                places(hay, pairs, &mut found);
                places_plain(hay, pairs, &mut plain);
                assert_eq!((&found, &plain), (&expected, &expected), "{len} {pairs:?}");
            }
        }
    }
}
