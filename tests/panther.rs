//! The Panther rule in KQL gives the verdicts that its eight tests expect, and what those tests leave out.
#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used, reason = "a test may fail anywhere")]
#![allow(clippy::indexing_slicing, reason = "a test may fail anywhere")]
#![allow(dead_code, reason = "tests use parts of what they share")]

mod support;

/// A session as the tests' logs have it.
fn session(user: &str, email: &str, address: &str, agent: &str) -> String {
    format!(
        r#"{{"type":"session","session":{{"user":{{"id":"{user}","email":"{email}"}},"ip_address":"{address}","user_agent":"{agent}"}}}}"#
    )
}

/// An audit event whose details stand under `details`.
fn event(kind: &str, actor: &str, details: &str) -> String {
    let more = if details.is_empty() { String::new() } else { format!(",{details}") };
    format!(
        r#"{{"id":"audit_log-test","type":"{kind}","effective_at":1702857600,"object":"organization.audit_log","actor":{actor}{more}}}"#
    )
}

/// The columns that matter of what the rule says about an event.
fn verdict(log: &str) -> Vec<String> {
    let mut engine = support::engine();
    engine.load_bytes("OpenAIAuditLogs", log).unwrap();
    let query = support::rule("openai_api_key_anomalous_activity");
    let outcome = engine.query(query.as_str()).unwrap_or_else(|why| panic!("{why:?}"));
    let names = ["ActorType", "ActorEmail", "ActorId", "SourceIp", "Elevated", "Severity"];
    let table = outcome.table().unwrap();
    let places = names.map(|it| table.schema.index_of(it).unwrap());
    table.rows().map(|row| places.map(|it| row[it].text()).join(" ")).collect()
}

#[test]
fn key_created_with_read_only_scopes() {
    let actor = session("user-developer456", "developer@company.com", "203.0.113.50", "Mozilla/5.0");
    let details =
        r#""api_key_created":{"id":"key-abc123","data":{"name":"Production API Key","scopes":["models:read"]}}"#;
    assert!(verdict(&event("api_key.created", &actor, details)).is_empty());
}

#[test]
fn key_with_elevated_permissions() {
    let actor = session("user-contractor789", "contractor@external.com", "192.0.2.100", "curl/7.68.0");
    let details = r#""api_key_created":{"id":"key-suspicious001","data":{"name":"Full Access Key","scopes":["models:write","organization:write","all"]}}"#;
    assert_eq!(
        verdict(&event("api_key.created", &actor, details)),
        [
            r#"session contractor@external.com user-contractor789 192.0.2.100 ["models:write","organization:write","all"] High"#
        ]
    );
}

#[test]
fn key_updated_with_elevated_permissions() {
    let actor = session("user-intern001", "intern@company.com", "203.0.113.75", "Mozilla/5.0");
    let details =
        r#""api_key_updated":{"id":"key-existing123","data":{"scopes":["models:write","api_keys:write","admin"]}}"#;
    assert_eq!(
        verdict(&event("api_key.updated", &actor, details)),
        [r#"session intern@company.com user-intern001 203.0.113.75 ["models:write","api_keys:write","admin"] High"#]
    );
}

#[test]
fn key_deleted() {
    let actor = session("user-unknown999", "unknown@suspicious.com", "198.18.0.50", "python-requests/2.28.0");
    assert!(verdict(&event("api_key.deleted", &actor, r#""api_key_deleted":{"id":"key-production001"}"#)).is_empty());
}

#[test]
fn key_with_all_by_a_key() {
    let actor = r#"{"type":"api_key","api_key":{"type":"user","id":"key-parent001","user":{"id":"user-suspicious002","email":"suspicious@external.com"}}}"#;
    let details = r#""api_key_created":{"id":"key-child001","data":{"name":"Nested API Key","scopes":["all"]}}"#;
    assert_eq!(
        verdict(&event("api_key.created", actor, details)),
        [r#"api_key suspicious@external.com user-suspicious002  ["all"] High"#]
    );
}

#[test]
fn key_with_several_elevated_scopes() {
    let actor = r#"{"type":"session","session":{"user":{"id":"user-compromised001","email":"compromised@company.com"},"ip_address":"192.0.2.200","user_agent":"PostmanRuntime/7.29.2","ja3":"771,4865-4866-4867,0-23-65281,29-23-24,0","ja4":"t13d1516h2_8daaf6152771_e5627efa2ab1"}}"#;
    let details = r#""api_key_created":{"id":"key-malicious001","data":{"name":"Admin Override Key","scopes":["organization:write","admin"]}}"#;
    assert_eq!(
        verdict(&event("api_key.created", actor, details)),
        [r#"session compromised@company.com user-compromised001 192.0.2.200 ["organization:write","admin"] High"#]
    );
}

#[test]
fn key_updated_without_elevated_scopes() {
    let actor = session("user-admin001", "admin@company.com", "203.0.113.100", "Mozilla/5.0");
    let details =
        r#""api_key_updated":{"id":"key-regular001","data":{"name":"Updated Key Name","scopes":["models:read"]}}"#;
    assert!(verdict(&event("api_key.updated", &actor, details)).is_empty());
}

#[test]
fn login() {
    let actor = session("user-normal001", "user@company.com", "203.0.113.200", "Mozilla/5.0");
    assert!(verdict(&event("login.succeeded", &actor, "")).is_empty());
}

#[test]
fn scopes_match_exactly_whatever_their_case() {
    let actor = session("u", "u@x", "192.0.2.1", "a");
    let with = |scopes: &str| {
        event("api_key.created", &actor, &format!(r#""api_key.created":{{"id":"k","data":{{"scopes":{scopes}}}}}"#))
    };
    for harmless in
        [r#"["all-projects:read"]"#, r#"["models:write:preview"]"#, r#"["administrator"]"#, "[]", "null", r#"[null,1]"#]
    {
        assert!(verdict(&with(harmless)).is_empty(), "{harmless}");
    }
    assert_eq!(verdict(&with(r#"["ADMIN","admin"]"#)), [r#"session u@x u 192.0.2.1 ["admin"] High"#]);
    assert_eq!(verdict(&with(r#"["Models:Write"]"#)), [r#"session u@x u 192.0.2.1 ["models:write"] Medium"#]);
}

#[test]
fn keys_of_service_accounts_and_requested_changes() {
    let actor =
        r#"{"type":"api_key","api_key":{"id":"key-1","type":"service_account","service_account":{"id":"svc-deploy"}}}"#;
    let details = r#""api_key.updated":{"id":"k","changes_requested":{"scopes":["api_keys:write"]}}"#;
    assert_eq!(
        verdict(&event("api_key.updated", actor, details)),
        [r#"api_key  svc-deploy  ["api_keys:write"] Medium"#]
    );
}
