//! Seeded faults: each is found in the rule that has it and not in the one without it; fixes mend what they are for and
//! leave every other byte alone; the examples of the lints are true; the page of all lints is up to date.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail")]
#![allow(clippy::indexing_slicing, clippy::string_slice, reason = "a test may fail")]

use kql::Engine;
use kql_rules::{
    Contents,
    check::{Checker, Finding, LINTS, fixed, write},
    read,
};
use std::path::Path;

/// A rule without a fault. Cases replace its keys.
const RULE: &str = "\
id: 0f7c2a34-5b1e-4c0a-9a57-3f2b8e6d1c90
name: Sign-ins that failed
description: Failed sign-ins of one user.
severity: Medium
requiredDataConnectors: []
kind: Scheduled
queryFrequency: 1h
queryPeriod: 1d
triggerOperator: gt
triggerThreshold: 0
tactics:
  - InitialAccess
relevantTechniques:
  - T1078
query: |
  SigninLogs
  | where ResultType == '50126'
  | project TimeGenerated, UserPrincipalName, IPAddress, Identity, DeviceName = tostring(DeviceDetail.displayName)
entityMappings:
  - entityType: Account
    fieldMappings:
      - identifier: FullName
        columnName: UserPrincipalName
version: 1.0.0
";

/// The keys of a text with the lines of each.
fn blocks(text: &str) -> Vec<(String, String)> {
    let mut out: Vec<(String, String)> = Vec::new();
    for line in text.lines() {
        match line.split_once(':').filter(|_| line.starts_with(|it: char| it.is_ascii_alphabetic())) {
            Some((key, _)) => out.push((key.to_owned(), format!("{line}\n"))),
            None => out.last_mut().unwrap().1.push_str(&format!("{line}\n")),
        }
    }
    out
}

fn is_query(text: &str) -> bool {
    let first = text.lines().next().unwrap();
    !first.split_once(':').is_some_and(|(key, rest)| {
        key.chars().all(|it| it.is_ascii_alphabetic()) && (rest.is_empty() || rest.starts_with(' '))
    })
}

/// The rules of a case, each as the text of a file.
fn rules(case: &str) -> Vec<String> {
    if is_query(case) {
        let query: String = case.lines().map(|it| format!("  {it}\n")).collect();
        return rules(&format!("query: |\n{query}entityMappings: []\n"));
    }
    if case.starts_with("queryCondition") {
        return vec![case.to_owned()];
    }
    let rule = |case: &str| {
        let (mut own, changes) = (blocks(RULE), blocks(case));
        if case.contains("kind: NRT") {
            own.retain(|it| {
                !["queryFrequency", "queryPeriod", "triggerOperator", "triggerThreshold"].contains(&it.0.as_str())
            });
        }
        for (key, text) in changes {
            match own.iter().position(|it| it.0 == key) {
                Some(at) => own[at].1 = text,
                None => own.push((key, text)),
            }
        }
        own.into_iter().map(|it| it.1).collect::<String>()
    };
    case.split("---\n").map(rule).collect()
}

fn files(texts: &[String]) -> Vec<Contents> {
    texts.iter().enumerate().map(|(n, it)| read(&format!("rule{n}.yaml"), it.as_bytes())).collect()
}

fn check(texts: &[String]) -> Vec<Finding> {
    Checker::new(&Engine::with_builtin_schemas(), false).check(&files(texts))
}

fn told(findings: &[Finding]) -> Vec<String> {
    findings.iter().map(|it| format!("{} {}:{} {}", it.code, it.place.line, it.place.column, it.message)).collect()
}

/// What is wrong with a case: nothing when the fault is found in the one and nothing in the other.
fn wrong(code: &str, bad: &str, good: &str) -> Option<String> {
    let found = check(&rules(bad));
    if !found.iter().any(|it| it.code == code) {
        return Some(format!("not found, but {:?}", told(&found)));
    }
    let found = check(&rules(good));
    (!found.is_empty()).then(|| format!("found without the fault: {:?}", told(&found)))
}

