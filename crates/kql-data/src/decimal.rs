//! Decimal numbers: exact, with per-value scale, at most 34 significant digits after arithmetic.

use bigdecimal::{BigDecimal, RoundingMode, ToPrimitive, Zero, num_bigint::BigInt};
use std::{cmp::Ordering, fmt, hash::Hash, hash::Hasher, num::NonZeroU64};

/// Significant digits that arithmetic keeps.
const DIGITS: u64 = 34;

/// A `decimal` value.
#[derive(Clone, Debug)]
pub struct Decimal(BigDecimal);

impl Decimal {
    /// Reads plain or exponent notation; `None` when the text is no number or has over 1,000 characters.
    pub fn parse(text: &str) -> Option<Decimal> {
        let text = text.trim();
        if text.len() > 1_000 {
            return None;
        }
        // An exponent of millions would make a number of millions of digits.
        if let Some(at) = text.find(['e', 'E'])
            && text.get(at + 1..)?.parse::<i32>().ok()?.abs() > 1_000
        {
            return None;
        }
        text.parse::<BigDecimal>().ok().map(Decimal)
    }

    /// The decimal nearest to a float; `None` for NaN and infinities.
    pub fn from_f64(value: f64) -> Option<Decimal> {
        if !value.is_finite() {
            return None;
        }
        Decimal::parse(&format!("{value:e}"))
    }

    /// The float nearest to it.
    pub fn to_f64(&self) -> f64 {
        self.0.to_f64().unwrap_or(f64::NAN)
    }

    /// Its integer part, if it fits.
    pub fn to_i64(&self) -> Option<i64> {
        self.0.with_scale_round(0, RoundingMode::Down).to_i64()
    }

    /// Whether it is zero.
    pub fn is_zero(&self) -> bool {
        self.0.is_zero()
    }

    /// The number behind it.
    pub fn inner(&self) -> &BigDecimal {
        &self.0
    }

    /// Rounds to the digits that the type keeps.
    pub fn from_inner(value: BigDecimal) -> Decimal {
        if value.digits() > DIGITS {
            Decimal(value.with_precision_round(NonZeroU64::MIN.saturating_add(DIGITS - 1), RoundingMode::HalfUp))
        } else {
            Decimal(value)
        }
    }

    /// A whole number, of two's complement with the highest byte first, with so many of its digits behind the point. No digit
    /// is rounded off.
    pub fn from_unscaled(bytes: &[u8], scale: i64) -> Decimal {
        Decimal(BigDecimal::new(BigInt::from_signed_bytes_be(bytes), scale))
    }

    /// Its digits without the point, as [`Decimal::from_unscaled`] takes them; `None` when they need more bytes.
    pub fn unscaled<const N: usize>(&self) -> Option<[u8; N]> {
        let digits = self.0.as_bigint_and_exponent().0;
        let bytes = digits.to_signed_bytes_be();
        let fill = if digits < BigInt::ZERO { 0xFF } else { 0 };
        let mut out = [fill; N];
        let from = N.checked_sub(bytes.len())?;
        out.get_mut(from..)?.copy_from_slice(&bytes);
        Some(out)
    }

    /// How many digits it is written with, and how many of them stand behind the point.
    pub fn digits_and_scale(&self) -> (usize, i64) {
        (usize::try_from(self.0.digits()).unwrap_or(usize::MAX), self.0.as_bigint_and_exponent().1)
    }

    /// Quotient; `None` for a zero divisor.
    pub fn divide(&self, by: &Decimal) -> Option<Decimal> {
        if by.0.is_zero() { None } else { Some(Decimal::from_inner((&self.0 / &by.0).normalized())) }
    }
}

macro_rules! arithmetic {
    ($($trait:ident $method:ident $op:tt),*) => {$(
        impl std::ops::$trait for &Decimal {
            type Output = Decimal;
            fn $method(self, other: &Decimal) -> Decimal { Decimal::from_inner(&self.0 $op &other.0) }
        }
    )*};
}
arithmetic!(Add add +, Sub sub -, Mul mul *);

impl From<i64> for Decimal {
    fn from(value: i64) -> Decimal {
        Decimal(BigDecimal::from(value))
    }
}

impl PartialEq for Decimal {
    fn eq(&self, other: &Decimal) -> bool {
        self.0 == other.0
    }
}
impl Eq for Decimal {}
impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Decimal) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Decimal {
    fn cmp(&self, other: &Decimal) -> Ordering {
        self.0.cmp(&other.0)
    }
}
impl Hash for Decimal {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.normalized().hash(state);
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0.to_plain_string())
    }
}
