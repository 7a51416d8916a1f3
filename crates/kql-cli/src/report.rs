//! Errors, warnings and notes on standard error. Control characters of data, names and texts never reach a terminal.

use kql::{Diagnostic, Error, Severity, formats::paint, line_column};
use serde_json::{Value as Json, json};
use std::io::{IsTerminal, Write};

/// Why the command ends early: its exit status. What happened was told before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Exit(pub(crate) u8);

/// A query failed.
pub(crate) const QUERY: Exit = Exit(1);
/// The command line is wrong.
pub(crate) const USAGE: Exit = Exit(2);
/// Reading or writing failed.
pub(crate) const IO: Exit = Exit(3);
/// Ctrl-C.
pub(crate) const INTERRUPTED: Exit = Exit(130);

/// Where a query's text is from.
#[derive(Clone, Debug, Default)]
pub(crate) struct Place {
    /// The file, if it is from one.
    pub(crate) file: Option<String>,
    /// Lines of the file before the text, and characters that each line of it is indented there.
    pub(crate) offset: (usize, usize),
}

/// Writes to standard error.
#[derive(Clone, Debug, Default)]
pub(crate) struct Report {
    pub(crate) json: bool,
    pub(crate) quiet: bool,
    pub(crate) color: bool,
}

impl Report {
    /// As the flags say; colours on a terminal that wants them.
    pub(crate) fn new(json: bool, quiet: bool) -> Report {
        let color = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        Report { json, quiet, color }
    }

    fn print(&self, text: &str) {
        // Nobody is left to be told when standard error is closed.
        _ = writeln!(std::io::stderr(), "{text}");
    }

    /// Says something that is no error.
    pub(crate) fn note(&self, text: &str) {
        if !self.quiet && !self.json {
            self.print(&self.style("2", &paint(text)));
        }
    }

    /// Warns.
    pub(crate) fn warn(&self, text: &str) {
        match (self.quiet, self.json) {
            (true, _) => {}
            (_, true) => self.print(&json!({"severity": "warning", "message": text}).to_string()),
            _ => self.print(&format!("{}: {}", self.style("33", "warning"), paint(text))),
        }
    }

    /// An error that is not about a query's text, and the status for it.
    pub(crate) fn fail(&self, exit: Exit, text: &str) -> Exit {
        if self.json {
            self.print(&json!({"severity": "error", "message": text}).to_string());
        } else {
            self.print(&format!("{}: {}", self.style("31;1", "error"), paint(text)));
        }
        exit
    }

    /// What is wrong with a query, or how its run failed.
    pub(crate) fn query(&self, place: &Place, text: &str, error: &Error) -> Exit {
        if let Error::Query(diagnostics) = error {
            self.diagnostics(place, text, diagnostics);
            return QUERY;
        }
        let exit = match error {
            Error::Stopped(kql::Fault::Cancelled) => INTERRUPTED,
            _ => QUERY,
        };
        let (code, message) = (error.code(), error.to_string());
        if self.json {
            let file = place.file.as_deref();
            self.print(&json!({"severity": "error", "code": code, "message": message, "file": file}).to_string());
        } else {
            let file = place.file.as_ref().map_or(String::new(), |it| format!(" in {}", paint(it)));
            self.print(&format!("{}{file}: {}", self.style("31;1", &format!("error {code}")), paint(&message)));
        }
        exit
    }

    /// Every diagnostic with the text that it is about.
    pub(crate) fn diagnostics(&self, place: &Place, text: &str, diagnostics: &[Diagnostic]) {
        for it in diagnostics.iter().filter(|it| it.is_error() || !self.quiet) {
            self.print(&if self.json { json_of(place, text, it).to_string() } else { self.picture(place, text, it) });
        }
    }

    /// A diagnostic as a message, its line, a caret below what is wrong, and its hints.
    fn picture(&self, place: &Place, text: &str, it: &Diagnostic) -> String {
        let (line, column) = line_column(text, it.span.start);
        let file = place.file.as_ref().map_or(String::new(), |it| format!("{}:", paint(it)));
        let (word, color) = if it.is_error() { ("error", "31;1") } else { ("warning", "33") };
        let head = self.style(color, &format!("{word} {}", it.code));
        let (shown_line, shown_column) = (line + place.offset.0, column + place.offset.1);
        let mut out = format!("{head} at {file}{shown_line}:{shown_column}: {}", paint(&it.message));
        if let Some(source) = text.lines().nth(line - 1) {
            out.push_str(&self.excerpt(source, shown_line, column, it, color, text));
        }
        for (span, hint) in &it.hints {
            let at = span.map(|it| line_column(text, it.start));
            let at = at.map_or(String::new(), |(line, column)| {
                format!(" (at {}:{})", line + place.offset.0, column + place.offset.1)
            });
            out.push_str(&format!("\n  {} {}{at}", self.style("36", "hint:"), paint(hint)));
        }
        out
    }

    /// The line of a diagnostic, cut around it, with carets below.
    fn excerpt(&self, source: &str, line: usize, column: usize, it: &Diagnostic, color: &str, text: &str) -> String {
        const WIDTH: usize = 100;
        let skipped = if column > WIDTH { column - WIDTH / 2 } else { 0 };
        let shown: String = source.chars().skip(skipped).take(WIDTH + WIDTH / 2).collect();
        let before: String = shown.chars().take((column - 1).saturating_sub(skipped)).collect();
        let marked = it.span.of(text).lines().next().unwrap_or("");
        let after = shown.chars().count().saturating_sub(before.chars().count());
        let marked: String = marked.chars().take(after.max(1)).collect();
        let dots = if skipped > 0 { "…" } else { "" };
        let pad = width(&before) + dots.chars().count();
        let carets = self.style(color, &"^".repeat(width(&marked).max(1)));
        let number = line.to_string();
        let (bar, blank) = (self.style("34", "|"), " ".repeat(number.len()));
        format!("\n {number} {bar} {dots}{}\n {blank} {bar} {}{carets}", visible(&shown), " ".repeat(pad))
    }

    /// Text in a colour, if colours are wanted.
    pub(crate) fn style(&self, code: &str, text: &str) -> String {
        if self.color { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

/// A line with tabs as blanks and everything else that moves the cursor escaped.
fn visible(line: &str) -> String {
    paint(&line.replace('\t', " ")).into_owned()
}

fn width(text: &str) -> usize {
    visible(text).chars().count()
}

fn json_of(place: &Place, text: &str, it: &Diagnostic) -> Json {
    let (line, column) = line_column(text, it.span.start);
    let severity = if it.severity == Severity::Error { "error" } else { "warning" };
    let hints: Vec<&str> = it.hints.iter().map(|it| it.1.as_str()).collect();
    json!({
        "severity": severity, "code": it.code, "message": it.message, "file": place.file,
        "line": line + place.offset.0, "column": column + place.offset.1,
        "length": it.span.of(text).chars().count(), "hints": hints,
    })
}
