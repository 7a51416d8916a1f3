//! String columns by dictionary: one entry a distinct value, a code a row.

use arrow_array::{Array, LargeStringArray};
use arrow_buffer::ScalarBuffer;
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

    /// The value of a code; "" for one that was not given.
    pub fn get(&self, code: u32) -> &str {
        let code = code as usize;
        if code < self.values.len() { self.values.value(code) } else { "" }
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
