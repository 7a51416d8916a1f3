//! Counts, sums, averages and extremes.

use crate::{
    aggregate::{Accumulator, Aggregate, same},
    declare::{Accepts, Naming, Overload, Param, Returns},
};
use arrow_array::Int64Array;
use kql_data::{Column, Context, Decimal, Fault, Type};
use std::any::Any;

crate::aggregates! {
    /// Number of rows for which `predicate` is true.
    ///
    ///     datatable(x:long)[1, 5, 9] | summarize countif(x > 4) => 2
    fn countif(predicate: bool) -> long {
        state: i64 = 0;
        add(n) { *n += i64::from(predicate); }
        merge(n, other) { *n += other; }
        finish(n) { n }
    }

    /// Sum of `expr`; 0 without values. Sums of whole numbers wrap beyond 64 bits.
    ///
    ///     datatable(x:long)[1, 5, 9] | summarize sum(x) => 15
    ///     datatable(x:timespan)[1h, 30m] | summarize sum(x) => 1h + 30m
    #[conditional(sumif: "datatable(x:long)[1, 5, 9] | summarize sumif(x, x > 4) => 14")]
    fn sum
    (expr: long) -> long {
        state: i64 = 0;
        add(sum) { *sum = sum.wrapping_add(expr); }
        merge(sum, other) { *sum = sum.wrapping_add(other); }
        finish(sum) { sum }
    }
    (expr: real) -> real {
        state: f64 = 0.0;
        add(sum) { *sum += expr; }
        merge(sum, other) { *sum += other; }
        finish(sum) { sum }
    }
    (expr: decimal) -> decimal {
        state: Decimal = Decimal::from(0);
        add(sum) { *sum = &*sum + &expr; }
        merge(sum, other) { *sum = &*sum + &other; }
        finish(sum) { sum }
    }
    (expr: timespan) -> timespan {
        state: i64 = 0;
        add(sum) { *sum = sum.wrapping_add(expr); }
        merge(sum, other) { *sum = sum.wrapping_add(other); }
        finish(sum) { sum }
    }
    (expr: datetime) -> datetime {
        state: i64 = 0;
        add(sum) { *sum = sum.wrapping_add(expr); }
        merge(sum, other) { *sum = sum.wrapping_add(other); }
        finish(sum) { sum }
    }

    /// Average of `expr`; NaN, or null for other types than numbers, without values.
    ///
    ///     datatable(x:long)[1, 2, 6] | summarize avg(x) => 3.0
    ///     datatable(x:timespan)[1h, 3h] | summarize avg(x) => 2h
    #[conditional(avgif: "datatable(x:long)[1, 2, 6] | summarize avgif(x, x > 1) => 4.0")]
    fn avg
    (expr: long) -> real {
        state: (i64, i64) = (0, 0);
        add(mean) { *mean = (mean.0.wrapping_add(expr), mean.1 + 1); }
        merge(mean, other) { *mean = (mean.0.wrapping_add(other.0), mean.1 + other.1); }
        finish(mean) { mean.0 as f64 / mean.1 as f64 }
    }
    (expr: real) -> real {
        state: (f64, i64) = (0.0, 0);
        add(mean) { *mean = (mean.0 + expr, mean.1 + 1); }
        merge(mean, other) { *mean = (mean.0 + other.0, mean.1 + other.1); }
        finish(mean) { mean.0 / mean.1 as f64 }
    }
    (expr: decimal) -> decimal {
        state: (Decimal, i64) = (Decimal::from(0), 0);
        add(mean) { *mean = (&mean.0 + &expr, mean.1 + 1); }
        merge(mean, other) { *mean = (&mean.0 + &other.0, mean.1 + other.1); }
        finish(mean) { mean.0.divide(&Decimal::from(mean.1)) }
    }
    (expr: timespan) -> timespan {
        state: (i128, i64) = (0, 0);
        add(mean) { *mean = (mean.0 + i128::from(expr), mean.1 + 1); }
        merge(mean, other) { *mean = (mean.0 + other.0, mean.1 + other.1); }
        finish(mean) { mean.0.checked_div(i128::from(mean.1)).map(|it| it as i64) }
    }
    (expr: datetime) -> datetime {
        state: (i128, i64) = (0, 0);
        add(mean) { *mean = (mean.0 + i128::from(expr), mean.1 + 1); }
        merge(mean, other) { *mean = (mean.0 + other.0, mean.1 + other.1); }
        finish(mean) { mean.0.checked_div(i128::from(mean.1)).map(|it| it as i64) }
    }

    /// Smallest value of `expr`; null without values.
    ///
    ///     datatable(x:long)[4, 1, 9] | summarize min(x) => 1
    ///     datatable(x:string)["b", "a"] | summarize min(x) => "a"
    #[conditional(minif: "datatable(x:long)[4, 1, 9] | summarize minif(x, x > 1) => 4")]
    fn min
    (expr: int) -> int {
        state: Option<i32> = None;
        add(min) { *min = Some(min.map_or(expr, |it| it.min(expr))); }
        merge(min, other) { *min = pick(*min, other, |a, b| b < a); }
        finish(min) { min }
    }
    (expr: long) -> long {
        state: Option<i64> = None;
        add(min) { *min = Some(min.map_or(expr, |it| it.min(expr))); }
        merge(min, other) { *min = pick(*min, other, |a, b| b < a); }
        finish(min) { min }
    }
    (expr: real) -> real {
        state: Option<f64> = None;
        add(min) { *min = pick(*min, Some(expr), |a, b| b < a || a.is_nan()); }
        merge(min, other) { *min = pick(*min, other, |a, b| b < a || a.is_nan()); }
        finish(min) { min }
    }
    (expr: decimal) -> decimal {
        state: Option<Decimal> = None;
        add(min) { *min = pick(min.take(), Some(expr), |a, b| b < a); }
        merge(min, other) { *min = pick(min.take(), other, |a, b| b < a); }
        finish(min) { min }
    }
    (expr: datetime) -> datetime {
        state: Option<i64> = None;
        add(min) { *min = Some(min.map_or(expr, |it| it.min(expr))); }
        merge(min, other) { *min = pick(*min, other, |a, b| b < a); }
        finish(min) { min }
    }
    (expr: timespan) -> timespan {
        state: Option<i64> = None;
        add(min) { *min = Some(min.map_or(expr, |it| it.min(expr))); }
        merge(min, other) { *min = pick(*min, other, |a, b| b < a); }
        finish(min) { min }
    }
    (expr: string) -> string {
        state: Option<Box<str>> = None;
        add(min) { if min.as_deref().is_none_or(|it| expr < it) { *min = Some(expr.into()); } }
        merge(min, other) { *min = pick(min.take(), other, |a, b| b < a); }
        finish(min) { String::from(min.unwrap_or_default()) }
    }
    (expr: bool) -> bool {
        state: Option<bool> = None;
        add(min) { *min = pick(*min, Some(expr), |a, b| b < a); }
        merge(min, other) { *min = pick(*min, other, |a, b| b < a); }
        finish(min) { min }
    }
    (expr: guid) -> guid {
        state: Option<u128> = None;
        add(min) { *min = pick(*min, Some(expr), |a, b| b < a); }
        merge(min, other) { *min = pick(*min, other, |a, b| b < a); }
        finish(min) { min }
    }

    /// Largest value of `expr`; null without values.
    ///
    ///     datatable(x:long)[4, 1, 9] | summarize max(x) => 9
    ///     datatable(x:string)["b", "a"] | summarize max(x) => "b"
    #[conditional(maxif: "datatable(x:long)[4, 1, 9] | summarize maxif(x, x < 9) => 4")]
    fn max
    (expr: int) -> int {
        state: Option<i32> = None;
        add(max) { *max = Some(max.map_or(expr, |it| it.max(expr))); }
        merge(max, other) { *max = (*max).max(other); }
        finish(max) { max }
    }
    (expr: long) -> long {
        state: Option<i64> = None;
        add(max) { *max = Some(max.map_or(expr, |it| it.max(expr))); }
        merge(max, other) { *max = (*max).max(other); }
        finish(max) { max }
    }
    (expr: real) -> real {
        state: Option<f64> = None;
        add(max) { *max = pick(*max, Some(expr), |a, b| b > a || a.is_nan()); }
        merge(max, other) { *max = pick(*max, other, |a, b| b > a || a.is_nan()); }
        finish(max) { max }
    }
    (expr: decimal) -> decimal {
        state: Option<Decimal> = None;
        add(max) { *max = pick(max.take(), Some(expr), |a, b| b > a); }
        merge(max, other) { *max = pick(max.take(), other, |a, b| b > a); }
        finish(max) { max }
    }
    (expr: datetime) -> datetime {
        state: Option<i64> = None;
        add(max) { *max = Some(max.map_or(expr, |it| it.max(expr))); }
        merge(max, other) { *max = (*max).max(other); }
        finish(max) { max }
    }
    (expr: timespan) -> timespan {
        state: Option<i64> = None;
        add(max) { *max = Some(max.map_or(expr, |it| it.max(expr))); }
        merge(max, other) { *max = (*max).max(other); }
        finish(max) { max }
    }
    (expr: string) -> string {
        state: Option<Box<str>> = None;
        add(max) { if max.as_deref().is_none_or(|it| expr > it) { *max = Some(expr.into()); } }
        merge(max, other) { *max = pick(max.take(), other, |a, b| b > a); }
        finish(max) { String::from(max.unwrap_or_default()) }
    }
    (expr: bool) -> bool {
        state: Option<bool> = None;
        add(max) { *max = pick(*max, Some(expr), |a, b| b > a); }
        merge(max, other) { *max = pick(*max, other, |a, b| b > a); }
        finish(max) { max }
    }
    (expr: guid) -> guid {
        state: Option<u128> = None;
        add(max) { *max = pick(*max, Some(expr), |a, b| b > a); }
        merge(max, other) { *max = pick(*max, other, |a, b| b > a); }
        finish(max) { max }
    }

    /// Bits that all values have; null without values.
    ///
    ///     datatable(x:long)[6, 12, 5] | summarize binary_all_and(x) => 4
    #[naming(FirstArgument)]
    fn binary_all_and(expr: long) -> long {
        state: Option<i64> = None;
        add(bits) { *bits = Some(bits.unwrap_or(-1) & expr); }
        merge(bits, other) { *bits = both(*bits, other, |a, b| a & b); }
        finish(bits) { bits }
    }

    /// Bits that any value has; null without values.
    ///
    ///     datatable(x:long)[6, 12] | summarize binary_all_or(x) => 14
    #[naming(FirstArgument)]
    fn binary_all_or(expr: long) -> long {
        state: Option<i64> = None;
        add(bits) { *bits = Some(bits.unwrap_or(0) | expr); }
        merge(bits, other) { *bits = both(*bits, other, |a, b| a | b); }
        finish(bits) { bits }
    }

    /// Bits that an odd number of values has; null without values.
    ///
    ///     datatable(x:long)[6, 12] | summarize binary_all_xor(x) => 10
    #[naming(FirstArgument)]
    fn binary_all_xor(expr: long) -> long {
        state: Option<i64> = None;
        add(bits) { *bits = Some(bits.unwrap_or(0) ^ expr); }
        merge(bits, other) { *bits = both(*bits, other, |a, b| a ^ b); }
        finish(bits) { bits }
    }
}

