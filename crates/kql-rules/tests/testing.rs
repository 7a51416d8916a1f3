//! Test files end to end, in memory: what passes, what fails and why, what is refused, and what reports look like.
#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used, reason = "a test may fail anywhere")]
#![allow(clippy::indexing_slicing, reason = "a test may fail anywhere")]

use kql_rules::{
    Files, Memory,
    test::{self, Fate, Options, Report, Verdict, Workspace},
};
use std::path::PathBuf;

const RULE: &str = "id: 00000000-0000-0000-0000-000000000001
name: Failures
severity: Medium
kind: Scheduled
queryFrequency: 1h
queryPeriod: 1h
triggerOperator: gt
triggerThreshold: 0
tactics: [CredentialAccess]
relevantTechniques: [T1110]
query: |
  Logins
  | where not(Ok) and User != 'svc'
  | summarize Failures = count(), Ips = make_set(Ip) by User
  | where Failures >= 2
  | extend Level = case(Failures > 3, 'High', Failures > 2, 'Medium', 'Low')
entityMappings:
- entityType: Account
  fieldMappings:
  - identifier: Name
    columnName: User
customDetails:
  Count: Failures
alertDetailsOverride:
  alertDisplayNameFormat: '{{User}} failed'
  alertSeverityColumnName: Level
";

const HEAD: &str = "rule: r.yaml
schema: { Logins: 'TimeGenerated:datetime, User:string, Ip:string, Ok:bool' }
now: 2026-01-01T12:00:00Z
";

struct Way {
    update: bool,
    mutate: bool,
    coverage: bool,
    filter: Option<&'static str>,
}

const PLAIN: Way = Way { update: false, mutate: false, coverage: false, filter: None };

fn run(files: &Memory, way: Way) -> Report {
    let workspace = Workspace { files, engine: kql::Engine::with_builtin_schemas() };
    let options = Options {
        threads: 2,
        filter: way.filter.map(str::to_owned),
        update: way.update,
        mutate: way.mutate,
        coverage: way.coverage,
        clock: &|| 0,
        stop: kql::Stop::default(),
    };
    let found = test::discover(files, &[PathBuf::from("")])
        .unwrap_or_else(|_| test::discover(files, &["r.test.yaml".into()]).unwrap());
    test::run(&workspace, &found.tests, &found.rules, &options)
}

fn files(tests: &str) -> Memory {
    Memory::new([("r.yaml", RULE.to_owned()), ("r.test.yaml", format!("{HEAD}{tests}"))])
}

fn logins(rows: &[(&str, &str, bool)]) -> String {
    let row = |(at, it): (usize, &(&str, &str, bool))| {
        format!(
            "        - {{ TimeGenerated: 2026-01-01T11:{:02}:00Z, User: {}, Ip: {}, Ok: {} }}\n",
            10 + at,
            it.0,
            it.1,
            it.2
        )
    };
    rows.iter().enumerate().map(row).collect()
}

fn case(name: &str, rows: &[(&str, &str, bool)], expect: &str) -> String {
    let rows = if rows.is_empty() { " []\n".to_owned() } else { format!("\n{}", logins(rows)) };
    format!("  - name: {name}\n    rows:\n      Logins:{rows}    expect: {expect}\n")
}

const TWO: &[(&str, &str, bool)] =
    &[("ann", "192.0.2.1", false), ("ann", "192.0.2.2", false), ("bob", "192.0.2.3", false)];

