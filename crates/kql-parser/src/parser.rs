//! From tokens to the syntax tree: recursive descent with a fuel counter, one place that counts depth,
//! and recovery at `|`, `;` and closing brackets. It never stops at the first fault and never panics.

mod clause;
mod declaration;
mod expression;
mod infix;
mod literal;
mod names;
mod operators;
mod slip;
mod statement;
mod string;

use crate::diagnostic::{Diagnostic, Span};
use crate::lexer::lex;
use crate::syntax::{Body, BodyId, Expr, ExprId, ExprKind, Pipeline, PipelineId, Query};
use crate::token::{Token, TokenKind};
use kql_data::Limits;

pub use declaration::OperatorDeclaration;
pub(crate) use literal::timespan;
pub use operators::{OPERATORS, operators};

/// What the parser accepts at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParseOptions {
    /// How deep brackets may nest.
    pub depth_max: usize,
    /// How deep `dynamic(…)` may nest.
    pub dynamic_depth_max: usize,
}

impl Default for ParseOptions {
    fn default() -> Self {
        Self { depth_max: 256, dynamic_depth_max: 128 }
    }
}

impl From<&Limits> for ParseOptions {
    fn from(limits: &Limits) -> Self {
        Self { depth_max: limits.depth, dynamic_depth_max: limits.json_depth }
    }
}

/// Parses `text`. Always gives a tree; it is complete when there is no error among the diagnostics.
pub fn parse(text: &str, options: &ParseOptions) -> (Query, Vec<Diagnostic>) {
    let mut parser = Parser::new(text, *options);
    parser.query.statements = parser.statements();
    parser.diagnostics.sort_by_key(|it| it.span.start);
    (parser.query, parser.diagnostics)
}

/// Whether `text` is the beginning of a query that goes on: an open bracket or string, a trailing pipe, comma or operator.
pub fn is_incomplete(text: &str) -> bool {
    let tokens = lex(text).tokens;
    let mut open = 0i64;
    for token in &tokens {
        match token.kind {
            it if it.opens() => open += 1,
            it if it.closes() => open -= 1,
            TokenKind::UnclosedString => return token.span.of(text).starts_with(['`', '~']),
            TokenKind::UnclosedTyped => return true,
            _ => {}
        }
        if open < 0 {
            return false;
        }
    }
    let last = tokens.iter().rev().nth(1);
    open > 0 || last.is_some_and(|it| wants_more(it.kind, it.span.of(text)))
}

/// Whether a query cannot end in this token.
fn wants_more(kind: TokenKind, text: &str) -> bool {
    use TokenKind as K;
    match kind {
        K::Pipe | K::Comma | K::Assign | K::Equal | K::NotEqual | K::EqualTilde | K::BangTilde | K::LessGreater => true,
        K::Less | K::LessOrEqual | K::Greater | K::GreaterOrEqual | K::Plus | K::Minus | K::Slash | K::Percent => true,
        K::Dot | K::DotDot | K::Arrow | K::Bang => true,
        K::Name => matches!(
            text,
            "and" | "or" | "by" | "on" | "has" | "contains" | "startswith" | "endswith" | "let" | "where" | "extend"
        ),
        _ => false,
    }
}

/// A fault was met and reported; whoever catches it recovers.
#[derive(Clone, Copy, Debug)]
struct Fault;

type Parsed<T> = Result<T, Fault>;

/// After so many faults the rest of the text is not read.
const FAULTS_MAX: usize = 200;

const NO_PARTNER: u32 = u32::MAX;

/// The state of parsing: a cursor over the tokens and the tree so far.
struct Parser<'a> {
    text: &'a str,
    tokens: Vec<Token>,
    /// For every opening bracket the number of the token that closes it.
    partners: Vec<u32>,
    at: usize,
    options: ParseOptions,
    depth: usize,
    fuel: usize,
    query: Query,
    diagnostics: Vec<Diagnostic>,
    /// Set after an unsure recovery: what follows is likely a consequence.
    is_muted: bool,
    /// Whether `column:term` is an operator here.
    in_search: bool,
}

