//! Functions and parsers: those of workspaces, and ASIM's.

use super::{Contents, fields::Fields, query_text};
use crate::{At, Function, Kind, Note, Rule, document::Node};

/// Reads one function.
pub(super) fn read(out: &mut Contents, node: &Node) {
    let fields = Fields::new(node);
    let mut notes = Vec::new();
    let empty = Node::null(node.place);
    let query = fields.node(&["FunctionQuery", "ParserQuery"]).unwrap_or(&empty);
    let mut it = Rule::of_query(Kind::Function, query_text(&out.source, query), node.place);
    if let Some((head, _)) = fields.fields(&["Function", "Parser"]) {
        it.name = head.text(&["Title"]);
        it.version = head.text(&["Version"]);
        head.ignore(&["LastUpdated"]);
        notes.extend(head.finish());
    }
    it.description = fields.text(&["Description"]);
    let mut names: Vec<At<String>> = Vec::new();
    for key in [&["FunctionName", "ParserName"][..], &["FunctionAlias"], &["EquivalentBuiltInParser"]] {
        if let Some(name) = fields.text(key).filter(|name| names.iter().all(|it| it.value != name.value)) {
            names.push(name);
        }
    }
    if names.is_empty() {
        notes.push(Note::error("READ009", node.place, "the function has no name: `FunctionName` or `FunctionAlias`"));
    }
    let mut normalises = None;
    if let Some((schema, _)) = fields.fields(&["Normalization"]) {
        normalises = schema.text(&["Schema"]);
        schema.ignore(&["Version"]);
        notes.extend(schema.finish());
    }
    let parameters = parameters(&fields, &mut notes);
    it.function = Some(Function { names, parameters, normalises });
    fields.ignore(&[
        "id",
        "Category",
        "Product",
        "References",
        "Parsers",
        "ParserParams",
        "tags",
        "Tags",
        "Version",
        "ExcludeFromUnifying",
        "Normalization",
    ]);
    notes.extend(fields.finish());
    if it.query.text.trim().is_empty() {
        notes.push(Note::error("READ004", node.place, "the function has no query"));
    }
    it.notes = notes;
    it.node = Some(node.clone());
    out.rules.push(it);
}

/// Parameters as the language declares them.
fn parameters(fields: &Fields<'_>, notes: &mut Vec<Note>) -> String {
    // One text of all, or a list of a text each.
    let texts: Vec<String> = fields.texts(&["FunctionParameters"]).into_iter().map(|it| it.value).collect();
    if !texts.is_empty() {
        let text = texts.join(", ");
        return format!("({})", text.trim().trim_start_matches('(').trim_end_matches(')'));
    }
    let mut out = Vec::new();
    for node in fields.items(&["ParserParams"]) {
        let fields = Fields::new(node);
        let (name, ty) = (fields.text(&["Name"]), fields.text(&["Type"]));
        let default = fields.node(&["Default"]).and_then(Node::text).map(str::to_owned);
        if let (Some(name), Some(ty)) = (name, ty) {
            let (name, ty) = (name.value, ty.value);
            // A table's type has its columns behind it: `table:(*)` or `(Name:string)`.
            let default = default.map_or(String::new(), |it| format!("={}", literal(&ty, &it)));
            out.push(format!("{name}:{ty}{default}"));
        } else {
            notes.push(Note::warning("READ006", node.place, "a parameter has a `Name` and a `Type`"));
        }
        notes.extend(fields.finish());
    }
    format!("({})", out.join(", "))
}

/// A default as the language writes it: texts get quotes, datetimes and dynamics their type.
fn literal(ty: &str, text: &str) -> String {
    let ty = ty.trim().to_ascii_lowercase();
    match ty.as_str() {
        "string" if text.starts_with(['"', '\'']) => text.to_owned(),
        "string" => format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'")),
        "datetime" | "timespan" | "dynamic" | "guid" | "decimal" if !text.contains('(') => format!("{ty}({text})"),
        _ => text.to_owned(),
    }
}
