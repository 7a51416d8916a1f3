//! Analytics rules and hunting queries of Sentinel: YAML as repositories hold them, and the properties of exported
//! ones.

use super::{Contents, fields::Fields, query_text};
use crate::{
    At, Comparison, Connector, DetailGrouping, EntityMapping, EventGrouping, FieldMapping, Incident, IncidentGrouping,
    Kind, MatchingMethod, Note, Overrides, Rule, Severity, Suppression, document::Node,
};

/// Keys that only analytics rules have.
const ANALYTICS: &[&str] = &[
    "queryFrequency",
    "queryPeriod",
    "triggerOperator",
    "triggerThreshold",
    "severity",
    "suppressionDuration",
    "eventGroupingSettings",
    "incidentConfiguration",
];

/// Reads the mapping of one rule.
pub(super) fn read(out: &mut Contents, node: &Node) {
    let fields = Fields::new(node);
    let kind = kind(&fields, node);
    let rule = build(out, node, fields, kind);
    out.rules.push(rule);
}

fn kind(fields: &Fields<'_>, node: &Node) -> Kind {
    let written = fields.text(&["kind"]);
    match written.as_ref().map(|it| it.value.to_ascii_lowercase()).as_deref() {
        Some("scheduled") => Kind::Scheduled,
        Some("nrt") => Kind::Nrt,
        Some("hunting" | "huntingquery") => Kind::Hunting,
        other => {
            if let (Some(_), Some(at)) = (other, &written) {
                let message = format!("unknown kind `{}`", at.value);
                fields.note(Note::warning("READ008", at.place, message).hint("`Scheduled` or `NRT`"));
            }
            if ANALYTICS.iter().any(|it| node.get(it).is_some()) { Kind::Scheduled } else { Kind::Hunting }
        }
    }
}

/// The rule of a mapping of known kind. Exports call some keys by other names.
pub(super) fn build(out: &Contents, node: &Node, fields: Fields<'_>, kind: Kind) -> Rule {
    let empty = Node::null(node.place);
    let query = query_text(&out.source, fields.node(&["query"]).unwrap_or(&empty));
    let mut it = Rule::of_query(kind, query, node.place);
    it.id = fields.text(&["id"]);
    it.name = fields.text(&["name", "displayName"]).map(unquoted);
    it.description = fields.text(&["description", "description-detailed"]).map(unquoted);
    it.severity = fields.parsed(&["severity"], Severity::from_name, "Informational, Low, Medium or High");
    it.query_frequency = fields.duration(&["queryFrequency"]);
    it.query_period = fields.duration(&["queryPeriod"]);
    it.start_time = fields.parsed(&["startTimeUtc"], kql::parser::parse_datetime, "a datetime");
    it.trigger_operator = fields.parsed(&["triggerOperator"], Comparison::from_name, "gt, lt, eq or ne");
    it.trigger_threshold = fields.integer(&["triggerThreshold"]);
    it.tactics = fields.texts(&["tactics"]);
    it.techniques = fields.texts(&["relevantTechniques"]);
    it.techniques.extend(fields.texts(&["techniques"]));
    it.techniques.extend(fields.texts(&["subTechniques"]));
    it.version = fields.text(&["version", "templateVersion"]);
    it.tags = tags(&fields);
    it.enabled = fields.boolean(&["enabled"]);
    it.custom_details = fields.pairs(&["customDetails"]);
    let mut notes = Vec::new();
    it.connectors = connectors(&fields, &mut notes);
    it.entity_mappings = entity_mappings(&fields, &mut notes);
    it.sentinel_entities = sentinel_entities(&fields, &mut notes);
    it.overrides = overrides(&fields, &mut notes);
    it.event_grouping = event_grouping(&fields, &mut notes);
    it.suppression = Suppression {
        enabled: fields.boolean(&["suppressionEnabled"]),
        duration: fields.duration(&["suppressionDuration"]),
    };
    it.incident = incident(&fields, &mut notes);
    // Facts of repositories and exports that no run depends on.
    fields.ignore(&[
        "status",
        "metadata",
        "author",
        "alertRuleTemplateName",
        "lastModifiedUtc",
        "etag",
        "type",
        "apiVersion",
        "requiredTechniques",
        "tenant",
        "previousStatus",
    ]);
    notes.extend(fields.finish());
    if it.query.text.trim().is_empty() {
        notes.push(Note::error("READ004", node.place, "the rule has no query"));
    }
    it.notes = notes;
    it.node = Some(node.clone());
    it
}

/// A text without the quotes that some have around it inside a block.
fn unquoted(mut text: At<String>) -> At<String> {
    for quote in ['\'', '"'] {
        let trimmed = text.value.trim();
        if let Some(inside) = trimmed.strip_prefix(quote).and_then(|it| it.strip_suffix(quote))
            && !inside.contains(quote)
        {
            text.value = inside.to_owned();
        }
    }
    text
}

fn tags(fields: &Fields<'_>) -> Vec<At<String>> {
    let Some(node) = fields.node(&["tags"]) else { return Vec::new() };
    let items = node.list().unwrap_or(std::slice::from_ref(node));
    let mut out: Vec<At<String>> = Vec::new();
    for item in items {
        match item.map() {
            Some(entries) => {
                // `- Schema: ASimDns` is a tag with a name.
                let pair = |it: &crate::document::Entry| {
                    Some(At::new(format!("{}: {}", it.key, it.value.text()?), it.key_place))
                };
                out.extend(entries.iter().filter_map(pair));
            }
            None => out.extend(super::at(item)),
        }
    }
    out
}

