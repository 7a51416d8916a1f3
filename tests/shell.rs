//! The shell on a terminal of its own: what is typed, what comes back, and how it ends.

#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "the helpers of tests stand outside test functions"
)]

mod room;

use ptyprocess::{PtyProcess, WaitStatus};
use room::Room;
use std::{
    fs::File,
    io::{Read, Write},
    process::Command,
    sync::atomic::{AtomicUsize, Ordering},
    sync::mpsc::{Receiver, RecvTimeoutError, channel},
    time::{Duration, Instant},
};

/// How long an answer may take: the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(30);

const LOGINS: &str = concat!(
    r#"{"User":"ann","n":1,"Session":{"user":{"email":"ann@example.com","id":7}}}"#,
    "\n",
    r#"{"User":"bob","n":2,"Session":{"user":{"email":"bob@example.com","id":8}}}"#,
    "\n",
);

/// A query that would run for hours.
const ENDLESS: &str = "range i from 1 to 60000000000 step 1 | summarize dcount(hash_sha256(tostring(i)))";

/// How many terminals there were.
static N_TERMINALS: AtomicUsize = AtomicUsize::new(0);

/// A running command and what it wrote so far.
struct Terminal {
    process: PtyProcess,
    keys: File,
    output: Receiver<Vec<u8>>,
    seen: Vec<u8>,
    /// How much of the text of `seen` was looked through.
    at: usize,
}

/// How a terminal is set up.
struct Setting<'a> {
    args: &'a [&'a str],
    columns: usize,
    environment: &'a [(&'a str, &'a str)],
}

impl Terminal {
    fn start(room: &Room, setting: &Setting) -> Terminal {
        let mut command = Command::new("sh");
        // A new terminal has a size of its own, so that the command waits until it has that of the setting.
        let sized = format!(".sized-{}", N_TERMINALS.fetch_add(1, Ordering::Relaxed));
        let script = format!("until [ -e {sized} ]; do sleep 0.01; done; rm {sized}; exec \"$0\" \"$@\"");
        command.args(["-c", &script, env!("CARGO_BIN_EXE_kql")]).args(setting.args).current_dir(room.path());
        for name in ["KQL_GEOIP", "PAGER", "LESS", "NO_COLOR", "KQL_PAGER"] {
            command.env_remove(name);
        }
        command.envs([("KQL_HISTORY", "off"), ("KQL_PAGER", "off"), ("TERM", "xterm"), ("NO_COLOR", "1")]);
        for (name, value) in setting.environment {
            match *value {
                "" => command.env_remove(name),
                value => command.env(name, value),
            };
        }
        let mut process = PtyProcess::spawn(command).unwrap();
        process.set_window_size(setting.columns as u16, 24).unwrap();
        _ = room.file(&sized, "");
        let keys = process.get_raw_handle().unwrap();
        let mut reader = process.get_raw_handle().unwrap();
        let (sender, output) = channel();
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(n @ 1..) = reader.read(&mut bytes) {
                if sender.send(bytes[..n].to_vec()).is_err() {
                    break;
                }
            }
        });
        Terminal { process, keys, output, seen: Vec::new(), at: 0 }
    }

    /// The shell over a file of logins, without colours, pager and history.
    fn shell(room: &Room) -> Terminal {
        Terminal::at_prompt(room, &["logins.ndjson"], &[])
    }

    /// The shell with arguments and variables, once it asks for a line.
    fn at_prompt(room: &Room, args: &[&str], environment: &[(&str, &str)]) -> Terminal {
        let mut terminal = Terminal::with(room, args, environment);
        _ = terminal.ready();
        terminal
    }

    fn with(room: &Room, args: &[&str], environment: &[(&str, &str)]) -> Terminal {
        _ = room.file("logins.ndjson", LOGINS);
        Terminal::start(room, &Setting { args, columns: 100, environment })
    }

    /// Waits for the next prompt: a control key means something else to a terminal on which nobody asks for a line.
    fn ready(&mut self) -> &mut Terminal {
        _ = self.expect("kql> ");
        self
    }

    fn send(&mut self, keys: &str) -> &mut Terminal {
        self.keys.write_all(keys.as_bytes()).unwrap();
        self
    }

    /// Reads on until a text comes that was not looked at before; gives what came before it. Escapes are left out.
    fn expect(&mut self, text: &str) -> String {
        let end = Instant::now() + PATIENCE;
        loop {
            let plain = plain(&self.seen);
            let rest = plain.get(self.at..).unwrap_or("");
            if let Some(found) = rest.find(text) {
                let before = rest[..found].to_owned();
                self.at += found + text.len();
                return before;
            }
            match self.output.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(bytes) => self.seen.extend(bytes),
                Err(why) => panic!("{text:?} did not come ({why}): {rest:?}"),
            }
        }
    }

    /// Reads on until a text stands anywhere behind what was looked at, which stays where it is.
    fn expect_anywhere(&mut self, text: &str) {
        let at = self.at;
        _ = self.expect(text);
        self.at = at;
    }

    /// Types a line and waits for what it gives.
    fn gives(&mut self, line: &str, text: &str) -> String {
        self.send(line).send("\r").expect(text)
    }

    /// Types a line and waits until it is done: the shell then says that it does not know the next one.
    fn does(&mut self, line: &str) -> String {
        self.send(line).send("\r").gives(".done", "unknown command `.done`")
    }

    /// Everything until the command ends, and its exit status.
    fn end(mut self) -> (String, i32) {
        loop {
            match self.output.recv_timeout(PATIENCE) {
                Ok(bytes) => self.seen.extend(bytes),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => panic!("it does not end: {:?}", plain(&self.seen)),
            }
        }
        let status = match self.process.wait().unwrap() {
            WaitStatus::Exited(_, status) => status,
            other => panic!("{other:?}"),
        };
        (plain(&self.seen), status)
    }
}

