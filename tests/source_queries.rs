//! The source queries find what is planted in the example data, and nothing else. Each expected row is derived by hand
//! from `examples/generate/data/planted.rs`: who, when, and why stand there.
#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used, reason = "a test may fail anywhere")]

#[allow(dead_code, reason = "the command of the generator uses all of it")]
#[path = "../examples/generate/data/mod.rs"]
mod data;
mod support;

use kql::{Engine, assert_rows};

const SOURCES: [&str; 4] = [
    "openai_credential_project_sprawl",
    "openai_config_change_then_abuse",
    "openai_org_config_change",
    "openai_off_hours_or_geo_login",
];

fn check(name: &str, expected: &str) {
    let query = support::rule(name);
    let outcome = support::lumen().query(query.as_str()).unwrap_or_else(|why| panic!("{name}: {why:?}"));
    assert_eq!(outcome.warnings, Vec::<String>::new());
    assert_rows(&outcome, expected);
}

/// Vera's session makes three things in three minutes, though she has made something before (the invitation nine days
/// ago). Sam has made nothing before. Tom makes three, but no more than two from one address, and has a history of two.
#[test]
fn credential_and_project_sprawl() {
    check(
        "openai_credential_project_sprawl",
        r#"
        FirstSeen | LastSeen | ActorEmail | ActorIp | RecentCreates | PriorCreates | Types
        2026-06-10T02:52:10.0000000Z | 2026-06-10T02:55:02.0000000Z | vera.lind@lumen.example | 203.0.113.120 | 3 | 1 | ["service_account.created","api_key.created","project.created"]
        2026-06-10T09:15:20.0000000Z | 2026-06-10T09:15:20.0000000Z | sam.ito@contractor.example | 198.51.100.23 | 1 | 0 | ["invite.sent"]
        "#,
    );
}

/// Vera's four changes meet the filtered completion at 03:10; only the first is before the one that was cut at 02:50. That
/// of the day before lies outside the window, Sam's before his change.
#[test]
fn configuration_change_then_abuse() {
    check(
        "openai_config_change_then_abuse",
        r#"
        ConfigTime | ConfigEvent | ActorEmail | ConfigIp | AbuseTime | ModelName | EventFinishReasons | EventRequestId
        2026-06-10T02:55:02.0000000Z | project.created | vera.lind@lumen.example | 203.0.113.120 | 2026-06-10T03:10:00.0000000Z | gpt-5.4 | ["content_filter"] | req_planted_filtered
        2026-06-10T02:53:45.0000000Z | api_key.created | vera.lind@lumen.example | 203.0.113.120 | 2026-06-10T03:10:00.0000000Z | gpt-5.4 | ["content_filter"] | req_planted_filtered
        2026-06-10T02:52:10.0000000Z | service_account.created | vera.lind@lumen.example | 203.0.113.120 | 2026-06-10T03:10:00.0000000Z | gpt-5.4 | ["content_filter"] | req_planted_filtered
        2026-06-10T02:47:30.0000000Z | organization.updated | vera.lind@lumen.example | 203.0.113.120 | 2026-06-10T02:50:00.0000000Z | gpt-5.4 | ["length"] | req_planted_cut
        2026-06-10T02:47:30.0000000Z | organization.updated | vera.lind@lumen.example | 203.0.113.120 | 2026-06-10T03:10:00.0000000Z | gpt-5.4 | ["content_filter"] | req_planted_filtered
        "#,
    );
}

/// All changes of the organization, routine or not: call logging switched off, a role widened by a service account, a rate
/// limit raised. Assigning a role changes none.
#[test]
fn organization_security_configuration() {
    check(
        "openai_org_config_change",
        r#"
        TimeGenerated | EventType | ActorEmail | ActorIp | ProjectName | EventDetails | Id
        2026-06-10T02:47:30.0000000Z | organization.updated | Vera.Lind@lumen.example | 203.0.113.120 |  | {"id":"org-lumen","changes_requested":{"api_call_logging":"disabled"}} | audit_log-planted16
        2026-06-05T03:15:00.0000000Z | role.updated |  |  |  | {"id":"role-support","changes_requested":{"permissions_added":["api.organization.write"]}} | audit_log-planted09
        2026-06-03T10:20:00.0000000Z | rate_limit.updated | tom.berg@lumen.example | 192.0.2.20 | chat-frontend | {"id":"rl-gpt-5","changes_requested":{"max_requests_per_1_minute":600}} | audit_log-planted07
        "#,
    );
}

