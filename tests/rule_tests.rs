//! The tests of the rules in `queries/` pass, find every change of a predicate but those that say why they cannot, and the
//! ports give the verdicts of Panther's own tests.
#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used, reason = "a test may fail anywhere")]
#![allow(clippy::indexing_slicing, clippy::string_slice, reason = "a test may fail anywhere")]

use kql_rules::{
    At, Disk, Source,
    test::{self, Options, PantherLink, PantherMapping, Subject, Suite, Verdict, Workspace},
};
use serde_json::{Value as Json, json};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

fn root(relative: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(relative)
}

fn with<T>(mutate: bool, coverage: bool, run: impl FnOnce(&Workspace<'_>, &Options<'_>) -> T) -> T {
    let files = Disk;
    let workspace = Workspace { files: &files, engine: kql::Engine::with_builtin_schemas() };
    let stop = kql::Stop::default();
    run(&workspace, &Options { threads: 2, filter: None, update: false, mutate, coverage, clock: &|| 0, stop })
}

#[test]
fn rules_have_tests_that_pass_and_reach_everything() {
    let report = with(true, true, |workspace, options| {
        let found = test::discover(workspace.files, &[root("queries")]).unwrap();
        test::run(workspace, &found.tests, &found.rules, options)
    });
    let text = test::human(&report, false);
    assert_eq!(report.exit_status(), 0, "{text}");
    assert!(report.counts().passed >= 74 && report.suites.len() >= 12, "{text}");
    // Mutants were tried, and found.
    let mutants: Vec<_> = report.suites.iter().flat_map(|it| &it.mutants).collect();
    let killed = mutants.iter().filter(|it| matches!(it.fate, test::Fate::Killed(_))).count();
    assert!(killed >= 120 && mutants.len() - killed <= 6, "{text}");
    let coverage = report.coverage.unwrap();
    assert!(coverage.rules.iter().all(|it| it.n_tests > 0 && it.fires), "{text}");
    assert!(coverage.rules.iter().flat_map(|it| &it.entities).all(|it| it.1), "{text}");
    assert!(coverage.techniques().iter().all(|it| it.1), "{text}");
}

/// The ports, by the id of the detection: the rule, what its threshold counts, and where it says severity and name.
const PORTS: &[(&str, &str, Option<&str>)] = &[
    ("OpenAI.API.Key.Anomalous.Activity", "openai_api_key_anomalous_activity", None),
    ("OpenAI.Admin.Role.Assignment", "openai_admin_role_assignment", None),
    ("OpenAI.IP.Allowlist.Changes", "openai_ip_allowlist_changes", None),
    ("OpenAI.SCIM.Configuration.Change", "openai_scim_configuration_change", None),
    ("OpenAI.CredentialStuffing", "openai_credential_stuffing", Some("actor.session.ip_address")),
    ("OpenAI.Login.Failed", "openai_login_failed", None),
    ("OpenAI.Login.Success", "openai_login_success", None),
    ("OpenAI.BruteForce.Login.Success.Group", "openai_brute_force_login_success", None),
];

/// What the ports say of an actor that Panther does not name: it looks at sessions alone.
const NAMED: &[(&str, &str)] =
    &[("[<UNKNOWN_USER>]", "[sa-automation001]"), ("[<UNKNOWN_USER>]", "[suspicious@external.com]")];

fn lines(file: &str) -> Option<Vec<Json>> {
    let text = std::fs::read_to_string(root("../shared/specs").join(file)).ok()?;
    Some(text.lines().map(|it| serde_json::from_str(it).unwrap()).collect())
}

/// A detection whose tests are those lines, as Panther would write it in YAML: JSON is YAML.
fn detection(id: &str, tests: &[Json]) -> String {
    let test = |it: &Json| {
        let mut test = json!({"Name": it["test"], "ExpectedResult": it["expected"]});
        match it.get("log") {
            Some(log) => test["Log"] = log.clone(),
            None => test["RuleOutputs"] = it["rule_outputs"].clone(),
        }
        test
    };
    let threshold = if id == "OpenAI.CredentialStuffing" { 5 } else { 1 };
    json!({
        "AnalysisType": "rule", "RuleID": id, "LogTypes": ["OpenAI.Audit"], "Threshold": threshold,
        "Tests": tests.iter().map(test).collect::<Vec<_>>(),
    })
    .to_string()
}

