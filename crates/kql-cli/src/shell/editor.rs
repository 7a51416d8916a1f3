//! Line editing: when an input is whole, colours, and the bridge to completion.

use super::complete;
use kql::{
    Engine,
    functions::{aggregate, function},
    parser::{OPERATORS, ParseOptions, is_incomplete, lexer, parse, syntax::StatementKind, token::TokenKind},
};
use rustyline::{
    completion::{Completer, Pair},
    highlight::{CmdKind, Highlighter},
    hint::{Hint, Hinter},
    validate::{ValidationContext, ValidationResult, Validator},
};
use std::{
    borrow::Cow,
    cell::{Cell, RefCell},
    rc::Rc,
};

/// What the line editor asks.
pub(super) struct Helper {
    engine: Rc<RefCell<Engine>>,
    has_color: bool,
    /// How often Enter went on to a new line of this input.
    n_typed: Cell<usize>,
}

impl Helper {
    pub(super) fn new(engine: Rc<RefCell<Engine>>, has_color: bool) -> Helper {
        Helper { engine, has_color, n_typed: Cell::new(0) }
    }

    /// A new input begins.
    pub(super) fn begin(&self) {
        self.n_typed.set(0);
    }
}

impl rustyline::Helper for Helper {}

/// What stands behind the cursor while a query that could end here waits for its end.
pub(super) struct Waiting;

impl Hint for Waiting {
    fn display(&self) -> &str {
        "  Enter runs, | goes on"
    }

    fn completion(&self) -> Option<&str> {
        None
    }
}

impl Hinter for Helper {
    type Hint = Waiting;

    fn hint(&self, line: &str, at: usize, _: &rustyline::Context<'_>) -> Option<Waiting> {
        let (begun, last) = line.rsplit_once('\n')?;
        let waits = at == line.len() && last.is_empty() && !begun.trim().is_empty() && self.has_color;
        (waits && !is_incomplete(begun) && !is_only_definitions(begun)).then_some(Waiting)
    }
}

impl Completer for Helper {
    type Candidate = Pair;

    fn complete(&self, line: &str, at: usize, _: &rustyline::Context<'_>) -> rustyline::Result<(usize, Vec<Pair>)> {
        Ok(complete::complete(&self.engine.borrow(), line, at))
    }
}

impl Validator for Helper {
    fn validate(&self, cx: &mut ValidationContext<'_>) -> rustyline::Result<ValidationResult> {
        let text = cx.input();
        let is_typed = text.matches('\n').count() <= self.n_typed.get();
        if is_whole(text, is_typed) {
            return Ok(ValidationResult::Valid(None));
        }
        self.n_typed.set(self.n_typed.get() + 1);
        Ok(ValidationResult::Incomplete)
    }
}

/// Whether Enter runs an input. A blank line ends everything, and `;` every query. Without them a query on one line runs
/// when it could end there, unless it only names a table, whose pipes then follow; and so does one of several lines that
/// was pasted or recalled. Where lines are typed one by one, any of them could be followed by another.
fn is_whole(text: &str, is_typed: bool) -> bool {
    if text.trim().is_empty() || text.trim_start().starts_with('.') || matches!(text.trim(), "quit" | "exit" | "help") {
        return true;
    }
    let (begun, last) = text.rsplit_once('\n').unwrap_or(("", text));
    if !begun.is_empty() && last.trim().is_empty() {
        return true;
    }
    if is_incomplete(text) || is_only_definitions(text) {
        return false;
    }
    let ends = lexer::lex(text).tokens.iter().rev().nth(1).is_some_and(|it| it.kind == TokenKind::Semicolon);
    ends || !is_typed || !text.contains('\n') && !is_bare_source(text)
}

/// Whether the last statement is a table or a call alone.
fn is_bare_source(text: &str) -> bool {
    let tokens = lexer::lex(text).tokens;
    let statement = tokens.rsplit(|it| it.kind == TokenKind::Semicolon).next().unwrap_or_default();
    let first = statement.first().map_or("", |it| it.span.of(text));
    let is_name = statement.first().is_some_and(|it| matches!(it.kind, TokenKind::Name | TokenKind::OpenBracket));
    is_name && !OPERATORS.contains(&first) && !statement.iter().any(|it| it.kind == TokenKind::Pipe)
}

/// Whether a text holds `let` and `set` statements alone: a query has still to come.
fn is_only_definitions(text: &str) -> bool {
    let (query, diagnostics) = parse(text, &ParseOptions::default());
    let is_query = |it: &StatementKind| matches!(it, StatementKind::Query(_));
    !diagnostics.iter().any(kql::Diagnostic::is_error) && !query.statements.iter().any(|it| is_query(&it.kind))
}

impl Highlighter for Helper {
    fn highlight<'l>(&self, line: &'l str, _: usize) -> Cow<'l, str> {
        if self.has_color && !line.trim_start().starts_with('.') { colored(line).into() } else { line.into() }
    }

    fn highlight_prompt<'b, 's: 'b, 'p: 'b>(&'s self, prompt: &'p str, _: bool) -> Cow<'b, str> {
        if self.has_color { format!("\x1b[36;1m{prompt}\x1b[0m").into() } else { prompt.into() }
    }

    fn highlight_hint<'h>(&self, hint: &'h str) -> Cow<'h, str> {
        format!("\x1b[2m{hint}\x1b[0m").into()
    }

    fn highlight_char(&self, _: &str, _: usize, kind: CmdKind) -> bool {
        self.has_color && kind != CmdKind::MoveCursor
    }
}

