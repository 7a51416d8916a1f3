//! Rows of answers that are larger than what an alert holds of one.

use kql::{Batch, Column, ResultTable, Type};

/// Bytes of a row that an alert holds.
pub const ROW_BYTES_MAX: usize = 10 << 10;

/// How many rows are too large, and how large the largest of them is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LargeRows {
    /// Their number.
    pub n: usize,
    /// Bytes of the largest.
    pub largest: usize,
}

impl LargeRows {
    /// The large rows of an answer.
    pub fn of(table: &ResultTable) -> LargeRows {
        table.batches.iter().map(LargeRows::of_batch).fold(LargeRows::default(), LargeRows::and)
    }

    /// Both together.
    pub fn and(self, other: LargeRows) -> LargeRows {
        LargeRows { n: self.n + other.n, largest: self.largest.max(other.largest) }
    }

    fn of_batch(batch: &Batch) -> LargeRows {
        // Texts and bags decide; other values are short.
        let is_long = |it: &&Column| matches!(it.ty(), Type::String | Type::Dynamic);
        let long: Vec<&Column> = batch.columns.iter().filter(is_long).collect();
        let mut out = LargeRows::default();
        for row in 0..batch.n_rows {
            let bytes: usize = long.iter().map(|it| it.value(row).text().len()).sum();
            if bytes > ROW_BYTES_MAX {
                out = out.and(LargeRows { n: 1, largest: bytes });
            }
        }
        out
    }

    /// What to say of them; `None` where there are none.
    pub fn warning(&self) -> Option<String> {
        let rows = if self.n == 1 { "1 row is" } else { &format!("{} rows are", self.n) };
        let bytes = self.largest;
        (self.n > 0).then(|| format!("{rows} larger than the 10 KB that an alert holds of one: {bytes} bytes at most"))
    }
}
