//! Which values of one dictionary each group has: what sets and distinct counts of strings keep instead of the strings.

use super::interned::{Pairs, pair};
use kql_data::{Column, DictionaryColumn, StringDictionary};
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

    /// Adds the pairs of rows, whose groups are below that number. Runs something for each, with whether it is new: many are,
    /// so that it should not branch on that.
    #[inline]
    pub(crate) fn insert_rows(
        &mut self,
        n_groups: usize,
        groups: &[u32],
        codes: &[u32],
        mut body: impl FnMut(u32, u32, bool),
    ) {
        let n_words = n_groups.saturating_mul(self.stride);
        let rows = groups.iter().zip(codes);
        if self.is_wide || n_words > WORDS_MAX {
            for (group, code) in rows {
                let is_new = self.insert(*group, *code);
                body(*group, *code, is_new);
            }
            return;
        }
        // Room is made once.
        if n_words > self.bits.len() {
            self.bits.resize(n_words.next_power_of_two(), 0);
        }
        let (stride, bits) = (self.stride, self.bits.as_mut_slice());
        for (group, code) in rows {
            let mask = 1_u64 << (code % 64);
            if let Some(word) = bits.get_mut(*group as usize * stride + *code as usize / 64) {
                let is_new = *word & mask == 0;
                *word |= mask;
                body(*group, *code, is_new);
            }
        }
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

    /// A column of those codes.
    pub(crate) fn column(&self, codes: impl Iterator<Item = u32>) -> Column {
        Column::Dictionary(DictionaryColumn { codes: codes.collect(), dictionary: self.dictionary.clone() })
    }

    /// A column whose row of a code is its text.
    pub(crate) fn values(&self) -> Column {
        self.column(0..self.dictionary.len() as u32)
    }

    /// The text of a code.
    pub(crate) fn text(&self, code: u32) -> &str {
        self.dictionary.get(code)
    }

    /// Rough bytes held.
    pub(crate) fn bytes(&self) -> usize {
        self.bits.capacity() * 8 + self.wide.capacity() * 9
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

    #[test]
    fn rows_are_told_of_once() {
        let mut builder = DictionaryBuilder::default();
        for it in 0..200 {
            _ = builder.code(&it.to_string());
        }
        let dictionary = Arc::new(builder.finish());
        for is_wide in [false, true] {
            let (mut seen, mut new) = (SeenCodes::new(dictionary.clone()), Vec::new());
            if is_wide {
                assert!(seen.insert(u32::MAX - 1, 1));
            }
            for groups in [[0, 5, 0, 5], [5, 70, 0, 70]] {
                seen.insert_rows(71, &groups, &[199, 199, 199, 3], |group, code, is_new| {
                    new.extend(is_new.then_some((group, code)));
                });
            }
            assert_eq!(new, [(0, 199), (5, 199), (5, 3), (70, 199), (70, 3)]);
        }
    }
}
