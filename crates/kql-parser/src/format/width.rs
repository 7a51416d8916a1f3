//! How wide a stretch of the source is on one line, known from its tokens alone, so that layout never matters.

use crate::diagnostic::Span;
use crate::lexer::lex;
use crate::token::TokenKind;

/// Running sums over the tokens of a text.
pub(super) struct Widths {
    /// Where each token begins.
    starts: Vec<u32>,
    /// The width of all tokens before, each with a space.
    sums: Vec<usize>,
    /// The number of tokens before that cannot stand on one line: pipes, and strings of several lines.
    breaks: Vec<u32>,
}

impl Widths {
    pub(super) fn new(text: &str) -> Self {
        let tokens = lex(text).tokens;
        let mut widths = Self { starts: Vec::new(), sums: vec![0], breaks: vec![0] };
        let (mut sum, mut breaks) = (0, 0);
        for token in &tokens {
            let is_tight = matches!(
                token.kind,
                TokenKind::Dot
                    | TokenKind::Comma
                    | TokenKind::OpenParenthesis
                    | TokenKind::OpenBracket
                    | TokenKind::CloseParenthesis
                    | TokenKind::CloseBracket
            );
            sum += token.span.len() + usize::from(!is_tight);
            breaks += u32::from(token.kind == TokenKind::Pipe || token.span.of(text).contains('\n'));
            widths.starts.push(token.span.start);
            widths.sums.push(sum);
            widths.breaks.push(breaks);
        }
        widths
    }

    /// The width of what `span` covers, or `None` if it cannot stand on one line.
    pub(super) fn of(&self, span: Span) -> Option<usize> {
        let first = self.starts.partition_point(|it| *it < span.start);
        let last = self.starts.partition_point(|it| *it < span.end);
        let at = |list: &[u32], index: usize| list.get(index).copied().unwrap_or(0);
        if at(&self.breaks, last) > at(&self.breaks, first) {
            return None;
        }
        let sum = |index: usize| self.sums.get(index).copied().unwrap_or(0);
        Some(sum(last).saturating_sub(sum(first)))
    }
}
