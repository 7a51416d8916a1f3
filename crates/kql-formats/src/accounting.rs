//! What became of every byte that was read.

/// A piece of input that gave no row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reject {
    /// Name of the source, as the caller gave it.
    pub source: String,
    /// Line where it begins, from 1.
    pub line: u64,
    /// Byte where it begins, after decompression.
    pub offset: u64,
    /// What is wrong with it.
    pub reason: String,
    /// Its text, cut after [`Reject::TEXT_BYTES`].
    pub text: String,
}

impl Reject {
    /// Bytes of text that a reject keeps.
    pub const TEXT_BYTES: usize = 4 << 10;
}

/// Where the bytes of the input went: into rows, into rejects, or nowhere because they were blank.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Accounting {
    /// Bytes read, after decompression.
    pub bytes: u64,
    /// Bytes whose rows are in the table.
    pub row_bytes: u64,
    /// Bytes of rejects.
    pub reject_bytes: u64,
    /// Bytes between records: blank lines, byte order marks, headers, brackets and the envelope of a page.
    pub blank_bytes: u64,
    /// Lines read.
    pub lines: u64,
    /// Rows in the table.
    pub rows: u64,
    /// Pieces that gave no row.
    pub rejected: u64,
    /// Blank lines.
    pub blank: u64,
    /// Bytes that were not UTF-8, or lone surrogate escapes, and now read as U+FFFD.
    pub replaced_bytes: u64,
    /// Row groups of Parquet files.
    pub row_groups: u64,
    /// Those of them that were passed over, because their statistics tell that no row in them is wanted.
    pub row_groups_skipped: u64,
    /// The first rejects.
    pub rejects: Vec<Reject>,
}

impl Accounting {
    /// Whether every byte read is in a row, in a reject or blank.
    pub fn is_balanced(&self) -> bool {
        self.bytes == self.row_bytes + self.reject_bytes + self.blank_bytes
    }

    /// Whether every line became a row, unchanged.
    pub fn is_clean(&self) -> bool {
        self.rejected == 0 && self.replaced_bytes == 0
    }

    pub(crate) fn reject(&mut self, kept: usize, bytes: u64, reject: impl FnOnce() -> Reject) {
        self.rejected += 1;
        self.reject_bytes += bytes;
        if self.rejects.len() < kept {
            self.rejects.push(reject());
        }
    }
}

/// The beginning of a text, for a reject.
pub(crate) fn cut(text: &str) -> String {
    let mut end = text.len().min(Reject::TEXT_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default().to_owned()
}
