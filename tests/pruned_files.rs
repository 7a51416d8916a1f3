//! Large files on the command line: what is left out while they are read changes neither answers nor what is told of them.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail anywhere")]

mod room;

use room::Room;
use std::{
    fs::File,
    process::{Command, Stdio},
};

/// Lines of over 4 MiB, of which the last ones are odd: `Late` is then no whole number, `Turned` no time, `Odd` no string.
fn lines() -> String {
    let mut out = String::new();
    for n in 0..22_000 {
        let (late, turned, odd) = match n {
            21_990.. => ("1.5", "\"never\"", "[7]"),
            _ => ("1", "\"2026-06-02T00:00:00Z\"", "\"o1\""),
        };
        out.push_str(&format!(
            "{{\"TimeGenerated\":\"2026-06-{:02}T10:00:00Z\",\"Kind\":\"k{}\",\"N\":{n},\"Late\":{late},\"Turned\":{turned},\
             \"Odd\":{odd},\"User\":{{\"email\":\"u{}@x.example\",\"more\":{{\"padding\":\"{}\",\"n\":{n}}}}}}}\n",
            n / 1_000 + 1,
            n % 50,
            n % 9,
            "p".repeat(40),
        ));
        if n % 5_000 == 7 {
            out.push_str("{\"TimeGenerated\":\"2026-06-01T10:00:00Z\",\"Kind\":\"k1\",\n");
        }
    }
    out
}

/// What is printed and told of a query over the file `name` of the room: as a file, or as standard input, which is loaded whole.
fn told(room: &Room, now: &str, query: &str, as_file: bool) -> (Option<i32>, String, String) {
    let query = query.replace("T |", if as_file { "event |" } else { "stdin |" });
    let mut command = Command::new(env!("CARGO_BIN_EXE_kql"));
    command.current_dir(room.path()).env("KQL_HISTORY", "off").args(["--no-config", "--now", now, "-c", &query]);
    if as_file {
        _ = command.arg("event.ndjson").stdin(Stdio::null());
    } else {
        _ = command.stdin(File::open(room.path().join("event.ndjson")).unwrap());
    }
    let res = command.output().unwrap();
    let text =
        |bytes: Vec<u8>| String::from_utf8(bytes).unwrap().replace("event.ndjson", "stdin").replace("event", "stdin");
    (res.status.code(), text(res.stdout), text(res.stderr))
}

#[test]
fn what_is_left_out_is_not_missed() {
    let room = Room::new("pruned-files");
    let text = lines();
    assert!(text.len() > 16 << 18);
    _ = room.file("event.ndjson", &text);
    for (now, query) in [
        ("2026-06-20", "T | where TimeGenerated > ago(3d) | summarize count(), sum(N) by tostring(User.email)"),
        ("max", "T | where TimeGenerated > ago(1d) and Kind in ('k1', 'k2') | summarize count(), max(now())"),
        ("max", "T | where Kind == 'k7' | summarize count(), sum(Late), dcount(tostring(User.email)), max(now())"),
        ("2026-06-20", "T | where N between (5 .. 9) | project N, User, Late, Turned"),
        ("2026-06-20", "T | where Kind == 'k3' | getschema | project ColumnName, ColumnType"),
        // What the beginning of the file says of these columns does not hold at its end.
        ("2026-06-20", "T | where Late == 1 | summarize count(), take_any(gettype(Late))"),
        ("2026-06-20", "T | where Turned > datetime(2026-06-03) | count"),
        ("2026-06-20", "T | where tostring(Turned) == 'never' | count"),
        ("2026-06-20", "T | where Odd == 'o2' | count"),
    ] {
        let (found, expected) = (told(&room, now, query, true), told(&room, now, query, false));
        assert_eq!(found, expected, "{query}");
        assert!(found.2.contains("gave no row"), "{query}: {}", found.2);
    }
}