fn mapping(unique: Option<&str>) -> PantherMapping {
    let at = |it: &str| At::new(it.to_owned(), Default::default());
    let event = |kind: &str| {
        let text = format!(
            "{{id: e, type: {kind}, effective_at: 0, actor: {{type: session, session: {{user: {{email: '{{{{value}}}}'}}, ip_address: 192.0.2.1}}}}}}"
        );
        kql_rules::document::parse(&Source::new("event.yaml", text)).unwrap().0.remove(0)
    };
    PantherMapping {
        unique: unique.map(at),
        events: vec![
            (at("Multiple Failed Logins"), event("login.failed")),
            (at("Successful Login"), event("login.succeeded")),
        ],
        ..PantherMapping::default()
    }
}

/// All 38 verdicts of Panther's 33 unit tests and 5 correlation tests; severity and name where the tests know them.
#[test]
fn verdicts_of_panther() {
    let (Some(mut all), Some(more)) =
        (lines("panther_openai_tests.jsonl"), lines("panther_openai_correlation_tests.jsonl"))
    else {
        println!("skipped: Panther's tests are not beside this checkout");
        return;
    };
    all.extend(more);
    assert_eq!(all.len(), 38);
    let mut by_rule: BTreeMap<String, Vec<Json>> = BTreeMap::new();
    for it in all {
        by_rule.entry(it["rule"].as_str().unwrap().to_owned()).or_default().push(it);
    }
    let (mut n_verdicts, mut n_titles, mut n_severities) = (0, 0, 0);
    for (id, tests) in &by_rule {
        let (_, rule, unique) = PORTS.iter().find(|it| it.0 == id).unwrap_or_else(|| panic!("no port of {id}"));
        let source = Arc::new(Source::new(format!("{id}.json"), detection(id, tests)));
        let contents = kql_rules::read(&format!("{id}.json"), source.text.as_bytes());
        let port = root(&format!("queries/{rule}.yaml"));
        let text = std::fs::read(&port).unwrap();
        let port_rule = kql_rules::read("port.yaml", &text).rules.remove(0);
        let cases = test::panther_cases(&contents.panther[0], &mapping(*unique), &port_rule, &source).unwrap();
        assert_eq!(cases.len(), tests.len());
        let subject = Subject::Rule { path: At::new(port.display().to_string(), Default::default()), which: None };
        let mut suite = Suite::new(source.clone(), Path::new("panther.test.yaml"), subject);
        suite.cases = cases;
        for (case, upstream) in suite.cases.iter_mut().zip(tests) {
            let titles = title(upstream);
            n_titles += titles.len().min(1);
            let level = upstream["severity"].as_str();
            n_severities += usize::from(level.is_some());
            expect_more(case, &titles, level);
        }
        let report = with(false, false, |workspace, options| test::run_suites(workspace, vec![suite], options));
        let text = test::human(&report, true);
        assert_eq!(report.exit_status(), 0, "{text}");
        n_verdicts += report.suites[0].cases.iter().filter(|it| matches!(it.verdict, Verdict::Passed)).count();
    }
    assert_eq!((n_verdicts, n_titles, n_severities), (38, 17, 15));
}

/// The names that an alert may have where Panther's test has one.
fn title(upstream: &Json) -> Vec<String> {
    let Some(title) = upstream["title"].as_str() else { return Vec::new() };
    match title.contains("UNKNOWN_USER") {
        true => NAMED.iter().map(|(unknown, named)| title.replace(unknown, named)).collect(),
        false => vec![title.to_owned()],
    }
}

