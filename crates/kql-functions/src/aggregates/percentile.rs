//! Percentiles by nearest rank: always a value of the data, never between two. They are exact, so every value is held.

use crate::{
    aggregate::{Accumulator, Aggregate, AggregateCall, Outputs, SMALLEST, same},
    declare::{Accepts, Constness, Overload, Param, Returns, types, types::Argument},
    resolve::Actual,
};
use kql_data::{Column, ColumnBuilder, Context, Decimal, Dynamic, Fault, Type, Value};
use std::{any::Any, cmp::Ordering};

const EXPR: Param = Param::new("expr", Accepts::Summable);
const WEIGHT: Param = Param::new("weight", Accepts::Integer).cast(Type::Long);
const PERCENTILE: Param = Param::new("percentile", Accepts::Number).constant();
const PERCENTILES: Param = Param { constness: Constness::Constant, ..Param::new("percentiles", Accepts::Array) };

/// Percentiles have the type of the values, but of ints they are longs.
fn of_values(actuals: &[Actual]) -> Result<Type, Fault> {
    Ok(match actuals.first().map(|it| it.ty) {
        Some(Type::Int) | None => Type::Long,
        Some(ty) => ty,
    })
}

const fn one(params: &'static [Param]) -> Overload {
    Overload { params, rest: None, returns: Returns::Custom(of_values), kernel: None }
}
const fn many(params: &'static [Param], returns: Returns) -> Overload {
    Overload { params, rest: Some((PERCENTILE, 1, 32_767)), returns, kernel: None }
}
const fn array(params: &'static [Param]) -> Overload {
    Overload { params, rest: None, returns: Returns::Type(Type::Dynamic), kernel: None }
}
const DYNAMIC: Returns = Returns::Type(Type::Dynamic);

/// The aggregates of this family.
pub const AGGREGATES: &[Aggregate] = &[
    Aggregate::new(
        "percentile",
        "The smallest value of `expr` that at least `percentile` percent of the values do not exceed; null without \
         values.\n\n    range x from 1 to 10 step 1 | summarize percentile(x, 45) => 5\n",
        &[one(&[EXPR, PERCENTILE])],
        |call| samples(call, 1, false),
    )
    .outputs(Outputs::Percentiles(1)),
    Aggregate::new(
        "percentiles",
        "Several percentiles, a column each.\n\n    \
         range x from 1 to 10 step 1 | summarize percentiles(x, 45, 90) | project percentile_x_90 => 9\n",
        &[many(&[EXPR], Returns::Custom(of_values))],
        |call| samples(call, 1, false),
    )
    .outputs(Outputs::Percentiles(1)),
    Aggregate::new(
        "percentiles_array",
        "Several percentiles as an array.\n\n    \
         range x from 1 to 10 step 1 | summarize percentiles_array(x, 45, 90) => dynamic([5, 9])\n",
        &[many(&[EXPR], DYNAMIC), array(&[EXPR, PERCENTILES])],
        |call| samples(call, 1, true),
    )
    .naming(crate::declare::Naming::Prefix("percentiles")),
    Aggregate::new(
        "percentilew",
        "The percentile of values that count `weight` times each.\n\n    \
         datatable(v:long, w:long)[10, 8, 20, 6, 30, 3, 40, 1] | summarize percentilew(v, w, 75) => 20\n",
        &[one(&[EXPR, WEIGHT, PERCENTILE])],
        |call| samples(call, 2, false),
    )
    .outputs(Outputs::Percentiles(2)),
    Aggregate::new(
        "percentilesw",
        "Several percentiles of values that count `weight` times each, a column each.\n\n    \
         datatable(v:long, w:long)[10, 8, 20, 6] | summarize percentilesw(v, w, 50, 75) | project percentile_v_75 => 20\n",
        &[many(&[EXPR, WEIGHT], Returns::Custom(of_values))],
        |call| samples(call, 2, false),
    )
    .outputs(Outputs::Percentiles(2)),
    Aggregate::new(
        "percentilesw_array",
        "Several percentiles of values that count `weight` times each, as an array.\n\n    \
         datatable(v:long, w:long)[10, 8, 20, 6] | summarize percentilesw_array(v, w, 50, 75) => dynamic([10, 20])\n",
        &[many(&[EXPR, WEIGHT], DYNAMIC), array(&[EXPR, WEIGHT, PERCENTILES])],
        |call| samples(call, 2, true),
    )
    .naming(crate::declare::Naming::Prefix("percentiles")),
];

