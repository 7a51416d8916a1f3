//! Numbers, bools and guids from text.

use kql_data::Decimal;

fn unsigned(text: &str) -> (bool, &str) {
    match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    }
}

/// A whole number: decimal digits with a sign, or `0x` and hexadecimal digits. Spaces around it do not matter.
pub fn parse_long(text: &str) -> Option<i64> {
    let (negative, digits) = unsigned(text.trim());
    if let Some(hex) = digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        if hex.is_empty() || !hex.bytes().all(|it| it.is_ascii_hexdigit()) {
            return None;
        }
        let value = u64::from_str_radix(hex, 16).ok()?.cast_signed();
        return Some(if negative { value.wrapping_neg() } else { value });
    }
    if digits.is_empty() || !digits.bytes().all(|it| it.is_ascii_digit()) {
        return None;
    }
    let value: i128 = digits.parse().ok()?;
    i64::try_from(if negative { -value } else { value }).ok()
}

/// A whole number of 32 bits; null when it is larger.
pub fn parse_int(text: &str) -> Option<i32> {
    i32::try_from(parse_long(text)?).ok()
}

/// A float in plain or exponent notation. `inf` and `nan` are no numbers here.
pub fn parse_real(text: &str) -> Option<f64> {
    let text = text.trim();
    if !text.bytes().all(|it| it.is_ascii_digit() || matches!(it, b'+' | b'-' | b'.' | b'e' | b'E')) {
        return None;
    }
    text.parse().ok()
}

/// A decimal number.
pub fn parse_decimal(text: &str) -> Option<Decimal> {
    Decimal::parse(text.trim().strip_suffix('.').unwrap_or(text.trim()))
}

/// `true` and `false` in any case, and whole numbers: 0 is false.
pub fn parse_bool(text: &str) -> Option<bool> {
    let text = text.trim();
    if text.eq_ignore_ascii_case("true") {
        return Some(true);
    }
    if text.eq_ignore_ascii_case("false") {
        return Some(false);
    }
    parse_long(text).map(|it| it != 0)
}

/// A guid: 32 hexadecimal digits with or without hyphens, braces allowed.
pub fn parse_guid(text: &str) -> Option<u128> {
    let text = text.trim();
    let text = text.strip_prefix('{').and_then(|it| it.strip_suffix('}')).unwrap_or(text);
    let (mut value, mut digits) = (0_u128, 0);
    for (at, byte) in text.bytes().enumerate() {
        if byte == b'-' {
            // A hyphen stands between digits.
            if at == 0 || at + 1 == text.len() {
                return None;
            }
            continue;
        }
        value = value.wrapping_shl(4) | u128::from(char::from(byte).to_digit(16)?);
        digits += 1;
        if digits > 32 {
            return None;
        }
    }
    (digits == 32).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        let longs = [
            (" 7 ", Some(7)),
            ("-3", Some(-3)),
            ("+4", Some(4)),
            ("0x10", Some(16)),
            ("5.7", None),
            ("1e3", None),
            ("1,000", None),
            ("", None),
            ("9223372036854775808", None),
            ("-9223372036854775808", Some(i64::MIN)),
        ];
        for (text, wanted) in longs {
            assert_eq!(parse_long(text), wanted, "{text}");
        }
        assert_eq!(parse_int("9999999999"), None);
        assert_eq!(parse_real("5."), Some(5.0));
        assert_eq!(parse_real("1e3"), Some(1000.0));
        assert_eq!(parse_real("0x10"), None);
        assert_eq!(parse_real("INF"), None);
    }

    #[test]
    fn bools_and_guids() {
        for (text, wanted) in [
            ("\tTrue ", Some(true)),
            ("0002", Some(true)),
            ("0", Some(false)),
            ("1.5", None),
            ("yes", None),
            ("", None),
        ] {
            assert_eq!(parse_bool(text), wanted, "{text}");
        }
        assert_eq!(parse_bool("99999999999999999999"), None);
        let wanted = Some(0x0123_4567_89ab_cdef_0123_4567_89ab_cdef);
        for text in ["0123456789abcdef0123456789abcdef", "0123456789ab-cdef-0123-456789abcdef"] {
            assert_eq!(parse_guid(text), wanted);
        }
        assert_eq!(parse_guid("a string that is not a guid"), None);
    }
}
