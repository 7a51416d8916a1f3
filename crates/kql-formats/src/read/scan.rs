//! Checked steps over JSON text: white space, strings, numbers, whole values.
//!
//! Every step either ends behind a well-formed piece or fails. What fails is decided by the careful reader.

use super::special::{BLOCK, Ended, short_escape, special, special_of_32, unescape_block};

/// The text is not JSON, or not of a kind that the fast path knows.
#[derive(Debug, PartialEq)]
pub(crate) struct Odd;

/// Characters that a number may have.
pub(crate) const NUMBER_BYTES: usize = 1_024;

/// A place in a text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cursor<'a> {
    text: &'a str,
    pub(crate) at: usize,
    /// A line feed is no white space: it ends the record.
    in_line: bool,
}

/// A string that was read.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Text {
    /// It stands as it is between these places.
    Plain(usize, usize),
    /// It has escapes, or is none; it begins here, and the cursor is at what is not plain.
    Escaped(usize),
}

/// A number as the engine holds it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Number {
    Long(i64),
    Real(f64),
    /// Beyond both: its text is kept.
    Raw,
}

/// Powers of ten that a float holds exactly.
const POWERS: [f64; 16] = [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15];

/// Powers of ten up to that of eight digits.
const WHOLE_POWERS: [u64; 9] = [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000];

/// The place of the first quote, backslash or control character from a place on; the end when there is none.
#[inline(always)]
pub(crate) fn special_from(text: &[u8], from: usize) -> usize {
    let mut at = from;
    // Most strings are short.
    if let Some(sixteen) = text.get(at..).and_then(|it| it.first_chunk::<16>()) {
        let found = special(sixteen);
        if found != 0 {
            return at + found.trailing_zeros() as usize;
        }
        at += 16;
    }
    while let Some(block) = text.get(at..).and_then(|it| it.first_chunk::<32>()) {
        let found = special_of_32(block);
        if found != 0 {
            return at + found.trailing_zeros() as usize;
        }
        at += 32;
    }
    let rest = text.get(at..).unwrap_or(&[]);
    at + rest.iter().take_while(|it| **it >= 0x20 && **it != b'"' && **it != b'\\').count()
}

impl<'a> Cursor<'a> {
    /// At the beginning of a text.
    pub(crate) fn new(text: &'a str) -> Cursor<'a> {
        Cursor { text, at: 0, in_line: false }
    }

    /// In the lines of a text, from a place on. It does not leave the line.
    pub(crate) fn in_line(text: &'a str, at: usize) -> Cursor<'a> {
        Cursor { text, at, in_line: true }
    }

    /// The whole text.
    #[inline(always)]
    pub(crate) fn text(&self) -> &'a [u8] {
        self.text.as_bytes()
    }

    /// What is left.
    #[inline]
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.text.as_bytes().get(self.at..).unwrap_or(&[])
    }