/// A terminal's input as text without escape sequences.
fn plain(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let mut out = String::new();
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        if c != '\x1b' {
            out.push(c);
        } else if rest.next_if(|it| *it == '[').is_some() {
            while rest.next().is_some_and(|it| !('\x40'..='\x7e').contains(&it)) {}
        } else {
            _ = rest.next();
        }
    }
    out
}

#[test]
fn an_input_ends_with_a_semicolon_or_a_blank_line() {
    let room = Room::new("shell-ends");
    let mut it = Terminal::shell(&room);
    _ = it.gives("print Sum = 40 + 2", "│  42 │");
    _ = it.gives("logins | where n > 1 | project Found = User", "│ bob   │");
    // Line by line, as queries are written.
    it.send("logins\r").send("| where n == 1\r").send("| project Found = strcat(User, '!')\r").send("\r");
    _ = it.expect("│ ann!  │");
    it.send("logins\r").send("| summarize Total = sum(n)\r").send("| extend Total = Total * 7;\r");
    _ = it.expect("│    21 │");
    // A definition alone is no query.
    it.send("let x = 30;\r").send("print Sum = x + 4;\r");
    _ = it.expect("│  34 │");
    // Open brackets and texts go on.
    it.send("print Sum = (1 +\r").send("35\r").send(")\r").send("\r");
    _ = it.expect("│  36 │");
    it.send("print Text = ```one\r").send("two```;\r");
    _ = it.expect("│ one\\ntwo │");
    // Alt-Enter runs what stands there.
    it.send("logins\x1b\r");
    _ = it.expect("2 rows in");
    // A pipe goes on from the last query.
    _ = it.gives("| summarize Users = make_list(User)", "│ [\"ann\",\"bob\"] │");
    _ = it.gives("| extend More = array_length(Users) + 40", "│   42 │");
    it.ready().send("\x04");
    assert_eq!(it.end().1, 0, "Ctrl-D leaves");
}

