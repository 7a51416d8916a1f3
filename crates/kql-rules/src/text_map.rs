//! From a byte of a scalar's text to the byte of the file that it was written with.

use std::ops::Range;

/// Pieces of a text that stand in the file as they are, by where each begins in both.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct TextMap {
    /// Byte of the text and byte of the file, both rising. Bytes between two points count on from the first.
    points: Vec<(usize, usize)>,
}

impl TextMap {
    /// A text that stands in the file as it is, from that byte on.
    pub fn straight(start: usize) -> TextMap {
        TextMap { points: vec![(0, start)] }
    }

    /// Says that from `text` on the file's bytes count from `file`. Points must come in order.
    pub(crate) fn push(&mut self, text: usize, file: usize) {
        if let Some(last) = self.points.last_mut() {
            if text.checked_sub(last.0) == file.checked_sub(last.1) && file >= last.1 {
                return;
            }
            if last.0 == text {
                last.1 = file;
                return;
            }
        }
        self.points.push((text, file));
    }

    /// The byte of the file for a byte of the text.
    pub fn byte(&self, offset: usize) -> usize {
        let at = self.points.partition_point(|it| it.0 <= offset);
        match at.checked_sub(1).and_then(|it| self.points.get(it)) {
            Some((text, file)) => file + (offset - text),
            None => self.points.first().map_or(0, |it| it.1),
        }
    }

    /// The range of the file for a range of the text: to the end of its last byte, so that the end of a line is not the
    /// beginning of the next.
    pub fn range(&self, range: Range<usize>) -> Range<usize> {
        let start = self.byte(range.start);
        match range.end.checked_sub(1).filter(|it| *it >= range.start) {
            Some(last) => start..self.byte(last) + 1,
            None => start..start,
        }
    }

    /// The map of the text from that byte on.
    pub fn from(&self, offset: usize) -> TextMap {
        let mut out = TextMap { points: vec![(0, self.byte(offset))] };
        for (text, file) in self.points.iter().filter(|it| it.0 > offset) {
            out.push(text - offset, *file);
        }
        out
    }

    /// Says that from `text` on come the bytes `from..to` of another map's text.
    pub(crate) fn extend(&mut self, text: usize, other: &TextMap, from: usize, to: usize) {
        self.push(text, other.byte(from));
        for (at, file) in other.points.iter().filter(|it| (from + 1..to).contains(&it.0)) {
            self.push(text + (at - from), *file);
        }
    }

    /// A map for a text that was made of a scalar and is written there in order, folded or with escapes: each character
    /// is found again at or after the one before it.
    pub(crate) fn aligned(text: &str, file: &str, start: usize, escapes: bool) -> TextMap {
        let mut out = TextMap { points: Vec::new() };
        let mut at = 0;
        for (offset, c) in text.char_indices() {
            while let Some(found) = file.get(at..).and_then(|it| it.chars().next()) {
                let length = if escapes && found == '\\' { escape_length(file.get(at..).unwrap_or("")) } else { 0 };
                if found == c && length == 0 || length > 0 && !is_line_end(file, at + 1) {
                    out.push(offset, start + at);
                    at += length.max(found.len_utf8());
                    break;
                }
                if c.is_whitespace() && !found.is_whitespace() && length == 0 {
                    // A folded line: the blank stands for a line end that was passed already.
                    out.push(offset, start + at.saturating_sub(1));
                    break;
                }
                at += length.max(found.len_utf8());
            }
        }
        if out.points.is_empty() { TextMap::straight(start) } else { out }
    }

    /// A map for a literal block: each of its lines is the end of one line of the file.
    pub(crate) fn literal(text: &str, file: &str, start: usize) -> TextMap {
        let mut out = TextMap { points: Vec::new() };
        let mut lines = file.split_inclusive('\n').scan(start, |at, line| {
            let begin = *at;
            *at += line.len();
            Some((begin, line.trim_end_matches(['\n', '\r'])))
        });
        let mut next = lines.next();
        let mut offset = 0;
        for line in text.split_inclusive('\n') {
            let content = line.trim_end_matches(['\n', '\r']);
            if content.is_empty() {
                // Empty lines at the beginning may lie before what is given of the file.
                if let Some((begin, _)) = next.filter(|it| it.1.trim().is_empty()) {
                    out.push(offset, begin);
                    next = lines.next();
                } else if let Some((begin, _)) = next {
                    out.push(offset, begin.saturating_sub(1));
                }
            } else {
                while next.is_some_and(|it| !it.1.ends_with(content)) {
                    next = lines.next();
                }
                let Some((begin, found)) = next else { break };
                out.push(offset, begin + found.len() - content.len());
                next = lines.next();
            }
            offset += line.len();
        }
        if out.points.is_empty() { TextMap::straight(start) } else { out }
    }
}

fn is_line_end(file: &str, at: usize) -> bool {
    file.get(at..).is_some_and(|it| it.starts_with(['\n', '\r']))
}

/// Bytes of the escape that a text begins with: a letter, or `x`, `u`, `U` with digits; a pair of surrogates is one.
fn escape_length(text: &str) -> usize {
    let Some(letter) = text.get(1..).and_then(|it| it.chars().next()) else { return 1 };
    let length = 1 + letter.len_utf8();
    let end = match letter {
        'x' => length + 2,
        'U' => length + 8,
        'u' => {
            let first = text.get(2..3).is_some_and(|it| it.eq_ignore_ascii_case("d"))
                && text.get(3..4).is_some_and(|it| matches!(it, "8" | "9" | "a" | "b" | "A" | "B"));
            if first && text.get(6..8) == Some("\\u") { length + 10 } else { length + 4 }
        }
        _ => length,
    };
    end.min(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_and_folds() {
        let map = TextMap::aligned("a\tb\"c", r#"a\tb\u0022c"#, 10, true);
        assert_eq!((0..5).map(|it| map.byte(it)).collect::<Vec<_>>(), [10, 11, 13, 14, 20]);
        let map = TextMap::aligned("ab cd", "ab\n   cd", 0, false);
        assert_eq!((map.byte(3), map.byte(4)), (6, 7));
        assert_eq!(map.range(0..2), 0..2);
        let map = TextMap::aligned("a\\😀b", r"a\\\ud83d\ude00b", 0, true);
        assert_eq!((map.byte(1), map.byte(2), map.byte(6)), (1, 3, 15));
    }

    #[test]
    fn literal_lines() {
        let map = TextMap::literal("T\n\n| x\n", "  T\n\n  | x\n", 100);
        assert_eq!((map.byte(0), map.byte(3), map.byte(5)), (102, 107, 109));
        assert_eq!(map.from(3).byte(2), 109);
        let map = TextMap::literal("\n\nT\n", "  T\n", 100);
        assert_eq!(map.byte(2), 102);
    }
}