impl<'a> Parser<'a> {
    fn new(text: &'a str, options: ParseOptions) -> Self {
        let lexed = lex(text);
        let partners = partners(&lexed.tokens);
        let query = Query { text: text.to_owned(), comments: lexed.comments, ..Query::default() };
        Self {
            text,
            fuel: 64 * lexed.tokens.len() + 1024,
            tokens: lexed.tokens,
            partners,
            at: 0,
            options,
            depth: 0,
            query,
            diagnostics: Vec::new(),
            is_muted: false,
            in_search: false,
        }
    }

    // ---- the cursor

    fn token_at(&self, at: usize) -> Token {
        let last = self.tokens.len().saturating_sub(1);
        self.tokens.get(at.min(last)).copied().unwrap_or(Token { kind: TokenKind::End, span: Span::default() })
    }

    /// The current token.
    fn token(&self) -> Token {
        self.token_at(self.at)
    }

    fn kind(&self) -> TokenKind {
        self.token().kind
    }

    /// The kind of the token `n` places ahead.
    fn kind_ahead(&self, n: usize) -> TokenKind {
        self.token_at(self.at + n).kind
    }

    fn is(&self, kind: TokenKind) -> bool {
        self.kind() == kind
    }

    fn text_at(&self, at: usize) -> &'a str {
        self.token_at(at).span.of(self.text)
    }

    /// The current token's text if it is a word, else nothing.
    fn word(&self) -> &'a str {
        if self.is(TokenKind::Name) { self.text_at(self.at) } else { "" }
    }

    /// The text of the word `n` places ahead.
    fn word_ahead(&self, n: usize) -> &'a str {
        if self.kind_ahead(n) == TokenKind::Name { self.text_at(self.at + n) } else { "" }
    }

    fn is_word(&self, word: &str) -> bool {
        self.word() == word
    }

    /// Where the current token begins.
    fn start(&self) -> u32 {
        self.token().span.start
    }

    /// The span from `start` to the end of the last token read.
    fn since(&self, start: u32) -> Span {
        let end = if self.at == 0 { start } else { self.token_at(self.at - 1).span.end };
        Span::new(start, end.max(start))
    }

    /// Whether the token `n` places ahead touches the one before it.
    fn touches(&self, n: usize) -> bool {
        let at = self.at + n;
        at > 0 && self.token_at(at - 1).span.end == self.token_at(at).span.start
    }

    /// Takes the current token.
    fn advance(&mut self) -> Token {
        let token = self.token();
        self.spend();
        if token.kind != TokenKind::End {
            self.at += 1;
        }
        token
    }

    fn eat(&mut self, kind: TokenKind) -> bool {
        let found = self.is(kind);
        if found {
            self.advance();
        }
        found
    }

    fn eat_word(&mut self, word: &str) -> bool {
        let found = self.is_word(word);
        if found {
            self.advance();
        }
        found
    }

    fn expect(&mut self, kind: TokenKind, what: &str) -> Parsed<Token> {
        if self.is(kind) { Ok(self.advance()) } else { Err(self.expected(what)) }
    }

    fn expect_word(&mut self, word: &str) -> Parsed<()> {
        if self.eat_word(word) { Ok(()) } else { Err(self.expected(&format!("`{word}`"))) }
    }

    /// Whether the bracket at the current token closes just before the token of `kind`.
    fn closes_before(&self, kind: TokenKind) -> bool {
        match self.partners.get(self.at) {
            Some(&partner) if partner != NO_PARTNER => self.token_at(partner as usize + 1).kind == kind,
            _ => false,
        }
    }

    // ---- depth and fuel

    /// Takes an opening bracket. All recursion of the parser passes here, so this is where depth is counted.
    fn open(&mut self, kind: TokenKind, what: &str) -> Parsed<Token> {
        let token = self.expect(kind, what)?;
        self.depth += 1;
        if self.depth > self.options.depth_max {
            let message = format!("brackets nest deeper than {}", self.options.depth_max);
            let fault = self.fault(token.span, message);
            self.give_up();
            return Err(fault);
        }
        Ok(token)
    }

    /// Takes the bracket that closes `open`.
    fn close(&mut self, open: Token) -> Parsed<Token> {
        let kind = match open.kind {
            TokenKind::OpenBracket => TokenKind::CloseBracket,
            TokenKind::OpenBrace => TokenKind::CloseBrace,
            _ => TokenKind::CloseParenthesis,
        };
        if self.is(kind) {
            self.depth = self.depth.saturating_sub(1);
            return Ok(self.advance());
        }
        let closing = match kind {
            TokenKind::CloseBracket => "]",
            TokenKind::CloseBrace => "}",
            _ => ")",
        };
        if self.is(TokenKind::End) {
            let message = format!("`{}` is never closed", open.span.of(self.text));
            let diagnostic = Diagnostic::error(SYNTAX, open.span, message);
            let fault = self.report(diagnostic.hint_at(self.token().span, format!("write `{closing}`")));
            self.is_muted = true; // the brackets around it are open as well
            return Err(fault);
        }
        let mut diagnostic = self.expected_diagnostic(&format!("`{closing}`"));
        diagnostic.hints.push((Some(open.span), format!("to close this `{}`", open.span.of(self.text))));
        Err(self.report(diagnostic))
    }

    /// Ends parsing here and keeps what follows silent.
    fn give_up(&mut self) {
        self.at = self.tokens.len().saturating_sub(1);
        self.is_muted = true;
    }

    fn spend(&mut self) {
        self.fuel = self.fuel.saturating_sub(1);
        if self.fuel == 0 && !self.is(TokenKind::End) {
            let span = self.token().span;
            self.fault(span, "the parser gave up here");
            self.give_up();
        }
    }

    // ---- the tree

    fn push(&mut self, kind: ExprKind, span: Span) -> ExprId {
        let id = ExprId(u32::try_from(self.query.exprs.len()).unwrap_or(u32::MAX));
        self.query.exprs.push(Expr { kind, span });
        id
    }

    fn span_of(&self, id: ExprId) -> Span {
        self.query.span(id)
    }

    fn push_pipeline(&mut self, pipeline: Pipeline) -> PipelineId {
        let id = PipelineId(u32::try_from(self.query.pipelines.len()).unwrap_or(u32::MAX));
        self.query.pipelines.push(pipeline);
        id
    }

    fn push_body(&mut self, body: Body) -> BodyId {
        let id = BodyId(u32::try_from(self.query.bodies.len()).unwrap_or(u32::MAX));
        self.query.bodies.push(body);
        id
    }

    // ---- faults

    fn report(&mut self, diagnostic: Diagnostic) -> Fault {
        if !self.is_muted {
            self.diagnostics.push(diagnostic);
            if self.diagnostics.len() >= FAULTS_MAX {
                self.give_up();
            }
        }
        Fault
    }

    fn fault(&mut self, span: Span, message: impl Into<String>) -> Fault {
        self.report(Diagnostic::error(SYNTAX, span, message))
    }

    fn warn(&mut self, span: Span, message: impl Into<String>, hint: &str) {
        let diagnostic = Diagnostic::warning(SYNTAX, span, message).hint(hint);
        self.report(diagnostic);
    }

    /// Reports that `what` is missing at the current token.
    fn expected(&mut self, what: &str) -> Fault {
        let diagnostic = self.expected_diagnostic(what);
        self.report(diagnostic)
    }

    fn expected_diagnostic(&self, what: &str) -> Diagnostic {
        let token = self.token();
        let text = token.span.of(self.text);
        match token.kind {
            TokenKind::End => Diagnostic::error(SYNTAX, token.span, format!("the text ends where {what} is expected")),
            TokenKind::UnclosedString => Diagnostic::error(LEXICAL, token.span, "unclosed string")
                .hint("a string in single or double quotes ends on its line; write ```…``` for several lines"),
            TokenKind::UnclosedTyped => Diagnostic::error(SYNTAX, token.span, format!("`{text}` is never closed")),
            TokenKind::Unknown | TokenKind::At => unreadable(token.span, text),
            TokenKind::Slash if self.kind_ahead(1) == TokenKind::Star && self.touches(1) => {
                Diagnostic::error(LEXICAL, token.span, "`/* … */` is no comment")
                    .hint("write `//` before every line of a comment")
            }
            _ => {
                let diagnostic =
                    Diagnostic::error(SYNTAX, token.span, format!("expected {what}, found `{}`", clip(text)));
                match self.slip() {
                    Some(hint) => diagnostic.hint(hint),
                    None => diagnostic,
                }
            }
        }
    }

    /// After a fault in what began at token `mark`, moves to where the next thing can begin: a `|`, `;` or closing
    /// bracket of the same nesting. A `|` that begins a line will do in deeper nesting too, but then what follows
    /// is silenced, for some bracket was left open.
    fn recover(&mut self, mark: usize, depth: usize) {
        self.depth = depth;
        if self.is(TokenKind::End) {
            // Each bracket around a fault at the end would look through all that it holds.
            return;
        }
        let mut open: Vec<TokenKind> = Vec::new();
        let mut at = mark;
        loop {
            let token = self.token_at(at);
            let is_reached = at >= self.at;
            match token.kind {
                TokenKind::End => break,
                it if it.opens() => open.push(it),
                it if it.closes() => {
                    let is_outer = open.pop().is_none();
                    if is_outer && is_reached {
                        break;
                    }
                }
                TokenKind::Pipe if is_reached && open.is_empty() => break,
                TokenKind::Pipe if is_reached && self.begins_line(at) => {
                    self.is_muted = true;
                    break;
                }
                TokenKind::Semicolon if is_reached && !open.contains(&TokenKind::OpenBrace) => break,
                _ => {}
            }
            at += 1;
        }
        self.fuel = self.fuel.saturating_sub((at - mark) / 8);
        self.at = at;
    }

    /// Whether the token is the first of its line.
    fn begins_line(&self, at: usize) -> bool {
        at == 0 || {
            let gap = Span::new(self.token_at(at - 1).span.end, self.token_at(at).span.start);
            gap.of(self.text).contains('\n')
        }
    }
}