#[test]
fn faults_are_shown_where_they_are() {
    let room = Room::new("shell-faults");
    let mut it = Terminal::shell(&room);
    let told = it.gives("logins | wehre n > 1", "hint: did you mean `where`?");
    assert!(told.contains("error SYN0002 at 1:10: unknown operator `wehre`"), "{told}");
    assert!(told.contains("   |          ^^^^^"), "{told}");
    _ = it.gives("logins | where Usr == 'x'", "hint: did you mean `User`?");
    _ = it.gives("logni | count", "hint: did you mean `logins`?");
    _ = it.gives("print Sum = 40 + 2", "│  42 │");
}

#[test]
fn a_pasted_block_is_one_input() {
    let room = Room::new("shell-paste");
    let mut it = Terminal::shell(&room);
    it.send("\x1b[200~logins\n| where n == 2\n\n| project Found = strcat(User, '?')\x1b[201~").send("\r");
    _ = it.expect("│ bob?  │");
    it.send("\x1b[200~let x = 20;\nprint Sum = x + 2\n\x1b[201~").send("\r");
    _ = it.expect("│  22 │");
}

#[test]
fn what_is_typed_ahead_is_kept() {
    let room = Room::new("shell-ahead");
    let mut it = Terminal::shell(&room);
    it.send("range i from 1 to 300000 step 1 | summarize D = dcount(tostring(i) , 4) > 0\rprint Sum = 10 + 1\rprint Sum = 10 + 2\r");
    _ = it.expect("│ true │");
    _ = it.expect("│  11 │");
    _ = it.expect("│  12 │");
}

#[test]
fn history_keeps_whole_inputs() {
    let room = Room::new("shell-history");
    let state = room.path().join("state");
    let environment = [("XDG_STATE_HOME", state.to_str().unwrap()), ("KQL_HISTORY", "")];
    let mut it = Terminal::at_prompt(&room, &["logins.ndjson"], &environment);
    it.send("logins\r").send("| where n == 2\r").send("| project Found = strcat(User, '!');\r");
    _ = it.expect("│ bob!  │");
    _ = it.gives("exit", "");
    assert_eq!(it.end().1, 0);
    let mut it = Terminal::at_prompt(&room, &["logins.ndjson"], &environment);
    _ = it.gives("print Sum = 40 + 2", "│  42 │");
    it.send("\x1b[A\x1b[A\x1b[A");
    _ = it.expect("strcat(User, '!')");
    it.send("\r");
    _ = it.expect("│ bob!  │");
    it.send("\x12Sum\r");
    _ = it.expect("│  42 │");
    let kept = std::fs::read_to_string(state.join("kql/history")).unwrap();
    assert!(kept.contains("strcat(User, '!')") && kept.contains("print Sum"), "{kept}");
    let mut it = Terminal::at_prompt(&room, &["logins.ndjson"], &[("XDG_STATE_HOME", "off")]);
    _ = it.gives("print Sum = 40 + 2", "│  42 │");
    assert!(!room.path().join("off").exists(), "KQL_HISTORY=off keeps nothing");
}

#[test]
fn tab_completes_what_can_stand_there() {
    let room = Room::new("shell-tab");
    let mut it = Terminal::shell(&room);
    for (begun, completed) in [
        ("logi\t", "logins"),
        ("logins | summ\t", "| summarize"),
        ("logins | project-aw\t", "| project-away"),
        ("logins | where Us\t", "where User"),
        ("logins | extend Zulu = 1 | where Zu\t", "where Zulu"),
        ("logins | where Session.us\t", "Session.user"),
        ("logins | where Session.user.em\t", "Session.user.email"),
        ("logins | extend a = strle\t", "a = strlen("),
        ("logins | summarize arg_ma\t", "summarize arg_max("),
        (".maxr\t", ".maxrows"),
        (".schema log\t", ".schema logins"),
        (".load logi\t", ".load logins.ndjson"),
        (".help strcat_d\t", ".help strcat_delim"),
    ] {
        it.send(begun);
        _ = it.expect(completed);
        // The line goes, the next begins.
        it.send("\x15");
    }
    // Several: what they share, then the list.
    it.send("logins | project-\t\t");
    for each in ["project-away", "project-keep", "project-rename", "project-reorder"] {
        it.expect_anywhere(each);
    }
}

