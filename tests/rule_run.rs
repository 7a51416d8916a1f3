//! `kql rule run`, `kql rule backtest` and `kql vendor`, end to end: files in, text and JSON out.
#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used, reason = "a test may fail anywhere")]

use serde_json::Value as Json;
use std::{
    fs,
    path::PathBuf,
    process::{Command, Output},
};

struct Place(PathBuf);

impl Place {
    /// A directory of its own with a rule, its older version, and eight hours of logins.
    fn new(name: &str) -> Place {
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("rule-run-{name}"));
        _ = fs::remove_dir_all(&path);
        fs::create_dir_all(path.join("data/watchlists")).unwrap();
        let place = Place(path);
        place.write("rule.yaml", RULE);
        place.write("old.yaml", &RULE.replace("> 1", "> 2").replace("Failures, First", "Failures"));
        let logins: String = (0..8)
            .flat_map(|hour| (0..=hour % 4).map(move |n| (hour, n)))
            .map(|(hour, n)| {
                format!("{{\"TimeGenerated\":\"2026-06-08T{hour:02}:1{n}:00Z\",\"User\":\"ann\",\"Ok\":false}}\n")
            })
            .collect();
        place.write("data/Logins.ndjson", &logins);
        place.write("data/watchlists/Quiet.csv", "User\nbob\n");
        place
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.0.join(name), text).unwrap();
    }

    fn kql(&self, args: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_kql")).current_dir(&self.0).args(args).output().unwrap()
    }

    fn text(&self, args: &[&str]) -> String {
        let out = self.kql(args);
        assert_eq!(out.status.code(), Some(0), "{}", String::from_utf8_lossy(&out.stderr));
        String::from_utf8(out.stdout).unwrap()
    }

    fn json(&self, args: &[&str]) -> Json {
        serde_json::from_str(&self.text(args)).unwrap()
    }
}

/// Fires in an hour with more than one failed login: hours 1, 2, 3, 5, 6, 7, which have 2, 3, 4, 2, 3, 4 of them.
const RULE: &str = "id: 0f0e0d0c-1111-2222-3333-444444444444
name: Failed logins
kind: Scheduled
severity: Medium
queryFrequency: PT1H
queryPeriod: 01:00:00
triggerOperator: gt
triggerThreshold: 0
tactics: [CredentialAccess]
query: |
  Logins
  | where not(Ok)
  | join kind=leftanti _GetWatchlist('Quiet') on User
  | summarize Failures = count(), First = min(TimeGenerated) by User
  | where Failures > 1
  | project User, Failures, First
entityMappings:
  - entityType: Account
    fieldMappings:
      - identifier: Name
        columnName: User
customDetails:
  Failures: Failures
incidentConfiguration:
  createIncident: true
  groupingConfiguration:
    enabled: true
    reopenClosedIncident: false
    lookbackDuration: PT5H
    matchingMethod: AllEntities
";

#[test]
fn one_run_as_text_json_and_rows() {
    let place = Place::new("one");
    let run = ["rule", "run", "rule.yaml", "--data", "data", "--at", "2026-06-08T03:00:00Z"];
    let text = place.text(&run);
    for expected in [
        "sees [2026-06-08T02:00:00Z, 2026-06-08T03:00:00Z)",
        "1 row, 1 alert, 1 incident",
        "Account ann",
        "Failures = 3",
    ] {
        assert!(text.contains(expected), "{expected} in {text}");
    }
    let json = place.json(&[&run[..], &["-o", "json"]].concat());
    assert_eq!(
        (&json["alerts"][0]["name"], &json["executed"]),
        (&"Failed logins".into(), &"2026-06-08T03:05:00Z".into())
    );
    // The rows are those of SecurityAlert: another query reads them.
    let rows = place.text(&[&run[..], &["-o", "ndjson"]].concat());
    place.write("SecurityAlert.ndjson", &rows);
    let query = "SecurityAlert | project AlertName, AlertSeverity, e = tostring(todynamic(Entities)[0].Name), \
                 n = tostring(todynamic(tostring(todynamic(ExtendedProperties)['Custom Details'])).Failures[0])";
    let out = place.text(&["SecurityAlert.ndjson", query, "-o", "csv"]);
    assert_eq!(out.lines().nth(1), Some("Failed logins,Medium,ann,3"));
    let quiet = place.text(&["rule", "run", "rule.yaml", "--data", "data", "--at", "2026-06-08T05:00:00Z"]);
    assert!(quiet.contains("0 rows, 0 alerts, 0 incidents"), "{quiet}");
    let explained = place.text(&[&run[..], &["--explain"]].concat());
    assert!(explained.contains("the first moment belongs to it, the last does not"), "{explained}");
}