/// Omar at his hour but from a new country; Vera's session at night and from a new country; Petra at night from home.
/// Nora was never there before, so nothing is unusual for her.
#[test]
fn off_hours_or_new_country() {
    check(
        "openai_off_hours_or_geo_login",
        r#"
        TimeGenerated | ActorEmail | ActorIp | Country | Hour | OffHours | AnomalousGeo | UsualCountries
        2026-06-10T10:09:00.0000000Z | omar.haddad@lumen.example | 198.51.100.77 | United States | 10 | False | True | ["Germany"]
        2026-06-10T02:41:07.0000000Z | vera.lind@lumen.example | 203.0.113.120 | Japan | 2 | True | True | ["Germany"]
        2026-06-10T01:30:00.0000000Z | petra.wolf@lumen.example | 192.0.2.12 | Germany | 1 | True | False | ["Germany"]
        "#,
    );
}

/// The key that the thief made may do everything; Ivan's key gave another the right to make keys. Tom's scopes are
/// elevated by term only.
#[test]
fn anomalous_key_activity() {
    check(
        "openai_api_key_anomalous_activity",
        r#"
        TimeGenerated | EventType | Id | ActorType | ActorEmail | ActorId | SourceIp | UserAgent | KeyId | Elevated | Severity
        2026-06-10T02:53:45.0000000Z | api_key.created | audit_log-planted18 | session | Vera.Lind@lumen.example | user-veralind | 203.0.113.120 | Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/136.0.0.0 Safari/537.36 | key_metrics | ["all"] | High
        2026-06-07T11:30:00.0000000Z | api_key.updated | audit_log-planted11 | api_key | ivan.petrov@contractor.example | user-ivanpetrov |  |  | key_batch | ["api_keys:write"] | Medium
        "#,
    );
}

/// The texts run as they stand on their pages: two of them indented, two flush left.
#[test]
fn texts_run_with_and_without_indentation() {
    let engine = support::lumen();
    for name in SOURCES {
        let query = support::rule(name);
        let indented: String = query.lines().map(|it| format!("  {it}\n")).collect();
        let windows = query.replace('\n', "\r\n");
        let rows = engine.query(query.as_str()).unwrap().rows();
        for text in [indented, windows] {
            assert_eq!(engine.query(text.as_str()).unwrap().rows(), rows, "{name}");
        }
    }
}

/// Without rows the queries give none, and without a GeoIP file a warning says why there are no countries.
#[test]
fn nothing_comes_of_nothing() {
    for name in SOURCES {
        let outcome = support::engine().query(support::rule(name).as_str()).unwrap();
        assert!(outcome.rows().is_empty(), "{name}");
    }
    let mut engine = Engine::with_builtin_schemas();
    engine.set_now(kql::Now::At(kql::parser::parse_datetime(support::NOW).unwrap()));
    engine.load_bytes("OpenAIAuditLogs", support::read("examples/data/audit.ndjson")).unwrap();
    let outcome = engine.query(support::rule("openai_off_hours_or_geo_login").as_str()).unwrap();
    assert_eq!((outcome.rows().len(), outcome.warnings.len()), (2, 1), "{:?}", outcome.warnings);
}

#[test]
fn example_data_is_what_the_generator_makes() {
    let options = data::Options::default();
    let (mut audit, mut completions) = (Vec::new(), Vec::new());
    data::write_audit(&options, &mut audit).unwrap();
    data::write_completions(&options, &mut completions).unwrap();
    assert!(audit == support::read("examples/data/audit.ndjson"), "run: cargo run --example generate");
    assert!(completions == support::read("examples/data/completions.ndjson"), "run: cargo run --example generate");
}

/// Under other seeds and sizes the same things are found; routine changes of rate limits come with size.
#[test]
fn the_background_stays_in_the_background() {
    for (seed, events) in [(2, 600), (3, 2_500), (4, 20_000)] {
        let options = data::Options { seed, events, completions: events, ..data::Options::default() };
        let (mut audit, mut completions) = (Vec::new(), Vec::new());
        data::write_audit(&options, &mut audit).unwrap();
        data::write_completions(&options, &mut completions).unwrap();
        let mut engine = support::engine();
        engine.load_bytes("OpenAIAuditLogs", audit).unwrap();
        engine.load_bytes("OpenAIChatCompletions", completions).unwrap();
        let found = |name: &str| engine.query(support::rule(name).as_str()).unwrap().rows().len();
        assert_eq!(engine.table("OpenAIAuditLogs_CL").unwrap().n_rows(), events);
        let counts = SOURCES.map(found);
        assert_eq!([counts[0], counts[1], counts[3]], [2, 5, 3], "seed {seed}");
        assert_eq!(found("openai_api_key_anomalous_activity"), 2, "seed {seed}");
        assert!(counts[2] >= 3 && counts[2] <= 3 + events / 1000, "seed {seed}: {}", counts[2]);
    }
}
