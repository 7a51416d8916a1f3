//! Custom detections of Defender XDR, as Microsoft Graph has them.

use super::{Contents, fields::Fields, query_text};
use crate::{At, Connector, EntityMapping, FieldMapping, Kind, Note, Rule, Severity, document::Node, duration};
use kql::time::{DAY, HOUR};

/// Reads one detection rule.
pub(super) fn read(out: &mut Contents, node: &Node) {
    let fields = Fields::new(node);
    let mut notes = Vec::new();
    let empty = Node::null(node.place);
    let condition = fields.fields(&["queryCondition"]);
    let query = condition.as_ref().and_then(|it| it.0.node(&["queryText"])).unwrap_or(&empty);
    let mut it = Rule::of_query(Kind::CustomDetection, query_text(&out.source, query), node.place);
    if let Some((condition, _)) = condition {
        condition.ignore(&["lastModifiedDateTime"]);
        notes.extend(condition.finish());
    }
    it.id = fields.text(&["id", "detectorId", "guid"]);
    it.name = fields.text(&["displayName", "name"]);
    it.enabled = fields.boolean(&["isEnabled"]);
    schedule(&mut it, &fields, &mut notes);
    if let Some((action, _)) = fields.fields(&["detectionAction"]) {
        if let Some((template, _)) = action.fields(&["alertTemplate"]) {
            alert(&mut it, &template, &mut notes);
            notes.extend(template.finish());
        }
        action.ignore(&["responseActions", "organizationalScope", "automatedActions"]);
        notes.extend(action.finish());
    }
    fields.ignore(&[
        "createdBy",
        "createdDateTime",
        "lastModifiedBy",
        "lastModifiedDateTime",
        "lastRunDetails",
        "@odata.type",
        "@odata.context",
        "description",
        "tags",
        "version",
        "detectionAction",
        "organizationalScope",
    ]);
    notes.extend(fields.finish());
    if it.query.text.trim().is_empty() {
        notes.push(Note::error("READ004", node.place, "the detection has no query"));
    }
    it.notes = notes;
    it.node = Some(node.clone());
    out.rules.push(it);
}

/// How often it runs, and how far it looks back: a day for those that run once a day, four times the period for others,
/// as the portal tells, unless it says so itself.
fn schedule(it: &mut Rule, fields: &Fields<'_>, notes: &mut Vec<Note>) {
    let Some((schedule, _)) = fields.fields(&["schedule"]) else { return };
    let of = |text: &str| match text.trim().to_ascii_uppercase().as_str() {
        "0" => Some(0),
        "1H" => Some(HOUR),
        "3H" => Some(3 * HOUR),
        "12H" => Some(12 * HOUR),
        "24H" => Some(DAY),
        _ => duration::parse(text),
    };
    let expected = "0, 1H, 3H, 12H, 24H or a duration such as PT1H";
    it.query_frequency = schedule.parsed(&["period", "frequency"], of, expected);
    it.query_period = schedule.duration(&["lookback"]);
    if let (None, Some(frequency)) = (&it.query_period, &it.query_frequency) {
        let lookback = match frequency.value {
            it if it >= DAY => 30 * DAY,
            it if it >= 12 * HOUR => 2 * DAY,
            it if it >= 3 * HOUR => 12 * HOUR,
            _ => 4 * HOUR,
        };
        it.query_period = Some(At::new(lookback, frequency.place));
    }
    schedule.ignore(&["nextRunDateTime"]);
    notes.extend(schedule.finish());
}

fn alert(it: &mut Rule, template: &Fields<'_>, notes: &mut Vec<Note>) {
    it.overrides.display_name = template.text(&["title"]);
    it.name = it.name.take().or_else(|| it.overrides.display_name.clone());
    it.description = template.text(&["description"]);
    it.severity = template.parsed(&["severity"], Severity::from_name, "informational, low, medium or high");
    it.tactics = template.texts(&["category"]);
    it.techniques = template.texts(&["mitreTechniques"]);
    template.ignore(&["recommendedActions"]);
    it.connectors = Vec::<Connector>::new();
    for node in template.items(&["impactedAssets"]) {
        let fields = Fields::new(node);
        let (identifier, ty) = (fields.text(&["identifier"]), fields.text(&["@odata.type"]));
        if let (Some(identifier), Some(ty)) = (identifier, ty) {
            it.entity_mappings.extend(asset(&identifier, &ty, node));
        }
        notes.extend(fields.finish());
    }
}

/// The entity that an impacted asset is: its identifier is a column, whose name begins in lower case here.
fn asset(identifier: &At<String>, ty: &At<String>, node: &Node) -> Option<EntityMapping> {
    let mut letters = identifier.value.chars();
    let column: String = letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect();
    let lower = column.to_ascii_lowercase();
    let kind = ty.value.rsplit('.').next().unwrap_or("").to_ascii_lowercase();
    let (entity, field) = match kind.as_str() {
        "impacteddeviceasset" if lower.contains("name") => ("Host", "FullName"),
        "impacteddeviceasset" => ("Host", "AzureID"),
        "impactedmailboxasset" => ("Mailbox", "MailboxPrimaryAddress"),
        "impacteduserasset" if lower.contains("objectid") => ("Account", "AadUserId"),
        "impacteduserasset" if lower.contains("sid") => ("Account", "Sid"),
        "impacteduserasset" if lower.contains("upn") || lower.contains("principal") => ("Account", "FullName"),
        "impacteduserasset" => ("Account", "Name"),
        _ => return None,
    };
    let at = |text: &str, place| At::new(text.to_owned(), place);
    let fields = vec![FieldMapping { identifier: at(field, identifier.place), column: at(&column, identifier.place) }];
    Some(EntityMapping { entity_type: at(entity, ty.place), fields, place: node.place })
}