struct Case {
    code: String,
    title: String,
    bad: String,
    good: String,
}

fn cases() -> Vec<Case> {
    let text = include_str!("faults.txt");
    let (_, text) = text.split_once("\n== ").unwrap();
    let case = |it: &str| {
        let (head, body) = it.split_once('\n').unwrap();
        let (code, title) = head.split_once(' ').unwrap();
        let (bad, good) = body.split_once("\n--\n").unwrap();
        let text = |it: &str| format!("{}\n", it.trim_end());
        Case { code: code.to_owned(), title: title.to_owned(), bad: text(bad), good: text(good) }
    };
    text.split("\n== ").map(case).collect()
}

#[test]
fn the_rule_has_no_fault() {
    assert_eq!(told(&check(&[RULE.to_owned()])), Vec::<String>::new());
}

#[test]
fn seeded_faults_are_found_and_nothing_in_their_twins() {
    let cases = cases();
    assert!(cases.len() >= 100, "{} cases", cases.len());
    let wrong: Vec<String> = cases
        .iter()
        .filter_map(|it| Some(format!("{} {}: {}", it.code, it.title, wrong(&it.code, &it.bad, &it.good)?)))
        .collect();
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

#[test]
fn examples_of_lints_are_true() {
    let wrong: Vec<String> =
        LINTS.iter().filter_map(|it| Some(format!("{}: {}", it.code, wrong(it.code, it.bad, it.good)?))).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_lint_has_a_seeded_fault() {
    let cases = cases();
    // Long texts and the exports of Defender are cases of their own: their examples.
    let is_seeded =
        |code: &str| cases.iter().any(|it| it.code == code) || ["R005", "R013", "R026", "R027"].contains(&code);
    let missing: Vec<&str> = LINTS.iter().map(|it| it.code).filter(|it| !is_seeded(it)).collect();
    assert!(missing.is_empty(), "{missing:?}");
    let mut codes: Vec<&str> = LINTS.iter().map(|it| it.code).collect();
    codes.sort_unstable();
    codes.dedup();
    assert_eq!(codes.len(), LINTS.len(), "two lints have one code");
}

#[test]
fn fixes_mend_and_touch_nothing_else() {
    let mut n_fixes = 0;
    let examples = LINTS.iter().map(|it| (it.code.to_owned(), it.bad.to_owned()));
    for (code, bad) in cases().into_iter().map(|it| (it.code, it.bad)).chain(examples) {
        let texts = rules(&bad);
        let mut findings = check(&texts);
        findings.retain(|it| it.fix.is_some() && it.code == code);
        let [one] = findings.as_slice() else { continue };
        n_fixes += 1;
        let text = texts.iter().find(|it| **it == one.source.text).unwrap();
        let after = fixed(text, &findings);
        let edits = &one.fix.as_ref().unwrap().edits;
        // What is left when the edits' bytes are cut out on both sides is the same.
        let (mut kept, mut at) = (String::new(), 0);
        let mut sorted = edits.clone();
        sorted.sort_by_key(|it| it.range.start);
        for edit in &sorted {
            kept.push_str(&text[at..edit.range.start]);
            kept.push_str(&edit.text);
            at = edit.range.end;
        }
        kept.push_str(&text[at..]);
        assert_eq!(after.text, kept, "{code}");
        let left = check(std::slice::from_ref(&after.text));
        assert!(left.iter().all(|it| it.code != code), "{code} is found again in\n{}\n{:?}", after.text, told(&left));
    }
    assert!(n_fixes >= 20, "{n_fixes} fixes");
}

#[test]
fn allowed_findings_are_left_out() {
    let query = "SigninLogs | where isnotnull(UserPrincipalName)";
    for (text, n) in [
        (format!("{query}\n"), 1),
        (format!("// kql: allow Q012\n{query}\n"), 0),
        (format!("{query} // kql: allow Q003, Q012\n"), 0),
        (format!("// kql: allow Q003\n{query}\n"), 1),
    ] {
        assert_eq!(check(&rules(&text)).len(), n, "{text}");
    }
}

#[test]
fn places_are_those_of_the_file() {
    let texts = rules("SigninLogs\n| where isnotnull(UserPrincipalName)\n");
    let found = check(&texts);
    let it = &found[0];
    let line = texts[0].lines().nth(it.place.line - 1).unwrap();
    assert_eq!((line, &line[it.place.column - 1..][..9]), ("  | where isnotnull(UserPrincipalName)", "isnotnull"));
}

/// The parts of SARIF 2.1.0 that its schema requires, and the kinds of values of those that are used.
#[test]
fn sarif_has_what_the_format_requires() {
    let mut findings = Vec::new();
    for case in cases() {
        findings.extend(check(&rules(&case.bad)));
    }
    let log = write::sarif(&findings);
    assert_eq!((log["version"].as_str(), log["runs"].as_array().unwrap().len()), (Some("2.1.0"), 1));
    assert!(log["$schema"].as_str().unwrap().starts_with("https://"));
    let run = &log["runs"][0];
    let driver = &run["tool"]["driver"];
    assert_eq!(driver["name"], "kql");
    let rules = driver["rules"].as_array().unwrap();
    let mut ids: Vec<&str> = rules.iter().map(|it| it["id"].as_str().unwrap()).collect();
    let n = ids.len();
    ids.dedup();
    assert_eq!(ids.len(), n, "ids are unique");
    let levels = ["none", "note", "warning", "error"];
    for rule in rules.iter().filter(|it| it.get("defaultConfiguration").is_some()) {
        assert!(levels.contains(&rule["defaultConfiguration"]["level"].as_str().unwrap()));
        assert!(!rule["shortDescription"]["text"].as_str().unwrap().is_empty());
    }
    assert_eq!(run["columnKind"], "unicodeCodePoints");
    let results = run["results"].as_array().unwrap();
    assert_eq!(results.len(), findings.len());
    for result in results {
        assert!(!result["message"]["text"].as_str().unwrap().is_empty());
        assert!(levels.contains(&result["level"].as_str().unwrap()));
        let rule = &rules[usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap()];
        assert_eq!(rule["id"], result["ruleId"]);
        let physical = &result["locations"][0]["physicalLocation"];
        assert!(!physical["artifactLocation"]["uri"].as_str().unwrap().contains(' '));
        is_region(&physical["region"]);
        for fix in result["fixes"].as_array().into_iter().flatten() {
            let change = &fix["artifactChanges"][0];
            assert!(change["artifactLocation"]["uri"].is_string());
            for replacement in change["replacements"].as_array().unwrap() {
                is_region(&replacement["deletedRegion"]);
                assert!(replacement["insertedContent"]["text"].is_string());
            }
        }
    }
}

fn is_region(region: &serde_json::Value) {
    let number = |key: &str| region[key].as_u64().unwrap();
    assert!(number("startLine") >= 1 && number("startColumn") >= 1);
    assert!((number("endLine"), number("endColumn")) >= (number("startLine"), number("startColumn")), "{region}");
}

/// `crates/LINTS.md` is made from the declarations; `UPDATE=1` writes it.
#[test]
fn the_page_of_lints_is_up_to_date() {
    let mut page = "# Lints of `kql check`\n\nMade from the declarations in `kql-rules/src/check`. `Q…` looks at queries, `R…` at \
                    the keys of rules; findings of the parser and the binder have codes of their own (`SYN…`, `SEM…`), and so have \
                    those of the reader (`READ…`).\n\n| code | name | level | what is found |\n| --- | --- | --- | --- |\n"
        .to_owned();
    for it in LINTS {
        page.push_str(&format!(
            "| {} | {} | {} | {} |\n",
            it.code,
            it.name,
            it.level.name(),
            it.summary.replace('|', "\\|")
        ));
    }
    for it in LINTS {
        page.push_str(&format!("\n{}", it.page()));
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../LINTS.md");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    assert!(
        std::fs::read_to_string(path).unwrap_or_default() == page,
        "run UPDATE=1 cargo test -p kql-rules --test faults"
    );
}
