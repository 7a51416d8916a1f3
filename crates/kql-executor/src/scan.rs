//! Sources: the rows of a table, and `range`.

use crate::{execution::Run, stream::Rows};
use kql_data::{Batch, Column, ColumnBuilder, Fault, Type, Value};
use kql_parser::plan::{ExprId, Node, NodeId};

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

/// `range`: one column of evenly spaced values.
pub(crate) fn range(run: &Run<'_>, node: &Node, bounds: [ExprId; 3]) -> Result<Rows, Fault> {
    let execution = run.execution;
    let ty = node.schema.fields.first().map_or(Type::Long, |it| it.ty);
    let mut values = Vec::with_capacity(3);
    for it in bounds {
        values.push(run.constant(it)?);
    }
    let mut out = Rows::default();
    let mut held = execution.cx.budget.reserve(0, "`range`")?;
    let mut builder = ColumnBuilder::new(ty, 0);
    let mut put = |value: Option<Value>| -> Result<(), Fault> {
        if let Some(it) = &value {
            builder.push(it);
        }
        if builder.len() >= execution.batch_rows || (value.is_none() && !builder.is_empty()) {
            execution.cx.check()?;
            let column = std::mem::replace(&mut builder, ColumnBuilder::new(ty, 0)).finish();
            held.grow(column.bytes(), "`range`")?;
            let n_rows = column.len();
            out.batches.push(Batch::new(vec![column], n_rows));
        }
        Ok(())
    };
    match values.as_slice() {
        [Value::Real(from), Value::Real(to), Value::Real(step)] => reals(*from, *to, *step, &mut put)?,
        [Value::Decimal(from), Value::Decimal(to), Value::Decimal(step)] => {
            let (zero, mut at) = (kql_data::Decimal::from(0), from.clone());
            let is_inside = |at: &kql_data::Decimal| if *step > zero { at <= to } else { at >= to };
            while !step.is_zero() && is_inside(&at) {
                put(Some(Value::Decimal(at.clone())))?;
                at = &at + step;
            }
        }
        [from, to, step] => {
            if let (Some(from), Some(to), Some(step)) = (ticks(from), ticks(to), ticks(step)) {
                longs(from, to, step, ty, &mut put)?;
            }
        }
        _ => {}
    }
    put(None)?;
    out.held.push(held);
    Ok(out)
}

fn ticks(value: &Value) -> Option<i64> {
    match value {
        Value::Int(it) => Some(i64::from(*it)),
        Value::Long(it) | Value::Datetime(it) | Value::Timespan(it) => Some(*it),
        _ => None,
    }
}

fn longs(
    from: i64,
    to: i64,
    step: i64,
    ty: Type,
    put: &mut dyn FnMut(Option<Value>) -> Result<(), Fault>,
) -> Result<(), Fault> {
    let mut at = from;
    while step != 0 && (if step > 0 { at <= to } else { at >= to }) {
        put(Some(match ty {
            Type::Int => i32::try_from(at).map_or(Value::Null, Value::Int),
            Type::Datetime => Value::Datetime(at),
            Type::Timespan => Value::Timespan(at),
            _ => Value::Long(at),
        }))?;
        let Some(next) = at.checked_add(step) else { break };
        at = next;
    }
    Ok(())
}

fn reals(from: f64, to: f64, step: f64, put: &mut dyn FnMut(Option<Value>) -> Result<(), Fault>) -> Result<(), Fault> {
    let mut at = from;
    while step != 0.0 && step.is_finite() && (if step > 0.0 { at <= to } else { at >= to }) {
        put(Some(Value::Real(at)))?;
        // A step too small to change the value would never end.
        if at + step == at {
            break;
        }
        at += step;
    }
    Ok(())
}
