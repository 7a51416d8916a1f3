//! Keys that a rule needs, and what their values look like.

use super::Asked;
use crate::{
    Kind, Level,
    check::{Lint, finding::Found, lint::Body},
};

pub(crate) const MISSING: Lint = Lint {
    code: "R001",
    name: "missing-key",
    level: Level::Error,
    summary: "An analytics rule lacks a key without which the service does not take it.",
    doc: "Every rule needs a name, a severity and a query; a scheduled rule also `queryFrequency`, `queryPeriod`, `triggerOperator` \
          and `triggerThreshold`.",
    bad: "severity:",
    good: "severity: Medium",
    body: Body::Rule(missing),
};

pub(crate) const GUIDELINE: Lint = Lint {
    code: "R002",
    name: "guideline-key",
    level: Level::Info,
    summary: "A rule lacks keys that published rules have.",
    doc: "The guide of Azure-Sentinel asks for `id`, `description`, `requiredDataConnectors`, `tactics`, `relevantTechniques`, `entityMappings` and \
          `version`; its checks refuse templates without most of them. A workspace takes the rule nevertheless. Exports of the resource \
          manager are not looked at.",
    bad: "version:",
    good: "version: 1.0.0",
    body: Body::Rule(guideline),
};

pub(crate) const ID: Lint = Lint {
    code: "R003",
    name: "id-is-no-guid",
    level: Level::Error,
    summary: "The id of a rule is no GUID.",
    doc: "Ids of templates are GUIDs: 32 hexadecimal digits in groups of 8, 4, 4, 4 and 12.",
    bad: "id: my-first-rule",
    good: "id: 0b8f6a52-9d0c-4d3b-9f43-7a1c5b7b2f10",
    body: Body::Rule(id),
};

pub(crate) const DUPLICATE: Lint = Lint {
    code: "R004",
    name: "duplicate-id",
    level: Level::Error,
    summary: "Two rules have the same id.",
    doc: "The id is what a rule is known by: deploying the second replaces the first. Usually a file was copied. All files of one call of \
          `kql check` are compared.",
    bad: "id: 0b8f6a52-9d0c-4d3b-9f43-7a1c5b7b2f11\n---\nid: 0b8f6a52-9d0c-4d3b-9f43-7a1c5b7b2f11",
    good: "id: 0b8f6a52-9d0c-4d3b-9f43-7a1c5b7b2f11\n---\nid: 0b8f6a52-9d0c-4d3b-9f43-7a1c5b7b2f12",
    body: Body::Rule(duplicate),
};

pub(crate) const LENGTH: Lint = Lint {
    code: "R005",
    name: "text-too-long",
    level: Level::Error,
    summary: "A text is longer than the service allows.",
    doc: "A query may have 10,000 characters, a name 256, a description 5,000; `alertDisplayNameFormat` 256 and \
          `alertDescriptionFormat` 5,000. Long lists of values in a query belong into a watchlist.",
    bad: "alertDetailsOverride:\n  alertDisplayNameFormat: A very long name of an alert that goes on, and on, and on, and on, and on, \
          and on, and on, and on, and on, and on, and on, and on, and on, and on, and on, and on, and on, and on, and on, and on, and on, \
          and on, and on, and on, and on, and on, and on, and on, and on, and on, and on, and on, and on, and on",
    good: "alertDetailsOverride:\n  alertDisplayNameFormat: A short name",
    body: Body::Rule(length),
};

pub(crate) const VERSION: Lint = Lint {
    code: "R006",
    name: "version-format",
    level: Level::Warning,
    summary: "The version is not of the form `1.0.0`.",
    doc: "Versions of templates have three numbers; workspaces tell by them that a rule is older than its template.",
    bad: "version: 1.0",
    good: "version: 1.0.0",
    body: Body::Rule(version),
};

fn is_alerting(asked: &Asked<'_>) -> bool {
    matches!(asked.rule.kind, Kind::Scheduled | Kind::Nrt)
}

fn missing(asked: &Asked<'_>, found: &mut Found<'_>) {
    if !is_alerting(asked) {
        return;
    }
    let rule = asked.rule;
    let mut needed: Vec<(&str, bool, &[&str])> = vec![
        ("name", rule.name.is_some(), &["name", "displayName"]),
        ("severity", rule.severity.is_some(), &["severity"]),
    ];
    if rule.kind == Kind::Scheduled {
        needed.push(("queryFrequency", rule.query_frequency.is_some(), &["queryFrequency"]));
        needed.push(("queryPeriod", rule.query_period.is_some(), &["queryPeriod"]));
        needed.push(("triggerOperator", rule.trigger_operator.is_some(), &["triggerOperator"]));
        needed.push(("triggerThreshold", rule.trigger_threshold.is_some(), &["triggerThreshold"]));
    }
    for (name, is_there, keys) in needed {
        // A value that is no value of the key has a note of its own; an empty one is none.
        let is_empty = |it: &crate::document::Node| keys.iter().all(|key| it.get(key).is_none_or(|it| it.is_null()));
        if !is_there && rule.node.as_ref().is_some_and(is_empty) {
            let place = asked.key(name).unwrap_or_else(|| asked.head());
            _ = found.add(rule, place, format!("the {} has no `{name}`", rule.kind));
        }
    }
}

