//! Lines and polynomials through a series, by least squares.

use super::{Row, SERIES, array, columns, dynamic, each, long, mean, reals, squares};
use crate::declare::{Function, Overload, Param};
use kql_data::{Bag, Dynamic, Type};

const LINE: &[(&str, Type)] = &[
    ("rsquare", Type::Real),
    ("slope", Type::Real),
    ("variance", Type::Real),
    ("rvariance", Type::Real),
    ("interception", Type::Real),
    ("line_fit", Type::Dynamic),
];
const TWO_LINES: &[(&str, Type)] = &[
    ("rsquare", Type::Real),
    ("split_idx", Type::Long),
    ("variance", Type::Real),
    ("rvariance", Type::Real),
    ("line_fit", Type::Dynamic),
    ("right_rsquare", Type::Real),
    ("right_slope", Type::Real),
    ("right_interception", Type::Real),
    ("right_variance", Type::Real),
    ("right_rvariance", Type::Real),
    ("left_rsquare", Type::Real),
    ("left_slope", Type::Real),
    ("left_interception", Type::Real),
    ("left_variance", Type::Real),
    ("left_rvariance", Type::Real),
];
const POLY: &[(&str, Type)] = &[
    ("rsquare", Type::Real),
    ("coefficients", Type::Dynamic),
    ("variance", Type::Real),
    ("rvariance", Type::Real),
    ("poly_fit", Type::Dynamic),
];
const Y: Param = array("y_series");
const X: Param = array("x_series");
const DEGREE: Param = long("degree");

/// Degree of a polynomial at most.
const DEGREE_MAX: i64 = 32;

macro_rules! poly {
    ($($params:expr),+) => {{
        const OVERLOADS: &[Overload] = &[
            $(columns($params, POLY, |cx, args, n_rows| each(cx, args, n_rows, |row| polynomial(&row)))),+
        ];
        OVERLOADS
    }};
}

/// The functions that this file declares.
pub const FUNCTIONS: &[Function] = &[
    Function::new(
        "series_fit_line",
        "The line that fits a series best: R squared, slope, variance of the series and of what remains, interception, and \
         the line's points, a column each.\n\n    \
         series_fit_line(dynamic([1, 3, 5])) => dynamic([1.0, 2.0, 4.0, 0.0, 1.0, [1.0, 3.0, 5.0]])\n",
        &[columns(&[SERIES], LINE, |cx, args, n_rows| {
            each(cx, args, n_rows, |row| Some(values(line_slots(&row.numbers(0)?)?)))
        })],
    ),
    Function::new(
        "series_fit_line_dynamic",
        "What `series_fit_line` gives, as a bag.\n\n    series_fit_line_dynamic(dynamic([1, 3, 5])).slope => 2.0\n",
        &[dynamic(&[SERIES], |cx, args, n_rows| {
            each(cx, args, n_rows, |row| Some(bag(LINE, line_slots(&row.numbers(0)?)?)))
        })],
    ),
    Function::new(
        "series_fit_2lines",
        "The two lines, one after the other, that fit a series best: R squared, the position where the second begins, \
         variances, the lines' points, and what `series_fit_line` gives of the right and the left part, a column each.\n\n    \
         series_fit_2lines(dynamic([1, 2, 3, 9, 8, 7]))[1] => 3\n",
        &[columns(&[SERIES], TWO_LINES, |cx, args, n_rows| {
            each(cx, args, n_rows, |row| Some(values(two_lines(&row.numbers(0)?)?)))
        })],
    ),
    Function::new(
        "series_fit_2lines_dynamic",
        "What `series_fit_2lines` gives, as a bag with the bags `right` and `left`.\n\n    \
         series_fit_2lines_dynamic(dynamic([1, 2, 3, 9, 8, 7])).split_idx => 3\n",
        &[dynamic(&[SERIES], |cx, args, n_rows| {
            each(cx, args, n_rows, |row| Some(two_lines_bag(two_lines(&row.numbers(0)?)?)))
        })],
    ),
    Function::new(
        "series_fit_poly",
        "The polynomial of a degree (1 by default) that fits a series best over `x_series` (1, 2, 3 and so on by default): R \
         squared, coefficients from the highest power, variance of the series and of what remains, and the polynomial's \
         values, a column each.\n\n    \
         round(todouble(series_fit_poly(dynamic([1, 4, 9, 16]), dynamic([1, 2, 3, 4]), 2)[1][0]), 6) => 1.0\n",
        poly!(&[Y], &[Y, X], &[Y, X, DEGREE]),
    ),
];

fn values(slots: Vec<Dynamic>) -> Dynamic {
    Dynamic::array(slots)
}

