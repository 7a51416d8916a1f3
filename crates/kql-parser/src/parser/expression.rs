//! Operands: signs, literals, names, calls, paths, parentheses.

use super::infix::is_operator_word;
use super::operators::is_operator;
use super::{Parsed, Parser};
use crate::diagnostic::Span;
use crate::syntax::{Argument, Call, ExprId, ExprKind, Literal, Name, Step, UnaryOperator};
use crate::token::TokenKind;

impl Parser<'_> {
    /// Signs, a primary expression, and the path behind it.
    pub(super) fn operand(&mut self) -> Parsed<ExprId> {
        if !matches!(self.kind(), TokenKind::Minus | TokenKind::Plus) {
            let base = self.primary()?;
            return self.path_from(base);
        }
        self.signed()
    }

    /// `-x`, `+x`, `- -x`.
    fn signed(&mut self) -> Parsed<ExprId> {
        let mut signs: Vec<(UnaryOperator, u32)> = Vec::new();
        loop {
            let sign = match self.kind() {
                TokenKind::Minus => UnaryOperator::Minus,
                TokenKind::Plus => UnaryOperator::Plus,
                _ => break,
            };
            let token = self.advance();
            signs.push((sign, token.span.start));
            if signs.len() > self.options.depth_max {
                let fault = self.fault(token.span, format!("more than {} signs", self.options.depth_max));
                self.give_up();
                return Err(fault);
            }
        }
        let mut id = match self.smallest_long(&mut signs) {
            Some(id) => id,
            None => {
                let base = self.primary()?;
                self.path_from(base)?
            }
        };
        while let Some((operator, start)) = signs.pop() {
            let span = Span::new(start, self.span_of(id).end);
            id = self.push(ExprKind::Unary { operator, operand: id }, span);
        }
        Ok(id)
    }

    /// `-9223372036854775808`, whose digits alone are no long.
    fn smallest_long(&mut self, signs: &mut Vec<(UnaryOperator, u32)>) -> Option<ExprId> {
        if !self.is(TokenKind::Long) || self.text_at(self.at) != "9223372036854775808" {
            return None;
        }
        let (UnaryOperator::Minus, start) = *signs.last()? else { return None };
        signs.pop();
        self.advance();
        let span = self.since(start);
        Some(self.push(ExprKind::Literal(Literal::Long(Some(i64::MIN))), span))
    }

    fn primary(&mut self) -> Parsed<ExprId> {
        match self.kind() {
            TokenKind::Name => self.word_primary(),
            TokenKind::OpenParenthesis => self.parenthesized(),
            TokenKind::Star => {
                let span = self.advance().span;
                Ok(self.push(ExprKind::Star, span))
            }
            TokenKind::OpenBracket if self.name_length() == 3 => {
                let name = self.name("a name")?;
                self.name_or_call(name)
            }
            _ => self.literal(),
        }
    }

    fn parenthesized(&mut self) -> Parsed<ExprId> {
        let open = self.open(TokenKind::OpenParenthesis, "`(`")?;
        let inner = self.tabular()?;
        let close = self.close(open)?;
        Ok(self.push(ExprKind::Parenthesized(inner), open.span.to(close.span)))
    }

    /// What begins with a word: a name, a call, `true`, `dynamic(…)`, `toscalar(…)`, …
    fn word_primary(&mut self) -> Parsed<ExprId> {
        let word = self.word();
        match word {
            "true" | "True" | "TRUE" | "false" | "False" | "FALSE" => {
                let value = word.eq_ignore_ascii_case("true");
                let span = self.advance().span;
                return Ok(self.push(ExprKind::Literal(Literal::Bool(Some(value))), span));
            }
            "dynamic" if self.kind_ahead(1) == TokenKind::OpenParenthesis => return self.dynamic_literal(),
            "typeof" if self.kind_ahead(1) == TokenKind::OpenParenthesis => return self.type_of_expression(),
            "toscalar" | "totable" | "materialize" if self.is_wrapper() => return self.wrapper(),
            "entity_group" if self.kind_ahead(1) == TokenKind::OpenBracket => return self.entity_group(),
            _ if is_operator_word(word)
                && self.kind_ahead(1) != TokenKind::OpenParenthesis
                && self.is_operand_ahead(1) =>
            {
                return Err(self.expected("an expression"));
            }
            "and" | "or" => return Err(self.expected("an expression")),
            _ => {}
        }
        let name = self.name("an expression")?;
        self.name_or_call(name)
    }

    /// Whether an operand could begin `n` tokens ahead.
    fn is_operand_ahead(&self, n: usize) -> bool {
        let kind = self.kind_ahead(n);
        kind.is_string()
            || matches!(
                kind,
                TokenKind::Name | TokenKind::Long | TokenKind::Real | TokenKind::Timespan | TokenKind::Typed
            )
    }

    fn name_or_call(&mut self, name: Name) -> Parsed<ExprId> {
        let span = name.span;
        if !self.is(TokenKind::OpenParenthesis) {
            return Ok(self.push(ExprKind::Name(name), span));
        }
        let arguments = self.arguments()?;
        let span = self.since(span.start);
        Ok(self.push(ExprKind::Call(Call { function: name, arguments }), span))
    }

    /// `(value, name = value, *)`.
    pub(super) fn arguments(&mut self) -> Parsed<Vec<Argument>> {
        self.bracketed(TokenKind::OpenParenthesis, "`(` and arguments", Self::argument)
    }

    fn argument(&mut self) -> Parsed<Argument> {
        let name = if self.is_named() {
            let name = self.name("an argument")?;
            self.expect(TokenKind::Assign, "`=`")?;
            Some(name)
        } else {
            None
        };
        Ok(Argument { name, value: self.tabular()? })
    }

    /// A name with its arguments, as `evaluate` wants it.
    pub(super) fn call(&mut self, what: &str) -> Parsed<Call> {
        let function = self.name(what)?;
        let arguments = self.arguments()?;
        Ok(Call { function, arguments })
    }

    fn type_of_expression(&mut self) -> Parsed<ExprId> {
        let start = self.start();
        let ty = self.type_of()?;
        let span = self.since(start);
        Ok(self.push(ExprKind::TypeOf(ty), span))
    }

    /// Whether `toscalar` has its parenthesis, perhaps with `kind=…` before.
    fn is_wrapper(&self) -> bool {
        match self.kind_ahead(1) {
            TokenKind::OpenParenthesis => true,
            TokenKind::Name => matches!(self.kind_ahead(2), TokenKind::Assign | TokenKind::Dot),
            _ => false,
        }
    }

    /// `toscalar [parameters] ( … )` and its like.
    fn wrapper(&mut self) -> Parsed<ExprId> {
        let token = self.advance();
        let parameters = self.parameters(&["kind"])?;
        let open = self.open(TokenKind::OpenParenthesis, "`(`")?;
        let value = self.tabular()?;
        let close = self.close(open)?;
        let kind = match token.span.of(self.text) {
            "toscalar" => ExprKind::ToScalar { parameters, value },
            "totable" => ExprKind::ToTable { parameters, value },
            _ => ExprKind::Materialize { parameters, value },
        };
        Ok(self.push(kind, token.span.to(close.span)))
    }

    /// `entity_group [ entity, … ]`.
    pub(super) fn entity_group(&mut self) -> Parsed<ExprId> {
        let start = self.start();
        self.expect_word("entity_group")?;
        let entities = self.bracketed(TokenKind::OpenBracket, "`[` and entities", Self::operand)?;
        let span = self.since(start);
        if entities.is_empty() {
            return Err(self.fault(span, "an entity group needs at least one entity"));
        }
        Ok(self.push(ExprKind::EntityGroup(entities), span))
    }

    // ---- paths

    /// The steps behind `base`: `.name`, `["name"]`, `[0]`, `.name(…)`.
    pub(super) fn path_from(&mut self, base: ExprId) -> Parsed<ExprId> {
        if !matches!(self.kind(), TokenKind::Dot | TokenKind::OpenBracket) {
            return Ok(base);
        }
        let mut steps = Vec::new();
        loop {
            match self.kind() {
                TokenKind::Dot => {
                    self.advance();
                    steps.push(self.step_behind_dot()?);
                }
                TokenKind::OpenBracket => steps.push(Step::Index(self.index()?)),
                _ => break,
            }
        }
        let span = self.since(self.span_of(base).start);
        Ok(self.push(ExprKind::Path { base, steps }, span))
    }

    fn step_behind_dot(&mut self) -> Parsed<Step> {
        if self.is(TokenKind::OpenBracket) && self.name_length() == 0 {
            return Ok(Step::Index(self.index()?));
        }
        let is_name_with_star = self.is(TokenKind::Name)
            && self.kind_ahead(1) == TokenKind::Star
            && self.touches(1)
            && !self.is_operand_ahead(2);
        if (self.is(TokenKind::Star) || is_name_with_star)
            && let Some(name) = self.wildcard()
        {
            return Ok(Step::Wildcard(name));
        }
        let is_misplaced_operator =
            self.begins_line(self.at) && is_operator(self.word()) && self.kind_ahead(1) == TokenKind::Name;
        if is_misplaced_operator {
            return Err(self.expected("a name behind `.`"));
        }
        let name = self.name("a name behind `.`")?;
        if self.is(TokenKind::OpenParenthesis) {
            let arguments = self.arguments()?;
            return Ok(Step::Call(Call { function: name, arguments }));
        }
        Ok(Step::Member(name))
    }

    fn index(&mut self) -> Parsed<ExprId> {
        let open = self.open(TokenKind::OpenBracket, "`[`")?;
        let index = self.expression()?;
        self.close(open)?;
        Ok(index)
    }
}