/// The percentiles that a call asks for: constant numbers from an argument on, or one constant array.
fn asked(call: &AggregateCall, from: usize) -> Result<Vec<f64>, Fault> {
    let unknown = || Fault::coded("SEM0040", "a percentile must be a constant number");
    let mut asked = Vec::new();
    for index in from..call.types.len() {
        match call.constant(index).map(Value::to_dynamic) {
            Some(Dynamic::Array(items)) => {
                for it in items.iter() {
                    asked.push(it.as_f64().ok_or_else(unknown)?);
                }
            }
            Some(it) => asked.push(it.as_f64().ok_or_else(unknown)?),
            None => return Err(unknown()),
        }
    }
    Ok(asked)
}

fn samples(call: &AggregateCall, first: usize, as_array: bool) -> Result<Box<dyn Accumulator>, Fault> {
    let ask = Ask { percentiles: asked(call, first)?, weighted: first == 2, as_array, ty: call.ty(0) };
    Ok(match ask.ty {
        Type::Int => Samples::<types::int>::boxed(ask),
        Type::Long => Samples::<types::long>::boxed(ask),
        Type::Datetime => Samples::<types::datetime>::boxed(ask),
        Type::Timespan => Samples::<types::timespan>::boxed(ask),
        Type::Real => Samples::<types::real>::boxed(ask),
        Type::Decimal => Samples::<types::decimal>::boxed(ask),
        other => return Err(Fault::new(format!("percentiles of {other} are not defined"))),
    })
}

/// What is to be found.
struct Ask {
    percentiles: Vec<f64>,
    weighted: bool,
    as_array: bool,
    ty: Type,
}

/// Types that have percentiles.
trait Ranked: Argument {
    /// As it is held.
    type Held: Clone + Send + 'static;
    fn hold(item: Self::Item<'_>) -> Self::Held;
    fn order(a: &Self::Held, b: &Self::Held) -> Ordering;
    fn value(held: &Self::Held) -> Value;
    /// How far a value is above another, of types that count in ones and of values so near.
    fn above(item: &Self::Held, low: &Self::Held) -> Option<usize>;
}
macro_rules! ranked {
    ($($name:ident: $held:ty, $order:expr, $value:expr, $above:expr;)*) => {$(
        impl Ranked for types::$name {
            type Held = $held;
            fn hold(item: Self::Item<'_>) -> $held { item }
            fn order(a: &$held, b: &$held) -> Ordering { $order(a, b) }
            fn value(held: &$held) -> Value { $value(held.clone()) }
            #[inline]
            fn above(item: &$held, low: &$held) -> Option<usize> { $above(item, low) }
        }
    )*};
}
ranked! {
    int: i32, i32::cmp, |it: i32| Value::Long(it.into()), |a: &i32, b: &i32| a.checked_sub(*b)?.try_into().ok();
    long: i64, i64::cmp, Value::Long, ticks_above;
    datetime: i64, i64::cmp, Value::Datetime, ticks_above;
    timespan: i64, i64::cmp, Value::Timespan, ticks_above;
    real: f64, f64::total_cmp, Value::Real, |_: &f64, _: &f64| None;
    decimal: Decimal, Decimal::cmp, Value::Decimal, |_: &Decimal, _: &Decimal| None;
}

#[inline]
fn ticks_above(item: &i64, low: &i64) -> Option<usize> {
    item.checked_sub(*low)?.try_into().ok()
}

/// The values of one group; weights only when they are asked for.
struct Sample<T> {
    values: Vec<T>,
    weights: Vec<i64>,
}

/// All values by group.
struct Samples<T: Ranked> {
    ask: Ask,
    groups: Vec<Sample<T::Held>>,
    n_values: usize,
}

impl<T: Ranked + 'static> Samples<T> {
    fn boxed(ask: Ask) -> Box<dyn Accumulator> {
        Box::new(Samples::<T> { ask, groups: Vec::new(), n_values: 0 })
    }
}

impl<T: Ranked + 'static> Accumulator for Samples<T> {
    fn resize(&mut self, n_groups: usize) {
        let n_groups = n_groups.max(self.groups.len());
        self.groups.resize_with(n_groups, || Sample { values: Vec::new(), weights: Vec::new() });
    }

