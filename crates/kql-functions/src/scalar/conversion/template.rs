//! What JSON texts of a column have in common: all that stands between their numbers, strings and words. Texts that agree there
//! with one that was read whole need no reader of JSON: where it has a value they have one, and the rest are the same bytes.

use kql_data::Tag;

/// Values of a text at most.
const VALUES_MAX: usize = 256;
/// A byte of each kind in all bytes of a word.
const ONES: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = 0x8080_8080_8080_8080;

/// The bytes in front of each value of a text, and those behind the last.
#[derive(Debug, Default)]
pub(super) struct Template {
    pieces: Vec<Piece>,
    tail: Lead,
    /// Arrays and bags that are wanted as they stand: the slot, and where they begin and end.
    raws: Vec<(usize, Edge, Edge)>,
}

/// A place in a text: so many bytes behind the end of the value of that number; behind the beginning for 0.
type Edge = (usize, usize);

#[derive(Debug)]
struct Piece {
    lead: Lead,
    /// The slot whose value it is; `None` when nobody wants it.
    slot: Option<usize>,
}

/// A value of a text that is like a template.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Token {
    /// A string without escapes, from a byte up to another.
    Text(usize, usize),
    Long(i64),
    Real(f64),
    /// True, false or null.
    Word(Tag),
    /// An array or a bag, from its first bracket up to behind its last.
    Raw(usize, usize),
}

impl Template {
    /// The template of a bag that is known to be JSON. `slot` tells of a key of the bag its slot if what it holds is wanted.
    /// `None` when the text has escapes or too many values.
    pub(super) fn new(text: &str, slot: impl Fn(&str) -> Option<usize>) -> Option<Template> {
        let bytes = text.as_bytes();
        if bytes.contains(&b'\\') {
            return None;
        }
        let mut it = Template::default();
        let (mut at, mut lead_from) = (0, 0);
        // Whether each open bracket is a bag's, and whether a string is a key.
        let (mut open, mut is_key, mut wanted) = (Vec::new(), false, None);
        while let Some(byte) = bytes.get(at) {
            let from = at;
            at += 1;
            match byte {
                b'{' | b'[' => {
                    if let Some(slot) = wanted.filter(|_| open.len() == 1) {
                        let edge = (it.pieces.len(), from - lead_from);
                        it.raws.push((slot, edge, edge));
                    }
                    is_key = *byte == b'{';
                    open.push(is_key);
                    continue;
                }
                b'}' | b']' => {
                    _ = open.pop();
                    if let Some((_, _, end)) = it.raws.last_mut().filter(|_| wanted.is_some() && open.len() == 1) {
                        *end = (it.pieces.len(), at - lead_from);
                    }
                    continue;
                }
                b',' => {
                    is_key = open.last().copied().unwrap_or(false);
                    continue;
                }
                b':' => {
                    is_key = false;
                    continue;
                }
                b' ' | b'\t' | b'\n' | b'\r' => continue,
                b'"' => at += 1 + bytes.get(at..)?.iter().position(|it| *it == b'"')?,
                _ => {
                    let is_end = |it: &u8| matches!(it, b',' | b'}' | b']' | b' ' | b'\t' | b'\n' | b'\r');
                    at += bytes.get(at..)?.iter().position(is_end)?;
                }
            }
            if is_key {
                if open.len() == 1 {
                    wanted = slot(text.get(from + 1..at - 1)?);
                }
                continue;
            }
            if it.pieces.len() >= VALUES_MAX {
                return None;
            }
            let slot = wanted.filter(|_| open.len() == 1);
            it.pieces.push(Piece { lead: Lead::new(bytes.get(lead_from..from)?), slot });
            lead_from = at;
        }
        it.tail = Lead::new(bytes.get(lead_from..)?);
        Some(it)
    }

