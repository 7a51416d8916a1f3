//! Rules in templates of Azure's resource manager, as the portal exports them, and in the answers of its interface.

use super::{Contents, fields::Fields, node as read_node};
use crate::{At, Kind, Note, Rule, document::Node};

/// Kinds of alert rules that have no query.
const WITHOUT_QUERY: &[&str] =
    &["fusion", "microsoftsecurityincidentcreation", "mlbehavioranalytics", "threatintelligence"];

/// Whether it is a template, an answer of many, or one resource.
pub(super) fn is_template(node: &Node) -> bool {
    let is_list = |key: &str| node.get(key).is_some_and(|it| it.list().is_some());
    let is_map = |key: &str| node.get(key).is_some_and(|it| it.map().is_some());
    is_list("resources") || is_list("value") || is_map("properties") || is_map("resources")
}

/// Reads every rule below.
pub(super) fn read(out: &mut Contents, node: &Node, depth: usize) {
    if depth > super::LISTS_MAX {
        return;
    }
    if let Some(resources) = node.get_any(&["resources", "value"]) {
        let own = resources.map().unwrap_or_default().iter().map(|it| &it.value);
        for it in resources.list().unwrap_or_default().iter().chain(own) {
            read_node(out, it, depth + 1);
        }
        return;
    }
    let Some(properties) = node.get("properties") else { return };
    // A solution's package nests one template in another.
    if let Some(template) = properties.get("mainTemplate").filter(|it| is_template(it)) {
        return read(out, template, depth + 1);
    }
    let kind = node.get("kind").and_then(Node::text).unwrap_or("").to_ascii_lowercase();
    let ty = node.get("type").and_then(Node::text).unwrap_or("").to_ascii_lowercase();
    let is_rule = ty.is_empty() || ty.ends_with("alertrules") || ty.ends_with("alertruletemplates");
    if WITHOUT_QUERY.contains(&kind.as_str()) || !is_rule || properties.get("query").is_none() {
        return;
    }
    let kind = match kind.as_str() {
        "nrt" => Kind::Nrt,
        "scheduled" | "" => Kind::Scheduled,
        _ => {
            let place = node.get("kind").map_or(node.place, |it| it.place);
            out.notes.push(Note::warning("READ008", place, format!("unknown kind `{kind}`, read as `Scheduled`")));
            Kind::Scheduled
        }
    };
    let mut rule = super::rule::build(out, properties, Fields::new(properties), kind);
    rule.place = node.place;
    rule.id = rule.id.take().or_else(|| id(node));
    for text in [&mut rule.name, &mut rule.description].into_iter().flatten() {
        unescape(text);
    }
    unescape_query(&mut rule);
    out.rules.push(rule);
}

/// The guid of a resource: in its id, behind the last `/`, or in an expression of its name.
fn id(node: &Node) -> Option<At<String>> {
    let guid = |text: &str| {
        text.split(|it: char| !(it.is_ascii_hexdigit() || it == '-')).find(|it| is_guid(it)).map(str::to_owned)
    };
    ["name", "id"].iter().find_map(|key| {
        let node = node.get(key)?;
        let text = node.text()?;
        let last = text.rsplit('/').next().unwrap_or(text);
        Some(At::new(guid(last).or_else(|| guid(text))?, node.place))
    })
}

fn is_guid(text: &str) -> bool {
    let lengths: Vec<usize> = text.split('-').map(str::len).collect();
    lengths == [8, 4, 4, 4, 12]
}

/// `[[` begins a text with one bracket in templates.
fn unescape(text: &mut At<String>) {
    if text.value.starts_with("[[") {
        _ = text.value.remove(0);
    }
}

fn unescape_query(rule: &mut Rule) {
    if rule.query.text.starts_with("[[") {
        _ = rule.query.text.remove(0);
        rule.query.map = rule.query.map.from(1);
    }
}
