//! Shapes of JSON texts: what stands between the scalars. A text that agrees with one known to be as it would be written, in all
//! but its scalars, is so itself when these are.

use super::scan::{Cursor, Number, Odd, special_from};
use kql_data::{json, text_hash::same};
use std::ops::Range;

/// Scalars of a text that has a shape; longer ones are read as all are.
const SCALARS_MAX: usize = 256;
/// Shapes that are remembered.
const SHAPES: usize = 4;
/// Texts that may agree with no shape, for each that does, before no more are learned.
const PATIENCE: usize = 64;

/// What stands between the scalars of a text.
#[derive(Debug)]
struct Shape {
    /// The pieces, one after the other.
    text: Vec<u8>,
    /// Where each ends, but the last.
    ends: Vec<usize>,
    /// What was asked of the text.
    asked: usize,
}

/// Shapes of texts that came before.
#[derive(Debug, Default)]
pub(crate) struct Shapes {
    /// The one that was met last comes first.
    known: Vec<Shape>,
    n_strange: usize,
    n_known: usize,
}

impl Shape {
    /// The shape of a text that stands as it would be written. `None` for one with many scalars, or if it does not.
    fn of(text: &[u8], asked: usize) -> Option<Shape> {
        let mut it = Shape { text: Vec::new(), ends: Vec::new(), asked };
        let mut at = 0;
        while let Some(byte) = text.get(at) {
            let end = match byte {
                b'[' | b']' | b'{' | b'}' | b',' | b':' => at,
                b'"' => string_end(text, at)?,
                _ => at + text.get(at..)?.iter().position(|it| matches!(it, b',' | b']' | b'}'))?,
            };
            if end == at || text.get(end) == Some(&b':') {
                it.text.extend_from_slice(text.get(at..end.max(at + 1))?);
            } else if it.ends.len() == SCALARS_MAX {
                return None;
            } else {
                it.ends.push(it.text.len());
            }
            at = end.max(at + 1);
        }
        Some(it)
    }

    /// Goes over a text of the shape at the cursor, whose scalars all stand as they would be written. On failure the cursor is
    /// somewhere in it.
    fn follow(&self, cursor: &mut Cursor<'_>, mut see: impl FnMut(Range<usize>)) -> Result<(), Odd> {
        let mut from = 0;
        for end in &self.ends {
            self.piece(from, *end, cursor)?;
            from = *end;
            let start = cursor.at;
            scalar(cursor)?;
            see(start..cursor.at);
        }
        self.piece(from, self.text.len(), cursor)
    }

    #[inline]
    fn piece(&self, from: usize, to: usize, cursor: &mut Cursor<'_>) -> Result<(), Odd> {
        let piece = self.text.get(from..to).unwrap_or(&[]);
        let end = cursor.at + piece.len();
        match cursor.bytes(cursor.at, end) {
            Some(it) if same(it, piece) => cursor.at = end,
            _ => return Err(Odd),
        }
        Ok(())
    }
}

impl Shapes {
    /// Goes over a text at the cursor if it agrees with one of which the same was asked, and stands as it would be written.
    /// Otherwise the cursor stays.
    pub(crate) fn follow(&mut self, cursor: &mut Cursor<'_>, asked: usize) -> bool {
        let start = cursor.at;
        for at in 0..self.known.len() {
            let Some(shape) = self.known.get(at).filter(|it| it.asked == asked) else { continue };
            if shape.follow(cursor, |_| {}).is_ok() {
                self.known.swap(0, at);
                self.n_known += 1;
                return true;
            }
            cursor.at = start;
        }
        false
    }

    /// Remembers the shape of a text that stands as it would be written, and of which something was asked.
    pub(crate) fn learn(&mut self, text: &str, asked: usize) {
        self.n_strange += 1;
        if self.n_strange > self.n_known + PATIENCE {
            return;
        }
        if let Some(shape) = Shape::of(text.as_bytes(), asked) {
            self.known.truncate(SHAPES - 1);
            self.known.insert(0, shape);
        }
    }