    /// Whether the text between two places is like it; gives what wanted slots hold. `bytes` may go on behind the text.
    pub(super) fn read(&self, bytes: &[u8], from: usize, to: usize, found: &mut Vec<(usize, Token)>) -> bool {
        found.clear();
        let (mut at, mut raws) = (from, Raws { edges: self.raws.iter(), next: None, from: 0 });
        raws.next = raws.edges.next();
        for (number, piece) in self.pieces.iter().enumerate() {
            raws.pass(number, at, found);
            if !piece.lead.is_at(bytes, at) {
                return false;
            }
            at += piece.lead.len;
            let Some((token, end)) = token(bytes, at, to) else { return false };
            if let Some(slot) = piece.slot {
                found.push((slot, token));
            }
            at = end;
        }
        raws.pass(self.pieces.len(), at, found);
        // Whatever was read behind the text has moved the place there.
        self.tail.is_at(bytes, at) && at + self.tail.len == to
    }
}

/// The arrays and bags that are still to come, while a text is read.
struct Raws<'t> {
    edges: std::slice::Iter<'t, (usize, Edge, Edge)>,
    next: Option<&'t (usize, Edge, Edge)>,
    from: usize,
}

impl Raws<'_> {
    /// Takes up what begins or ends between the value in front of a place and the value of that number.
    #[inline]
    fn pass(&mut self, number: usize, at: usize, found: &mut Vec<(usize, Token)>) {
        while let Some((slot, first, last)) = self.next {
            if first.0 == number {
                self.from = at + first.1;
            }
            if last.0 != number {
                return;
            }
            found.push((*slot, Token::Raw(self.from, at + last.1)));
            self.next = self.edges.next();
        }
    }
}

/// Bytes that are compared sixteen at once.
#[derive(Debug, Default)]
struct Lead {
    len: usize,
    first: u128,
    /// The bytes that count.
    mask: u128,
    rest: Box<[u8]>,
}

impl Lead {
    fn new(bytes: &[u8]) -> Lead {
        let (first, rest) = bytes.split_at_checked(16).unwrap_or((bytes, &[]));
        let (mut word, mut mask) = ([0; 16], [0; 16]);
        for ((word, mask), byte) in word.iter_mut().zip(&mut mask).zip(first) {
            (*word, *mask) = (*byte, 0xff);
        }
        let (first, mask) = (u128::from_le_bytes(word), u128::from_le_bytes(mask));
        Lead { len: bytes.len(), first, mask, rest: rest.into() }
    }

    #[inline]
    fn is_at(&self, bytes: &[u8], at: usize) -> bool {
        let Some(bytes) = bytes.get(at..) else { return false };
        let Some(word) = bytes.first_chunk() else { return self.is_at_end(bytes) };
        (u128::from_le_bytes(*word) ^ self.first) & self.mask == 0
            && (self.rest.is_empty() || bytes.get(16..).is_some_and(|it| it.starts_with(&self.rest)))
    }

    #[cold]
    fn is_at_end(&self, bytes: &[u8]) -> bool {
        let lead = self.first.to_le_bytes();
        self.rest.is_empty() && lead.get(..self.len).is_some_and(|it| bytes.starts_with(it))
    }
}

/// The value at a place in front of `to`, and where it ends; `None` for what another reader has to tell.
#[inline]
fn token(bytes: &[u8], at: usize, to: usize) -> Option<(Token, usize)> {
    match bytes.get(at)? {
        b'"' => {
            let end = string_end(bytes, at + 1, to)?;
            Some((Token::Text(at + 1, end), end + 1))
        }
        b't' | b'f' | b'n' => {
            let word = word(bytes, at);
            let is = |text: [u8; 8], len: u32| word << (64 - 8 * len) == u64::from_le_bytes(text) << (64 - 8 * len);
            // No branch: true and false often come by turns.
            let (is_true, is_false, is_null) =
                (is(*b"true\0\0\0\0", 4), is(*b"false\0\0\0", 5), is(*b"null\0\0\0\0", 4));
            let tag = if is_true { Tag::True } else { Tag::False };
            let tag = if is_null { Tag::Null } else { tag };
            (is_true | is_false | is_null).then_some((Token::Word(tag), at + 4 + usize::from(is_false)))
        }
        _ => number(bytes, at, to),
    }
}