/// The other value when there is no first or it is better.
fn pick<T>(first: Option<T>, other: Option<T>, better: impl Fn(&T, &T) -> bool) -> Option<T> {
    match (first, other) {
        (Some(a), Some(b)) => Some(if better(&a, &b) { b } else { a }),
        (a, b) => a.or(b),
    }
}

fn both(first: Option<i64>, other: Option<i64>, join: impl Fn(i64, i64) -> i64) -> Option<i64> {
    match (first, other) {
        (Some(a), Some(b)) => Some(join(a, b)),
        (a, b) => a.or(b),
    }
}

const COUNT_OVERLOADS: &[Overload] = &[
    Overload { params: &[], rest: None, returns: Returns::Type(Type::Long), kernel: None },
    Overload {
        params: &[Param::new("expr", Accepts::Scalar)],
        rest: None,
        returns: Returns::Type(Type::Long),
        kernel: None,
    },
];

/// `count`, and its old name.
pub const COUNT: &[Aggregate] = &[
    Aggregate::new(
        "count",
        "Number of rows, whether `expr` is null there or not.\n\n    datatable(x:long)[1, 2] | summarize count() => 2\n    \
         datatable(x:long)[1, long(null)] | summarize count(x) => 2\n",
        COUNT_OVERLOADS,
        |_| Ok(Box::new(Count(Vec::new()))),
    ),
    Aggregate::new(
        "cnt",
        "The old name of `count`.\n\n    datatable(x:long)[1, 2] | summarize cnt() => 2\n",
        COUNT_OVERLOADS,
        |_| Ok(Box::new(Count(Vec::new()))),
    )
    .naming(Naming::Prefix("cnt")),
];

