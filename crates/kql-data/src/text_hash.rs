//! Hashes and equality of texts, for tables that look up one text after the other.

use std::sync::OnceLock;

/// Hashes short texts without a call: sixteen bytes at a time, the last ones over again, each pair of words multiplied and
/// folded under keys that nobody outside can know.
#[derive(Clone, Debug)]
pub struct TextHasher {
    keys: [u64; 2],
}

impl TextHasher {
    /// Under keys of its own.
    pub fn new() -> TextHasher {
        let random = ahash::RandomState::new();
        TextHasher { keys: [random.hash_one(0), random.hash_one(1)] }
    }

    /// Under the keys of this process: hashes of two places can be compared.
    pub fn of_process() -> TextHasher {
        static OF_PROCESS: OnceLock<TextHasher> = OnceLock::new();
        OF_PROCESS.get_or_init(TextHasher::new).clone()
    }

    /// The hash of a text.
    #[inline]
    pub fn hash(&self, bytes: &[u8]) -> u64 {
        let [k0, k1] = self.keys;
        let mut hash = k1 ^ bytes.len() as u64;
        // Most texts have up to 32 bytes: their ends may overlap.
        let (first, last) = match (bytes.first_chunk::<16>(), bytes.last_chunk::<16>()) {
            (Some(first), Some(last)) => {
                let (mut first, mut rest) = (words(first), bytes);
                while rest.len() > 32 {
                    hash = mix(hash ^ first.0, k0 ^ first.1);
                    rest = rest.get(16..).unwrap_or(&[]);
                    first = rest.first_chunk().map_or((0, 0), words);
                }
                hash = mix(hash ^ first.0, k0 ^ first.1);
                words(last)
            }
            _ => ends(bytes),
        };
        mix(mix(hash ^ first, k0 ^ last), k1)
    }
}

#[inline(always)]
fn mix(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    (product >> 64) as u64 ^ product as u64
}

#[inline(always)]
fn words(sixteen: &[u8; 16]) -> (u64, u64) {
    let both = u128::from_le_bytes(*sixteen);
    (both as u64, (both >> 64) as u64)
}

/// The first and last bytes of less than sixteen: with the length all there is.
#[inline(always)]
fn ends(bytes: &[u8]) -> (u64, u64) {
    if let (Some(first), Some(last)) = (bytes.first_chunk(), bytes.last_chunk()) {
        return (u64::from_le_bytes(*first), u64::from_le_bytes(*last));
    }
    if let (Some(first), Some(last)) = (bytes.first_chunk(), bytes.last_chunk()) {
        return (u64::from(u32::from_le_bytes(*first)), u64::from(u32::from_le_bytes(*last)));
    }
    match bytes {
        [] => (0, 0),
        [a] => (u64::from(*a), 0),
        [a, b] => (u64::from(*a), u64::from(*b)),
        [a, b, c, ..] => (u64::from(*a), u64::from(*b) << 8 | u64::from(*c)),
    }
}

/// Whether texts are equal. A call for every look-up would take longer than the comparison of short texts does.
#[inline(always)]
pub fn same(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    if a.len() < 16 {
        return ends(a) == ends(b);
    }
    let differ = |a: Option<&[u8; 16]>, b: Option<&[u8; 16]>| match (a, b) {
        (Some(a), Some(b)) => u128::from_le_bytes(*a) ^ u128::from_le_bytes(*b),
        _ => 0,
    };
    let at_ends = differ(a.first_chunk(), b.first_chunk()) | differ(a.last_chunk(), b.last_chunk());
    at_ends == 0 && (a.len() <= 32 || a == b)
}

impl Default for TextHasher {
    fn default() -> TextHasher {
        TextHasher::of_process()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_the_same_when_all_their_bytes_are() {
        let hasher = TextHasher::new();
        for len in 0..100 {
            let text: Vec<u8> = (0..len).map(|it| b'a' + it as u8 % 26).collect();
            assert!(same(&text, &text.clone()));
            let mut hashes = std::collections::HashSet::from([hasher.hash(&text)]);
            for at in 0..len {
                let mut other = text.clone();
                if let Some(it) = other.get_mut(at) {
                    *it ^= 1;
                }
                assert!(!same(&text, &other) && hashes.insert(hasher.hash(&other)), "{at} of {len}");
            }
            assert!(!same(&text, text.get(1..).unwrap_or(b"x")));
        }
    }

    #[test]
    fn hashes_spread() {
        let hasher = TextHasher::new();
        let hashes: std::collections::HashSet<u64> =
            (0..100_000).map(|it| hasher.hash(format!("user-{it}").as_bytes())).collect();
        assert_eq!(hashes.len(), 100_000);
    }

    #[test]
    fn texts_that_differ_in_one_byte_are_not_the_same() {
        for len in 0..100 {
            let text: Vec<u8> = (0..len).collect();
            assert!(same(&text, &text.clone()) && !same(&text, &[&text[..], b"x"].concat()));
            for at in 0..text.len() {
                let mut other = text.clone();
                other[at] ^= 1 << (at % 8);
                assert!(!same(&text, &other), "{len} {at}");
            }
        }
    }
}
