//! `pivot`: the values of one column become columns.

use super::{Answer, Call, names::Names};
use crate::{group::Grouper, sort::compare_values};
use kql_data::{Batch, Column, Fault, Field, Schema, Type, Value};
use kql_parser::plan::{AggregateExpr, EvaluateValue, Expr};

pub(super) fn run(call: &Call<'_>) -> Answer {
    let (input, schema) = (call.input()?, call.schema(0)?);
    let pivot = call.column_index("pivotColumn", 0)?;
    let (aggregate, first_key) = match call.positional(1) {
        Some(EvaluateValue::Aggregate(it)) => (it.clone(), 2),
        _ => (count(call)?, 1),
    };
    let keys = keys(call, schema, pivot, &aggregate, first_key)?;

    let values = call.values(&EvaluateValue::Column(pivot))?;
    let mut by_value = Grouper::new(vec![values.ty()], &call.execution.cx.budget, call.name)?;
    let value_numbers = by_value.assign(std::slice::from_ref(&values), input.n_rows)?;
    let value_keys = by_value.keys()?;
    let n_values = by_value.len();
    call.check_columns(n_values)?;
    let key_columns: Vec<Column> = keys.iter().filter_map(|it| input.columns.get(*it).cloned()).collect();
    let mut by_key = Grouper::new(key_columns.iter().map(Column::ty).collect(), &call.execution.cx.budget, call.name)?;
    let key_numbers = by_key.assign(&key_columns, input.n_rows)?;
    let n_keys = by_key.len();

    // One group a cell, those without rows among them.
    let n_cells = n_keys.saturating_mul(n_values);
    let _held = call.execution.cx.budget.reserve(n_cells.saturating_mul(64), call.name)?;
    if n_cells >= u32::MAX as usize {
        return Err(call.wrong("it would give too many cells"));
    }
    let cells: Vec<u32> =
        key_numbers.iter().zip(&value_numbers).map(|(key, value)| value * n_keys as u32 + key).collect();
    let (calls, args) = call.aggregate(&aggregate)?;
    let outputs = calls.by_number(call.execution, &cells, n_cells, &args)?;
    let output = outputs.into_iter().flatten().next().ok_or_else(|| call.wrong("the aggregate gives no column"))?;

    let mut fields: Vec<Field> = keys.iter().filter_map(|it| schema.fields.get(*it).cloned()).collect();
    let mut names = Names::new(fields.iter().map(|it| &*it.name));
    let mut columns = by_key.keys()?;
    let value_of = |number: usize| value_keys.first().map_or(Value::Null, |it| it.value(number));
    let mut order: Vec<usize> = (0..n_values).collect();
    order.sort_by(|a, b| compare_values(&value_of(*a), &value_of(*b)));
    for number in order {
        fields.push(Field::new(names.take(&value_of(number).text()), output.ty()));
        columns.push(output.slice(number * n_keys, n_keys));
    }
    Ok((Schema::new(fields), vec![Batch::new(columns, n_keys)]))
}

/// The columns that stay: those named, or all that neither the pivot nor the aggregate reads.
fn keys(
    call: &Call<'_>,
    schema: &Schema,
    pivot: usize,
    aggregate: &AggregateExpr,
    first_key: usize,
) -> Result<Vec<usize>, Fault> {
    let mut keys = Vec::new();
    let mut at = first_key;
    while let Some(value) = call.positional(at) {
        match value {
            EvaluateValue::Column(index) => keys.push(*index),
            _ => return Err(call.wrong("what follows the aggregate must be columns")),
        }
        at += 1;
    }
    if !keys.is_empty() {
        return Ok(keys);
    }
    let mut read = vec![pivot];
    for id in crate::program::reachable(call.execution, &aggregate.args) {
        if let Expr::Column { index, .. } = call.execution.plan.expr(id) {
            read.push(*index);
        }
    }
    Ok((0..schema.len()).filter(|it| !read.contains(it)).collect())
}

/// `count()`, which is meant when no aggregate is given.
fn count(call: &Call<'_>) -> Result<AggregateExpr, Fault> {
    let aggregate = kql_functions::aggregate("count").ok_or_else(|| call.wrong("`count` is not there"))?;
    let resolved = aggregate.resolve(&[])?;
    Ok(AggregateExpr { aggregate, overload: resolved.overload, args: Vec::new(), outputs: vec![Type::Long] })
}
