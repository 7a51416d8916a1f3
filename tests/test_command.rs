//! `kql test` and `kql new` from outside: statuses, formats, files that they write.

#![allow(clippy::unwrap_used, clippy::panic, reason = "the helpers of tests stand outside test functions")]

#[allow(dead_code, reason = "tests use parts of what they share")]
mod room;

use room::Room;
use std::{
    fs,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

struct Ran {
    status: i32,
    out: String,
    err: String,
}

fn command(room: &Room, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kql"));
    _ = command.args(args).current_dir(room.path()).env_remove("KQL_GEOIP");
    command
}

fn kql(room: &Room, args: &[&str]) -> Ran {
    let it = command(room, args).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Ran { status: it.status.code().unwrap_or(-1), out: text(it.stdout), err: text(it.stderr) }
}

const TESTS: &str = "query: |
  Logins
  | where not(Ok)
schema: { Logins: 'TimeGenerated:datetime, User:string, Ok:bool' }
tests:
  - name: a failure
    rows: { Logins: [ { TimeGenerated: 2026-01-01T10:00:00Z, User: ann, Ok: false } ] }
    expect: { alerts: 1, rows: [ { User: ann } ] }
  - name: a success
    rows: { Logins: [ { TimeGenerated: 2026-01-01T10:00:00Z, User: ann, Ok: true } ] }
    expect: must not fire
";

fn room(name: &str, tests: &str) -> Room {
    let room = Room::new(name);
    _ = room.file("logins.test.yaml", tests);
    room
}

#[test]
fn statuses() {
    let good = room("good", TESTS);
    let it = kql(&good, &["test", "."]);
    assert_eq!((it.status, it.err.as_str()), (0, ""), "{}", it.out);
    assert!(it.out.contains("ok   ./logins.test.yaml (2 of 2)") && it.out.contains("2 passed in 1 file"), "{}", it.out);
    let it = kql(&room("failed", &TESTS.replace("alerts: 1", "alerts: 2")), &["test", "."]);
    assert_eq!(it.status, 1);
    assert!(it.out.contains("logins.test.yaml:8:15: alerts: expected 2 alerts, found 1"), "{}", it.out);
    let it = kql(&room("rule", &TESTS.replace("not(Ok)", "not(Okay)")), &["test", "logins.test.yaml"]);
    assert_eq!(it.status, 2);
    assert!(it.out.contains("logins.test.yaml:3:"), "{}", it.out);
    let it = kql(&room("fixture", &TESTS.replace("Ok: true", "Oks: true")), &["test", "."]);
    assert_eq!(it.status, 3);
    assert!(it.out.contains("did you mean `Ok`?"), "{}", it.out);
    for args in [&["test", "nowhere"][..], &["test"], &["test", "--formt=x", "."], &["test", "--format", "xml", "."]] {
        assert_eq!(kql(&good, args).status, 3, "{args:?}");
    }
    assert!(kql(&good, &["test", "--formt", "."]).err.contains("did you mean `--format`?"));
    let it = kql(&good, &["test", ".", "--mutate"]);
    assert_eq!((it.status, it.out.contains("2 of 2 mutants found by a test")), (0, true), "{}", it.out);
    let it = kql(&good, &["test", ".", "--filter", "success", "-v"]);
    assert!(it.out.contains("ok   a success") && it.out.contains("1 passed"), "{}", it.out);
}

#[test]
fn formats_and_files() {
    let room = room("formats", &TESTS.replace("alerts: 1", "alerts: 2"));
    let it = kql(&room, &["test", ".", "--format", "github", "--junit", "out.xml"]);
    assert!(it.out.starts_with("::error file=logins.test.yaml,line=8,col=15,title="), "{}", it.out);
    assert!(room.read("out.xml").contains("<testsuite name=\"./logins.test.yaml\" tests=\"2\" failures=\"1\""));
    let it = kql(&room, &["test", ".", "--format", "tap"]);
    assert!(it.out.starts_with("TAP version 14\n1..2\nnot ok 1 - "), "{}", it.out);
    let it = kql(&room, &["test", ".", "--format", "json"]);
    let json: serde_json::Value = serde_json::from_str(&it.out).unwrap();
    assert_eq!((json["failed"].as_u64(), json["suites"][0]["tests"][0]["verdict"].as_str()), (Some(1), Some("failed")));
    _ = room.file("logins.test.yaml", TESTS.replace("alerts: 1, ", "snapshot: one.json, "));
    assert_eq!(kql(&room, &["test", "."]).status, 1);
    assert_eq!(kql(&room, &["test", ".", "--update"]).status, 0);
    assert!(room.read("one.json").contains("\"ann\""));
    assert_eq!(kql(&room, &["test", "."]).status, 0);
}

/// Names out of data and files must not move the cursor.
#[test]
fn escapes_do_not_reach_the_terminal() {
    let it = kql(
        &room("escapes", &TESTS.replace("name: a failure", "name: \"a\\e[2J\"").replace("alerts: 1", "alerts: 2")),
        &["test", "."],
    );
    assert!(it.status == 1 && !it.out.contains('\u{1b}'), "{:?}", it.out);
}

#[test]
fn projects() {
    let room = Room::new("project");
    let toml = "tests = [\"t/*.test.yaml\"]\nfunctions = [\"parsers\"]\n[watchlists]\nVips = \"vips.csv\"\n[external.\"https://example.com/bad.csv\"]\nfile = \"bad.csv\"\n";
    _ = room.file("kql.toml", toml).file("vips.csv", "User,Level\nann,1\n").file("bad.csv", "192.0.2.9\n");
    fs::create_dir_all(room.path().join("parsers")).unwrap();
    fs::create_dir_all(room.path().join("t")).unwrap();
    _ = room.file("parsers/Failed.kql", "Logins | where not(Ok)");
    let tests = "query: |
  let bad = externaldata(Ip: string)['https://example.com/bad.csv'] with (format='csv');
  Failed
  | where User in ((_GetWatchlist('Vips') | project User)) or Ip in ((bad))
schema: { Logins: 'TimeGenerated:datetime, User:string, Ip:string, Ok:bool' }
fixtures:
  Logins:
    - { TimeGenerated: 2026-01-01T10:00:00Z, User: ann, Ip: 192.0.2.1, Ok: false }
    - { TimeGenerated: 2026-01-01T10:00:00Z, User: bob, Ip: 192.0.2.1, Ok: false }
    - { TimeGenerated: 2026-01-01T10:00:00Z, User: cid, Ip: 192.0.2.9, Ok: false }
tests:
  - name: the project's own list
    expect: { rows: [ { User: ann }, { User: cid } ], row_count: 2 }
  - name: a list of the test
    watchlists: { Vips: [ { User: bob } ] }
    expect: { rows: [ { User: bob }, { User: cid } ], row_count: 2 }
";
    _ = room.file("t/a.test.yaml", tests);
    let it = kql(&room, &["test"]);
    assert_eq!(it.status, 0, "{}{}", it.out, it.err);
    _ = room.file("t/a.test.yaml", tests.replace("bad.csv", "worse.csv"));
    let it = kql(&room, &["test"]);
    assert!(
        it.status == 2 && it.out.contains("t/a.test.yaml:2:") && it.out.contains("kql vendor"),
        "{}{}",
        it.out,
        it.err
    );
}

#[test]
fn beginnings_pass() {
    let room = Room::new("new");
    let it = kql(&room, &["new", "rule", "my_rule"]);
    assert_eq!(it.status, 0, "{}", it.err);
    let it = kql(&room, &["test", ".", "--mutate", "--coverage"]);
    assert!(it.status == 0 && it.out.contains("3 passed"), "{}", it.out);
    assert_eq!(kql(&room, &["new", "rule", "my_rule"]).status, 3, "nothing is written over");
    _ = room.file("hunt.kql", "OpenAIAuditLogs\n| where EventType == 'login.failed'\n");
    assert_eq!(kql(&room, &["new", "test", "hunt.kql"]).status, 0);
    let text = room.read("hunt.test.yaml");
    assert!(
        text.contains("OpenAIAuditLogs:\n        - { TimeGenerated: 2026-01-01T11:30:00Z, EventType: \"\" }"),
        "{text}"
    );
    assert_eq!(kql(&room, &["test", "hunt.kql"]).status, 1, "it is to be filled in");
    _ = room.file("hunt.test.yaml", text.replacen("EventType: \"\"", "EventType: login.failed", 1));
    assert_eq!(kql(&room, &["test", "hunt.kql"]).status, 0);
}

#[test]
fn panther() {
    let room = Room::new("panther");
    let detection = "AnalysisType: rule\nRuleID: Own.Logins\nLogTypes: [Own.Logins]\nThreshold: 3\nTests:\n  - Name: failure\n    ExpectedResult: true\n    Log: {user: ann, ok: false, ip: 192.0.2.1, at: 1780000000}\n  - Name: success\n    ExpectedResult: false\n    Log: {user: ann, ok: true, ip: 192.0.2.1, at: 1780000000}\n";
    let rule = "Logins | where not(ok) | summarize Ips = count_distinct(ip) by user | where Ips >= 3";
    _ = room.file("own.yml", detection).file("port.kql", rule);
    let args =
        ["test", "--panther", "own.yml", "port.kql", "--table", "Logins", "--time", "at", "--unique", "ip", "-v"];
    let it = kql(&room, &args);
    assert!(it.status == 0 && it.out.contains("2 passed"), "{}{}", it.out, it.err);
    let it = kql(&room, &args[..8]);
    assert!(it.status == 1 && it.out.contains("1 passed, 1 failed"), "one event is below the threshold: {}", it.out);
    let import = [
        "test", "--import", "panther", "own.yml", "--rule", "port.kql", "--table", "Logins", "--time", "at",
        "--unique", "ip",
    ];
    assert!(kql(&room, &import).out.contains("expect: must not fire"));
    let it = kql(&room, &[&import[..], &["--write"]].concat());
    assert_eq!(it.status, 0, "{}", it.err);
    let it = kql(&room, &["test", "."]);
    assert!(it.status == 0 && it.out.contains("2 passed"), "{}{}", it.out, it.err);
}

/// Reads a file until it holds a text.
fn wait_for(room: &Room, file: &str, text: &str, child: &mut Child) {
    let start = Instant::now();
    while !fs::read_to_string(room.path().join(file)).unwrap_or_default().contains(text) {
        if start.elapsed() > Duration::from_secs(60) {
            _ = child.kill();
            panic!("`{text}` did not come: {}", room.read(file));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn watching() {
    let room = room("watch", TESTS);
    let out = Room::new("watch-out");
    let log = fs::File::create(out.path().join("log")).unwrap();
    let mut child = command(&room, &["test", ".", "--watch"]).stdout(log).stderr(Stdio::null()).spawn().unwrap();
    wait_for(&out, "log", "2 passed", &mut child);
    _ = room.file("logins.test.yaml", TESTS.replace("alerts: 1", "alerts: 2"));
    wait_for(&out, "log", "1 passed, 1 failed", &mut child);
    child.kill().unwrap();
    _ = child.wait();
}

/// Ctrl-C ends a run that takes long, and the status says so.
#[cfg(unix)]
#[test]
fn interrupted() {
    let tests = "query: |
  Long
  | mv-expand a = range(1, 1000000, 1) | mv-expand b = range(1, 1000000, 1)
  | summarize count() by tostring(a)
schema: { Long: 'x:long' }
tests: [ { name: a, rows: { Long: [ { x: 1 } ] }, expect: must fire } ]
";
    let room = room("interrupted", tests);
    let mut child = command(&room, &["test", "."]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    std::thread::sleep(Duration::from_millis(1500));
    let is_running = child.try_wait().unwrap().is_none();
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let start = Instant::now();
    let status = child.wait().unwrap();
    assert!(is_running, "the run was over before it was interrupted");
    assert_eq!(status.code(), Some(130));
    assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
}
