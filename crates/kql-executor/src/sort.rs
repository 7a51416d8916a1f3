//! Rows in the order of keys. `top` keeps only what it may still need.

mod parts;

use crate::{
    execution::{Execution, Run},
    fold::Deal,
    group::joined,
    program::{Program, count_of},
    scan,
    stream::Rows,
};
use arrow_array::Array;
use kql_data::{Batch, Column, Context, Fault, StringReader, Type, Value};
use kql_parser::{
    plan::{Expr, ExprId, NodeId, SortKey},
    syntax::Direction,
};
use std::{
    cmp::Ordering,
    ops::ControlFlow,
    sync::atomic::{AtomicI64, Ordering as AtomicOrdering},
};

const BY: &str = "`sort`";

/// `Op::Sort`.
pub(crate) fn run(
    run: &Run<'_>,
    id: NodeId,
    input: NodeId,
    keys: &[SortKey],
    limit: Option<ExprId>,
) -> Result<Rows, Fault> {
    let execution = run.execution;
    let roots: Vec<ExprId> = keys.iter().map(|it| it.value).collect();
    let program = run.program(id, 0, &roots)?;
    let limit = match limit {
        Some(it) => Some(count_of(&run.constant(it)?)),
        None => None,
    };
    if limit == Some(0) {
        return Ok(Rows::default());
    }
    let stream = run.stream(id, 0, input, None)?;
    let make = || Ok((Vec::new(), execution.cx.budget.reserve(0, BY)?));
    let wanted = limit.and_then(|limit| {
        let key = keys.first().filter(|it| !it.nulls_first)?;
        let Expr::Column { index, .. } = execution.plan.expr(key.value) else { return None };
        scan::bounds_of_first(run, input, *index, key.direction == Direction::Descending, limit)
    });
    let bound = Bound::new(keys.first());
    let parts = run.fold_wanted(&stream, wanted, Deal::Each, make, |(batches, held), batch: Batch| {
        // The first rows of all are among the first of each batch.
        let batch = match limit {
            Some(n) if n.saturating_mul(4) < batch.n_rows => {
                let columns = program.run(execution, &batch)?;
                let rows = first_rows(execution.cx, &columns, keys, batch.n_rows, n, &bound)?;
                if rows.is_empty() {
                    return Ok(ControlFlow::Continue(()));
                }
                batch.take(&rows)
            }
            _ => batch,
        };
        held.grow(batch.bytes_not_held(), BY)?;
        batches.push(batch);
        Ok(ControlFlow::Continue(()))
    })?;
    let (parts, held): (Vec<_>, Vec<_>) = parts.into_iter().unzip();
    let mut batches: Vec<Batch> = parts.into_iter().flatten().collect();
    if let Some(limit) = limit {
        batches = thinned(execution, &program, keys, batches, limit)?;
    }
    let _joined = execution.cx.budget.reserve(batches.iter().map(Batch::bytes).sum(), BY)?;
    let whole = joined(&execution.plan.schema(input), &batches)?;
    drop((batches, held));
    let sorted = sorted(execution, &program, keys, &whole, limit)?;
    Rows::reserved(run, vec![sorted], BY)
}

/// Of many batches those rows that are among the first of all: most batches have none, and wide rows are joined no more than
/// they must.
fn thinned(
    execution: &Execution<'_>,
    program: &Program,
    keys: &[SortKey],
    batches: Vec<Batch>,
    limit: usize,
) -> Result<Vec<Batch>, Fault> {
    let n_rows: usize = batches.iter().map(|it| it.n_rows).sum();
    if batches.len() < 2 || limit >= n_rows || program.is_volatile {
        return Ok(batches);
    }
    let mut by_key: Vec<Vec<Column>> = vec![Vec::with_capacity(batches.len()); keys.len()];
    for batch in &batches {
        for (all, column) in by_key.iter_mut().zip(program.run(execution, batch)?.iter()) {
            all.push(column.clone());
        }
    }
    let joined = by_key.iter().map(|it| Column::concat(it.first().map_or(Type::Dynamic, Column::ty), it));
    let mut first = order(execution.cx, &joined.collect::<Result<Vec<Column>, Fault>>()?, keys, n_rows, Some(limit))?;
    first.sort_unstable();
    let mut out = Vec::new();
    let (mut first, mut from) = (first.as_slice(), 0);
    for batch in batches {
        let (inside, later) = first.split_at(first.partition_point(|it| (*it as usize) < from + batch.n_rows));
        if !inside.is_empty() {
            let rows: Vec<u32> = inside.iter().map(|it| it - from as u32).collect();
            out.push(batch.take(&rows));
        }
        (first, from) = (later, from + batch.n_rows);
    }
    Ok(out)
}

