//! String columns by dictionary: one entry a distinct value, a code a row.

use arrow_array::{Array, LargeStringArray};
use arrow_buffer::{OffsetBuffer, ScalarBuffer};
use hashbrown::HashTable;
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

static NEXT_ID: AtomicU64 = AtomicU64::new(1);

/// The distinct values of string columns. Entry 0 is always "". Values are unique, so equal codes mean equal strings.
#[derive(Debug)]
pub struct StringDictionary {
    values: LargeStringArray,
    id: u64,
}

impl StringDictionary {
    /// A dictionary of those values, which must be unique and begin with "".
    pub fn new(values: LargeStringArray) -> StringDictionary {
        debug_assert!(!values.is_empty() && values.value(0).is_empty());
        StringDictionary { values, id: NEXT_ID.fetch_add(1, Ordering::Relaxed) }
    }

    /// The values by code.
    pub fn values(&self) -> &LargeStringArray {
        &self.values
    }

    /// Number of entries.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Never: entry 0 is always there.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Unique in the process, so that results by dictionary can be remembered.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// Bytes of its buffers.
    pub fn bytes(&self) -> usize {
        self.values.get_array_memory_size()
    }
}

/// Rows as codes into a shared dictionary.
#[derive(Clone, Debug)]
pub struct DictionaryColumn {
    /// One code a row.
    pub codes: ScalarBuffer<u32>,
    /// What the codes mean.
    pub dictionary: Arc<StringDictionary>,
}

/// Builds a dictionary and the codes of its rows. Every value is held once.
#[derive(Debug)]
pub struct DictionaryBuilder {
    slots: HashTable<Slot>,
    hasher: ahash::RandomState,
    text: String,
    /// Where values end in `text`; code 0, "", ends at 0.
    ends: Vec<usize>,
}

/// What is known of a value without looking elsewhere: most of the time of a look-up is waiting for memory.
#[derive(Clone, Copy, Debug)]
struct Slot {
    start: usize,
    /// Of values beyond 4 GiB, which no limit lets through, the low bits.
    len: u32,
    code: u32,
}

impl Slot {
    #[inline]
    fn text<'a>(&self, text: &'a str) -> &'a [u8] {
        text.as_bytes().get(self.start..self.start + self.len as usize).unwrap_or(&[])
    }
}

impl Default for DictionaryBuilder {
    fn default() -> Self {
        let mut it = DictionaryBuilder {
            slots: HashTable::new(),
            hasher: ahash::RandomState::new(),
            text: String::new(),
            ends: Vec::new(),
        };
        _ = it.code("");
        it
    }
}

impl DictionaryBuilder {
    /// The code of a value, new or known.
    #[inline]
    pub fn code(&mut self, value: &str) -> u32 {
        let hash = self.hasher.hash_one(value.as_bytes());
        let (text, bytes) = (&self.text, value.as_bytes());
        match self.slots.find(hash, |it| it.len as usize == bytes.len() && it.text(text) == bytes) {
            Some(it) => it.code,
            None => self.add(hash, value),
        }
    }

    fn add(&mut self, hash: u64, value: &str) -> u32 {
        // A column has at most u32::MAX rows, so codes cannot run out.
        let slot = Slot { start: self.text.len(), len: value.len() as u32, code: self.ends.len() as u32 };
        self.text.push_str(value);
        self.ends.push(self.text.len());
        let (text, hasher) = (&self.text, &self.hasher);
        _ = self.slots.insert_unique(hash, slot, |it| hasher.hash_one(it.text(text)));
        slot.code
    }

    /// The value of a code; "" for one that was not given.
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
        self.text.capacity() + self.ends.capacity() * 8 + self.slots.capacity() * (size_of::<Slot>() + 1)
    }

    /// The dictionary.
    pub fn finish(self) -> StringDictionary {
        let offsets = std::iter::once(0).chain(self.ends.iter().map(|it| *it as i64)).collect::<Vec<i64>>();
        let values = LargeStringArray::try_new(OffsetBuffer::new(offsets.into()), self.text.into_bytes().into(), None);
        StringDictionary::new(values.unwrap_or_else(|_| LargeStringArray::from(vec![""])))
    }
}

/// Strings of a column by row, whatever its encoding.
#[derive(Clone, Copy, Debug)]
pub enum StringReader<'a> {
    /// One value for all rows.
    Constant(&'a str),
    /// Plain values.
    Plain(&'a LargeStringArray),
    /// Codes.
    Dictionary(&'a [u32], &'a LargeStringArray),
}

impl<'a> StringReader<'a> {
    /// The string of a row, which must exist.
    #[inline]
    pub fn get(&self, row: usize) -> &'a str {
        match self {
            StringReader::Constant(it) => it,
            StringReader::Plain(values) => values.value(row),
            StringReader::Dictionary(codes, values) => values.value(codes.get(row).map_or(0, |it| *it as usize)),
        }
    }
}
