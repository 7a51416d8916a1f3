//! The tabular operators, one file each, and what finds the right one.

mod as_;
mod assert_schema;
mod consume;
mod count;
mod datatable;
mod distinct;
mod evaluate;
mod execute_and_cache;
mod extend;
mod externaldata;
mod facet;
mod find;
mod fork;
mod getschema;
mod graph_mark_components;
mod graph_match;
mod graph_shortest_paths;
mod graph_to_table;
mod graph_where_edges;
mod graph_where_nodes;
mod inline_external_table;
mod invoke;
mod join;
mod lookup;
mod macro_expand;
mod make_graph;
mod make_series;
mod mv_apply;
mod mv_expand;
mod parse;
mod parse_kv;
mod parse_where;
mod partition;
mod partition_by;
mod print;
mod project;
mod project_away;
mod project_by_names;
mod project_keep;
mod project_rename;
mod project_reorder;
mod range;
mod reduce;
mod render;
mod sample;
mod sample_distinct;
mod scan;
mod search;
mod serialize;
mod sort;
mod summarize;
mod take;
mod top;
mod top_hitters;
mod top_nested;
mod union;
mod where_;

use super::infix::is_operator_word;
use super::{OperatorDeclaration, Parsed, Parser};
use crate::diagnostic::{Diagnostic, Span, closest};
use crate::syntax::{ExprId, ExprKind, Operator, Pipeline, Stage};
use crate::token::TokenKind;

/// Reads what stands behind an operator's word.
pub(super) type ParseOperator = fn(&mut Parser<'_>) -> Parsed<Operator>;

/// Every operator.
const DECLARATIONS: &[OperatorDeclaration] = &[
    as_::DECLARATION,
    assert_schema::DECLARATION,
    consume::DECLARATION,
    count::DECLARATION,
    datatable::DECLARATION,
    distinct::DECLARATION,
    evaluate::DECLARATION,
    execute_and_cache::DECLARATION,
    extend::DECLARATION,
    externaldata::DECLARATION,
    facet::DECLARATION,
    find::DECLARATION,
    fork::DECLARATION,
    getschema::DECLARATION,
    graph_mark_components::DECLARATION,
    graph_match::DECLARATION,
    graph_shortest_paths::DECLARATION,
    graph_to_table::DECLARATION,
    graph_where_edges::DECLARATION,
    graph_where_nodes::DECLARATION,
    inline_external_table::DECLARATION,
    invoke::DECLARATION,
    join::DECLARATION,
    lookup::DECLARATION,
    macro_expand::DECLARATION,
    make_graph::DECLARATION,
    make_series::DECLARATION,
    mv_apply::DECLARATION,
    mv_expand::DECLARATION,
    parse::DECLARATION,
    parse_kv::DECLARATION,
    parse_where::DECLARATION,
    partition::DECLARATION,
    partition_by::DECLARATION,
    print::DECLARATION,
    project::DECLARATION,
    project_away::DECLARATION,
    project_by_names::DECLARATION,
    project_keep::DECLARATION,
    project_rename::DECLARATION,
    project_reorder::DECLARATION,
    range::DECLARATION,
    reduce::DECLARATION,
    render::DECLARATION,
    sample::DECLARATION,
    sample_distinct::DECLARATION,
    scan::DECLARATION,
    search::DECLARATION,
    serialize::DECLARATION,
    sort::DECLARATION,
    summarize::DECLARATION,
    take::DECLARATION,
    top::DECLARATION,
    top_hitters::DECLARATION,
    top_nested::DECLARATION,
    union::DECLARATION,
    where_::DECLARATION,
];

/// Every tabular operator, in the order of their words.
pub fn operators() -> &'static [OperatorDeclaration] {
    DECLARATIONS
}

/// What stands between stages, and between statements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Separator {
    Pipe,
    Semicolon,
}

/// The words that begin a stage.
pub const OPERATORS: &[&str] = &words();

#[allow(clippy::indexing_slicing, reason = "the compiler evaluates it")]
const N_WORDS: usize = {
    let (mut n, mut at) = (0, 0);
    while at < DECLARATIONS.len() {
        n += DECLARATIONS[at].words.len();
        at += 1;
    }
    n
};

#[allow(clippy::indexing_slicing, reason = "the compiler evaluates it")]
const fn words() -> [&'static str; N_WORDS] {
    let mut words = [""; N_WORDS];
    let (mut n, mut at) = (0, 0);
    while at < DECLARATIONS.len() {
        let mut alias = 0;
        while alias < DECLARATIONS[at].words.len() {
            words[n] = DECLARATIONS[at].words[alias];
            n += 1;
            alias += 1;
        }
        at += 1;
    }
    words
}

