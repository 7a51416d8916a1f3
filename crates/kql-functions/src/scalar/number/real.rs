//! Functions of real numbers: powers, logarithms, trigonometry, tests for NaN and infinities.

use super::{REAL, REFUSED, map_real, map_reals, to_real};
use crate::{
    declare::{Accepts, Function, Naming, Overload, Param},
    scalar::{
        conversion,
        operator::{of, overload},
    },
};
use kql_data::{Boxed, Column, Context, Decimal, Fault, Type, Value};

macro_rules! real_functions {
    ($($(#[doc = $doc:expr])* $name:ident $naming:ident |$x:ident| $body:expr;)*) => {
        $(fn $name(_: &Context, args: &[Column], n_rows: usize) -> Result<Column, Fault> {
            map_real(args, n_rows, |$x| $body)
        })*

        /// Functions of one real number.
        pub const OF_ONE: &[Function] = &[$(
            Function::new(stringify!($name), concat!($($doc, "\n"),*), &[to_real(&[REAL], $name), REFUSED])
                .naming(Naming::$naming),
        )*];
    };
}

/// The value unless the argument is negative; NaN is not.
fn positive(x: f64, value: f64) -> Option<f64> {
    within(x.is_nan() || x >= 0.0, value)
}

/// The value where a condition holds, null elsewhere.
fn within(holds: bool, value: f64) -> Option<f64> {
    holds.then_some(value)
}

real_functions! {
    /// Square root; null for a negative number.
    ///
    ///     sqrt(16) => 4.0
    ///     sqrt(-1) => real(null)
    sqrt FirstArgument |x| positive(x, x.sqrt());

    /// Natural logarithm; null for a negative number.
    ///
    ///     log(5) => 1.6094379124341003
    log FirstArgument |x| positive(x, x.ln());

    /// Logarithm to the base 2; null for a negative number.
    ///
    ///     log2(8) => 3.0
    log2 FirstArgument |x| positive(x, x.log2());

    /// Logarithm to the base 10; null for a negative number.
    ///
    ///     log10(1000) => 3.0
    log10 FirstArgument |x| positive(x, x.log10());

    /// e to the power of a number.
    ///
    ///     exp(2) => 7.38905609893065
    exp FirstArgument |x| Some(x.exp());

    /// 2 to the power of a number.
    ///
    ///     exp2(3) => 8.0
    exp2 FirstArgument |x| Some(x.exp2());

    /// 10 to the power of a number.
    ///
    ///     exp10(3) => 1000.0
    exp10 None |x| Some(10_f64.powf(x));

    /// Sine of an angle in radians.
    ///
    ///     sin(0) => 0.0
    sin FirstArgument |x| Some(x.sin());

    /// Cosine of an angle in radians.
    ///
    ///     cos(1) => 0.5403023058681398
    cos FirstArgument |x| Some(x.cos());

    /// Tangent of an angle in radians.
    ///
    ///     tan(0) => 0.0
    tan FirstArgument |x| Some(x.tan());

    /// Cotangent of an angle in radians.
    ///
    ///     cot(1) => 0.6420926159343306
    cot None |x| Some(1.0 / x.tan());

    /// Angle in radians of a sine; null beyond -1 and 1.
    ///
    ///     asin(2) => real(null)
    asin FirstArgument |x| within(x.is_nan() || x.abs() <= 1.0, x.asin());

    /// Angle in radians of a cosine; null beyond -1 and 1.
    ///
    ///     acos(1) => 0.0
    acos FirstArgument |x| within(x.is_nan() || x.abs() <= 1.0, x.acos());

    /// Angle in radians of a tangent.
    ///
    ///     atan(0) => 0.0
    atan FirstArgument |x| Some(x.atan());

    /// The gamma function.
    ///
    ///     gamma(5) => 24.0
    gamma FirstArgument |x| Some(libm::tgamma(x));

    /// Logarithm of the absolute value of the gamma function.
    ///
    ///     loggamma(5) => 3.1780538303479458
    loggamma FirstArgument |x| Some(libm::lgamma(x));

    /// The error function.
    ///
    ///     erf(0) => 0.0
    erf FirstArgument |x| Some(libm::erf(x));

    /// 1 less the error function, without loss of digits.
    ///
    ///     erfc(0) => 1.0
    erfc FirstArgument |x| Some(libm::erfc(x));
}

fn pow(_: &Context, args: &[Column], n_rows: usize) -> Result<Column, Fault> {
    map_reals(args, n_rows, f64::powf)
}

fn atan2(_: &Context, args: &[Column], n_rows: usize) -> Result<Column, Fault> {
    map_reals(args, n_rows, f64::atan2)
}

fn degrees(_: &Context, args: &[Column], n_rows: usize) -> Result<Column, Fault> {
    map_real(args, n_rows, |x| Some(x * (180.0 / std::f64::consts::PI)))
}

fn radians(_: &Context, args: &[Column], n_rows: usize) -> Result<Column, Fault> {
    map_real(args, n_rows, |x| Some(x * (std::f64::consts::PI / 180.0)))
}

/// Half a turn, to the digits that a decimal keeps.
const PI_DIGITS: &str = "3.141592653589793238462643383279503";

fn turned(args: &[Column], n_rows: usize, to_degrees: bool) -> Result<Column, Fault> {
    let column = super::lift::arg(args, 0)?;
    let (pi, half_turn) = (Decimal::parse(PI_DIGITS).unwrap_or(Decimal::from(3)), Decimal::from(180));
    let one = |row| match column.value(row) {
        Value::Decimal(it) if to_degrees => (&it * &half_turn).divide(&pi),
        Value::Decimal(it) => (&it * &pi).divide(&half_turn),
        _ => None,
    };
    Ok(Column::Decimal(Boxed::new((0..n_rows).map(one).collect())))
}

fn decimal_degrees(_: &Context, args: &[Column], n_rows: usize) -> Result<Column, Fault> {
    turned(args, n_rows, true)
}

fn decimal_radians(_: &Context, args: &[Column], n_rows: usize) -> Result<Column, Fault> {
    turned(args, n_rows, false)
}

/// -1.0, 0.0 or 1.0; 0.0 for null.
fn sign(_: &Context, args: &[Column], n_rows: usize) -> Result<Column, Fault> {
    let column = super::lift::arg(args, 0)?;
    let one = |row| match conversion::to_real(&column.value(row)) {
        Some(it) if it > 0.0 => 1.0,
        Some(it) if it < 0.0 => -1.0,
        Some(it) if it.is_nan() => f64::NAN,
        _ => 0.0,
    };
    Ok(Column::Real((0..n_rows).map(|row| Some(one(row))).collect()))
}

const DECIMAL: Param = of("number", Type::Decimal);
const TURNED_REAL: [Overload; 2] = [to_real(&[REAL], degrees), to_real(&[REAL], radians)];

/// Functions of two reals, and those with a type of their own.
pub const OTHERS: &[Function] = &[
    Function::new("pow", "A number to the power of another.\n\n    pow(2, 3) => 8.0\n", &[to_real(&[REAL, REAL], pow)]),
    Function::new(
        "atan2",
        "Angle in radians of the point (x, y), where y comes first.\n\n    atan2(1, 0) => 1.5707963267948966\n",
        &[to_real(&[REAL, REAL], atan2)],
    )
    .naming(Naming::FirstArgument),
    Function::new(
        "degrees",
        "Degrees of an angle in radians.\n\n    degrees(pi()) => 180.0\n",
        &[TURNED_REAL[0], overload(&[DECIMAL], Type::Decimal, decimal_degrees), REFUSED],
    ),
    Function::new(
        "radians",
        "Radians of an angle in degrees.\n\n    radians(180) => pi()\n",
        &[TURNED_REAL[1], overload(&[DECIMAL], Type::Decimal, decimal_radians), REFUSED],
    ),
    Function::new(
        "sign",
        "-1.0, 0.0 or 1.0 by the sign of a number; 0.0 for null.\n\n    sign(-42) => -1.0\n    sign(long(null)) => 0.0\n",
        &[to_real(&[Param::new("number", Accepts::NumberOrBool)], sign), REFUSED],
    ),
];

crate::functions! {
    /// The ratio of a circle's circumference to its diameter.
    ///
    ///     pi() => 3.141592653589793
    fn pi() -> real { std::f64::consts::PI }

    /// Whether a number is NaN.
    ///
    ///     isnan(0.0 / 0.0) => true
    fn isnan(number: real) -> bool { number.is_nan() }

    /// Whether a number is an infinity.
    ///
    ///     isinf(1.0 / 0.0) => true
    fn isinf(number: real) -> bool { number.is_infinite() }

    /// Whether a number is neither NaN nor an infinity.
    ///
    ///     isfinite(1.0) => true
    fn isfinite(number: real) -> bool { number.is_finite() }
}