    /// The scalar of a text whose number among all was remembered as what is asked for.
    pub(crate) fn asked<'a>(&mut self, text: &'a str) -> Option<&'a str> {
        for at in 0..self.known.len() {
            let Some(shape) = self.known.get(at) else { continue };
            let (mut cursor, mut n, mut found) = (Cursor::new(text), 0, None);
            let followed = shape.follow(&mut cursor, |range| {
                if n == shape.asked {
                    found = Some(range);
                }
                n += 1;
            });
            if followed.is_ok() && cursor.is_end() {
                self.known.swap(0, at);
                self.n_known += 1;
                return found.and_then(|it| text.get(it));
            }
        }
        None
    }

    /// Remembers where in a text that stands as it would be written a scalar is.
    pub(crate) fn learn_place(&mut self, text: &str, place: Range<usize>) {
        let Some(shape) = Shape::of(text.as_bytes(), 0) else { return };
        let (mut n, mut asked) = (0, None);
        let followed = shape.follow(&mut Cursor::new(text), |range| {
            if range == place {
                asked = Some(n);
            }
            n += 1;
        });
        if let (Ok(()), Some(asked)) = (followed, asked) {
            self.learn(text, asked);
        }
    }
}

/// The place behind a string that begins at a place.
#[inline]
fn string_end(text: &[u8], start: usize) -> Option<usize> {
    let mut at = start + 1;
    loop {
        at = special_from(text, at);
        match text.get(at..)? {
            [b'"', ..] => return Some(at + 1),
            // Other escapes would be written otherwise, or may be.
            [b'\\', b'"' | b'\\' | b'n' | b'r' | b't' | b'b' | b'f', ..] => at += 2,
            _ => return None,
        }
    }
}

/// Goes over a scalar that stands as it would be written.
#[inline]
fn scalar(cursor: &mut Cursor<'_>) -> Result<(), Odd> {
    let start = cursor.at;
    match cursor.byte() {
        b'"' => cursor.at = string_end(cursor.text(), start).ok_or(Odd)?,
        b't' => cursor.literal("true")?,
        b'f' => cursor.literal("false")?,
        b'n' => cursor.literal("null")?,
        _ => match cursor.number()? {
            Number::Long(_) => {}
            Number::Real(value) => {
                let mut text = String::new();
                json::write_real(value, &mut text);
                if cursor.since(start)? != text {
                    return Err(Odd);
                }
            }
            Number::Raw => return Err(Odd),
        },
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read::canonical::canonical;

    const TEXTS: [&str; 22] = [
        "[]",
        "[1]",
        "[22]",
        "[-3]",
        "[-0]",
        "[01]",
        "[1.5]",
        "[1.50]",
        "[\"a\"]",
        "[\"a\\n\\\"\"]",
        "[\"a\\u00e9\"]",
        "[\"a\\/\"]",
        "[null]",
        "[nul]",
        "[1,2]",
        "[[1]]",
        "[{\"a\":1,\"b\":[true,\"x:y\"]}]",
        "[{\"a\":null,\"b\":[\"\",\"]},:\"]}]",
        "[{\"a\":1,\"b\":[true,1 ]}]",
        "[{\"a\":1,\"a\":[true,1]}]",
        "{\"a\":1}",
        "[9223372036854775808]",
    ];

    #[test]
    fn what_agrees_with_a_shape_stands_as_it_would_be_written() {
        let mut n = 0;
        for known in TEXTS.iter().filter(|it| canonical(it) == Ok(None)) {
            let mut shapes = Shapes::default();
            shapes.learn(known, 7);
            for text in TEXTS {
                let padded = format!("{text}, \"what comes behind\": 1");
                let mut cursor = Cursor::new(&padded);
                let followed = shapes.follow(&mut cursor, 7);
                if followed {
                    assert!(canonical(text) == Ok(None) && cursor.at == text.len(), "{text} like {known}");
                    n += 1;
                } else {
                    assert!(cursor.at == 0 && text != *known, "{text} like {known}");
                }
                assert!(!shapes.follow(&mut Cursor::new(text), 6));
            }
        }
        assert_eq!(n, 57);
    }

    #[test]
    fn a_scalar_by_its_place() {
        let mut shapes = Shapes::default();
        shapes.learn_place("[{\"i\":0,\"r\":\"stop\",\"m\":[\"stop\"]}]", 12..18);
        assert_eq!(shapes.asked("[{\"i\":17,\"r\":\"length\",\"m\":[null]}]"), Some("\"length\""));
        assert_eq!(shapes.asked("[{\"i\":17,\"r\":null,\"m\":[null]}]"), Some("null"));
        assert_eq!(shapes.asked("[{\"i\":17,\"q\":null,\"m\":[null]}]"), None);
        assert_eq!(shapes.asked("[{\"i\":17,\"r\":null,\"m\":[null]}] "), None);
    }
}
