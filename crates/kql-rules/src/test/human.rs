//! A report for people. Texts of rules and data stand in it as they are: who prints to a terminal takes control characters
//! out.

use super::{
    coverage::Coverage,
    expect::count,
    mutate::Fate,
    report::{CaseReport, Report, SuiteReport, Verdict},
};
use std::fmt::Write;

/// A report as text. Tests that passed have no line of their own unless `verbose`.
pub fn human(report: &Report, verbose: bool) -> String {
    let mut out = String::new();
    report.suites.iter().for_each(|it| suite(&mut out, it, verbose));
    out.push_str(&beyond(report));
    let counts = report.counts();
    let mut parts = vec![format!("{} passed", counts.passed)];
    for (n, what) in [(counts.failed, "failed"), (counts.faulty, "could not be run"), (counts.skipped, "skipped")] {
        if n > 0 {
            parts.push(format!("{n} {what}"));
        }
    }
    let time = report.nanoseconds as f64 / 1e9;
    _ = writeln!(out, "{} in {}, {time:.2} s", parts.join(", "), count(report.suites.len(), "file"));
    out
}

/// What else was asked for: mutants and coverage.
pub(super) fn beyond(report: &Report) -> String {
    let mut out = String::new();
    if report.mutated {
        mutants(&mut out, report);
    }
    if let Some(it) = &report.coverage {
        coverage(&mut out, it);
    }
    out
}

fn suite(out: &mut String, suite: &SuiteReport, verbose: bool) {
    let n_passed = suite.cases.iter().filter(|it| matches!(it.verdict, Verdict::Passed)).count();
    let is_good = suite.fault.is_none() && n_passed == suite.cases.len();
    let mark = if is_good { "ok  " } else { "FAIL" };
    _ = writeln!(out, "{mark} {} ({n_passed} of {})", suite.path.display(), suite.cases.len());
    if let Some(fault) = &suite.fault {
        fault.lines().iter().for_each(|it| _ = writeln!(out, "     {it}"));
    }
    suite.cases.iter().for_each(|it| case(out, it, verbose));
}

fn case(out: &mut String, case: &CaseReport, verbose: bool) {
    let at = |line: usize, column: usize| format!("{}:{line}:{column}", case.source.name);
    match &case.verdict {
        Verdict::Passed if verbose => _ = writeln!(out, "     ok   {}", case.name),
        Verdict::Passed => return,
        Verdict::Skipped(why) => _ = writeln!(out, "     skip {}: {why}", case.name),
        Verdict::Faulty(fault) => {
            _ = writeln!(out, "     FAIL {}: could not be run", case.name);
            fault.lines().iter().for_each(|it| _ = writeln!(out, "          {it}"));
        }
        Verdict::Failed(failures) => {
            _ = writeln!(out, "     FAIL {}", case.name);
            for it in failures {
                let place = at(it.place.line, it.place.column);
                _ = writeln!(out, "          {place}: {}: {}", it.expectation, it.message);
                it.detail.iter().for_each(|it| _ = writeln!(out, "              {it}"));
            }
        }
    }
    case.notes.iter().for_each(|it| _ = writeln!(out, "          note: {it}"));
}

fn mutants(out: &mut String, report: &Report) {
    let all: Vec<_> = report.suites.iter().flat_map(|it| &it.mutants).collect();
    let is = |of: fn(&Fate) -> bool| all.iter().filter(|it| of(&it.fate)).count();
    let n_accepted = is(|it| matches!(it, Fate::Accepted(_)));
    let n_survived = is(|it| matches!(it, Fate::Survived));
    for it in report.survivors() {
        let (file, line, column) = (&it.source.name, it.place.line, it.place.column);
        _ = writeln!(out, "{file}:{line}:{column}: no test fails when this is {}: {}", it.change.name(), it.predicate);
    }
    let n_killed = all.len() - n_accepted - n_survived;
    _ = writeln!(
        out,
        "{n_killed} of {} found by a test, {n_accepted} accepted, {n_survived} survived",
        count(all.len(), "mutant")
    );
}

fn coverage(out: &mut String, coverage: &Coverage) {
    let tested = coverage.rules.iter().filter(|it| it.n_tests > 0).count();
    _ = writeln!(out, "\ncoverage: {tested} of {} tested", count(coverage.rules.len(), "rule"));
    for rule in &coverage.rules {
        if rule.n_tests == 0 {
            _ = writeln!(out, "  {}: no test ({})", rule.file, rule.title);
            continue;
        }
        let whole = rule.predicates.iter().filter(|it| it.measured && it.truths > 0 && it.others > 0).count();
        let unmeasured = rule.predicates.iter().filter(|it| !it.measured).count();
        let branches = rule.branches.iter().filter(|it| it.rows > 0).count();
        let entities = rule.entities.iter().filter(|it| it.1).count();
        let mut line = format!(
            "  {}: {}, {whole} of {} both ways, {branches} of {}, {entities} of {}",
            rule.file,
            count(rule.n_tests, "test"),
            count(rule.predicates.len(), "predicate"),
            count(rule.branches.len(), "branch").replace("branchs", "branches"),
            count(rule.entities.len(), "entity mapping"),
        );
        if unmeasured > 0 {
            _ = write!(line, " ({unmeasured} not measured)");
        }
        _ = writeln!(out, "{line}");
        if !rule.fires {
            _ = writeln!(out, "    no test makes it fire");
        }
        for it in rule.predicates.iter().filter(|it| it.measured && (it.truths == 0 || it.others == 0)) {
            let never = if it.truths == 0 { "true" } else { "false" };
            _ = writeln!(out, "    {}:{}: never {never}: {}", it.place.line, it.place.column, it.text);
        }
        for it in rule.branches.iter().filter(|it| it.measured && it.rows == 0) {
            _ = writeln!(out, "    {}:{}: never taken: {}", it.place.line, it.place.column, it.text);
        }
        for it in rule.entities.iter().filter(|it| !it.1) {
            _ = writeln!(out, "    no alert has the entity {}", it.0);
        }
    }
    let techniques = coverage.techniques();
    let tested = techniques.iter().filter(|it| it.1).count();
    _ = writeln!(out, "  ATT&CK: {tested} of {} have a test that fires", count(techniques.len(), "technique"));
    let missing: Vec<&str> = techniques.iter().filter(|it| !it.1).map(|it| it.0.as_str()).collect();
    if !missing.is_empty() {
        _ = writeln!(out, "    without: {}", missing.join(", "));
    }
}
