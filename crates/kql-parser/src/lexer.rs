//! From text to tokens: a dispatch on the first byte, nom for what is longer than two bytes.
//! Comments and white space are left out; nothing is reported here, unreadable text becomes a token of its own kind.

use crate::diagnostic::Span;
use crate::token::{Token, TokenKind};
use nom::Parser;
use nom::branch::alt;
use nom::bytes::complete::{tag, take_until, take_while};
use nom::character::complete::{char, digit0, digit1, hex_digit1, one_of, satisfy};
use nom::combinator::{not, opt, peek, recognize};

type Read<'a> = nom::IResult<&'a str, &'a str>;

/// The tokens of a text, ended by one [`TokenKind::End`], and its comments.
#[derive(Clone, Debug, Default)]
pub struct Tokens {
    /// The tokens.
    pub tokens: Vec<Token>,
    /// The comments, without their line ends.
    pub comments: Vec<Span>,
}

/// Splits `text` into tokens. Texts over 4 GiB are cut.
pub fn lex(text: &str) -> Tokens {
    let mut out = Tokens { tokens: Vec::with_capacity(text.len() / 5 + 4), comments: Vec::new() };
    let text = text.get(..text.len().min(u32::MAX as usize - 1)).unwrap_or(text);
    let mut rest = text;
    loop {
        rest = skip_blank(rest);
        let start = offset(text, rest);
        let Some(first) = rest.bytes().next() else { break };
        if first == b'/' && rest.as_bytes().get(1) == Some(&b'/') {
            let length = rest.find(['\n', '\r']).unwrap_or(rest.len());
            rest = from(rest, length);
            out.comments.push(Span::new(start, offset(text, rest)));
            continue;
        }
        let (kind, length) = token(first, rest);
        rest = from(rest, length);
        out.tokens.push(Token { kind, span: Span::new(start, offset(text, rest)) });
    }
    let end = text.len() as u32;
    out.tokens.push(Token { kind: TokenKind::End, span: Span::at(end) });
    out
}

/// The text from that byte on; nothing where no character begins.
pub(super) fn from(text: &str, at: usize) -> &str {
    text.get(at..).unwrap_or("")
}

fn offset(text: &str, rest: &str) -> u32 {
    (text.len() - rest.len()) as u32
}

/// White space of every kind, with the byte order mark and the invisible characters that copying leaves behind.
fn skip_blank(rest: &str) -> &str {
    let ascii = rest.bytes().take_while(|it| matches!(it, b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c)).count();
    let rest = from(rest, ascii);
    if rest.as_bytes().first().is_none_or(u8::is_ascii) { rest } else { rest.trim_start_matches(is_blank) }
}

