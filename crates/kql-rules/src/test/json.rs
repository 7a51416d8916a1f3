//! A report as one JSON document.

use super::{
    coverage::Coverage,
    mutate::Fate,
    report::{CaseReport, Fault, Report, SuiteReport, Verdict},
};
use serde_json::{Value as Json, json};

/// A report as JSON: `{passed, failed, faulty, skipped, suites: […]}`.
pub fn json(report: &Report) -> Json {
    let counts = report.counts();
    let mut out = json!({
        "passed": counts.passed,
        "failed": counts.failed,
        "faulty": counts.faulty,
        "skipped": counts.skipped,
        "seconds": report.nanoseconds as f64 / 1e9,
        "suites": report.suites.iter().map(suite).collect::<Vec<_>>(),
    });
    if let (Some(coverage), Some(entries)) = (&report.coverage, out.as_object_mut()) {
        _ = entries.insert("coverage".to_owned(), self::coverage(coverage));
    }
    out
}

fn suite(it: &SuiteReport) -> Json {
    let mut out = json!({
        "file": it.path.display().to_string(),
        "title": it.title,
        "tests": it.cases.iter().map(case).collect::<Vec<_>>(),
    });
    let Some(entries) = out.as_object_mut() else { return out };
    if let Some(it) = &it.fault {
        _ = entries.insert("fault".to_owned(), fault(it));
    }
    if !it.mutants.is_empty() {
        let mutants = it.mutants.iter().map(|it| {
            let (fate, why) = match &it.fate {
                Fate::Killed(test) => ("killed", Some(test)),
                Fate::Accepted(because) => ("accepted", Some(because)),
                Fate::Survived => ("survived", None),
            };
            json!({
                "file": it.source.name, "line": it.place.line, "column": it.place.column, "predicate": it.predicate,
                "change": it.change.name(), "fate": fate, "by": why,
            })
        });
        _ = entries.insert("mutants".to_owned(), mutants.collect());
    }
    out
}

fn case(it: &CaseReport) -> Json {
    let mut out = json!({
        "name": it.name,
        "file": it.source.name,
        "line": it.place.line,
        "seconds": it.nanoseconds as f64 / 1e9,
        "alerts": it.n_alerts,
        "notes": it.notes,
    });
    let Some(entries) = out.as_object_mut() else { return out };
    let (verdict, more) = match &it.verdict {
        Verdict::Passed => ("passed", None),
        Verdict::Skipped(why) => ("skipped", Some(("because", json!(why)))),
        Verdict::Faulty(it) => ("faulty", Some(("fault", fault(it)))),
        Verdict::Failed(failures) => {
            let one = |failure: &super::expect::Failure| {
                json!({
                    "expectation": failure.expectation, "line": failure.place.line, "column": failure.place.column,
                    "message": failure.message, "detail": failure.detail,
                })
            };
            ("failed", Some(("failures", failures.iter().map(one).collect())))
        }
    };
    _ = entries.insert("verdict".to_owned(), verdict.into());
    if let Some((key, value)) = more {
        _ = entries.insert(key.to_owned(), value);
    }
    out
}

fn fault(it: &Fault) -> Json {
    let note = |note: &crate::Note| {
        json!({
            "code": note.code, "level": note.level.name(), "line": note.place.line, "column": note.place.column,
            "message": note.message, "hint": note.hint,
        })
    };
    json!({
        "file": it.source.name,
        "kind": match it.kind { super::report::FaultKind::Rule => "rule", super::report::FaultKind::Config => "config" },
        "notes": it.notes.iter().map(note).collect::<Vec<_>>(),
    })
}

fn coverage(it: &Coverage) -> Json {
    let rule = |rule: &super::coverage::RuleCoverage| {
        let predicate = |it: &super::coverage::PredicateCoverage| {
            json!({
                "line": it.place.line, "column": it.place.column, "text": it.text, "role": it.role.name(),
                "true": it.truths, "false": it.others, "measured": it.measured,
            })
        };
        let branch = |it: &super::coverage::BranchCoverage| json!({"line": it.place.line, "column": it.place.column, "text": it.text, "rows": it.rows, "measured": it.measured});
        json!({
            "file": rule.file, "title": rule.title, "tests": rule.n_tests, "fires": rule.fires,
            "predicates": rule.predicates.iter().map(predicate).collect::<Vec<_>>(),
            "branches": rule.branches.iter().map(branch).collect::<Vec<_>>(),
            "entities": rule.entities.iter().map(|it| json!({"type": it.0, "seen": it.1})).collect::<Vec<_>>(),
        })
    };
    json!({
        "rules": it.rules.iter().map(rule).collect::<Vec<_>>(),
        "techniques": it.techniques().iter().map(|it| json!({"id": it.0, "tested": it.1})).collect::<Vec<_>>(),
    })
}
