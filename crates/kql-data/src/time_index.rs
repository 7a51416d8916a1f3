//! Tables in the order of a time: the rows of any stretch of it, without touching the others.

use crate::{Batch, Chunk, Column, Fault, Range, Table, Value};
use arrow_array::Array;
use std::sync::Arc;

/// A table whose rows are in the order of a datetime column, and where each chunk of it begins and ends.
#[derive(Clone, Debug)]
pub struct TimeIndex {
    table: Table,
    column: usize,
    /// First and last time of each chunk, rising.
    spans: Vec<(i64, i64)>,
    n_untimed: usize,
}

impl TimeIndex {
    /// The index of a table by one of its datetime columns. Rows that are in order stay where they are and are shared;
    /// otherwise all are sorted once, those of one time in the order that they had. Rows without a time are left out.
    pub fn new(table: &Table, column: usize) -> Result<TimeIndex, Fault> {
        if let Some(spans) = ordered(table, column) {
            return Ok(TimeIndex { table: table.clone(), column, spans, n_untimed: 0 });
        }
        let n_rows = table.n_rows();
        _ = u32::try_from(n_rows).map_err(|_| Fault::new("too many rows to be ordered by time"))?;
        let mut order: Vec<(i64, u32)> = Vec::with_capacity(n_rows);
        let mut begins = vec![0usize];
        for chunk in &table.chunks {
            let Some(times) = chunk.batch.columns.get(column) else {
                return Err(Fault::new(format!("the table has no column {column} to be ordered by")));
            };
            let begin = begins.last().copied().unwrap_or(0);
            let timed = (0..chunk.batch.n_rows).filter_map(|row| Some((time_at(times, row)?, (begin + row) as u32)));
            order.extend(timed);
            begins.push(begin + chunk.batch.n_rows);
        }
        sort(&mut order);
        let mut sorted = Table { schema: table.schema.clone(), chunks: Vec::new() };
        let mut whole = None;
        for part in order.chunks(Chunk::ROWS) {
            sorted.chunks.push(Arc::new(Chunk::new(gathered(table, &begins, part, &mut whole)?)));
        }
        let spans = ordered(&sorted, column).unwrap_or_default();
        Ok(TimeIndex { table: sorted, column, spans, n_untimed: n_rows - order.len() })
    }

    /// The index over a table with the same rows in the same chunks, and perhaps more columns behind those.
    pub fn over(self, table: Table) -> TimeIndex {
        TimeIndex { table, ..self }
    }

    /// The whole table, in order.
    pub fn table(&self) -> &Table {
        &self.table
    }

    /// Number of rows that had no time.
    pub fn n_untimed(&self) -> usize {
        self.n_untimed
    }

    /// The first and the last time.
    pub fn span(&self) -> Option<(i64, i64)> {
        Some((self.spans.first()?.0, self.spans.last()?.1))
    }

    /// Number of rows from a time on, before another.
    pub fn count(&self, from: i64, to: i64) -> usize {
        let first = self.spans.partition_point(|it| it.1 < from);
        let end = self.spans.partition_point(|it| it.0 < to);
        let chunks = self.table.chunks.iter().zip(&self.spans).take(end).skip(first);
        let count = |(chunk, (low, high)): (&Arc<Chunk>, &(i64, i64))| {
            let n_rows = chunk.batch.n_rows;
            match chunk.batch.columns.get(self.column) {
                Some(times) if *low < from || *high >= to => {
                    first_at(times, n_rows, to).saturating_sub(first_at(times, n_rows, from))
                }
                _ => n_rows,
            }
        };
        chunks.map(count).sum()
    }

