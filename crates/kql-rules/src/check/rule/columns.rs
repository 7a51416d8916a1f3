//! Columns that a rule names.

use super::Asked;
use crate::{
    At, Level,
    check::{Lint, finding::Found, lint::Body},
};
use kql::parser::diagnostic::closest;

pub(crate) const LINT: Lint = Lint {
    code: "R014",
    name: "column-not-returned",
    level: Level::Error,
    summary: "The rule names a column that its query does not return.",
    doc: "`entityMappings`, `sentinelEntitiesMappings` and `customDetails` name columns of the query's result; the service refuses a rule \
          whose query does not return them. A `{{Column}}` in `alertDetailsOverride` that is not there leaves the rule's own text, and so does a \
          column for severity or tactics: a warning. Names are case-sensitive. Usually a `project` or `summarize` dropped the column, or \
          gave it another name.\n\nNothing is said where the columns of the result are not all known.",
    bad: "query: |\n  SigninLogs\n  | project TimeGenerated, UserPrincipalName\nentityMappings:\n  - entityType: IP\n    fieldMappings:\n      \
          - identifier: Address\n        columnName: IPAddress",
    good: "query: |\n  SigninLogs\n  | project TimeGenerated, UserPrincipalName, IPAddress\nentityMappings:\n  - entityType: IP\n    \
           fieldMappings:\n      - identifier: Address\n        columnName: IPAddress",
    body: Body::Rule(check),
};

pub(crate) const SHAPE: Lint = Lint {
    code: "R015",
    name: "column-name",
    level: Level::Error,
    summary: "A mapping names a column as no column may be named there.",
    doc: "In `entityMappings` and `customDetails` a column's name begins with a letter or `_` and has letters, digits and `_` only: \
          `['Host Name']` must be renamed in the query, and a path such as `Properties.user` put into a column of its own.",
    bad: "customDetails:\n  Caller: Properties.caller",
    good: "customDetails:\n  Caller: UserPrincipalName",
    body: Body::Rule(shape),
};

/// The columns that the rule names: what for, the name, whether the service refuses the rule without it.
fn named<'a>(asked: &Asked<'a>) -> Vec<(String, At<String>, bool)> {
    let rule = asked.rule;
    let mut out = Vec::new();
    for mapping in &rule.entity_mappings {
        for field in &mapping.fields {
            let what = format!("{}.{}", mapping.entity_type.value, field.identifier.value);
            out.push((what, field.column.clone(), true));
        }
    }
    out.extend(rule.sentinel_entities.iter().map(|it| ("sentinelEntitiesMappings".to_owned(), it.clone(), true)));
    out.extend(rule.custom_details.iter().map(|(key, it)| (format!("the detail `{}`", key.value), it.clone(), true)));
    let overrides = &rule.overrides;
    for (what, text) in
        [("alertDisplayNameFormat", &overrides.display_name), ("alertDescriptionFormat", &overrides.description)]
    {
        let Some(text) = text else { continue };
        for name in super::details::placeholders(&text.value) {
            let inside = text.place.start..text.place.end;
            let place = match rule.source.text.get(inside.clone()).and_then(|it| it.find(&format!("{{{{{name}}}}}"))) {
                Some(at) => rule.source.place(inside.start + at + 2..inside.start + at + 2 + name.len()),
                None => text.place,
            };
            out.push((what.to_owned(), At::new(name.to_owned(), place), false));
        }
    }
    for (what, column) in
        [("alertTacticsColumnName", &overrides.tactics_column), ("alertSeverityColumnName", &overrides.severity_column)]
    {
        out.extend(column.iter().map(|it| (what.to_owned(), it.clone(), false)));
    }
    out.extend(overrides.dynamic.iter().map(|(what, it)| (what.value.clone(), it.clone(), false)));
    out
}

fn check(asked: &Asked<'_>, found: &mut Found<'_>) {
    let Some((schema, false)) = asked.subject.output() else { return };
    for (what, column, is_refused) in named(asked) {
        let name = column.value.as_str();
        if name.is_empty() || name.trim() != name || schema.index_of(name).is_some() {
            continue;
        }
        let finding = found.add(asked.rule, column.place, format!("{what}: the query returns no column `{name}`"));
        let finding = if is_refused { finding } else { finding.level(Level::Warning) };
        let written = asked.rule.source.text.get(column.place.start..column.place.end).unwrap_or("");
        _ = match closest(name, schema.fields.iter().map(|it| &*it.name)) {
            Some(near) if written.trim_matches(['\'', '"']) == name => {
                let text = written.replace(name, near);
                finding.hint(format!("did you mean `{near}`?")).replace(format!("write `{near}`"), column.place, text)
            }
            Some(near) => finding.hint(format!("did you mean `{near}`?")),
            None => finding.hint(format!("it returns {}", listed(schema))),
        };
    }
}

/// The first columns, for a hint.
fn listed(schema: &kql::Schema) -> String {
    const MOST: usize = 12;
    let names: Vec<&str> = schema.fields.iter().take(MOST).map(|it| &*it.name).collect();
    let more = schema.len().saturating_sub(MOST);
    let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{rest}", names.join(", "))
}

fn shape(asked: &Asked<'_>, found: &mut Found<'_>) {
    for (what, column, is_mapping) in named(asked) {
        let is_name = |it: &str| {
            it.starts_with(|it: char| it.is_ascii_alphabetic() || it == '_')
                && it.chars().all(|it| it.is_ascii_alphanumeric() || it == '_')
        };
        if is_mapping && !is_name(&column.value) {
            let message = format!("{what}: `{}` cannot be the name of a column here", column.value);
            _ = found
                .add(asked.rule, column.place, message)
                .hint("a letter or `_` first, then letters, digits and `_`");
        }
    }
}
