//! Builds string dictionaries. Most of the time of a look-up is waiting for memory, so look-ups come in batches whose
//! waits overlap: first all places are found, then all texts compared.

use crate::{
    StringDictionary,
    text_hash::{TextHasher, same},
};
use arrow_array::LargeStringArray;
use arrow_buffer::OffsetBuffer;

/// Builds a dictionary and the codes of its rows. Every value is held once.
#[derive(Clone, Debug)]
pub struct DictionaryBuilder {
    /// A power of two of slots, at most half of them used, searched from the hash on.
    slots: Vec<Slot>,
    hasher: TextHasher,
    text: String,
    /// Where values end in `text`; code 0, "", ends at 0.
    ends: Vec<usize>,
}

/// What is known of a value without another look into memory.
#[derive(Clone, Copy, Debug)]
struct Slot {
    hash: u32,
    code: u32,
    /// Where its text begins; [`FAR`] when that is too far for a slot.
    from: u32,
    /// Bytes of its text.
    len: u32,
}

/// No value: codes end below.
const FREE: Slot = Slot { hash: 0, code: u32::MAX, from: FAR, len: u32::MAX };
/// The text of a value lies behind the first 4 GiB, or is that long.
const FAR: u32 = u32::MAX;

/// Room for looking up many values at once.
#[derive(Debug, Default)]
pub struct Lookup {
    hashes: Vec<u32>,
    slots: Vec<Slot>,
    codes: Vec<u32>,
}

impl Default for DictionaryBuilder {
    fn default() -> Self {
        let (slots, hasher) = (vec![FREE; 16], TextHasher::new());
        let mut it = DictionaryBuilder { slots, hasher, text: String::new(), ends: Vec::new() };
        _ = it.code("");
        it
    }
}

impl DictionaryBuilder {
    /// Values of a batch at most.
    pub const BATCH: usize = 64;

    /// The code of a value, new or known.
    #[inline]
    pub fn code(&mut self, value: &str) -> u32 {
        self.find_or_add(self.hash(value.as_bytes()), value.as_bytes())
    }

    /// The codes of up to [`DictionaryBuilder::BATCH`] values, each new or known, which go to the beginning of `codes`.
    pub fn codes(&mut self, values: &[&str], codes: &mut [u32; Self::BATCH]) {
        let mut lookup = Lookup::default();
        let value = |at: usize| values.get(at).map_or(&[][..], |it| it.as_bytes());
        let found = self.look_up(values.len().min(Self::BATCH), value, &mut lookup);
        codes.iter_mut().zip(found).for_each(|(to, code)| *to = *code);
    }

