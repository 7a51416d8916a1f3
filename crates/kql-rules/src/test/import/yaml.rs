//! Writes values as YAML: texts always in quotes, so that none reads back as something else.

use serde_json::Value as Json;

/// A value in flow style, in one line.
pub(super) fn flow(value: &Json) -> String {
    match value {
        Json::Array(items) => format!("[{}]", items.iter().map(flow).collect::<Vec<_>>().join(", ")),
        Json::Object(entries) if entries.is_empty() => "{}".to_owned(),
        Json::Object(entries) => {
            let entries = entries.iter().map(|(key, it)| format!("{}: {}", self::key(key), flow(it)));
            format!("{{{}}}", entries.collect::<Vec<_>>().join(", "))
        }
        // JSON's escapes are YAML's, in double quotes.
        other => other.to_string(),
    }
}

/// A key: bare where that is safe.
pub(super) fn key(text: &str) -> String {
    let is_word = |it: char| it.is_ascii_alphanumeric() || it == '_';
    let is_bare = text.starts_with(|it: char| it.is_ascii_alphabetic()) && text.chars().all(is_word);
    let is_word = matches!(
        text.to_ascii_lowercase().as_str(),
        "y" | "n" | "yes" | "no" | "on" | "off" | "true" | "false" | "null"
    );
    if is_bare && !is_word { text.to_owned() } else { Json::from(text).to_string() }
}

/// A row over several lines: a key a line, at that indentation.
pub(super) fn block(row: &Json, indent: usize) -> String {
    let Some(entries) = row.as_object() else { return format!("{}- {}\n", " ".repeat(indent), flow(row)) };
    let mut out = String::new();
    for (number, (key, value)) in entries.iter().enumerate() {
        let lead = if number == 0 { "- " } else { "  " };
        out.push_str(&format!("{}{lead}{}: {}\n", " ".repeat(indent), self::key(key), flow(value)));
    }
    out
}
