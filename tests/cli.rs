//! The command from outside: flags, exit statuses, texts of errors, escapes, the batch protocol.

#![allow(clippy::unwrap_used, reason = "the helpers of tests stand outside test functions")]

mod room;

use room::Room;
use std::{
    io::Write,
    process::{Command, Stdio},
};

/// What the command wrote.
struct Ran {
    status: i32,
    out: String,
    err: String,
}

fn kql_with(room: &Room, args: &[&str], input: &str) -> Ran {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kql"));
    command.args(args).current_dir(room.path()).env_remove("KQL_GEOIP").env("KQL_HISTORY", "off");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // The command may end without reading its input.
    _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let it = child.wait_with_output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Ran { status: it.status.code().unwrap_or(-1), out: text(it.stdout), err: text(it.stderr) }
}

fn kql(room: &Room, args: &[&str]) -> Ran {
    kql_with(room, args, "")
}

const LOGINS: &str = "{\"User\":\"ann\",\"n\":1}\n{\"User\":\"bob\",\"n\":2}\n";

const AUDIT: &str = r#"{"id":"audit_log-1","type":"api_key.created","effective_at":1720804190,"actor":{"type":"session","session":{"user":{"id":"user-1","email":"u@example.com"},"ip_address":"192.0.2.1"}},"api_key.created":{"id":"key_1"}}
"#;

#[test]
fn queries_over_files() {
    let room = Room::new("files");
    _ = room.file("logins.ndjson", LOGINS).file("more.csv", "User,n\ncid,3\n");
    let it = kql(&room, &["logins.ndjson", "logins | where n > 1 | project User"]);
    assert_eq!((it.status, it.out.as_str(), it.err.as_str()), (0, "{\"User\":\"bob\"}\n", ""));
    let it = kql(&room, &["logins.ndjson", "T | count", "-o", "csv"]);
    assert_eq!(it.out.lines().collect::<Vec<_>>(), ["Count", "2"]);
    let it = kql(&room, &["-c", "print a = 1", "-c", "print b = 2"]);
    assert_eq!(it.out, "{\"a\":1}\n{\"b\":2}\n");
    let it = kql(&room, &["--load", "All=logins.ndjson", "--load", "All=logins.ndjson", "-c", "All | count"]);
    assert_eq!(it.out, "{\"Count\":4}\n", "files of one name are one table");
    let it = kql(&room, &["--load", "More=*.csv", "-c", "More | project User, n"]);
    assert_eq!((it.status, it.out.as_str()), (0, "{\"User\":\"cid\",\"n\":3}\n"));
    let it = kql_with(&room, &["-c", "stdin | summarize sum(n)"], LOGINS);
    assert_eq!(it.out, "{\"sum_n\":3}\n");
    let it = kql_with(&room, &[], "print 7");
    assert_eq!(it.out, "{\"print_0\":7}\n", "a query on standard input");
}

#[test]
fn exports_of_openai_go_to_their_table() {
    let room = Room::new("openai");
    _ = room.file("mon.ndjson", AUDIT).file("tue.ndjson", AUDIT);
    let query = "OpenAIAuditLogs | summarize n = count() by EventType, tostring(ActorSession.user.email)";
    let expected = "{\"EventType\":\"api_key.created\",\"ActorSession_user_email\":\"u@example.com\",\"n\":2}\n";
    assert_eq!(kql(&room, &["mon.ndjson", "tue.ndjson", query]).out, expected);
    let it = kql(&room, &["--load", "OpenAIAuditLogs=*.ndjson", "-c", query]);
    assert_eq!((it.out.as_str(), it.err.as_str()), (expected, ""));
    assert_eq!(kql(&room, &["mon.ndjson", "mon | count"]).out, "{\"Count\":1}\n");
    let it = kql(&room, &["-c", "OpenAIAuditLogs | count"]);
    assert_eq!((it.status, it.out.as_str()), (0, "{\"Count\":0}\n"), "known without data");
    let it = kql(&room, &["mon.ndjson", "--now", "max", "-c", "print now()", "-o", "csv"]);
    assert!(it.out.contains("2024-07-12T17:09:50Z"), "{}", it.out);
}

