//! Habits from other languages, and what to write instead.

use super::Parser;
use super::infix::is_operator_word;
use crate::token::TokenKind;

impl Parser<'_> {
    /// What was probably meant by the token that cannot stand here.
    pub(super) fn slip(&self) -> Option<String> {
        let word = self.word();
        let lower = word.to_ascii_lowercase();
        let next = self.kind_ahead(1);
        Some(match self.kind() {
            TokenKind::Name
                if lower != word
                    && (is_operator_word(&lower) || matches!(lower.as_str(), "by" | "on" | "asc" | "desc")) =>
            {
                format!("write `{lower}` in lower case")
            }
            TokenKind::Name if lower == "not" => "write `not(…)`, or an operator with `!`: `!has`, `!in`".to_owned(),
            TokenKind::Name if lower == "is" => "write `isnull(…)` or `isempty(…)`".to_owned(),
            TokenKind::Name if lower == "as" => "write `name = expression`".to_owned(),
            TokenKind::Assign => "write `==` to compare".to_owned(),
            _ if let Some(hint) = self.slip_before() => hint,
            TokenKind::Pipe if next == TokenKind::Pipe && self.touches(1) => "write `or`".to_owned(),
            TokenKind::Pipe if self.at > 0 && self.touches(0) && self.token_at(self.at - 1).kind == TokenKind::Pipe => {
                "write `or`".to_owned()
            }
            TokenKind::Bang if next == TokenKind::OpenParenthesis => "write `not(…)`".to_owned(),
            TokenKind::Less if next == TokenKind::Name && self.kind_ahead(2) == TokenKind::Greater => {
                format!("put something in the place of `<{}>`", self.word_ahead(1))
            }
            TokenKind::DotDot => "put something in the place of `...`".to_owned(),
            TokenKind::Dot if next == TokenKind::Name && self.touches(1) => {
                format!("`.{}` is a management command, not a query", self.word_ahead(1))
            }
            _ if self.text_at(0).eq_ignore_ascii_case("select") => {
                "this looks like SQL; a query begins with its table: `T | where … | project …`".to_owned()
            }
            _ => return None,
        })
    }

    /// What was probably meant by the token before the one that cannot stand here.
    fn slip_before(&self) -> Option<String> {
        let before = self.at.checked_sub(1)?;
        let word = self.text_at(before);
        let begins_value = matches!(self.kind(), TokenKind::Name | TokenKind::String | TokenKind::Long);
        match self.token_at(before).kind {
            TokenKind::Name if word == "not" && self.kind() == TokenKind::Name => Some("write `not(…)`".to_owned()),
            TokenKind::Name if matches!(word, "in" | "has_any" | "has_all") && begins_value => {
                Some(format!("write the values in brackets: `{word} (…)`"))
            }
            TokenKind::Long if matches!(self.word(), "d" | "h" | "m" | "s" | "ms" | "day" | "days") => {
                Some(format!("write `{word}{}`, without a blank", self.word()))
            }
            _ => None,
        }
    }
}
