//! JUnit's XML, which every CI system reads: a suite a test file, a case a test, the difference as the failure's text.

use super::report::{Report, SuiteReport, Verdict};
use std::fmt::Write;

/// A report as JUnit's XML.
pub fn junit(report: &Report) -> String {
    let counts = report.counts();
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let n_tests = counts.passed + counts.failed + counts.faulty + counts.skipped;
    _ = writeln!(
        out,
        "<testsuites name=\"kql\" tests=\"{n_tests}\" failures=\"{}\" errors=\"{}\" skipped=\"{}\" time=\"{}\">",
        counts.failed,
        counts.faulty,
        counts.skipped,
        seconds(report.nanoseconds)
    );
    report.suites.iter().for_each(|it| suite(&mut out, it));
    out.push_str("</testsuites>\n");
    out
}

fn suite(out: &mut String, suite: &SuiteReport) {
    let is = |of: fn(&Verdict) -> bool| suite.cases.iter().filter(|it| of(&it.verdict)).count();
    let n_failed = is(|it| matches!(it, Verdict::Failed(_)));
    let n_faulty = is(|it| matches!(it, Verdict::Faulty(_))) + usize::from(suite.fault.is_some());
    let n_skipped = is(|it| matches!(it, Verdict::Skipped(_)));
    let n_tests = suite.cases.len() + usize::from(suite.fault.is_some());
    let time: u64 = suite.cases.iter().map(|it| it.nanoseconds).sum();
    let path = escaped(&suite.path.display().to_string());
    _ = writeln!(
        out,
        "  <testsuite name=\"{path}\" tests=\"{n_tests}\" failures=\"{n_failed}\" errors=\"{n_faulty}\" skipped=\"{n_skipped}\" time=\"{}\">",
        seconds(time)
    );
    let class = escaped(&suite.title);
    if let Some(fault) = &suite.fault {
        _ = writeln!(out, "    <testcase name=\"(file)\" classname=\"{class}\" file=\"{path}\">");
        element(out, "error", "could not be run", &fault.lines());
        out.push_str("    </testcase>\n");
    }
    for case in &suite.cases {
        let (name, file) = (escaped(&case.name), escaped(&case.source.name));
        let (line, time) = (case.place.line, seconds(case.nanoseconds));
        _ = write!(
            out,
            "    <testcase name=\"{name}\" classname=\"{class}\" file=\"{file}\" line=\"{line}\" time=\"{time}\""
        );
        if matches!(case.verdict, Verdict::Passed) {
            out.push_str("/>\n");
            continue;
        }
        out.push_str(">\n");
        match &case.verdict {
            Verdict::Failed(failures) => {
                for it in failures {
                    let place = format!("{}:{}: {}", case.source.name, it.place.line, it.expectation);
                    let lines: Vec<String> = std::iter::once(place).chain(it.detail.iter().cloned()).collect();
                    element(out, "failure", &it.message, &lines);
                }
            }
            Verdict::Faulty(fault) => element(out, "error", "could not be run", &fault.lines()),
            Verdict::Skipped(why) => _ = writeln!(out, "      <skipped message=\"{}\"/>", escaped(why)),
            Verdict::Passed => {}
        }
        out.push_str("    </testcase>\n");
    }
    out.push_str("  </testsuite>\n");
}

fn element(out: &mut String, name: &str, message: &str, lines: &[String]) {
    _ = writeln!(out, "      <{name} message=\"{}\">{}</{name}>", escaped(message), escaped(&lines.join("\n")));
}

fn seconds(nanoseconds: u64) -> String {
    format!("{:.6}", nanoseconds as f64 / 1e9)
}

/// A text that XML can hold: control characters have no place in it at all.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' => out.push_str("&#10;"),
            '\t' => out.push_str("&#9;"),
            '\u{0}'..='\u{1f}' | '\u{7f}' | '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            other => out.push(other),
        }
    }
    out
}
