//! Runs aggregates on columns, in one pass and in split ones.

use super::{Accumulator, AggregateCall};
use crate::resolve::Actual;
use kql_data::{Column, Context, Dynamic, Value};

/// Makes empty accumulators of one call.
type MakeOne = Box<dyn Fn() -> Box<dyn Accumulator>>;

/// What resolution sees of columns.
fn actuals(args: &[Column]) -> Vec<Actual> {
    let of = |it: &Column| match it {
        Column::Constant { value, ty, .. } => Actual::literal(value.clone(), *ty),
        other => Actual::varying(other.ty()),
    };
    args.iter().map(of).collect()
}

/// The call of an aggregate on columns; constant columns count as literals. Overload, casts and result type resolved.
pub(crate) fn call(name: &str, args: &[Column]) -> (MakeOne, Vec<Column>) {
    let aggregate = crate::aggregate(name).unwrap_or_else(|| panic!("no aggregate {name}"));
    let actuals = actuals(args);
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

/// Two columns, equal to the last bit but for sums of floats, which depend on the order of their terms.
fn assert_near(name: &str, left: &Column, right: &Column) {
    assert_eq!(left.len(), right.len());
    for row in 0..left.len() {
        let (a, b) = (left.value(row), right.value(row));
        match (&a, &b) {
            (Value::Real(x), Value::Real(y)) if x.is_nan() && y.is_nan() => {}
            (Value::Real(x), Value::Real(y)) => {
                assert!((x - y).abs() <= 1e-9 * x.abs().max(1.0), "{name}: {a:?} {b:?}");
            }
            _ => assert_eq!(a, b, "{name}, group {row}"),
        }
    }
}

/// Columns of a type with nulls among them, the same in every run.
fn sample(ty: kql_data::Type, rows: usize, salt: u64) -> Column {
    use kql_data::Type;
    let mut out = kql_data::ColumnBuilder::new(ty, rows);
    for row in 0..rows {
        let random = crate::sketch::hll::hash_long(row as i64 ^ (salt << 40) as i64);
        let n = (random % 40) as i64;
        let value = match ty {
            _ if random.is_multiple_of(11) => Value::Null,
            Type::Bool => Value::Bool(n % 3 != 0),
            Type::Int => Value::Int(n as i32 - 20),
            Type::Long => Value::Long(n - 5),
            Type::Real => Value::Real(n as f64 / 4.0),
            Type::Decimal => Value::Decimal(n.into()),
            Type::String => Value::String(format!("v{n}").into()),
            Type::Datetime => Value::Datetime(n),
            Type::Timespan => Value::Timespan(n),
            Type::Guid => Value::Guid(n as u128),
            Type::Dynamic => Value::Dynamic(
                kql_data::json::read(&format!(r#"{{"k{}":{n},"a":[{n},"x"]}}"#, n % 7)).unwrap_or(Dynamic::Null),
            ),
        };
        out.push(&value);
    }
    out.finish()
}

/// Arguments that an overload takes, if any of this type as first do.
fn arguments(aggregate: &crate::Aggregate, first: kql_data::Type, rows: usize) -> Vec<Vec<Column>> {
    use crate::declare::{Accepts, Constness};
    use kql_data::Type;
    let constant = |it: i64| Column::constant(Value::Long(it), Type::Long, rows);
    aggregate
        .overloads
        .iter()
        .map(|overload| {
            let n = overload.params.len() + overload.rest.map_or(0, |(_, min, _)| min.max(1));
            let params = (0..n).filter_map(|index| overload.param(index));
            let argument = |(index, param): (usize, &crate::Param)| match (param.constness, param.accepts) {
                (Constness::Constant, Accepts::Array) => {
                    let array = Dynamic::array(vec![Dynamic::Long(10), Dynamic::Long(90)]);
                    Column::constant(Value::Dynamic(array), Type::Dynamic, rows)
                }
                (Constness::Constant, Accepts::Number) => constant(75),
                (Constness::Constant, _) => constant(3),
                (_, Accepts::Type(ty)) => sample(ty, rows, index as u64),
                (_, Accepts::Integer) => sample(Type::Long, rows, index as u64),
                (_, Accepts::Bag | Accepts::Array) => sample(Type::Dynamic, rows, index as u64),
                _ => sample(first, rows, index as u64),
            };
            params.enumerate().map(argument).collect()
        })
        .collect()
}

#[test]
fn any_split_gives_the_answer_of_one_pass() {
    let rows = 400;
    let groups: Vec<u32> = (0..rows).map(|it| (crate::sketch::hll::hash_long(it as i64) % 7) as u32).collect();
    let mut n_calls = 0;
    for aggregate in crate::all_aggregates().into_iter().filter(|it| it.make.is_some()) {
        for ty in kql_data::Type::ALL {
            for args in arguments(aggregate, ty, rows) {
                let actuals = actuals(&args);
                if aggregate.resolve(&actuals).is_err() {
                    continue;
                }
                n_calls += 1;
                let whole = run(aggregate.name, &groups, &args);
                for (cuts, batch) in [(vec![1, 200], 64), (vec![100, 101, 399], 7), (vec![0, 250, 400], 1_000)] {
                    let split = run_split(aggregate.name, &groups, &args, &cuts, batch);
                    assert_eq!(whole.len(), split.len(), "{}", aggregate.name);
                    whole.iter().zip(&split).for_each(|(a, b)| assert_near(aggregate.name, a, b));
                }
            }
        }
    }
    assert!(n_calls > 250, "{n_calls}");
}