#[test]
fn words_have_their_colours() {
    let room = Room::new("shell-colours");
    let mut it = Terminal::at_prompt(&room, &["logins.ndjson"], &[("NO_COLOR", "")]);
    _ = it.gives("logins | where User has 'a' and n < 3 // all", "in ");
    let raw = String::from_utf8_lossy(&it.seen).into_owned();
    for colored in [
        "\x1b[36;1m|\x1b[0m",
        "\x1b[36;1mwhere\x1b[0m",
        "\x1b[32m'a'\x1b[0m",
        "\x1b[35m3\x1b[0m",
        "\x1b[2m// all\x1b[0m",
    ] {
        assert!(raw.contains(colored), "{colored:?} in {raw:?}");
    }
    _ = it.gives("print x", "unknown column");
    assert!(String::from_utf8_lossy(&it.seen).contains("\x1b[31;1merror SEM0100\x1b[0m"));
}

#[test]
fn dot_commands_about_tables_and_names() {
    let room = Room::new("shell-dots");
    let mut it = Terminal::shell(&room);
    _ = it.gives(".tables", "2 rows    3 columns");
    let schema = it.gives(".schema logins", "dynamic");
    assert!(schema.contains("User") && schema.contains("string") && schema.contains("long"), "{schema}");
    _ = it.gives(".schema login", "did you mean `logins`?");
    _ = it.gives(".functions ipv4_is", "ipv4_is_private(");
    _ = it.gives(".help summarize", "T | summarize");
    _ = it.gives(".help sumarize", "did you mean `summarize`?");
    _ = it.gives(".help", ".quit");
    _ = it.gives("help", "Leave the shell");
    _ = it.gives("NoSuchTable | count", "loaded: `logins`");
    _ = room.file("more.csv", "User,n\ncid,3\n");
    _ = it.gives(".load more.csv as Extra", "1 row in table Extra");
    _ = it.gives("Extra | project Found = strcat(User, '!')", "│ cid!  │");
    _ = it.gives(".load nothing.csv", "nothing.csv: No such file");
    _ = it.gives(".now 2026-01-02", "2026-01-02T00:00:00Z");
    _ = it.gives("print Then = now() - 1d", "2026-01-01T00:00:00Z");
    _ = it.gives(".now max", "Z");
    _ = it.does(".param least=2");
    _ = it.gives(".param", "least = 2");
    it.send("declare query_parameters(least:long);\r")
        .send("logins | where n >= least | project Found = strcat(User, '?');\r");
    _ = it.expect("│ bob?  │");
    _ = it.does(".opt timeout 200ms");
    _ = it.gives(".opt", "timeout 200.0 ms");
    _ = it.gives(".show limits", "result_rows");
    _ = it.gives(ENDLESS, "ran out of time");
    _ = it.does(".opt timeout none");
    _ = it.does(".opt memory 1MB");
    _ = it.gives("range i from 1 to 10000000 step 1 | sort by i | count", "limit `memory`");
    _ = it.gives(".show tables", "`.show` is a control command of a cluster");
    _ = it.gives(".tabels", "did you mean `.tables`?");
    _ = it.gives(".exit", "");
    assert_eq!(it.end().1, 0);
}