fn is_blank(it: char) -> bool {
    it.is_whitespace() || matches!(it, '\u{feff}' | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{ad}')
}

/// The token that `rest` begins with, and its length in bytes; `rest` begins with `first`.
fn token(first: u8, rest: &str) -> (TokenKind, usize) {
    match first {
        b'h' | b'H' if is_string_behind_prefix(rest) => prefixed_string(rest),
        b'a'..=b'z' | b'A'..=b'Z' | b'_' | b'$' => word(rest),
        b'0'..=b'9' => number(rest),
        b'"' | b'\'' => string(rest),
        b'@' if matches!(rest.as_bytes().get(1), Some(b'"' | b'\'')) => verbatim(rest),
        b'`' if rest.starts_with("```") => multi_line(rest, "```"),
        b'~' if rest.starts_with("~~~") => multi_line(rest, "~~~"),
        0x80.. => {
            let length = length_of(name(rest), rest);
            if length > 0 { (TokenKind::Name, length) } else { (TokenKind::Unknown, first_char_length(rest)) }
        }
        _ => punctuation(first, rest.as_bytes().get(1).copied()),
    }
}

fn first_char_length(rest: &str) -> usize {
    rest.chars().next().map_or(0, char::len_utf8)
}

fn length_of(read: Read, rest: &str) -> usize {
    read.map_or(0, |(behind, _)| rest.len() - behind.len())
}

fn punctuation(first: u8, second: Option<u8>) -> (TokenKind, usize) {
    use TokenKind as K;
    let kind = match (first, second) {
        (b'=', Some(b'=')) => return (K::Equal, 2),
        (b'=', Some(b'~')) => return (K::EqualTilde, 2),
        (b'=', Some(b'>')) => return (K::Arrow, 2),
        (b'!', Some(b'=')) => return (K::NotEqual, 2),
        (b'!', Some(b'~')) => return (K::BangTilde, 2),
        (b'<', Some(b'=')) => return (K::LessOrEqual, 2),
        (b'<', Some(b'>')) => return (K::LessGreater, 2),
        (b'>', Some(b'=')) => return (K::GreaterOrEqual, 2),
        (b'.', Some(b'.')) => return (K::DotDot, 2),
        (b'(', _) => K::OpenParenthesis,
        (b')', _) => K::CloseParenthesis,
        (b'[', _) => K::OpenBracket,
        (b']', _) => K::CloseBracket,
        (b'{', _) => K::OpenBrace,
        (b'}', _) => K::CloseBrace,
        (b'|', _) => K::Pipe,
        (b';', _) => K::Semicolon,
        (b',', _) => K::Comma,
        (b'.', _) => K::Dot,
        (b':', _) => K::Colon,
        (b'=', _) => K::Assign,
        (b'<', _) => K::Less,
        (b'>', _) => K::Greater,
        (b'+', _) => K::Plus,
        (b'-', _) => K::Minus,
        (b'*', _) => K::Star,
        (b'/', _) => K::Slash,
        (b'%', _) => K::Percent,
        (b'!', _) => K::Bang,
        (b'~', _) => K::Tilde,
        (b'@', _) => K::At,
        _ => K::Unknown,
    };
    (kind, 1)
}

fn is_name_char(it: char) -> bool {
    it.is_ascii_alphanumeric() || it == '_' || (!it.is_ascii() && it.is_alphanumeric())
}

/// A name: a letter, `_` or `$`, then letters, digits and `_`.
fn name(rest: &str) -> Read<'_> {
    let start =
        satisfy(|it| it.is_ascii_alphabetic() || it == '_' || it == '$' || (!it.is_ascii() && it.is_alphabetic()));
    recognize((start, take_while(is_name_char))).parse(rest)
}

/// A name, or a typed literal when the name of a type and a parenthesis come together.
fn word(rest: &str) -> (TokenKind, usize) {
    let length = length_of(name(rest), rest).max(1);
    let (word, behind) = rest.split_at(length);
    if !names_literal_type(word) {
        return (TokenKind::Name, length);
    }
    let content = skip_blank(behind);
    if !content.starts_with('(') {
        return (TokenKind::Name, length);
    }
    let before = rest.len() - content.len();
    match typed_content(content) {
        Some(inner) => (TokenKind::Typed, before + inner),
        None => (TokenKind::UnclosedTyped, before + 1),
    }
}

/// The types whose literals hold raw text: `datetime(2020-01-01)`. `dynamic` holds tokens.
fn names_literal_type(word: &str) -> bool {
    matches!(
        word,
        "bool"
            | "boolean"
            | "int"
            | "long"
            | "real"
            | "double"
            | "decimal"
            | "datetime"
            | "date"
            | "timespan"
            | "time"
            | "guid"
            | "uuid"
            | "uniqueid"
    )
}

/// The length of `( … )`; a string inside may hold parentheses.
fn typed_content(content: &str) -> Option<usize> {
    let inner = skip_blank(from(content, 1));
    let mut at = content.len() - inner.len();
    if let Some(quote) = inner.chars().next().filter(|it| matches!(it, '"' | '\'')) {
        at += 1 + from(inner, 1).find(quote)? + 1;
    }
    let length = at + from(content, at).find(')')? + 1;
    let lines = content.get(..length)?.matches('\n').count();
    (length <= 200 && lines <= 3).then_some(length)
}

