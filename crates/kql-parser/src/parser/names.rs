//! Names, wildcards, types and schemas.

use super::{Parsed, Parser};
use crate::diagnostic::Span;
use crate::syntax::{ColumnDeclaration, ExprId, ExprKind, Name, RowSchema, TypeName, TypeOf};
use crate::token::TokenKind;

impl Parser<'_> {
    /// The number of tokens of the name at the current token: 1 for a word, 3 for `['…']`, 0 for none.
    pub(super) fn name_length(&self) -> usize {
        match self.kind() {
            TokenKind::Name => 1,
            TokenKind::OpenBracket
                if self.kind_ahead(1).is_string() && self.kind_ahead(2) == TokenKind::CloseBracket =>
            {
                3
            }
            _ => 0,
        }
    }

    /// Whether `name =` comes.
    pub(super) fn is_named(&self) -> bool {
        let length = self.name_length();
        length > 0 && self.kind_ahead(length) == TokenKind::Assign
    }

    /// A name, or `['any text']`.
    pub(super) fn name(&mut self, what: &str) -> Parsed<Name> {
        match self.name_length() {
            1 => {
                let token = self.advance();
                Ok(Name { text: token.span.of(self.text).to_owned(), span: token.span, quoted: false })
            }
            3 => {
                let start = self.advance().span.start;
                let text = self.string_text()?;
                self.expect(TokenKind::CloseBracket, "`]`")?;
                Ok(Name { text, span: self.since(start), quoted: true })
            }
            _ => Err(self.expected(what)),
        }
    }

    /// The span of a name with `*` in it, as `a*` or `*`, if one comes; words, numbers and stars must touch.
    fn wildcard_end(&self) -> Option<usize> {
        let mut length = 0;
        let mut has_star = false;
        while matches!(
            self.kind_ahead(length),
            TokenKind::Name | TokenKind::Long | TokenKind::Star | TokenKind::Timespan
        ) && (length == 0 || self.touches(length))
        {
            has_star |= self.kind_ahead(length) == TokenKind::Star;
            length += 1;
        }
        has_star.then_some(length)
    }

    /// A name that may hold `*`, as text; `None` if no `*` is in it.
    pub(super) fn wildcard(&mut self) -> Option<Name> {
        let length = self.wildcard_end()?;
        let start = self.start();
        for _ in 0..length {
            self.advance();
        }
        let span = self.since(start);
        Some(Name { text: span.of(self.text).to_owned(), span, quoted: false })
    }

    /// A column of `project-away` and its like: a name, a wildcard or `*`.
    pub(super) fn column_pattern(&mut self) -> Parsed<ExprId> {
        if let Some(name) = self.wildcard() {
            let span = name.span;
            let kind = if name.text == "*" { ExprKind::Star } else { ExprKind::Wildcard(name) };
            return Ok(self.push(kind, span));
        }
        let name = self.name("a column")?;
        let span = name.span;
        let id = self.push(ExprKind::Name(name), span);
        if matches!(self.kind(), TokenKind::Dot | TokenKind::OpenBracket | TokenKind::OpenParenthesis) {
            return self.path_from(id);
        }
        Ok(id)
    }

    /// The name of a type.
    pub(super) fn type_name(&mut self) -> Parsed<TypeName> {
        let name = self.name("a type")?;
        Ok(TypeName { text: name.text, span: name.span })
    }

    /// `name[: type][= default]`; the type is required if `needs_type`.
    pub(super) fn column_declaration(&mut self, needs_type: bool) -> Parsed<ColumnDeclaration> {
        let start = self.start();
        let name = self.name("a column name")?;
        let ty = if needs_type || self.is(TokenKind::Colon) {
            self.expect(TokenKind::Colon, "`:` and a type")?;
            Some(self.type_name()?)
        } else {
            None
        };
        let default = if self.eat(TokenKind::Assign) { Some(self.expression()?) } else { None };
        Ok(ColumnDeclaration { name, ty, default, span: self.since(start) })
    }

    /// `(a:long, b:string)`, `(*)`, `(*, a:long)`; a trailing comma is allowed.
    pub(super) fn row_schema(&mut self) -> Parsed<RowSchema> {
        let open = self.open(TokenKind::OpenParenthesis, "`(` and columns")?;
        let mut schema = self.row_schema_columns(open.span)?;
        let close = self.close(open)?;
        schema.span = open.span.to(close.span);
        Ok(schema)
    }

    fn row_schema_columns(&mut self, span: Span) -> Parsed<RowSchema> {
        let mut schema = RowSchema { span, ..RowSchema::default() };
        while !self.is(TokenKind::CloseParenthesis) {
            if self.eat(TokenKind::Star) {
                schema.open = true;
            } else {
                schema.columns.push(self.column_declaration(true)?);
            }
            if !self.eat(TokenKind::Comma) {
                break;
            }
        }
        Ok(schema)
    }

    /// `typeof(long)` or `typeof(a:long, *)`, from the word `typeof` on.
    pub(super) fn type_of(&mut self) -> Parsed<TypeOf> {
        self.expect_word("typeof")?;
        let open = self.open(TokenKind::OpenParenthesis, "`(`")?;
        let is_scalar = self.name_length() == 1 && self.kind_ahead(1) == TokenKind::CloseParenthesis;
        let ty = if is_scalar {
            TypeOf::Scalar(self.type_name()?)
        } else {
            TypeOf::Row(self.row_schema_columns(open.span)?)
        };
        let close = self.close(open)?;
        Ok(match ty {
            TypeOf::Row(schema) => TypeOf::Row(RowSchema { span: open.span.to(close.span), ..schema }),
            it => it,
        })
    }
}
