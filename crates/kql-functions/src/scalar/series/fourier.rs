//! Fourier transforms of any length: radix 2, and Bluestein's algorithm for other lengths.

use super::{array, columns, each, reals};
use crate::declare::{Function, Overload, Param};
use kql_data::{Column, Context, Dynamic, Fault, Type};
use std::f64::consts::PI;

const NAMES: &[(&str, Type)] = &[("real", Type::Dynamic), ("imag", Type::Dynamic)];
const REAL: Param = array("series");
const IMAGINARY: Param = array("series_imaginary");

const FORWARD: &[Overload] = &[
    columns(&[REAL], NAMES, |cx, args, n_rows| transformed(cx, args, n_rows, false)),
    columns(&[REAL, IMAGINARY], NAMES, |cx, args, n_rows| transformed(cx, args, n_rows, false)),
];
const INVERSE: &[Overload] = &[
    columns(&[REAL], NAMES, |cx, args, n_rows| transformed(cx, args, n_rows, true)),
    columns(&[REAL, IMAGINARY], NAMES, |cx, args, n_rows| transformed(cx, args, n_rows, true)),
];

/// The functions that this file declares.
pub const FUNCTIONS: &[Function] = &[
    Function::new(
        "series_fft",
        "The Fourier transform of a series, real and imaginary part a column each.\n\n    \
         series_fft(dynamic([1, 1])) => dynamic([[2.0, 0.0], [0.0, 0.0]])\n",
        FORWARD,
    ),
    Function::new(
        "series_ifft",
        "The inverse Fourier transform of a series, real and imaginary part a column each.\n\n    \
         series_ifft(dynamic([2, 0])) => dynamic([[1.0, 1.0], [0.0, 0.0]])\n",
        INVERSE,
    ),
];

/// A complex number.
#[derive(Clone, Copy, Default)]
pub(super) struct Complex {
    pub(super) re: f64,
    pub(super) im: f64,
}

impl Complex {
    fn turn(angle: f64) -> Complex {
        Complex { re: angle.cos(), im: angle.sin() }
    }

    fn times(self, other: Complex) -> Complex {
        Complex { re: self.re * other.re - self.im * other.im, im: self.re * other.im + self.im * other.re }
    }

    fn plus(self, other: Complex) -> Complex {
        Complex { re: self.re + other.re, im: self.im + other.im }
    }

    fn minus(self, other: Complex) -> Complex {
        Complex { re: self.re - other.re, im: self.im - other.im }
    }

    fn conjugate(self) -> Complex {
        Complex { re: self.re, im: -self.im }
    }

    /// The square of its size.
    pub(super) fn power(self) -> f64 {
        self.re * self.re + self.im * self.im
    }
}

/// The transform, not divided by the length.
pub(super) fn transform(cx: &Context, values: &[Complex]) -> Vec<Complex> {
    let n = values.len();
    if n <= 1 {
        return values.to_vec();
    }
    match n {
        _ if n.is_power_of_two() => radix_2(cx, values),
        ..=DIRECT_MAX => direct(values),
        _ => bluestein(cx, values),
    }
}

/// Length up to which the sums by definition are as fast, and more exact.
const DIRECT_MAX: usize = 128;

#[allow(clippy::indexing_slicing, reason = "a remainder by the length is an index")]
fn direct(values: &[Complex]) -> Vec<Complex> {
    let n = values.len();
    let turns: Vec<Complex> = (0..n).map(|it| Complex::turn(-2.0 * PI * it as f64 / n as f64)).collect();
    let sum = |frequency: usize| {
        let terms = values.iter().enumerate().map(|(at, it)| it.times(turns[at * frequency % n]));
        terms.fold(Complex::default(), Complex::plus)
    };
    (0..n).map(sum).collect()
}

/// The inverse transform, divided by the length.
pub(super) fn inverse(cx: &Context, values: &[Complex]) -> Vec<Complex> {
    let n = values.len() as f64;
    let turned: Vec<Complex> = values.iter().map(|it| it.conjugate()).collect();
    let res = transform(cx, &turned);
    res.into_iter().map(|it| Complex { re: it.re / n, im: (0.0 - it.im) / n }).collect()
}