    fn update(&mut self, cx: &Context, groups: &[u32], args: &[Column]) -> Result<(), Fault> {
        let Some(column) = args.first() else { return Ok(()) };
        let reader = T::reader(cx, column)?;
        let weights = match args.get(1) {
            Some(it) if self.ask.weighted => Some(types::long::reader(cx, it)?),
            _ => None,
        };
        for (row, group) in groups.iter().enumerate() {
            let Some(sample) = self.groups.get_mut(*group as usize) else { continue };
            let Some(item) = T::get(&reader, cx, row)? else { continue };
            if let Some(weights) = &weights {
                match weights.get(row) {
                    Some(weight) if weight > 0 => sample.weights.push(weight),
                    _ => continue,
                }
            }
            sample.values.push(T::hold(item));
            self.n_values += 1;
        }
        Ok(())
    }

    fn merge(&mut self, _: &Context, other: Box<dyn Accumulator>, groups: &[u32]) -> Result<(), Fault> {
        let other = same::<Samples<T>>(other)?;
        self.n_values += other.n_values;
        for (mut other, group) in other.groups.into_iter().zip(groups) {
            if let Some(sample) = self.groups.get_mut(*group as usize) {
                sample.values.append(&mut other.values);
                sample.weights.append(&mut other.weights);
            }
        }
        Ok(())
    }

    fn finish(self: Box<Self>, cx: &Context) -> Result<Vec<Column>, Fault> {
        let Ask { percentiles, as_array, ty, .. } = &self.ask;
        let n_outputs = if *as_array { 1 } else { percentiles.len() };
        let out_type = match (as_array, ty) {
            (true, _) => Type::Dynamic,
            (false, Type::Int) => Type::Long,
            (false, ty) => *ty,
        };
        let mut out: Vec<ColumnBuilder> =
            (0..n_outputs).map(|_| ColumnBuilder::new(out_type, self.groups.len())).collect();
        for mut sample in self.groups {
            cx.check()?;
            let found = sample.find::<T>(percentiles);
            if *as_array {
                let items: Vec<Dynamic> = found.iter().map(Value::to_dynamic).collect();
                let is_empty = items.iter().all(Dynamic::is_null);
                let array = if is_empty { Value::Null } else { Value::Dynamic(Dynamic::array(items)) };
                out.iter_mut().for_each(|it| it.push(&array));
            } else {
                out.iter_mut().zip(&found).for_each(|(out, it)| out.push(it));
            }
        }
        Ok(out.into_iter().map(ColumnBuilder::finish).collect())
    }

    fn bytes(&self) -> usize {
        let weight = if self.ask.weighted { 8 } else { 0 };
        self.n_values * (size_of::<T::Held>() + weight)
            + self.groups.capacity() * (size_of::<Sample<T::Held>>() + SMALLEST)
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }
}

/// The rank from 1 of a percentile among so many.
pub(crate) fn nearest_rank(percentile: f64, total: i128) -> i128 {
    let percentile = if percentile.is_nan() { 0.0 } else { percentile.clamp(0.0, 100.0) };
    // A product such as 55 * 20 / 100 may come out a little above 11.
    let exact = percentile * total as f64 / 100.0;
    ((exact - exact.abs() * 1e-12).ceil() as i128).clamp(1, total.max(1))
}

impl<H: Clone> Sample<H> {
    /// The values of those ranks, without weights.
    fn nearest<T: Ranked<Held = H>>(&mut self, percentiles: &[f64]) -> Vec<Option<H>> {
        let total = self.values.len();
        if total == 0 {
            return vec![None; percentiles.len()];
        }
        let place = |it: &f64| nearest_rank(*it, total as i128) as usize - 1;
        if let Some(ends) = self.counted::<T>() {
            let at = |place: usize| ends.get(ends.partition_point(|it| it.1 as usize <= place)).map(|it| it.0.clone());
            return percentiles.iter().map(|it| at(place(it))).collect();
        }
        // From the lowest rank on, each among the values that are not below the one before.
        let mut ranks: Vec<(usize, usize)> = percentiles.iter().map(place).zip(0..).collect();
        ranks.sort_unstable();
        let (mut out, mut from) = (vec![None; percentiles.len()], 0);
        for (place, index) in ranks {
            let Some(rest) = self.values.get_mut(from..) else { continue };
            let (_, found, _) = rest.select_nth_unstable_by(place - from, T::order);
            if let Some(out) = out.get_mut(index) {
                *out = Some(found.clone());
            }
            from = place;
        }
        out
    }

