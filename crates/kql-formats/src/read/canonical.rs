//! JSON texts as they would be written: arrays and bags that need not be taken apart to be shown. Most stand so already; of the
//! others the pieces between what is written otherwise are copied.

use super::scan::{Cursor, Number, Odd, Text};
use kql_data::json;
use std::ops::Range;

/// Keys of an object that are compared with each other.
const KEYS_MAX: usize = 64;
/// Nesting that is looked at.
const DEPTH_MAX: usize = 100;

/// A well-formed text of an array or a bag as it would be written: `None` when it stands so already. Fails when in doubt.
pub(crate) fn canonical(text: &str) -> Result<Option<String>, Odd> {
    let (mut cursor, mut out) = (Cursor::new(text), Vec::new());
    let differs = cursor.canonical(DEPTH_MAX, &mut Vec::new(), &mut out)?;
    if !cursor.is_end() {
        return Err(Odd);
    }
    Ok(if differs { Some(String::from_utf8(out).map_err(|_| Odd)?) } else { None })
}

impl Cursor<'_> {
    /// Goes over an array or a bag nested at most so deep. When it does not stand as it would be written, what would be written
    /// is appended to `out`. On failure the cursor is somewhere in it, and `out` has a piece of it. `keys` is room.
    pub(crate) fn canonical(
        &mut self,
        depth_max: usize,
        keys: &mut Vec<Range<usize>>,
        out: &mut Vec<u8>,
    ) -> Result<bool, Odd> {
        if !matches!(self.byte(), b'[' | b'{') {
            return Err(Odd);
        }
        keys.clear();
        let mut writer = Writer { kept: self.at, cursor: self, keys, out, differs: false };
        writer.value(depth_max.min(DEPTH_MAX))?;
        if writer.differs {
            writer.put(writer.cursor.at, b"", 0)?;
        }
        Ok(writer.differs)
    }
}

/// Goes over a text, and writes it as far as it differs.
struct Writer<'c, 'a, 'o> {
    cursor: &'c mut Cursor<'a>,
    /// Keys of the objects under way, where they stand.
    keys: &'o mut Vec<Range<usize>>,
    out: &'o mut Vec<u8>,
    /// Where the piece begins that stands as it would be written and is not copied yet.
    kept: usize,
    differs: bool,
}