#[test]
fn statuses() {
    let room = Room::new("statuses");
    _ = room.file("logins.ndjson", LOGINS);
    for (args, status) in [
        (&["-c", "print 1"][..], 0),
        (&["-c", "print x"], 1),
        (&["-c", "print 1 |"], 1),
        (&["--fromat", "csv"], 2),
        (&["-o", "xml", "-c", "print 1"], 2),
        (&["--now", "yesterday", "-c", "print 1"], 2),
        (&["--timeout", "soon"], 2),
        (&["missing.ndjson", "T"], 3),
        (&["--load", "T=missing.ndjson", "-c", "T"], 3),
        (&["--geoip", "logins.ndjson", "-c", "print 1"], 3),
        (&["--output", "no/such/place.csv", "-c", "print 1"], 3),
        (&["help", "strlen"], 0),
        (&["help", "strlne"], 1),
        (&["--version"], 0),
        (&["run"], 2),
        (&["-f", "missing.kql"], 3),
        (&["--block", "0", "-c", "print 1"], 2),
        (&["--block", "two", "-c", "print 1"], 2),
        (&["--null-value"], 2),
        (&["--error-format", "xml", "-c", "print 1"], 2),
        (&["--load", "T", "-c", "print 1"], 2),
        (&["-c", "print 1", "--no-net", "--no-files"], 0),
    ] {
        let it = kql(&room, args);
        assert_eq!(it.status, status, "{args:?}: {}", it.err);
        assert_eq!(it.err.is_empty(), status == 0, "{args:?}: {}", it.err);
    }
}

#[test]
fn errors_show_the_place_and_suggest() {
    let room = Room::new("errors");
    _ = room.file("logins.ndjson", LOGINS);
    let it = kql(&room, &["logins.ndjson", "T\n| project Usr"]);
    let expected = "error SEM0100 at 2:11: unknown column or variable `Usr`\n 2 | | project Usr\n   |           ^^^\n  hint: did you mean `User`?\n";
    assert_eq!(it.err, expected);
    let it = kql(&room, &["logins.ndjson", "T | project Usr", "--error-format", "json"]);
    let json: serde_json::Value = serde_json::from_str(it.err.trim()).unwrap();
    assert_eq!((&json["code"], &json["line"], &json["column"]), (&"SEM0100".into(), &1.into(), &13.into()));
    let it = kql(&room, &["-c", "print x", "-c", "print 2"]);
    assert_eq!((it.status, it.out.as_str()), (1, ""), "the first error ends the run");
    let it = kql(&room, &["--keep-going", "-c", "print x", "-c", "print y = 2"]);
    assert_eq!((it.status, it.out.as_str()), (1, "{\"y\":2}\n"));
    let it = kql(&room, &["logins.ndjson", "SELECT User, count(*) FROM logins"]);
    assert!(it.err.contains("hint: this looks like SQL; a query begins with its table"), "{}", it.err);
    let it = kql(&room, &["--tiemout", "3s"]);
    assert!(it.err.contains("did you mean `--timeout`?"), "{}", it.err);
}

#[test]
fn no_escape_of_data_comes_through_messages() {
    let room = Room::new("escapes");
    let hostile = "{\"a\\u001b[2J\":1}\n\u{1b}]52;c;ZWNobw==\u{7}\n";
    _ = room.file("x.ndjson", hostile);
    for args in
        [&["x.ndjson", "T | project b"][..], &["x.ndjson", "T | where ['a\u{1b}[2J'] == y"], &["\u{1b}[2J.json"]]
    {
        let it = kql(&room, args);
        assert!(!it.err.contains(['\u{1b}', '\u{7}']), "{:?}", it.err);
        assert!(it.status != 0);
    }
    let it = kql(&room, &["x.ndjson", "T", "-o", "csv"]);
    assert!(it.out.contains('\u{1b}'), "a pipe gets the exact bytes");
}

