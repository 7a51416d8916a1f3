//! OpenAI exports: audit events and chat completions.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail anywhere")]

use kql_data::Type;
use kql_formats::{LoadOptions, Loaded, Shape, load_bytes, schemas, write_cell_at};

fn load(text: &str) -> Loaded {
    let loaded = load_bytes("export.json", text, LoadOptions::default()).unwrap();
    let careful =
        load_bytes("export.json", text, LoadOptions { careful: true, chunk_rows: 2, ..LoadOptions::default() })
            .unwrap();
    assert_eq!(loaded.table.schema, careful.table.schema);
    for field in &loaded.table.schema.fields {
        assert_eq!(column(&loaded, &field.name), column(&careful, &field.name), "{}", field.name);
    }
    loaded
}

fn column(loaded: &Loaded, name: &str) -> Vec<String> {
    let index = loaded.table.schema.index_of(name).unwrap();
    let mut out = Vec::new();
    for chunk in &loaded.table.chunks {
        for row in 0..chunk.batch.n_rows {
            let mut cell = String::new();
            write_cell_at(&chunk.batch.columns[index], row, &mut cell);
            out.push(cell);
        }
    }
    out
}

const AUDIT: &str = r#"{"object":"list","data":[
{"id":"a1","type":"api_key.created","effective_at":1717800000,"project":{"id":"p1","name":"P"},
 "actor":{"type":"session","session":{"user":{"id":"u1","email":"A@x.com"},"ip_address":"1.2.3.4"}},
 "api_key.created":{"id":"k1","data":{"scopes":["all"]}}},
{"id":"a2","type":"user.added","effective_at":1717800001.5,
 "actor":{"type":"api_key","api_key":{"id":"key","type":"user","user":{"id":"u2","email":"b@x.com"}}},
 "user_added":{"id":"u3","data":{"role":"owner"}}},
{"user.added":{"id":"first"},"id":"a3","type":"user.added","effective_at":1717800002,"actor":null,"extra":1},
{"id":"a4","type":"login.succeeded","effective_at":null,"api_key.created":{"id":"stray"},"login.succeeded":{}},
{"id":"a5","type":"logout.succeeded","effective_at":1717800004,"actor":{"type":"session","session":null}}
],"first_id":"a1","last_id":"a5","has_more":false}"#;

#[test]
fn audit_events() {
    let loaded = load(AUDIT);
    assert_eq!(loaded.shape, Shape::OpenAiAudit);
    assert_eq!(loaded.table_name, Some("OpenAIAuditLogs_CL"));
    assert_eq!(loaded.accounting.rejected, 0);
    let schema = schemas::table("OpenAIAuditLogs_CL").unwrap();
    assert_eq!(loaded.table.schema.fields[..schema.len()], schema.fields[..]);
    assert_eq!(column(&loaded, "Id"), ["\"a1\"", "\"a2\"", "\"a3\"", "\"a4\"", "\"a5\""]);
    assert_eq!(
        column(&loaded, "EventDetails"),
        [
            "{\"id\":\"k1\",\"data\":{\"scopes\":[\"all\"]}}",
            "{\"id\":\"u3\",\"data\":{\"role\":\"owner\"}}",
            "{\"id\":\"first\"}",
            "{}",
            "null"
        ]
    );
    let times = [
        "\"2024-06-07T22:40:00Z\"",
        "\"2024-06-07T22:40:01.5Z\"",
        "\"2024-06-07T22:40:02Z\"",
        "null",
        "\"2024-06-07T22:40:04Z\"",
    ];
    assert_eq!(column(&loaded, "TimeGenerated"), times);
    assert_eq!(column(&loaded, "EffectiveAt"), times);
    assert_eq!(column(&loaded, "ActorType"), ["\"session\"", "\"api_key\"", "\"\"", "\"\"", "\"session\""]);
    let session = "{\"user\":{\"id\":\"u1\",\"email\":\"A@x.com\"},\"ip_address\":\"1.2.3.4\"}";
    assert_eq!(column(&loaded, "ActorSession"), [session, "null", "null", "null", "null"]);
    assert_eq!(column(&loaded, "Project")[0], "{\"id\":\"p1\",\"name\":\"P\"}");
    assert_eq!(column(&loaded, "ConnectorName"), vec!["\"\""; 5]);
    // What belongs to no event is kept beside the table's columns.
    assert_eq!(column(&loaded, "extra"), ["null", "null", "1", "null", "null"]);
    assert_eq!(column(&loaded, "api_key.created_")[3], "{\"id\":\"stray\"}");
}

#[test]
fn a_missing_time_is_now() {
    let text = "{\"id\":\"a\",\"type\":\"x.y\",\"effective_at\":1}\n{\"id\":\"a\",\"type\":\"x.y\"}";
    let loaded =
        load_bytes("x", text, LoadOptions { now: Some(kql_data::time::UNIX_EPOCH), ..LoadOptions::default() }).unwrap();
    assert_eq!(column(&loaded, "TimeGenerated")[1], "\"1970-01-01T00:00:00Z\"");
    assert_eq!(column(&loaded, "EffectiveAt")[1], "null");
}

