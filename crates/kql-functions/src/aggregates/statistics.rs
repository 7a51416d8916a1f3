//! Variance, standard deviation and covariance.

use crate::declare::{Accepts, Constness, types::Argument};
use kql_data::{Column, Context, Fault, Type};

/// Count, means and the sums of products of deviations from them; both values are the same for a variance.
#[derive(Clone, Copy, Default)]
struct Moments {
    n: f64,
    mean_x: f64,
    mean_y: f64,
    products: f64,
}

impl Moments {
    fn add(&mut self, x: f64, y: f64) {
        self.n += 1.0;
        let dx = x - self.mean_x;
        self.mean_x += dx / self.n;
        self.mean_y += (y - self.mean_y) / self.n;
        self.products += dx * (y - self.mean_y);
    }

    fn merge(&mut self, other: Moments) {
        let n = self.n + other.n;
        if other.n == 0.0 {
            return;
        }
        if self.n == 0.0 {
            *self = other;
            return;
        }
        let (dx, dy) = (other.mean_x - self.mean_x, other.mean_y - self.mean_y);
        self.products += other.products + dx * dy * self.n * other.n / n;
        self.mean_x += dx * other.n / n;
        self.mean_y += dy * other.n / n;
        self.n = n;
    }

    /// Of the sample: by one less than the count. 0 with fewer than two values.
    fn sample(self) -> f64 {
        if self.n > 1.0 { self.products / (self.n - 1.0) } else { 0.0 }
    }

    /// Of the population.
    fn population(self) -> f64 {
        if self.n > 0.0 { self.products / self.n } else { 0.0 }
    }
}

/// The reference gives variances with ten decimals.
fn ten_decimals(value: f64) -> f64 {
    if value.abs() < 1e15 { format!("{value:.10}").parse().unwrap_or(value) } else { value }
}

/// Any number, datetime or timespan, as `f64`; times in ticks.
#[allow(non_camel_case_types, reason = "stands beside the language's type names")]
enum summable {}

impl Argument for summable {
    const ACCEPTS: Accepts = Accepts::Summable;
    const CAST: Option<Type> = None;
    const CONSTNESS: Constness = Constness::Any;
    type Reader<'a> = &'a Column;
    type Item<'a> = f64;
    fn reader<'a>(_: &Context, column: &'a Column) -> Result<&'a Column, Fault> {
        Ok(column)
    }
    fn get<'a>(column: &Self::Reader<'a>, _: &Context, row: usize) -> Result<Option<Self::Item<'a>>, Fault> {
        use arrow_array::Array;
        Ok(match column {
            Column::Long(it) | Column::Datetime(it) | Column::Timespan(it) => {
                it.is_valid(row).then(|| it.value(row) as f64)
            }
            Column::Int(it) => it.is_valid(row).then(|| f64::from(it.value(row))),
            Column::Real(it) => it.is_valid(row).then(|| it.value(row)),
            Column::Decimal(it) => it.get(row).map(kql_data::Decimal::to_f64),
            other => number(other, row),
        })
    }
}

fn number(column: &Column, row: usize) -> Option<f64> {
    use kql_data::Value as V;
    match column.value(row) {
        V::Datetime(it) | V::Timespan(it) => Some(it as f64),
        other => other.to_dynamic().as_f64(),
    }
}

crate::aggregates! {
    /// Standard deviation of a sample; 0 with fewer than two values.
    ///
    ///     range x from 1 to 5 step 1 | summarize stdev(x) => 1.5811388300841898
    #[conditional(stdevif: "range x from 1 to 5 step 1 | summarize stdevif(x, x <= 3) => 1.0")]
    fn stdev(expr: summable) -> real {
        state: Moments = Moments::default();
        add(it) { it.add(expr, expr); }
        merge(it, other) { it.merge(other); }
        finish(it) { it.sample().sqrt() }
    }

    /// Standard deviation of a population; 0 without values.
    ///
    ///     range x from 1 to 5 step 1 | summarize stdevp(x) => 1.4142135623730951
    fn stdevp(expr: summable) -> real {
        state: Moments = Moments::default();
        add(it) { it.add(expr, expr); }
        merge(it, other) { it.merge(other); }
        finish(it) { it.population().sqrt() }
    }

    /// Variance of a sample; 0 with fewer than two values.
    ///
    ///     range x from 1 to 5 step 1 | summarize variance(x) => 2.5
    #[conditional(varianceif: "range x from 1 to 100 step 1 | summarize varianceif(x, x % 2 == 0) => 850.0")]
    fn variance(expr: summable) -> real {
        state: Moments = Moments::default();
        add(it) { it.add(expr, expr); }
        merge(it, other) { it.merge(other); }
        finish(it) { ten_decimals(it.sample()) }
    }

    /// Variance of a population; 0 without values.
    ///
    ///     range x from 1 to 5 step 1 | summarize variancep(x) => 2.0
    #[conditional(variancepif: "range x from 1 to 9 step 1 | summarize variancepif(x, x <= 5) => 2.0")]
    fn variancep(expr: summable) -> real {
        state: Moments = Moments::default();
        add(it) { it.add(expr, expr); }
        merge(it, other) { it.merge(other); }
        finish(it) { ten_decimals(it.population()) }
    }

    /// Covariance of two columns of a sample; 0 with fewer than two pairs. A row with a null is left out.
    ///
    ///     range x from 1 to 5 step 1 | extend y = 2 * x | summarize covariance(x, y) => 5.0
    #[conditional(covarianceif: "range x from 1 to 9 step 1 | extend y = 2 * x | summarize covarianceif(x, y, x < 6) => 5.0")]
    #[outputs(Pair("covariance"))]
    fn covariance(x: summable, y: summable) -> real {
        state: Moments = Moments::default();
        add(it) { it.add(x, y); }
        merge(it, other) { it.merge(other); }
        finish(it) { ten_decimals(it.sample()) }
    }

    /// Covariance of two columns of a population; 0 without pairs. A row with a null is left out.
    ///
    ///     range x from 1 to 5 step 1 | extend y = 2 * x | summarize covariancep(x, y) => 4.0
    #[conditional(covariancepif: "range x from 1 to 9 step 1 | extend y = 2 * x | summarize covariancepif(x, y, x < 6) => 4.0")]
    #[outputs(Pair("covariancep"))]
    fn covariancep(x: summable, y: summable) -> real {
        state: Moments = Moments::default();
        add(it) { it.add(x, y); }
        merge(it, other) { it.merge(other); }
        finish(it) { ten_decimals(it.population()) }
    }
}
