//! Searching text for a needle, prepared once: with or without case, and at the edges of terms.
//!
//! A term is a run of letters and digits; everything else, the underscore too, is between terms. An edge of a term is
//! asked for only where the needle itself begins or ends with a letter or digit.

use crate::kernel::{self, Pair, Probe};
use memchr::{memchr, memchr2, memmem};
use std::borrow::Cow;

/// Where a needle has to be found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Anywhere.
    Anywhere,
    /// As whole terms.
    Terms,
    /// At the beginning of a term.
    TermStart,
    /// At the end of a term.
    TermEnd,
    /// At the beginning of the text.
    Start,
    /// At the end of the text.
    End,
    /// The text is the needle.
    Whole,
}

/// A needle ready for many searches.
#[derive(Debug)]
pub struct Needle {
    text: String,
    place: Place,
    /// Whether a term must begin, or end, where the needle does.
    edges: (bool, bool),
    /// Its first bytes.
    head: Head,
    search: Search,
}

/// The first eight bytes of a needle, to be compared at once.
#[derive(Debug)]
struct Head {
    bytes: u64,
    /// What is set in a text before it is compared, so that case does not matter.
    fold: u64,
    /// The bytes that the needle has.
    mask: u64,
}

impl Head {
    /// Of a text in lower case, if it `folds`.
    fn new(text: &[u8], folds: bool) -> Head {
        let mut it = Head { bytes: 0, fold: 0, mask: 0 };
        for byte in text.iter().take(8).rev() {
            let fold = if folds && byte.is_ascii_alphabetic() { 0x20 } else { 0 };
            it = Head { bytes: it.bytes << 8 | u64::from(*byte), fold: it.fold << 8 | fold, mask: it.mask << 8 | 0xff };
        }
        it
    }
}

#[derive(Debug)]
enum Search {
    Empty,
    /// With case.
    Exact(memmem::Finder<'static>),
    /// Without case; the needle is ASCII and holds lower case. The byte at `rare` is looked for first.
    Ascii {
        rare: usize,
        low: u8,
        high: u8,
    },
    /// Without case; the needle is folded, and so is the text that has other than ASCII.
    Folded(memmem::Finder<'static>),
}

/// The character that stands for both cases. What is not ASCII never becomes ASCII.
pub fn fold_char(c: char) -> char {
    if c.is_ascii() {
        return c.to_ascii_lowercase();
    }
    // Upper case first: it unites the two small sigmas.
    let mut upper = c.to_uppercase();
    let upper = match (upper.next(), upper.next()) {
        (Some(it), None) if !it.is_ascii() => it,
        _ => c,
    };
    let mut lower = upper.to_lowercase();
    match (lower.next(), lower.next()) {
        (Some(it), None) if !it.is_ascii() => it,
        _ => upper,
    }
}

/// Text without case.
pub fn fold(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        if text.bytes().any(|it| it.is_ascii_uppercase()) { text.to_ascii_lowercase().into() } else { text.into() }
    } else {
        text.chars().map(fold_char).collect::<String>().into()
    }
}

/// Folds into a buffer that is reused.
pub fn fold_into(text: &str, out: &mut String) {
    out.clear();
    if text.is_ascii() {
        out.push_str(text);
        out.make_ascii_lowercase();
    } else {
        out.extend(text.chars().map(fold_char));
    }
}

/// Whether two texts are equal but for case.
pub fn equal_folded(a: &str, b: &str) -> bool {
    if a.is_ascii() && b.is_ascii() {
        return a.eq_ignore_ascii_case(b);
    }
    a.chars().map(fold_char).eq(b.chars().map(fold_char))
}

/// Whether a character belongs to a term.
pub fn is_term_char(c: char) -> bool {
    if c.is_ascii() { c.is_ascii_alphanumeric() } else { c.is_alphanumeric() }
}

/// How common a byte is in text, roughly.
fn commonness(byte: u8) -> u8 {
    match byte.to_ascii_lowercase() {
        b'e' | b't' | b'a' | b'o' | b'i' | b'n' | b's' | b'r' | b' ' => 9,
        b'l' | b'c' | b'd' | b'm' | b'u' | b'p' | b'.' | b'0' | b'1' => 7,
        b'h' | b'g' | b'f' | b'w' | b'y' | b'b' | b'-' | b'/' | b'2' => 5,
        b'v' | b'k' | b'_' | b'"' | b':' | b'3'..=b'9' => 4,
        b'x' | b'j' | b'q' | b'z' => 2,
        _ => 1,
    }
}

/// Bytes of a text that pairs are made of at most.
const RARE_MAX: usize = 6;

/// The bytes of a text that are rarest in others, the rarest first. Of those as rare the outermost: neighbours often come
/// together, as q and u.
fn rare_bytes(text: &[u8]) -> Vec<Probe> {
    let mut bytes: Vec<Probe> = text.iter().enumerate().map(|(at, byte)| Probe { at, byte: *byte, mask: 0 }).collect();
    bytes.sort_by_key(|it| (commonness(it.byte), it.at.min(text.len() - 1 - it.at)));
    bytes.truncate(RARE_MAX);
    bytes
}

impl Needle {
    /// Prepares a needle.
    pub fn new(text: &str, place: Place, with_case: bool) -> Needle {
        let search = if text.is_empty() {
            Search::Empty
        } else if with_case {
            Search::Exact(memmem::Finder::new(text).into_owned())
        } else if text.is_ascii() {
            let bytes = text.as_bytes();
            let rare = (0..bytes.len()).min_by_key(|it| bytes.get(*it).map_or(9, |it| commonness(*it))).unwrap_or(0);
            let byte = bytes.get(rare).copied().unwrap_or(0);
            Search::Ascii { rare, low: byte.to_ascii_lowercase(), high: byte.to_ascii_uppercase() }
        } else {
            Search::Folded(memmem::Finder::new(fold(text).as_bytes()).into_owned())
        };
        let text = if with_case { text.to_owned() } else { fold(text).into_owned() };
        let edges = (text.chars().next().is_some_and(is_term_char), text.chars().next_back().is_some_and(is_term_char));
        let head = Head::new(text.as_bytes(), matches!(search, Search::Ascii { .. }));
        Needle { text, place, edges, head, search }
    }

