//! What several operators share: pipelines, assignments, parameters, order keys, subqueries.

use super::{Parsed, Parser};
use crate::diagnostic::Span;
use crate::syntax::{
    Assignment, Direction, ExprId, ExprKind, Name, Nulls, Operator, OrderKey, Parameter, Pipeline, PipelineId, Stage,
};
use crate::token::TokenKind;

/// Parameters that are known by name wherever they may stand; others are recognised by what follows them.
const KNOWN_PARAMETERS: &[&str] = &[
    "bagexpansion",
    "best_effort",
    "bin_legacy",
    "cycles",
    "datascope",
    "decodeblocks",
    "expandoutput",
    "flags",
    "force_remote",
    "isfuzzy",
    "kind",
    "with_component_id",
    "with_itemindex",
    "with_match_id",
    "with_node_id",
    "with_source",
    "with_source_id",
    "with_step_name",
    "with_target_id",
    "withsource",
];

impl Parser<'_> {
    // ---- pipelines

    /// A tabular or scalar expression: `source | stage | stage`, `print …`, `1 + 2`.
    pub(super) fn tabular(&mut self) -> Parsed<ExprId> {
        if self.is_leading_operator() {
            let id = self.pipeline(None)?;
            let span = self.query.pipeline(id).span;
            return Ok(self.push(ExprKind::Pipeline(id), span));
        }
        let source = self.expression()?;
        if !self.is(TokenKind::Pipe) {
            return Ok(source);
        }
        self.piped(source)
    }

    /// The stages behind `source`, the current token being `|`.
    pub(super) fn piped(&mut self, source: ExprId) -> Parsed<ExprId> {
        let id = self.pipeline(Some(source))?;
        let span = self.query.pipeline(id).span;
        Ok(self.push(ExprKind::Pipeline(id), span))
    }

    /// The stages of a pipeline; without a source the first stands here without a pipe.
    pub(super) fn pipeline(&mut self, source: Option<ExprId>) -> Parsed<PipelineId> {
        let start = source.map_or(self.start(), |it| self.span_of(it).start);
        let mut stages = Vec::new();
        if source.is_none() {
            stages.push(self.stage());
        }
        while self.eat(TokenKind::Pipe) {
            stages.push(self.stage());
        }
        let span = self.since(start);
        Ok(self.push_pipeline(Pipeline { source, stages, span }))
    }

    /// One stage. A fault within is caught here, and the next stage can be read.
    fn stage(&mut self) -> Stage {
        let (mark, depth, in_search) = (self.at, self.depth, self.in_search);
        let start = self.start();
        let word = self.operator_word();
        let operator = match self.operator() {
            Ok(operator) => operator,
            Err(_) => {
                self.in_search = in_search;
                self.recover(mark, depth);
                Operator::Error
            }
        };
        let keyword = Span::new(start, start + word.len() as u32);
        Stage { operator, keyword, span: self.since(start) }
    }

    /// `( operator | operator )`: a pipeline whose input is given from outside.
    pub(super) fn subquery(&mut self) -> Parsed<PipelineId> {
        let open = self.open(TokenKind::OpenParenthesis, "`(` and a subquery")?;
        let id = self.pipeline(None)?;
        self.close(open)?;
        Ok(id)
    }

    // ---- lists

    /// `item, item, …` with at least one item.
    pub(super) fn list<T>(&mut self, mut item: impl FnMut(&mut Self) -> Parsed<T>) -> Parsed<Vec<T>> {
        let mut items = vec![item(self)?];
        while self.eat(TokenKind::Comma) {
            items.push(item(self)?);
        }
        Ok(items)
    }

    /// `[item, …]` or `(item, …)` with any number of items; a trailing comma is allowed.
    pub(super) fn bracketed<T>(
        &mut self,
        kind: TokenKind,
        what: &str,
        mut item: impl FnMut(&mut Self) -> Parsed<T>,
    ) -> Parsed<Vec<T>> {
        let open = self.open(kind, what)?;
        let mut items = Vec::new();
        while !self.kind().closes() {
            items.push(item(self)?);
            if !self.eat(TokenKind::Comma) {
                break;
            }
        }
        self.close(open)?;
        Ok(items)
    }

    // ---- assignments and keys

    /// `expression`, `name = expression`, `(a, b) = expression`.
    pub(super) fn assignment(&mut self) -> Parsed<Assignment> {
        let start = self.start();
        let mut names = Vec::new();
        let mut is_tuple = false;
        if self.is_named() {
            names.push(self.name("a name")?);
            self.expect(TokenKind::Assign, "`=`")?;
        } else if self.is(TokenKind::OpenParenthesis) && self.closes_before(TokenKind::Assign) {
            is_tuple = true;
            names = self.bracketed(TokenKind::OpenParenthesis, "`(`", |it| it.name("a name"))?;
            self.expect(TokenKind::Assign, "`=`")?;
        }
        let value = self.expression()?;
        Ok(Assignment { names, is_tuple, value, span: self.since(start) })
    }

    /// A list of assignments.
    pub(super) fn assignments(&mut self) -> Parsed<Vec<Assignment>> {
        self.list(Self::assignment)
    }

    /// `key [asc|desc] [nulls first|last]`.
    pub(super) fn order_key(&mut self) -> Parsed<OrderKey> {
        let start = self.start();
        let value = self.expression()?;
        let (direction, nulls) = self.order()?;
        Ok(OrderKey { value, direction, nulls, span: self.since(start) })
    }

    /// `[asc|desc] [nulls first|last]`.
    pub(super) fn order(&mut self) -> Parsed<(Option<Direction>, Option<Nulls>)> {
        let direction = match self.word() {
            "asc" => Some(Direction::Ascending),
            "desc" => Some(Direction::Descending),
            _ => None,
        };
        if direction.is_some() {
            self.advance();
        }
        if !self.eat_word("nulls") {
            return Ok((direction, None));
        }
        let nulls = match self.word() {
            "first" => Nulls::First,
            "last" => Nulls::Last,
            _ => return Err(self.expected("`first` or `last`")),
        };
        self.advance();
        Ok((direction, Some(nulls)))
    }

    // ---- parameters

    /// `name=value` parameters before an operator's own clauses. `others` are names that are always parameters here.
    pub(super) fn parameters(&mut self, others: &[&str]) -> Parsed<Vec<Parameter>> {
        let mut parameters = Vec::new();
        while let Some(length) = self.parameter_name_length() {
            let is_dotted = length > 1;
            let word = self.word();
            let is_known =
                is_dotted || others.contains(&word) || word.starts_with("__") || KNOWN_PARAMETERS.contains(&word);
            if !is_known && !self.is_unknown_parameter() {
                break;
            }
            parameters.push(self.parameter(length)?);
        }
        Ok(parameters)
    }

    /// The tokens of `name` or `hint.name` when an `=` follows.
    fn parameter_name_length(&self) -> Option<usize> {
        if !self.is(TokenKind::Name) {
            return None;
        }
        let mut length = 1;
        while self.kind_ahead(length) == TokenKind::Dot && self.kind_ahead(length + 1) == TokenKind::Name {
            length += 2;
        }
        (self.kind_ahead(length) == TokenKind::Assign).then_some(length)
    }

    /// Whether `name = value` is followed by something that begins anew, so that it is no assignment.
    fn is_unknown_parameter(&self) -> bool {
        let value = self.kind_ahead(2);
        let is_simple = value.is_string()
            || matches!(
                value,
                TokenKind::Name | TokenKind::Long | TokenKind::Real | TokenKind::Timespan | TokenKind::Typed
            );
        let next = self.word_ahead(3);
        is_simple
            && self.kind_ahead(3) == TokenKind::Name
            && !self.is_infix_ahead(3)
            && !matches!(next, "by" | "on" | "to" | "limit" | "asc" | "desc" | "default" | "with" | "from" | "in")
    }

    /// One parameter, its name being `length` tokens long.
    fn parameter(&mut self, length: usize) -> Parsed<Parameter> {
        let start = self.start();
        for _ in 0..length {
            self.advance();
        }
        let span = self.since(start);
        let name = Name { text: span.of(self.text).to_owned(), span, quoted: false };
        self.expect(TokenKind::Assign, "`=`")?;
        let value = self.parameter_value()?;
        Ok(Parameter { name, value, more: Vec::new(), span: self.since(start) })
    }

    /// A word, `['…']`, a literal, or a parenthesised expression.
    fn parameter_value(&mut self) -> Parsed<ExprId> {
        if self.name_length() == 0 {
            return self.operand();
        }
        if !self.kind_ahead(1).opens() && matches!(self.word(), "true" | "false") {
            return self.operand();
        }
        let name = self.name("a value")?;
        let span = name.span;
        Ok(self.push(ExprKind::Name(name), span))
    }

    /// `name=value [, name=value]…` where the commas may be left out; ends at the first thing that is none.
    /// Values are expressions, and a name without `=` behind a comma is a further value of the list before.
    pub(super) fn properties(&mut self) -> Parsed<Vec<Parameter>> {
        let mut properties: Vec<Parameter> = Vec::new();
        loop {
            let start = self.start();
            if self.is_named() {
                let name = self.name("a property")?;
                self.expect(TokenKind::Assign, "`=`")?;
                let value = self.property_value()?;
                properties.push(Parameter { name, value, more: Vec::new(), span: self.since(start) });
            } else if properties.is_empty() || self.kind().closes() || self.is(TokenKind::Pipe) {
                return Ok(properties);
            } else {
                let value = self.property_value()?;
                let span = self.since(start);
                if let Some(last) = properties.last_mut() {
                    last.more.push(value);
                    last.span = last.span.to(span);
                }
            }
            if !self.eat(TokenKind::Comma) && !self.is_named() {
                return Ok(properties);
            }
        }
    }

    fn property_value(&mut self) -> Parsed<ExprId> {
        // `kind=3Dchart`, `legend=hidden`: a bare word; anything longer is an expression
        self.expression()
    }

    /// `( name=value, … )`.
    pub(super) fn property_list(&mut self) -> Parsed<Vec<Parameter>> {
        let open = self.open(TokenKind::OpenParenthesis, "`(` and properties")?;
        let properties = self.properties()?;
        self.close(open)?;
        Ok(properties)
    }
}