/// Words of the language that are neither operators nor functions.
const WORDS: &[&str] = &[
    "let",
    "set",
    "declare",
    "by",
    "on",
    "asc",
    "desc",
    "and",
    "or",
    "not",
    "in",
    "between",
    "has",
    "contains",
    "with",
    "from",
    "to",
    "step",
    "of",
    "kind",
    "true",
    "false",
    "null",
    "nulls",
    "first",
    "last",
    "startswith",
    "endswith",
    "has_any",
    "has_all",
    "matches",
    "regex",
    "typeof",
    "dynamic",
    "datetime",
    "timespan",
    "withsource",
    "isfuzzy",
];

/// The text with a colour for each kind of token.
fn colored(text: &str) -> String {
    let lexed = lexer::lex(text);
    let tokens = &lexed.tokens;
    let mut spans: Vec<(usize, usize, &str)> =
        lexed.comments.iter().map(|it| (it.start as usize, it.end as usize, "2")).collect();
    for (index, token) in tokens.iter().enumerate() {
        let follows = |kind| tokens.get(index + 1).is_some_and(|it| it.kind == kind);
        let text = token.span.of(text);
        let color = match token.kind {
            TokenKind::String | TokenKind::Verbatim | TokenKind::MultiLine | TokenKind::UnclosedString => "32",
            TokenKind::Long | TokenKind::Real | TokenKind::Timespan | TokenKind::Typed | TokenKind::UnclosedTyped => {
                "35"
            }
            TokenKind::Pipe => "36;1",
            TokenKind::Name
                if follows(TokenKind::OpenParenthesis) && (function(text).is_some() || aggregate(text).is_some()) =>
            {
                "33"
            }
            TokenKind::Name if WORDS.contains(&text) => "36",
            TokenKind::Name if is_operator(tokens, index, text) => "36;1",
            TokenKind::Unknown => "31",
            _ => continue,
        };
        spans.push((token.span.start as usize, token.span.end as usize, color));
    }
    spans.sort_unstable();
    let (mut out, mut at) = (String::with_capacity(text.len() * 2), 0);
    for (start, end, color) in spans {
        let (Some(before), Some(token)) = (text.get(at..start), text.get(start..end)) else { continue };
        out.push_str(before);
        // A colour does not run over line ends: the editor draws line by line.
        let lines: Vec<String> = token.split('\n').map(|it| format!("\x1b[{color}m{it}\x1b[0m")).collect();
        out.push_str(&lines.join("\n"));
        at = end;
    }
    out.push_str(text.get(at..).unwrap_or(""));
    out
}

/// Whether a word stands where an operator does. The first part of `project-away` counts, the rest is left plain.
fn is_operator(tokens: &[kql::parser::token::Token], index: usize, text: &str) -> bool {
    let before = index.checked_sub(1).and_then(|it| tokens.get(it)).map(|it| it.kind);
    let starts = matches!(before, None | Some(TokenKind::Pipe | TokenKind::Semicolon | TokenKind::OpenParenthesis));
    starts && OPERATORS.iter().any(|it| it.split('-').next() == Some(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn when_enter_runs() {
        for whole in [
            "T | count",
            ".tables",
            "",
            "let a = 1; print a",
            "print 1;",
            "T;",
            "T\n",
            "T | where\n\n",
            "T ) |",
            "| count",
            "T\n| take 1;",
            "T\n| take 1; // so",
            "range x from 1 to 2 step 1",
            "union A, B",
            "let a = 1;\nT | take a;",
        ] {
            assert!(is_whole(whole, true), "{whole:?}");
        }
        for not in [
            "T |",
            "T | where (",
            "let a = 1;",
            "let a = 1",
            "T | where a ==",
            "set notruncation;",
            "print ```a",
            "T",
            "['my table']",
            "f(1)",
            "T\n| take 1",
            "let a = 1; T",
            "T\n| where a == ';'",
        ] {
            assert!(!is_whole(not, true), "{not:?}");
        }
        assert!(is_whole("T\n| take 1", false) && is_whole("T\n| where a == ';'", false), "pasted or recalled");
        assert!(!is_whole("T\n|", false), "not even then");
    }

    #[test]
    fn colours_change_nothing_else() {
        let text = "T // c\n| where a == 'x\u{17e}' and n > 1h | summarize count() by bin(t, 1d)";
        let plain = colored(text);
        let mut out = String::new();
        let mut rest = plain.as_str();
        while let Some((before, after)) = rest.split_once('\x1b') {
            out.push_str(before);
            rest = after.split_once('m').unwrap().1;
        }
        assert_eq!(out + rest, text);
        assert!(plain.contains("\x1b[33mcount\x1b[0m") && plain.contains("\x1b[2m// c\x1b[0m"));
    }
}