/// Rows a group.
struct Count(Vec<i64>);

impl Accumulator for Count {
    fn resize(&mut self, n_groups: usize) {
        self.0.resize(n_groups.max(self.0.len()), 0);
    }

    fn update(&mut self, _: &Context, groups: &[u32], _: &[Column]) -> Result<(), Fault> {
        if let [only] = self.0.as_mut_slice() {
            *only += groups.len() as i64;
            return Ok(());
        }
        for group in groups {
            if let Some(n) = self.0.get_mut(*group as usize) {
                *n += 1;
            }
        }
        Ok(())
    }

    fn counts_rows(&self) -> bool {
        true
    }

    fn add_counts(&mut self, counts: &[i64]) -> Result<(), Fault> {
        self.0.iter_mut().zip(counts).for_each(|(n, it)| *n += it);
        Ok(())
    }

    fn merge(&mut self, _: &Context, other: Box<dyn Accumulator>, groups: &[u32]) -> Result<(), Fault> {
        for (n, group) in same::<Count>(other)?.0.iter().zip(groups) {
            if let Some(mine) = self.0.get_mut(*group as usize) {
                *mine += n;
            }
        }
        Ok(())
    }

    fn finish(self: Box<Self>, _: &Context) -> Result<Vec<Column>, Fault> {
        Ok(vec![Column::Long(Int64Array::new(self.0.into(), None))])
    }