#[test]
fn dot_commands_about_answers() {
    let room = Room::new("shell-answers");
    let mut it = Terminal::shell(&room);
    _ = it.does(".mode line");
    _ = it.gives("logins | where n == 2 | project User, n", "User = bob\r\n   n = 2\r\n");
    for (mode, text) in [
        ("csv", "User,n\r\nbob,2\r\n"),
        ("tsv", "User\tn\r\nbob\t2\r\n"),
        ("json", "[{\"User\":\"bob\",\"n\":2}]"),
        ("ndjson", "{\"User\":\"bob\",\"n\":2}\r\n"),
        ("markdown", "| bob"),
        ("kql", "datatable(User:string, n:long)"),
        ("raw", "\nbob\t2\r\n"),
        ("table", "│ bob  │ 2 │"),
    ] {
        _ = it.does(&format!(".mode {mode}"));
        _ = it.gives("logins | where n == 2 | project User, n", text);
    }
    _ = it.gives(".mode xml", "unknown format `xml`");
    let told = it.gives("range i from 1 to 100 step 1", "100 rows (40 shown)");
    assert!(told.contains("│   · │") && told.contains("│ 100 │") && !told.contains("│  50 │"), "{told}");
    _ = it.does(".maxrows 4");
    _ = it.gives("range i from 1 to 100 step 1", "100 rows (4 shown)");
    _ = it.does(".timer off");
    let told = it.does("print Sum = 40 + 2");
    assert!(!told.contains("scanned"), "{told}");
    _ = it.does(".timer on");
    _ = it.gives("logins | where n > 1", "B scanned");
    _ = it.gives(".explain logins | where n > 1 | project User", "Optimised plan");
    _ = it.gives(".explain", "filter n > 1  [1 row, ");
    _ = it.gives("logins | project User, n", "2 rows in");
    _ = it.does(".save saved.csv");
    assert_eq!(room.read("saved.csv"), "User,n\nann,1\nbob,2\n");
    _ = it.does(".once once.json");
    _ = it.gives("print a = 1", "1 row in");
    assert_eq!(room.read("once.json"), "[{\"a\":1}]\n");
    _ = it.gives(".output all.ndjson", "the file gets its name");
    _ = it.gives("print a = 1", "1 row in");
    _ = it.gives("print a = 2", "1 row in");
    _ = it.does(".output");
    _ = room
        .file("two.kql", "#connect cluster('x')\nprint Sum = 70 + 1\n\nprint Sum = 70 + 2\n")
        .file("bad.kql", "print x\n\nprint 1");
    let told = it.does(".read two.kql");
    assert!(told.contains("│  72 │"), "{told}");
    assert!(told.contains("│  71 │") && told.contains("`#connect cluster('x')` is for another program"), "{told}");
    let told = it.does(".read bad.kql");
    assert!(told.contains("bad.kql:1:7") && !told.contains("1 row"), "{told}");
}

#[test]
fn rules_and_their_tests_run_in_the_shell() {
    let room = Room::new("shell-rules");
    let rows = "{\"TimeGenerated\":\"2026-06-08T10:00:00Z\",\"Account\":\"ann\"}\n{\"TimeGenerated\":\"2026-06-08T11:00:00Z\",\"Account\":\"bob\"}\n";
    let rule = "id: 11111111-2222-4333-8444-555555555555\nname: Odd logins\nseverity: Low\nqueryFrequency: 1h\nqueryPeriod: 1h\ntriggerOperator: gt\ntriggerThreshold: 0\nquery: |\n  Logons\n  | project TimeGenerated, Account\n";
    let tests = "rule: odd.yaml\nschema:\n  Logons: \"TimeGenerated:datetime, Account:string\"\nnow: 2026-06-08T10:30:00Z\ntests:\n  - name: fires\n    rows:\n      Logons:\n        - { TimeGenerated: 2026-06-08T10:00:00Z, Account: ann }\n    expect:\n      alerts: 1\n";
    _ = room.file("Logons.ndjson", rows).file("odd.yaml", rule).file("odd.test.yaml", tests);
    let mut it = Terminal::at_prompt(&room, &["Logons.ndjson"], &[]);
    let told = it.does(".rule odd.yaml");
    assert!(told.contains("Odd logins") && told.contains("1 row"), "{told}");
    let told = it.does(".rule odd.yaml at 2026-01-01");
    assert!(told.contains("Odd logins") && told.contains("0 rows"), "{told}");
    _ = it.gives(".rule odd.yaml at noon", "`noon` is no datetime");
    _ = it.gives(".rule none.yaml", "none.yaml");
    let told = it.does(".test odd.test.yaml");
    assert!(told.contains("1 passed"), "{told}");
    _ = it.gives("Logons | count", "│     2 │");
}

