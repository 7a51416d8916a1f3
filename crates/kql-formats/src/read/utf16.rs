//! UTF-16, as some Windows programs write it, to UTF-8.

use std::io::{self, Read};

/// Decodes what another reader gives. Lone surrogates, and half a unit at the end, become U+FFFD.
pub(crate) struct Utf16<R> {
    reader: R,
    little: bool,
    /// Bytes not yet decoded: half a unit, or half a pair.
    rest: Vec<u8>,
    out: Vec<u8>,
    at: usize,
}

impl<R: Read> Utf16<R> {
    /// Decodes little-endian or big-endian text.
    pub(crate) fn new(reader: R, little: bool) -> Utf16<R> {
        Utf16 { reader, little, rest: Vec::new(), out: Vec::new(), at: 0 }
    }

    fn decode(&mut self, is_end: bool) {
        let (units, _) = self.rest.as_chunks::<2>();
        let unit = |it: &[u8; 2]| if self.little { u16::from_le_bytes(*it) } else { u16::from_be_bytes(*it) };
        let mut units: Vec<u16> = units.iter().map(unit).collect();
        // The other half of a pair may be yet to come.
        if !is_end && units.last().is_some_and(|it| (0xD800..0xDC00).contains(it)) {
            _ = units.pop();
        }
        let used = units.len() * 2;
        let text: String = char::decode_utf16(units).map(|it| it.unwrap_or(char::REPLACEMENT_CHARACTER)).collect();
        self.out = text.into_bytes();
        self.at = 0;
        _ = self.rest.drain(..used);
        if is_end && !self.rest.is_empty() {
            self.rest.clear();
            self.out.extend_from_slice("\u{fffd}".as_bytes());
        }
    }
}

impl<R: Read> Read for Utf16<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.at >= self.out.len() {
            let n = self.reader.by_ref().take(1 << 16).read_to_end(&mut self.rest)?;
            self.decode(n == 0);
            if n == 0 && self.out.is_empty() {
                return Ok(0);
            }
        }
        let n = self.out.get(self.at..).unwrap_or(&[]).read(out)?;
        self.at += n;
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decodes() {
        let text = "a\u{e9}\u{1f600}\n".repeat(30_000);
        for little in [true, false] {
            let mut bytes: Vec<u8> =
                text.encode_utf16().flat_map(|it| if little { it.to_le_bytes() } else { it.to_be_bytes() }).collect();
            let mut back = String::new();
            _ = Utf16::new(bytes.as_slice(), little).read_to_string(&mut back).unwrap();
            assert!(back == text);
            bytes.push(7);
            _ = Utf16::new(bytes.as_slice(), little).read_to_string(&mut back).unwrap();
            assert!(back.ends_with('\u{fffd}'));
        }
        let mut back = String::new();
        _ = Utf16::new([0x3D, 0xD8, 0x41, 0].as_slice(), true).read_to_string(&mut back).unwrap();
        assert_eq!(back, "\u{fffd}A");
    }
}
