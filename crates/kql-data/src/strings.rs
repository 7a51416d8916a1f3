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
    codes: HashTable<u32>,
    hasher: ahash::RandomState,
    text: String,
    /// Where values end in `text`; code 0, "", ends at 0.
    ends: Vec<usize>,
}

impl Default for DictionaryBuilder {
    fn default() -> Self {
        let mut it = DictionaryBuilder {
            codes: HashTable::new(),
            hasher: ahash::RandomState::new(),
            text: String::new(),
            ends: Vec::new(),
        };
        _ = it.code("");
        it
    }
}

fn entry<'a>(text: &'a str, ends: &[usize], code: u32) -> &'a str {
    let code = code as usize;
    let from = if code == 0 { 0 } else { ends.get(code - 1).copied().unwrap_or(0) };
    ends.get(code).and_then(|to| text.get(from..*to)).unwrap_or("")
}

impl DictionaryBuilder {
    /// The code of a value, new or known.
    pub fn code(&mut self, value: &str) -> u32 {
        let DictionaryBuilder { codes, hasher, text, ends } = self;
        let hash = hasher.hash_one(value);
        if let Some(code) = codes.find(hash, |it| entry(text, ends, *it) == value) {
            return *code;
        }
        // A column has at most u32::MAX rows, so codes cannot run out.
        let code = ends.len() as u32;
        text.push_str(value);
        ends.push(text.len());
        _ = codes.insert_unique(hash, code, |it| hasher.hash_one(entry(text, ends, *it)));
        code
    }

    /// The value of a code; "" for one that was not given.
    pub fn value(&self, code: u32) -> &str {
        entry(&self.text, &self.ends, code)
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
        self.text.capacity() + self.ends.capacity() * 8 + self.codes.capacity() * 5
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
