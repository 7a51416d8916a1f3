//! Sources: the rows of a table, and `range`.

use crate::execution::Run;
use arrow_array::Array;
use kql_data::{Batch, Chunk, Column, ColumnBuilder, Decimal, Fault, Type, Value};
use kql_parser::plan::{ExprId, NodeId, Op};

/// The chunks of a table that may hold rows of interest.
pub(crate) fn scan(
    run: &Run<'_>,
    id: NodeId,
    name: &str,
    columns: &[usize],
    bounds: &[(usize, i64, i64)],
) -> Result<Vec<Batch>, Fault> {
    let execution = run.execution;
    let since = execution.time();
    let Some(table) = execution.tables.table(name) else {
        return Err(Fault::coded("SEM0100", format!("there is no table `{name}`")));
    };
    let mut batches = Vec::with_capacity(table.chunks.len());
    for chunk in &table.chunks {
        let is_outside = |(column, low, high): &(usize, i64, i64)| match chunk.ranges.get(*column) {
            Some(Some(range)) => range.max < *low || range.min > *high,
            _ => false,
        };
        if bounds.iter().any(is_outside) {
            continue;
        }
        let picked: Option<Vec<Column>> = columns.iter().map(|it| chunk.batch.columns.get(*it).cloned()).collect();
        let picked = picked.ok_or_else(|| Fault::new(format!("table `{name}` has changed its columns")))?;
        batches.push(Batch::new(picked, chunk.batch.n_rows));
    }
    execution.count(id, batches.iter().map(|it| it.n_rows).sum(), batches.len(), since);
    Ok(batches)
}

/// A column of a table, and the smallest and the largest value of it that is wanted.
pub(crate) type Bounds = (usize, i64, i64);

/// What the first `count` rows by a column of a scan are surely within: as many rows of one chunk are.
pub(crate) fn bounds_of_first(
    run: &Run<'_>,
    id: NodeId,
    column: usize,
    is_descending: bool,
    count: usize,
) -> Option<Bounds> {
    let Some(Op::Scan { table, columns, bounds }) = run.execution.plan.node(id).map(|it| &it.op) else { return None };
    let column = *columns.get(column).filter(|_| bounds.is_empty())?;
    let table = run.execution.tables.table(table)?;
    let worst = |chunk: &Chunk| {
        let column_of = chunk.batch.columns.get(column)?;
        let (Column::Long(values) | Column::Datetime(values) | Column::Timespan(values)) = column_of else {
            return None;
        };
        let range = chunk.ranges.get(column).copied().flatten()?;
        let is_enough = chunk.batch.n_rows >= count && values.null_count() == 0;
        is_enough.then_some(if is_descending { range.min } else { range.max })
    };
    let all = table.chunks.iter().filter_map(|it| worst(it));
    Some(if is_descending { (column, all.max()?, i64::MAX) } else { (column, i64::MIN, all.min()?) })
}

/// Rows of a `range` at most: of those that are made when they are wanted, and of all others.
const RANGE_ROWS_MAX: i128 = 1 << 36;

/// Evenly spaced whole numbers or times, not made yet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Steps {
    ty: Type,
    from: i64,
    step: i64,
    pub(crate) n_rows: usize,
}

impl Steps {
    /// The same in parts of so many rows.
    pub(crate) fn parts(self, rows_max: usize) -> impl Iterator<Item = Steps> {
        let part = move |first: usize| Steps {
            from: self.from.wrapping_add((first as i64).wrapping_mul(self.step)),
            n_rows: rows_max.min(self.n_rows - first),
            ..self
        };
        (0..self.n_rows).step_by(rows_max.max(1)).map(part)
    }

    /// Its rows.
    pub(crate) fn batch(self) -> Batch {
        // Every value lies between the bounds, so none wraps.
        let values = (0..self.n_rows as i64).map(|it| self.from.wrapping_add(it.wrapping_mul(self.step)));
        let column = match self.ty {
            Type::Int => {
                let mut out = ColumnBuilder::new(Type::Int, self.n_rows);
                values.for_each(|it| out.push(&i32::try_from(it).map_or(Value::Null, Value::Int)));
                out.finish()
            }
            ty => match Column::longs(values.collect()) {
                Column::Long(it) if ty == Type::Datetime => Column::Datetime(it),
                Column::Long(it) if ty == Type::Timespan => Column::Timespan(it),
                other => other,
            },
        };
        Batch::new(vec![column], self.n_rows)
    }
}