/// Adds what a test of Panther says of its alert. Sentinel has no severity above high, so the port keeps the original one in
/// a column where they differ.
fn expect_more(case: &mut test::Case, titles: &[String], level: Option<&str>) {
    use test::{Matcher, Test};
    let at = |it| At::new(it, case.name.place);
    if !titles.is_empty() {
        let any = titles.iter().map(|it| Matcher::Exact(it.as_str().into())).collect();
        case.expect.title = vec![at(Matcher::All(vec![Test::In(any)]))];
    }
    let Some(level) = level else { return };
    let capitalised = level[..1].to_owned() + &level[1..].to_lowercase();
    let severity = if level == "CRITICAL" { "High" } else { &capitalised };
    case.expect.severity = Some(at(Matcher::Exact(severity.into())));
    if level == "CRITICAL" {
        case.expect.rows =
            vec![At::new(vec![("Level".to_owned(), Matcher::Exact("Critical".into()))], case.name.place)];
    }
}

#[test]
fn a_test_that_fails_names_the_line_of_what_it_expects() {
    let rule = root("queries/openai_scim_configuration_change.yaml");
    let text = format!(
        "rule: {}\ntests:\n  - name: wrong\n    rows:\n      OpenAIAuditLogs:\n        - {{ TimeGenerated: 2026-06-10T11:10:00Z, EventType: scim.enabled }}\n    expect:\n      alerts: 2\n      rows: [ {{ Change: Disabled }} ]\n",
        rule.display()
    );
    let suite = test::read(Path::new("wrong.test.yaml"), Arc::new(Source::new("wrong.test.yaml", text))).unwrap();
    let report = with(false, false, |workspace, options| test::run_suites(workspace, vec![suite], options));
    assert_eq!(report.exit_status(), 1);
    let Verdict::Failed(failures) = &report.suites[0].cases[0].verdict else { panic!("{report:?}") };
    let found: Vec<_> = failures.iter().map(|it| (it.expectation, it.place.line, it.message.as_str())).collect();
    assert_eq!(found, [("alerts", 8, "expected 2 alerts, found 1"), ("rows", 9, "expected row 1 is not among 1 row")]);
    assert!(failures[1].detail.contains(&"  - Change  Disabled".to_owned()), "{failures:?}");
    assert!(test::github(&report).contains("::error file=wrong.test.yaml,line=8,col="), "{}", test::github(&report));
}

#[test]
fn a_panther_link_in_a_test_file() {
    let rule = root("queries/openai_scim_configuration_change.yaml");
    let path = std::env::temp_dir().join(format!("kql-panther-{}.yml", std::process::id()));
    let detection = "AnalysisType: rule\nRuleID: Own.Scim\nLogTypes: [OpenAI.Audit]\nTests:\n  - Name: off\n    ExpectedResult: true\n    Log: {id: a, type: scim.disabled, effective_at: 1780000000}\n  - Name: mocked\n    ExpectedResult: true\n    Mocks: [{objectName: f, returnValue: 1}]\n    Log: {id: a, type: x, effective_at: 1780000000}\n  - Name: wrong\n    ExpectedResult: true\n    Log: {id: a, type: login.failed, effective_at: 1780000000}\n";
    std::fs::write(&path, detection).unwrap();
    let subject = Subject::Rule { path: At::new(rule.display().to_string(), Default::default()), which: None };
    let mut suite = Suite::new(Arc::new(Source::new("own.test.yaml", "")), Path::new("own.test.yaml"), subject);
    let file = At::new(path.display().to_string(), Default::default());
    suite.panther = Some(PantherLink { file, mapping: PantherMapping::default() });
    let report = with(false, false, |workspace, options| test::run_suites(workspace, vec![suite], options));
    std::fs::remove_file(&path).unwrap();
    let counts = report.counts();
    assert_eq!((counts.passed, counts.failed, counts.skipped), (1, 1, 1), "{}", test::human(&report, true));
    let wrong = report.suites[0].cases.iter().find(|it| it.name == "wrong").unwrap();
    assert_eq!((wrong.place.line, wrong.source.name.as_str()), (12, path.display().to_string().as_str()));
}