fn connectors(fields: &Fields<'_>, notes: &mut Vec<Note>) -> Vec<Connector> {
    let mut out = Vec::new();
    for node in fields.items(&["requiredDataConnectors"]) {
        let fields = Fields::new(node);
        let id = fields.text(&["connectorId"]);
        let data_types = fields.texts(&["dataTypes", "datatypes"]);
        if let Some(id) = id {
            out.push(Connector { id, data_types });
        }
        notes.extend(fields.finish());
    }
    out
}

/// Entity mappings, of analytics rules and of hunts.
pub(super) fn entity_mappings(fields: &Fields<'_>, notes: &mut Vec<Note>) -> Vec<EntityMapping> {
    let mut out = Vec::new();
    for node in fields.items(&["entityMappings"]) {
        let fields = Fields::new(node);
        let entity_type = fields.text(&["entityType"]);
        let mut mapped = Vec::new();
        for node in fields.items(&["fieldMappings"]) {
            let fields = Fields::new(node);
            if let (Some(identifier), Some(column)) = (fields.text(&["identifier"]), fields.text(&["columnName"])) {
                mapped.push(FieldMapping { identifier, column });
            } else {
                notes.push(Note::warning(
                    "READ006",
                    node.place,
                    "a field mapping has an `identifier` and a `columnName`",
                ));
            }
            notes.extend(fields.finish());
        }
        match entity_type {
            Some(entity_type) => out.push(EntityMapping { entity_type, fields: mapped, place: node.place }),
            None => notes.push(Note::warning("READ006", node.place, "an entity mapping has an `entityType`")),
        }
        notes.extend(fields.finish());
    }
    out
}

fn sentinel_entities(fields: &Fields<'_>, notes: &mut Vec<Note>) -> Vec<At<String>> {
    let mut out = Vec::new();
    for node in fields.items(&["sentinelEntitiesMappings"]) {
        let fields = Fields::new(node);
        out.extend(fields.text(&["columnName"]));
        notes.extend(fields.finish());
    }
    out
}

fn overrides(fields: &Fields<'_>, notes: &mut Vec<Note>) -> Overrides {
    let Some((fields, _)) = fields.fields(&["alertDetailsOverride"]) else { return Overrides::default() };
    let mut dynamic = Vec::new();
    for node in fields.items(&["alertDynamicProperties"]) {
        let fields = Fields::new(node);
        if let (Some(property), Some(column)) = (fields.text(&["alertProperty"]), fields.text(&["value"])) {
            dynamic.push((property, column));
        }
        notes.extend(fields.finish());
    }
    let out = Overrides {
        display_name: fields.text(&["alertDisplayNameFormat"]),
        description: fields.text(&["alertDescriptionFormat"]),
        tactics_column: fields.text(&["alertTacticsColumnName"]),
        severity_column: fields.text(&["alertSeverityColumnName"]),
        dynamic,
    };
    notes.extend(fields.finish());
    out
}

fn event_grouping(fields: &Fields<'_>, notes: &mut Vec<Note>) -> Option<At<EventGrouping>> {
    let (fields, _) = fields.fields(&["eventGroupingSettings"])?;
    let of = |it: &str| match it.to_ascii_lowercase().as_str() {
        "singlealert" => Some(EventGrouping::SingleAlert),
        "alertperresult" => Some(EventGrouping::AlertPerResult),
        _ => None,
    };
    let res = fields.parsed(&["aggregationKind"], of, "SingleAlert or AlertPerResult");
    notes.extend(fields.finish());
    res
}

fn incident(fields: &Fields<'_>, notes: &mut Vec<Note>) -> Incident {
    let Some((fields, _)) = fields.fields(&["incidentConfiguration"]) else { return Incident::default() };
    let create = fields.boolean(&["createIncident"]);
    let grouping = fields.fields(&["groupingConfiguration"]).map(|(fields, place)| {
        let matching = |it: &str| match it.to_ascii_lowercase().as_str() {
            "allentities" | "all" => Some(MatchingMethod::AllEntities),
            "anyalert" | "none" => Some(MatchingMethod::AnyAlert),
            "selected" | "custom" => Some(MatchingMethod::Selected),
            _ => None,
        };
        let detail = |it: At<String>| {
            let value = match it.value.to_ascii_lowercase().as_str() {
                "displayname" => DetailGrouping::DisplayName,
                "severity" => DetailGrouping::Severity,
                _ => {
                    let message = format!("unknown alert detail `{}`", it.value);
                    fields.note(Note::warning("READ006", it.place, message).hint("`DisplayName` or `Severity`"));
                    return None;
                }
            };
            Some(At::new(value, it.place))
        };
        let res = IncidentGrouping {
            enabled: fields.boolean(&["enabled"]),
            reopen_closed: fields.boolean(&["reopenClosedIncident"]),
            lookback: fields.duration(&["lookbackDuration"]),
            matching: fields.parsed(
                &["matchingMethod", "entitiesMatchingMethod"],
                matching,
                "AllEntities, AnyAlert or Selected",
            ),
            entities: fields.texts(&["groupByEntities"]),
            details: fields.texts(&["groupByAlertDetails"]).into_iter().filter_map(detail).collect(),
            custom_details: fields.texts(&["groupByCustomDetails"]),
            place,
        };
        notes.extend(fields.finish());
        res
    });
    notes.extend(fields.finish());
    Incident { create, grouping }
}
