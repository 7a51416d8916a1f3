//! Arithmetic, comparisons and functions of each element of one series, or of two side by side.
//!
//! What is no number, or has no partner, gives null. A number beside a series stands for as many of it.

use super::{SERIES, array, dynamic, each, number};
use crate::declare::{Accepts, Function, Overload, Param};
use kql_data::{Column, Context, Dynamic, Fault};

const FIRST: Param = array("series1");
const SECOND: Param = array("series2");
const FIRST_NUMBER: Param = Param::new("series1", Accepts::Number);
const SECOND_NUMBER: Param = Param::new("series2", Accepts::Number);

macro_rules! pair {
    ($op:expr) => {{
        const OVERLOADS: &[Overload] = &[
            dynamic(&[FIRST, SECOND], |cx, args, n_rows| pairwise(cx, args, n_rows, $op)),
            dynamic(&[FIRST, SECOND_NUMBER], |cx, args, n_rows| pairwise(cx, args, n_rows, $op)),
            dynamic(&[FIRST_NUMBER, SECOND], |cx, args, n_rows| pairwise(cx, args, n_rows, $op)),
        ];
        OVERLOADS
    }};
}
macro_rules! each {
    ($op:expr) => {{
        const OVERLOADS: &[Overload] = &[dynamic(&[SERIES], |cx, args, n_rows| mapped(cx, args, n_rows, $op))];
        OVERLOADS
    }};
}

const ADD: &[Overload] = pair!(|a, b| whole_or_real(a, b, i64::wrapping_add, |a, b| a + b));
const SUBTRACT: &[Overload] = pair!(|a, b| whole_or_real(a, b, i64::wrapping_sub, |a, b| a - b));
const MULTIPLY: &[Overload] = pair!(|a, b| whole_or_real(a, b, i64::wrapping_mul, |a, b| a * b));
const DIVIDE: &[Overload] = pair!(|a, b| both(a, b, |a, b| Dynamic::Real(a / b)));
const POW: &[Overload] = pair!(|a, b| both(a, b, |a, b| Dynamic::Real(a.powf(b))));
const GREATER: &[Overload] = pair!(|a, b| both(a, b, |a, b| Dynamic::Bool(a > b)));
const GREATER_EQUALS: &[Overload] = pair!(|a, b| both(a, b, |a, b| Dynamic::Bool(a >= b)));
const LESS: &[Overload] = pair!(|a, b| both(a, b, |a, b| Dynamic::Bool(a < b)));
const LESS_EQUALS: &[Overload] = pair!(|a, b| both(a, b, |a, b| Dynamic::Bool(a <= b)));
const EQUALS: &[Overload] = pair!(|a, b| both(a, b, |a, b| Dynamic::Bool(a == b)));
const NOT_EQUALS: &[Overload] = pair!(|a, b| both(a, b, |a, b| Dynamic::Bool(a != b)));
const ABS: &[Overload] = each!(f64::abs);
const SIGN: &[Overload] = each!(|it| if it == 0.0 { 0.0 } else { it.signum() });
const FLOOR: &[Overload] = each!(f64::floor);
const CEILING: &[Overload] = each!(f64::ceil);
const EXP: &[Overload] = each!(f64::exp);
const LOG: &[Overload] = each!(f64::ln);
const SIN: &[Overload] = each!(f64::sin);
const COS: &[Overload] = each!(f64::cos);
const TAN: &[Overload] = each!(f64::tan);
const ASIN: &[Overload] = each!(f64::asin);
const ACOS: &[Overload] = each!(f64::acos);
const ATAN: &[Overload] = each!(f64::atan);

