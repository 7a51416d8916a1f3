//! Custom details, overrides and the grouping of incidents.

use super::Asked;
use crate::{
    Level, MatchingMethod,
    check::{Edit, Lint, finding::Found, lint::Body},
};

pub(crate) const CUSTOM: Lint = Lint {
    code: "R021",
    name: "custom-details",
    level: Level::Error,
    summary: "Custom details are too many, or the name of one is too long or no name.",
    doc: "A rule has 20 custom details at most. Their names begin with a letter, have letters, digits and `_` only, and are 20 characters \
          long at most.",
    bad: "customDetails:\n  NameOfTheUserWhoSignedIn: UserPrincipalName",
    good: "customDetails:\n  User: UserPrincipalName",
    body: Body::Rule(custom),
};

pub(crate) const OVERRIDE: Lint = Lint {
    code: "R022",
    name: "override-placeholders",
    level: Level::Error,
    summary: "A format of `alertDetailsOverride` has more than three placeholders, or one with blanks in it.",
    doc: "A name and a description may each have three `{{Column}}`. The name of the column stands between the braces without blanks: \
          `{{ Column }}` stays as it is. The fix takes the blanks out.",
    bad: "alertDetailsOverride:\n  alertDisplayNameFormat: Sign-in by {{ UserPrincipalName }}",
    good: "alertDetailsOverride:\n  alertDisplayNameFormat: Sign-in by {{UserPrincipalName}}",
    body: Body::Rule(overrides),
};

pub(crate) const GROUPING: Lint = Lint {
    code: "R023",
    name: "incident-grouping",
    level: Level::Warning,
    summary: "Incidents are grouped by something that alerts of this rule do not have.",
    doc: "`matchingMethod: Selected` needs something to select by; `groupByEntities` names types that `entityMappings` maps, \
          `groupByCustomDetails` keys of `customDetails`.",
    bad: "incidentConfiguration:\n  createIncident: true\n  groupingConfiguration:\n    enabled: true\n    matchingMethod: Selected",
    good: "incidentConfiguration:\n  createIncident: true\n  groupingConfiguration:\n    enabled: true\n    matchingMethod: Selected\n    \
           groupByAlertDetails:\n      - DisplayName",
    body: Body::Rule(grouping),
};

const DETAILS_MAX: usize = 20;
const KEY_MAX: usize = 20;
const PLACEHOLDERS_MAX: usize = 3;

fn custom(asked: &Asked<'_>, found: &mut Found<'_>) {
    let details = &asked.rule.custom_details;
    if let Some((key, _)) = details.get(DETAILS_MAX) {
        _ = found.add(asked.rule, key.place, format!("{} custom details; {DETAILS_MAX} are allowed", details.len()));
    }
    for (key, _) in details {
        let n = key.chars().count();
        let is_name = key.starts_with(|it: char| it.is_ascii_alphabetic())
            && key.chars().all(|it| it.is_ascii_alphanumeric() || it == '_');
        if n > KEY_MAX {
            let message = format!("the name `{}` of a detail has {n} characters; {KEY_MAX} are allowed", key.value);
            _ = found.add(asked.rule, key.place, message);
        } else if !is_name {
            let message = format!("`{}` cannot be the name of a detail", key.value);
            _ = found.add(asked.rule, key.place, message).hint("a letter first, then letters, digits and `_`");
        }
    }
}

/// What stands between `{{` and `}}`, as written.
pub(super) fn placeholders(text: &str) -> impl Iterator<Item = &str> {
    text.split("{{").skip(1).filter_map(|it| it.split_once("}}").map(|it| it.0))
}

fn overrides(asked: &Asked<'_>, found: &mut Found<'_>) {
    let rule = asked.rule;
    for (name, text) in [
        ("alertDisplayNameFormat", &rule.overrides.display_name),
        ("alertDescriptionFormat", &rule.overrides.description),
    ] {
        let Some(text) = text else { continue };
        let mut names: Vec<&str> = placeholders(&text.value).collect();
        let written = rule.source.text.get(text.place.start..text.place.end).unwrap_or("");
        for placeholder in names.iter().filter(|it| it.trim() != **it) {
            let quoted = format!("{{{{{placeholder}}}}}");
            let at = written.find(&quoted).map(|it| text.place.start + it);
            let place = at.map_or(text.place, |at| rule.source.place(at..at + quoted.len()));
            let finding = found.add(rule, place, format!("`{quoted}` stays as it is: a placeholder has no blanks"));
            if let Some(at) = at {
                let edit = Edit { range: at..at + quoted.len(), text: format!("{{{{{}}}}}", placeholder.trim()) };
                _ = finding.fix("take the blanks out", vec![edit]);
            }
        }
        names.sort_unstable();
        names.dedup();
        if names.len() > PLACEHOLDERS_MAX {
            let message = format!("`{name}` has {} placeholders; {PLACEHOLDERS_MAX} are allowed", names.len());
            _ = found.add(rule, text.place, message);
        }
    }
}

fn grouping(asked: &Asked<'_>, found: &mut Found<'_>) {
    let rule = asked.rule;
    let Some(grouping) = rule.incident.grouping.as_ref().filter(|it| it.enabled.as_ref().is_none_or(|it| it.value))
    else {
        return;
    };
    let is_selected = grouping.matching.as_ref().is_some_and(|it| it.value == MatchingMethod::Selected);
    let n = grouping.entities.len() + grouping.details.len() + grouping.custom_details.len();
    if let Some(matching) = grouping.matching.as_ref().filter(|_| is_selected && n == 0) {
        _ = found
            .add(rule, matching.place, "`Selected` needs something to group by")
            .hint("`groupByEntities`, `groupByAlertDetails` or `groupByCustomDetails`");
    }
    if !is_selected {
        return;
    }
    for entity in &grouping.entities {
        if !rule.entity_mappings.iter().any(|it| it.entity_type.eq_ignore_ascii_case(entity))
            && rule.sentinel_entities.is_empty()
        {
            let message = format!("`{}` is no entity that this rule maps", entity.value);
            _ = found.add(rule, entity.place, message);
        }
    }
    for detail in &grouping.custom_details {
        if !rule.custom_details.iter().any(|it| it.0.value == detail.value) {
            _ = found.add(rule, detail.place, format!("`{}` is no custom detail of this rule", detail.value));
        }
    }
}