    fn bytes(&self) -> usize {
        self.0.capacity() * 8
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }
}

#[cfg(test)]
mod tests {
    use crate::aggregate::testing::{one, run, values};
    use kql_data::{Column, Type, Value};

    #[test]
    fn neutral_values() {
        let none = |ty| [Column::null(ty, 0)];
        assert_eq!(one("count", &none(Type::Long)), Value::Long(0));
        assert_eq!(one("sum", &none(Type::Int)), Value::Long(0));
        assert!(matches!(one("avg", &none(Type::Long)), Value::Real(it) if it.is_nan()));
        assert_eq!(one("min", &none(Type::Long)), Value::Null);
        assert_eq!(one("stdev", &none(Type::Long)), Value::Real(0.0));
        assert_eq!(one("avg", &none(Type::Datetime)), Value::Null);
    }

    #[test]
    fn groups_and_predicates() {
        let x = Column::longs(vec![1, 5, 9, 2]);
        let p = Column::Bool(vec![Some(true), None, Some(true), Some(false)].into());
        let groups = [0, 1, 0, 1];
        assert_eq!(values(&run("sum", &groups, std::slice::from_ref(&x))), [Value::Long(10), Value::Long(7)]);
        assert_eq!(values(&run("sumif", &groups, &[x.clone(), p.clone()])), [Value::Long(10), Value::Long(0)]);
        assert_eq!(values(&run("countif", &groups, std::slice::from_ref(&p))), [Value::Long(2), Value::Long(0)]);
        assert_eq!(values(&run("maxif", &groups, &[x, p])), [Value::Long(9), Value::Null]);
    }

    #[test]
    fn extremes_ignore_nulls_and_sums_wrap() {
        let x = Column::Real(vec![Some(f64::NAN), None, Some(2.0), Some(-1.0)].into());
        assert_eq!(one("min", std::slice::from_ref(&x)), Value::Real(-1.0));
        assert_eq!(one("max", &[x]), Value::Real(2.0));
        assert_eq!(one("sum", &[Column::longs(vec![i64::MAX, 1])]), Value::Long(i64::MIN));
    }
}
