//! Which values of one dictionary each group has: what sets and distinct counts of strings keep instead of the strings.

use super::interned::{Pairs, pair};
use arrow_array::Array;
use kql_data::{Column, Dynamic, StringDictionary};
use std::sync::Arc;

/// Words of bits that are held at most; beyond, pairs of group and code go to a set.
const WORDS_MAX: usize = 1 << 20;

/// Pairs of a group and a code.
#[derive(Debug)]
pub(crate) struct SeenCodes {
    dictionary: Arc<StringDictionary>,
    /// Words a group.
    stride: usize,
    bits: Vec<u64>,
    is_wide: bool,
    wide: Pairs,
}

impl SeenCodes {
    /// Without pairs.
    pub(crate) fn new(dictionary: Arc<StringDictionary>) -> SeenCodes {
        let stride = dictionary.len() / 64 + 1;
        SeenCodes { dictionary, stride, bits: Vec::new(), is_wide: false, wide: Pairs::default() }
    }

    /// Whether those codes mean the same.
    pub(crate) fn is_of(&self, dictionary: &StringDictionary) -> bool {
        self.dictionary.id() == dictionary.id()
    }

    /// Without pairs, for the same dictionary.
    pub(crate) fn empty(&self) -> SeenCodes {
        SeenCodes::new(self.dictionary.clone())
    }

    /// Whether the codes of another mean the same.
    pub(crate) fn is_like(&self, other: &SeenCodes) -> bool {
        self.is_of(&other.dictionary)
    }

    /// Adds a pair; whether it is new.
    #[inline]
    pub(crate) fn insert(&mut self, group: u32, code: u32) -> bool {
        if self.is_wide {
            return self.wide.insert(pair(group, code));
        }
        let at = group as usize * self.stride + code as usize / 64;
        let mask = 1_u64 << (code % 64);
        if at >= self.bits.len() {
            if at >= WORDS_MAX {
                return self.widen(group, code);
            }
            self.bits.resize((at + 1).next_power_of_two(), 0);
        }
        let Some(word) = self.bits.get_mut(at) else { return false };
        let is_new = *word & mask == 0;
        *word |= mask;
        is_new
    }

    #[cold]
    fn widen(&mut self, group: u32, code: u32) -> bool {
        self.is_wide = true;
        for (at, word) in std::mem::take(&mut self.bits).into_iter().enumerate() {
            let (group, first) = ((at / self.stride) as u64, (at % self.stride * 64) as u64);
            for bit in (0..64).filter(|bit| word >> bit & 1 == 1) {
                _ = self.wide.insert(group << 32 | (first + bit));
            }
        }
        self.insert(group, code)
    }

    /// Runs something for every pair.
    pub(crate) fn each_pair(&self, mut body: impl FnMut(u32, u32)) {
        for (at, word) in self.bits.iter().enumerate() {
            let mut left = *word;
            while left != 0 {
                let code = at % self.stride * 64 + left.trailing_zeros() as usize;
                body((at / self.stride) as u32, code as u32);
                left &= left - 1;
            }
        }
        self.wide.iter().for_each(|it| body((it >> 32) as u32, *it as u32));
    }

    /// The strings by code, as dynamics.
    pub(crate) fn strings(&self) -> CodeStrings {
        CodeStrings::new(self.dictionary.clone())
    }

    /// Rough bytes held.
    pub(crate) fn bytes(&self) -> usize {
        self.bits.capacity() * 8 + self.wide.capacity() * 9
    }
}

/// Strings of a dictionary as dynamics, each made once.
#[derive(Debug)]
pub(crate) struct CodeStrings {
    dictionary: Arc<StringDictionary>,
    made: Vec<Option<Dynamic>>,
}

impl CodeStrings {
    /// Nothing made yet.
    pub(crate) fn new(dictionary: Arc<StringDictionary>) -> CodeStrings {
        let made = vec![None; dictionary.len()];
        CodeStrings { dictionary, made }
    }

    /// Whether it is of that dictionary.
    pub(crate) fn is_of(&self, dictionary: &StringDictionary) -> bool {
        self.dictionary.id() == dictionary.id()
    }

    /// The text of a code.
    pub(crate) fn text(&self, code: u32) -> &str {
        let values = self.dictionary.values();
        if (code as usize) < values.len() { values.value(code as usize) } else { "" }
    }

    /// The string of a code.
    pub(crate) fn dynamic(&mut self, code: u32) -> Dynamic {
        if let Some(Some(made)) = self.made.get(code as usize) {
            return made.clone();
        }
        let new = Dynamic::string(self.text(code));
        if let Some(slot) = self.made.get_mut(code as usize) {
            *slot = Some(new.clone());
        }
        new
    }
}

/// Codes and dictionary, if a column is by dictionary.
pub(crate) fn by_dictionary(column: &Column) -> Option<(&[u32], &Arc<StringDictionary>)> {
    if let Column::Dictionary(it) = column { Some((&it.codes, &it.dictionary)) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kql_data::DictionaryBuilder;

    #[test]
    fn pairs_stay_when_bits_turn_into_a_set() {
        let mut builder = DictionaryBuilder::default();
        for it in 0..200 {
            _ = builder.code(&it.to_string());
        }
        let mut seen = SeenCodes::new(Arc::new(builder.finish()));
        assert!(seen.insert(3, 130));
        assert!(!seen.insert(3, 130));
        assert!(seen.insert(u32::MAX - 1, 64));
        assert!(seen.is_wide);
        assert!(!seen.insert(3, 130));
        assert!(seen.insert(3, 131));
    }
}