    /// The rows from a time on, before another. Whole chunks are shared, and those at the edges are slices: nothing is
    /// copied, and chunks outside are not looked at. The ranges of other columns may be wider than the rows of an edge.
    pub fn slice(&self, from: i64, to: i64) -> Table {
        let mut out = Table { schema: self.table.schema.clone(), chunks: Vec::new() };
        let first = self.spans.partition_point(|it| it.1 < from);
        let end = self.spans.partition_point(|it| it.0 < to);
        for (chunk, (low, high)) in self.table.chunks.iter().zip(&self.spans).take(end).skip(first) {
            if *low >= from && *high < to {
                out.chunks.push(chunk.clone());
                continue;
            }
            let Some(times) = chunk.batch.columns.get(self.column) else { continue };
            let begin = first_at(times, chunk.batch.n_rows, from);
            let count = first_at(times, chunk.batch.n_rows, to).saturating_sub(begin);
            if count == 0 {
                continue;
            }
            let mut ranges = chunk.ranges.clone();
            if let Some(it) = ranges.get_mut(self.column) {
                let time = |row: usize| time_at(times, row).unwrap_or(from);
                *it = Some(Range { min: time(begin), max: time(begin + count - 1) });
            }
            out.chunks.push(Arc::new(Chunk { batch: chunk.batch.slice(begin, count), ranges }));
        }
        out
    }
}

/// Sorts times with the numbers of their rows, those of one time by their numbers. Logs come nearly in order: rows that are
/// no further from their place than `NEAR` are put there window by window, and all are sorted only where that is not enough.
fn sort(order: &mut [(i64, u32)]) {
    const NEAR: usize = 64;
    for start in (0..order.len()).step_by(NEAR) {
        let end = (start + 2 * NEAR).min(order.len());
        if let Some(window) = order.get_mut(start..end) {
            window.sort_unstable();
        }
    }
    if !order.is_sorted() {
        order.sort_unstable();
    }
}

/// Those rows of a table, whose chunks begin at `begins`: out of the stretch of it in which they are, or where that is much
/// longer, out of the `whole`.
fn gathered(table: &Table, begins: &[usize], rows: &[(i64, u32)], whole: &mut Option<Batch>) -> Result<Batch, Fault> {
    let low = rows.iter().map(|it| it.1).min().unwrap_or(0);
    let high = rows.iter().map(|it| it.1).max().unwrap_or(0);
    let stretch = |low: usize, high: usize| {
        let within = |(chunk, begin): (&Arc<Chunk>, &usize)| {
            let from = low.saturating_sub(*begin).min(chunk.batch.n_rows);
            let to = high.saturating_sub(*begin).min(chunk.batch.n_rows);
            (from < to).then(|| chunk.batch.slice(from, to - from))
        };
        let parts: Vec<Batch> = table.chunks.iter().zip(begins).filter_map(within).collect();
        Batch::concat(&table.schema, &parts)
    };
    let numbers = |low: u32| rows.iter().map(|it| it.1 - low).collect::<Vec<u32>>();
    if (high - low) as usize / 4 < rows.len() {
        return Ok(stretch(low as usize, high as usize + 1)?.take(&numbers(low)));
    }
    if whole.is_none() {
        *whole = Some(stretch(0, usize::MAX)?);
    }
    match whole {
        Some(all) => Ok(all.take(&numbers(0))),
        None => Err(Fault::new("the table could not be gathered")),
    }
}

fn time_at(column: &Column, row: usize) -> Option<i64> {
    match column {
        Column::Datetime(it) if it.nulls().is_none() => it.values().get(row).copied(),
        other => match other.value(row) {
            Value::Datetime(ticks) => Some(ticks),
            _ => None,
        },
    }
}

/// The first row whose time is not before `time`.
fn first_at(times: &Column, n_rows: usize, time: i64) -> usize {
    let (mut low, mut high) = (0, n_rows);
    while low < high {
        let middle = low + (high - low) / 2;
        match time_at(times, middle).is_some_and(|it| it < time) {
            true => low = middle + 1,
            false => high = middle,
        }
    }
    low
}

