//! Loads log records that are in memory and asks for the rows of one user.
//!
//! `cargo run --example load_and_query`
#![allow(clippy::print_stdout, reason = "a program for a terminal prints")]

use kql::{Engine, Error, Now, Value};

const LOGS: &str = r#"{"TimeGenerated":"2026-06-08T10:00:00Z","User":"ann","Result":"failed","Session":{"ip":"192.0.2.7"}}
{"TimeGenerated":"2026-06-08T10:01:00Z","User":"ann","Result":"failed","Session":{"ip":"192.0.2.8"}}
{"TimeGenerated":"2026-06-08T10:02:00Z","User":"bob","Result":"ok","Session":{"ip":"192.0.2.9"}}"#;

fn main() -> Result<(), Error> {
    let mut engine = Engine::new();
    let load = engine.load_bytes("Logins", LOGS)?;
    println!("{} rows, {} lines rejected", load.accounting.rows, load.accounting.rejected);

    // Old logs: `ago(1h)` counts back from the newest record.
    engine.set_now(Now::Latest);
    let outcome = engine.query(
        "Logins
         | where TimeGenerated > ago(1h) and Result == 'failed'
         | summarize Failures = count(), Addresses = make_set(Session.ip) by User",
    )?;
    for row in outcome.rows() {
        if let [user, failures, addresses] = row.as_slice() {
            println!("{} failed {} times from {}", user.text(), failures.text(), addresses.text());
        }
    }

    // Rows of the program's own, and an error that says where and what.
    let rows = [vec![Value::String("ann".into()), Value::Bool(true)]];
    engine.load_rows("Users", &[("User", kql::Type::String), ("IsAdmin", kql::Type::Bool)], rows)?;
    match engine.query("Users | where IsAdmn") {
        Err(Error::Query(diagnostics)) => {
            for it in diagnostics {
                println!("{} at byte {}: {} {:?}", it.code, it.span.start, it.message, it.hints);
            }
        }
        other => println!("unexpected: {other:?}"),
    }
    Ok(())
}
