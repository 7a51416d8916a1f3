//! Tables and batches: columns of equal length under one schema.

use crate::{Budget, Column, Fault, Reservation, Schema, Type};
use arrow_array::Array;
use std::sync::Arc;

/// Some rows on their way through a plan. The schema is the plan node's.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// Columns of `n_rows` rows each.
    pub columns: Vec<Column>,
    /// Number of rows; a batch may have rows and no columns.
    pub n_rows: usize,
    /// By column, the memory that is reserved for it as long as the batch, or one made from it, lives.
    held: Held,
}

/// The memory of a column.
pub type HeldColumn = Option<Arc<Reservation>>;

/// By column; a short list, or none, means that the others are not reserved.
type Held = Option<Arc<[HeldColumn]>>;

impl Batch {
    /// A batch of those columns.
    pub fn new(columns: Vec<Column>, n_rows: usize) -> Batch {
        debug_assert!(columns.iter().all(|it| it.len() == n_rows), "columns of unequal length");
        Batch { columns, n_rows, held: None }
    }

    /// A batch of those columns with the memory that is reserved for each.
    pub fn held(columns: Vec<Column>, n_rows: usize, held: Vec<HeldColumn>) -> Batch {
        let held = held.iter().any(Option::is_some).then(|| held.into());
        Batch { held, ..Batch::new(columns, n_rows) }
    }

    /// The memory that is reserved for a column.
    pub fn held_column(&self, index: usize) -> HeldColumn {
        self.held.as_ref().and_then(|it| it.get(index)).cloned().flatten()
    }

    /// Reserves the memory of those columns for which none is reserved yet.
    pub fn hold(self, budget: &Budget, by: &str) -> Result<Batch, Fault> {
        let mut held = Vec::with_capacity(self.columns.len());
        for (index, column) in self.columns.iter().enumerate() {
            held.push(match (self.held_column(index), column) {
                (None, Column::Constant { .. }) => None,
                (None, column) => Some(Arc::new(budget.reserve(column.bytes(), by)?)),
                (known, _) => known,
            });
        }
        Ok(Batch::held(self.columns, self.n_rows, held))
    }

    /// Bytes of the columns for which no memory is reserved.
    pub fn bytes_not_held(&self) -> usize {
        let is_free = |it: &(usize, &Column)| self.held_column(it.0).is_none();
        self.columns.iter().enumerate().filter(is_free).map(|it| it.1.bytes()).sum()
    }

    /// No rows of a schema.
    pub fn empty(schema: &Schema) -> Batch {
        Batch::new(schema.fields.iter().map(|it| Column::null(it.ty, 0)).collect(), 0)
    }

    /// Those rows, in that order.
    pub fn take(&self, rows: &[u32]) -> Batch {
        Batch::new(self.columns.iter().map(|it| it.take(rows)).collect(), rows.len())
    }

    /// A stretch of rows, which must lie inside.
    pub fn slice(&self, from: usize, count: usize) -> Batch {
        let columns = self.columns.iter().map(|it| it.slice(from, count)).collect();
        Batch { held: self.held.clone(), ..Batch::new(columns, count) }
    }

    /// All rows of all batches as one.
    pub fn concat(schema: &Schema, batches: &[Batch]) -> Result<Batch, Fault> {
        if let [one] = batches {
            return Ok(one.clone());
        }
        let n_rows = batches.iter().map(|it| it.n_rows).sum();
        let mut columns = Vec::with_capacity(schema.len());
        for (index, field) in schema.fields.iter().enumerate() {
            let parts: Vec<Column> = batches.iter().filter_map(|it| it.columns.get(index).cloned()).collect();
            columns.push(Column::concat(field.ty, &parts)?);
        }
        Ok(Batch::new(columns, n_rows))
    }

    /// Bytes of its columns.
    pub fn bytes(&self) -> usize {
        self.columns.iter().map(Column::bytes).sum()
    }
}

/// Smallest and largest value of a chunk's column, as ticks or whole numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// Smallest value that is not null.
    pub min: i64,
    /// Largest value.
    pub max: i64,
}

/// An immutable stretch of a table, at most 65,536 rows when loaded from a file.
#[derive(Clone, Debug)]
pub struct Chunk {
    /// Its rows.
    pub batch: Batch,
    /// By column: its range, for int, long, datetime and timespan columns with a value.
    pub ranges: Vec<Option<Range>>,
}

impl Chunk {
    /// Rows a chunk has at most when a table is loaded.
    pub const ROWS: usize = 1 << 16;

    /// A chunk of those rows.
    pub fn new(batch: Batch) -> Chunk {
        let ranges = batch.columns.iter().map(Range::of).collect();
        Chunk { batch, ranges }
    }
}

impl Range {
    /// The range of a column that has one: of whole numbers and times, unless all are null.
    pub fn of(column: &Column) -> Option<Range> {
        let (Column::Long(values) | Column::Datetime(values) | Column::Timespan(values)) = column else { return None };
        if values.nulls().is_none() {
            let (first, rest) = values.values().split_first()?;
            let wider = |it: Range, value: &i64| Range { min: it.min.min(*value), max: it.max.max(*value) };
            return Some(rest.iter().fold(Range { min: *first, max: *first }, wider));
        }
        let mut found: Option<Range> = None;
        for it in values.iter().flatten() {
            let range = found.get_or_insert(Range { min: it, max: it });
            range.min = range.min.min(it);
            range.max = range.max.max(it);
        }
        found
    }
}

/// A named table.
#[derive(Clone, Debug)]
pub struct Table {
    /// Names and types of its columns.
    pub schema: Arc<Schema>,
    /// Its rows, in order.
    pub chunks: Vec<Arc<Chunk>>,
}

impl Table {
    /// A table of those batches.
    pub fn new(schema: Schema, batches: Vec<Batch>) -> Table {
        let chunks = batches.into_iter().filter(|it| it.n_rows > 0).map(|it| Arc::new(Chunk::new(it))).collect();
        Table { schema: Arc::new(schema), chunks }
    }

    /// A table without rows.
    pub fn empty(schema: Schema) -> Table {
        Table::new(schema, Vec::new())
    }

    /// Number of rows.
    pub fn n_rows(&self) -> usize {
        self.chunks.iter().map(|it| it.batch.n_rows).sum()
    }

    /// The largest value of a datetime column, in ticks.
    pub fn latest(&self, column: &str) -> Option<i64> {
        let index = self
            .schema
            .index_of(column)
            .filter(|it| self.schema.fields.get(*it).is_some_and(|it| it.ty == Type::Datetime))?;
        self.chunks.iter().filter_map(|it| it.ranges.get(index).copied().flatten()).map(|it| it.max).max()
    }
}