fn sorted(
    execution: &Execution<'_>,
    program: &Program,
    keys: &[SortKey],
    whole: &Batch,
    limit: Option<usize>,
) -> Result<Batch, Fault> {
    let columns = program.run(execution, whole)?;
    execution.cx.check()?;
    let rows = order(execution.cx, &columns, keys, whole.n_rows, limit)?;
    let _order = execution.cx.budget.reserve(rows.len().saturating_mul(size_of::<u32>()), BY)?;
    execution.cx.check()?;
    Ok(whole.take(&rows))
}

/// Rows of which the largest and the smallest key are found at once.
const BLOCK: usize = 128;

/// The first key, of numbers and times, that the last of the first rows surely has, or a better one: as many rows of one batch
/// have. Batches of any thread tell it, and it only spares work.
struct Bound {
    is_descending: bool,
    value: AtomicI64,
}

impl Bound {
    fn new(key: Option<&SortKey>) -> Bound {
        let is_descending = key.is_some_and(|it| it.direction == Direction::Descending);
        Bound { is_descending, value: AtomicI64::new(if is_descending { i64::MIN } else { i64::MAX }) }
    }

    fn tell(&self, last: i64) {
        _ = match self.is_descending {
            true => self.value.fetch_max(last, AtomicOrdering::Relaxed),
            false => self.value.fetch_min(last, AtomicOrdering::Relaxed),
        };
    }

    /// Whether a value is as good as another.
    #[inline]
    fn is_within(&self, value: i64, other: i64) -> bool {
        if self.is_descending { value >= other } else { value <= other }
    }
}

/// The first rows in order, of many, or those of them that may be among the first of all.
fn first_rows(
    cx: &Context,
    columns: &[Column],
    keys: &[SortKey],
    n_rows: usize,
    limit: usize,
    bound: &Bound,
) -> Result<Vec<u32>, Fault> {
    let candidates = columns.first().and_then(|column| candidates(column, limit, bound));
    let Some(candidates) = candidates.filter(|it| it.len() < n_rows) else {
        return order(cx, columns, keys, n_rows, Some(limit));
    };
    let columns: Vec<Column> = columns.iter().map(|it| it.take(&candidates)).collect();
    let first = order(cx, &columns, keys, candidates.len(), Some(limit))?;
    if let (Some(last), Some(Column::Long(it) | Column::Datetime(it) | Column::Timespan(it))) =
        (first.get(limit - 1), columns.first())
    {
        it.values().get(*last as usize).into_iter().for_each(|it| bound.tell(*it));
    }
    Ok(first.iter().filter_map(|it| candidates.get(*it as usize).copied()).collect())
}

/// Rows among which the first rows surely are, as far as they may be among the first of all, ties included, ascending; `None`
/// when the key does not tell at once.
fn candidates(column: &Column, limit: usize, bound: &Bound) -> Option<Vec<u32>> {
    let (Column::Long(values) | Column::Datetime(values) | Column::Timespan(values)) = column else { return None };
    if values.null_count() > 0 || limit == 0 || values.len() / BLOCK < limit.saturating_mul(2) {
        return None;
    }
    let blocks = values.values().chunks(BLOCK);
    let best: Vec<i64> = if bound.is_descending {
        blocks.map(|it| best_of(it, i64::MIN, i64::max)).collect()
    } else {
        blocks.map(|it| best_of(it, i64::MAX, i64::min)).collect()
    };
    let mut last = bound.value.load(AtomicOrdering::Relaxed);
    if best.iter().filter(|it| bound.is_within(**it, last)).count() > limit.saturating_mul(2) {
        // The best of so many blocks are at least as good as the last of the rows wanted.
        let mut best = best.clone();
        let order = |a: &i64, b: &i64| if bound.is_descending { b.cmp(a) } else { a.cmp(b) };
        last = *best.select_nth_unstable_by(limit - 1, order).1;
    }
    let mut rows = Vec::new();
    for ((block, best), first) in values.values().chunks(BLOCK).zip(&best).zip((0_u32..).step_by(BLOCK)) {
        if bound.is_within(*best, last) {
            rows.extend((first..).zip(block).filter(|(_, it)| bound.is_within(**it, last)).map(|(row, _)| row));
        }
    }
    Some(rows)
}

