//! `top-nested`: the first values, and of each the first of the next level. `top-hitters`: the most frequent values.

use super::super::{Bind, Binder, Reported, Table, naming::Names};
use super::{columns, count, take};
use crate::{
    plan::{AggregateExpr, EvaluateArg, EvaluateValue, Expr, Op, SortKey},
    syntax::{Direction, TopHitters, TopNested, TopNestedLevel},
};
use kql_data::{Field, Schema, Type, Value};

pub(super) fn bind(b: &mut Binder<'_>, it: &TopNested, input: Table) -> Bind<Table> {
    let mut args = Vec::new();
    let mut fields = Vec::new();
    for level in &it.levels {
        bind_level(b, level, &input, &mut args, &mut fields)?;
    }
    // A name that a level above has gets a number.
    let mut names = Names::default();
    for field in &mut fields {
        *field = Field::new(names.free(&field.name), field.ty);
    }
    let op = Op::Evaluate { plugin: "top-nested".to_owned(), inputs: vec![input.node], args };
    Ok(b.new_table(op, Schema::new(fields)))
}

/// The arguments of one level: how many (null for all; its name `of` begins the level), the value, `others` (null for none),
/// whether downwards, the aggregates, and what is made of them unless that is the one itself.
fn bind_level(
    b: &mut Binder<'_>,
    level: &TopNestedLevel,
    input: &Table,
    args: &mut Vec<EvaluateArg>,
    fields: &mut Vec<Field>,
) -> Bind<()> {
    let n = match level.count {
        Some(id) => take::number(b, id)?,
        None => b.constant(Value::Null, Type::Long),
    };
    let mut values = columns::over(b, input, |b| columns::bind(b, std::slice::from_ref(&level.value)))?;
    let Some(value) = values.pop() else { return Err(Reported) };
    let ((rank, rank_name), calls) = columns::over(b, input, |b| {
        b.aggregating(0, |b| {
            let expr = b.scalar(level.by.value)?;
            Ok((expr, level.by.names.first().map(|it| it.text.clone())))
        })
    })?;
    if calls.is_empty() {
        return b.fail("SEM0098", level.by.span, "`top-nested` needs an aggregate behind `by`");
    }
    let others = match level.others {
        Some(id) => {
            let span = b.query.span(id);
            let expr = b.constant_scalar(id)?;
            let ty = b.ty(value.expr);
            b.argument_as(expr, ty, span)?
        }
        None => b.constant(Value::Null, Type::Dynamic),
    };
    let descending = level.direction != Some(Direction::Ascending);
    let name = value.spelled.or(value.natural).unwrap_or_else(|| format!("Column{}", fields.len() / 2 + 1));
    fields.push(Field::new(name.as_str(), b.ty(value.expr)));
    fields.push(Field::new(rank_name.unwrap_or_else(|| format!("aggregated_{name}")), b.ty(rank)));
    let descending = b.constant(Value::Bool(descending), Type::Bool);
    let arg = |value: EvaluateValue| EvaluateArg { name: None, value };
    args.push(EvaluateArg { name: Some("of".to_owned()), value: EvaluateValue::Expr(n) });
    args.extend([value.expr, others, descending].map(|it| arg(EvaluateValue::Expr(it))));
    let is_alone = calls.len() == 1 && matches!(b.plan.expr(rank), Expr::Column { .. });
    args.extend(calls.into_iter().map(|it| arg(EvaluateValue::Aggregate(it))));
    if !is_alone {
        args.push(arg(EvaluateValue::Expr(rank)));
    }
    Ok(())
}

/// The values with the largest count, or sum of `by`.
pub(super) fn hitters(b: &mut Binder<'_>, it: &TopHitters, input: Table) -> Bind<Table> {
    let limit = take::number(b, it.count)?;
    let (key, name) = columns::over(b, &input, |b| {
        let key = b.scalar(it.value)?;
        Ok((key, b.natural_name(it.value).unwrap_or_else(|| "Column1".to_owned())))
    })?;
    let (call, weight) = match it.by {
        None => (count::count(b)?, format!("approximate_count_{name}")),
        Some(by) => {
            let by_name = b.natural_name(by).unwrap_or_default();
            let span = b.query.span(by);
            let value = columns::over(b, &input, |b| b.scalar(by))?;
            let Some(aggregate) = kql_functions::aggregate("sum") else { return Err(Reported) };
            let ty = if b.ty(value) == Type::Int { Type::Long } else { b.ty(value) };
            let value = b.cast(value, ty, span)?;
            let actual = kql_functions::Actual::varying(ty);
            let overload = match aggregate.resolve(&[actual]) {
                Ok(it) => it.overload,
                Err(fault) => return b.fault(span, &fault),
            };
            let call = AggregateExpr { aggregate, overload, args: vec![value], outputs: vec![ty] };
            (call, format!("approximate_sum_{by_name}"))
        }
    };
    let ty = call.outputs.first().copied().unwrap_or(Type::Long);
    let schema = Schema::new(vec![Field::new(name, b.ty(key)), Field::new(weight, ty)]);
    let op = Op::Aggregate { input: input.node, keys: vec![key], aggregates: vec![call] };
    let table = b.new_table(op, schema.clone());
    let value = b.column(1, ty);
    let keys = vec![SortKey { value, direction: Direction::Descending, nulls_first: false }];
    Ok(b.table(Op::Sort { input: table.node, keys, limit: Some(limit) }, schema, &table))
}