fn bag(names: &[(&'static str, Type)], slots: Vec<Dynamic>) -> Dynamic {
    Dynamic::bag(names.iter().zip(slots).map(|((name, _), it)| ((*name).into(), it)).collect())
}

/// `right_…` and `left_…` become bags of their own.
fn two_lines_bag(slots: Vec<Dynamic>) -> Dynamic {
    let (mut whole, mut right, mut left) = (Bag::default(), Bag::default(), Bag::default());
    for ((name, _), it) in TWO_LINES.iter().zip(slots) {
        let (bag, name) = match (name.strip_prefix("right_"), name.strip_prefix("left_")) {
            (Some(name), _) => (&mut right, name),
            (_, Some(name)) => (&mut left, name),
            _ => (&mut whole, *name),
        };
        _ = bag.insert(name.into(), it);
    }
    _ = whole.insert("right".into(), Dynamic::bag(right));
    _ = whole.insert("left".into(), Dynamic::bag(left));
    Dynamic::bag(whole)
}

/// A line through points at 0, 1, 2 …
#[derive(Clone, Copy)]
pub(super) struct Line {
    pub(super) slope: f64,
    pub(super) interception: f64,
}

impl Line {
    /// The one that fits best; `None` for no points.
    pub(super) fn fit(series: &[f64]) -> Option<Line> {
        if series.is_empty() {
            return None;
        }
        let mean_x = (series.len() - 1) as f64 / 2.0;
        let mean_y = mean(series);
        let (mut both, mut square) = (0.0, 0.0);
        for (x, y) in series.iter().enumerate() {
            let x = x as f64 - mean_x;
            both += x * (y - mean_y);
            square += x * x;
        }
        let slope = if square > 0.0 { both / square } else { 0.0 };
        Some(Line { slope, interception: mean_y - slope * mean_x })
    }

    pub(super) fn at(&self, x: usize) -> f64 {
        self.slope * x as f64 + self.interception
    }

    fn points(&self, len: usize) -> Vec<f64> {
        (0..len).map(|it| self.at(it)).collect()
    }
}

/// R squared, variance of the series and variance of what remains.
fn quality(series: &[f64], fitted: &[f64]) -> (f64, f64, f64) {
    let degrees = series.len().saturating_sub(1).max(1) as f64;
    let rest: f64 = series.iter().zip(fitted).map(|(a, b)| (a - b) * (a - b)).sum();
    let (variance, rvariance) = (squares(series) / degrees, rest / degrees);
    let rsquare = if variance > 0.0 { 1.0 - rvariance / variance } else { 0.0 };
    (rsquare, variance, rvariance)
}

fn line_slots(series: &[f64]) -> Option<Vec<Dynamic>> {
    let line = Line::fit(series)?;
    let points = line.points(series.len());
    let (rsquare, variance, rvariance) = quality(series, &points);
    let mut slots = [rsquare, line.slope, variance, rvariance, line.interception].map(Dynamic::Real).to_vec();
    slots.push(reals(&points));
    Some(slots)
}

/// Sum of the squares of what a line leaves, for every number of leading points: in one pass, by running moments.
fn remainders(series: impl Iterator<Item = f64>) -> Vec<f64> {
    let (mut n, mut mean_x, mut mean_y, mut xx, mut xy, mut yy) = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0);
    let mut res = vec![0.0];
    for y in series {
        let x = n;
        n += 1.0;
        let (dx, dy) = (x - mean_x, y - mean_y);
        mean_x += dx / n;
        mean_y += dy / n;
        xx += dx * (x - mean_x);
        xy += dx * (y - mean_y);
        yy += dy * (y - mean_y);
        res.push(if xx > 0.0 { f64::max(yy - xy * xy / xx, 0.0) } else { 0.0 });
    }
    res
}

fn two_lines(series: &[f64]) -> Option<Vec<Dynamic>> {
    let n = series.len();
    let (left, right) = (remainders(series.iter().copied()), remainders(series.iter().rev().copied()));
    let rest = |split: &usize| left.get(*split).zip(right.get(n - *split)).map_or(f64::INFINITY, |(a, b)| a + b);
    let splits = if n < 4 { n / 2..n / 2 + 1 } else { 2..n - 1 };
    let split = splits.min_by(|a, b| rest(a).total_cmp(&rest(b)))?;
    let (before, after) = series.split_at_checked(split)?;
    let (left, right) = (line_slots(before).unwrap_or_default(), line_slots(after)?);
    let points: Vec<f64> = [before, after]
        .iter()
        .filter_map(|part| Line::fit(part).map(|line| line.points(part.len())))
        .flatten()
        .collect();
    let (rsquare, variance, rvariance) = quality(series, &points);
    let mut slots = vec![Dynamic::Real(rsquare), Dynamic::Long(split as i64)];
    slots.extend([variance, rvariance].map(Dynamic::Real));
    slots.push(reals(&points));
    for side in [right, left] {
        // Of a line: R squared, slope, variance, rest, interception.
        slots.extend([0, 1, 4, 2, 3].map(|it| side.get(it).cloned().unwrap_or(Dynamic::Null)));
    }
    Some(slots)
}

fn polynomial(row: &Row) -> Option<Dynamic> {
    let y = row.numbers(0)?;
    let x = match row.get(1) {
        Some(_) => row.numbers(1)?,
        None => (1..=y.len()).map(|it| it as f64).collect(),
    };
    let degree = row.long(2).unwrap_or(1);
    if x.len() != y.len() || y.is_empty() || !(0..=DEGREE_MAX).contains(&degree) {
        return None;
    }
    let coefficients = least_squares(&x, &y, degree as usize)?;
    let value = |x: &f64| coefficients.iter().fold(0.0, |sum, it| sum * x + it);
    let fitted: Vec<f64> = x.iter().map(value).collect();
    let (rsquare, variance, rvariance) = quality(&y, &fitted);
    let real = Dynamic::Real;
    Some(Dynamic::array(vec![real(rsquare), reals(&coefficients), real(variance), real(rvariance), reals(&fitted)]))
}

/// Coefficients of the best polynomial from the highest power, by Householder reflections of the powers of x. `None` when
/// there are too few different x.
fn least_squares(x: &[f64], y: &[f64], degree: usize) -> Option<Vec<f64>> {
    let n = degree + 1;
    // Powers of x over its largest size stay near 1.
    let scale = x.iter().fold(0.0_f64, |max, it| max.max(it.abs()));
    let scale = if scale > 0.0 && scale.is_finite() { scale } else { 1.0 };
    let mut powers: Vec<Vec<f64>> =
        (0..n).map(|power| x.iter().map(|it| (it / scale).powi((degree - power) as i32)).collect()).collect();
    let mut rest = y.to_vec();
    let mut diagonal = Vec::with_capacity(n);
    for step in 0..n {
        let (done, ahead) = powers.split_at_mut_checked(step + 1)?;
        let column = done.last_mut()?.get_mut(step..)?;
        let size = column.iter().map(|it| it * it).sum::<f64>().sqrt();
        if size < 1e-13 {
            return None;
        }
        let first = column.first_mut()?;
        let pivot = if *first > 0.0 { -size } else { size };
        *first -= pivot;
        let length: f64 = column.iter().map(|it| it * it).sum();
        let reflect = |other: &mut [f64]| {
            let dot: f64 = column.iter().zip(other.iter()).map(|(a, b)| a * b).sum();
            column.iter().zip(other).for_each(|(a, b)| *b -= 2.0 * dot / length * a);
        };
        ahead.iter_mut().filter_map(|it| it.get_mut(step..)).for_each(reflect);
        reflect(rest.get_mut(step..)?);
        diagonal.push(pivot);
    }
    // From the last power down: each is what those behind it leave of the row.
    let mut coefficients: Vec<f64> = Vec::with_capacity(n);
    for (row, (pivot, rest)) in diagonal.iter().zip(&rest).enumerate().rev() {
        let behind = powers.iter().rev().zip(&coefficients);
        let known: f64 = behind.map(|(power, it)| power.get(row).copied().unwrap_or(0.0) * it).rev().sum();
        coefficients.push((rest - known) / pivot);
    }
    coefficients.reverse();
    let unscaled = coefficients.iter().enumerate().map(|(at, it)| it / scale.powi((degree - at) as i32));
    Some(unscaled.collect())
}

#[cfg(test)]
mod tests {
    use super::super::testing::run;
    use super::least_squares;

    #[test]
    fn measured_lines() {
        let res = run("series_fit_line", &["[2, 5, 6, 8, 11, 15, 17, 18, 25, 26, 30, 30]"]);
        assert!(res.starts_with("[0.98290073088444"), "{res}");
        assert!(res.contains(",2.73076923076923") && res.contains(",98.6287878787878"), "{res}");
        let res = run("series_fit_2lines", &["[1, 2.2, 2.5, 4.7, 5.0, 12, 10.3, 10.3, 9, 8.3, 6.2]"]);
        assert!(
            res.contains(",5,13.89") && res.contains(",11.942857142857") && res.contains("6.757142857142"),
            "{res}"
        );
        assert_eq!(run("series_fit_line", &["[1, null]"]), "null");
        assert_eq!(run("series_fit_line", &["[]"]), "null");
        assert!(run("series_fit_2lines", &["[1]"]).starts_with("[0.0,0,"));
    }

    #[test]
    fn polynomials_of_high_degree() {
        let x: Vec<f64> = (0..200).map(|it| f64::from(it) / 40.0 - 2.3).collect();
        let y: Vec<f64> = x.iter().map(|x| x.powi(5) - 8.0 * x.powi(3) + 10.0 * x + 6.0).collect();
        let found = least_squares(&x, &y, 5).unwrap();
        for (found, expected) in found.iter().zip([1.0, 0.0, -8.0, 0.0, 10.0, 6.0]) {
            assert!((found - expected).abs() < 1e-9, "{found} {expected}");
        }
        assert_eq!(run("series_fit_poly", &["[1, 2]", "[1, 1]", "1"]), "null");
        assert_eq!(run("series_fit_poly", &["[1, 2]", "[1, 1]", "-1"]), "null");
    }
}
