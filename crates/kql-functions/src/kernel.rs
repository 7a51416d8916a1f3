//! Loops over bytes that run several times faster with instructions that not every processor has.
//!
//! The only module with `unsafe`: each such line calls a safe function that was compiled for AVX2, once the processor has
//! said that it has it. Nothing here touches a pointer.
#![allow(unsafe_code, reason = "a function compiled for instructions of some processors may not be called on others")]

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

/// Places looked at together.
const BLOCK: usize = 64;
/// Blocks that are gone through twice.
const GROUP: usize = 64;

/// Appends the places of `hay` from which on both probes hold, in ascending order. Places from which a probe would lie
/// beyond the end are none.
pub fn places(hay: &[u8], probes: [Probe; 2], out: &mut Vec<usize>) {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") {
        // SAFETY: the processor has AVX2.
        return unsafe { places_avx2(hay, probes, out) };
    }
    places_of(hay, probes, out);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn places_avx2(hay: &[u8], probes: [Probe; 2], out: &mut Vec<usize>) {
    places_of(hay, probes, out);
}

#[inline(always)]
fn places_of(hay: &[u8], [first, second]: [Probe; 2], out: &mut Vec<usize>) {
    let (Some(a), Some(b)) = (hay.get(first.at..), hay.get(second.at..)) else { return };
    let ((a_blocks, _), (b_blocks, _)) = (a.as_chunks::<BLOCK>(), b.as_chunks::<BLOCK>());
    let holds = |a: &u8, b: &u8| u8::from(a | first.mask == first.byte) & u8::from(b | second.mask == second.byte);
    let mut at = 0;
    for (a, b) in a_blocks.chunks(GROUP).zip(b_blocks.chunks(GROUP)) {
        // First which blocks have a place, without a branch, and then where: few have.
        let (mut hits, mut n_hits) = ([0; GROUP], 0);
        for (index, (a, b)) in a.iter().zip(b).enumerate() {
            let any = a.iter().zip(b).fold(0, |any, (a, b)| any | holds(a, b));
            if let Some(hit) = hits.get_mut(n_hits) {
                *hit = index;
            }
            n_hits += usize::from(any != 0);
        }
        for index in hits.iter().take(n_hits) {
            let (Some(a), Some(b)) = (a.get(*index), b.get(*index)) else { continue };
            let mut found = [0; BLOCK];
            found.iter_mut().zip(a.iter().zip(b)).for_each(|(it, (a, b))| *it = holds(a, b));
            let mut bits = packed(&found);
            while bits != 0 {
                out.push(at + index * BLOCK + bits.trailing_zeros() as usize);
                bits &= bits - 1;
            }
        }
        at += a.len().min(b.len()) * BLOCK;
    }
    let (a_rest, b_rest) = (a.get(at..).unwrap_or(&[]), b.get(at..).unwrap_or(&[]));
    let found = (at..).zip(a_rest.iter().zip(b_rest)).filter(|(_, (a, b))| holds(a, b) != 0);
    out.extend(found.map(|(at, _)| at));
}

/// Bytes that are 0 or 1 as bits, the first as the lowest.
#[inline(always)]
fn packed(bytes: &[u8; BLOCK]) -> u64 {
    let (words, _) = bytes.as_chunks::<8>();
    // The multiplication moves the byte of number i to bit i of the highest byte.
    let of_word = |word: &[u8; 8]| u64::from_le_bytes(*word).wrapping_mul(0x0102_0408_1020_4080) >> 56;
    words.iter().rev().fold(0, |bits, word| bits << 8 | of_word(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_those_of_a_plain_loop() {
        let mut dice = 7_u64;
        let hay: Vec<u8> = (0..9_000)
            .map(|_| {
                dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                b"aAbB \xc3\xa9"[(dice >> 40) as usize % 7]
            })
            .collect();
        let probe = |at, byte, mask| Probe { at, byte, mask };
        for len in (0..140).chain([200, 257, 4_096, 4_200, 9_000]) {
            let hay = &hay[..len];
            for probes in [
                [probe(0, b'a', 0x20), probe(3, b'b', 0x20)],
                [probe(5, b'A', 0), probe(0, b'b', 0)],
                [probe(1, b' ', 0), probe(1, b' ', 0)],
                [probe(70, b'a', 0), probe(2, 0xc3, 0)],
            ] {
                let holds = |at: usize| {
                    probes.iter().all(|it| hay.get(at + it.at).is_some_and(|byte| byte | it.mask == it.byte))
                };
                let expected: Vec<usize> = (0..len).filter(|at| holds(*at)).collect();
                let (mut found, mut plain) = (Vec::new(), Vec::new());
                places(hay, probes, &mut found);
                places_of(hay, probes, &mut plain);
                assert_eq!((&found, &plain), (&expected, &expected), "{len} {probes:?}");
            }
        }
    }
}
