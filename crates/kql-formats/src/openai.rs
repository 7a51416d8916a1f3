//! Exports of OpenAI's interfaces, mapped as the Microsoft Sentinel connector maps them.

use crate::load::{LoadOptions, TIMES};
use crate::parquet::Condition;
use crate::schemas;
use crate::shred::{Grown, NodeId, ROOT, Sieve, Test, Wanted};
use kql_data::{Map, Schema, Slots, Type, Value};
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

/// What is wanted of records of a shape.
pub(crate) fn wanted(shape: Shape, options: Option<&LoadOptions>) -> Wanted {
    Wanted {
        keys: options.and_then(|it| keys(shape, it.columns.as_ref())),
        written: written(shape),
        sieve: options.and_then(|it| sieve(shape, it)).map(Arc::new),
    }
}

/// Tests of the values of keys, as many as stand for conditions on columns.
fn tests(shape: Shape, conditions: &[Condition]) -> Vec<(String, Test)> {
    let test = |it: &Condition| {
        let key = match shape {
            Shape::Plain => it.column(),
            Shape::OpenAiAudit => match it.column() {
                "TimeGenerated" | "EffectiveAt" => "effective_at",
                "Id" => "id",
                "EventType" => "type",
                "ConnectorName" => "friendlyName",
                _ => return None,
            },
            Shape::OpenAiChat => match it.column() {
                "TimeGenerated" | "EventStartTime" | "EventEndTime" => "created",
                "EventUid" => "id",
                "EventRequestId" => "request_id",
                "ModelName" => "model",
                "ToolName" => "tool_choice",
                _ => return None,
            },
        };
        let test = match it {
            Condition::Within { ty: Type::Datetime, low, high, .. } => Test::Moment(*low, *high),
            Condition::Within { ty: Type::Long, low, high, .. } => Test::Long(*low, *high),
            Condition::Within { .. } => return None,
            Condition::OneOf { values, .. } => Test::OneOf(values.iter().cloned().collect()),
        };
        Some((key.to_owned(), test))
    };
    conditions.iter().filter_map(test).collect()
}

/// Which records need not be kept. `None` when all must be, or when leaving some out could not be told from their loss.
fn sieve(shape: Shape, options: &LoadOptions) -> Option<Sieve> {
    let any = options.search.as_ref()?.any.iter().map(|it| tests(shape, it)).collect();
    let declared = options.schema.as_ref();
    let is_wanted = |it: &str| TIMES.contains(&it) || options.columns.as_ref().is_none_or(|all| all.contains_key(it));
    let typed = |schema: &Schema| -> Vec<(String, Type)> {
        let wanted = schema.fields.iter().filter(|it| is_wanted(&it.name));
        wanted.map(|it| (it.name.to_string(), it.ty)).collect()
    };
    let Some(table) = shape.table_name() else {
        let mut types = vec![("TimeGenerated".to_owned(), Type::Datetime)];
        match declared {
            Some(schema) => types.extend(typed(schema)),
            // Which known table it is, all the columns tell.
            None => {
                let known = [schemas::AUDIT_LOGS, schemas::AGENT_EVENT_LOGS];
                known.iter().for_each(|it| types.extend(typed(&Schema::of(it))));
            }
        }
        return Sieve::new(any, types, &TIMES, false);
    };
    let known = schemas::table(table)?;
    // Of values that do not convert nothing would be told.
    let may_fail = |it: &(String, Type)| !matches!(it.1, Type::String | Type::Dynamic | Type::Datetime);
    let is_known = declared.is_none_or(|it| *it == known);
    let may_fail = !is_known || typed(&known).iter().any(|it| may_fail(it) && it.0 != "EventCount");
    let time = if shape == Shape::OpenAiAudit { "effective_at" } else { "created" };
    if may_fail { None } else { Sieve::new(any, [], &[time], true) }
}

/// The keys of records that columns are made of, and what of their values. Times are always kept: they may be the clock.
fn keys(shape: Shape, columns: Option<&Map<String, Slots>>) -> Option<Arc<Map<String, Slots>>> {
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
            want("created", &Slots::All);
            for (column, path) in CHAT_KEYS {
                if let (Some(slots), [key, path @ ..]) = (columns.get(*column), *path) {
                    want(key, &slots.clone().under(path));
                }
            }
            if columns.contains_key("AdditionalFields") {
                CHAT_MORE.iter().for_each(|it| want(it, &Slots::All));
            }
        }
    }
    Some(Arc::new(keys))
}

/// Columns that are made of a completion, and the paths of their values.
const CHAT_KEYS: &[(&str, &[&str])] = &[
    ("EventUid", &["id"]),
    ("EventRequestId", &["request_id"]),
    ("ModelName", &["model"]),
    ("EventRequestTemperature", &["temperature"]),
    ("EventRequestTopP", &["top_p"]),
    ("EventRequestPresencePenalty", &["presence_penalty"]),
    ("EventRequestFrequencyPenalty", &["frequency_penalty"]),
    ("EventRequestSeed", &["seed"]),
    ("ToolName", &["tool_choice"]),
    ("EventOriginalType", &["object"]),
    ("EventOriginalResultDetails", &["choices"]),
    ("EventFinishReasons", &["choices"]),
    ("InputTokensUsed", &["usage", "prompt_tokens"]),
    ("OutputTokensUsed", &["usage", "completion_tokens"]),
];
/// Keys of a completion that go to `AdditionalFields`.
const CHAT_MORE: [&str; 6] =
    ["service_tier", "system_fingerprint", "response_format", "tools", "metadata", "input_user"];

/// Keys of which the columns are the text of arrays.
fn written(shape: Shape) -> &'static [&'static str] {
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
    let node = |name: &str| path(tree, CHAT_KEYS.iter().find(|it| it.0 == name)?.1);
    fill(schemas::AGENT_EVENT_LOGS, |name| match name {
        "TimeGenerated" | "EventStartTime" | "EventEndTime" => child("created").map(Origin::Seconds),
        "EventOriginalResultDetails" => node(name).map(Origin::Json),
        "EventFinishReasons" => node(name).map(Origin::FinishReasons),
        "AdditionalFields" => Some(Origin::Pack(CHAT_MORE.iter().map(|it| (*it, child(it))).collect())),
        "EventVendor" | "ModelProviderName" => text("OpenAI"),
        "EventProduct" => text("OpenAI API Platform"),
        "EventSchema" => text("AgentEvent"),
        "EventSchemaVersion" => text("0.1.0"),
        "EventType" => text("ChatCompletion"),
        "EventCount" => Some(Origin::Constant(Value::Int(1))),
        "Type" => text("ASimAgentEventLogs"),
        _ => node(name).map(Origin::Node),
    })
}
