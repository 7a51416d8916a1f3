//! Runs aggregates on columns, in one pass and in split ones.

use super::{Accumulator, AggregateCall};
use crate::resolve::Actual;
use kql_data::{Column, Context, Value};

/// The call of an aggregate on columns; constant columns count as literals. Overload, casts and result type resolved.
pub(crate) fn call(name: &str, args: &[Column]) -> (Box<dyn Fn() -> Box<dyn Accumulator>>, Vec<Column>) {
    let aggregate = crate::aggregate(name).unwrap_or_else(|| panic!("no aggregate {name}"));
    let actuals: Vec<Actual> = args
        .iter()
        .map(|it| match it {
            Column::Constant { value, ty, .. } => Actual::literal(value.clone(), *ty),
            other => Actual::varying(other.ty()),
        })
        .collect();
    let resolved = aggregate.resolve(&actuals).unwrap();
    let args: Vec<Column> = args.iter().zip(&resolved.casts).map(|(it, cast)| convert(it, *cast)).collect();
    let call = AggregateCall {
        overload: resolved.overload,
        types: args.iter().map(Column::ty).collect(),
        constants: actuals.into_iter().map(|it| it.constant).collect(),
    };
    (Box::new(move || aggregate.accumulator(&call).unwrap()), args)
}

fn convert(column: &Column, to: Option<kql_data::Type>) -> Column {
    use kql_data::Type;
    let Some(to) = to else { return column.clone() };
    let mut out = kql_data::ColumnBuilder::new(to, column.len());
    for row in 0..column.len() {
        let value = match (column.value(row), to) {
            (Value::Int(it), Type::Long) => Value::Long(i64::from(it)),
            (Value::Int(it), Type::Real) => Value::Real(f64::from(it)),
            (Value::Long(it), Type::Real) => Value::Real(it as f64),
            (other, _) => other,
        };
        out.push(&value);
    }
    match column {
        Column::Constant { value, .. } if value.ty() == Some(to) => column.clone(),
        _ => out.finish(),
    }
}

/// The outputs over groups, in one pass.
pub(crate) fn run(name: &str, groups: &[u32], args: &[Column]) -> Vec<Column> {
    let cx = Context::default();
    let (make, args) = call(name, args);
    let mut accumulator = make();
    accumulator.resize(n_groups(groups));
    accumulator.update(&cx, groups, &args).unwrap();
    accumulator.finish(&cx).unwrap()
}

fn n_groups(groups: &[u32]) -> usize {
    groups.iter().max().map_or(1, |it| *it as usize + 1)
}

/// The same in parts cut at those rows, each with its own order of groups and in small batches, merged in order.
pub(crate) fn run_split(name: &str, groups: &[u32], args: &[Column], cuts: &[usize], batch: usize) -> Vec<Column> {
    let cx = Context::default();
    let (make, args) = call(name, args);
    let mut whole = make();
    whole.resize(n_groups(groups));
    let mut from = 0;
    for to in cuts.iter().copied().chain([groups.len()]) {
        let mut part = make();
        let mut ids: Vec<u32> = Vec::new();
        for start in (from..to).step_by(batch) {
            let end = to.min(start + batch);
            let local: Vec<u32> = groups[start..end]
                .iter()
                .map(|group| {
                    let at = ids.iter().position(|it| it == group).unwrap_or_else(|| {
                        ids.push(*group);
                        ids.len() - 1
                    });
                    at as u32
                })
                .collect();
            part.resize(ids.len());
            let args: Vec<Column> = args.iter().map(|it| it.slice(start, end - start)).collect();
            part.update(&cx, &local, &args).unwrap();
        }
        whole.merge(&cx, part, &ids).unwrap();
        from = to;
    }
    whole.finish(&cx).unwrap()
}

/// The only output as values.
pub(crate) fn values(columns: &[Column]) -> Vec<Value> {
    let column = columns.first().unwrap();
    (0..column.len()).map(|row| column.value(row)).collect()
}

/// The only value of an aggregate over one group.
pub(crate) fn one(name: &str, args: &[Column]) -> Value {
    let n_rows = args.first().map_or(0, Column::len);
    values(&run(name, &vec![0; n_rows], args)).remove(0)
}

/// The same as JSON text.
pub(crate) fn json(name: &str, args: &[Column]) -> String {
    one(name, args).to_dynamic().json()
}