/// Eight bytes from a place on; zeros behind the end.
#[inline]
fn word(bytes: &[u8], at: usize) -> u64 {
    let rest = bytes.get(at..).unwrap_or(&[]);
    match rest.first_chunk() {
        Some(it) => u64::from_le_bytes(*it),
        None => rest.iter().rev().fold(0, |word, it| word << 8 | u64::from(*it)),
    }
}

/// Where a string ends whose first quote is behind; `None` when it has escapes or controls, or does not end before `to`.
#[inline]
fn string_end(bytes: &[u8], mut at: usize, to: usize) -> Option<usize> {
    while at < to {
        let word = word(bytes, at);
        let zero = |it: u64| it.wrapping_sub(ONES) & !it;
        let quotes = zero(word ^ (ONES * b'"' as u64));
        let others = zero(word ^ (ONES * b'\\' as u64)) | word.wrapping_sub(ONES * 0x20) & !word;
        // Of these the lowest is one; above it some may be none.
        let ends = (quotes | others) & HIGH;
        if ends != 0 {
            at += ends.trailing_zeros() as usize / 8;
            return (bytes.get(at) == Some(&b'"')).then_some(at);
        }
        at += 8;
    }
    None
}

/// A number at a place: whole ones of at most 18 digits, and what serde reads as a real.
#[inline]
fn number(bytes: &[u8], from: usize, to: usize) -> Option<(Token, usize)> {
    let is_negative = bytes.get(from) == Some(&b'-');
    let first = from + usize::from(is_negative);
    let (mut at, mut value) = (first, 0_i64);
    // Eight digits at a time, of which those that are none are shifted out.
    for _ in 0..3 {
        let digits = word(bytes, at) ^ (ONES * b'0' as u64);
        let others = (digits.wrapping_add(ONES * 0x76) | digits) & HIGH;
        let len = others.trailing_zeros() / 8;
        if len > 0 {
            let digits = digits << (64 - 8 * len);
            let pairs = digits.wrapping_mul(10).wrapping_add(digits >> 8) & 0x00ff_00ff_00ff_00ff;
            let fours = pairs.wrapping_mul(100).wrapping_add(pairs >> 16) & 0x0000_ffff_0000_ffff;
            let eight = fours.wrapping_mul(10_000).wrapping_add(fours >> 32) & 0xffff_ffff;
            value = value.wrapping_mul(POWERS.get(len as usize).copied().unwrap_or(1)).wrapping_add(eight as i64);
            at += len as usize;
        }
        if len < 8 {
            break;
        }
    }
    let len = at - first;
    if let Some(b'.' | b'e' | b'E') = bytes.get(at) {
        let is_part = |it: &&u8| matches!(it, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E');
        let len = bytes.get(from..to)?.iter().take_while(is_part).count();
        let number = bytes.get(from..from + len)?;
        return Some((Token::Real(serde_json::from_slice(number).ok()?), from + len));
    }
    let is_plain = (1..=18).contains(&len) && (bytes.get(first) != Some(&b'0') || (len == 1 && !is_negative));
    is_plain.then_some((Token::Long(if is_negative { -value } else { value }), at))
}

const POWERS: [i64; 9] = [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000];

#[cfg(test)]
mod tests {
    use super::*;

    fn read(template: &str, text: &str) -> Option<Vec<(usize, Token)>> {
        let keys = ["a", "b"];
        let template = Template::new(template, |key| keys.iter().position(|it| *it == key)).unwrap();
        let mut found = Vec::new();
        // In the middle of other bytes, and alone.
        let hay = format!("{{\"a\":{text}{{\"a\":1}}, \"\"");
        let is_like = template.read(hay.as_bytes(), 5, 5 + text.len(), &mut found);
        for (_, it) in &mut found {
            if let Token::Text(from, to) | Token::Raw(from, to) = it {
                (*from, *to) = (*from - 5, *to - 5);
            }
        }
        let mut alone = Vec::new();
        assert_eq!(template.read(text.as_bytes(), 0, text.len(), &mut alone), is_like, "{text}");
        assert!(!is_like || alone == found, "{text} {alone:?} {found:?}");
        is_like.then_some(found)
    }

    #[test]
    fn values_of_alike_texts() {
        let template = r#"{"a": 1, "c": [true, {"x": "y"}], "b":"z"}"#;
        for (a, token) in [
            ("0", Token::Long(0)),
            ("-7", Token::Long(-7)),
            ("12345678", Token::Long(12_345_678)),
            ("123456789", Token::Long(123_456_789)),
            ("1234567890123456", Token::Long(1_234_567_890_123_456)),
            ("-123456789012345678", Token::Long(-123_456_789_012_345_678)),
            ("1.5e3", Token::Real(1_500.0)),
            ("-0.0", Token::Real(-0.0)),
            ("true", Token::Word(Tag::True)),
            ("false", Token::Word(Tag::False)),
            ("null", Token::Word(Tag::Null)),
            ("\"\"", Token::Text(7, 7)),
            ("\"é and more than 8\"", Token::Text(7, 7 + 18)),
        ] {
            let text = format!("{{\"a\": {a}, \"c\": [null, {{\"x\": -5}}], \"b\":\"w\"}}");
            let b = text.len() - 3;
            assert_eq!(read(template, &text), Some(vec![(0, token), (1, Token::Text(b, b + 1))]), "{text}");
        }
    }

    #[test]
    fn arrays_and_bags_as_they_stand() {
        let template = r#"{"a":[ {"x":1}, []] , "c":[0,1], "b":{}, "d":"" }"#;
        for (text, a, b) in [
            (template, r#"[ {"x":1}, []]"#, "{}"),
            (r#"{"a":[ {"x":"long one"}, []] , "c":[true,1], "b":{}, "d":"w" }"#, r#"[ {"x":"long one"}, []]"#, "{}"),
        ] {
            let place = |it: &str| text.find(it).map(|at| Token::Raw(at, at + it.len())).unwrap();
            assert_eq!(read(template, text), Some(vec![(0, place(a)), (1, place(b))]));
        }
        assert_eq!(read(template, r#"{"a":[ {"x":1}, [2]] , "c":[0,1], "b":{}, "d":"" }"#), None);
        assert_eq!(read("{\"a\":[]}", "{\"a\":[]}"), Some(vec![(0, Token::Raw(5, 7))]));
        assert_eq!(read("{\"a\":[5],\"b\":[6]}", "{\"a\":[77],\"b\":[]}"), None);
    }

    #[test]
    fn what_may_be_no_json_is_left_to_others() {
        let template = r#"{"a": 1, "c": [true, {"x": "y"}], "b":"z"}"#;
        for a in [
            "",
            "01",
            "-0",
            "-",
            "+1",
            "1.",
            ".5",
            "1e400",
            "1234567890123456789",
            "tru",
            "trueX",
            "nulls",
            "\"a\\n\"",
            "\"a\u{1}\"",
            "\"a",
            "1 ",
            "[1]",
            "{}",
            "1, \"a\": 2",
            "é",
            "\"a\"b\"",
            "1x",
            "--1",
            "1e",
            "1-2",
        ] {
            let text = format!("{{\"a\": {a}, \"c\": [null, {{\"x\": -5}}], \"b\":\"w\"}}");
            assert_eq!(read(template, &text), None, "{text}");
        }
        let whole = r#"{"a": 1, "c": [true, {"x": "y"}], "b":"w"}"#;
        for len in 0..whole.len() {
            assert_eq!(read(template, whole.get(..len).unwrap()), None);
        }
        assert_eq!(read(template, &format!("{whole} ")), None);
        assert!(read(template, whole).is_some());
    }

    #[test]
    fn what_has_no_template() {
        let slot = |key: &str| (key == "a").then_some(0);
        assert!(Template::new(r#"{"a": 1, "b": "\n"}"#, slot).is_none());
        assert!(Template::new(&format!("{{\"b\": [{}0]}}", "0,".repeat(VALUES_MAX)), slot).is_none());
        assert!(Template::new(r#"{"b": [1], "a": 1}"#, slot).is_some());
    }
}
