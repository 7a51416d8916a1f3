//! Binary operators: their words, their precedence, and the loop that builds flat chains from them.

use super::{Fault, Parsed, Parser};
use crate::diagnostic::Span;
use crate::syntax::{ArithmeticOperator, BinaryOperator, ExprId, ExprKind, MembershipOperator};
use crate::token::TokenKind;

/// What stands between operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Infix {
    Or,
    And,
    Arithmetic(ArithmeticOperator),
    Binary(BinaryOperator),
    Membership(MembershipOperator),
    Between { negated: bool },
}

impl Infix {
    /// How strongly it binds. Words on strings bind strongest, as in the reference.
    fn precedence(self) -> u8 {
        use ArithmeticOperator as A;
        use BinaryOperator as B;
        match self {
            Self::Or => 1,
            Self::And => 2,
            Self::Membership(_) | Self::Between { .. } => EQUALITY,
            Self::Binary(B::Equal | B::NotEqual) => EQUALITY,
            Self::Binary(B::Less | B::LessOrEqual | B::Greater | B::GreaterOrEqual) => 4,
            Self::Arithmetic(A::Add | A::Subtract) => 5,
            Self::Arithmetic(_) => 6,
            Self::Binary(_) => 7,
        }
    }
}

const EQUALITY: u8 = 3;

/// The operator of a word, and of a word behind `!`.
fn operator_of_word(word: &str, negated: bool) -> Option<Infix> {
    use BinaryOperator as B;
    let (positive, negative) = match word {
        "and" => return (!negated).then_some(Infix::And),
        "or" => return (!negated).then_some(Infix::Or),
        "has_any" => return (!negated).then_some(Infix::Membership(MembershipOperator::HasAny)),
        "has_all" => return (!negated).then_some(Infix::Membership(MembershipOperator::HasAll)),
        "between" => return Some(Infix::Between { negated }),
        "in" if negated => return Some(Infix::Membership(MembershipOperator::NotIn)),
        "in" => return Some(Infix::Membership(MembershipOperator::In)),
        "has" => (B::Has, B::NotHas),
        "has_cs" => (B::HasCs, B::NotHasCs),
        "hasprefix" => (B::HasPrefix, B::NotHasPrefix),
        "hasprefix_cs" => (B::HasPrefixCs, B::NotHasPrefixCs),
        "hassuffix" => (B::HasSuffix, B::NotHasSuffix),
        "hassuffix_cs" => (B::HasSuffixCs, B::NotHasSuffixCs),
        "contains" => (B::Contains, B::NotContains),
        "contains_cs" | "containscs" => (B::ContainsCs, B::NotContainsCs),
        "startswith" => (B::StartsWith, B::NotStartsWith),
        "startswith_cs" => (B::StartsWithCs, B::NotStartsWithCs),
        "endswith" => (B::EndsWith, B::NotEndsWith),
        "endswith_cs" => (B::EndsWithCs, B::NotEndsWithCs),
        "like" => (B::Like, B::NotLike),
        "likecs" => (B::LikeCs, B::NotLikeCs),
        "notcontains" if !negated => (B::NotContains, B::NotContains),
        "notcontains_cs" | "notcontainscs" if !negated => (B::NotContainsCs, B::NotContainsCs),
        "notlike" if !negated => (B::NotLike, B::NotLike),
        "notlikecs" if !negated => (B::NotLikeCs, B::NotLikeCs),
        _ => return None,
    };
    Some(Infix::Binary(if negated { negative } else { positive }))
}

/// Whether a word is an operator, so that it cannot be a name in front of an operand.
pub(super) fn is_operator_word(word: &str) -> bool {
    operator_of_word(word, false).is_some() || word == "matches"
}

