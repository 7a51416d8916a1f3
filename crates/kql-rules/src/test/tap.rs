//! The Test Anything Protocol, version 14.

use super::report::{Fault, Report, Verdict};
use std::fmt::Write;

/// A report as TAP.
pub fn tap(report: &Report) -> String {
    let lines = |suite: &super::report::SuiteReport| suite.cases.len() + usize::from(suite.fault.is_some());
    let n_lines: usize = report.suites.iter().map(lines).sum();
    let mut out = format!("TAP version 14\n1..{n_lines}\n");
    let mut number = 0;
    for suite in &report.suites {
        let title = suite.title.as_str();
        if let Some(fault) = &suite.fault {
            number += 1;
            _ = writeln!(out, "not ok {number} - {}", description(title, "(file)"));
            diagnostics(&mut out, &faulty(fault));
        }
        for case in &suite.cases {
            number += 1;
            let name = description(title, &case.name);
            match &case.verdict {
                Verdict::Passed => _ = writeln!(out, "ok {number} - {name}"),
                Verdict::Skipped(why) => _ = writeln!(out, "ok {number} - {name} # SKIP {}", line(why)),
                Verdict::Faulty(fault) => {
                    _ = writeln!(out, "not ok {number} - {name}");
                    diagnostics(&mut out, &faulty(fault));
                }
                Verdict::Failed(failures) => {
                    _ = writeln!(out, "not ok {number} - {name}");
                    let mut all = Vec::new();
                    for it in failures {
                        all.push(format!("{}:{}: {}: {}", case.source.name, it.place.line, it.expectation, it.message));
                        all.extend(it.detail.iter().cloned());
                    }
                    diagnostics(&mut out, &all);
                }
            }
        }
    }
    super::human::beyond(report).lines().for_each(|it| _ = writeln!(out, "# {it}"));
    out
}

fn faulty(fault: &Fault) -> Vec<String> {
    fault.lines()
}

/// A block of YAML, as TAP wants it: indented by two.
fn diagnostics(out: &mut String, lines: &[String]) {
    out.push_str("  ---\n  message: |-\n");
    for it in lines {
        _ = writeln!(out, "    {}", line(it));
    }
    out.push_str("  ...\n");
}

fn description(suite: &str, name: &str) -> String {
    // A `#` would begin a directive.
    line(&format!("{suite}: {name}")).replace('\\', "\\\\").replace('#', "\\#")
}

fn line(text: &str) -> String {
    text.replace(['\r', '\n'], " ")
}