#[test]
fn chat_completions() {
    let text = r#"{"object":"list","data":[{"object":"chat.completion","id":"chatcmpl-1","model":"gpt-4o","created":1738960610,
"request_id":"req_1","tool_choice":null,"usage":{"total_tokens":31,"completion_tokens":18,"prompt_tokens":13},"seed":44,"top_p":1,
"temperature":0.5,"presence_penalty":0.0,"frequency_penalty":0,"system_fingerprint":"fp","input_user":"A@x.com","service_tier":"default",
"tools":null,"metadata":{"k":"v"},"choices":[{"index":0,"message":{"content":"hi","role":"assistant"},"finish_reason":"stop"}],"response_format":null},
{"object":"chat.completion","id":"chatcmpl-2","created":1738960611,"choices":[],"tool_choice":{"type":"function"}}]}"#;
    let loaded = load(text);
    assert_eq!((loaded.shape, loaded.table_name), (Shape::OpenAiChat, Some("ASimAgentEventLogs")));
    assert_eq!(*loaded.table.schema, schemas::table("ASimAgentEventLogs").unwrap());
    for (name, expected) in [
        ("TimeGenerated", ["\"2025-02-07T20:36:50Z\"", "\"2025-02-07T20:36:51Z\""]),
        ("EventUid", ["\"chatcmpl-1\"", "\"chatcmpl-2\""]),
        ("ModelName", ["\"gpt-4o\"", "\"\""]),
        ("EventRequestTopP", ["1.0", "null"]),
        ("EventRequestSeed", ["44", "null"]),
        ("ToolName", ["\"\"", "\"{\\\"type\\\":\\\"function\\\"}\""]),
        ("EventFinishReasons", ["[\"stop\"]", "[\"\"]"]),
        ("InputTokensUsed", ["13", "null"]),
        ("OutputTokensUsed", ["18", "null"]),
        ("EventVendor", ["\"OpenAI\"", "\"OpenAI\""]),
        ("EventProduct", ["\"OpenAI API Platform\"", "\"OpenAI API Platform\""]),
        ("EventType", ["\"ChatCompletion\"", "\"ChatCompletion\""]),
        ("EventCount", ["1", "1"]),
        ("ActorUserId", ["\"\"", "\"\""]),
        (
            "AdditionalFields",
            [
                "{\"service_tier\":\"default\",\"system_fingerprint\":\"fp\",\"response_format\":null,\"tools\":null,\"metadata\":{\"k\":\"v\"},\"input_user\":\"A@x.com\"}",
                "{\"service_tier\":null,\"system_fingerprint\":null,\"response_format\":null,\"tools\":null,\"metadata\":null,\"input_user\":null}",
            ],
        ),
    ] {
        assert_eq!(column(&loaded, name), expected, "{name}");
    }
    assert!(column(&loaded, "EventOriginalResultDetails")[0].starts_with("\"[{\\\"index\\\":0"));
}

#[test]
fn rows_in_table_form_stay() {
    let text = r#"{"TimeGenerated":"2024-01-31T10:00:00Z","Id":"a","EventType":"login.failed","ActorType":"session","ActorSession":"{\"user\":{\"email\":\"x\"}}","More":1}"#;
    let loaded = load(text);
    assert_eq!((loaded.shape, loaded.table_name), (Shape::Plain, Some("OpenAIAuditLogs_CL")));
    assert_eq!(column(&loaded, "ActorSession"), ["{\"user\":{\"email\":\"x\"}}"]);
    assert_eq!(loaded.table.schema.fields.last().map(|it| (&*it.name, it.ty)), Some(("More", Type::Long)));
    assert_eq!(loaded.conversions, []);
    for text in ["{\"type\":\"x\"}", "{\"object\":\"chat.completion\"}", "{\"id\":1,\"type\":2,\"effective_at\":3}"] {
        assert_eq!(load(text).shape, Shape::Plain, "{text}");
    }
}

#[test]
fn every_documented_event_goes_to_details() {
    let text: String = ["api_key.created", "ip_allowlist.config.activated", "tenant.user.added"]
        .iter()
        .enumerate()
        .flat_map(|(n, kind)| {
            let event = |kind: &str, key: &str| {
                format!("{{\"id\":\"x\",\"type\":\"{kind}\",\"effective_at\":{n},\"{key}\":{{\"n\":{n}}}}}\n")
            };
            [event(kind, kind), event(kind, &kind.replace('.', "_"))]
        })
        .collect();
    let loaded = load(&text);
    assert_eq!(loaded.table.schema.len(), schemas::AUDIT_LOGS.len());
    assert_eq!(
        column(&loaded, "EventDetails"),
        ["{\"n\":0}", "{\"n\":0}", "{\"n\":1}", "{\"n\":1}", "{\"n\":2}", "{\"n\":2}"]
    );
}
