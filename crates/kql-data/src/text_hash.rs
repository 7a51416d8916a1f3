//! Hashes and equality of texts, for tables that look up one text after the other.

use std::sync::OnceLock;

/// Hashes short texts without a call: eight bytes at a time, the last eight over again, each pair multiplied and folded
/// under keys that nobody outside can know.
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
        let mix = |a: u64, b: u64| {
            let product = u128::from(a) * u128::from(b);
            (product >> 64) as u64 ^ product as u64
        };
        let mut hash = k1 ^ bytes.len() as u64;
        let last = match bytes.last_chunk::<8>() {
            Some(last) => {
                let (pairs, rest) = bytes.as_chunks::<16>();
                for pair in pairs {
                    let pair = u128::from_le_bytes(*pair);
                    hash = mix(hash ^ pair as u64, k0 ^ (pair >> 64) as u64);
                }
                if let Some(first) = rest.first_chunk::<8>() {
                    hash = mix(hash ^ u64::from_le_bytes(*first), k0);
                }
                u64::from_le_bytes(*last)
            }
            None => match (bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
                (Some(first), Some(last)) => {
                    u64::from(u32::from_le_bytes(*first)) << 32 | u64::from(u32::from_le_bytes(*last))
                }
                _ => bytes.iter().fold(0, |all, it| all << 8 | u64::from(*it)),
            },
        };
        mix(hash ^ last, k0)
    }
}

/// Whether texts are equal. A call for every look-up would take longer than the comparison of short texts does.
#[inline]
pub fn same(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    match (a.last_chunk::<8>(), b.last_chunk::<8>()) {
        (Some(last_a), Some(last_b)) if a.len() <= 64 => {
            let (words, _) = a.as_chunks::<8>();
            let (others, _) = b.as_chunks::<8>();
            let differ = |(a, b): (&[u8; 8], &[u8; 8])| u64::from_le_bytes(*a) ^ u64::from_le_bytes(*b);
            words.iter().zip(others).map(differ).fold(differ((last_a, last_b)), |all, it| all | it) == 0
        }
        (Some(_), Some(_)) => a == b,
        _ => a.iter().zip(b).fold(0, |all, (a, b)| all | (a ^ b)) == 0,
    }
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
    fn hashes_spread() {
        let hasher = TextHasher::new();
        let hashes: std::collections::HashSet<u64> =
            (0..100_000).map(|it| hasher.hash(format!("user-{it}").as_bytes())).collect();
        assert_eq!(hashes.len(), 100_000);
    }
}