    /// Whether it is in a text.
    pub fn is_in(&self, hay: &str, folded: &mut String) -> bool {
        match &self.search {
            Search::Empty => self.place != Place::Whole || hay.is_empty(),
            Search::Exact(finder) => self.exact(hay, finder),
            Search::Ascii { rare, low, high } => self.ascii(hay, *rare, *low, *high),
            // A needle with other letters is in no ASCII text.
            Search::Folded(_) if hay.is_ascii() => false,
            Search::Folded(finder) => {
                fold_into(hay, folded);
                self.exact(folded, finder)
            }
        }
    }

    fn exact(&self, hay: &str, finder: &memmem::Finder<'_>) -> bool {
        match self.place {
            Place::Start => hay.starts_with(&self.text),
            Place::End => hay.ends_with(&self.text),
            Place::Whole => hay == self.text,
            Place::Anywhere => finder.find(hay.as_bytes()).is_some(),
            _ => {
                let mut from = 0;
                while let Some(found) = hay.as_bytes().get(from..).and_then(|it| finder.find(it)) {
                    if self.fits(hay, from + found) {
                        return true;
                    }
                    from += found + 1;
                }
                false
            }
        }
    }

    fn ascii(&self, hay: &str, rare: usize, low: u8, high: u8) -> bool {
        let (hay_bytes, needle) = (hay.as_bytes(), self.text.as_bytes());
        let len = needle.len();
        let Some(last) = hay_bytes.len().checked_sub(len) else { return false };
        let same = |at: usize| hay_bytes.get(at..at + len).is_some_and(|it| it.eq_ignore_ascii_case(needle));
        match self.place {
            Place::Start => return same(0),
            Place::End => return same(last),
            Place::Whole => return last == 0 && same(0),
            _ => {}
        }
        let mut from = 0;
        while let Some(window) = hay_bytes.get(from + rare..last + rare + 1) {
            let found = if low == high { memchr(low, window) } else { memchr2(low, high, window) };
            let Some(found) = found else { return false };
            if same(from + found) && (self.place == Place::Anywhere || self.fits(hay, from + found)) {
                return true;
            }
            from += found + 1;
        }
        false
    }

    /// Whether it is found by its bytes, wherever it stands: not when only whole texts can be tested.
    fn is_bytewise(&self) -> bool {
        matches!(self.place, Place::Anywhere | Place::Terms | Place::TermStart | Place::TermEnd)
            && matches!(self.search, Search::Exact(_) | Search::Ascii { .. })
    }

    /// A regular expression over bytes for it, without its edges; `None` when only whole texts can be tested.
    pub fn pattern(&self) -> Option<String> {
        let flags = if matches!(self.search, Search::Ascii { .. }) { "i" } else { "" };
        self.is_bytewise().then(|| format!("(?{flags}:{})", byte_pattern(&self.text)))
    }

    /// What finds its bytes, if case matters and they may stand anywhere.
    pub fn finder(&self) -> Option<&memmem::Finder<'static>> {
        match &self.search {
            Search::Exact(it) if self.is_bytewise() => Some(it),
            _ => None,
        }
    }

    /// Two bytes by which places of it are found in many texts at once, such that few places of `sample` have them; `None` when
    /// only whole texts can be tested, and for a single byte, which would be found too often.
    pub fn probes(&self, sample: &[u8]) -> Option<Pair> {
        if !self.is_bytewise() {
            return None;
        }
        let folds = matches!(self.search, Search::Ascii { .. });
        let mut probes = rare_bytes(self.text.as_bytes());
        probes.iter_mut().filter(|it| folds && it.byte.is_ascii_alphabetic()).for_each(|it| it.mask = 0x20);
        let mut places = Vec::new();
        let n_places = |pair: &Pair| {
            places.clear();
            kernel::places(sample, &[*pair], &mut places);
            places.len()
        };
        let pairs = (1..probes.len()).flat_map(|second| (0..second).map(move |first| (first, second)));
        let pairs = pairs.filter_map(|(first, second)| Some([*probes.get(first)?, *probes.get(second)?]));
        // Of pairs as rare the first, of bytes that are rare elsewhere.
        pairs.min_by_key(n_places)
    }