/// The failures of the only test of a file that holds it alone.
fn failures(rows: &[(&str, &str, bool)], expect: &str) -> Vec<(&'static str, String)> {
    let report = run(&files(&format!("tests:\n{}", case("one", rows, expect))), PLAIN);
    match &report.suites[0].cases[0].verdict {
        Verdict::Passed => Vec::new(),
        Verdict::Failed(all) => all.iter().map(|it| (it.expectation, it.message.clone())).collect(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn expectations_that_hold() {
    for expect in [
        "{ alerts: 1 }",
        "{ alerts: { at_least: 1, at_most: 2 } }",
        "must fire",
        "{ severity: Low, title: ann failed, tactics: [ CredentialAccess ], techniques: T1110 }",
        "{ rows: [ { User: ann, Failures: 2, Ips: { set: [ 192.0.2.2, 192.0.2.1 ] } } ], row_count: 1 }",
        "{ entities: [ { Account: ann }, { Account: { Name: { startswith: a } } } ], not_entities: [ { Account: bob } ] }",
        "{ custom_details: { Count: 2 }, not_rows: [ { User: bob } ] }",
    ] {
        assert_eq!(failures(TWO, expect), [], "{expect}");
    }
    assert_eq!(failures(&[], "must not fire"), []);
    assert_eq!(failures(&TWO[2..], "{ alerts: 0, must_not_fire: true, row_count: 0 }"), []);
}

#[test]
fn expectations_that_do_not() {
    for (expect, expectation, message) in [
        ("{ alerts: 2 }", "alerts", "expected 2 alerts, found 1"),
        ("must not fire", "fires", "must not fire, but made 1 alert"),
        ("{ severity: High }", "severity", "expected severity High, found Low"),
        ("{ title: bob failed }", "title", "expected the title bob failed, found ann failed"),
        ("{ rows: [ { User: bob } ] }", "rows", "expected row 1 is not among 1 row"),
        ("{ rows: [ { Usr: ann } ] }", "rows", "the query gives no column `Usr`; did you mean `User`?"),
        ("{ not_rows: [ { Failures: { gt: 1 } } ] }", "not_rows", "row 1 must not be there"),
        ("{ entities: [ { Account: bob } ] }", "entities", "no alert has the entity Account {bob}"),
        ("{ not_entities: [ { Account: ann } ] }", "not_entities", "no alert may have the entity Account {ann}"),
        ("{ tactics: [ Impact ] }", "tactics", "no Impact among CredentialAccess"),
        ("{ custom_details: { Count: 3 } }", "custom_details", "custom detail Count is not 3: 2"),
        ("{ row_count: { gt: 1 } }", "rows", "expected more than 1 rows, found 1"),
    ] {
        assert_eq!(failures(TWO, expect), [(expectation, message.to_owned())], "{expect}");
    }
    assert_eq!(failures(&[], "{ severity: High }")[0].1, "there is no alert that could have this severity");
    assert_eq!(failures(&[], "must fire")[0].0, "fires");
}

/// The status and the first message of a file that cannot be run.
fn refused(files: &Memory) -> (u8, String, usize) {
    let report = run(files, PLAIN);
    let fault = report.faults().next().unwrap_or_else(|| panic!("{}", test::human(&report, true)));
    let note = &fault.notes[0];
    let hint = note.hint.as_ref().map_or(String::new(), |it| format!("; {it}"));
    (report.exit_status(), format!("{}{hint}", note.message), note.place.line)
}

#[test]
fn fixtures_are_strict() {
    let row = |row: &str| {
        files(&format!("tests:\n  - name: one\n    rows: {{ Logins: [ {row} ] }}\n    expect: must fire\n"))
    };
    for (cells, message) in [
        ("{ Usr: ann }", "table `Logins`, row 1: there is no column `Usr`; did you mean `User`?"),
        ("{ User: 5 }", "table `Logins`, row 1: `User` is a string, and 5 is none; put it into quotes"),
        ("{ Ok: 'yes' }", "table `Logins`, row 1: `Ok` is a bool, and \"yes\" is none"),
        ("{ TimeGenerated: soon }", "table `Logins`, row 1: `TimeGenerated` is a datetime, and \"soon\" is none"),
        ("5", "a row is a mapping of columns to values"),
    ] {
        assert_eq!(refused(&row(cells)), (3, message.to_owned(), 6), "{cells}");
    }
    let file = |name: &str, text: &str| {
        let tests = format!("{HEAD}fixtures: {{ Logins: {name} }}\ntests:\n  - name: one\n    expect: must fire\n");
        Memory::new([("r.yaml", RULE.to_owned()), ("r.test.yaml", tests), (name, text.to_owned())])
    };
    for (name, text, message) in [
        (
            "a.ndjson",
            "{\"User\":\"a\"}\n{\"User\":5}\n",
            "a.ndjson: line 2: `User` is a string, and 5 is none; put it into quotes",
        ),
        ("a.ndjson", "{\"User\":\"a\"}\nnot json\n", "a.ndjson, line 2: "),
        ("a.json", "[{\"User\":\"a\"},{\"Who\":\"a\"}]", "a.json: row 2: there is no column `Who`"),
        ("a.csv", "User,Ok\na,maybe\n", "a.csv: column `Ok`: 1 values are no bool"),
        ("a.csv", "User,Okay\na,true\n", "table `Logins`: there is no column `Okay`"),
        ("a.kql", "datatable (User: long) [5]", "table `Logins`: `User` is a string, not a long"),
        ("a.kql", "datatable (User: string) [", "table `Logins`: "),
    ] {
        let (status, found, _) = refused(&file(name, text));
        assert!(status == 3 && found.starts_with(message), "{name} {text}: {found}");
    }
}

#[test]
fn fixtures_of_every_format_are_the_same_rows() {
    let rows = "{\"TimeGenerated\":\"2026-01-01T11:10:00Z\",\"User\":\"ann\",\"Ip\":\"a\",\"Ok\":false}\n";
    for (name, text) in [
        ("a.ndjson", rows.repeat(2)),
        ("a.json", format!("[{rows},{rows}]")),
        ("a.csv", format!("TimeGenerated,User,Ip,Ok\n{}", "2026-01-01T11:10:00Z,ann,a,false\n".repeat(2))),
        (
            "a.kql",
            "datatable (TimeGenerated: datetime, User: string, Ok: bool) [datetime(2026-01-01T11:10), 'ann', false, datetime(2026-01-01T11:10), 'ann', false]".to_owned(),
        ),
    ] {
        let tests = format!("{HEAD}fixtures: {{ Logins: {name} }}\ntests:\n  - name: one\n    expect: {{ rows: [ {{ User: ann, Failures: 2 }} ] }}\n");
        let files = Memory::new([("r.yaml", RULE.to_owned()), ("r.test.yaml", tests), (name, text)]);
        let report = run(&files, PLAIN);
        assert_eq!(report.exit_status(), 0, "{name}: {}", test::human(&report, true));
    }
}

#[test]
fn files_that_are_no_tests() {
    let with = |text: &str| Memory::new([("r.yaml", RULE), ("r.test.yaml", text)]);
    for (text, status, message) in [
        ("rule: r.yaml\ntest: []\n", 3, "a test file has no key `test`; did you mean `tests`?"),
        ("rule: r.yaml\ntests: []\n", 3, "the file has no `tests`"),
        ("rule: r.yaml\ntests: [ { name: a } ]\n", 3, "the test `a` expects nothing"),
        ("rule: r.yaml\ntests: [ { name: a, expect: {} } ]\n", 3, "the expectation is empty: the test could not fail"),
        (
            "rule: r.yaml\ntests: [ { name: a, expect: { alert: 1 } } ]\n",
            3,
            "an expectation has no key `alert`; did you mean `alerts`?",
        ),
        (
            "rule: r.yaml\ntests: [ { name: a, expect: must fire }, { name: a, expect: must fire } ]\n",
            3,
            "two tests are called `a`",
        ),
        ("rule: other.yaml\ntests: [ { name: a, expect: must fire } ]\n", 3, "other.yaml: no such file"),
        ("query: 'T | where ('\ntests: [ { name: a, expect: must fire } ]\n", 2, ""),
        ("query: 'Nowhere'\ntests: [ { name: a, expect: must fire } ]\n", 2, "unknown table `Nowhere`"),
        ("tests: [", 3, ""),
    ] {
        let (found, why, _) = refused(&with(text));
        assert!(found == status && why.starts_with(message), "{text}: {found} {why}");
    }
}

#[test]
fn the_place_of_a_faulty_query_is_in_the_rule() {
    let rule = RULE.replace("User != 'svc'", "Usr != 'svc'");
    let tests = format!("{HEAD}tests:\n  - name: one\n    expect: must fire\n");
    let report = run(&Memory::new([("r.yaml", rule), ("r.test.yaml", tests)]), PLAIN);
    let fault = report.faults().next().unwrap();
    assert_eq!((report.exit_status(), fault.source.name.as_str()), (2, "r.yaml"));
    assert_eq!((fault.notes[0].place.line, fault.notes[0].place.column), (13, 23));
    assert!(test::github(&report).contains("::error file=r.yaml,line=13,col=23,"), "{}", test::github(&report));
}

#[test]
fn queries_without_a_rule() {
    let text = "query: |\n  T | where x > 1\nschema: { T: { x: long } }\ntests:\n  - name: one\n    rows: { T: [ { x: 1 }, { x: 5 } ] }\n    expect: { alerts: 1, rows: [ { x: 5 } ], row_count: 1 }\n";
    let report = run(&Memory::new([("q.test.yaml", text)]), PLAIN);
    assert_eq!(report.exit_status(), 0, "{}", test::human(&report, true));
}

#[test]
fn runs_see_their_window_and_say_so() {
    let rows = "  - name: old\n    rows: { Logins: [ { TimeGenerated: 2026-01-01T10:59:59Z, User: ann, Ok: false }, { TimeGenerated: 2026-01-01T11:00:00Z, User: ann, Ok: false } ] }\n    expect: must fire\n";
    let report = run(&files(&format!("tests:\n{rows}")), PLAIN);
    let case = &report.suites[0].cases[0];
    assert_eq!((report.exit_status(), case.notes.len()), (1, 1));
    assert!(
        case.notes[0].starts_with("1 of 2 rows of Logins are not in the window 2026-01-01T11:00:00Z to"),
        "{case:?}"
    );
    // Without `now` the run is one second after the newest row.
    let tests =
        "rule: r.yaml\nschema: { Logins: 'TimeGenerated:datetime, User:string, Ip:string, Ok:bool' }\n".to_owned();
    let tests = tests + &format!("tests:\n{}", case_of_two());
    let report = run(&Memory::new([("r.yaml", RULE.to_owned()), ("r.test.yaml", tests)]), PLAIN);
    assert_eq!(report.suites[0].cases[0].notes, ["no `now`: the run is at 2026-01-01T11:12:01Z"]);
}

fn case_of_two() -> String {
    case("two", TWO, "must fire")
}

#[test]
fn snapshots_are_written_and_compared() {
    let tests = format!("tests:\n{}", case("one", TWO, "{ snapshot: __snapshots__/one.json }"));
    let files = files(&tests);
    assert_eq!(run(&files, PLAIN).exit_status(), 1);
    assert_eq!(run(&files, Way { update: true, ..PLAIN }).exit_status(), 0);
    let text = String::from_utf8(files.read("__snapshots__/one.json".as_ref()).unwrap()).unwrap();
    assert!(text.contains(r#"    [2,["192.0.2.1","192.0.2.2"],"Low","ann"]"#), "{text}");
    assert_eq!(run(&files, PLAIN).exit_status(), 0);
    files.write("__snapshots__/one.json".as_ref(), text.replace("Low", "High").as_bytes()).unwrap();
    let report = run(&files, PLAIN);
    let Verdict::Failed(all) = &report.suites[0].cases[0].verdict else { panic!("{report:?}") };
    assert!(all[0].detail.iter().any(|it| it.starts_with("- ") && it.contains("High")), "{all:?}");
}

#[test]
fn mutants_that_survive_are_told() {
    let weak = files(&format!("tests:\n{}", case("one", TWO, "must fire")));
    let report = run(&weak, Way { mutate: true, ..PLAIN });
    let survivors: Vec<_> =
        report.survivors().map(|it| (it.predicate.as_str(), it.change.name(), it.place.line)).collect();
    assert!(survivors.contains(&("User != 'svc'", "dropped", 13)), "{survivors:?}");
    assert!(survivors.contains(&("Failures >= 2", "dropped", 15)), "{survivors:?}");
    assert!(!survivors.contains(&("not(Ok)", "negated", 13)), "{survivors:?}");
    assert_eq!(report.exit_status(), 1);
    let four: Vec<_> = (0..4).map(|_| ("ann", "a", false)).collect();
    let strong = [
        case("two", TWO, "{ alerts: 1, severity: Low }"),
        case("three", &four[1..], "{ severity: Medium }"),
        case("four", &four, "{ severity: High }"),
        case("service", &[("svc", "a", false), ("svc", "a", false)], "must not fire"),
        case("good", &[("ann", "a", true), ("ann", "a", true)], "must not fire"),
        case("once", &TWO[..1], "must not fire"),
    ];
    let report = run(&files(&format!("tests:\n{}", strong.concat())), Way { mutate: true, ..PLAIN });
    assert_eq!(report.exit_status(), 0, "{}", test::human(&report, true));
    assert!(report.suites[0].mutants.iter().all(|it| matches!(it.fate, Fate::Killed(_))));
    assert_eq!(report.suites[0].mutants.len(), 10);
    // What no test can tell is named with its reason.
    let accepted = "survivors: [ { predicate: \"User  !=  'svc'\", because: none } ]\n";
    let report = run(
        &files(&format!("{accepted}tests:\n{}", [&strong[..3], &strong[4..]].concat().concat())),
        Way { mutate: true, ..PLAIN },
    );
    assert_eq!(report.exit_status(), 0, "{}", test::human(&report, true));
}

#[test]
fn coverage_tells_what_tests_reach() {
    let report = run(&files(&format!("tests:\n{}", case("one", TWO, "must fire"))), Way { coverage: true, ..PLAIN });
    let coverage = report.coverage.as_ref().unwrap();
    let rule = &coverage.rules[0];
    let of = |text: &str| rule.predicates.iter().find(|it| it.text == text).map(|it| (it.truths, it.others)).unwrap();
    assert_eq!((of("not(Ok)"), of("User != 'svc'"), of("Failures >= 2")), ((3, 0), (3, 0), (1, 1)));
    let taken: Vec<_> = rule.branches.iter().map(|it| (it.text.as_str(), it.rows)).collect();
    assert_eq!(taken[..2], [("when Failures > 3", 0), ("when Failures > 2", 0)]);
    assert!(taken[2].0.starts_with("none of the conditions") && taken[2].1 == 1, "{taken:?}");
    assert_eq!((rule.entities.as_slice(), rule.fires), (&[("Account".to_owned(), true)][..], true));
    assert_eq!(coverage.techniques(), [("T1110".to_owned(), true)]);
    let text = test::human(&report, false);
    assert!(text.contains("13:11: never false: not(Ok)"), "{text}");
}

#[test]
fn reports_for_machines() {
    let tests = [case("good", TWO, "must fire"), case("bad <&> \"", TWO, "{ alerts: 2 }")].concat();
    let tests = format!("tests:\n{tests}  - name: later\n    skip: not yet\n    expect: must fire\n")
        .replace("bad <&> \"", "'bad <&> \"'");
    let report = run(&files(&tests), PLAIN);
    let junit = test::junit(&report);
    assert!(junit.contains("tests=\"3\" failures=\"1\" errors=\"0\" skipped=\"1\""), "{junit}");
    assert!(junit.contains("name=\"bad &lt;&amp;&gt; &quot;\""), "{junit}");
    assert!(junit.contains("<failure message=\"expected 2 alerts, found 1\">r.test.yaml:"), "{junit}");
    let tap = test::tap(&report);
    assert!(tap.starts_with("TAP version 14\n1..3\nok 1 - Failures: good\nnot ok 2 - Failures: bad"), "{tap}");
    assert!(tap.contains("ok 3 - Failures: later # SKIP not yet"), "{tap}");
    let json = test::json(&report);
    assert_eq!(
        (json["passed"].as_u64(), json["failed"].as_u64(), json["skipped"].as_u64()),
        (Some(1), Some(1), Some(1))
    );
    assert_eq!(json["suites"][0]["tests"][1]["failures"][0]["expectation"], "alerts");
    let filtered = run(&files(&tests), Way { filter: Some("good"), ..PLAIN });
    assert_eq!((filtered.counts().passed, filtered.counts().failed), (1, 0));
}

#[test]
fn a_failed_run_is_a_failed_test() {
    let text = "query: 'T | project x = toscalar(T | where y | project z), w = 1 / 0, v = assert(y, \"no\")'\nschema: { T: 'y:bool, z:long' }\ntests:\n  - name: one\n    rows: { T: [ { y: false } ] }\n    expect: must not fire\n";
    let report = run(&Memory::new([("q.test.yaml", text)]), PLAIN);
    assert_ne!(report.exit_status(), 0, "{}", test::human(&report, true));
}

#[test]
fn beginnings_of_rules_pass_their_tests() {
    let rule = test::new_rule("odd \"name\"", "00000000-0000-0000-0000-000000000001");
    let files = Memory::new([("n.yaml", rule.clone()), ("n.test.yaml", test::new_rule_test("n.yaml"))]);
    let report = run(&files, Way { mutate: true, ..PLAIN });
    assert_eq!((report.exit_status(), report.counts().passed), (0, 3), "{}", test::human(&report, true));
    // Tests for a rule that is there: both read, one fails until it is filled in.
    let rule = kql_rules::read("r.yaml", RULE.as_bytes()).rules.remove(0);
    let mut engine = kql::Engine::new();
    engine.load_bytes("Logins", br#"{"TimeGenerated":"2026-01-01T00:00:00Z","User":"a","Ok":true,"Other":1}"#).unwrap();
    let text = test::new_test(&rule, "r.yaml", &engine);
    assert!(text.contains("{ TimeGenerated: 2026-01-01T11:30:00Z, User: \"\", Ok: false }"), "{text}");
}

#[test]
fn panther_detections_become_test_files() {
    let detection = "AnalysisType: rule\nRuleID: Own.Scim\nDisplayName: Own\nLogTypes: [OpenAI.Audit]\nTests:\n  - Name: 'off: \"now\"'\n    ExpectedResult: true\n    Log: {id: a, type: scim.disabled, effective_at: 1780000000, scim_disabled: {id: 'no'}}\n  - Name: other\n    ExpectedResult: false\n    Log: {id: b, type: login.failed, effective_at: 1780000000}\n";
    let imported =
        test::import::panther("own.yml".as_ref(), detection.as_bytes(), &Default::default(), "r.kql").unwrap();
    assert_eq!(imported.path, PathBuf::from("own.test.yaml"));
    let files = Memory::new([
        ("own.test.yaml", imported.text.clone()),
        ("r.kql", "OpenAIAuditLogs | where EventType == 'scim.disabled' and EventDetails.id == 'no'".to_owned()),
    ]);
    let report = run(&files, PLAIN);
    assert_eq!(
        (report.exit_status(), report.counts().passed),
        (0, 2),
        "{}\n{}",
        imported.text,
        test::human(&report, true)
    );
}

#[test]
fn panther_links_of_test_files() {
    let rule = "name: Port\nkind: Scheduled\nqueryFrequency: 1h\nqueryPeriod: 2d\nseverity: Low\nquery: |\n  let failed = Logins | where kind == 'failed';\n  Logins\n  | where kind == 'good'\n  | join kind=inner (failed | project user, Failed = TimeGenerated) on user\n  | where Failed < TimeGenerated\n  | summarize n = count() by user\n  | where n >= 2\n";
    let correlation = "AnalysisType: correlation_rule\nRuleID: Own.Correlation\nTests:\n  - Name: twice, then good\n    ExpectedResult: true\n    RuleOutputs: [ { ID: Failed, Matches: { user: { ann: [ 0, 5 ] } } }, { ID: Good, Matches: { user: { ann: [ 7 ] } } } ]\n  - Name: good before\n    ExpectedResult: false\n    RuleOutputs: [ { ID: Failed, Matches: { user: { ann: [ 3, 5 ] } } }, { ID: Good, Matches: { user: { ann: [ 1 ] } } } ]\n  - Name: two people\n    ExpectedResult: false\n    RuleOutputs: [ { ID: Failed, Matches: { user: { ann: [ 0 ], bob: [ 1 ] } } }, { ID: Good, Matches: { user: { ann: [ 7 ] } } } ]\n";
    let tests = "rule: r.yaml\npanther:\n  file: own.yml\n  table: Logins\n  events: { Failed: { kind: failed, user: '{{value}}' }, Good: { kind: good, user: '{{value}}' } }\n";
    let with = |tests: &str| Memory::new([("r.yaml", rule), ("own.yml", correlation), ("r.test.yaml", tests)]);
    let report = run(&with(tests), PLAIN);
    assert_eq!((report.exit_status(), report.counts().passed), (0, 3), "{}", test::human(&report, true));
    let (status, why, line) = refused(&with(&tests.replace("Good: {", "Best: {")));
    assert_eq!((status, line), (3, 6));
    assert!(why.starts_with("no event stands for the rule `Good`"), "{why}");
    let (status, why, line) = refused(&with(&tests.replace("events", "event")));
    assert_eq!((status, why.as_str(), line), (3, "`panther` has no key `event`; did you mean `events`?", 5));
}

#[test]
fn backtests() {
    // A failure every day at 10:30, and hourly runs: each is seen by the run at 11:00 alone.
    let rows: String = (1..=20)
        .map(|day| {
            let row = |second: u32| {
                format!("{{\"TimeGenerated\":\"2026-01-{day:02}T10:30:{second:02}Z\",\"User\":\"ann\",\"Ok\":false}}\n")
            };
            row(1) + &row(2)
        })
        .collect();
    let tests = |expect: &str| {
        format!("{HEAD}fixtures: {{ Logins: l.ndjson }}\ntests:\n  - name: b\n    backtest: {{ from: 2026-01-01, to: 2026-01-11 }}\n    expect: {expect}\n")
            .replace("now: 2026-01-01T12:00:00Z\n", "")
    };
    let with = |expect: &str, rule: String| {
        let files = Memory::new([("r.yaml", rule), ("r.test.yaml", tests(expect)), ("l.ndjson", rows.clone())]);
        run(&files, PLAIN)
    };
    let report =
        with("{ alerts: 10, incidents: 10, row_count: 10, rows: [ { User: ann, Failures: 2 } ] }", RULE.to_owned());
    assert_eq!(report.exit_status(), 0, "{}", test::human(&report, true));
    assert_eq!(with("{ alerts: { at_most: 9 } }", RULE.to_owned()).exit_status(), 1);
    // A period of a day sees each failure 24 times, unless the rule rests for a day after an alert.
    let daily = RULE.replace("queryPeriod: 1h", "queryPeriod: 1d");
    let report = with("{ alerts: { gt: 200 } }", daily.clone());
    assert_eq!(report.exit_status(), 0, "{}", test::human(&report, true));
    let rested = daily + "suppressionEnabled: true\nsuppressionDuration: 24h\n";
    let report = with("{ alerts: 10 }", rested);
    assert_eq!(report.exit_status(), 0, "{}", test::human(&report, true));
}

#[test]
fn survivors_that_are_no_predicates() {
    let tests =
        format!("survivors: [ {{ predicate: Usr, because: none }} ]\ntests:\n{}", case("one", TWO, "must fire"));
    assert_eq!(refused(&files(&tests)), (3, "the query has no predicate `Usr`".to_owned(), 4));
}

#[test]
fn coverage_of_unions_and_subqueries() {
    let text = "query: |
  let big = 5;
  union isfuzzy=true (A | where x > big), B
  | where y == 1
  | mv-apply v = l to typeof(long) on (where v > 0)
  | join kind=leftouter (A | where x == 1) on y
schema: { A: 'x:long, y:long, l:dynamic', B: 'x:long, y:long, l:dynamic' }
tests:
  - name: one
    rows: { A: [ { x: 9, y: 1, l: [ 1 ] }, { x: 1, y: 2 } ] }
    expect: must fire
";
    let report = run(&Memory::new([("q.test.yaml", text)]), Way { coverage: true, ..PLAIN });
    assert_eq!(report.exit_status(), 0, "{}", test::human(&report, true));
    let rule = &report.coverage.as_ref().unwrap().rules[0];
    let of = |text: &str| {
        let it = rule.predicates.iter().find(|it| it.text == text).unwrap();
        it.measured.then_some((it.truths, it.others))
    };
    // One row of A is big; it alone reaches what follows the union.
    assert_eq!(of("x > big"), Some((1, 1)));
    assert_eq!(of("y == 1"), Some((1, 0)));
    assert_eq!((of("x == 1"), of("v > 0")), (Some((1, 1)), None));
    let legs: Vec<_> = rule.branches.iter().map(|it| (it.text.as_str(), it.rows, it.measured)).collect();
    assert_eq!(legs, [("rows of (A | where x > big)", 1, true), ("rows of B", 0, true)]);
}

#[test]
fn documented_tables_need_no_schema() {
    let with = |cells: &str| {
        let text = format!(
            "query: SigninLogs | where ResultType != '0' | join kind=leftouter AuditLogs on CorrelationId\ntests:\n  - name: one\n    rows: {{ SigninLogs: [ {{ TimeGenerated: 2026-01-01T10:00:00Z, {cells} }} ] }}\n    expect: must fire\n"
        );
        Memory::new([("q.test.yaml", text)])
    };
    // Types are the reference's, and a table without rows is there.
    let report = run(&with("ResultType: '50126', LocationDetails: { city: Graz }"), PLAIN);
    assert_eq!(report.exit_status(), 0, "{}", test::human(&report, true));
    let (status, why, _) = refused(&with("ResultType: 50126"));
    assert_eq!(
        (status, why.as_str()),
        (3, "table `SigninLogs`, row 1: `ResultType` is a string, and 50126 is none; put it into quotes")
    );
    let (status, why, _) = refused(&with("ResultTyp: '50126'"));
    assert_eq!(
        (status, why.as_str()),
        (3, "table `SigninLogs`, row 1: there is no column `ResultTyp`; did you mean `ResultType`?")
    );
}