#[test]
fn odd_files() {
    let room = Room::new("odd");
    _ = room
        .file("empty.ndjson", "")
        .file("bad.ndjson", "{\"a\":1}\nnot json\n{\"a\":\n{\"a\":2}\n")
        .file("bytes.json", [0xff; 9]);
    let it = kql(&room, &["empty.ndjson", "empty | count"]);
    assert_eq!((it.status, it.out.as_str()), (0, "{\"Count\":0}\n"), "{}", it.err);
    let it = kql(&room, &["bad.ndjson", "T | count", "--rejects", "rejects.ndjson"]);
    assert_eq!((it.status, it.out.as_str()), (0, "{\"Count\":2}\n"), "{}", it.err);
    assert!(it.err.contains("2 lines gave no row; the first is bad.ndjson line 2, byte 8"), "{}", it.err);
    let rejects = room.read("rejects.ndjson");
    assert_eq!(rejects.lines().count(), 2);
    assert!(rejects.contains("\"text\":\"not json\"") && rejects.contains("\"line\":2"), "{rejects}");
    let it = kql(&room, &["bytes.json", "T | count"]);
    assert!(it.status == 0 && it.err.contains("gave no row"), "{}", it.err);
}

#[test]
fn output_files_appear_whole_or_not_at_all() {
    let room = Room::new("output");
    _ = room.file("old.csv", "old");
    let it = kql(&room, &["--output", "old.csv", "-o", "csv", "-c", "print a = 1", "-c", "print x"]);
    assert_eq!((it.status, room.read("old.csv").as_str()), (1, "old"));
    let it = kql(&room, &["--output", "old.csv", "-o", "ndjson", "-c", "print a = 1"]);
    assert_eq!((it.status, it.out.as_str(), room.read("old.csv").as_str()), (0, "", "{\"a\":1}\n"));
    assert!(!room.path().join("old.csv.tmp").exists());
}

#[test]
fn query_and_rule_files() {
    let room = Room::new("rules");
    let rule = "id: 1\nname: A rule\nquery: |\n  OpenAIAuditLogs\n  | where EventType == 'api_key.created'\n  | where TimeGenerated > todatetime('{{StartTimeISO}}')\n  | summarize n = count()\nseverity: Low\n";
    _ = room.file("mon.ndjson", AUDIT).file("rule.yaml", rule).file("two.kql", "print 1\n\nprint 2\n");
    _ = room.file("page.txt", rule.replace("\n  ", "\n")).file("bad.kql", "print 1\n| wehre x\n");
    let load = ["--load", "OpenAIAuditLogs=mon.ndjson", "--now", "max"];
    for file in ["rule.yaml", "page.txt"] {
        let it = kql(&room, &[&["run", file], &load[..]].concat());
        assert_eq!((it.status, it.out.as_str()), (0, "{\"n\":1}\n"), "{}", it.err);
    }
    assert_eq!(kql(&room, &["run", "two.kql"]).out, "{\"print_0\":1}\n{\"print_0\":2}\n");
    let it = kql(&room, &["check", "."]);
    assert!(it.status == 2 && it.out.contains("at ./bad.kql:2:3"), "{}", it.out);
    assert!(it.err.contains("4 rules in 3 files: "), "{}", it.err);
}