    /// Whether it stands at that byte of a text, of a needle that has a [`pattern`](Needle::pattern).
    pub fn stands_at(&self, hay: &str, at: usize) -> bool {
        self.is_at(hay.as_bytes(), at) && self.fits_at(hay, at)
    }

    /// Whether what has its bytes at a place of a text and perhaps behind its end stands there.
    #[inline]
    pub fn fits_at(&self, hay: &str, at: usize) -> bool {
        at + self.text.len() <= hay.len() && (self.place == Place::Anywhere || self.fits(hay, at))
    }

    /// Whether its bytes are those at a place, whatever stands around them.
    #[inline]
    pub fn is_at(&self, hay: &[u8], at: usize) -> bool {
        let rest = hay.get(at..).unwrap_or(&[]);
        match rest.first_chunk() {
            Some(it) if (u64::from_le_bytes(*it) | self.head.fold) & self.head.mask != self.head.bytes => false,
            Some(_) if self.text.len() <= 8 => true,
            _ => self.begins(rest),
        }
    }

    fn begins(&self, hay: &[u8]) -> bool {
        hay.get(..self.text.len()).is_some_and(|it| match self.search {
            Search::Exact(_) => it == self.text.as_bytes(),
            _ => it.eq_ignore_ascii_case(self.text.as_bytes()),
        })
    }

    /// Whether the edges of terms are where they must be, for a needle found at a byte.
    fn fits(&self, hay: &str, at: usize) -> bool {
        let (start, end) = match self.place {
            Place::Terms => self.edges,
            Place::TermStart => (self.edges.0, false),
            Place::TermEnd => (false, self.edges.1),
            _ => (false, false),
        };
        (!start || !ends_in_term(hay, at)) && (!end || !begins_with_term(hay, at + self.text.len()))
    }
}

/// A text as a pattern over bytes.
fn byte_pattern(text: &str) -> String {
    text.bytes()
        .map(|it| if it.is_ascii_alphanumeric() { char::from(it).to_string() } else { format!("\\x{it:02X}") })
        .collect()
}

fn ends_in_term(hay: &str, at: usize) -> bool {
    match at.checked_sub(1).and_then(|it| hay.as_bytes().get(it)) {
        None => false,
        Some(byte) if byte.is_ascii() => byte.is_ascii_alphanumeric(),
        Some(_) => hay.get(..at).and_then(|it| it.chars().next_back()).is_some_and(is_term_char),
    }
}

fn begins_with_term(hay: &str, at: usize) -> bool {
    match hay.as_bytes().get(at) {
        None => false,
        Some(byte) if byte.is_ascii() => byte.is_ascii_alphanumeric(),
        Some(_) => hay.get(at..).and_then(|it| it.chars().next()).is_some_and(is_term_char),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn has(hay: &str, needle: &str) -> bool {
        Needle::new(needle, Place::Terms, false).is_in(hay, &mut String::new())
    }

    #[test]
    fn terms() {
        for (hay, needle) in
            [("a_b", "a"), ("a-b", "A"), ("x a-b y", "a-b"), ("a b", "a "), ("x a-b y", " a"), ("xa a", "a"), ("a", "")]
        {
            assert!(has(hay, needle), "{hay} has {needle}");
        }
        for (hay, needle) in
            [("ab", "a"), ("a1", "a"), ("éa", "a"), ("errors", "error"), ("x a_b y", "a-b"), ("xa b", "a "), ("", "a")]
        {
            assert!(!has(hay, needle), "{hay} !has {needle}");
        }
        let prefix = |hay, needle| Needle::new(needle, Place::TermStart, false).is_in(hay, &mut String::new());
        assert!(prefix("the error", "err") && prefix("x-error", "-err") && !prefix("err or", "r o"));
        let suffix = |hay, needle| Needle::new(needle, Place::TermEnd, false).is_in(hay, &mut String::new());
        assert!(suffix("mirror x", "ror") && !suffix("x-error", "err"));
    }

    #[test]
    fn overlapping_candidates_and_case() {
        assert!(has("xa-a-a", "a-a"));
        assert!(has("ŽLUŤOUČKÝ kůň", "žluťoučký"));
        assert!(!has("žluťoučkýx", "žluťoučký"));
        // The Kelvin sign is no k.
        assert!(!Needle::new("k", Place::Anywhere, false).is_in("\u{212a}", &mut String::new()));
        assert!(equal_folded("ΣΑΣ", "σας"));
    }
}