impl Parser<'_> {
    /// Whether an operator stands `n` tokens ahead.
    pub(super) fn is_infix_ahead(&self, n: usize) -> bool {
        self.infix(n).is_some()
    }

    /// The operator `n` tokens ahead and its number of tokens.
    fn infix(&self, n: usize) -> Option<(Infix, usize)> {
        use BinaryOperator as B;
        let kind = self.kind_ahead(n);
        let operator = match kind {
            TokenKind::Name => return self.word_infix(n),
            TokenKind::Bang if self.touches(n + 1) => {
                let operator = operator_of_word(self.word_ahead(n + 1), true)?;
                return Some(self.with_tilde(operator, n + 1, 2));
            }
            TokenKind::Equal => Infix::Binary(B::Equal),
            TokenKind::NotEqual | TokenKind::LessGreater => Infix::Binary(B::NotEqual),
            TokenKind::EqualTilde => Infix::Binary(B::EqualCaseless),
            TokenKind::BangTilde => Infix::Binary(B::NotEqualCaseless),
            TokenKind::Less => Infix::Binary(B::Less),
            TokenKind::LessOrEqual => Infix::Binary(B::LessOrEqual),
            TokenKind::Greater => Infix::Binary(B::Greater),
            TokenKind::GreaterOrEqual => Infix::Binary(B::GreaterOrEqual),
            TokenKind::Plus => Infix::Arithmetic(ArithmeticOperator::Add),
            TokenKind::Minus => Infix::Arithmetic(ArithmeticOperator::Subtract),
            TokenKind::Star => Infix::Arithmetic(ArithmeticOperator::Multiply),
            TokenKind::Slash if !(self.kind_ahead(n + 1) == TokenKind::Star && self.touches(n + 1)) => {
                Infix::Arithmetic(ArithmeticOperator::Divide)
            }
            TokenKind::Percent => Infix::Arithmetic(ArithmeticOperator::Modulo),
            TokenKind::Colon if self.in_search => Infix::Binary(B::Search),
            _ => return None,
        };
        Some((operator, 1))
    }

    fn word_infix(&self, n: usize) -> Option<(Infix, usize)> {
        let word = self.word_ahead(n);
        if word == "matches" && self.word_ahead(n + 1) == "regex" {
            return Some((Infix::Binary(BinaryOperator::MatchesRegex), 2));
        }
        let operator = operator_of_word(word, false)?;
        Some(self.with_tilde(operator, n, 1))
    }

    /// `in~` and `!in~`, the word standing `n` tokens ahead.
    fn with_tilde(&self, operator: Infix, n: usize, length: usize) -> (Infix, usize) {
        use MembershipOperator as M;
        if self.kind_ahead(n + 1) != TokenKind::Tilde || !self.touches(n + 1) {
            return (operator, length);
        }
        match operator {
            Infix::Membership(M::In) => (Infix::Membership(M::InCaseless), length + 1),
            Infix::Membership(M::NotIn) => (Infix::Membership(M::NotInCaseless), length + 1),
            _ => (operator, length),
        }
    }

    /// A scalar expression. Operators of one precedence make one flat node, so that length costs no depth.
    pub(super) fn expression(&mut self) -> Parsed<ExprId> {
        let first = self.operand()?;
        if self.infix(0).is_none() {
            return Ok(first);
        }
        self.chain(first)
    }

    fn chain(&mut self, first: ExprId) -> Parsed<ExprId> {
        let mut operands = vec![first];
        let mut operators: Vec<(Infix, Span)> = Vec::new();
        let mut is_sealed = false;
        while let Some((operator, length)) = self.infix(0) {
            let precedence = operator.precedence();
            if is_sealed && precedence >= EQUALITY {
                return Err(self.expected("`and`, `or` or the end of the expression"));
            }
            let start = self.start();
            for _ in 0..length {
                self.advance();
            }
            let span = self.since(start);
            self.reduce(&mut operands, &mut operators, precedence)?;
            match operator {
                Infix::Membership(operator) => {
                    let list = self.membership_list()?;
                    let value = pop(&mut operands)?;
                    let kind = ExprKind::Membership { operator, operator_span: span, value, list };
                    let span = self.since(self.span_of(value).start);
                    operands.push(self.push(kind, span));
                    is_sealed = true;
                }
                Infix::Between { negated } => {
                    let (low, high) = self.between_bounds()?;
                    let value = pop(&mut operands)?;
                    let span = self.since(self.span_of(value).start);
                    operands.push(self.push(ExprKind::Between { negated, value, low, high }, span));
                    is_sealed = true;
                }
                _ => {
                    self.check_chain(&operators, operator, span)?;
                    operators.push((operator, span));
                    operands.push(self.operand()?);
                    is_sealed = false;
                }
            }
        }
        self.reduce(&mut operands, &mut operators, 0)?;
        pop(&mut operands)
    }

    /// Comparisons do not chain; other chains of binary nodes are bounded, for each costs a level of the tree.
    fn check_chain(&mut self, operators: &[(Infix, Span)], operator: Infix, span: Span) -> Parsed<()> {
        let precedence = operator.precedence();
        let same = operators.iter().rev().take_while(|(it, _)| it.precedence() == precedence);
        let Infix::Binary(_) = operator else { return Ok(()) };
        let bound = if precedence == 7 { self.options.depth_max } else { 0 };
        if same.take(bound + 1).count() > bound {
            return Err(self.fault(
                span,
                format!("comparisons do not chain: `{}` needs parentheses or `and` before it", span.of(self.text)),
            ));
        }
        Ok(())
    }

    /// Builds nodes from all operators on the stack that bind more strongly than `precedence`.
    fn reduce(&mut self, operands: &mut Vec<ExprId>, operators: &mut Vec<(Infix, Span)>, precedence: u8) -> Parsed<()> {
        while let Some((last, _)) = operators.last() {
            let level = last.precedence();
            if level <= precedence {
                break;
            }
            let run = operators.iter().rev().take_while(|(it, _)| it.precedence() == level).count();
            let operators = operators.split_off(operators.len() - run);
            if operands.len() < run + 1 {
                return Err(Fault);
            }
            let operands_of_run = operands.split_off(operands.len() - run - 1);
            let id = self.node(&operators, operands_of_run)?;
            operands.push(id);
        }
        Ok(())
    }

    /// The node of a run of operators of one precedence.
    fn node(&mut self, operators: &[(Infix, Span)], operands: Vec<ExprId>) -> Parsed<ExprId> {
        let (Some(first), Some(last)) = (operands.first().copied(), operands.last().copied()) else {
            return Err(Fault);
        };
        let span = self.span_of(first).to(self.span_of(last));
        let kind = match operators.first() {
            Some((Infix::Or, _)) => ExprKind::Or(operands),
            Some((Infix::And, _)) => ExprKind::And(operands),
            Some((Infix::Arithmetic(_), _)) => {
                let signs = operators.iter().filter_map(|(it, _)| match it {
                    Infix::Arithmetic(it) => Some(*it),
                    _ => None,
                });
                ExprKind::Arithmetic { first, rest: signs.zip(operands.into_iter().skip(1)).collect() }
            }
            _ => return Ok(self.binary_run(operators, first, operands.get(1..).unwrap_or_default())),
        };
        Ok(self.push(kind, span))
    }

    fn binary_run(&mut self, operators: &[(Infix, Span)], first: ExprId, others: &[ExprId]) -> ExprId {
        let mut left = first;
        for ((operator, operator_span), right) in operators.iter().zip(others) {
            if let Infix::Binary(operator) = *operator {
                let span = self.span_of(left).to(self.span_of(*right));
                left =
                    self.push(ExprKind::Binary { operator, operator_span: *operator_span, left, right: *right }, span);
            }
        }
        left
    }

    /// `( expression, … )` behind `in`; one of them may be tabular.
    fn membership_list(&mut self) -> Parsed<Vec<ExprId>> {
        self.bracketed(TokenKind::OpenParenthesis, "`(` and values", Self::tabular)
    }

    /// `( low .. high )`.
    fn between_bounds(&mut self) -> Parsed<(ExprId, ExprId)> {
        let open = self.open(TokenKind::OpenParenthesis, "`(low .. high)`")?;
        let low = self.expression()?;
        self.expect(TokenKind::DotDot, "`..`")?;
        let high = self.expression()?;
        self.close(open)?;
        Ok((low, high))
    }
}

fn pop(operands: &mut Vec<ExprId>) -> Parsed<ExprId> {
    operands.pop().ok_or(Fault)
}
