//! SARIF 2.1.0, which GitHub, Azure DevOps and editors read.

use crate::{
    Level,
    check::{Edit, Finding, lint},
};
use serde_json::{Value as Json, json};

const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";

/// A log of one run with all findings. Paths are relative to the directory that the command runs in.
pub fn sarif(findings: &[Finding]) -> Json {
    let mut codes: Vec<&str> = findings.iter().map(|it| it.code).collect();
    codes.sort_unstable();
    codes.dedup();
    let rules: Vec<Json> = codes.iter().map(|it| rule(it)).collect();
    let results: Vec<Json> = findings.iter().map(|it| result(it, codes.binary_search(&it.code).unwrap_or(0))).collect();
    json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "kql",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": rules,
            }},
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    })
}

fn level(level: Level) -> &'static str {
    match level {
        Level::Error => "error",
        Level::Warning => "warning",
        Level::Info => "note",
    }
}

fn rule(code: &str) -> Json {
    match lint::lint(code) {
        Some(it) => json!({
            "id": code,
            "name": it.name,
            "shortDescription": {"text": it.summary},
            "fullDescription": {"text": it.doc},
            "defaultConfiguration": {"level": level(it.level)},
        }),
        None => json!({"id": code}),
    }
}

fn result(finding: &Finding, index: usize) -> Json {
    let mut text = finding.message.clone();
    for hint in &finding.hints {
        text.push_str("; ");
        text.push_str(hint);
    }
    let file = json!({"uri": uri(&finding.source.name)});
    let mut res = json!({
        "ruleId": finding.code,
        "ruleIndex": index,
        "level": level(finding.level),
        "message": {"text": text},
        "locations": [{"physicalLocation": {"artifactLocation": file, "region": region(finding, finding.place.start..finding.place.end)}}],
    });
    if let (Some(fix), Some(res)) = (&finding.fix, res.as_object_mut()) {
        let replacement = |it: &Edit| json!({"deletedRegion": region(finding, it.range.clone()), "insertedContent": {"text": it.text}});
        let replacements: Vec<Json> = fix.edits.iter().map(replacement).collect();
        let changes = json!([{"artifactLocation": file, "replacements": replacements}]);
        _ = res.insert("fixes".to_owned(), json!([{"description": {"text": fix.title}, "artifactChanges": changes}]));
    }
    res
}

/// A range of bytes as lines and columns, both from 1, the end column behind the last character.
fn region(finding: &Finding, range: std::ops::Range<usize>) -> Json {
    let (start, end) = (finding.source.place(range.start..range.end), finding.source.place(range.end..range.end));
    json!({
        "startLine": start.line.max(1), "startColumn": start.column.max(1),
        "endLine": end.line.max(1), "endColumn": end.column.max(1),
    })
}

/// A path as a URI: slashes, and what a URI may not hold in percent signs.
fn uri(path: &str) -> String {
    let mut out = String::new();
    for byte in path.replace('\\', "/").bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            out.push(byte as char);
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}