    /// The codes of so many values, each new or known; some dozens at a time are best. Values must be UTF-8.
    pub fn look_up<'a, 'l>(
        &mut self,
        n: usize,
        value: impl Fn(usize) -> &'a [u8],
        lookup: &'l mut Lookup,
    ) -> &'l [u32] {
        let Lookup { hashes, slots, codes } = lookup;
        hashes.clear();
        hashes.extend((0..n).map(|it| self.hash(value(it))));
        // The first slot of a hash is nearly always the one.
        let mask = self.slots.len() - 1;
        slots.clear();
        slots.extend(hashes.iter().map(|it| self.slots.get(*it as usize & mask).copied().unwrap_or(FREE)));
        // A look at all texts before the first is compared: their waits overlap.
        let text = self.text.as_bytes();
        let touched = slots.iter().fold(0, |all, it| all ^ text.get(it.from as usize).copied().unwrap_or(0));
        _ = std::hint::black_box(touched);
        codes.clear();
        codes.reserve(n);
        for at in 0..n {
            let (Some(hash), Some(slot)) = (hashes.get(at), slots.get(at)) else { break };
            let value = value(at);
            let is_known = slot.hash == *hash && slot.len as usize == value.len() && same(self.text_at(slot), value);
            let code = match is_known {
                true => slot.code,
                false => self.find_or_add(*hash, value),
            };
            codes.push(code);
        }
        codes
    }

    /// The upper half of a hash: more would only make slots longer.
    #[inline]
    fn hash(&self, bytes: &[u8]) -> u32 {
        (self.hasher.hash(bytes) >> 32) as u32
    }

    /// The text of a slot, if it is near.
    #[inline]
    fn text_at(&self, slot: &Slot) -> &[u8] {
        let from = slot.from as usize;
        self.text.as_bytes().get(from..from + slot.len as usize).unwrap_or(&[])
    }

    fn find_or_add(&mut self, hash: u32, value: &[u8]) -> u32 {
        let mask = self.slots.len() - 1;
        let mut at = hash as usize & mask;
        while let Some(slot) = self.slots.get(at).filter(|it| it.code != FREE.code) {
            let known = if slot.from == FAR { self.value(slot.code).as_bytes() } else { self.text_at(slot) };
            if slot.hash == hash && same(known, value) {
                return slot.code;
            }
            at = (at + 1) & mask;
        }
        self.add(at, hash, std::str::from_utf8(value).unwrap_or_default())
    }

    fn add(&mut self, at: usize, hash: u32, value: &str) -> u32 {
        // A column has less than u32::MAX rows, so codes cannot run out.
        let code = self.ends.len() as u32;
        let from = u32::try_from(self.text.len()).unwrap_or(FAR);
        self.text.push_str(value);
        self.ends.push(self.text.len());
        let (from, len) = if self.text.len() < FAR as usize { (from, value.len() as u32) } else { (FAR, u32::MAX) };
        if let Some(slot) = self.slots.get_mut(at) {
            *slot = Slot { hash, code, from, len };
        }
        if self.ends.len() * 2 > self.slots.len() {
            self.grow();
        }
        code
    }

    fn grow(&mut self) {
        let len = self.slots.len() * 2;
        for slot in std::mem::replace(&mut self.slots, vec![FREE; len]) {
            if slot.code == FREE.code {
                continue;
            }
            let mut at = slot.hash as usize & (len - 1);
            while self.slots.get(at).is_some_and(|it| it.code != FREE.code) {
                at = (at + 1) & (len - 1);
            }
            if let Some(free) = self.slots.get_mut(at) {
                *free = slot;
            }
        }
    }

    /// The value of a code; "" for one that was not given.
    #[inline]
    pub fn value(&self, code: u32) -> &str {
        let code = code as usize;
        let from = code.checked_sub(1).and_then(|it| self.ends.get(it)).copied().unwrap_or(0);
        self.ends.get(code).and_then(|to| self.text.get(from..*to)).unwrap_or("")
    }

    /// Number of distinct values.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Never: "" is always there.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Bytes that it holds.
    pub fn bytes(&self) -> usize {
        self.text.capacity() + self.ends.capacity() * 8 + self.slots.capacity() * size_of::<Slot>()
    }

    /// The dictionary.
    pub fn finish(mut self) -> StringDictionary {
        self.text.shrink_to_fit();
        let offsets = std::iter::once(0).chain(self.ends.iter().map(|it| *it as i64)).collect::<Vec<i64>>();
        let values = LargeStringArray::try_new(OffsetBuffer::new(offsets.into()), self.text.into_bytes().into(), None);
        StringDictionary::new(values.unwrap_or_else(|_| LargeStringArray::from(vec![""])))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_one_to_one() {
        let mut builder = DictionaryBuilder::default();
        let text = "ab".repeat(60);
        let mut values: Vec<String> = (0..text.len()).map(|it| text.get(..it).unwrap().to_owned()).collect();
        // Texts of one length that differ in one byte, wherever it is.
        for len in [1, 3, 4, 5, 7, 8, 9, 15, 16, 17, 23, 31, 33, 64, 65, 100] {
            for at in 0..len {
                let mut other = text.get(..len).unwrap().to_owned();
                other.replace_range(at..=at, "x");
                values.push(other);
            }
        }
        for (code, value) in values.iter().enumerate() {
            assert_eq!(builder.code(value) as usize, code, "{value}");
        }
        for (code, value) in values.iter().enumerate() {
            assert_eq!((builder.code(value) as usize, builder.value(code as u32)), (code, value.as_str()));
        }
        let mut batched = DictionaryBuilder::default();
        let again: Vec<String> = values.iter().chain(&values).cloned().collect();
        for part in again.chunks(50) {
            let part: Vec<&str> = part.iter().map(String::as_str).collect();
            let mut codes = [0; DictionaryBuilder::BATCH];
            batched.codes(&part, &mut codes);
            assert!(part.iter().zip(codes).all(|(value, code)| batched.value(code) == *value));
        }
        assert_eq!(batched.len(), values.len());
        let dictionary = builder.finish();
        assert!(values.iter().enumerate().all(|(code, it)| dictionary.values().value(code) == it));
    }
}