    /// The text between two places.
    #[inline]
    pub(crate) fn slice(&self, from: usize, to: usize) -> Result<&'a str, Odd> {
        self.text.get(from..to).ok_or(Odd)
    }

    /// The bytes between two places.
    #[inline]
    pub(crate) fn bytes(&self, from: usize, to: usize) -> Option<&'a [u8]> {
        self.text.as_bytes().get(from..to)
    }

    /// The next byte; 0 at the end.
    #[inline]
    pub(crate) fn byte(&self) -> u8 {
        self.text.as_bytes().get(self.at).copied().unwrap_or(0)
    }

    /// Whether the text is over.
    pub(crate) fn is_end(&self) -> bool {
        self.at >= self.text.len()
    }

    /// The text since a place.
    #[inline]
    pub(crate) fn since(&self, from: usize) -> Result<&'a str, Odd> {
        self.text.get(from..self.at).ok_or(Odd)
    }

    /// Goes over white space, of which there mostly is none, else one blank.
    #[inline]
    pub(crate) fn space(&mut self) {
        if self.byte() <= b' ' {
            if self.byte() == b' ' {
                self.at += 1;
            }
            if self.byte() <= b' ' {
                self.all_space();
            }
        }
    }

    #[cold]
    fn all_space(&mut self) {
        while matches!(self.byte(), b' ' | b'\r' | b'\t') || self.byte() == b'\n' && !self.in_line {
            self.at += 1;
        }
    }

    /// Goes over one byte, which must be that.
    #[inline]
    pub(crate) fn expect(&mut self, byte: u8) -> Result<(), Odd> {
        if self.byte() != byte {
            return Err(Odd);
        }
        self.at += 1;
        Ok(())
    }

    /// Goes over a literal.
    #[inline(always)]
    pub(crate) fn literal(&mut self, literal: &str) -> Result<(), Odd> {
        if !self.rest().starts_with(literal.as_bytes()) {
            return Err(Odd);
        }
        self.at += literal.len();
        Ok(())
    }

    /// Goes to the first quote, backslash or control character.
    #[inline(always)]
    fn seek_special(&mut self) {
        self.at = special_from(self.text.as_bytes(), self.at);
    }

    /// Reads a string, from its quote on. What has escapes is for [`Cursor::unescape`].
    #[inline(always)]
    pub(crate) fn string(&mut self) -> Result<Text, Odd> {
        self.expect(b'"')?;
        Ok(self.string_rest())
    }

    /// Goes on in a string, behind an escape.
    #[inline(always)]
    pub(crate) fn string_rest(&mut self) -> Text {
        let start = self.at;
        self.seek_special();
        if self.byte() != b'"' {
            return Text::Escaped(start);
        }
        self.at += 1;
        Text::Plain(start, self.at - 1)
    }

    /// Reads the rest of a string that begins at `start`, and appends the string to `out`.
    #[inline(never)]
    pub(crate) fn unescape(&mut self, start: usize, out: &mut Vec<u8>) -> Result<(), Odd> {
        out.extend_from_slice(self.since(start)?.as_bytes());
        while let Some(window) = self.rest().first_chunk::<{ BLOCK + 16 }>() {
            out.reserve(window.len());
            let (ended, n) = unescape_block(window, out);
            self.at += n;
            match ended {
                Ended::Block => {}
                Ended::String => return Ok(()),
                Ended::Escape => self.push_escape(out)?,
                Ended::Odd => return Err(Odd),
            }
        }
        loop {
            let from = self.at;
            self.seek_special();
            out.extend_from_slice(self.since(from)?.as_bytes());
            match self.byte() {
                b'"' => break,
                b'\\' => self.push_escape(out)?,
                _ => return Err(Odd),
            }
        }
        self.at += 1;
        Ok(())
    }

    fn push_escape(&mut self, out: &mut Vec<u8>) -> Result<(), Odd> {
        out.extend_from_slice(self.escape()?.encode_utf8(&mut [0; 4]).as_bytes());
        Ok(())
    }

    /// Reads an escape of two bytes, from its backslash on; stays when it is longer, or none.
    #[inline]
    fn short_escape(&mut self) -> Option<u8> {
        let byte = short_escape(*self.text.as_bytes().get(self.at + 1)?)?;
        self.at += 2;
        Some(byte)
    }

    /// Reads one escape, from its backslash on.
    pub(super) fn escape(&mut self) -> Result<char, Odd> {
        if let Some(it) = self.short_escape() {
            return Ok(char::from(it));
        }
        self.at += 1;
        if self.byte() == b'u' { self.unicode() } else { Err(Odd) }
    }

    fn unicode(&mut self) -> Result<char, Odd> {
        let high = self.hex()?;
        if (0xD800..0xDC00).contains(&high) {
            self.expect(b'\\')?;
            let low = self.hex()?;
            if !(0xDC00..0xE000).contains(&low) {
                return Err(Odd);
            }
            return char::from_u32(0x1_0000 + ((high - 0xD800) << 10) + (low - 0xDC00)).ok_or(Odd);
        }
        char::from_u32(high).ok_or(Odd)
    }

    /// Reads `u` and four digits.
    fn hex(&mut self) -> Result<u32, Odd> {
        self.expect(b'u')?;
        let mut code = 0;
        for _ in 0..4 {
            code = code * 16 + char::from(self.byte()).to_digit(16).ok_or(Odd)?;
            self.at += 1;
        }
        Ok(code)
    }

    /// Goes over a string, from its quote on.
    fn skip_string(&mut self) -> Result<(), Odd> {
        self.at += 1;
        loop {
            self.seek_special();
            match self.byte() {
                b'"' => {
                    self.at += 1;
                    return Ok(());
                }
                b'\\' => _ = self.escape()?,
                _ => return Err(Odd),
            }
        }
    }

    /// Goes over digits, eight at a time, and returns their number, of which what does not fit is lost.
    #[inline(always)]
    fn leading_digits(&mut self) -> u64 {
        let mut whole: u64 = 0;
        while let Some(eight) = self.rest().first_chunk::<8>() {
            let digits = u64::from_le_bytes(*eight) ^ 0x3030_3030_3030_3030;
            // Up to the first that is no digit nothing is carried from byte to byte.
            let others = (digits.wrapping_add(0x7676_7676_7676_7676) | digits) & 0x8080_8080_8080_8080;
            let n = others.trailing_zeros() as usize / 8;
            if n == 0 {
                return whole;
            }
            // Zeros before them.
            let pairs = (digits << (64 - n * 8)).wrapping_mul(2_561) >> 8;
            let fours = (pairs & 0x00FF_00FF_00FF_00FF).wrapping_mul(6_553_601) >> 16;
            let eight = (fours & 0x0000_FFFF_0000_FFFF).wrapping_mul(42_949_672_960_001) >> 32;
            whole = whole.wrapping_mul(WHOLE_POWERS.get(n).copied().unwrap_or(0)).wrapping_add(eight);
            self.at += n;
            if n < 8 {
                return whole;
            }
        }
        loop {
            let digit = self.byte().wrapping_sub(b'0');
            if digit > 9 {
                return whole;
            }
            whole = whole.wrapping_mul(10).wrapping_add(u64::from(digit));
            self.at += 1;
        }
    }

    /// Reads a number.
    #[inline]
    pub(crate) fn number(&mut self) -> Result<Number, Odd> {
        let start = self.at;
        let negative = self.byte() == b'-';
        if negative {
            self.at += 1;
        }
        let digits = self.at;
        let whole = self.leading_digits();
        let n_digits = self.at - digits;
        let first = self.text.as_bytes().get(digits).copied();
        if n_digits == 0 || n_digits > 1 && first == Some(b'0') || n_digits > NUMBER_BYTES {
            return Err(Odd);
        }
        if matches!(self.byte(), b'.' | b'e' | b'E') {
            return match self.short_fraction(whole, n_digits, negative) {
                Some(it) => Ok(Number::Real(it)),
                None => self.real(start),
            };
        }
        Ok(match (n_digits, negative) {
            (1, true) if whole == 0 => Number::Real(-0.0),
            // So many digits fit in 64 bits.
            (..=19, true) if whole <= 1 << 63 => Number::Long((whole as i64).wrapping_neg()),
            (..=19, false) if whole < 1 << 63 => Number::Long(whole as i64),
            _ => Number::Raw,
        })
    }

    /// Reads the fraction of a short number without an exponent, and goes behind it: all its digits as one number and the power
    /// of ten are floats themselves, so that their quotient is rounded once, as it must be.
    #[inline]
    fn short_fraction(&mut self, whole: u64, n_digits: usize, negative: bool) -> Option<f64> {
        let rest = self.rest().strip_prefix(b".")?;
        let (mut all, mut n) = (whole, 0);
        while let Some(digit) = rest.get(n).map(|it| it.wrapping_sub(b'0')).filter(|it| *it <= 9) {
            all = all.wrapping_mul(10).wrapping_add(u64::from(digit));
            n += 1;
        }
        if n == 0 || n_digits + n > 15 || matches!(rest.get(n), Some(b'e' | b'E')) {
            return None;
        }
        self.at += 1 + n;
        let value = all as f64 / POWERS.get(n)?;
        Some(if negative { -value } else { value })
    }

    fn digits(&mut self) -> Result<(), Odd> {
        let start = self.at;
        while self.byte().is_ascii_digit() {
            self.at += 1;
        }
        if self.at == start { Err(Odd) } else { Ok(()) }
    }

    /// Reads the rest of a number with a fraction or an exponent.
    fn real(&mut self, start: usize) -> Result<Number, Odd> {
        if self.byte() == b'.' {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.byte(), b'e' | b'E') {
            self.at += 1;
            if matches!(self.byte(), b'+' | b'-') {
                self.at += 1;
            }
            self.digits()?;
        }
        let text = self.since(start)?;
        if text.len() > NUMBER_BYTES {
            return Err(Odd);
        }
        let value = text.parse::<f64>().map_err(|_| Odd)?;
        Ok(if value.is_finite() { Number::Real(value) } else { Number::Raw })
    }

    /// Goes over a whole value that can be kept as text, nested at most `depth_max` deep (at most 127), itself included.
    pub(crate) fn skip_value(&mut self, depth_max: usize) -> Result<(), Odd> {
        let depth_max = depth_max.min(127);
        // One bit a level: whether it is an object.
        let (mut objects, mut depth) = (0_u128, 0_usize);
        loop {
            match self.byte() {
                open @ (b'{' | b'[') => {
                    depth += 1;
                    if depth > depth_max {
                        return Err(Odd);
                    }
                    objects = objects << 1 | u128::from(open == b'{');
                    self.at += 1;
                    self.space();
                    let is_object = open == b'{';
                    if self.byte() != (if is_object { b'}' } else { b']' }) {
                        if is_object {
                            self.skip_key()?;
                        }
                        continue;
                    }
                }
                b'"' => {
                    self.skip_string()?;
                    self.at -= 1;
                }
                b't' => self.literal("true").map(|()| self.at -= 1)?,
                b'f' => self.literal("false").map(|()| self.at -= 1)?,
                b'n' => self.literal("null").map(|()| self.at -= 1)?,
                b'-' | b'0'..=b'9' => {
                    let start = self.at;
                    // A number beyond all floats could not be read back from the text of an array.
                    if self.number()? == Number::Raw && !self.since(start)?.parse().is_ok_and(f64::is_finite) {
                        return Err(Odd);
                    }
                    self.at -= 1;
                }
                _ => return Err(Odd),
            }
            // At the last byte of a value, or at the bracket that closes an empty one.
            if self.close(&mut objects, &mut depth)? {
                return Ok(());
            }
        }
    }

    /// Goes from the last byte of a value to the next value; true at the end of all.
    fn close(&mut self, objects: &mut u128, depth: &mut usize) -> Result<bool, Odd> {
        let mut closes = matches!(self.byte(), b'}' | b']');
        loop {
            self.at += 1;
            if closes {
                *depth -= 1;
                *objects >>= 1;
            }
            if *depth == 0 {
                return Ok(true);
            }
            self.space();
            let in_object = *objects & 1 == 1;
            match self.byte() {
                b',' => {
                    self.at += 1;
                    self.space();
                    if in_object {
                        self.skip_key()?;
                    }
                    return Ok(false);
                }
                b'}' if in_object => closes = true,
                b']' if !in_object => closes = true,
                _ => return Err(Odd),
            }
        }
    }

    fn skip_key(&mut self) -> Result<(), Odd> {
        if self.byte() != b'"' {
            return Err(Odd);
        }
        self.skip_string()?;
        self.space();
        self.expect(b':')?;
        self.space();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn skipped(text: &str) -> Option<usize> {
        let mut it = Cursor::new(text);
        it.skip_value(127).ok().map(|()| it.at)
    }

    #[test]
    fn skips_what_serde_accepts() {
        for text in [
            "[]",
            "{}",
            "[1,2]",
            "[ 1 , 2 ]",
            "{\"a\":1}",
            "{\"a\" : [ { } , \"\\u00e9\\n\" ] }",
            "\"x\"",
            "-0.5e+7",
            "true",
            "[[],[],{\"a\":{}}]",
            "[1,]",
            "{\"a\"}",
            "[1 2]",
            "{1:2}",
            "[01]",
            "[\"\u{1}\"]",
            "{\"a\":1,}",
            "[}",
            "tru",
            "[\"\\x\"]",
            "-",
            "[1.]",
            "[\"}\"]",
            "[\"0123456789\\\"abcdefgh\"]",
            "{\"a\":\"b\",\"c\":[1,{\"d\":null}]}",
        ] {
            let oracle = serde_json::from_str::<serde_json::Value>(text).is_ok();
            assert_eq!(skipped(text) == Some(text.len()), oracle, "{text}");
        }
    }

    #[test]
    fn numbers() {
        for (text, expected) in [
            ("0", Number::Long(0)),
            ("-9223372036854775808", Number::Long(i64::MIN)),
            ("9223372036854775807", Number::Long(i64::MAX)),
            ("9223372036854775808", Number::Raw),
            ("-9223372036854775809", Number::Raw),
            ("9999999999999999999", Number::Raw),
            ("18446744073709551617", Number::Raw),
            ("-0", Number::Real(-0.0)),
            ("1.5", Number::Real(1.5)),
            ("1e400", Number::Raw),
            ("1e5", Number::Real(1e5)),
        ] {
            assert_eq!(Cursor::new(text).number(), Ok(expected), "{text}");
        }
        for text in ["-", "01", "1.", "1e", "+1", ".5", &"1".repeat(2_000)] {
            assert!(Cursor::new(text).number() == Err(Odd), "{text}");
        }
    }

    #[test]
    fn short_reals_are_rounded_as_all_are() {
        let mut seed = 1_u64;
        for _ in 0..100_000 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let (whole, digits) = (seed >> (14 + seed % 40), (seed >> 20) as usize % 18);
            let text = format!("{}{whole:0width$}", if seed & 1 == 0 { "-" } else { "" }, width = digits + 1);
            let at = text.len() - digits.min(whole.to_string().len());
            let (before, behind) = text.split_at(at);
            let text = format!("{before}.{behind}");
            let expected =
                if text.starts_with("00") || text.starts_with("-00") { continue } else { text.parse::<f64>() };
            let mut cursor = Cursor::new(&text);
            match cursor.number() {
                Ok(Number::Real(value)) => assert_eq!(expected.map(f64::to_bits), Ok(value.to_bits()), "{text}"),
                // No digit before or behind the point, or a zero before others.
                it => assert!(it == Err(Odd), "{text}"),
            }
            assert!(cursor.is_end() || cursor.at < text.len());
        }
        let real = |text: &str| match Cursor::new(text).number() {
            Ok(Number::Real(it)) => it.to_bits(),
            it => panic!("{text} is {it:?}"),
        };
        for text in ["-0.0", "0.1", "1e5", "0.1234567890123456", "999999999999999.9", "1.5e3", "0.000000000000001"] {
            assert_eq!(Ok(real(text)), text.parse::<f64>().map(f64::to_bits), "{text}");
        }
    }

    #[test]
    fn strings_end_at_the_first_special_byte() {
        for len in 0..40 {
            for byte in [b'"', b'\\', b'\n', 0, 0x1F] {
                let text = format!(
                    "{}{}{}",
                    "\u{20}\u{7f}~ž".repeat(9).get(..len).unwrap_or("ab"),
                    byte as char,
                    "\"".repeat(20)
                );
                let mut it = Cursor::new(&text);
                it.seek_special();
                assert_eq!(text.bytes().position(|it| it < 0x20 || it == b'"' || it == b'\\'), Some(it.at), "{text:?}");
            }
        }
        let mut it = Cursor::new("no end");
        it.seek_special();
        assert_eq!(it.at, 6);
    }

    #[test]
    fn depth_is_bounded() {
        assert!(skipped(&format!("{}{}", "[".repeat(127), "]".repeat(127))).is_some());
        assert!(skipped(&format!("{}{}", "[".repeat(128), "]".repeat(128))).is_none());
        assert!(skipped(&"[".repeat(1_000_000)).is_none());
    }
}