#[test]
fn checks_of_rules() {
    let room = Room::new("check");
    let rule = "id: 0f7c2a34-5b1e-4c0a-9a57-3f2b8e6d1c90\nname: A rule\ndescription: It.\nkind: Scheduled\nseverity: Low\n\
                requiredDataConnectors: []\nqueryFrequency: 1h\nqueryPeriod: 1d\ntriggerOperator: gt\ntriggerThreshold: 0\n\
                tactics: [Impact]\nrelevantTechniques: [T1078]\nentityMappings: []\nversion: 1.0.0\nquery: |\n  SigninLogs\n  \
                | where isnotnull(UserPrincipalName)  # \u{1b}\n";
    _ = room.file("rule.yaml", rule.replace("  # \u{1b}", ""));
    _ = room.file("good.kql", "SigninLogs | take 1\n").file("other.yaml", "a: 1\n").file("other.json", "{}");
    let it = kql(&room, &["check", "good.kql"]);
    assert_eq!((it.status, it.out.as_str()), (0, ""), "{}", it.err);
    let it = kql(&room, &["check", "."]);
    let expected = "warning Q012 at ./rule.yaml:17:11: `isnotnull` of the string `UserPrincipalName` is always true: strings are \
                    never null\n 17 |   | where isnotnull(UserPrincipalName)\n    |           ^^^^^^^^^\n";
    assert!(it.status == 1 && it.out.starts_with(expected), "{}", it.out);
    assert!(it.err.contains("2 rules in 2 files: 0 errors, 1 warning, 0 notes"), "{}", it.err);
    let it = kql(&room, &["check", "rule.yaml", "--format", "github"]);
    assert!(
        it.out.starts_with("::warning file=rule.yaml,line=17,endLine=17,col=11,endColumn=20,title=Q012::"),
        "{}",
        it.out
    );
    let it = kql(&room, &["check", "rule.yaml", "--format", "sarif", "--output", "out.sarif"]);
    assert!(it.status == 1 && room.read("out.sarif").contains("\"version\": \"2.1.0\""));
    assert_eq!(kql(&room, &["check", "rule.yaml", "--skip", "null-test-of-string"]).status, 0);
    assert_eq!(kql(&room, &["check", "rule.yaml", "--level", "error"]).status, 0);
    let it = kql(&room, &["check", "rule.yaml", "--fix"]);
    assert!(it.status == 0 && it.err.contains("1 fixed"), "{}", it.err);
    let fixed = rule.replace("  # \u{1b}", "").replace("isnotnull", "isnotempty");
    assert_eq!(room.read("rule.yaml"), fixed);
    let it = kql(&room, &["check", "--explain", "Q012"]);
    assert!(it.status == 0 && it.out.contains("strings are never null"), "{}", it.out);
    // What a hook hands over may be anything.
    assert_eq!(kql(&room, &["check", "rule.yaml", "other.yaml"]).status, 2);
    assert_eq!(kql(&room, &["check", "rule.yaml", "other.yaml", "other.json", "--rules-only"]).status, 0);
    assert_eq!(kql(&room, &["check", "other.yaml", "--rules-only"]).status, 0);
    for bad in
        [&["check"][..], &["check", "--explain", "Q999"], &["check", "missing.kql"], &["check", "good.kql", "--fixx"]]
    {
        assert_eq!(kql(&room, bad).status, 3, "{bad:?}");
    }
}

