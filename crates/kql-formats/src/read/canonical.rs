//! JSON texts that stand as they would be written: arrays and bags that need not be taken apart to be shown.

use super::scan::{Cursor, Number, Odd, Text};
use kql_data::json;

/// Keys of an object that are compared with each other.
const KEYS_MAX: usize = 64;
/// Nesting that is looked at.
const DEPTH_MAX: usize = 100;

/// Whether a well-formed text of an array or a bag is what would be written of its value: false when in doubt.
pub(crate) fn is_canonical(text: &str) -> bool {
    let mut cursor = Cursor::new(text);
    cursor.skip_canonical(DEPTH_MAX).is_ok() && cursor.is_end()
}

impl Cursor<'_> {
    /// Goes over an array or a bag nested at most so deep, if it stands as it would be written; somewhere into it otherwise.
    pub(crate) fn skip_canonical(&mut self, depth_max: usize) -> Result<(), Odd> {
        match self.byte() {
            b'[' | b'{' => canonical(self, &mut Vec::new(), depth_max.min(DEPTH_MAX)),
            _ => Err(Odd),
        }
    }
}

fn canonical<'a>(it: &mut Cursor<'a>, keys: &mut Vec<&'a str>, depth: usize) -> Result<(), Odd> {
    match it.byte() {
        b'"' => canonical_string(it).map(|_| ()),
        open @ (b'[' | b'{') => {
            let depth = depth.checked_sub(1).ok_or(Odd)?;
            let close = if open == b'{' { b'}' } else { b']' };
            it.at += 1;
            if it.byte() == close {
                it.at += 1;
                return Ok(());
            }
            let first_key = keys.len();
            loop {
                if open == b'{' {
                    let key = canonical_string(it)?;
                    let known = keys.get(first_key..).unwrap_or(&[]);
                    if known.len() >= KEYS_MAX || known.contains(&key) {
                        return Err(Odd);
                    }
                    keys.push(key);
                    it.expect(b':')?;
                }
                canonical(it, keys, depth)?;
                match it.byte() {
                    b',' => it.at += 1,
                    byte if byte == close => {
                        it.at += 1;
                        keys.truncate(first_key);
                        return Ok(());
                    }
                    _ => return Err(Odd),
                }
            }
        }
        b't' => it.literal("true"),
        b'f' => it.literal("false"),
        b'n' => it.literal("null"),
        _ => canonical_number(it),
    }
}

/// A string without an escape that would be written otherwise; its text as it stands.
fn canonical_string<'a>(it: &mut Cursor<'a>) -> Result<&'a str, Odd> {
    let start = it.at + 1;
    let mut text = it.string()?;
    loop {
        match text {
            Text::Plain(_, to) => return it.slice(start, to),
            Text::Escaped(_) => {
                it.expect(b'\\')?;
                if !matches!(it.byte(), b'"' | b'\\' | b'n' | b'r' | b't' | b'b' | b'f') {
                    return Err(Odd);
                }
                it.at += 1;
                text = it.string_rest();
            }
        }
    }
}

fn canonical_number(it: &mut Cursor<'_>) -> Result<(), Odd> {
    let start = it.at;
    match it.number()? {
        Number::Long(_) => Ok(()),
        Number::Real(value) => {
            let mut text = String::new();
            json::write_real(value, &mut text);
            if it.since(start)? == text { Ok(()) } else { Err(Odd) }
        }
        Number::Raw => Err(Odd),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn canonical_texts_are_written_as_they_stand() {
        let mut n_canonical = 0;
        for text in [
            "[]",
            "{}",
            "[1,-2,\"a\",{\"b\":null,\"c\":[true,false]}]",
            "[1, 2]",
            "[1.5,1.0,1e5,-0,0.1,100000.0,1e22,1.50]",
            "[1.5]",
            "[-0]",
            "[9223372036854775808]",
            "[\"\\n\\t\\\"\\\\\\b\\f\\r\"]",
            "[\"\\/\"]",
            "[\"\\u00e9\"]",
            "[\"\\u0001\"]",
            "[\"žluť\"]",
            "{\"a\":1,\"a\":2}",
            "{\"a\":{\"a\":1},\"b\":{\"a\":1}}",
            "{\"a\":1,\"\\u0061\":2}",
            "[\"0123456789abcdef\\nx\",\"0123456789abcdefg\"]",
        ] {
            let written = json::read(text).unwrap().text();
            assert!(!is_canonical(text) || written == text, "{text} is written {written}");
            n_canonical += usize::from(is_canonical(text));
        }
        assert_eq!(n_canonical, 8);
        assert!(!is_canonical(&"[".repeat(100_000)));
    }
}