impl Writer<'_, '_, '_> {
    /// Writes what stands before a place, and then something else for so many bytes there.
    fn put(&mut self, at: usize, text: &[u8], instead_of: usize) -> Result<(), Odd> {
        self.out.extend_from_slice(self.cursor.bytes(self.kept, at).ok_or(Odd)?);
        self.out.extend_from_slice(text);
        self.kept = at + instead_of;
        self.differs = true;
        Ok(())
    }

    /// Goes over white space, which is not written.
    #[inline]
    fn space(&mut self) -> Result<(), Odd> {
        if self.cursor.byte() > b' ' {
            return Ok(());
        }
        let from = self.cursor.at;
        self.cursor.space();
        if self.cursor.at > from { self.put(from, b"", self.cursor.at - from) } else { Ok(()) }
    }

    fn value(&mut self, depth: usize) -> Result<(), Odd> {
        match self.cursor.byte() {
            b'"' => self.string().map(|_| ()),
            open @ (b'[' | b'{') => self.items(open, depth.checked_sub(1).ok_or(Odd)?),
            b't' => self.cursor.literal("true"),
            b'f' => self.cursor.literal("false"),
            b'n' => self.cursor.literal("null"),
            _ => self.number(),
        }
    }

    /// The items of an array or a bag, from the bracket on.
    fn items(&mut self, open: u8, depth: usize) -> Result<(), Odd> {
        let close = if open == b'{' { b'}' } else { b']' };
        self.cursor.at += 1;
        self.space()?;
        if self.cursor.byte() == close {
            self.cursor.at += 1;
            return Ok(());
        }
        let first_key = self.keys.len();
        loop {
            if open == b'{' {
                self.key(first_key)?;
            }
            self.value(depth)?;
            self.space()?;
            match self.cursor.byte() {
                b',' => self.cursor.at += 1,
                byte if byte == close => {
                    self.cursor.at += 1;
                    self.keys.truncate(first_key);
                    return Ok(());
                }
                _ => return Err(Odd),
            }
            self.space()?;
        }
    }

    /// A key and its colon. Of a key that stands twice only one is written, which is not for here.
    fn key(&mut self, first_key: usize) -> Result<(), Odd> {
        let from = self.cursor.at + 1;
        if self.string()? {
            return Err(Odd);
        }
        let range = from..self.cursor.at - 1;
        let key = self.cursor.bytes(range.start, range.end);
        let known = self.keys.get(first_key..).unwrap_or(&[]);
        if known.len() >= KEYS_MAX
            || known.iter().any(|it| it.len() == range.len() && self.cursor.bytes(it.start, it.end) == key)
        {
            return Err(Odd);
        }
        self.keys.push(range);
        self.space()?;
        self.cursor.expect(b':')?;
        self.space()
    }

    /// A string; whether an escape in it is written otherwise.
    fn string(&mut self) -> Result<bool, Odd> {
        let (mut text, mut rewritten) = (self.cursor.string()?, false);
        while let Text::Escaped(_) = text {
            let at = self.cursor.at;
            let escape = self.cursor.bytes(at, at + 2).ok_or(Odd)?;
            match escape {
                [b'\\', b'"' | b'\\' | b'n' | b'r' | b't' | b'b' | b'f'] => self.cursor.at += 2,
                [b'\\', _] => rewritten |= self.escape()?,
                _ => return Err(Odd),
            }
            text = self.cursor.string_rest();
        }
        Ok(rewritten)
    }

    /// An escape; whether it is written otherwise.
    fn escape(&mut self) -> Result<bool, Odd> {
        let at = self.cursor.at;
        let character = self.cursor.escape()?;
        let mut quoted = String::new();
        json::write_string(character.encode_utf8(&mut [0; 4]), &mut quoted);
        let text = quoted.as_bytes().get(1..quoted.len() - 1).ok_or(Odd)?;
        let stands = self.cursor.since(at)?;
        if stands.as_bytes() == text {
            return Ok(false);
        }
        self.put(at, text, stands.len())?;
        Ok(true)
    }

    fn number(&mut self) -> Result<(), Odd> {
        let start = self.cursor.at;
        match self.cursor.number()? {
            Number::Long(_) => Ok(()),
            Number::Real(value) => {
                let mut text = String::new();
                json::write_real(value, &mut text);
                let stands = self.cursor.since(start)?;
                if stands == text { Ok(()) } else { self.put(start, text.as_bytes(), stands.len()) }
            }
            Number::Raw => Err(Odd),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_written_as_their_values_are() {
        let (mut n_canonical, mut n_written) = (0, 0);
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
            "[\"\\u001F\\u0022\\u005c\\u000a\\ud83d\\ude00\\u00e9\\/x\",\"\\u0061\"]",
            "[\"\\ud83d\"]",
            "[\"žluť\"]",
            " [1]",
            "[ ]",
            "{ }",
            "{ \"a\" : [ 1 , { \"b\" : 2.50 } ] , \"c\":\t\"\\u00e9\" }",
            "{\"a\":1,\"a\":2}",
            "{\"a\":{\"a\":1},\"b\":{\"a\":1}}",
            "{\"a\":1,\"\\u0061\":2}",
            "[\"0123456789abcdef\\nx\",\"0123456789abcdefg\"]",
        ] {
            let expected = json::read(text).map(|it| it.text());
            match canonical(text) {
                Ok(None) => {
                    assert_eq!(expected.as_deref(), Some(text));
                    n_canonical += 1;
                }
                Ok(Some(written)) => {
                    assert!(expected.as_ref() == Some(&written) && written != text, "{text} is written {written}");
                    n_written += 1;
                }
                Err(Odd) => {}
            }
        }
        assert_eq!((n_canonical, n_written), (9, 9));
        assert!(canonical(&"[".repeat(100_000)).is_err());
        assert_eq!(canonical("[1]x"), Err(Odd));
        assert_eq!(canonical("[1,]"), Err(Odd));
    }
}
