//! Numbers made of whole series: sums, products, lengths, angles.

use super::{array, mean, number};
use crate::declare::{Accepts, Kernel, Overload, Param, Returns};
use kql_data::{Column, Context, Dynamic, Fault, Type};

crate::functions! {
    /// Sum of the elements; what is no number is left out.
    ///
    ///     series_sum(dynamic([1, 2, 3, 4])) => 10.0
    fn series_sum(series: array) -> real { Some(elements(series.as_array()?).fold(0.0, |sum, it| sum + it)) }

    /// Product of the elements; what is no number is left out.
    ///
    ///     series_product(dynamic([1, 2, 3, 4])) => 24.0
    fn series_product(series: array) -> real { Some(elements(series.as_array()?).product::<f64>()) }

    /// Root of the sum of the squares of the elements; what is no number is left out.
    ///
    ///     series_magnitude(dynamic([3, 4])) => 5.0
    fn series_magnitude(series: array) -> real { Some(magnitude(elements(series.as_array()?))) }

    /// Pearson's correlation of two series, from -1 to 1. Null when they differ in length or an element is no number.
    ///
    ///     series_pearson_correlation(dynamic([1, 2, 3, 4, 5]), dynamic([2, 4, 6, 8, 10])) => 0.9999999999999998
    fn series_pearson_correlation(series1: array, series2: array) -> real { correlation(&series1, &series2) }

    /// Sum of the products of the elements of two series, as far as the shorter reaches. What is no number is left out. Null
    /// when one is empty.
    ///
    ///     series_dot_product(dynamic([1, 2, 4]), dynamic([4, 2, 1])) => 12.0
    ///     series_dot_product(dynamic([1, 2, 3]), 10) => 60.0
    fn series_dot_product = DOT;

    /// Cosine of the angle between two series, as far as the shorter reaches. Their magnitudes may be given to save time.
    /// Null when one is empty.
    ///
    ///     series_cosine_similarity(dynamic([1, 0]), dynamic([0, 1])) => 0.0
    fn series_cosine_similarity
        (series1: array, series2: array) -> real { cosine(&series1, &series2, None, None) }
        (series1: array, series2: array, magnitude1: maybe<real>) -> real {
            cosine(&series1, &series2, magnitude1, None)
        }
        (series1: array, series2: array, magnitude1: maybe<real>, magnitude2: maybe<real>) -> real {
            cosine(&series1, &series2, magnitude1, magnitude2)
        }
}

const fn dot(params: &'static [Param]) -> Overload {
    let kernel: Kernel = dot_products;
    Overload { params, rest: None, returns: Returns::Type(Type::Real), kernel: Some(kernel) }
}
const DOT: &[Overload] = &[
    dot(&[array("series1"), array("series2")]),
    dot(&[array("series1"), Param::new("series2", Accepts::Number)]),
    dot(&[Param::new("series1", Accepts::Number), array("series2")]),
];

fn elements(items: &[Dynamic]) -> impl Iterator<Item = f64> {
    items.iter().filter_map(number)
}

fn magnitude(elements: impl Iterator<Item = f64>) -> f64 {
    elements.map(|it| it * it).sum::<f64>().sqrt()
}

fn correlation(left: &Dynamic, right: &Dynamic) -> Option<f64> {
    let (left, right) = (super::numbers(left.as_array()?)?, super::numbers(right.as_array()?)?);
    if left.len() != right.len() || left.is_empty() {
        return None;
    }
    let (mean_left, mean_right) = (mean(&left), mean(&right));
    let (mut both, mut squares_left, mut squares_right) = (0.0, 0.0, 0.0);
    for (a, b) in left.iter().zip(&right) {
        let (a, b) = (a - mean_left, b - mean_right);
        both += a * b;
        squares_left += a * a;
        squares_right += b * b;
    }
    Some(both / (squares_left.sqrt() * squares_right.sqrt()))
}

/// The pairs of elements that are both numbers.
fn pairs(left: &Dynamic, right: &Dynamic) -> Option<Vec<(f64, f64)>> {
    let pair = |(a, b): (&Dynamic, &Dynamic)| number(a).zip(number(b));
    let pairs: Vec<(f64, f64)> = match (left.as_array(), right.as_array()) {
        (Some(a), Some(b)) => a.iter().zip(b).filter_map(pair).collect(),
        (Some(a), None) => a.iter().filter_map(|it| pair((it, right))).collect(),
        (None, Some(b)) => b.iter().filter_map(|it| pair((left, it))).collect(),
        (None, None) => return None,
    };
    Some(pairs).filter(|it| !it.is_empty())
}

fn dot_products(cx: &Context, args: &[Column], n_rows: usize) -> Result<Column, Fault> {
    use crate::declare::{lift::each_row, types};
    each_row::<types::any_dynamic, types::real, _>(cx, args, n_rows, |row| match row {
        [Some(left), Some(right)] => pairs(left, right).map(|it| it.iter().map(|(a, b)| a * b).sum::<f64>()),
        _ => None,
    })
}

fn cosine(left: &Dynamic, right: &Dynamic, of_left: Option<f64>, of_right: Option<f64>) -> Option<f64> {
    let pairs = pairs(left, right)?;
    let dot: f64 = pairs.iter().map(|(a, b)| a * b).sum();
    let of_left = of_left.unwrap_or_else(|| magnitude(pairs.iter().map(|it| it.0)));
    let of_right = of_right.unwrap_or_else(|| magnitude(pairs.iter().map(|it| it.1)));
    Some(dot / (of_left * of_right))
}

#[cfg(test)]
mod tests {
    use super::super::testing::run;

    #[test]
    fn measured_values() {
        assert_eq!(run("series_pearson_correlation", &["[1,2,3,4,5]", "[2,4,6,8,10]"]), "0.9999999999999998");
        assert_eq!(run("series_pearson_correlation", &["[1,2]", "[2]"]), "null");
        assert_eq!(run("series_magnitude", &["[1,2,3,4]"]), "5.477225575051661");
        let similarity: f64 = run("series_cosine_similarity", &["[0.1,0.2,0.1,0.2]", "[1,2,3,4]"]).parse().unwrap();
        assert!((similarity - 0.923_760_430_703_401).abs() < 1e-12);
        assert_eq!(run("series_dot_product", &["[]", "[1]"]), "null");
    }
}