/// The spans of the chunks, if every row has a time and none is before the one above it.
fn ordered(table: &Table, column: usize) -> Option<Vec<(i64, i64)>> {
    let mut spans = Vec::with_capacity(table.chunks.len());
    let mut last = i64::MIN;
    for chunk in &table.chunks {
        let times = chunk.batch.columns.get(column)?;
        let first = time_at(times, 0)?;
        for row in 0..chunk.batch.n_rows {
            let time = time_at(times, row)?;
            if time < last {
                return None;
            }
            last = time;
        }
        spans.push((first, last));
    }
    Some(spans)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ColumnBuilder, Schema, Type};

    fn table(chunks: &[&[Option<i64>]]) -> Table {
        let schema = Schema::of(&[("t", Type::Datetime), ("n", Type::Long)]);
        let batches = chunks.iter().map(|times| {
            let mut column = ColumnBuilder::new(Type::Datetime, times.len());
            times.iter().for_each(|it| column.push(&it.map_or(Value::Null, Value::Datetime)));
            let numbers = Column::longs(times.iter().map(|it| it.unwrap_or(-1)).collect());
            Batch::new(vec![column.finish(), numbers], times.len())
        });
        Table::new(schema, batches.collect())
    }

    fn numbers(table: &Table) -> Vec<i64> {
        let of = |it: &Arc<Chunk>| (0..it.batch.n_rows).map(|row| it.batch.columns[1].value(row)).collect::<Vec<_>>();
        table.chunks.iter().flat_map(of).map(|it| if let Value::Long(it) = it { it } else { 0 }).collect()
    }

    #[test]
    fn ordered_tables_are_shared() {
        let table = table(&[&[Some(1), Some(3)], &[Some(3), Some(5)], &[Some(8)]]);
        let index = TimeIndex::new(&table, 0).unwrap();
        assert_eq!((index.span(), index.n_untimed()), (Some((1, 8)), 0));
        let all = index.slice(i64::MIN, i64::MAX);
        assert!(all.chunks.iter().zip(&table.chunks).all(|it| Arc::ptr_eq(it.0, it.1)));
        for from in 0..10 {
            for to in 0..10 {
                let expected: Vec<i64> = [1, 3, 3, 5, 8].into_iter().filter(|it| (from..to).contains(it)).collect();
                assert_eq!(numbers(&index.slice(from, to)), expected, "{from} {to}");
            }
        }
        assert_eq!(index.slice(5, 6).chunks[0].ranges[0], Some(Range { min: 5, max: 5 }));
    }

    #[test]
    fn others_are_sorted_once() {
        let index = TimeIndex::new(&table(&[&[Some(7), None, Some(2)], &[Some(2), Some(9), None]]), 0).unwrap();
        assert_eq!((numbers(index.table()), index.n_untimed()), (vec![2, 2, 7, 9], 2));
        assert_eq!(numbers(&index.slice(2, 9)), [2, 2, 7]);
        let mut near: Vec<Option<i64>> = (0..1_000).map(|it| Some(it + (it * 7919) % 40)).collect();
        near[5] = None;
        let far: Vec<Option<i64>> = (0..1_000).map(|it| Some((it * 7919) % 1_009)).collect();
        for times in [near, far] {
            let (a, b) = times.split_at(300);
            let rows = table(&[a, b]);
            let index = TimeIndex::new(&rows, 0).unwrap();
            let mut expected: Vec<i64> = times.iter().flatten().copied().collect();
            expected.sort_unstable();
            assert_eq!(numbers(index.table()), expected);
            for (from, to) in [(i64::MIN, i64::MAX), (17, 400), (400, 401), (9, 9), (5_000, 6_000)] {
                assert_eq!(index.count(from, to), index.slice(from, to).n_rows(), "{from} {to}");
            }
        }
        let empty = TimeIndex::new(&table(&[]), 0).unwrap();
        assert!(empty.span().is_none() && empty.slice(0, 9).chunks.is_empty());
    }
}
