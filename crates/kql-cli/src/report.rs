//! Errors, warnings and notes on standard error. Control characters of data, names and texts never reach a terminal.

use kql::{
    Diagnostic, Error, Fault, Severity,
    formats::{paint, width},
    line_column,
};
use kql_rules::QueryText;
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

/// The setting that raises a limit which was reached.
pub(crate) fn raised_by(fault: &Fault) -> Option<&'static str> {
    match fault {
        Fault::Limit { name: "memory", .. } => {
            Some("--limit-memory SIZE raises it, as .opt memory SIZE does in the shell")
        }
        Fault::Timeout => Some("--timeout TIME raises it, as .opt timeout TIME does in the shell"),
        _ => None,
    }
}

/// Columns of a line of a query where no terminal tells.
const WIDTH: usize = 120;

/// Where a query's text is from.
#[derive(Clone, Debug, Default)]
pub(crate) struct Place {
    /// The file, if it is from one.
    pub(crate) file: Option<String>,
    /// The query as the file has it, which knows where its bytes stand there.
    pub(crate) query: Option<QueryText>,
}

impl Place {
    /// The line and column that people find a byte of the query at: of the file, if it is from one.
    pub(crate) fn line_column(&self, text: &str, offset: u32) -> (usize, usize) {
        match &self.query {
            Some(query) => {
                let place = query.place(offset as usize..offset as usize);
                (place.line, place.column)
            }
            None => line_column(text, offset),
        }
    }
}

/// Writes to standard error.
#[derive(Clone, Debug)]
pub(crate) struct Report {
    pub(crate) json: bool,
    pub(crate) quiet: bool,
    pub(crate) color: bool,
    /// Columns that a line of a query may take.
    pub(crate) width: usize,
}

impl Report {
    /// As the flags say; colours on a terminal that wants them.
    pub(crate) fn new(json: bool, quiet: bool) -> Report {
        let color = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        let terminal = if std::io::stderr().is_terminal() { crate::output::terminal_size() } else { None };
        Report { json, quiet, color, width: terminal.map_or(WIDTH, |it| it.0) }
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
        self.hint_of(error);
        exit
    }

    /// What raises the limit that a query ran into, as a line of its own.
    fn hint_of(&self, error: &Error) {
        let (Error::Run(fault) | Error::Stopped(fault)) = error else { return };
        if let Some(hint) = raised_by(fault).filter(|_| !self.json) {
            self.print(&format!("{} {hint}", self.style("36", "hint:")));
        }
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
        let (shown_line, shown_column) = place.line_column(text, it.span.start);
        let mut out = format!("{head} at {file}{shown_line}:{shown_column}: {}", paint(&it.message));
        if let Some(source) = text.lines().nth(line - 1) {
            let marked = it.span.of(text).lines().next().unwrap_or("");
            out.push_str(&self.excerpt(source, shown_line, column, marked, color));
        }
        for (span, hint) in &it.hints {
            let at = span.map(|it| place.line_column(text, it.start));
            let at = at.map_or(String::new(), |(line, column)| format!(" (at {line}:{column})"));
            out.push_str(&format!("\n  {} {}{at}", self.style("36", "hint:"), paint(hint)));
        }
        out
    }

    /// A line, cut around what is marked at a column (from 1) to what the terminal shows, with carets below.
    pub(crate) fn excerpt(&self, source: &str, line: usize, column: usize, marked: &str, color: &str) -> String {
        let number = line.to_string();
        let room = self.width.saturating_sub(number.len() + 5).max(10);
        let before = visible(&source.chars().take(column - 1).collect::<String>());
        let marked = visible(marked);
        let source = visible(source);
        let is_long = width(&before) + width(&marked) > room;
        let (gone, rest) = split(&source, if is_long { width(&before).saturating_sub(room / 3) } else { 0 });
        let dots = if gone.is_empty() { "" } else { "…" };
        let pad = width(&before) - width(gone) + width(dots);
        let carets = width(split(&marked, room.saturating_sub(pad)).0).max(1);
        let carets = self.style(color, &"^".repeat(carets));
        let (bar, blank, shown) = (self.style("34", "|"), " ".repeat(number.len()), split(rest, room).0);
        format!("\n {number} {bar} {dots}{shown}\n {blank} {bar} {}{carets}", " ".repeat(pad))
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

/// The beginning of a text that takes so many columns at most, and the rest.
fn split(text: &str, columns: usize) -> (&str, &str) {
    let mut used = 0;
    let mut fits = |c: char| {
        used += width(c.encode_utf8(&mut [0; 4]));
        used <= columns
    };
    let n_bytes: usize = text.chars().take_while(|it| fits(*it)).map(char::len_utf8).sum();
    text.split_at_checked(n_bytes).unwrap_or((text, ""))
}

fn json_of(place: &Place, text: &str, it: &Diagnostic) -> Json {
    let (line, column) = place.line_column(text, it.span.start);
    let severity = if it.severity == Severity::Error { "error" } else { "warning" };
    let hints: Vec<&str> = it.hints.iter().map(|it| it.1.as_str()).collect();
    json!({
        "severity": severity, "code": it.code, "message": it.message, "file": place.file,
        "line": line, "column": column,
        "length": it.span.of(text).chars().count(), "hints": hints,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pictured(text: &str, terminal: usize) -> Vec<String> {
        let report = Report { json: false, quiet: false, color: false, width: terminal };
        let (_, diagnostics) = kql::parser::parse(text, &Default::default());
        let picture = report.picture(&Place::default(), text, &diagnostics[0]);
        picture.lines().skip(1).take(2).map(str::to_owned).collect()
    }

    #[test]
    fn carets_stand_below_what_they_mean() {
        assert_eq!(pictured("T | wehre a", 80), [" 1 | T | wehre a", "   |     ^^^^^"]);
        assert_eq!(pictured("print '日本' | tkae 1", 80), [" 1 | print '日本' | tkae 1", "   |                ^^^^"]);
        assert_eq!(pictured("\tT | tkae '\u{1b}'", 80), [" 1 |  T | tkae '\\x1b'", "   |      ^^^^"]);
    }

    #[test]
    fn long_lines_are_cut_around_the_fault() {
        let text = format!("T | where a == '{}' | tkae 1 | where b == '{}'", "x".repeat(90), "y".repeat(90));
        for terminal in [40, 80, 120] {
            let lines = pictured(&text, terminal);
            assert!(lines.iter().all(|it| width(it) <= terminal), "{lines:?}");
            let caret = lines[1].find('^').unwrap();
            let shown: String = lines[0].chars().skip(caret).take(4).collect();
            assert_eq!(shown, "tkae", "{lines:?}");
        }
        let long = format!("T | tkae {}", "a".repeat(1 << 20));
        assert!(width(&pictured(&long, 80)[0]) <= 80);
    }
}