/// The best of some numbers: several at a time, so that none waits for the one before.
#[inline]
fn best_of(values: &[i64], worst: i64, better: impl Fn(i64, i64) -> i64) -> i64 {
    let (eights, rest) = values.as_chunks::<8>();
    let mut best = [worst; 8];
    for eight in eights {
        best.iter_mut().zip(eight).for_each(|(best, it)| *best = better(*best, *it));
    }
    best.iter().chain(rest).fold(worst, |best, it| better(best, *it))
}

/// The rows in order, or the first of them. Equal rows keep their order.
pub(crate) fn order(
    cx: &Context,
    columns: &[Column],
    keys: &[SortKey],
    n_rows: usize,
    limit: Option<usize>,
) -> Result<Vec<u32>, Fault> {
    let cells = columns.iter().zip(keys).map(|(column, key)| Ok((Cells::new(cx, column)?, *key)));
    let cells: Vec<(Cells<'_>, SortKey)> = cells.collect::<Result<_, Fault>>()?;
    // As much of the keys as fits into one number: it orders most rows, and often all of them.
    let n_bits: u32 = cells.iter().map(|(it, _)| it.width().unwrap_or(u128::BITS)).fold(0, u32::saturating_add);
    // The numbers and rows, and which part a row is dealt to.
    let n_bytes =
        if n_bits <= u64::BITS { size_of::<(u64, u32)>() } else { size_of::<(u128, u32)>() } + size_of::<u16>();
    let _held = cx.budget.reserve(n_rows.saturating_mul(n_bytes), BY)?;
    if n_bits <= u64::BITS {
        let rows = (0..n_rows).map(|row| (prefix(&cells, row, u64::BITS) as u64, row as u32)).collect();
        ordered(cx, rows, limit, |_, _| Ordering::Equal)
    } else {
        let rows = (0..n_rows).map(|row| (prefix(&cells, row, u128::BITS), row as u32)).collect();
        let is_exact = n_bits <= u128::BITS && cells.iter().all(|(it, _)| it.width().is_some());
        ordered(cx, rows, limit, |a, b| {
            let compare = |(it, key): &(Cells<'_>, SortKey)| it.compare(a as usize, b as usize, key);
            if is_exact {
                Ordering::Equal
            } else {
                cells.iter().map(compare).find(|it| it.is_ne()).unwrap_or(Ordering::Equal)
            }
        })
    }
}

/// Sorts rows by their numbers, those of equal numbers by `ties`, and then by place.
fn ordered<P: Ord + Copy>(
    cx: &Context,
    mut rows: Vec<(P, u32)>,
    limit: Option<usize>,
    ties: impl Fn(u32, u32) -> Ordering,
) -> Result<Vec<u32>, Fault> {
    let compare = |a: &(P, u32), b: &(P, u32)| a.0.cmp(&b.0).then_with(|| ties(a.1, b.1)).then(a.1.cmp(&b.1));
    if let Some(limit) = limit
        && limit < rows.len()
    {
        if limit > 0 {
            _ = rows.select_nth_unstable_by(limit - 1, compare);
        }
        rows.truncate(limit);
    }
    Ok(parts::sort(cx, rows, compare)?.into_iter().map(|it| it.1).collect())
}

/// The first bits of a row's keys, such that rows are never ordered the wrong way.
fn prefix(cells: &[(Cells<'_>, SortKey)], row: usize, n_bits: u32) -> u128 {
    let (mut out, mut left) = (0_u128, n_bits);
    for (cells, key) in cells {
        let (value, width) = cells.bits(row, key);
        if width > left {
            // Only the head of this key fits, so nothing may follow.
            let head = value >> (width - left);
            return if left == u128::BITS { head } else { (out << left) | head };
        }
        out = if width == u128::BITS { value } else { (out << width) | value };
        left -= width;
        if cells.width().is_none() {
            break;
        }
    }
    if left == u128::BITS { 0 } else { out << left }
}

/// The cells of a key, ready to be compared.
enum Cells<'a> {
    Bools(&'a Column),
    Longs(&'a [i64], Option<&'a arrow_buffer::NullBuffer>),
    Reals(&'a [f64], Option<&'a arrow_buffer::NullBuffer>),
    /// Strings by dictionary: the rank of each code among all entries.
    Ranks(&'a [u32], Vec<u32>),
    Texts(StringReader<'a>),
    Values(Vec<Value>),
}

impl<'a> Cells<'a> {
    fn new(cx: &Context, column: &'a Column) -> Result<Cells<'a>, Fault> {
        Ok(match column {
            Column::Bool(_) | Column::Constant { .. } => Cells::Bools(column),
            Column::Long(it) | Column::Datetime(it) | Column::Timespan(it) => {
                Cells::Longs(it.values(), it.nulls().filter(|it| it.null_count() > 0))
            }
            Column::Real(it) => Cells::Reals(it.values(), it.nulls()),
            Column::Dictionary(it) if it.dictionary.len() <= it.codes.len() => {
                let values = it.dictionary.values();
                // Entries of a dictionary differ from each other.
                let by_text = |a: &u32, b: &u32| values.value(*a as usize).cmp(values.value(*b as usize));
                let codes = parts::sort(cx, (0..values.len() as u32).collect(), by_text)?;
                let mut ranks = vec![0; codes.len()];
                for (rank, code) in codes.iter().enumerate() {
                    if let Some(it) = ranks.get_mut(*code as usize) {
                        *it = rank as u32;
                    }
                }
                Cells::Ranks(&it.codes, ranks)
            }
            Column::String(_) | Column::Dictionary(_) => Cells::Texts(column.string_reader()),
            other => Cells::Values((0..other.len()).map(|row| other.value(row)).collect()),
        })
    }

    fn class(&self, row: usize) -> Class {
        match self {
            Cells::Bools(it) => Class::null(matches!(it, Column::Bool(_)) && it.is_null(row)),
            Cells::Longs(_, nulls) => Class::null(nulls.is_some_and(|it| it.is_null(row))),
            Cells::Reals(_, nulls) if nulls.is_some_and(|it| it.is_null(row)) => Class::Null,
            Cells::Reals(values, _) => Class::nan(values.get(row).is_some_and(|it| it.is_nan())),
            Cells::Values(values) => match values.get(row) {
                Some(Value::Real(it)) => Class::nan(it.is_nan()),
                Some(Value::Null) | None => Class::Null,
                _ => Class::Plain,
            },
            Cells::Ranks(..) | Cells::Texts(_) => Class::Plain,
        }
    }

    /// A number that orders plain cells ascending as far as it goes.
    fn ascending(&self, row: usize) -> u64 {
        match self {
            Cells::Bools(Column::Bool(it)) => u64::from(it.is_valid(row) && it.value(row)),
            Cells::Bools(_) | Cells::Values(_) => 0,
            Cells::Longs(values, _) => values.get(row).map_or(0, |it| (*it as u64) ^ (1 << 63)),
            Cells::Reals(values, _) => values.get(row).map_or(0, |it| {
                let bits = (it + 0.0).to_bits();
                if bits >> 63 == 1 { !bits } else { bits | (1 << 63) }
            }),
            Cells::Ranks(codes, ranks) => {
                codes.get(row).and_then(|it| ranks.get(*it as usize)).map_or(0, |it| u64::from(*it))
            }
            Cells::Texts(reader) => {
                let text = reader.get(row).as_bytes();
                let mut head = [0; 8];
                head.iter_mut().zip(text).for_each(|(out, it)| *out = *it);
                u64::from_be_bytes(head)
            }
        }
    }

    /// Bits that tell all different cells apart; `None` when no number does.
    fn width(&self) -> Option<u32> {
        match self {
            Cells::Bools(_) => Some(2),
            Cells::Longs(_, None) => Some(64),
            Cells::Longs(_, Some(_)) => Some(65),
            Cells::Reals(..) => Some(66),
            Cells::Ranks(..) => Some(32),
            Cells::Texts(_) | Cells::Values(_) => None,
        }
    }

    /// The cell as a number of so many bits, by direction and place of nulls.
    fn bits(&self, row: usize, key: &SortKey) -> (u128, u32) {
        let ascending = self.ascending(row);
        let plain = |n_bits: u32| {
            let mask = u64::MAX >> (64 - n_bits.clamp(1, 64));
            u128::from(if key.direction == Direction::Descending { !ascending & mask } else { ascending })
        };
        let class = u128::from(self.class(row) as u8);
        let class_of = |last: u128| if key.nulls_first { class } else { last - class };
        match self {
            Cells::Bools(_) => {
                let is_null = class == Class::Null as u8 as u128;
                // Null, false, true: or the other way round.
                let value = if key.nulls_first { plain(1) + 1 } else { plain(1) };
                (
                    if !is_null {
                        value
                    } else if key.nulls_first {
                        0
                    } else {
                        2
                    },
                    2,
                )
            }
            Cells::Longs(_, None) => (plain(64), 64),
            Cells::Longs(..) => {
                let is_null = class == Class::Null as u8 as u128;
                let side = u128::from(is_null != key.nulls_first);
                ((side << 64) | if is_null { 0 } else { plain(64) }, 65)
            }
            Cells::Reals(..) => {
                let value = if class == Class::Plain as u8 as u128 { plain(64) } else { 0 };
                ((class_of(2) << 64) | value, 66)
            }
            Cells::Ranks(..) => (plain(32), 32),
            Cells::Texts(_) => (plain(64), 64),
            // Classes alone.
            Cells::Values(_) => (class_of(2), 2),
        }
    }

    fn compare(&self, a: usize, b: usize, key: &SortKey) -> Ordering {
        let classes = self.class(a).cmp(&self.class(b));
        if classes != Ordering::Equal {
            return if key.nulls_first { classes } else { classes.reverse() };
        }
        let plain = match self {
            Cells::Texts(reader) => reader.get(a).cmp(reader.get(b)),
            Cells::Values(values) => match (values.get(a), values.get(b)) {
                (Some(a), Some(b)) => compare_values(a, b),
                _ => Ordering::Equal,
            },
            _ if self.class(a) != Class::Plain => Ordering::Equal,
            _ => self.ascending(a).cmp(&self.ascending(b)),
        };
        if key.direction == Direction::Descending { plain.reverse() } else { plain }
    }
}

/// Null is the outermost, NaN is next to it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
enum Class {
    Null = 0,
    Nan = 1,
    Plain = 2,
}

impl Class {
    fn null(is_null: bool) -> Class {
        if is_null { Class::Null } else { Class::Plain }
    }

    fn nan(is_nan: bool) -> Class {
        if is_nan { Class::Nan } else { Class::Plain }
    }
}

/// The order of two values of one type; null is the smallest.
pub(crate) fn compare_values(a: &Value, b: &Value) -> Ordering {
    match (a, b) {
        (Value::Null, Value::Null) => Ordering::Equal,
        (Value::Null, _) => Ordering::Less,
        (_, Value::Null) => Ordering::Greater,
        (Value::Bool(a), Value::Bool(b)) => a.cmp(b),
        (Value::Int(a), Value::Int(b)) => a.cmp(b),
        (Value::Long(a), Value::Long(b)) => a.cmp(b),
        (Value::Datetime(a), Value::Datetime(b)) | (Value::Timespan(a), Value::Timespan(b)) => a.cmp(b),
        (Value::Real(a), Value::Real(b)) => a.partial_cmp(b).unwrap_or_else(|| b.is_nan().cmp(&a.is_nan())),
        (Value::Decimal(a), Value::Decimal(b)) => a.cmp(b),
        (Value::String(a), Value::String(b)) => a.cmp(b),
        (Value::Guid(a), Value::Guid(b)) => a.cmp(b),
        _ => a.to_dynamic().order(&b.to_dynamic()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kql_parser::plan::ExprId;

    /// The first rows of all are among those that batches give, whatever these tell each other.
    #[test]
    fn batches_give_the_first_rows_of_all() {
        let cx = Context::default();
        for direction in [Direction::Ascending, Direction::Descending] {
            for n_values in [3, 5_000, 1_000_000_007] {
                let key = SortKey { value: ExprId(0), direction, nulls_first: false };
                let (bound, limit, n_rows) = (Bound::new(Some(&key)), 4, 2_000);
                let values: Vec<i64> = (0..5 * n_rows as i64).map(|it| it * 7_919 % n_values).collect();
                let (mut found, mut n_found) = (Vec::new(), 0);
                for (batch, values) in values.chunks(n_rows).enumerate() {
                    let column = [Column::longs(values.to_vec())];
                    let rows = first_rows(&cx, &column, &[key], n_rows, limit, &bound).unwrap();
                    n_found += rows.len();
                    found.extend(rows.iter().map(|it| (values[*it as usize], batch * n_rows + *it as usize)));
                }
                let mut all: Vec<(i64, usize)> = values.into_iter().zip(0..).collect();
                for rows in [&mut all, &mut found] {
                    rows.sort_by_key(|it| if direction == Direction::Descending { -it.0 } else { it.0 });
                    rows.truncate(limit);
                }
                assert_eq!(found, all);
                assert!(n_found <= 5 * limit);
            }
        }
    }
}
