//! A table from hashes to numbers, for keys that stand elsewhere.
//!
//! Most of the time of a look-up is waiting for memory: [`HashIndex::touch`] waits for many places at once, so that the
//! look-ups after it need not.

/// Half of a hash, and a number.
#[derive(Clone, Copy, Debug)]
struct Slot {
    tag: u32,
    number: u32,
}

/// No number: numbers end below.
const FREE: Slot = Slot { tag: 0, number: u32::MAX };

/// What stands where a search begins.
#[derive(Clone, Copy, Debug)]
pub struct First {
    /// The number there; `u32::MAX` when there is none.
    pub number: u32,
    /// Nothing stands there: no number has the hash.
    pub is_free: bool,
    /// The number there has half of the hash.
    pub is_likely: bool,
}

/// Numbers by the hashes of their keys. What is equal to what, the caller tells.
#[derive(Clone, Debug, Default)]
pub struct HashIndex {
    /// A power of two of slots, at most half of them used, searched from the lower bits of the hash on. The tag has these
    /// bits, so that the table grows without the keys.
    slots: Vec<Slot>,
    n_used: usize,
}

impl HashIndex {
    /// Look-ups that are best made after one [`touch`](HashIndex::touch).
    pub const BATCH: usize = 64;

    /// How many numbers it holds.
    pub fn len(&self) -> usize {
        self.n_used
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.n_used == 0
    }

    /// Bytes of its slots.
    pub fn bytes(&self) -> usize {
        self.slots.len() * size_of::<Slot>()
    }

    /// Bytes of the new table that so many more numbers may need; 0 while there is room.
    pub fn growth(&self, n_more: usize) -> usize {
        let wanted =
            self.n_used.saturating_add(n_more).saturating_mul(2).checked_next_power_of_two().unwrap_or(usize::MAX);
        if wanted > self.slots.len() { wanted.saturating_mul(size_of::<Slot>()) } else { 0 }
    }

    /// Makes room for so many numbers in all.
    pub fn reserve(&mut self, n_numbers: usize) {
        let len = n_numbers.saturating_mul(2).checked_next_power_of_two().unwrap_or(0);
        // A table that is full would be searched without end.
        if n_numbers > 0 && len.max(16) > self.slots.len() {
            self.resize(len.max(16));
        }
    }

    /// Asks for the memory of those hashes, without waiting for one after the other.
    #[inline]
    pub fn touch(&self, hashes: &[u64]) {
        let mask = self.slots.len().wrapping_sub(1);
        let near = |hash: &u64| self.slots.get(*hash as usize & mask).map_or(0, |it| it.number);
        _ = std::hint::black_box(hashes.iter().fold(0, |all, it| all ^ near(it)));
    }

    /// What stands where the search for a hash begins: one of a batch of hashes is told without a branch.
    #[inline]
    pub fn first(&self, hash: u64) -> First {
        let mask = self.slots.len().wrapping_sub(1);
        let slot = self.slots.get(hash as usize & mask).copied().unwrap_or(FREE);
        let is_free = slot.number == FREE.number;
        First { number: slot.number, is_free, is_likely: !is_free & (slot.tag == hash as u32) }
    }

    /// The number with that hash of which `is_it` is true.
    #[inline]
    pub fn find(&self, hash: u64, mut is_it: impl FnMut(u32) -> bool) -> Option<u32> {
        let mask = self.slots.len().wrapping_sub(1);
        let mut at = hash as usize & mask;
        while let Some(slot) = self.slots.get(at).filter(|it| it.number != FREE.number) {
            if slot.tag == hash as u32 && is_it(slot.number) {
                return Some(slot.number);
            }
            at = (at + 1) & mask;
        }
        None
    }

    /// The number with that hash of which `is_it` is true, else `new`, which is added: it is below `u32::MAX`.
    #[inline]
    pub fn find_or_add(&mut self, hash: u64, new: u32, mut is_it: impl FnMut(u32) -> bool) -> u32 {
        if self.n_used * 2 >= self.slots.len() {
            self.resize((self.slots.len() * 2).max(16));
        }
        let mask = self.slots.len().wrapping_sub(1);
        let mut at = hash as usize & mask;
        while let Some(slot) = self.slots.get_mut(at) {
            if slot.number == FREE.number {
                *slot = Slot { tag: hash as u32, number: new };
                self.n_used += 1;
                return new;
            }
            if slot.tag == hash as u32 && is_it(slot.number) {
                return slot.number;
            }
            at = (at + 1) & mask;
        }
        new
    }

    #[cold]
    fn resize(&mut self, len: usize) {
        let before = std::mem::replace(&mut self.slots, vec![FREE; len]);
        let mask = len.wrapping_sub(1);
        for slot in before.into_iter().filter(|it| it.number != FREE.number) {
            let mut at = slot.tag as usize & mask;
            while self.slots.get(at).is_some_and(|it| it.number != FREE.number) {
                at = (at + 1) & mask;
            }
            if let Some(place) = self.slots.get_mut(at) {
                *place = slot;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_tables_have_room() {
        for room in 0..20 {
            let mut index = HashIndex::default();
            index.reserve(room);
            for key in 0..20_u32 {
                assert_eq!(index.find(u64::from(key), |it| it == key), None);
                _ = index.find_or_add(u64::from(key), key, |it| it == key);
            }
            assert_eq!(index.find(20, |it| it == 20), None);
        }
    }

    #[test]
    fn numbers_are_found_by_key_whatever_the_hashes() {
        // Good hashes, and ones that nearly all collide.
        for mask in [u64::MAX, 0xf, 0xffff_ffff_0000_0000] {
            let hash = |key: u64| key.wrapping_mul(0x9E37_79B9_7F4A_7C15) & mask;
            let n_keys = if mask == u64::MAX { 50_000 } else { 500 };
            let mut index = HashIndex::default();
            index.reserve(0);
            assert_eq!(index.find(hash(1), |_| true), None);
            for key in 0..n_keys {
                assert_eq!(index.find_or_add(hash(key), key as u32, |it| u64::from(it) == key), key as u32);
                assert_eq!(index.find_or_add(hash(key), u32::MAX - 1, |it| u64::from(it) == key), key as u32);
            }
            assert_eq!(index.len(), n_keys as usize);
            index.reserve(3 * n_keys as usize);
            index.touch(&(0..100).map(hash).collect::<Vec<u64>>());
            for key in 0..n_keys {
                assert_eq!(index.find(hash(key), |it| u64::from(it) == key), Some(key as u32));
                let first = index.first(hash(key));
                assert!(!first.is_free && (first.is_likely || u64::from(first.number) != key));
            }
            assert_eq!(index.find(hash(n_keys), |it| u64::from(it) == n_keys), None);
        }
    }
}
