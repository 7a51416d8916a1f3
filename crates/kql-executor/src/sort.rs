//! Rows in the order of keys. `top` keeps only what it may still need.

use crate::{
    execution::{Execution, Run},
    group::joined,
    program::{Program, count_of},
    stream::Rows,
};
use arrow_array::Array;
use kql_data::{Batch, Column, Fault, StringReader, Value};
use kql_parser::{
    plan::{ExprId, NodeId, SortKey},
    syntax::Direction,
};
use std::{cmp::Ordering, ops::ControlFlow};

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
    let parts = run.fold(&stream, usize::MAX, make, |(batches, held), batch: Batch| {
        // The first rows of all are among the first of each batch.
        let batch = match limit {
            Some(n) if n.saturating_mul(4) < batch.n_rows => {
                let columns = program.run(execution, &batch)?;
                batch.take(&order(&columns, keys, batch.n_rows, Some(n)))
            }
            _ => batch,
        };
        held.grow(batch.bytes(), BY)?;
        batches.push(batch);
        Ok(ControlFlow::Continue(()))
    })?;
    let (parts, held): (Vec<_>, Vec<_>) = parts.into_iter().unzip();
    let batches: Vec<Batch> = parts.into_iter().flatten().collect();
    let _joined = execution.cx.budget.reserve(batches.iter().map(Batch::bytes).sum(), BY)?;
    let whole = joined(&execution.plan.schema(input), &batches)?;
    drop((batches, held));
    let sorted = sorted(execution, &program, keys, &whole, limit)?;
    Rows::reserved(run, vec![sorted], BY)
}

fn sorted(
    execution: &Execution<'_>,
    program: &Program,
    keys: &[SortKey],
    whole: &Batch,
    limit: Option<usize>,
) -> Result<Batch, Fault> {
    let columns = program.run(execution, whole)?;
    let _order = execution.cx.budget.reserve(whole.n_rows.saturating_mul(16), BY)?;
    execution.cx.check()?;
    let rows = order(&columns, keys, whole.n_rows, limit);
    execution.cx.check()?;
    Ok(whole.take(&rows))
}

/// The rows in order, or the first of them. Equal rows keep their order.
pub(crate) fn order(columns: &[Column], keys: &[SortKey], n_rows: usize, limit: Option<usize>) -> Vec<u32> {
    let cells: Vec<(Cells<'_>, SortKey)> =
        columns.iter().zip(keys).map(|(column, key)| (Cells::new(column), *key)).collect();
    // A number that orders most rows by the first key already.
    let prefix = |row: usize| cells.first().map_or(0, |(it, key)| it.prefix(row, key));
    let mut rows: Vec<(u64, u32)> = (0..n_rows).map(|row| (prefix(row), row as u32)).collect();
    let only_prefix = matches!(cells.as_slice(), [] | [(Cells::Ranks(..), _)]);
    let compare = |a: &(u64, u32), b: &(u64, u32)| {
        let mut found = a.0.cmp(&b.0);
        if found == Ordering::Equal && !only_prefix {
            found = cells
                .iter()
                .map(|(it, key)| it.compare(a.1 as usize, b.1 as usize, key))
                .find(|it| *it != Ordering::Equal)
                .unwrap_or(Ordering::Equal);
        }
        found.then(a.1.cmp(&b.1))
    };
    if let Some(limit) = limit
        && limit < n_rows
    {
        if limit > 0 {
            _ = rows.select_nth_unstable_by(limit - 1, compare);
        }
        rows.truncate(limit);
    }
    rows.sort_unstable_by(compare);
    rows.into_iter().map(|it| it.1).collect()
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
    fn new(column: &'a Column) -> Cells<'a> {
        match column {
            Column::Bool(_) | Column::Constant { .. } => Cells::Bools(column),
            Column::Long(it) | Column::Datetime(it) | Column::Timespan(it) => Cells::Longs(it.values(), it.nulls()),
            Column::Real(it) => Cells::Reals(it.values(), it.nulls()),
            Column::Dictionary(it) if it.dictionary.len() <= it.codes.len() => {
                let values = it.dictionary.values();
                let mut codes: Vec<u32> = (0..values.len() as u32).collect();
                codes.sort_unstable_by_key(|code| values.value(*code as usize));
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
        }
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
            Cells::Bools(Column::Bool(it)) => u64::from(it.value(row)),
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

    /// A number that never orders two rows the wrong way, by direction and place of nulls.
    fn prefix(&self, row: usize, key: &SortKey) -> u64 {
        let class = self.class(row);
        if class != Class::Plain {
            return if key.nulls_first { 0 } else { u64::MAX };
        }
        let ascending = self.ascending(row);
        if key.direction == Direction::Descending { !ascending } else { ascending }
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
enum Class {
    Null,
    Nan,
    Plain,
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
