//! What alerts say: custom details, and texts with values of columns in them.

use super::alert::Answer;
use crate::{Rule, Severity};
use std::ops::Range;

/// Values of one custom detail at most.
const VALUES_MAX: usize = 50;
/// Bytes of all custom details of an alert at most.
const DETAILS_BYTES_MAX: usize = 2 << 10;
/// Bytes of a name at most.
pub(super) const NAME_BYTES_MAX: usize = 256;
/// Bytes of a description at most.
pub(super) const DESCRIPTION_BYTES_MAX: usize = 5 << 10;

/// Every custom detail with the values that its column has in those rows, each once.
pub(super) fn custom_details(rule: &Rule, answer: &Answer<'_>, rows: Range<usize>) -> Vec<(String, Vec<String>)> {
    let mut out = Vec::new();
    let mut bytes = 0usize;
    for (key, column) in &rule.custom_details {
        let mut values: Vec<String> = Vec::new();
        let mut seen = std::collections::HashSet::<String, ahash::RandomState>::default();
        if let Some(index) = answer.column(column) {
            for row in rows.clone() {
                let text = answer.text(row, index);
                if text.is_empty() || !seen.insert(text.clone()) {
                    continue;
                }
                bytes += text.len();
                if values.len() >= VALUES_MAX || bytes > DETAILS_BYTES_MAX {
                    break;
                }
                values.push(text);
            }
        }
        out.push((key.value.clone(), values));
    }
    out
}

/// A text with the values that its `{{Column}}`s have in a row. `None` where one of them has none: then the rule's own
/// text stands. Names are exact; blanks inside the braces are part of the name.
pub(super) fn filled(format: &str, answer: &Answer<'_>, row: Option<usize>, bytes_max: usize) -> Option<String> {
    let mut out = String::new();
    let mut rest = format;
    while let Some((before, after)) = rest.split_once("{{") {
        let Some((name, behind)) = after.split_once("}}") else { break };
        out.push_str(before);
        let value = answer.column(name).zip(row).map(|(column, row)| answer.text(row, column));
        out.push_str(&value.filter(|it| !it.is_empty())?);
        rest = behind;
    }
    out.push_str(rest);
    Some(cut(out, bytes_max))
}

/// A text without what is beyond so many bytes.
pub(super) fn cut(mut text: String, bytes_max: usize) -> String {
    if text.len() > bytes_max {
        let end = (0..=bytes_max).rev().find(|it| text.is_char_boundary(*it)).unwrap_or(0);
        text.truncate(end);
    }
    text
}

/// The severity that a row says.
pub(super) fn severity(rule: &Rule, answer: &Answer<'_>, row: Option<usize>) -> Option<Severity> {
    let column = answer.column(rule.overrides.severity_column.as_ref()?)?;
    Severity::from_name(&answer.text(row?, column))
}

/// Tactics of ATT&CK by name.
const TACTICS: &[&str] = &[
    "Reconnaissance",
    "ResourceDevelopment",
    "InitialAccess",
    "Execution",
    "Persistence",
    "PrivilegeEscalation",
    "DefenseEvasion",
    "CredentialAccess",
    "Discovery",
    "LateralMovement",
    "Collection",
    "Exfiltration",
    "CommandAndControl",
    "Impact",
    "PreAttack",
    "ImpairProcessControl",
    "InhibitResponseFunction",
];

/// The tactics that a row says: a list, or a text with commas. `None` where one of them is none.
pub(super) fn tactics(rule: &Rule, answer: &Answer<'_>, row: Option<usize>) -> Option<Vec<String>> {
    let column = answer.column(rule.overrides.tactics_column.as_ref()?)?;
    let text = answer.text(row?, column);
    let words = text.split(['[', ']', ',', '"', '\'']).map(str::trim).filter(|it| !it.is_empty());
    let known = |it: &str| {
        let bare: String = it.chars().filter(|it| it.is_alphanumeric()).collect();
        TACTICS.iter().find(|name| name.eq_ignore_ascii_case(&bare)).map(|it| (*it).to_owned())
    };
    let found: Option<Vec<String>> = words.map(known).collect();
    found.filter(|it| !it.is_empty())
}
