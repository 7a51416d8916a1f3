//! Exports of OpenAI's interfaces, mapped as the Microsoft Sentinel connector maps them.

use crate::schemas;
use crate::shred::{Grown, NodeId, ROOT, Wanted};
use kql_data::{Map, Slots, Type, Value};
use serde_json::Value as Json;
use std::sync::Arc;

/// What the records of a source are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Rows as they are.
    Plain,
    /// Objects of `GET /organization/audit_logs`, which become rows of `OpenAIAuditLogs_CL`.
    OpenAiAudit,
    /// Objects of `GET /chat/completions`, which become rows of `ASimAgentEventLogs`.
    OpenAiChat,
}

impl Shape {
    /// The table that such records belong to.
    pub fn table_name(self) -> Option<&'static str> {
        match self {
            Shape::Plain => None,
            Shape::OpenAiAudit => Some("OpenAIAuditLogs_CL"),
            Shape::OpenAiChat => Some("ASimAgentEventLogs"),
        }
    }
}

/// The shape of a record.
pub fn detect(record: &str) -> Shape {
    let Ok(Json::Object(record)) = serde_json::from_str(record) else { return Shape::Plain };
    let is = |key: &str, of: fn(&Json) -> bool| record.get(key).is_some_and(of);
    if record.contains_key("TimeGenerated") {
        return Shape::Plain;
    }
    if is("id", Json::is_string) && is("type", Json::is_string) && is("effective_at", Json::is_number) {
        return Shape::OpenAiAudit;
    }
    let is_completion = record.get("object").and_then(Json::as_str) == Some("chat.completion");
    if is_completion && is("choices", Json::is_array) { Shape::OpenAiChat } else { Shape::Plain }
}

/// The known table whose rows these columns look like.
pub(crate) fn table_of(columns: &[&str]) -> Option<&'static str> {
    let has = |names: &[&str]| names.iter().all(|it| columns.contains(it));
    if has(&["TimeGenerated", "EventType", "ActorType", "ActorSession"]) {
        return Some("OpenAIAuditLogs_CL");
    }
    has(&["TimeGenerated", "EventType", "EventVendor", "EventSchema", "ModelName"]).then_some("ASimAgentEventLogs")
}

/// Where the values of a column come from.
#[derive(Clone, Debug)]
pub(crate) enum Origin {
    /// The values of a node.
    Node(NodeId),
    /// Seconds since 1970 of a node.
    Seconds(NodeId),
    /// The JSON text of a node.
    Json(NodeId),
    /// The finish reason of the first choice, in an array.
    FinishReasons(NodeId),
    /// A bag of these, null where there is none.
    Pack(Vec<(&'static str, Option<NodeId>)>),
    /// The same in every row.
    Constant(Value),
}

/// A column to be.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    pub(crate) name: std::sync::Arc<str>,
    /// Its type, unless that is to be found out.
    pub(crate) ty: Option<Type>,
    pub(crate) origin: Origin,
}

/// The keys of records that columns are made of, and what of their values. Times are always kept: they may be the clock.
pub(crate) fn wanted(shape: Shape, columns: Option<&Map<String, Slots>>) -> Wanted {
    let columns = columns?;
    let mut keys = columns.clone();
    let mut want = |key: &str, slots: &Slots| match keys.get_mut(key) {
        Some(known) => known.add(slots),
        None => _ = keys.insert(key.to_owned(), slots.clone()),
    };
    want("TimeGenerated", &Slots::All);
    want("Timestamp", &Slots::All);
    match shape {
        Shape::Plain => {}
        Shape::OpenAiAudit => {
            // The type of an event tells which key holds its details.
            ["id", "type", "effective_at", "friendlyName"].iter().for_each(|it| want(it, &Slots::All));
            for (column, key) in [("ActorType", "type"), ("ActorApiKey", "api_key"), ("ActorSession", "session")] {
                if let Some(slots) = columns.get(column) {
                    want("actor", &slots.clone().under(&[key]));
                }
            }
            if let Some(slots) = columns.get("Project") {
                want("project", slots);
            }
        }
        Shape::OpenAiChat => {
            // All but the large ones, unless their columns are wanted.
            CHAT_KEYS.iter().for_each(|it| want(it, &Slots::All));
            if columns.contains_key("EventOriginalResultDetails") || columns.contains_key("EventFinishReasons") {
                want("choices", &Slots::All);
            }
            if columns.contains_key("AdditionalFields") {
                CHAT_MORE.iter().for_each(|it| want(it, &Slots::All));
            }
        }
    }
    Some(Arc::new(keys))
}

/// Keys of a completion that columns of their own are made of.
const CHAT_KEYS: [&str; 12] = [
    "created",
    "id",
    "request_id",
    "model",
    "temperature",
    "top_p",
    "presence_penalty",
    "frequency_penalty",
    "seed",
    "tool_choice",
    "object",
    "usage",
];
/// Keys of a completion that go to `AdditionalFields`.
const CHAT_MORE: [&str; 6] =
    ["service_tier", "system_fingerprint", "response_format", "tools", "metadata", "input_user"];

/// Keys of which the columns are the text of arrays.
pub(crate) fn written(shape: Shape) -> &'static [&'static str] {
    if shape == Shape::OpenAiChat { &["choices"] } else { &[] }
}