#[test]
fn a_shell_without_files() {
    let room = Room::new("shell-nofiles");
    let args = ["--no-files", "--external", "https://example.com/x=logins.ndjson", "logins.ndjson"];
    let mut it = Terminal::at_prompt(&room, &args, &[]);
    for command in [".load logins.ndjson", ".read x.kql", ".save a.csv", ".output a.csv", ".once a.csv"] {
        _ = it.gives(command, "touches files, and the shell was started with --no-files");
    }
    _ = it.gives("externaldata(a:string)['https://example.com/x']", "is not read: --no-files");
    _ = it.gives("logins | count", "│     2 │");
}

#[test]
fn ctrl_c_stops_the_query_and_not_the_shell() {
    let room = Room::new("shell-stop");
    let mut it = Terminal::shell(&room);
    it.send(ENDLESS).send("\r");
    _ = it.expect("running ");
    it.send("\x03");
    _ = it.expect("the query was cancelled");
    _ = it.gives("print Sum = 40 + 2", "│  42 │");
    // At the prompt it takes the line back.
    std::thread::sleep(Duration::from_millis(1_100));
    it.ready().send("print Sum = 'nothing'");
    _ = it.expect("'nothing'");
    it.send("\x03");
    std::thread::sleep(Duration::from_millis(1_100));
    let told = it.ready().gives("print Sum = 40 + 3", "│  43 │");
    assert!(!told.contains("nothing"), "{told}");
    std::thread::sleep(Duration::from_millis(1_100));
    _ = it.ready();
    // As a person's fingers: what comes together with an interrupt is thrown away. A busy machine may see two too far apart.
    let mut keys = it.process.get_raw_handle().unwrap();
    std::thread::spawn(move || {
        while keys.write_all(b"\x03").is_ok() {
            std::thread::sleep(Duration::from_millis(300));
        }
    });
    assert_eq!(it.end().1, 130, "twice within a second leaves");
}

#[test]
fn ctrl_c_ends_a_command() {
    let room = Room::new("shell-command");
    let mut it = Terminal::with(&room, &["-c", ENDLESS, "-c", "print 'not this one'", "--keep-going"], &[]);
    _ = it.expect("running ");
    it.send("\x03");
    let (told, status) = it.end();
    assert_eq!(status, 130, "{told}");
    assert!(!told.contains("not this one"), "{told}");
}

