//! A detection rule and its test: known records in, known rows out.
//!
//! `cargo run --example rule_test`, or `cargo test --example rule_test`
#![allow(clippy::print_stdout, reason = "a program for a terminal prints")]

use kql::{Engine, Error, Now, assert_rows};

const RULE: &str = "OpenAIAuditLogs
    | where TimeGenerated > ago(1d)
    | where EventType == 'api_key.created'
    | summarize Keys = count() by Email = tostring(ActorSession.user.email)
    | where Keys >= 2";

fn engine(events: &[(&str, &str, i64)]) -> Result<Engine, Error> {
    let mut engine = Engine::with_builtin_schemas();
    let line = |(kind, email, at): &(&str, &str, i64)| {
        format!(
            r#"{{"id":"e","type":"{kind}","effective_at":{at},"actor":{{"type":"session","session":{{"user":{{"email":"{email}"}}}}}}}}"#
        )
    };
    let text: Vec<String> = events.iter().map(line).collect();
    _ = engine.load_bytes("OpenAIAuditLogs", text.join("\n"))?;
    engine.set_now(Now::Latest);
    Ok(engine)
}

fn main() -> Result<(), Error> {
    let now = 1_780_000_000;
    let engine = engine(&[
        ("api_key.created", "ann@example.com", now - 60),
        ("api_key.created", "ann@example.com", now),
        ("api_key.created", "bob@example.com", now),
        ("api_key.created", "bob@example.com", now - 200_000),
        ("login.succeeded", "bob@example.com", now),
    ])?;
    let outcome = engine.query(RULE)?;
    assert_rows(
        &outcome,
        "
        Email           | Keys
        ann@example.com | 2
        ",
    );
    println!("the rule finds what it should");
    Ok(())
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_rule_finds_what_it_should() {
        super::main().unwrap();
    }
}