/// What is declared of a table holds for what is loaded into it, be it documented or not; further columns come behind.
#[test]
fn declared_columns_win_over_those_of_the_data() {
    let room = Room::new("declared");
    _ = room
        .file("T.ndjson", "{\"a\":1,\"d\":2}\n")
        .file("SigninLogs.ndjson", "{\"TimeGenerated\":\"2026-01-01T00:00:00Z\",\"ResultType\":\"7\"}\n")
        .file("s.json", r#"{"tables":{"T":"a:string, b:long","SigninLogs":"TimeGenerated:datetime, ResultType:long"}}"#)
        .file("q.kql", "SigninLogs | where ResultType == 7 | project ResultType");
    let it = kql(
        &room,
        &["--schema", "s.json", "--load", "T=T.ndjson", "-c", "T | project x = strcat(a, '!'), b, d", "-o", "csv"],
    );
    assert_eq!((it.status, it.out.as_str()), (0, "x,b,d\n1!,,2\n"), "{}", it.err);
    let it = kql(&room, &["rule", "run", "q.kql", "--data", "SigninLogs.ndjson", "--schema", "s.json"]);
    assert!(it.status == 0 && it.out.contains("1 row,"), "{} {}", it.out, it.err);
}

#[test]
fn checks_know_declared_schemas() {
    let room = Room::new("check-schema");
    _ = room
        .file("q.kql", "Proxy_CL | where Usr == 'a'\n")
        .file("s.json", r#"{"Name":"Proxy_CL","Properties":[{"Name":"User","Type":"String"}]}"#);
    let it = kql(&room, &["check", "q.kql"]);
    assert!(it.status == 0 && it.out.contains("info Q001"), "{}", it.out);
    assert_eq!(kql(&room, &["check", "q.kql", "--strict"]).status, 2);
    let it = kql(&room, &["check", "q.kql", "--schema", "s.json"]);
    assert!(it.status == 2 && it.out.contains("did you mean `User`?"), "{}", it.out);
    _ = room.file("kql.toml", "schema = [\"s.json\"]\n");
    assert_eq!(kql(&room, &["check", "q.kql"]).status, 2);
    assert_eq!(kql(&room, &["check", "q.kql", "--no-config"]).status, 0);
}

#[test]
fn formatting() {
    let room = Room::new("fmt");
    _ = room.file("a.kql", "T|where   x>1|take 5");
    let it = kql(&room, &["fmt", "--check", "a.kql"]);
    assert_eq!(it.status, 1);
    assert_eq!(kql(&room, &["fmt", "-w", "a.kql"]).status, 0);
    assert_eq!(room.read("a.kql"), "T\n| where x > 1\n| take 5\n");
    assert_eq!(kql(&room, &["fmt", "--check", "a.kql"]).status, 0);
    assert_eq!(kql_with(&room, &["fmt"], "T|count").out, "T\n| count\n");
    assert_eq!(kql_with(&room, &["fmt"], "T | | count").status, 1);
}

#[test]
fn plans() {
    let room = Room::new("plans");
    _ = room.file("logins.ndjson", LOGINS);
    let it = kql(&room, &["explain", "logins.ndjson", "T | where n > 1 | summarize count() by User"]);
    let plan = "Logical plan\n  aggregate count() by User\n  └─ filter n > 1\n     └─ scan logins, 2 columns";
    assert!(
        it.out.starts_with(plan) && it.out.contains("\nOptimised plan\n  aggregate count() by User\n"),
        "{}",
        it.out
    );
    let it = kql(&room, &["explain", "--run", "logins.ndjson", "T | where n > 1"]);
    assert!(it.out.contains("filter n > 1  [1 row, "), "{}", it.out);
    // A JSON text is taken apart where it is read.
    let query = "T | extend p = parse_json(User) | summarize count() by tostring(p.kind), toint(p['n'])";
    let it = kql(&room, &["explain", "logins.ndjson", query]);
    let plan =
        "aggregate count() by p_kind = tostring(todynamic(User).kind), p_n = toint(todynamic(User).n)\n  └─ scan";
    assert!(it.out.contains(plan), "{}", it.out);
}

#[test]
fn formats_and_nulls() {
    let room = Room::new("formats");
    let query = "print a = 'x\\ty', n = long(null), d = dynamic([1])";
    for (format, text) in [
        ("csv", "a,n,d\r\nx\ty,?,[1]\r\n"),
        ("tsv", "a\tn\td\n\"x\ty\"\t?\t[1]\n"),
        ("raw", "x\ty\t?\t[1]\n"),
        ("line", "a = x\ty\nn = ?\nd = [1]\n"),
        ("ndjson", "{\"a\":\"x\\ty\",\"n\":null,\"d\":[1]}\n"),
    ] {
        let it = kql(&room, &["-c", query, "-o", format, "--null-value", "?"]);
        assert_eq!((it.status, it.out.replace('\r', "")), (0, text.replace('\r', "")), "{format}");
    }
    for format in ["table", "markdown"] {
        assert!(kql(&room, &["-c", query, "-o", format, "--null-value", "?"]).out.contains(" ? "));
    }
    assert!(kql(&room, &["-c", query, "-o", "csv"]).out.contains("y,,"), "null is an empty cell");
    assert!(kql(&room, &["-c", query, "-o", "kql"]).out.contains("long(null)"));
}

#[test]
fn blocks_and_lines_for_other_programs() {
    let room = Room::new("blocks");
    let text = "#connect cluster('x')\nprint a = 1\n\nprint b = 2\n\nprint c\n";
    _ = room.file("three.kql", text);
    let it = kql(&room, &["-f", "three.kql", "--block", "2"]);
    assert_eq!((it.status, it.out.as_str()), (0, "{\"b\":2}\n"), "{}", it.err);
    let it = kql(&room, &["-f", "three.kql", "--block", "1"]);
    assert_eq!((it.status, it.out.as_str()), (0, "{\"a\":1}\n"));
    assert!(it.err.contains("`#connect cluster('x')` is for another program"), "{}", it.err);
    let it = kql(&room, &["-f", "three.kql", "--block", "4"]);
    assert!(it.status != 0 && it.err.contains("there is no block 4; it has 3 blocks"), "{}", it.err);
    let it = kql(&room, &["-f", "three.kql", "--block", "3"]);
    assert!(it.status == 1 && it.err.contains("at three.kql:6:7"), "{}", it.err);
    let it = kql(&room, &["run", "three.kql", "-q"]);
    assert_eq!((it.status, it.out.as_str()), (1, "{\"a\":1}\n{\"b\":2}\n"), "the first error ends the run");
    _ = room.file("two.kql", "print x\n\nprint b = 2\n");
    let it = kql(&room, &["run", "two.kql", "--keep-going"]);
    assert_eq!((it.status, it.out.as_str()), (1, "{\"b\":2}\n"));
}

#[test]
fn standard_input_is_a_file_too() {
    let room = Room::new("dash");
    let rows = "{\"a\":1}\n{\"a\":2}\n";
    assert_eq!(kql_with(&room, &["-", "T | count"], rows).out, "{\"Count\":2}\n");
    assert_eq!(kql_with(&room, &["-", "stdin"], rows).out, rows);
    assert_eq!(kql_with(&room, &["-"], rows).status, 2);
    let ran = kql_with(&room, &["-c", "#connect cluster('a')\nprint a = 1"], "");
    assert_eq!((ran.out.as_str(), ran.status), ("{\"a\":1}\n", 0));
    assert!(ran.err.contains("`#connect cluster('a')` is for another program and was left out"), "{}", ran.err);
}

#[test]
fn without_files_queries_read_none() {
    let room = Room::new("nofiles");
    _ = room.file("x.csv", "1\n");
    let query = "externaldata(n:long)['https://example.com/x.csv']";
    let allowed = ["-c", query, "--external", "https://example.com/x.csv=x.csv"];
    assert_eq!(kql(&room, &allowed).out, "{\"n\":1}\n");
    let it = kql(&room, &[&allowed[..], &["--no-files"]].concat());
    assert!(it.status == 1 && it.err.contains("is not read: --no-files"), "{}", it.err);
}

/// What stands beside logs is passed over where it was found, and refused where it was named.
#[test]
fn files_of_other_kinds() {
    let room = Room::new("kinds");
    let picture: String = "\u{1}\u{2}\u{3}".repeat(400);
    for directory in ["logs", "only"] {
        std::fs::create_dir(room.path().join(directory)).unwrap();
    }
    _ = room.file("logs/logins.ndjson", LOGINS).file("logs/picture.dat", &picture).file("only/picture.dat", &picture);
    for args in [["logs", "logins | count"], ["logs/*", "logins | count"], ["--load=All=logs", "All | count"]] {
        let it = kql(&room, &args);
        assert_eq!((it.status, it.out.as_str()), (0, "{\"Count\":2}\n"), "{args:?}: {}", it.err);
        assert_eq!(it.err, "warning: passed over what holds no logs: logs/picture.dat (a binary file)\n", "{args:?}");
    }
    let it = kql(&room, &["logs/picture.dat", "T | count"]);
    assert!(it.status == 3 && it.err.contains("logs/picture.dat, line 1, byte 0: this is a binary file"), "{}", it.err);
    let it = kql(&room, &["only", "T | count"]);
    assert_eq!((it.status, it.err.lines().last()), (3, Some("error: only: no file of a kind that is read")));
}

#[test]
fn commands_that_are_misspelt() {
    let room = Room::new("misspelt");
    for (args, meant) in [(&["chekc", "rules"][..], "check"), (&["tset"], "test"), (&["explian", "x"], "explain")] {
        let it = kql(&room, args);
        let expected = format!("error: {}: no such file, and no command; did you mean `kql {meant}`?\n", args[0]);
        assert_eq!((it.status, it.err), (3, expected));
    }
    let it = kql(&room, &["nothing.json", "chekc"]);
    assert_eq!((it.status, it.err.as_str()), (3, "error: nothing.json: no such file\n"));
}

/// No rows out of no rows say nothing of a rule.
#[test]
fn queries_over_nothing_are_told() {
    let room = Room::new("nothing");
    _ = room.file("a.kql", "OpenAIAuditLogs | where EventType == 'x'").file("logins.ndjson", LOGINS);
    _ = room.file("none.ndjson", "");
    let it = kql(&room, &["run", "a.kql"]);
    assert_eq!((it.status, it.out.as_str()), (0, ""));
    assert!(it.err.contains("no table that the query reads has rows: `OpenAIAuditLogs_CL`"), "{}", it.err);
    assert!(it.err.contains("--load OpenAIAuditLogs_CL=FILE"), "{}", it.err);
    for args in [&["-c", "print 1"][..], &["logins.ndjson", "logins | where n > 9"], &["run", "a.kql", "-q"]] {
        assert_eq!(kql(&room, args).err, "", "{args:?}");
    }
    let it = kql(&room, &["logins.ndjson", "none.ndjson", "union logins, none | where n > 9"]);
    assert_eq!(it.err, "", "one of them has rows");
}

#[test]
fn a_query_without_tables_is_told_of_files() {
    let room = Room::new("notables");
    let it = kql(&room, &["-c", "Logins | count"]);
    assert!(it.status == 1 && it.err.contains("no table is loaded: kql FILE… QUERY"), "{}", it.err);
    let it = kql(&room, &["-c", "print x"]);
    assert!(!it.err.contains("no table"), "{}", it.err);
    _ = room.file("logins.ndjson", LOGINS);
    let it = kql(&room, &["logins.ndjson", "SigninLogs | count"]);
    assert_eq!(it.err.lines().last(), Some("loaded: `logins`"), "{}", it.err);
    let it = kql(&room, &["logins.ndjson", "login | count"]);
    assert_eq!(it.err.lines().last(), Some("  hint: did you mean `logins`?"), "{}", it.err);
}

#[test]
fn nothing_moves_where_no_terminal_is() {
    let room = Room::new("still");
    let slow = "range i from 1 to 60000000000 step 1 | summarize dcount(tostring(i))";
    let it = kql(&room, &["--timeout", "900ms", "-c", slow]);
    assert!(it.status == 1 && !it.err.contains("running") && !it.err.contains('\r'), "{}", it.err);
    let it = kql(&room, &["-c", "print a = 1 | render barchart"]);
    assert_eq!((it.out.as_str(), it.err.as_str()), ("{\"a\":1}\n", ""), "no charts, no statistics");
    let it = kql(&room, &["-c", "range i from 1 to 99 step 1", "-o", "table"]);
    assert_eq!(it.out.lines().count(), 104, "nothing is cut");
}

#[test]
fn limits() {
    let room = Room::new("limits");
    let endless = "range i from 1 to 1000000000 step 1 | extend x = strcat(i) | summarize dcount(x)";
    let it = kql(&room, &["--timeout", "200ms", "-c", endless]);
    assert!(it.status == 1 && it.err.contains("ran out of time"), "{}", it.err);
    let it = kql(&room, &["--limit-memory", "1MB", "-c", "range i from 1 to 10000000 step 1 | sort by i"]);
    assert!(it.status == 1 && it.err.contains("limit `memory` of 1048576"), "{}", it.err);
    assert!(it.err.contains("`sort`") && it.err.contains("--limit-memory SIZE raises it"), "{}", it.err);
    let rows: String = (0..200_000).map(|it| format!("{{\"s\":\"text number {it}\"}}\n")).collect();
    _ = room.file("large.ndjson", rows);
    let it = kql(&room, &["large.ndjson", "--limit-memory", "2MB", "large | sort by s | take 1"]);
    assert!(
        it.status == 3 && it.err.contains("large.ndjson, line ") && it.err.contains("`memory` of 2097152"),
        "{}",
        it.err
    );
    assert!(it.err.contains("--limit-memory SIZE raises it"), "{}", it.err);
    for query in ["summarize count() by i", "sort by i", "join kind=inner (range i from 1 to 3000000 step 1) on i"] {
        let text = format!("range i from 1 to 3000000 step 1 | {query} | count");
        let it = kql(&room, &["--limit-memory", "4MB", "-c", &text]);
        let operator = query.split(' ').next().unwrap();
        assert!(it.err.contains(&format!("`{operator}` reached the limit `memory` of 4194304")), "{query}: {}", it.err);
    }
    // What an expression makes is held by the operator that gathers it.
    let text = "range i from 1 to 3000000 step 1 | extend s = strcat('x', i) | sort by s | summarize max(s)";
    let it = kql(&room, &["--limit-memory", "4MB", "-c", text]);
    assert!(it.err.contains("`sort` reached the limit `memory` of 4194304; raise it, or ask for less"), "{}", it.err);
}

#[test]
fn settings_of_a_project() {
    let room = Room::new("config");
    _ = room.file("logins.ndjson", LOGINS).file("kql.toml", "format = \"csv\"\n[load]\nL = \"logins.ndjson\"\n");
    assert!(kql(&room, &["-c", "L | count"]).out.starts_with("Count"));
    assert_eq!(kql(&room, &["--no-config", "-c", "L | count"]).status, 1);
    _ = room.file("kql.toml", "colour = 1\n");
    let it = kql(&room, &["-c", "print 1"]);
    assert!(it.status == 2 && it.err.contains("kql.toml, line 1: unknown setting `colour`"), "{}", it.err);
}

#[test]
fn the_batch_protocol() {
    let room = Room::new("batch");
    let schema = r#"{"tables":{"S":{"a":"string"}},"functions":{"F":{"params":"(x:long)","body":"{ x + 1 }"}}}"#;
    _ = room.file("schema.json", schema).file("logins.ndjson", LOGINS);
    let input = [
        r#"{"id":1,"query":"print x = F(1), t = now()","now":"2024-01-31T10:00:00.5Z"}"#,
        r#"{"id":"a","query":"T | where v > 1","tables":{"T":{"columns":[{"name":"v","type":"long"}],"rows":[[1],[2]]}}}"#,
        r#"{"id":[2],"query":"T"}"#,
        "",
        "no request",
        r#"{"id":3,"query":"S | project a","mode":"check"}"#,
        r#"{"id":4,"query":"Nothing | take","mode":"parse"}"#,
        r#"{"id":5,"query":"print real(nan), 1.0, dynamic({\"k\":[1]}), 1h, decimal(1.5) | render table"}"#,
        r#"{"id":6,"query":"declare query_parameters(p:string); print p","parameters":{"p":"v"}}"#,
        r#"{"id":7,"query":"L | count"}"#,
    ];
    let it = kql_with(&room, &["batch", "--schema", "schema.json", "--load", "L=logins.ndjson"], &input.join("\n"));
    let lines: Vec<serde_json::Value> = it.out.lines().map(|it| serde_json::from_str(it).unwrap()).collect();
    assert_eq!((it.status, lines.len()), (1, 9), "{}", it.out);
    assert_eq!(lines[0]["tables"][0]["rows"], serde_json::json!([[2, "2024-01-31T10:00:00.5Z"]]));
    assert_eq!(lines[1]["tables"][0]["rows"], serde_json::json!([[2]]));
    assert_eq!((&lines[2]["id"], &lines[2]["error"]["line"]), (&serde_json::json!([2]), &1.into()));
    assert_eq!(lines[3]["error"]["code"], "BAD_REQUEST");
    assert_eq!(lines[4]["tables"][0]["columns"], serde_json::json!([{"name": "a", "type": "string"}]));
    assert!(lines[5]["error"]["code"].as_str().unwrap().starts_with("SYN"));
    assert_eq!(lines[6]["tables"][0]["rows"][0], serde_json::json!(["NaN", 1.0, {"k": [1]}, "01:00:00", "1.5"]));
    assert_eq!(lines[6]["visualization"]["Visualization"], "table");
    assert_eq!(lines[7]["tables"][0]["rows"], serde_json::json!([["v"]]));
    assert_eq!(lines[8]["tables"][0]["rows"], serde_json::json!([[2]]));
    let it = kql_with(&room, &["batch"], "{\"query\":\"print 1\"}\n");
    assert_eq!((it.status, it.err.as_str()), (0, ""));
    assert_eq!(kql(&room, &["batch", "file"]).status, 2);
}

#[test]
fn help_tells_of_everything() {
    let room = Room::new("help");
    for (name, text) in
        [("strlen", "strlen(\"hello\") => 5"), ("summarize", "T | summarize"), ("make_set", "aggregate")]
    {
        let it = kql(&room, &["help", name]);
        assert!(it.out.contains(text), "{}", it.out);
    }
    let it = kql(&room, &["--help"]);
    for flag in ["--load", "--limit-memory", "--error-format", "kql batch"] {
        assert!(it.out.contains(flag), "{flag}");
    }
    assert!(kql(&room, &["help"]).out.contains("project-away"));
}