/// The columns of a shape, before a declared schema is laid over them.
pub(crate) fn items(shape: Shape, tree: &Grown) -> Vec<Item> {
    match shape {
        Shape::Plain => plain(tree, &[]),
        Shape::OpenAiAudit => audit(tree),
        Shape::OpenAiChat => chat(tree),
    }
}

/// A column a key, but for those keys.
fn plain(tree: &Grown, but: &[&str]) -> Vec<Item> {
    let members = tree.members(ROOT).into_iter().filter(|it| !but.contains(&&*it.0));
    members.map(|(name, node)| Item { name, ty: None, origin: Origin::Node(node) }).collect()
}

fn path(tree: &Grown, keys: &[&str]) -> Option<NodeId> {
    keys.iter().try_fold(ROOT, |node, key| tree.child(node, key))
}

fn fill(schema: &[(&str, Type)], origin: impl Fn(&str) -> Option<Origin>) -> Vec<Item> {
    let item = |(name, ty): &(&str, Type)| Item {
        name: (*name).into(),
        ty: Some(*ty),
        origin: origin(name).unwrap_or(Origin::Constant(Value::Null)),
    };
    schema.iter().map(item).collect()
}

fn audit(tree: &Grown) -> Vec<Item> {
    let node = |keys: &[&str]| path(tree, keys).map(Origin::Node);
    let mut items = fill(schemas::AUDIT_LOGS, |name| match name {
        "TimeGenerated" | "EffectiveAt" => path(tree, &["effective_at"]).map(Origin::Seconds),
        "Id" => node(&["id"]),
        "EventType" => node(&["type"]),
        "ActorType" => node(&["actor", "type"]),
        "ActorApiKey" => node(&["actor", "api_key"]),
        "ActorSession" => node(&["actor", "session"]),
        "Project" => node(&["project"]),
        "EventDetails" => node(&["EventDetails"]),
        "ConnectorName" => node(&["friendlyName"]),
        _ => None,
    });
    items.extend(plain(
        tree,
        &["id", "type", "effective_at", "actor", "project", "EventDetails", "friendlyName", "object"],
    ));
    items
}

fn chat(tree: &Grown) -> Vec<Item> {
    let child = |key: &str| tree.child(ROOT, key);
    let text = |text: &str| Some(Origin::Constant(Value::String(text.into())));
    fill(schemas::AGENT_EVENT_LOGS, |name| match name {
        "TimeGenerated" | "EventStartTime" | "EventEndTime" => child("created").map(Origin::Seconds),
        "EventUid" => child("id").map(Origin::Node),
        "EventRequestId" => child("request_id").map(Origin::Node),
        "ModelName" => child("model").map(Origin::Node),
        "EventRequestTemperature" => child("temperature").map(Origin::Node),
        "EventRequestTopP" => child("top_p").map(Origin::Node),
        "EventRequestPresencePenalty" => child("presence_penalty").map(Origin::Node),
        "EventRequestFrequencyPenalty" => child("frequency_penalty").map(Origin::Node),
        "EventRequestSeed" => child("seed").map(Origin::Node),
        "ToolName" => child("tool_choice").map(Origin::Node),
        "EventOriginalType" => child("object").map(Origin::Node),
        "EventOriginalResultDetails" => child("choices").map(Origin::Json),
        "EventFinishReasons" => child("choices").map(Origin::FinishReasons),
        "InputTokensUsed" => path(tree, &["usage", "prompt_tokens"]).map(Origin::Node),
        "OutputTokensUsed" => path(tree, &["usage", "completion_tokens"]).map(Origin::Node),
        "AdditionalFields" => Some(Origin::Pack(CHAT_MORE.iter().map(|it| (*it, child(it))).collect())),
        "EventVendor" | "ModelProviderName" => text("OpenAI"),
        "EventProduct" => text("OpenAI API Platform"),
        "EventSchema" => text("AgentEvent"),
        "EventSchemaVersion" => text("0.1.0"),
        "EventType" => text("ChatCompletion"),
        "EventCount" => Some(Origin::Constant(Value::Int(1))),
        "Type" => text("ASimAgentEventLogs"),
        _ => None,
    })
}