#[test]
fn a_backtest_and_its_report() {
    let place = Place::new("backtest");
    let backtest = ["rule", "backtest", "rule.yaml", "--data", "data", "--from", "2026-06-08T01:00:00Z"];
    let json = place.json(&[&backtest[..], &["-o", "json"]].concat());
    let rows: Vec<u64> = json["runs"].as_array().unwrap().iter().map(|it| it["alerts"].as_u64().unwrap()).collect();
    assert_eq!(rows, [0, 1, 1, 1, 0, 1, 1, 1]);
    // Six alerts of ann: the first at 02:05; 08:05 is more than five hours later, and so is none of the others before 07:05.
    let sizes: Vec<usize> =
        json["incidents"].as_array().unwrap().iter().map(|it| it["alerts"].as_array().unwrap().len()).collect();
    assert_eq!(sizes, [5, 1]);
    assert_eq!(json["entities"][0], serde_json::json!({"entity": "Account ann", "alerts": 6}));
    // 1 + 2 + 3 + 4 rows in each half; the two runs that did not fire had one each.
    assert_eq!(
        (&json["sourceRows"]["Logins"], &json["rowsSeen"], &json["rowsOfFullScans"]),
        (&18.into(), &20.into(), &160.into())
    );
    let text = place.text(&[&backtest[..], &["--against", "old.yaml"]].concat());
    for expected in [
        "8 runs from 2026-06-08T01:00:00Z to 2026-06-08T08:00:00Z: 6 fired",
        "6 alerts in 2 incidents",
        "█",
        "2026-06-08      6",
        "noisiest entities\n       6  Account ann",
        "8 times as many",
        "against old.yaml: 0 detections lost, 1 gained, 2 in both",
        "+ 2026-06-08T02:00:00Z  User=ann, Failures=2",
    ] {
        assert!(text.contains(expected), "{expected} in {text}");
    }
    // The older version wants three failures: by User and Failures, which both have, (ann, 2) is gained.
    let json = place.json(&[&backtest[..], &["--against", "old.yaml", "-o", "json"]].concat());
    let gained = json["comparison"]["gained"].as_array().unwrap();
    assert_eq!((gained.len(), &gained[0]["row"]["Failures"]), (1, &"2".into()));
    assert_eq!(json["comparison"]["runsGained"].as_array().unwrap().len(), 2);
    let incidents = place.text(&[&backtest[..], &["-o", "csv", "--incidents"]].concat());
    assert_eq!(incidents.lines().count(), 3, "{incidents}");
    // Fifty runs end at the first whole hour after the newest row.
    let json = place.json(&["rule", "backtest", "rule.yaml", "--data", "data", "-o", "json"]);
    assert_eq!((json["runs"].as_array().unwrap().len(), &json["runs"][49]["at"]), (50, &"2026-06-08T08:00:00Z".into()));
}

#[test]
fn faults_have_places_and_statuses() {
    let place = Place::new("faults");
    place.write("bad.yaml", &RULE.replace("not(Ok)", "not(Oks)"));
    let out = place.kql(&["rule", "backtest", "bad.yaml", "--data", "data"]);
    let error = String::from_utf8(out.stderr).unwrap();
    assert_eq!(out.status.code(), Some(1));
    assert!(error.contains("bad.yaml:12:15: unknown column or variable `Oks`"), "{error}");
    place.write("list.yaml", &RULE.replace("'Quiet'", "'Quite'"));
    let out = place.kql(&["rule", "run", "list.yaml", "--data", "data"]);
    let error = String::from_utf8_lossy(&out.stderr);
    assert!(error.contains("unknown watchlist `Quite`") && error.contains("did you mean `Quiet`?"), "{error}");
    assert!(error.contains("[watchlists]` in kql.toml"), "{error}");
    for args in [
        &["rule", "run", "--data", "data"][..],
        &["rule"],
        &["rule", "run", "rule.yaml", "--at", "x"],
        &["rule", "backtest", "rule.yaml"],
    ] {
        let out = place.kql(args);
        assert!(matches!(out.status.code(), Some(1 | 2)), "{args:?} {}", String::from_utf8_lossy(&out.stderr));
    }
    assert_eq!(place.kql(&["rule", "run", "none.yaml", "--data", "data"]).status.code(), Some(3));
}