/// A number, a timespan, or a name that begins with a digit.
fn number(rest: &str) -> (TokenKind, usize) {
    let hex: Read = recognize((tag("0"), one_of("xX"), hex_digit1)).parse(rest);
    if let Ok((behind, _)) = hex
        && !behind.starts_with(is_name_char)
    {
        return (TokenKind::Long, rest.len() - behind.len());
    }
    let digits = length_of(digit1(rest), rest);
    let fraction: Read = recognize((char('.'), not(peek(char('.'))), digit0)).parse(from(rest, digits));
    let mantissa = digits + length_of(fraction, from(rest, digits));
    let exponent: Read = recognize((one_of("eE"), opt(one_of("+-")), digit1)).parse(from(rest, mantissa));
    let length = mantissa + length_of(exponent, from(rest, mantissa));
    let suffix = length_of(take_while_name(from(rest, length)), from(rest, length));
    if suffix > 0 && rest.get(length..length + suffix).and_then(unit_nanoseconds).is_some() && length == mantissa {
        return (TokenKind::Timespan, length + suffix);
    }
    match (suffix > 0, length == digits) {
        // `1.foo` is a path into a name, `3Dchart` a name
        (true, false) if mantissa == digits + 1 && length == mantissa => (TokenKind::Long, digits),
        (true, _) => (TokenKind::Name, length + suffix),
        (false, true) => (TokenKind::Long, length),
        (false, false) => (TokenKind::Real, length),
    }
}

fn take_while_name(rest: &str) -> Read<'_> {
    take_while(is_name_char).parse(rest)
}

/// The nanoseconds of a timespan unit: `d`, `hours`, `ms`, `ticks`, …
pub(crate) fn unit_nanoseconds(unit: &str) -> Option<i128> {
    Some(match unit {
        "d" | "day" | "days" => 86_400_000_000_000,
        "h" | "hr" | "hrs" | "hour" | "hours" => 3_600_000_000_000,
        "m" | "min" | "minute" | "minutes" => 60_000_000_000,
        "s" | "sec" | "second" | "seconds" => 1_000_000_000,
        "ms" | "milli" | "millis" | "millisec" | "millisecond" | "milliseconds" => 1_000_000,
        "micro" | "micros" | "microsec" | "microsecond" | "microseconds" => 1_000,
        "tick" | "ticks" => 100,
        "nano" | "nanos" | "nanosec" | "nanosecond" | "nanoseconds" => 1,
        _ => return None,
    })
}

/// Whether an `h` is the mark of an obfuscated string.
fn is_string_behind_prefix(rest: &str) -> bool {
    let behind = from(rest, 1);
    behind.starts_with(['"', '\''])
        || behind.starts_with("@\"")
        || behind.starts_with("@'")
        || behind.starts_with("```")
        || behind.starts_with("~~~")
}

fn prefixed_string(rest: &str) -> (TokenKind, usize) {
    let behind = from(rest, 1);
    let (kind, length) = match behind.as_bytes().first() {
        Some(b'@') => verbatim(behind),
        Some(b'`') => multi_line(behind, "```"),
        Some(b'~') => multi_line(behind, "~~~"),
        _ => string(behind),
    };
    (kind, length + 1)
}

/// `'…'` or `"…"` with escapes, on one line.
fn string(rest: &str) -> (TokenKind, usize) {
    let quote = rest.as_bytes().first().copied().unwrap_or(b'"');
    let bytes = rest.as_bytes();
    let mut at = 1;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'\n' | b'\r' => break,
            b'\\' if matches!(bytes.get(at + 1), Some(b'\n' | b'\r') | None) => break,
            b'\\' => at += 1 + first_char_length(from(rest, at + 1)),
            it if *it == quote => return (TokenKind::String, at + 1),
            _ => at += 1,
        }
    }
    (TokenKind::UnclosedString, line_length(rest))
}

fn line_length(rest: &str) -> usize {
    rest.find(['\n', '\r']).unwrap_or(rest.len())
}

/// `@'…'` or `@"…"`: a doubled quote stands for one; on one line.
fn verbatim(rest: &str) -> (TokenKind, usize) {
    let bytes = rest.as_bytes();
    let quote = bytes.get(1).copied().unwrap_or(b'"');
    let mut at = 2;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'\n' | b'\r' => break,
            it if *it == quote && bytes.get(at + 1) == Some(&quote) => at += 2,
            it if *it == quote => return (TokenKind::Verbatim, at + 1),
            _ => at += 1,
        }
    }
    (TokenKind::UnclosedString, line_length(rest))
}