/// The reference's code for text that does not follow the grammar.
const SYNTAX: &str = "SYN0002";
/// The reference's code for text that is no token.
const LEXICAL: &str = "SYN0001";

fn unreadable(span: Span, text: &str) -> Diagnostic {
    match text {
        "\u{201c}" | "\u{201d}" | "\u{201e}" | "\u{2018}" | "\u{2019}" | "\u{ab}" | "\u{bb}" => {
            Diagnostic::error(LEXICAL, span, format!("curly quote `{text}`"))
                .hint("write a straight quote: `\"` or `'`")
        }
        "\u{2013}" | "\u{2014}" | "\u{2212}" => {
            Diagnostic::error(LEXICAL, span, format!("dash `{text}`")).hint("write a hyphen: `-`")
        }
        "&" => Diagnostic::error(LEXICAL, span, "unexpected character `&`").hint("write `and`"),
        "#" => Diagnostic::error(LEXICAL, span, "unexpected character `#`").hint("a comment begins with `//`"),
        _ => Diagnostic::error(LEXICAL, span, format!("unexpected character `{}`", text.escape_debug())),
    }
}

/// At most 40 characters of `text`, on one line.
fn clip(text: &str) -> String {
    let line = text.lines().next().unwrap_or("");
    if line.chars().count() <= 40 && line.len() == text.len() {
        return line.to_owned();
    }
    line.chars().take(40).chain(['…']).collect()
}

/// For every opening bracket its closing one; a wrong closer leaves both without a partner.
fn partners(tokens: &[Token]) -> Vec<u32> {
    let mut partners = vec![NO_PARTNER; tokens.len()];
    let mut open: Vec<usize> = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        if token.kind.opens() {
            open.push(at);
        } else if token.kind.closes()
            && let Some(partner) = open.pop().and_then(|it| partners.get_mut(it))
        {
            *partner = at as u32;
        }
    }
    partners
}
