//! A key as it stands in JSON, compared without a call: keys are compared for every value read.
#![allow(clippy::indexing_slicing, reason = "an eighth of a position in 32 bytes is a word of four")]

/// `"key":` as it stands in JSON, compared without a call: keys are compared for every value read.
#[derive(Clone, Debug)]
pub(super) struct Pattern {
    words: [u64; 4],
    masks: [u64; 4],
    /// Beyond what fits in the words.
    tail: Box<[u8]>,
    /// Bytes; 0 for keys that need escapes, which no pattern stands for.
    pub(super) len: usize,
}

impl Pattern {
    /// The pattern of a key.
    pub(super) fn new(key: &str) -> Pattern {
        let escaped = key.bytes().any(|it| it < 0x20 || it == b'"' || it == b'\\');
        let text = if escaped { String::new() } else { format!("\"{key}\":") };
        let (head, tail) = text.as_bytes().split_at(text.len().min(32));
        let (mut words, mut masks) = ([0; 4], [0; 4]);
        for (index, byte) in head.iter().enumerate() {
            words[index / 8] |= u64::from(*byte) << (index % 8 * 8);
            masks[index / 8] |= 0xFF << (index % 8 * 8);
        }
        Pattern { words, masks, tail: tail.into(), len: text.len() }
    }

    /// Whether a text begins with it. Never for a text that is about to end: then it need not be guessed either.
    #[inline]
    pub(super) fn begins(&self, text: &[u8]) -> bool {
        let Some(window) = text.first_chunk::<32>() else { return false };
        let (words, _) = window.as_chunks::<8>();
        let differs = |it: usize| (u64::from_le_bytes(words[it]) ^ self.words[it]) & self.masks[it];
        // Most keys end in the first half.
        if differs(0) | differs(1) != 0 || self.len == 0 {
            return false;
        }
        self.len <= 16
            || differs(2) | differs(3) == 0
                && (self.tail.is_empty() || text.get(32..).is_some_and(|it| it.starts_with(&self.tail)))
    }
}