#[test]
fn nothing_of_the_data_moves_the_cursor() {
    let room = Room::new("shell-hostile");
    let hostile =
        r#"{"a\u001b[2J":"x\u001b]52;c;ZWNobw==\u0007\u009b2J","b":{"k\u001b[2J":"\u202e\u0008"},"c":"line\r\nend"}"#;
    _ = room.file("hostile.ndjson", hostile);
    let mut it = Terminal::at_prompt(&room, &["hostile.ndjson"], &[]);
    for mode in ["table", "line", "json", "ndjson", "csv", "tsv", "markdown", "kql", "raw"] {
        _ = it.does(&format!(".mode {mode}"));
        _ = it.gives("hostile | extend d = tostring(b)", "1 row in");
    }
    _ = it.does(".mode table");
    _ = it.gives("hostile | project Label = tostring(b), n = 3 | render barchart", "1 row in");
    _ = it.gives("hostile | getschema", "3 rows in");
    _ = it.does(".schema");
    _ = it.gives("hostile | where ['a\\u001b[2J'] == zz", "error");
    _ = it.gives("hostile | extend x = todynamic(c) | evaluate bag_unpack(b)", "1 row in");
    _ = it.does(".explain");
    it.send("hostile | where \t\t");
    _ = it.expect("possibilities?");
    _ = it.send("n\x15").gives(".quit", "");
    let raw = it.seen.clone();
    let (_, status) = it.end();
    let raw = String::from_utf8_lossy(&raw).into_owned();
    for bad in ["\x1b[2J", "\x1b]52", "\u{9b}", "\u{202e}", "\x08\""] {
        assert!(!raw.contains(bad), "{bad:?} in {raw:?}");
    }
    assert_eq!(status, 0);
}

#[test]
fn long_answers_go_through_the_pager() {
    let room = Room::new("shell-pager");
    let mut it = Terminal::at_prompt(&room, &["logins.ndjson"], &[("KQL_PAGER", "sed 's/^/paged /'")]);
    let told = it.gives("range i from 1 to 30 step 1", "30 rows in");
    assert!(told.contains("paged │ 30 │") && told.contains("paged 30 rows"), "{told}");
    let told = it.gives("range i from 1 to 3 step 1", "3 rows in");
    assert!(!told.contains("paged"), "short answers do not: {told}");
    let mut it = Terminal::at_prompt(&room, &["logins.ndjson"], &[("KQL_PAGER", ""), ("PAGER", "head -n 2")]);
    let told = it.gives("range i from 1 to 1000 step 1 | as more", "1000 rows in");
    assert!(!told.contains("│ 1000 │"), "the pager may end early: {told}");
    let mut it = Terminal::with(&room, &["-c", "range i from 1 to 30 step 1"], &[("KQL_PAGER", "sed 's/^/paged /'")]);
    _ = it.expect("paged 30 rows");
    assert_eq!(it.end().1, 0);
}

#[test]
fn answers_fit_their_terminal() {
    let room = Room::new("shell-width");
    let wide = "range i from 1 to 3 step 1 | extend t = datetime(2026-01-01), a = 'some longer text', b = '日本語のテキスト', c = dynamic({\"k\": \"vvvvvvvvvvvvvvv\"}), d = 2.5";
    for columns in [40, 80, 200] {
        for query in [
            wide,
            "range i from 1 to 30 step 1 | extend k = strcat('label', i) | render barchart",
            wide.split_once("| extend").unwrap().0,
        ] {
            let it = Terminal::start(&room, &Setting { args: &["-c", query], columns, environment: &[] });
            let (told, status) = it.end();
            assert_eq!(status, 0, "{told}");
            for line in told.lines() {
                assert!(kql::formats::width(line.trim_end()) <= columns, "{columns}: {line}");
            }
        }
    }
    let it = Terminal::start(&room, &Setting { args: &["-c", wide], columns: 40, environment: &[] });
    assert!(it.end().0.contains("3 rows, 6 columns (3 shown)"));
}

#[test]
fn charts_are_drawn() {
    let room = Room::new("shell-charts");
    let bars = "datatable(k:string, n:long)['one', 1, 'four', 4] | render barchart";
    let (told, _) = Terminal::with(&room, &["-c", bars], &[]).end();
    assert!(told.contains("four ████") && told.contains("2 rows in"), "{told}");
    let lines =
        "range n from 0 to 9 step 1 | extend t = datetime(2026-01-01) + n * 1h | project t, n | render timechart";
    let (told, _) = Terminal::with(&room, &["-c", lines], &[]).end();
    assert!(told.contains("2026-01-01T00:00:00Z") && told.contains('└') && told.contains("● n"), "{told}");
}