#[allow(
    clippy::indexing_slicing,
    reason = "the length is a power of two; bits in reverse, and strides up to its half, are indices"
)]
fn radix_2(cx: &Context, values: &[Complex]) -> Vec<Complex> {
    let n = values.len();
    let bits = n.trailing_zeros();
    let mut res: Vec<Complex> = (0..n).map(|it| values[it.reverse_bits() >> (usize::BITS - bits)]).collect();
    let turns: Vec<Complex> = (0..n / 2).map(|it| Complex::turn(-2.0 * PI * it as f64 / n as f64)).collect();
    let mut half = 1;
    // Whoever stops the query does not want the rest.
    while half < n && cx.check().is_ok() {
        let stride = n / (2 * half);
        for block in res.chunks_exact_mut(2 * half) {
            let (low, high) = block.split_at_mut(half);
            for (at, (a, b)) in low.iter_mut().zip(high).enumerate() {
                let turned = b.times(turns[at * stride]);
                (*a, *b) = (a.plus(turned), a.minus(turned));
            }
        }
        half *= 2;
    }
    res
}

/// A transform as a convolution of a power of two.
fn bluestein(cx: &Context, values: &[Complex]) -> Vec<Complex> {
    let n = values.len();
    let size = (2 * n - 1).next_power_of_two();
    // The square may be large; only its remainder matters for the angle.
    let chirp = |it: usize| {
        let square = (it as u128 * it as u128 % (2 * n as u128)) as f64;
        Complex::turn(-PI * square / n as f64)
    };
    let chirps: Vec<Complex> = (0..n).map(chirp).collect();
    let (mut a, mut b) = (vec![Complex::default(); size], vec![Complex::default(); size]);
    for ((a, value), chirp) in a.iter_mut().zip(values).zip(&chirps) {
        *a = value.times(*chirp);
    }
    b.iter_mut().zip(&chirps).for_each(|(b, chirp)| *b = chirp.conjugate());
    b.iter_mut().rev().zip(chirps.iter().skip(1)).for_each(|(b, chirp)| *b = chirp.conjugate());
    let (a, b) = (radix_2(cx, &a), radix_2(cx, &b));
    let product: Vec<Complex> = a.iter().zip(&b).map(|(a, b)| a.times(*b)).collect();
    let found = inverse(cx, &product);
    found.into_iter().zip(chirps).map(|(it, chirp)| it.times(chirp)).collect()
}

fn transformed(cx: &Context, args: &[Column], n_rows: usize, is_inverse: bool) -> Result<Column, Fault> {
    each(cx, args, n_rows, |row| {
        let real = row.numbers(0)?;
        let imaginary = match row.get(1) {
            Some(_) => row.numbers(1)?,
            None => vec![0.0; real.len()],
        };
        if real.len() != imaginary.len() {
            return None;
        }
        let values: Vec<Complex> = real.iter().zip(&imaginary).map(|(re, im)| Complex { re: *re, im: *im }).collect();
        let res = if is_inverse { inverse(cx, &values) } else { transform(cx, &values) };
        let (real, imaginary): (Vec<f64>, Vec<f64>) = res.iter().map(|it| (it.re, it.im)).unzip();
        Some(Dynamic::array(vec![reals(&real), reals(&imaginary)]))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_length_equals_the_sum_by_definition() {
        for n in [1_usize, 2, 3, 8, 12, 60, 128, 200, 211] {
            let at = |it: usize| Complex { re: (it * 7 % 11) as f64, im: (it * 5 % 3) as f64 };
            let values: Vec<Complex> = (0..n).map(at).collect();
            let found = transform(&Context::default(), &values);
            for (frequency, found) in found.iter().enumerate() {
                let term = |it: usize| values[it].times(Complex::turn(-2.0 * PI * (it * frequency) as f64 / n as f64));
                let sum = (0..n).map(term).fold(Complex::default(), Complex::plus);
                assert!(sum.minus(*found).power() < 1e-16 * (n * n) as f64, "{n} {frequency}");
            }
            let back = inverse(&Context::default(), &found);
            assert!(back.iter().zip(&values).all(|(a, b)| a.minus(*b).power() < 1e-20 * (n * n) as f64));
        }
    }
}
