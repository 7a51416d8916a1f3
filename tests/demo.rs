//! `kql demo` shows every detection with its reason.
#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used, reason = "a test may fail anywhere")]

use std::process::Command;

fn demo(args: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_kql")).arg("demo").args(args).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn every_detection_has_a_reason() {
    let text = demo(&[]);
    let rules = text.split("\n\n").filter(|it| it.starts_with("OpenAI - ")).map(|rule| {
        let reasons = rule.lines().filter(|it| it.starts_with("  ")).count();
        assert!(rule.contains(&format!("{reasons} rows\n")), "{rule}");
        reasons
    });
    assert_eq!(rules.collect::<Vec<_>>(), [2, 5, 3, 3, 2]);
    assert!(text.contains("  2. never at 2 o'clock before and never from Japan before, only Germany\n"), "{text}");
}

#[test]
fn queries_run_on_the_data() {
    assert_eq!(demo(&["OpenAIAuditLogs | count"]).trim(), r#"{"Count":600}"#);
    assert_eq!(demo(&["--format", "csv", "print now()"]), "print_0\r\n2026-06-10T12:00:00Z\r\n".replace('\r', ""));
}
