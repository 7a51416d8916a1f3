//! Queries out of files: query files, Sentinel rules in YAML, and pages of text that hold a rule.

use crate::report::Place;
use kql::parser::lexer;
use kql::parser::{ParseOptions, parse};
use serde_json::Value as Json;
use std::{borrow::Cow, path::Path};

/// Endings of files that a directory is searched for.
pub(crate) const ENDINGS: &[&str] = &["kql", "csl", "kusto", "yaml", "yml"];

/// A query of a file.
#[derive(Clone, Debug)]
pub(crate) struct Script {
    /// The name of the rule, if it has one.
    pub(crate) name: Option<String>,
    /// The query.
    pub(crate) text: String,
    /// Where it stands.
    pub(crate) place: Place,
}

/// The queries of a file: several where blank lines part them and the whole is none.
pub(crate) fn scripts(path: &Path, text: &str) -> Result<Vec<Script>, String> {
    let file = path.display().to_string();
    let is_yaml = path.extension().is_some_and(|it| it == "yaml" || it == "yml");
    if is_yaml && let Ok(rule) = serde_saphyr::from_str::<Json>(text) {
        let field = |it: &str| rule.get(it).and_then(Json::as_str).map(str::to_owned);
        let query = field("query").ok_or_else(|| format!("{file}: the file has no `query:`"))?;
        let offset = offset(text, &query);
        return Ok(vec![Script { name: field("name"), text: query, place: Place { file: Some(file), offset } }]);
    }
    if let Some(query) = pasted(text) {
        let (name, offset) = (key(text, "name"), offset(text, &query));
        return Ok(vec![Script { name, text: query, place: Place { file: Some(file), offset } }]);
    }
    if is_yaml {
        let why = serde_saphyr::from_str::<Json>(text).err().map_or(String::new(), |it| it.to_string());
        return Err(format!("{file}: {why}"));
    }
    let script = |text: &str, line: usize| Script {
        name: None,
        text: text.to_owned(),
        place: Place { file: Some(file.clone()), offset: (line, 0) },
    };
    if is_sound(text) {
        return Ok(vec![script(text, 0)]);
    }
    let blocks = blocks(text);
    Ok(match blocks.len() > 1 && blocks.iter().all(|it| is_sound(it.1)) {
        true => blocks.into_iter().map(|(line, text)| script(text, line)).collect(),
        false => vec![script(text, 0)],
    })
}

/// The block of that number of a query file; the first is 1.
pub(crate) fn block(path: &Path, text: &str, number: usize) -> Result<Script, String> {
    let (file, blocks) = (path.display().to_string(), blocks(text));
    let Some((line, text)) = number.checked_sub(1).and_then(|it| blocks.get(it)) else {
        let n = blocks.len();
        return Err(format!(
            "{file}: there is no block {number}; it has {n} {}",
            if n == 1 { "block" } else { "blocks" }
        ));
    };
    Ok(Script { name: None, text: (*text).to_owned(), place: Place { file: Some(file), offset: (*line, 0) } })
}

/// The text with its lines for other programs, such as `#connect …`, left empty; and those lines.
pub(crate) fn without_directives(text: &str) -> (Cow<'_, str>, Vec<&str>) {
    let begins_line =
        |at: usize| text.get(..at).is_some_and(|it| it.rsplit('\n').next().unwrap_or("").trim().is_empty());
    let lexed = if text.contains('#') { lexer::lex(text).tokens } else { Vec::new() };
    let starts = lexed.iter().map(|it| it.span.start as usize);
    let starts: Vec<usize> = starts.filter(|it| text.get(*it..).is_some_and(|it| it.starts_with('#'))).collect();
    let (mut out, mut found, mut at) = (String::new(), Vec::new(), 0);
    for start in starts.into_iter().filter(|it| begins_line(*it)) {
        let Some(rest) = text.get(start..) else { continue };
        let line = rest.lines().next().unwrap_or("");
        out.push_str(text.get(at..start).unwrap_or(""));
        found.push(line.trim_end());
        at = start + line.len();
    }
    if found.is_empty() {
        return (Cow::Borrowed(text), found);
    }
    out.push_str(text.get(at..).unwrap_or(""));
    (Cow::Owned(out), found)
}

fn is_sound(text: &str) -> bool {
    !parse(text, &ParseOptions::default()).1.iter().any(kql::Diagnostic::is_error)
}

/// Pieces between blank lines with the number of lines before each, those of comments alone left out.
fn blocks(text: &str) -> Vec<(usize, &str)> {
    let mut out = Vec::new();
    let (mut start, mut first, mut offset) = (0, 0, 0);
    for (number, line) in text.split_inclusive('\n').enumerate() {
        offset += line.len();
        let ends = line.trim().is_empty() || offset == text.len();
        if !ends {
            continue;
        }
        let piece = text.get(start..offset).unwrap_or("");
        let is_code = |it: &str| !it.trim().is_empty() && !it.trim().starts_with("//");
        if piece.lines().any(is_code) {
            out.push((first, piece));
        }
        (start, first) = (offset, number + 1);
    }
    out
}

/// Keys of a rule that end its query where a page has lost the indentation.
const KEYS: &[&str] = &[
    "alertDetailsOverride",
    "alertRuleTemplateName",
    "author",
    "customDetails",
    "description",
    "displayName",
    "enabled",
    "entityMappings",
    "eventGroupingSettings",
    "id",
    "incidentConfiguration",
    "kind",
    "metadata",
    "name",
    "queryFrequency",
    "queryPeriod",
    "relevantTechniques",
    "requiredDataConnectors",
    "sentinelEntitiesMappings",
    "severity",
    "status",
    "subTechniques",
    "suppressionDuration",
    "suppressionEnabled",
    "tactics",
    "tags",
    "techniques",
    "triggerOperator",
    "triggerThreshold",
    "version",
];

