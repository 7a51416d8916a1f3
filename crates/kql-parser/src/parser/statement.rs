//! Statements, functions and bodies.

use super::operators::{Separator, is_operator};
use super::{Fault, Parsed, Parser};
use crate::diagnostic::{Span, closest};
use crate::syntax::{
    Body, BodyId, ExprId, ExprKind, Function, FunctionParameter, Let, LetValue, ParameterType, Pattern, PatternCase,
    PatternDefinition, Statement, StatementKind,
};
use crate::token::TokenKind;

impl Parser<'_> {
    /// All statements of the text.
    pub(super) fn statements(&mut self) -> Vec<Statement> {
        let mut statements = Vec::new();
        loop {
            self.depth = 0;
            while self.eat(TokenKind::Semicolon) {
                self.is_muted = false;
            }
            if self.is(TokenKind::End) {
                break;
            }
            if let Some(statement) = self.statement() {
                statements.push(statement);
            }
            self.end_of_statement();
        }
        if statements.is_empty() && self.diagnostics.is_empty() {
            let span = self.token().span;
            self.fault(span, "the text holds no query");
        }
        statements
    }

    /// One statement, or nothing if it could not be read at all.
    fn statement(&mut self) -> Option<Statement> {
        let (mark, depth, start) = (self.at, self.depth, self.start());
        match self.statement_kind() {
            Ok(kind) => Some(Statement { kind, span: self.since(start) }),
            Err(Fault) => {
                self.recover(mark, depth);
                if !self.is(TokenKind::Pipe) {
                    return None;
                }
                // the stages behind an unreadable source are worth reading
                let source = self.push(ExprKind::Missing, Span::at(start));
                let query = self.piped(source).ok()?;
                Some(Statement { kind: StatementKind::Query(query), span: self.since(start) })
            }
        }
    }

    /// A statement is over: reports what stands there instead of `;`.
    fn end_of_statement(&mut self) {
        if matches!(self.kind(), TokenKind::Semicolon | TokenKind::End) {
            return;
        }
        let token = self.token();
        let text = token.span.of(self.text);
        if token.kind.closes() {
            self.fault(token.span, format!("`{text}` closes nothing"));
            self.advance();
            self.is_muted = true;
        } else if let Some((separator, diagnostic)) = self.missing_separator() {
            self.report(diagnostic);
            // a statement is read as if it were separated, a stage is passed over
            if separator == Separator::Pipe {
                self.skip_stage();
            }
        } else {
            let diagnostic = self.expected_diagnostic("`|` or `;`");
            let diagnostic = match self.misspelled_beginning() {
                Some(word) => diagnostic.hint(format!("did you mean `{word}`?")),
                None => diagnostic,
            };
            self.report(diagnostic);
            self.skip_stage();
        }
    }

    /// The word that a statement may have been meant to begin with, when it is over after its first word.
    fn misspelled_beginning(&self) -> Option<&'static str> {
        const WORDS: [&str; 12] = [
            "alias",
            "datatable",
            "declare",
            "evaluate",
            "externaldata",
            "find",
            "let",
            "print",
            "range",
            "restrict",
            "search",
            "union",
        ];
        let last = self.at.checked_sub(1)?;
        let is_first = last.checked_sub(1).is_none_or(|it| self.token_at(it).kind == TokenKind::Semicolon);
        let is_name = self.token_at(last).kind == TokenKind::Name;
        if is_first && is_name { closest(self.text_at(last), WORDS) } else { None }
    }

    /// Passes over text that belongs to nothing, to the next stage or statement; silent until the next `;`.
    fn skip_stage(&mut self) {
        self.is_muted = true;
        let mark = self.at;
        self.advance();
        self.recover(mark, 0);
        if self.is(TokenKind::Pipe) || self.kind().closes() {
            self.advance();
        }
    }

    fn statement_kind(&mut self) -> Parsed<StatementKind> {
        let next = self.word_ahead(1);
        match self.word() {
            "let" if self.is_name_ahead() => self.let_statement(),
            "set" if self.kind_ahead(1) == TokenKind::Name => self.set_statement(),
            "alias" if next == "database" => self.alias_statement(),
            "declare" if next == "query_parameters" => self.query_parameters(),
            "declare" if next == "pattern" => self.pattern_statement(),
            "restrict" if next == "access" => self.restrict_statement(),
            word => {
                if self.is(TokenKind::Pipe) {
                    return Err(self.expected("a table or another source before `|`"));
                }
                if self.is(TokenKind::Name) && !self.is_leading_operator() && self.looks_like_operator(word) {
                    return Err(self.operator_without_source());
                }
                Ok(StatementKind::Query(self.tabular()?))
            }
        }
    }

    fn is_name_ahead(&self) -> bool {
        self.kind_ahead(1) == TokenKind::Name || self.kind_ahead(1) == TokenKind::OpenBracket
    }

    /// Whether an operator's word is followed by what cannot follow the name of a table.
    fn looks_like_operator(&self, word: &str) -> bool {
        is_operator(word) && (self.kind_ahead(1) == TokenKind::Name && !self.begins_line(self.at + 1))
    }

    fn operator_without_source(&mut self) -> Fault {
        let span = self.token().span;
        let word = self.word();
        self.fault(span, format!("`{word}` needs a source: a table and `|` before it"))
    }

    // ---- let

    fn let_statement(&mut self) -> Parsed<StatementKind> {
        self.advance();
        let name = self.name("a name")?;
        self.expect(TokenKind::Assign, "`=`")?;
        let is_function = self.is(TokenKind::OpenParenthesis) && self.closes_before(TokenKind::OpenBrace);
        let is_view = self.is_word("view") && self.kind_ahead(1) == TokenKind::OpenParenthesis;
        let value =
            if is_function || is_view { LetValue::Function(self.function()?) } else { LetValue::Expr(self.tabular()?) };
        Ok(StatementKind::Let(Let { name, value }))
    }

    fn function(&mut self) -> Parsed<Function> {
        let start = self.start();
        let is_view = self.eat_word("view");
        let parameters = self.bracketed(TokenKind::OpenParenthesis, "`(` and parameters", Self::function_parameter)?;
        let body = self.body(TokenKind::OpenBrace, "`{` and a body")?;
        Ok(Function { is_view, parameters, body, span: self.since(start) })
    }

    /// `name: type [= default]`.
    fn function_parameter(&mut self) -> Parsed<FunctionParameter> {
        let start = self.start();
        let name = self.name("a parameter")?;
        self.expect(TokenKind::Colon, "`:` and a type")?;
        let ty = if self.is(TokenKind::OpenParenthesis) {
            ParameterType::Table(self.row_schema()?)
        } else {
            ParameterType::Scalar(self.type_name()?)
        };
        let default = if self.eat(TokenKind::Assign) { Some(self.expression()?) } else { None };
        Ok(FunctionParameter { name, ty, default, span: self.since(start) })
    }

    /// `{ statement; …; expression }`, or the same in parentheses. A statement with a fault is left out.
    pub(super) fn body(&mut self, kind: TokenKind, what: &str) -> Parsed<BodyId> {
        let open = self.open(kind, what)?;
        let mut statements = Vec::new();
        loop {
            while self.eat(TokenKind::Semicolon) {}
            if self.kind().closes() || self.is(TokenKind::End) {
                break;
            }
            statements.extend(self.statement());
            if self.is(TokenKind::Semicolon) {
                continue;
            }
            match self.missing_separator() {
                Some((Separator::Semicolon, diagnostic)) => self.report(diagnostic),
                _ => break,
            };
        }
        let result = self.take_result(&mut statements);
        let close = self.close(open)?;
        Ok(self.push_body(Body { statements, result, span: open.span.to(close.span) }))
    }

    /// The last statement's expression, if it is one.
    fn take_result(&self, statements: &mut Vec<Statement>) -> Option<ExprId> {
        match statements.last()?.kind {
            StatementKind::Query(id) => {
                statements.pop();
                Some(id)
            }
            _ => None,
        }
    }

    // ---- the others

    fn set_statement(&mut self) -> Parsed<StatementKind> {
        self.advance();
        let name = self.name("an option")?;
        let value = if self.eat(TokenKind::Assign) { Some(self.operand()?) } else { None };
        Ok(StatementKind::Set { name, value })
    }

    fn alias_statement(&mut self) -> Parsed<StatementKind> {
        self.advance();
        self.advance();
        let name = self.name("a name")?;
        self.expect(TokenKind::Assign, "`=`")?;
        let value = self.operand()?;
        Ok(StatementKind::Alias { name, value })
    }

    fn query_parameters(&mut self) -> Parsed<StatementKind> {
        self.advance();
        self.advance();
        let parameters = self.bracketed(TokenKind::OpenParenthesis, "`(` and parameters", Self::function_parameter)?;
        Ok(StatementKind::QueryParameters(parameters))
    }

    fn restrict_statement(&mut self) -> Parsed<StatementKind> {
        self.advance();
        self.advance();
        self.expect_word("to")?;
        let entities = self.bracketed(TokenKind::OpenParenthesis, "`(` and entities", Self::table_reference)?;
        Ok(StatementKind::Restrict { entities })
    }

    fn pattern_statement(&mut self) -> Parsed<StatementKind> {
        self.advance();
        self.advance();
        let name = self.name("a name")?;
        if !self.eat(TokenKind::Assign) {
            return Ok(StatementKind::Pattern(Pattern { name, definition: None }));
        }
        let arguments = self.bracketed(TokenKind::OpenParenthesis, "`(` and arguments", Self::function_parameter)?;
        let path = if self.is(TokenKind::OpenBracket) {
            let open = self.open(TokenKind::OpenBracket, "`[`")?;
            let path = self.function_parameter()?;
            self.close(open)?;
            Some(path)
        } else {
            None
        };
        let open = self.open(TokenKind::OpenBrace, "`{` and cases")?;
        let mut cases = Vec::new();
        loop {
            while self.eat(TokenKind::Semicolon) {}
            if !self.is(TokenKind::OpenParenthesis) {
                break;
            }
            cases.push(self.pattern_case()?);
        }
        self.close(open)?;
        let definition = PatternDefinition { arguments, path, cases };
        Ok(StatementKind::Pattern(Pattern { name, definition: Some(definition) }))
    }

    /// `(values).[path] = { body }`.
    fn pattern_case(&mut self) -> Parsed<PatternCase> {
        let start = self.start();
        let values = self.bracketed(TokenKind::OpenParenthesis, "`(` and values", Self::expression)?;
        let path = if self.eat(TokenKind::Dot) {
            let open = self.open(TokenKind::OpenBracket, "`[` and a value")?;
            let path = self.expression()?;
            self.close(open)?;
            Some(path)
        } else {
            None
        };
        self.expect(TokenKind::Assign, "`=`")?;
        let body = self.body(TokenKind::OpenBrace, "`{` and a body")?;
        Ok(PatternCase { values, path, body, span: self.since(start) })
    }
}
