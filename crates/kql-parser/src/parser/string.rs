//! String literals: escapes, verbatim strings, multi-line strings, adjacent strings.

use super::{LEXICAL, Parsed, Parser, SYNTAX};
use crate::diagnostic::{Diagnostic, Span};
use crate::lexer::from;
use crate::token::TokenKind;

impl Parser<'_> {
    /// One or more adjacent string literals, joined.
    pub(super) fn string_text(&mut self) -> Parsed<String> {
        if !self.kind().is_string() {
            return Err(self.expected("a string"));
        }
        let mut text = String::new();
        while self.kind().is_string() {
            let token = self.advance();
            let literal = token.span.of(self.text);
            let plain = literal.strip_prefix(['h', 'H']).unwrap_or(literal);
            match token.kind {
                TokenKind::Verbatim => push_verbatim(plain, &mut text),
                TokenKind::MultiLine => text.push_str(plain.get(3..plain.len().saturating_sub(3)).unwrap_or("")),
                _ => {
                    let offset = token.span.start + (literal.len() - plain.len()) as u32;
                    if let Err((span, message)) = push_escaped(plain, offset, &mut text) {
                        let diagnostic = Diagnostic::error(SYNTAX, span, message);
                        return Err(
                            self.report(diagnostic.hint("double the backslash, or write a verbatim string: @\"…\""))
                        );
                    }
                }
            }
        }
        if self.is(TokenKind::UnclosedString) && self.touches(0) {
            let span = self.token().span;
            return Err(self.report(Diagnostic::error(LEXICAL, span, "unclosed string")));
        }
        Ok(text)
    }
}

/// The inside of `@"…"`: a doubled quote is one.
fn push_verbatim(literal: &str, out: &mut String) {
    let quote = literal.get(1..2).unwrap_or("\"");
    let inner = literal.get(2..literal.len().saturating_sub(1)).unwrap_or("");
    let mut rest = inner;
    while let Some((before, behind)) = rest.split_once(quote) {
        out.push_str(before);
        out.push_str(quote);
        rest = from(behind, 1);
    }
    out.push_str(rest);
}

/// The inside of `"…"` with its escapes resolved; `offset` is where the literal stands.
fn push_escaped(literal: &str, offset: u32, out: &mut String) -> Result<(), (Span, String)> {
    let mut rest = literal.get(1..literal.len().saturating_sub(1)).unwrap_or("");
    while let Some(at) = rest.find('\\') {
        let (before, escape) = rest.split_at(at);
        out.push_str(before);
        let Some((value, length)) = escape_value(escape) else {
            let start = offset + (literal.len() - 1 - escape.len()) as u32;
            let shown: String = escape.chars().take(2).collect();
            return Err((Span::new(start, start + shown.len() as u32), format!("unknown escape `{shown}`")));
        };
        out.push(value);
        rest = from(escape, length);
    }
    out.push_str(rest);
    Ok(())
}

/// The character of an escape and the bytes it takes.
fn escape_value(escape: &str) -> Option<(char, usize)> {
    let value = match escape.as_bytes().get(1)? {
        b'\\' => '\\',
        b'"' => '"',
        b'\'' => '\'',
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        b'a' => '\u{7}',
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'v' => '\u{b}',
        b'0'..=b'7' => return octal(escape),
        b'x' => return hexadecimal(escape, 2),
        b'u' => return unicode(escape),
        b'U' => return hexadecimal(escape, 8),
        _ => return None,
    };
    Some((value, 2))
}

/// `\0` to `\377`.
fn octal(escape: &str) -> Option<(char, usize)> {
    let digits = from(escape, 1).bytes().take(3).take_while(|it| matches!(it, b'0'..=b'7')).count();
    let mut length = digits;
    let mut value = u32::from_str_radix(escape.get(1..=length)?, 8).ok()?;
    if value > 0o377 {
        length -= 1;
        value = u32::from_str_radix(escape.get(1..=length)?, 8).ok()?;
    }
    Some((char::from_u32(value)?, 1 + length))
}

fn hexadecimal(escape: &str, digits: usize) -> Option<(char, usize)> {
    let value = code(escape, digits)?;
    Some((char::from_u32(value).unwrap_or('\u{fffd}'), 2 + digits))
}

fn code(escape: &str, digits: usize) -> Option<u32> {
    let text = escape.get(2..2 + digits)?;
    text.bytes().all(|it| it.is_ascii_hexdigit()).then(|| u32::from_str_radix(text, 16).ok())?
}

/// `\uHHHH`; two surrogates that belong together make one character, a lone one the replacement character.
fn unicode(escape: &str) -> Option<(char, usize)> {
    let first = code(escape, 4)?;
    if !(0xd800..0xdc00).contains(&first) {
        return Some((char::from_u32(first).unwrap_or('\u{fffd}'), 6));
    }
    let second = escape.get(6..).filter(|it| it.starts_with("\\u")).and_then(|it| code(it, 4));
    match second {
        Some(second) if (0xdc00..0xe000).contains(&second) => {
            let value = 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
            Some((char::from_u32(value).unwrap_or('\u{fffd}'), 12))
        }
        _ => Some(('\u{fffd}', 6)),
    }
}
