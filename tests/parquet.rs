//! Parquet on the command line: in and out, as files alone, with row groups told by `explain`.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail anywhere")]

mod room;

use room::Room;
use std::process::{Command, Output};

fn run(room: &Room, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kql"));
    command.current_dir(room.path()).env("KQL_HISTORY", "off").arg("--no-config").args(args).output().unwrap()
}

/// What it prints; it must not fail.
fn out(room: &Room, args: &[&str]) -> String {
    let res = run(room, args);
    assert!(res.status.success(), "{args:?}: {}", String::from_utf8_lossy(&res.stderr));
    String::from_utf8(res.stdout).unwrap()
}

/// The exit status and what it complains of.
fn fails(room: &Room, args: &[&str]) -> (Option<i32>, String) {
    let res = run(room, args);
    (res.status.code(), String::from_utf8(res.stderr).unwrap())
}

const ROWS: &str = "range n from 1 to 150000 step 1 | extend TimeGenerated = datetime(2026-06-01) + n * 1s, \
    User = strcat('u', n % 7), Bag = pack('a', n % 3), Id = toguid('74be27de-1e4e-49d9-b579-fe0b331d3642')";

#[test]
fn files_go_out_and_come_in() {
    let room = Room::new("pq-both");
    assert_eq!(out(&room, &["-c", ROWS, "--format", "parquet", "--output", "t.parquet"]), "");
    assert!(!room.path().join("t.parquet.tmp").exists());
    let count =
        "T | summarize Rows = count(), Users = dcount(User), A = sum(toint(Bag.a)), Ids = countif(isnotnull(Id))";
    let expected = "{\"Rows\":150000,\"Users\":7,\"A\":150000,\"Ids\":150000}\n";
    assert_eq!(out(&room, &["t.parquet", count]), expected);
    // The ending tells, too; a directory, a pattern and --load read it.
    std::fs::create_dir(room.path().join("logs")).unwrap();
    _ = out(&room, &["t.parquet", "T | where n <= 10", "--output", "logs/a.parquet"]);
    _ = out(&room, &["t.parquet", "T | where n > 149990", "--output", "logs/b.parquet"]);
    for load in ["Logs=logs", "Logs=logs/*.parquet"] {
        assert_eq!(
            out(&room, &["--load", load, "-c", "Logs | summarize count(), sum(n)"]),
            "{\"count_\":20,\"sum_n\":1500010}\n"
        );
    }
    let types = "T | getschema | summarize make_list(ColumnType)";
    assert_eq!(
        out(&room, &["logs/a.parquet", types]),
        "{\"list_ColumnType\":[\"long\",\"datetime\",\"string\",\"dynamic\",\"guid\"]}\n"
    );
}

#[test]
fn explain_tells_which_row_groups_are_read() {
    let room = Room::new("pq-explain");
    _ = out(&room, &["-c", ROWS, "--output", "t.parquet"]);
    let groups = |text: String| text.split_once("Row groups\n").map(|it| it.1.trim().to_owned());
    let recent = "t | where TimeGenerated > datetime(2026-06-02 16:00) | count";
    assert_eq!(groups(out(&room, &["t.parquet", "--explain", recent])).unwrap(), "t: 1 of 3 read");
    assert_eq!(
        groups(out(&room, &["t.parquet", "--explain", "t | where n > 140000 | count"])).unwrap(),
        "t: 1 of 3 read"
    );
    assert_eq!(groups(out(&room, &["explain", "t | count", "t.parquet"])).unwrap(), "t: 3 of 3 read");
    assert_eq!(groups(out(&room, &["explain", "--run", recent, "t.parquet"])).unwrap(), "t: 1 of 3 read");
    assert_eq!(out(&room, &["t.parquet", recent]), "{\"Count\":6000}\n");
    assert_eq!(
        out(&room, &["t.parquet", "--now", "max", "t | where TimeGenerated > ago(10s) | count"]),
        "{\"Count\":10}\n"
    );
    assert_eq!(out(&room, &["t.parquet", "t | where TimeGenerated > ago(1s) | count"]), "{\"Count\":0}\n");
}

#[test]
fn parquet_is_for_files() {
    let room = Room::new("pq-files");
    let (status, text) = fails(&room, &["-c", "print 1", "--format", "parquet"]);
    assert!(status == Some(3) && text.contains("the format parquet is for files"), "{text}");
    let (status, text) = fails(&room, &["-c", "print 1", "-c", "print 2", "--output", "two.parquet"]);
    assert!(status == Some(3) && text.contains("two.parquet: a Parquet file holds one answer"), "{text}");
    assert!(!room.path().join("two.parquet").exists() && !room.path().join("two.parquet.tmp").exists());
    let (status, text) = fails(&room, &["-c", "print 1; print 2", "--output", "two.parquet"]);
    assert!(status == Some(3) && text.contains("a Parquet file holds one table, and the answer has 2"), "{text}");
}

#[test]
fn bad_files_are_told_with_their_path() {
    let room = Room::new("pq-bad");
    _ = out(&room, &["-c", "range n from 1 to 9 step 1", "--output", "t.parquet"]);
    let bytes = std::fs::read(room.path().join("t.parquet")).unwrap();
    _ = room.file("cut.parquet", bytes.split_at(bytes.len() / 2).0);
    let (status, text) = fails(&room, &["cut.parquet", "T | count"]);
    assert!(status == Some(3) && text.contains("cut.parquet: the Parquet file is cut off"), "{text}");
    let (status, text) = fails(&room, &["t.parquet", "--limit-memory", "10", "T | count"]);
    assert!(status == Some(3) && text.contains("t.parquet: ") && text.contains("`memory` of 10"), "{text}");
    assert!(text.contains("--limit-memory SIZE raises it"), "{text}");
}
