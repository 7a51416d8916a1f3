//! Annotations of GitHub's workflows: an error at the line of each expectation that did not hold.

use super::report::{Fault, Report, Verdict};
use crate::Level;
use std::fmt::Write;

/// A report as workflow commands, one a line.
pub fn github(report: &Report) -> String {
    let mut out = String::new();
    for suite in &report.suites {
        suite.fault.iter().for_each(|it| fault(&mut out, it, &suite.title));
        for case in &suite.cases {
            match &case.verdict {
                Verdict::Failed(failures) => {
                    for it in failures {
                        let title = format!("{}: {}", suite.title, case.name);
                        let text =
                            std::iter::once(&it.message).chain(&it.detail).cloned().collect::<Vec<_>>().join("\n");
                        command(&mut out, "error", &case.source.name, (it.place.line, it.place.column), &title, &text);
                    }
                }
                Verdict::Faulty(it) => fault(&mut out, it, &case.name),
                Verdict::Skipped(why) => {
                    let place = (case.place.line, case.place.column);
                    command(&mut out, "notice", &case.source.name, place, &case.name, &format!("skipped: {why}"));
                }
                Verdict::Passed => {}
            }
        }
    }
    for it in report.survivors() {
        let text = format!("no test fails when this predicate is {}: {}", it.change.name(), it.predicate);
        command(&mut out, "warning", &it.source.name, (it.place.line, it.place.column), "Untested predicate", &text);
    }
    // Lines of a log begin no command.
    out.push_str(&super::human::beyond(report).replace("::", ":\u{200b}:"));
    let counts = report.counts();
    _ = writeln!(
        out,
        "{} passed, {} failed, {} faulty, {} skipped",
        counts.passed, counts.failed, counts.faulty, counts.skipped
    );
    out
}

fn fault(out: &mut String, fault: &Fault, title: &str) {
    for note in &fault.notes {
        let level = if note.level == Level::Error { "error" } else { "warning" };
        let hint = note.hint.as_ref().map_or(String::new(), |it| format!("; {it}"));
        let text = format!("{}: {}{hint}", note.code, note.message);
        command(out, level, &fault.source.name, (note.place.line, note.place.column), title, &text);
    }
}

fn command(out: &mut String, level: &str, file: &str, place: (usize, usize), title: &str, text: &str) {
    let (line, column) = (place.0.max(1), place.1.max(1));
    // Files are named from the root of the repository.
    let file = file.strip_prefix("./").unwrap_or(file);
    let (file, title, text) = (property(file), property(title), message(text));
    _ = writeln!(out, "::{level} file={file},line={line},col={column},title={title}::{text}");
}

/// A text after the second `::`.
fn message(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// A text between the first and the second `::`.
fn property(text: &str) -> String {
    message(text).replace(':', "%3A").replace(',', "%2C")
}
