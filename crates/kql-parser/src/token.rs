//! The kinds of tokens.

use crate::diagnostic::Span;

/// A token: its kind and its place. Its text is read from the query text when it is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token {
    /// What it is.
    pub kind: TokenKind,
    /// Its place.
    pub span: Span,
}

/// The kinds of tokens. The language has no reserved tokens of letters: every word is a [`TokenKind::Name`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TokenKind {
    /// A word: a name, a keyword, `$left`; also `3Dchart`.
    Name,
    /// `12`, `0xFF`
    Long,
    /// `1.5`, `1.`, `1e3`
    Real,
    /// `1d`, `1.5h`, `10ticks`
    Timespan,
    /// `'…'` or `"…"`, perhaps with the prefix `h`
    String,
    /// `@'…'` or `@"…"`
    Verbatim,
    /// ```` ```…``` ```` or `~~~…~~~`
    MultiLine,
    /// A string without an end.
    UnclosedString,
    /// A type's name with raw text in parentheses: `datetime(2020-01-01)`, `int(5)`
    Typed,
    /// A typed literal without the closing parenthesis.
    UnclosedTyped,
    /// `(`
    OpenParenthesis,
    /// `)`
    CloseParenthesis,
    /// `[`
    OpenBracket,
    /// `]`
    CloseBracket,
    /// `{`
    OpenBrace,
    /// `}`
    CloseBrace,
    /// `|`
    Pipe,
    /// `;`
    Semicolon,
    /// `,`
    Comma,
    /// `.`
    Dot,
    /// `..`
    DotDot,
    /// `:`
    Colon,
    /// `=`
    Assign,
    /// `==`
    Equal,
    /// `!=`
    NotEqual,
    /// `<>`
    LessGreater,
    /// `=~`
    EqualTilde,
    /// `!~`
    BangTilde,
    /// `=>`
    Arrow,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
    /// `+`
    Plus,
    /// `-`
    Minus,
    /// `*`
    Star,
    /// `/`
    Slash,
    /// `%`
    Percent,
    /// `!`
    Bang,
    /// `~`
    Tilde,
    /// `@`
    At,
    /// Anything else.
    Unknown,
    /// The end of the text.
    End,
}

impl TokenKind {
    /// Whether the token is a string literal.
    pub fn is_string(self) -> bool {
        matches!(self, Self::String | Self::Verbatim | Self::MultiLine)
    }

    /// Whether the token opens a bracket.
    pub fn opens(self) -> bool {
        matches!(self, Self::OpenParenthesis | Self::OpenBracket | Self::OpenBrace)
    }

    /// Whether the token closes a bracket.
    pub fn closes(self) -> bool {
        matches!(self, Self::CloseParenthesis | Self::CloseBracket | Self::CloseBrace)
    }
}