fn guideline(asked: &Asked<'_>, found: &mut Found<'_>) {
    let rule = asked.rule;
    if !is_alerting(asked)
        || rule.node.as_ref().is_none_or(|it| it.get("query").is_none() || it.get("displayName").is_some())
    {
        return;
    }
    let absent: Vec<String> = [
        ("id", rule.id.is_none()),
        ("description", rule.description.is_none()),
        ("requiredDataConnectors", !asked.has(&["requiredDataConnectors"])),
        ("tactics", rule.tactics.is_empty()),
        ("relevantTechniques", rule.techniques.is_empty()),
        ("entityMappings", !asked.has(&["entityMappings", "sentinelEntitiesMappings"])),
        ("version", rule.version.is_none()),
    ]
    .iter()
    .filter(|it| it.1)
    .map(|it| format!("`{}`", it.0))
    .collect();
    if !absent.is_empty() {
        _ = found.add(rule, asked.head(), format!("published rules also have {}", absent.join(", ")));
    }
}

fn id(asked: &Asked<'_>, found: &mut Found<'_>) {
    let Some(id) = asked.rule.id.as_ref().filter(|_| is_alerting(asked) || asked.rule.kind == Kind::Hunting) else {
        return;
    };
    // In exports it is the path of a resource, or an expression that gives one.
    if id.contains(['/', '[', '{']) && asked.rule.node.as_ref().is_some_and(|it| it.get("displayName").is_some()) {
        return;
    }
    let groups: Vec<&str> = id.trim().trim_matches(['{', '}']).split('-').collect();
    let lengths: Vec<usize> = groups.iter().map(|it| it.len()).collect();
    let is_guid = lengths == [8, 4, 4, 4, 12] && groups.iter().all(|it| it.bytes().all(|it| it.is_ascii_hexdigit()));
    if !is_guid {
        _ = found.add(asked.rule, id.place, format!("the id `{}` is no GUID", id.value));
    }
}

fn duplicate(asked: &Asked<'_>, found: &mut Found<'_>) {
    let Some(id) = &asked.rule.id else { return };
    let Some(first) = asked.ids.get(&id.trim().to_ascii_lowercase()) else { return };
    if std::ptr::eq(*first, asked.rule) {
        return;
    }
    let line = first.id.as_ref().map_or(1, |it| it.place.line);
    _ = found.add(asked.rule, id.place, format!("`{}` is the id of another rule", id.value)).hint(format!(
        "{}:{line}: {}",
        first.source.name,
        first.title()
    ));
}

fn length(asked: &Asked<'_>, found: &mut Found<'_>) {
    let rule = asked.rule;
    let overrides = &rule.overrides;
    let texts = [
        ("name", rule.name.as_ref(), 256),
        ("description", rule.description.as_ref(), 5_000),
        ("alertDisplayNameFormat", overrides.display_name.as_ref(), 256),
        ("alertDescriptionFormat", overrides.description.as_ref(), 5_000),
    ];
    for (name, text, most) in texts {
        let Some(text) = text.filter(|_| is_alerting(asked)) else { continue };
        let n = text.chars().count();
        if n > most {
            _ = found.add(rule, text.place, format!("`{name}` has {n} characters; {most} are allowed"));
        }
    }
    let n = rule.query.text.trim_end().chars().count();
    if is_alerting(asked) && n > 10_000 {
        let place = asked.key("query").unwrap_or_else(|| asked.head());
        _ = found
            .add(rule, place, format!("the query has {n} characters; a rule may have 10000"))
            .hint("lists of values can be a watchlist, and what several rules share a function");
    }
}

fn version(asked: &Asked<'_>, found: &mut Found<'_>) {
    let Some(version) = asked.rule.version.as_ref().filter(|_| asked.rule.kind != Kind::Function) else { return };
    let parts: Vec<&str> = version.trim().split('.').collect();
    if parts.len() != 3 || parts.iter().any(|it| it.is_empty() || !it.bytes().all(|it| it.is_ascii_digit())) {
        _ = found.add(asked.rule, version.place, format!("the version `{}` is not of the form `1.0.0`", version.value));
    }
}