fn find(word: &str) -> Option<ParseOperator> {
    DECLARATIONS.iter().find(|it| it.words.contains(&word)).map(|it| it.parse)
}

/// Whether a word begins a stage.
pub(super) fn is_operator(word: &str) -> bool {
    find(word).is_some()
}

/// How words of other languages are written here.
fn translation(word: &str) -> Option<&'static str> {
    Some(match word.to_ascii_lowercase().as_str() {
        "select" | "fields" => "project",
        "group" | "groupby" | "group-by" | "stats" | "aggregate" => "summarize",
        "having" => "where",
        "head" => "take",
        "dedup" | "uniq" => "distinct",
        "eval" | "let" => "extend",
        "rename" => "project-rename",
        "orderby" => "order",
        "expand" | "explode" | "flatten" => "mv-expand",
        "append" => "union",
        _ => return None,
    })
}

impl<'a> Parser<'a> {
    /// The operator's word at the current token, with the words behind hyphens that touch it.
    pub(super) fn operator_word(&self) -> &'a str {
        let first = self.word();
        let mut n = 0;
        while !first.is_empty()
            && self.kind_ahead(n + 1) == TokenKind::Minus
            && self.kind_ahead(n + 2) == TokenKind::Name
            && self.touches(n + 1)
            && self.touches(n + 2)
            && n < 8
        {
            n += 2;
        }
        let end = self.token_at(self.at + n).span.end as usize;
        if n == 0 { first } else { self.text.get(self.start() as usize..end).unwrap_or(first) }
    }

    /// Takes the tokens of a word that [`Self::operator_word`] gave.
    pub(super) fn advance_word(&mut self, word: &str) {
        let end = self.start() + word.len() as u32;
        while self.token().span.end <= end && !self.is(TokenKind::End) {
            self.advance();
        }
    }

    /// An operator with all that belongs to it; afterwards the stage is over.
    pub(super) fn operator(&mut self) -> Parsed<Operator> {
        self.spend();
        let word = self.operator_word();
        let Some(parse) = find(word) else { return Err(self.unknown_operator(word)) };
        self.advance_word(word);
        let operator = parse(self)?;
        if self.is_at_stage_end() {
            return Ok(operator);
        }
        Err(self.no_stage_end())
    }

    /// Whether nothing more can belong to the stage.
    pub(super) fn is_at_stage_end(&self) -> bool {
        let kind = self.kind();
        kind.closes()
            || matches!(kind, TokenKind::Pipe | TokenKind::Semicolon | TokenKind::End)
            || (kind == TokenKind::Comma && self.depth > 0)
    }

    fn unknown_operator(&mut self, word: &str) -> super::Fault {
        let span = self.token().span;
        if word.is_empty() {
            let fault = self.expected("an operator");
            if self.is(TokenKind::Pipe) && self.touches(0) {
                self.advance(); // `||`: what follows is an operand
            }
            return fault;
        }
        let span = Span::new(span.start, span.start + word.len() as u32);
        let mut diagnostic = Diagnostic::error(super::SYNTAX, span, format!("unknown operator `{word}`"));
        if let Some(known) = translation(word).or_else(|| closest(word, OPERATORS.iter().copied())) {
            diagnostic = diagnostic.hint(format!("did you mean `{known}`?"));
        }
        self.report(diagnostic)
    }

    /// Reports what stands where a `|` should.
    fn no_stage_end(&mut self) -> super::Fault {
        match self.missing_separator() {
            Some((_, diagnostic)) => self.report(diagnostic),
            None => self.expected("`|`, `;` or the end of the operator"),
        }
    }

    /// The diagnostic for a `|` or `;` that was left out before the current word, if that is the likely fault.
    pub(super) fn missing_separator(&self) -> Option<(Separator, Diagnostic)> {
        let word = self.operator_word();
        let start = self.start();
        let span = Span::new(start, start + word.len() as u32);
        let begins_line = self.begins_line(self.at) && !is_clause_word(word);
        let begins_statement = matches!(word, "let" | "set" | "declare" | "alias" | "restrict" | "print" | "range")
            || (word == "union" && self.depth == 0)
            || (!is_operator(word) && (self.kind_ahead(1) == TokenKind::Pipe || self.begins_line(self.at + 1)));
        if begins_line && !word.is_empty() && begins_statement {
            let end = self.token_at(self.at.saturating_sub(1)).span.end;
            let diagnostic = Diagnostic::error(super::SYNTAX, span, format!("expected `;` before `{word}`"));
            let diagnostic = diagnostic.hint_at(Span::at(end), "statements are separated by `;`");
            return Some((Separator::Semicolon, diagnostic));
        }
        if is_operator(word) && self.kind_ahead(1) != TokenKind::Assign {
            let diagnostic = Diagnostic::error(super::SYNTAX, span, format!("expected `|` before `{word}`"));
            let diagnostic = diagnostic.hint(format!("to begin the operator {word}, write `| {word}`"));
            return Some((Separator::Pipe, diagnostic));
        }
        None
    }

    // ---- operators that begin a pipeline

    /// Whether an operator comes that needs no source: `print`, `range`, `datatable`, `union`, …
    pub(super) fn is_leading_operator(&self) -> bool {
        let next = self.kind_ahead(1);
        match self.operator_word() {
            "print" | "search" | "find" => self.begins_operand(1),
            "evaluate" => next == TokenKind::Name && !self.is_infix_ahead(1),
            "union" => {
                matches!(next, TokenKind::Name | TokenKind::OpenParenthesis | TokenKind::Star | TokenKind::OpenBracket)
                    && !self.is_infix_word(1)
            }
            "range" => {
                next == TokenKind::Name && self.word_ahead(2) == "from"
                    || next == TokenKind::OpenBracket && self.word_ahead(4) == "from"
            }
            "datatable" | "externaldata" | "external_data" | "inline_external_table" => {
                next == TokenKind::OpenParenthesis || (next == TokenKind::Name && !self.is_infix_ahead(1))
            }
            "macro-expand" => true,
            _ => false,
        }
    }

    fn is_infix_word(&self, n: usize) -> bool {
        self.kind_ahead(n) == TokenKind::Name && self.is_infix_ahead(n)
    }

    /// Whether an expression begins `n` tokens ahead, so that the word before it is no name.
    fn begins_operand(&self, n: usize) -> bool {
        let kind = self.kind_ahead(n);
        if kind == TokenKind::Name {
            return !self.is_infix_ahead(n) || self.word_ahead(n) == "in";
        }
        kind.is_string()
            || matches!(
                kind,
                TokenKind::Long
                    | TokenKind::Real
                    | TokenKind::Timespan
                    | TokenKind::Typed
                    | TokenKind::OpenParenthesis
                    | TokenKind::OpenBracket
                    | TokenKind::Star
                    | TokenKind::Minus
                    | TokenKind::Plus
                    | TokenKind::UnclosedString
                    | TokenKind::UnclosedTyped
                    | TokenKind::Unknown
            )
    }

    /// The right side of `join` and its like: an operand, or an operator that is a source itself.
    pub(super) fn operand_or_source(&mut self) -> Parsed<ExprId> {
        if matches!(
            self.word(),
            "datatable" | "externaldata" | "external_data" | "inline_external_table" | "range" | "print"
        ) && self.is_leading_operator()
        {
            let start = self.start();
            let word = self.word();
            let Some(parse) = find(word) else { return Err(super::Fault) };
            self.advance();
            let operator = parse(self)?;
            let span = self.since(start);
            let keyword = Span::new(start, start + word.len() as u32);
            let stages = vec![Stage { operator, keyword, span }];
            let id = self.push_pipeline(Pipeline { source: None, stages, span });
            return Ok(self.push(ExprKind::Pipeline(id), span));
        }
        self.operand()
    }

    /// A leg of `union`, a table of `find`: an operand, or a name with `*` in it.
    pub(super) fn table_reference(&mut self) -> Parsed<ExprId> {
        if let Some(name) = self.wildcard() {
            let span = name.span;
            let kind = if name.text == "*" { ExprKind::Star } else { ExprKind::Wildcard(name) };
            return Ok(self.push(kind, span));
        }
        self.operand_or_source()
    }

    /// `in (table, …)`, if it comes.
    pub(super) fn tables_in(&mut self) -> Parsed<Vec<ExprId>> {
        if !self.is_word("in") || self.kind_ahead(1) != TokenKind::OpenParenthesis {
            return Ok(Vec::new());
        }
        self.advance();
        self.bracketed(TokenKind::OpenParenthesis, "`(` and tables", Self::table_reference)
    }
}

/// Words within operators and expressions, which begin nothing.
fn is_clause_word(word: &str) -> bool {
    is_operator_word(word)
        || matches!(word, "by" | "on" | "to" | "with" | "from" | "step" | "of" | "asc" | "desc" | "nulls")
}
