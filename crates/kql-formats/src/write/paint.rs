//! Makes text harmless to a terminal.

use std::{borrow::Cow, fmt::Write};

/// Whether a character can move the cursor, or what stands around it: controls and bidirectional marks.
fn is_control(c: char) -> bool {
    matches!(c, '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// The text with controls escaped, as `\n`, `\x1b` or `\u{202e}`. For names, messages and cells.
pub fn paint(text: &str) -> Cow<'_, str> {
    escape(text, is_control, |c, out| match c {
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        c if (c as u32) < 0x100 => _ = write!(out, "\\x{:02x}", c as u32),
        c => _ = write!(out, "\\u{{{:x}}}", c as u32),
    })
}

/// The text with what breaks a line of a table escaped.
pub(super) fn one_line(text: &str) -> Cow<'_, str> {
    escape(
        text,
        |c| matches!(c, '\n' | '\r' | '\t'),
        |c, out| {
            out.push_str(match c {
                '\n' => "\\n",
                '\r' => "\\r",
                _ => "\\t",
            });
        },
    )
}

/// The same for JSON, where strings have escapes of their own.
pub(super) fn json(text: &str) -> Cow<'_, str> {
    escape(text, is_control, |c, out| _ = write!(out, "\\u{:04x}", c as u32))
}

/// The same, but line ends and tabs, which the format needs, stay.
pub(super) fn lines(text: &str) -> Cow<'_, str> {
    escape(text, |c| is_control(c) && c != '\n' && c != '\t', |c, out| out.push_str(&paint(c.encode_utf8(&mut [0; 4]))))
}

fn escape(text: &str, is_bad: impl Fn(char) -> bool, write: impl Fn(char, &mut String)) -> Cow<'_, str> {
    if !text.chars().any(&is_bad) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if is_bad(c) { write(c, &mut out) } else { out.push(c) }
    }
    Cow::Owned(out)
}

/// Columns that a text takes on a terminal, once [`paint`] made it harmless.
pub fn width(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { text.chars().map(char_width).sum() }
}

/// Columns of a character: none for marks that combine, two for wide scripts and pictures.
fn char_width(c: char) -> usize {
    match c as u32 {
        0x300..=0x36F | 0x483..=0x489 | 0x591..=0x5BD | 0x610..=0x61A | 0x64B..=0x65F => 0,
        0x200B..=0x200F | 0x20D0..=0x20FF | 0xFE00..=0xFE0F | 0xFE20..=0xFE2F | 0xE0100..=0xE01EF => 0,
        0x1100..=0x115F | 0x2E80..=0x303E | 0x3041..=0xA4CF | 0xAC00..=0xD7A3 | 0xF900..=0xFAFF => 2,
        0xFE30..=0xFE6F | 0xFF00..=0xFF60 | 0xFFE0..=0xFFE6 | 0x1F300..=0x1F64F | 0x1F680..=0x1F6FF => 2,
        0x1F900..=0x1F9FF | 0x20000..=0x3FFFD => 2,
        _ => 1,
    }
}

/// A text in so many columns of a terminal, with a mark where something is left out.
pub fn cut(text: &str, width_max: usize) -> Cow<'_, str> {
    if width(text) <= width_max {
        return Cow::Borrowed(text);
    }
    let (mut out, mut used) = (String::new(), 1);
    for c in text.chars() {
        used += char_width(c);
        if used > width_max {
            break;
        }
        out.push(c);
    }
    out.push('…');
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_cut_at_their_width() {
        assert_eq!((cut("abc", 3), cut("abcd", 3)), ("abc".into(), "ab…".into()));
        assert_eq!(cut("日本語", 4), "日…", "a wide character is not halved");
    }
}