/// The functions that this file declares.
pub const FUNCTIONS: &[Function] = &[
    Function::new(
        "series_add",
        "Sums of two series, element by element; of whole numbers they are whole.\n\n    \
         series_add(dynamic([1, 2, 4]), dynamic([4, 2, 1])) => dynamic([5, 4, 5])\n",
        ADD,
    ),
    Function::new(
        "series_subtract",
        "Differences of two series, element by element; of whole numbers they are whole.\n\n    \
         series_subtract(dynamic([1, 2, 4]), dynamic([4, 2, 1])) => dynamic([-3, 0, 3])\n",
        SUBTRACT,
    ),
    Function::new(
        "series_multiply",
        "Products of two series, element by element; of whole numbers they are whole.\n\n    \
         series_multiply(10, dynamic([1, 0, -1])) => dynamic([10, 0, -10])\n",
        MULTIPLY,
    ),
    Function::new(
        "series_divide",
        "Quotients of two series, element by element, as reals.\n\n    \
         series_divide(dynamic([1, 2, 4]), dynamic([4, 2, 1])) => dynamic([0.25, 1.0, 4.0])\n",
        DIVIDE,
    ),
    Function::new(
        "series_pow",
        "Elements of the first series to the power of those of the second.\n\n    \
         series_pow(dynamic([1, 2, 3, 4]), dynamic([1, 2, 3, 0.5])) => dynamic([1.0, 4.0, 27.0, 2.0])\n",
        POW,
    ),
    Function::new(
        "series_greater",
        "Whether each element of the first series is greater than that of the second.\n\n    \
         series_greater(dynamic([1, 2, 4]), dynamic([4, 2, 1])) => dynamic([false, false, true])\n",
        GREATER,
    ),
    Function::new(
        "series_greater_equals",
        "Whether each element of the first series is not less than that of the second.\n\n    \
         series_greater_equals(dynamic([1, 2, 4]), dynamic([4, 2, 1])) => dynamic([false, true, true])\n",
        GREATER_EQUALS,
    ),
    Function::new(
        "series_less",
        "Whether each element of the first series is less than that of the second.\n\n    \
         series_less(dynamic([1, 2, 4]), dynamic([4, 2, 1])) => dynamic([true, false, false])\n",
        LESS,
    ),
    Function::new(
        "series_less_equals",
        "Whether each element of the first series is not greater than that of the second.\n\n    \
         series_less_equals(dynamic([1, 2, 4]), dynamic([4, 2, 1])) => dynamic([true, true, false])\n",
        LESS_EQUALS,
    ),
    Function::new(
        "series_equals",
        "Whether each element of the first series equals that of the second.\n\n    \
         series_equals(dynamic([1, 2, 4]), dynamic([4, 2, 1])) => dynamic([false, true, false])\n",
        EQUALS,
    ),
    Function::new(
        "series_not_equals",
        "Whether each element of the first series differs from that of the second.\n\n    \
         series_not_equals(dynamic([1, 2, 4]), dynamic([4, 2, 1])) => dynamic([true, false, true])\n",
        NOT_EQUALS,
    ),
    Function::new(
        "series_abs",
        "Absolute values.\n\n    series_abs(dynamic([-6.5, 0, 8.2])) => dynamic([6.5, 0.0, 8.2])\n",
        ABS,
    ),
    Function::new(
        "series_sign",
        "-1, 0 or 1 by the sign.\n\n    series_sign(dynamic([-6, 0, 8])) => dynamic([-1.0, 0.0, 1.0])\n",
        SIGN,
    ),
    Function::new(
        "series_floor",
        "The next whole numbers below.\n\n    series_floor(dynamic([-1.5, 1, 2.5])) => dynamic([-2.0, 1.0, 2.0])\n",
        FLOOR,
    ),
    Function::new(
        "series_ceiling",
        "The next whole numbers above.\n\n    series_ceiling(dynamic([-1.5, 1, 2.5])) => dynamic([-1.0, 1.0, 3.0])\n",
        CEILING,
    ),
    Function::new("series_exp", "Powers of e.\n\n    series_exp(dynamic([0, \"a\"])) => dynamic([1.0, null])\n", EXP),
    Function::new("series_log", "Natural logarithms.\n\n    series_log(dynamic([1])) => dynamic([0.0])\n", LOG),
    Function::new("series_sin", "Sines.\n\n    series_sin(dynamic([0])) => dynamic([0.0])\n", SIN),
    Function::new("series_cos", "Cosines.\n\n    series_cos(dynamic([0])) => dynamic([1.0])\n", COS),
    Function::new("series_tan", "Tangents.\n\n    series_tan(dynamic([0])) => dynamic([0.0])\n", TAN),
    Function::new("series_asin", "Arcsines.\n\n    series_asin(dynamic([0])) => dynamic([0.0])\n", ASIN),
    Function::new("series_acos", "Arccosines.\n\n    series_acos(dynamic([1])) => dynamic([0.0])\n", ACOS),
    Function::new("series_atan", "Arctangents.\n\n    series_atan(dynamic([0])) => dynamic([0.0])\n", ATAN),
];

/// A body over two elements; `None` when one is no number.
fn both(a: &Dynamic, b: &Dynamic, body: impl Fn(f64, f64) -> Dynamic) -> Option<Dynamic> {
    Some(body(number(a)?, number(b)?))
}

fn whole_or_real(
    a: &Dynamic,
    b: &Dynamic,
    whole: impl Fn(i64, i64) -> i64,
    real: impl Fn(f64, f64) -> f64,
) -> Option<Dynamic> {
    use Dynamic as D;
    match (a, b) {
        (D::Long(a) | D::Datetime(a) | D::Timespan(a), D::Long(b) | D::Datetime(b) | D::Timespan(b)) => {
            Some(D::Long(whole(*a, *b)))
        }
        _ => both(a, b, |a, b| D::Real(real(a, b))),
    }
}

fn pairwise(
    cx: &Context,
    args: &[Column],
    n_rows: usize,
    body: impl Fn(&Dynamic, &Dynamic) -> Option<Dynamic>,
) -> Result<Column, Fault> {
    each(cx, args, n_rows, |row| {
        let (left, right) = (row.get(0)?, row.get(1)?);
        let len = match (left.as_array(), right.as_array()) {
            (Some(a), Some(b)) => a.len().max(b.len()),
            (Some(it), None) | (None, Some(it)) => it.len(),
            (None, None) => return None,
        };
        let at = |side: &Dynamic, index: usize| match side.as_array() {
            Some(items) => items.get(index).cloned().unwrap_or(Dynamic::Null),
            None => side.clone(),
        };
        let items = (0..len).map(|it| body(&at(left, it), &at(right, it)).unwrap_or(Dynamic::Null));
        Some(Dynamic::array(items.collect()))
    })
}

fn mapped(cx: &Context, args: &[Column], n_rows: usize, body: fn(f64) -> f64) -> Result<Column, Fault> {
    each(cx, args, n_rows, |row| {
        let items = row.items(0)?.iter().map(|it| number(it).map_or(Dynamic::Null, |it| Dynamic::Real(body(it))));
        Some(Dynamic::array(items.collect()))
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::run;

    #[test]
    fn numbers_stand_for_series_and_gaps_give_null() {
        assert_eq!(run("series_add", &["[1, 2.5, null]", "1"]), "[2,3.5,null]");
        assert_eq!(run("series_subtract", &["1", "[1, 2]"]), "[0,-1]");
        assert_eq!(run("series_multiply", &["[1, 2, 3]", "[2, 2]"]), "[2,4,null]");
        assert_eq!(run("series_divide", &["[1, \"x\"]", "[4, 4]"]), "[0.25,null]");
        assert_eq!(run("series_less", &["[1, 2]", "2"]), "[true,false]");
        assert_eq!(run("series_abs", &["[-6.5, 0, \"a\"]"]), "[6.5,0.0,null]");
    }
}