/// The query of a page that holds a rule, whether its lines are indented or not.
fn pasted(text: &str) -> Option<String> {
    let mut lines = text.lines().skip_while(|it| !is_query_key(it));
    let head = lines.next()?;
    let rest = head.trim().trim_start_matches("query:").trim();
    if !rest.is_empty() && !rest.starts_with(['|', '>']) {
        return Some(rest.trim_matches(['\'', '"']).to_owned());
    }
    let is_key = |it: &str| it.split_once(':').is_some_and(|(key, _)| KEYS.contains(&key.trim()));
    let lines: Vec<&str> = lines.take_while(|it| !is_key(it)).collect();
    let used = |it: &&&str| !it.trim().is_empty();
    let indent = lines.iter().filter(used).map(|it| it.len() - it.trim_start().len()).min()?;
    Some(lines.iter().map(|it| it.get(indent..).unwrap_or("")).collect::<Vec<_>>().join("\n").trim_end().to_owned())
}

fn is_query_key(line: &str) -> bool {
    line.trim().strip_prefix("query:").is_some_and(|it| it.is_empty() || it.starts_with([' ', '|', '>']))
}

fn key(text: &str, name: &str) -> Option<String> {
    let value = text.lines().find_map(|it| it.strip_prefix(name)?.strip_prefix(':'))?;
    Some(value.trim().trim_matches(['\'', '"']).to_owned()).filter(|it| !it.is_empty())
}

/// Lines before a query in its file, and how far it is indented there.
fn offset(text: &str, query: &str) -> (usize, usize) {
    let Some(first) = query.lines().next().filter(|it| !it.trim().is_empty()) else { return (0, 0) };
    let at = text.lines().skip_while(|it| !is_query_key(it)).skip(1).position(|it| it.trim() == first.trim());
    let before = text.lines().take_while(|it| !is_query_key(it)).count() + 1;
    let Some(at) = at else { return (0, 0) };
    let line = text.lines().nth(before + at).unwrap_or("");
    (before + at, line.len().saturating_sub(line.trim_start().len()) - (first.len() - first.trim_start().len()))
}

/// A query with the time placeholders of hunting queries filled in: the last 24 hours before `now`.
pub(crate) fn with_times(text: &str, now: i64) -> String {
    if !text.contains("{{") {
        return text.to_owned();
    }
    const DAY: i64 = 864_000_000_000;
    let wire = kql::time::datetime_wire;
    text.replace("{{StartTimeISO}}", &wire(now.saturating_sub(DAY))).replace("{{EndTimeISO}}", &wire(now))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queries(file: &str, text: &str) -> Vec<Script> {
        scripts(Path::new(file), text).unwrap()
    }

    #[test]
    fn rules_in_yaml() {
        let text = "id: 1\nname: 'A rule'\nquery: |\n  T\n  | where x > 1\nseverity: Low\n";
        let it = &queries("r.yaml", text)[0];
        assert_eq!((it.name.as_deref(), it.text.as_str()), (Some("A rule"), "T\n| where x > 1\n"));
        assert_eq!(it.place.offset, (3, 2));
    }

    #[test]
    fn pages_that_lost_their_indentation() {
        let text = "Query Details\nid: 1\nname: A hunt\nquery: |\nlet a = 1;\nT\n| where x == a\ntactics:\n- Persistence\nProse.\n";
        for file in ["page.txt", "page.yaml"] {
            let it = &queries(file, text)[0];
            assert_eq!((it.name.as_deref(), it.text.as_str()), (Some("A hunt"), "let a = 1;\nT\n| where x == a"));
            assert_eq!(it.place.offset, (4, 0));
        }
    }

    #[test]
    fn blank_lines_part_queries_where_the_whole_is_none() {
        let it = queries("a.kql", "let a = 1;\n\nprint a\n");
        assert_eq!(it.len(), 1);
        let it = queries("a.kql", "// first\nprint 1\n\nprint 2\n| extend y = 3\n\n// end\n");
        assert_eq!(it.iter().map(|it| it.place.offset.0).collect::<Vec<_>>(), [0, 3]);
    }

    #[test]
    fn blocks_by_number() {
        let text = "// first\nprint 1\n\n\n// a comment\n\nlet a = 1;\nprint a\n";
        let it = block(Path::new("a.kql"), text, 2).unwrap();
        assert_eq!((it.text.as_str(), it.place.offset), ("let a = 1;\nprint a\n", (6, 0)));
        assert_eq!(block(Path::new("a.kql"), text, 3).unwrap_err(), "a.kql: there is no block 3; it has 2 blocks");
    }

    #[test]
    fn lines_for_other_programs() {
        let text = "#connect cluster('x').database('y')\nT // #1\n  #crp a\n| where a == '#b'\n";
        let (out, found) = without_directives(text);
        assert_eq!(out, "\nT // #1\n  \n| where a == '#b'\n");
        assert_eq!(found, ["#connect cluster('x').database('y')", "#crp a"]);
        assert_eq!(without_directives("print ```\n#a\n```").1, Vec::<&str>::new());
    }

    #[test]
    fn times_of_hunting_queries() {
        let now = kql::parser::parse_datetime("2026-06-08T12:00:00Z").unwrap();
        let text = with_times("todatetime('{{StartTimeISO}}') .. '{{EndTimeISO}}'", now);
        assert_eq!(text, "todatetime('2026-06-07T12:00:00Z') .. '2026-06-08T12:00:00Z'");
    }
}