fn bounds(run: &Run<'_>, bounds: [ExprId; 3]) -> Result<[Value; 3], Fault> {
    let [from, to, step] = bounds;
    Ok([run.constant(from)?, run.constant(to)?, run.constant(step)?])
}

/// A `range` of whole numbers or times; `None` for any other node.
pub(crate) fn steps(run: &Run<'_>, id: NodeId) -> Result<Option<Steps>, Fault> {
    let Some(node) = run.execution.plan.node(id) else { return Ok(None) };
    let Op::Range { from, to, step } = node.op else { return Ok(None) };
    let [from, to, step] = bounds(run, [from, to, step])?;
    if matches!(from, Value::Real(_) | Value::Decimal(_)) {
        return Ok(None);
    }
    let ty = node.schema.fields.first().map_or(Type::Long, |it| it.ty);
    let (Some(from), Some(to), Some(step)) = (ticks(&from), ticks(&to), ticks(&step)) else {
        return Ok(Some(Steps { ty, from: 0, step: 0, n_rows: 0 }));
    };
    let distance = i128::from(to) - i128::from(from);
    let leads_there = step != 0 && (distance == 0 || (distance > 0) == (step > 0));
    let n_rows = if leads_there { distance / i128::from(step) + 1 } else { 0 };
    if n_rows > RANGE_ROWS_MAX {
        return Err(Fault::new(format!("`range` would give {n_rows} rows; {RANGE_ROWS_MAX} are allowed")));
    }
    Ok(Some(Steps { ty, from, step, n_rows: n_rows as usize }))
}

/// A `range` of other numbers.
pub(crate) fn range(run: &Run<'_>, id: NodeId, exprs: [ExprId; 3]) -> Result<Vec<Batch>, Fault> {
    let execution = run.execution;
    let since = execution.time();
    let ty = execution.plan.schema(id).fields.first().map_or(Type::Real, |it| it.ty);
    let mut held = execution.cx.budget.reserve(0, "`range`")?;
    let mut out = ColumnBuilder::new(ty, 0);
    let mut put = |value: Value| -> Result<(), Fault> {
        if out.len().is_multiple_of(4_096) {
            execution.cx.check()?;
            held.grow(4_096 * value.bytes(), "`range`")?;
        }
        out.push(&value);
        Ok(())
    };
    match bounds(run, exprs)? {
        [Value::Real(from), Value::Real(to), Value::Real(step)] => reals(from, to, step, &mut put)?,
        [Value::Decimal(from), Value::Decimal(to), Value::Decimal(step)] => {
            let (zero, mut at) = (Decimal::from(0), from);
            let is_inside = |at: &Decimal| if step > zero { *at <= to } else { *at >= to };
            while !step.is_zero() && is_inside(&at) {
                put(Value::Decimal(at.clone()))?;
                let next = &at + &step;
                // A step too small to change the value would never end.
                if next == at {
                    break;
                }
                at = next;
            }
        }
        _ => {}
    }
    let column = out.finish();
    let n_rows = column.len();
    execution.count(id, n_rows, 1, since);
    Ok(vec![Batch::new(vec![column], n_rows)])
}

fn ticks(value: &Value) -> Option<i64> {
    match value {
        Value::Int(it) => Some(i64::from(*it)),
        Value::Long(it) | Value::Datetime(it) | Value::Timespan(it) => Some(*it),
        _ => None,
    }
}

fn reals(from: f64, to: f64, step: f64, put: &mut dyn FnMut(Value) -> Result<(), Fault>) -> Result<(), Fault> {
    let mut at = from;
    while step != 0.0 && step.is_finite() && (if step > 0.0 { at <= to } else { at >= to }) {
        put(Value::Real(at))?;
        // A step too small to change the value would never end.
        if at + step == at {
            break;
        }
        at += step;
    }
    Ok(())
}