    /// The values in order, each with how many are not above it; `None` when they are far apart for their number.
    fn counted<T: Ranked<Held = H>>(&self) -> Option<Vec<(H, u32)>> {
        let (first, rest) = self.values.split_first()?;
        let (mut low, mut high) = (first, first);
        for it in rest {
            (low, high) =
                (if T::order(it, low).is_lt() { it } else { low }, if T::order(it, high).is_gt() { it } else { high });
        }
        let n_places = T::above(high, low).filter(|it| *it < self.values.len() / 4)? + 1;
        let mut counts: Vec<(u32, u32)> = vec![(0, u32::MAX); n_places];
        for (it, index) in self.values.iter().zip(0..) {
            if let Some(count) = counts.get_mut(T::above(it, low)?) {
                *count = (count.0 + 1, index);
            }
        }
        let mut sum = 0;
        let with_sum = |(count, index): (u32, u32)| {
            sum += count;
            Some((self.values.get(index as usize)?.clone(), sum))
        };
        Some(counts.into_iter().filter(|it| it.0 > 0).filter_map(with_sum).collect())
    }

    fn find<T: Ranked<Held = H>>(&mut self, percentiles: &[f64]) -> Vec<Value> {
        if self.weights.is_empty() {
            return self.nearest::<T>(percentiles).iter().map(|it| it.as_ref().map_or(Value::Null, T::value)).collect();
        }
        let mut pairs: Vec<(&H, i64)> = self.values.iter().zip(self.weights.iter().copied()).collect();
        pairs.sort_unstable_by(|a, b| T::order(a.0, b.0));
        let mut total = 0_i128;
        let sums: Vec<i128> = pairs
            .iter()
            .map(|(_, weight)| {
                total += i128::from(*weight);
                total
            })
            .collect();
        let at = |it: &f64| pairs.get(sums.partition_point(|sum| *sum < nearest_rank(*it, total)));
        percentiles.iter().map(|it| at(it).map_or(Value::Null, |(held, _)| T::value(held))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::nearest_rank;
    use crate::aggregate::testing::{json, one, run};
    use kql_data::{Column, Type, Value};

    fn number(value: f64, rows: usize) -> Column {
        Column::constant(Value::Real(value), Type::Real, rows)
    }

    #[test]
    fn nearest_rank_and_types() {
        assert_eq!(nearest_rank(55.0, 20), 11);
        assert_eq!(nearest_rank(0.0, 20), 1);
        assert_eq!(nearest_rank(100.0, 20), 20);
        let x = Column::Int(vec![3, 1, 2].into());
        assert_eq!(one("percentile", &[x, number(50.0, 3)]), Value::Long(2), "of int it is long");
        assert_eq!(one("percentile", &[Column::null(Type::Long, 0), number(55.0, 0)]), Value::Null);
    }

    #[test]
    fn near_values_far_ones_and_reals_are_ranked_as_when_sorted() {
        let mut dice = 5_u64;
        for (n, spread) in [(1, 1), (7, 3), (500, 20), (500, 100_000), (4_000, 999), (4_000, i64::MAX)] {
            let values: Vec<i64> = (0..n)
                .map(|_| {
                    dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    (dice >> 1) as i64 % spread - spread / 2
                })
                .collect();
            let mut sorted = values.clone();
            sorted.sort_unstable();
            let asked = [50.0, 0.0, 99.0, 50.0, 100.0];
            let expected: Vec<i64> = asked.iter().map(|it| sorted[nearest_rank(*it, n) as usize - 1]).collect();
            let args = |first: Column| -> Vec<Column> {
                std::iter::once(first).chain(asked.iter().map(|it| number(*it, n as usize))).collect()
            };
            let groups = vec![0; n as usize];
            let found = run("percentiles", &groups, &args(Column::longs(values.clone())));
            assert_eq!(
                found.iter().map(|it| it.value(0)).collect::<Vec<_>>(),
                expected.iter().map(|it| Value::Long(*it)).collect::<Vec<_>>()
            );
            let reals = Column::Real(values.iter().map(|it| Some(*it as f64)).collect());
            let found = run("percentiles", &groups, &args(reals));
            assert_eq!(
                found.iter().map(|it| it.value(0)).collect::<Vec<_>>(),
                expected.iter().map(|it| Value::Real(*it as f64)).collect::<Vec<_>>()
            );
        }
    }

    #[test]
    fn weights_repeat_values() {
        let (weight, value) = (Column::longs(vec![8, 6, 3, 1]), Column::longs(vec![10, 20, 30, 40]));
        let args = [value, weight, number(50.0, 4), number(75.0, 4), number(99.9, 4)];
        assert_eq!(json("percentilesw_array", &args), "[20,20,40]");
        let columns = run("percentilesw", &[0, 0, 0, 0], &args);
        assert_eq!(columns.iter().map(|it| it.value(0)).collect::<Vec<_>>(), [20, 20, 40].map(Value::Long));
    }
}