#[test]
fn vendored_copies() {
    let place = Place::new("vendor");
    let url = "https://example.com/bad.csv";
    place.write("bad.csv", "User\nann\n");
    let query = format!("externaldata(User:string)['{url}'] with (format='csv', ignoreFirstRecord=true)");
    place.write("rule.yaml", &format!("name: Bad\nquery: |\n  {query}\n"));
    let out = place.kql(&["rule", "run", "rule.yaml", "--at", "2026-01-01"]);
    let error = String::from_utf8(out.stderr).unwrap();
    assert!(out.status.code() == Some(1) && error.contains(&format!("kql vendor '{url}' FILE")), "{error}");
    assert_eq!(place.kql(&["vendor", url, "bad.csv"]).status.code(), Some(0));
    let text = fs::read_to_string(place.0.join("kql.toml")).unwrap();
    assert!(text.contains("sha256 = \"") && text.contains("date = \"20"), "{text}");
    assert!(place.text(&["rule", "run", "rule.yaml", "--at", "2026-01-01"]).contains("1 row"));
    place.write("bad.csv", "User\neve\n");
    assert!(String::from_utf8_lossy(&place.kql(&["-c", &query]).stderr).contains("its hash differs"));
}

/// A documented table without data is there and empty, and one with data has the documented columns and types; what nothing
/// knows is an error.
#[test]
fn documented_tables_need_no_data() {
    let place = Place::new("documented");
    place.write(
        "data/SigninLogs.ndjson",
        "{\"TimeGenerated\":\"2026-06-08T02:30:00Z\",\"UserPrincipalName\":\"ann\",\"ResultType\":50126}\n",
    );
    let rule = |query: &str| {
        let lines: String = query.lines().map(|it| format!("  {it}\n")).collect();
        place.write("own.yaml", &format!("name: Own\nqueryFrequency: 1h\nqueryPeriod: 1h\nquery: |\n{lines}"));
    };
    let run = ["rule", "run", "own.yaml", "--data", "data", "--at", "2026-06-08T03:00:00Z"];
    let verbs = [&run[..], &["rule", "backtest", "own.yaml", "--data", "data", "--from", "2026-06-08T03:00:00Z"]];
    for (query, empty) in [
        ("SigninLogs | join kind=leftouter (AuditLogs | project Id, OperationName) on Id", "`AuditLogs`"),
        ("SigninLogs | where ResultType == '50126' and isempty(AppDisplayName)", ""),
        ("union SigninLogs, DeviceLogon* | where isempty(LogonType)", "`DeviceLogonEvents`"),
        ("let f = () { table('OfficeActivity') }; union SigninLogs, f()", "`OfficeActivity`"),
    ] {
        rule(query);
        for args in verbs {
            let out = place.kql(args);
            let error = String::from_utf8_lossy(&out.stderr);
            assert_eq!(out.status.code(), Some(0), "{query}: {error}");
            let notice = if empty.is_empty() { String::new() } else { format!("no rows were given for {empty}") };
            assert!(error.contains(&notice) && error.is_empty() == empty.is_empty(), "{query}: {error}");
            assert!(String::from_utf8_lossy(&out.stdout).contains("1 alert"), "{query}");
        }
    }
    for (query, expected) in [
        ("SigninLog | take 1", "did you mean `SigninLogs`?"),
        ("SigninLogs | where UserPrincipalNam == ''", "did you mean `UserPrincipalName`?"),
        ("Mine_CL | take 1", "unknown table `Mine_CL`"),
    ] {
        rule(query);
        let out = place.kql(&run);
        let error = String::from_utf8_lossy(&out.stderr);
        assert!(out.status.code() == Some(1) && error.contains(expected), "{error}");
    }
    rule("SigninLogs | summarize n = dcount(_ItemId), m = countif(isempty(_ItemId))\n| where n == 1 and m == 0");
    assert!(place.text(&run).contains("1 alert"));
}

