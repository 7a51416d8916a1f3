//! The canonical text of a query: every stage on a line of its own, four spaces for what is nested, long lists one
//! item a line, comments kept. Parsing the result gives the same tree; literals stay as they were written.

mod clause;
mod expression;
mod operator;
mod statement;
mod width;

use crate::diagnostic::Span;
use crate::syntax::Query;
use width::Widths;

/// Lines are broken, where they can be, to stay within this many columns.
const COLUMNS: usize = 110;

/// The canonical text of `query`, ended by a line end.
pub fn format(query: &Query) -> String {
    let mut printer = Printer::new(query);
    printer.statements();
    printer.finish()
}

/// The text so far, and what is known of the source.
struct Printer<'q> {
    query: &'q Query,
    out: String,
    /// Where the current line of `out` begins.
    line_start: usize,
    /// Whether the current line ends in a comment, so that nothing may follow on it.
    ends_in_comment: bool,
    indent: usize,
    /// The comments, and whether each is printed.
    comments: Vec<(Span, bool)>,
    next_comment: usize,
    widths: Widths,
}

impl<'q> Printer<'q> {
    fn new(query: &'q Query) -> Self {
        Self {
            query,
            out: String::with_capacity(query.text.len() + 64),
            line_start: 0,
            ends_in_comment: false,
            indent: 0,
            comments: query.comments.iter().map(|it| (*it, false)).collect(),
            next_comment: 0,
            widths: Widths::new(&query.text),
        }
    }

    fn word(&mut self, text: &str) {
        self.out.push_str(text);
    }

    /// An operator between its operands.
    fn infix(&mut self, text: &str) {
        self.word(" ");
        self.word(text);
        self.word(" ");
    }

    /// The source text of something that is printed as written; comments inside come with it.
    fn verbatim(&mut self, span: Span) {
        let text = self.query.text_of(span);
        if let Some(line_end) = text.rfind('\n') {
            self.line_start = self.out.len() + line_end + 1;
        }
        self.out.push_str(text);
        let first = self.comments.partition_point(|(it, _)| it.start < span.start);
        for (comment, is_printed) in self.comments.iter_mut().skip(first) {
            if comment.start >= span.end {
                break;
            }
            *is_printed = true;
        }
    }

    fn column(&self) -> usize {
        self.out.len().saturating_sub(self.line_start)
    }

    /// Whether what `span` covers may stand on the rest of the current line.
    fn fits(&self, span: Span) -> bool {
        self.widths.of(span).is_some_and(|width| self.column() + width <= COLUMNS) && !self.has_comment_in(span)
    }

    fn has_comment_in(&self, span: Span) -> bool {
        let next = self.comments.partition_point(|(it, _)| it.start < span.start);
        self.comments.get(next).is_some_and(|(it, is_printed)| it.start < span.end && !is_printed)
    }

    fn is_line_blank(&self) -> bool {
        self.out.get(self.line_start..).unwrap_or("").trim().is_empty()
    }

    fn line(&mut self) {
        let length = self.out.trim_end_matches(' ').len();
        self.out.truncate(length);
        self.out.push('\n');
        self.line_start = self.out.len();
        self.ends_in_comment = false;
        self.fill();
    }

    fn fill(&mut self) {
        for _ in 0..self.indent {
            self.out.push_str("    ");
        }
    }

    /// Begins a line for what stands at `offset` in the source, after the comments that stand before it.
    fn line_before(&mut self, offset: u32) {
        while let Some((comment, is_printed)) = self.comments.get(self.next_comment).copied() {
            if comment.start >= offset {
                break;
            }
            self.next_comment += 1;
            if !is_printed {
                self.comment(comment);
            }
        }
        if self.is_line_blank() {
            self.out.truncate(self.line_start);
            self.fill();
        } else {
            self.line();
        }
    }

    /// One comment: behind the line if it stood behind code, otherwise on its own line.
    fn comment(&mut self, comment: Span) {
        let before = self.query.text.get(..comment.start as usize).unwrap_or("");
        let is_trailing = !before.rsplit('\n').next().unwrap_or("").trim().is_empty();
        if self.is_line_blank() {
            self.out.truncate(self.line_start);
            self.fill();
        } else if is_trailing && !self.ends_in_comment {
            self.word(" ");
        } else {
            self.line();
        }
        let text = self.query.text_of(comment).trim_end();
        self.word(text);
        self.ends_in_comment = true;
    }

    fn finish(mut self) -> String {
        self.line_before(u32::MAX);
        let length = self.out.trim_end().len();
        self.out.truncate(length);
        self.out.push('\n');
        self.out
    }
}
