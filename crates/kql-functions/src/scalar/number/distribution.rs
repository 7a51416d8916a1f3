//! The beta distribution, and Welch's test, which rests on it.

use super::{REAL, to_real};
use crate::{declare::Function, scalar::operator::lift};
use arrow_array::Float64Array;
use kql_data::{Column, Context, Fault};

/// Steps of the continued fraction; it settles within some tens for any sensible parameters.
const STEPS_MAX: u32 = 10_000;

fn log_beta(a: f64, b: f64) -> f64 {
    libm::lgamma(a) + libm::lgamma(b) - libm::lgamma(a + b)
}

/// The continued fraction of the incomplete beta function, by Lentz's method.
fn beta_fraction(x: f64, a: f64, b: f64) -> f64 {
    const TINY: f64 = 1e-300;
    let away = |it: f64| if it.abs() < TINY { TINY } else { it };
    let (mut c, mut d) = (1.0, 1.0 / away(1.0 - (a + b) * x / (a + 1.0)));
    let mut sum = d;
    for step in 1..STEPS_MAX {
        let m = f64::from(step);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        d = 1.0 / away(1.0 + even * d);
        c = away(1.0 + even / c);
        sum *= d * c;
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        d = 1.0 / away(1.0 + odd * d);
        c = away(1.0 + odd / c);
        sum *= d * c;
        if (d * c - 1.0).abs() < 1e-16 {
            break;
        }
    }
    sum
}

/// The regularised incomplete beta function; NaN outside its domain.
pub fn beta_cdf(x: f64, a: f64, b: f64) -> f64 {
    if !((0.0..=1.0).contains(&x) && a > 0.0 && b > 0.0) || a.is_infinite() || b.is_infinite() {
        return f64::NAN;
    }
    if x == 0.0 || x == 1.0 {
        return x;
    }
    let front = (a * x.ln() + b * (-x).ln_1p() - log_beta(a, b)).exp();
    if x < (a + 1.0) / (a + b + 2.0) {
        front * beta_fraction(x, a, b) / a
    } else {
        1.0 - front * beta_fraction(1.0 - x, b, a) / b
    }
}

fn beta_pdf(x: f64, a: f64, b: f64) -> f64 {
    if !((0.0..=1.0).contains(&x) && a > 0.0 && b > 0.0) {
        return f64::NAN;
    }
    // Powers of 0 with exponent 0 are 1, which logarithms would miss.
    if x == 0.0 || x == 1.0 {
        return x.powf(a - 1.0) * (1.0 - x).powf(b - 1.0) / log_beta(a, b).exp();
    }
    ((a - 1.0) * x.ln() + (b - 1.0) * (-x).ln_1p() - log_beta(a, b)).exp()
}

/// Where the distribution reaches a probability: by halving, until no float lies between. Null beyond 0 and 1.
fn beta_inv(probability: f64, a: f64, b: f64) -> Option<f64> {
    if !(a > 0.0 && b > 0.0) || probability.is_nan() {
        return Some(f64::NAN);
    }
    if !(0.0..=1.0).contains(&probability) {
        return None;
    }
    // Halving the bits of positive floats reaches any of them in 62 steps, the tiniest too.
    let (mut low, mut high) = (0, 1.0_f64.to_bits());
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if beta_cdf(f64::from_bits(middle), a, b) < probability {
            low = middle;
        } else {
            high = middle;
        }
    }
    Some(f64::from_bits(high))
}

/// The probability that two samples of such means, variances and sizes have one mean, two-sided.
fn welch(mean1: f64, variance1: f64, count1: f64, mean2: f64, variance2: f64, count2: f64) -> f64 {
    let (a, b) = (variance1 / count1, variance2 / count2);
    let t = (mean1 - mean2) / (a + b).sqrt();
    let freedom = (a + b) * (a + b) / (a * a / (count1 - 1.0) + b * b / (count2 - 1.0));
    beta_cdf(freedom / (freedom + t * t), freedom / 2.0, 0.5)
}