fn multi_line(rest: &str, fence: &str) -> (TokenKind, usize) {
    let whole: Read = recognize((alt((tag("```"), tag("~~~"))), take_until(fence), tag(fence))).parse(rest);
    match whole {
        Ok((behind, _)) => (TokenKind::MultiLine, rest.len() - behind.len()),
        Err(_) => (TokenKind::UnclosedString, rest.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use TokenKind as K;

    fn kinds(text: &str) -> Vec<TokenKind> {
        let mut kinds: Vec<_> = lex(text).tokens.into_iter().map(|it| it.kind).collect();
        assert_eq!(kinds.pop(), Some(K::End));
        kinds
    }

    #[test]
    fn ranges_numbers_and_names() {
        assert_eq!(kinds("1..3"), [K::Long, K::DotDot, K::Long]);
        assert_eq!(kinds("1. .. 2.5"), [K::Real, K::DotDot, K::Real]);
        assert_eq!(kinds("0min..3min"), [K::Timespan, K::DotDot, K::Timespan]);
        assert_eq!(
            kinds("1d 1.5h 1e3 1e-3 0xfF 1day 1dx"),
            [K::Timespan, K::Timespan, K::Real, K::Real, K::Long, K::Timespan, K::Name]
        );
        assert_eq!(kinds("3Dchart 1_0 _x $left ž"), [K::Name; 5]);
        assert_eq!(kinds("a.b a .. b"), [K::Name, K::Dot, K::Name, K::Name, K::DotDot, K::Name]);
        assert_eq!(
            kinds("in~ !in =~ !~ !x <> => <= >="),
            [
                K::Name,
                K::Tilde,
                K::Bang,
                K::Name,
                K::EqualTilde,
                K::BangTilde,
                K::Bang,
                K::Name,
                K::LessGreater,
                K::Arrow,
                K::LessOrEqual,
                K::GreaterOrEqual,
            ]
        );
    }

    #[test]
    fn strings_of_all_kinds() {
        assert_eq!(
            kinds(r#"'a' "b" @'c' h"d" H@"e" ```f``` h~~~g~~~"#),
            [K::String, K::String, K::Verbatim, K::String, K::Verbatim, K::MultiLine, K::MultiLine,]
        );
        assert_eq!(kinds("h hash h1"), [K::Name; 3]);
        assert_eq!(kinds("'a\\'b' 'it''s' @'it''s'"), [K::String, K::String, K::String, K::Verbatim]);
    }

    #[test]
    fn typed_literals_need_their_parenthesis() {
        assert_eq!(kinds("datetime (2020-01-01) datetime long x"), [K::Typed, K::Name, K::Name, K::Name]);
        assert_eq!(kinds("datetime('a)b') guid(null)"), [K::Typed, K::Typed]);
        assert_eq!(kinds("todatetime(x)"), [K::Name, K::OpenParenthesis, K::Name, K::CloseParenthesis]);
        assert_eq!(kinds("int(5 | x"), [K::UnclosedTyped, K::Long, K::Pipe, K::Name]);
    }

    #[test]
    fn after_an_unreadable_piece_the_rest_is_read() {
        assert_eq!(kinds("'open | x\n| y"), [K::UnclosedString, K::Pipe, K::Name]);
        assert_eq!(kinds("a ``` b"), [K::Name, K::UnclosedString]);
        assert_eq!(kinds("a “b” \\ # c"), [K::Name, K::Unknown, K::Name, K::Unknown, K::Unknown, K::Unknown, K::Name]);
        assert_eq!(kinds("\0\u{1}a"), [K::Unknown, K::Unknown, K::Name]);
    }

    #[test]
    fn tokens_and_comments_cover_the_text_in_order() {
        let text = "T // one\r\n| where a == 'x//y' //two\n// three";
        let lexed = lex(text);
        let comments: Vec<_> = lexed.comments.iter().map(|it| it.of(text)).collect();
        assert_eq!(comments, ["// one", "//two", "// three"]);
        assert!(lexed.tokens.windows(2).all(|it| it[0].span.end <= it[1].span.start));
    }
}