/// Events of Defender have a `Timestamp`, and their table in a workspace has `TimeGenerated` too.
#[test]
fn the_time_of_a_table_is_the_one_that_its_rows_have() {
    let place = Place::new("timestamp");
    place.write("data/DeviceEvents.ndjson", "{\"Timestamp\":\"2026-06-08T02:30:00Z\",\"DeviceId\":\"d\"}\n");
    place.write(
        "own.yaml",
        "name: Own\nqueryFrequency: 1h\nqueryPeriod: 1h\nquery: DeviceEvents | where TimeGenerated == Timestamp\n",
    );
    for (at, n) in [("2026-06-08T03:00:00Z", "1 alert"), ("2026-06-08T04:00:00Z", "0 alerts")] {
        let text = place.text(&["rule", "run", "own.yaml", "--data", "data", "--at", at]);
        assert!(text.contains(n), "{text}");
    }
}

/// Ten kilobytes of a row are what an alert holds.
#[test]
fn large_rows_are_told() {
    let place = Place::new("large");
    place.write(
        "own.yaml",
        "name: Own\nqueryFrequency: 1h\nqueryPeriod: 1h\nquery: Logins | extend Text = strcat_array(repeat('x', 10241), '')\n",
    );
    let run = ["rule", "run", "own.yaml", "--data", "data", "--at", "2026-06-08T03:00:00Z"];
    let text = place.text(&run);
    assert!(text.contains("warning: 3 rows are larger than the 10 KB that an alert holds"), "{text}");
    assert_eq!(place.json(&[&run[..], &["-o", "json"]].concat())["largeRows"], 3);
    let backtest = ["rule", "backtest", "own.yaml", "--data", "data"];
    assert!(place.text(&backtest).contains("warning: 20 rows are larger"));
}

/// A directory is all rules of its files, with what files of tests, of functions and without a rule hold left out.
#[test]
fn rules_of_a_directory() {
    let place = Place::new("directory");
    for (name, text) in [
        ("rules/a.yaml", RULE.to_owned()),
        ("rules/deep/b.yaml", RULE.replace("> 1", "> 100").replace("Failed logins", "Many failed logins")),
        ("rules/deep/c.kql", "Failed() | where User == 'ann'\n".to_owned()),
        ("rules/failed.yaml", "FunctionName: Failed\nFunctionQuery: Logins | where not(Ok)\n".to_owned()),
        ("rules/a.test.yaml", "rule: a.yaml\n".to_owned()),
        ("rules/readme.yaml", "key: value\n".to_owned()),
        ("data/picture.dat", "\u{1}\u{2}\u{3}".repeat(400)),
    ] {
        fs::create_dir_all(place.0.join(name).parent().unwrap()).unwrap();
        place.write(name, &text);
    }
    let run = ["rule", "run", "rules", "--data", "data", "--at", "2026-06-08T03:00:00Z"];
    let out = place.kql(&run);
    let (text, error) = (String::from_utf8(out.stdout).unwrap(), String::from_utf8(out.stderr).unwrap());
    assert_eq!(out.status.code(), Some(0), "{error}");
    let first = "warning: passed over what holds no logs: data/picture.dat (a binary file)";
    assert_eq!(error.lines().next(), Some(first), "{error}");
    assert!(text.contains("Failed logins  (") && text.contains("Many failed logins  ("), "{text}");
    assert!(text.ends_with("\n3 rules: 1 fired, 1 alert, 1 incident\n"), "{text}");
    assert_eq!(place.text(&["rule", "run", "rules/*.yaml", "--data", "data"]).matches("run at").count(), 1);

    let text = place.text(&["rule", "backtest", "rules/a.yaml", "rules/deep/b.yaml", "--data", "data"]);
    assert!(text.ends_with("\n2 rules: 1 fired, 6 alerts, 2 incidents\n"), "{text}");

    place.write("rules/bad.yaml", "query: |\n  Logins | wehre Ok\nname: Bad\n");
    place.write("rules/worse.yaml", "name: [\n");
    let out = place.kql(&run);
    let (text, error) = (String::from_utf8(out.stdout).unwrap(), String::from_utf8(out.stderr).unwrap());
    assert!(error.contains("did you mean `where`?") && error.contains("rules/worse.yaml"), "{error}");
    assert!(text.ends_with("4 rules: 1 fired, 1 alert, 1 incident; 1 failed\n"), "{text}");
    assert_ne!(out.status.code(), Some(0));
    let out = place.kql(&["rule", "run", "data", "--data", "data"]);
    assert_eq!((out.status.code(), out.stderr), (Some(2), b"error: data: no rule\n".to_vec()));
}