fn three(
    cx: &Context,
    args: &[Column],
    n_rows: usize,
    map: impl Fn(f64, f64, f64) -> Option<f64>,
) -> Result<Column, Fault> {
    let (x, a, b) =
        (lift::reals(lift::arg(args, 0)?)?, lift::reals(lift::arg(args, 1)?)?, lift::reals(lift::arg(args, 2)?)?);
    let mut out = Vec::with_capacity(n_rows);
    for row in 0..n_rows {
        cx.check()?;
        out.push((|| map(x.get(row)?, a.get(row)?, b.get(row)?))());
    }
    Ok(Column::Real(Float64Array::from(out)))
}

fn beta_cdf_kernel(cx: &Context, args: &[Column], n_rows: usize) -> Result<Column, Fault> {
    three(cx, args, n_rows, |x, a, b| Some(beta_cdf(x, a, b)))
}

fn beta_pdf_kernel(cx: &Context, args: &[Column], n_rows: usize) -> Result<Column, Fault> {
    three(cx, args, n_rows, |x, a, b| Some(beta_pdf(x, a, b)))
}

fn beta_inv_kernel(cx: &Context, args: &[Column], n_rows: usize) -> Result<Column, Fault> {
    three(cx, args, n_rows, beta_inv)
}

fn welch_kernel(cx: &Context, args: &[Column], n_rows: usize) -> Result<Column, Fault> {
    let readers = (0..6).map(|index| lift::reals(lift::arg(args, index)?)).collect::<Result<Vec<_>, Fault>>()?;
    let mut out = Vec::with_capacity(n_rows);
    for row in 0..n_rows {
        cx.check()?;
        let values: Option<Vec<f64>> = readers.iter().map(|it| it.get(row)).collect();
        out.push(match values.as_deref() {
            Some([m1, v1, n1, m2, v2, n2]) => Some(welch(*m1, *v1, *n1, *m2, *v2, *n2)),
            _ => None,
        });
    }
    Ok(Column::Real(Float64Array::from(out)))
}

/// The functions of distributions.
pub const FUNCTIONS: &[Function] = &[
    Function::new(
        "beta_cdf",
        "The beta distribution: how likely a value is at most x. NaN outside the domain.\n\n    \
         round(beta_cdf(0.5, 2, 2), 6) => 0.5\n    beta_cdf(1.5, 10, 20) => real(nan)\n",
        &[to_real(&[REAL, REAL, REAL], beta_cdf_kernel)],
    ),
    Function::new(
        "beta_pdf",
        "The density of the beta distribution. NaN outside the domain.\n\n    round(beta_pdf(0.5, 10, 20), 6) => 0.746176\n",
        &[to_real(&[REAL, REAL, REAL], beta_pdf_kernel)],
    ),
    Function::new(
        "beta_inv",
        "The inverse of the beta distribution. Null for a probability beyond 0 and 1.\n\n    \
         round(beta_inv(0.1, 10, 20), 6) => 0.226415\n    beta_inv(1.5, 10, 20) => real(null)\n",
        &[to_real(&[REAL, REAL, REAL], beta_inv_kernel)],
    ),
    Function::new(
        "welch_test",
        "The p-value of Welch's test of two samples by mean, variance and number of values.\n\n    \
         round(welch_test(20.82, 7.867, 15, 22.987, 3.813, 15), 4) => 0.0214\n",
        &[to_real(&[REAL, REAL, REAL, REAL, REAL, REAL], welch_kernel)],
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_values() {
        let near = |a: f64, b: f64| assert!((a - b).abs() < 1e-12 * b.abs(), "{a} {b}");
        near(beta_cdf(0.9, 10.0, 20.0), 0.999_999_999_999_959);
        near(beta_pdf(0.5, 10.0, 20.0), 0.746_176_019_310_951);
        near(beta_inv(0.1, 10.0, 20.0).unwrap(), 0.226_415_022_388_749);
        near(
            welch(20.82, 7.867_428_571_4, 15.0, 22.986_666_666_666_668, 3.812_666_666_7, 15.0),
            0.021_378_001_462_864_41,
        );
        assert!(beta_cdf(-10.0, 10.0, 20.0).is_nan() && beta_cdf(0.1, -1.0, 20.0).is_nan());
        assert_eq!(beta_inv(1.5, 10.0, 20.0), None);
        assert!(beta_inv(f64::NAN, 1.0, 1.0).unwrap().is_nan());
    }
}
