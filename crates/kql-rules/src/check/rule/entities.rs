//! Entities: their types and identifiers.

use super::Asked;
use crate::{
    Kind, Level,
    check::{Lint, finding::Found, lint::Body},
    entity::{ENTITY_TYPES, Required, entity_type},
};
use kql::parser::diagnostic::closest;

pub(crate) const TYPE: Lint = Lint {
    code: "R016",
    name: "entity-type",
    level: Level::Error,
    summary: "An entity mapping has a type that there is not.",
    doc: "The types are Account, AzureResource, CloudApplication, DNS, File, FileHash, Host, IoTDevice, IP, Mailbox, MailCluster, \
          MailMessage, Malware, Process, RegistryKey, RegistryValue, SecurityGroup, SubmissionMail and URL.",
    bad: "entityMappings:\n  - entityType: User\n    fieldMappings:\n      - identifier: FullName\n        columnName: UserPrincipalName",
    good: "entityMappings:\n  - entityType: Account\n    fieldMappings:\n      - identifier: FullName\n        columnName: UserPrincipalName",
    body: Body::Rule(types),
};

pub(crate) const IDENTIFIER: Lint = Lint {
    code: "R017",
    name: "entity-identifier",
    level: Level::Error,
    summary: "An identifier is none of its entity's type.",
    doc: "Each type has identifiers of its own: an Account a `FullName` and no `Address`.",
    bad: "entityMappings:\n  - entityType: IP\n    fieldMappings:\n      - identifier: Adress\n        columnName: IPAddress",
    good: "entityMappings:\n  - entityType: IP\n    fieldMappings:\n      - identifier: Address\n        columnName: IPAddress",
    body: Body::Rule(identifiers),
};

pub(crate) const REQUIRED: Lint = Lint {
    code: "R018",
    name: "entity-without-identity",
    level: Level::Error,
    summary: "A mapping has none of the identifiers that tell one entity from another.",
    doc: "An Account needs one of FullName, Sid, Name, AadUserId, PUID and ObjectGuid, a FileHash both Algorithm and Value, and so on. \
          Without them no entity is made.",
    bad: "entityMappings:\n  - entityType: Account\n    fieldMappings:\n      - identifier: UPNSuffix\n        columnName: UserPrincipalName",
    good: "entityMappings:\n  - entityType: Account\n    fieldMappings:\n      - identifier: FullName\n        columnName: UserPrincipalName",
    body: Body::Rule(required),
};

pub(crate) const LIMITS: Lint = Lint {
    code: "R019",
    name: "entity-limits",
    level: Level::Error,
    summary: "Too many entity mappings, too many or no identifiers in one, or one identifier twice.",
    doc: "A rule has 10 entity mappings at most, each with one to three identifiers, none of them twice.",
    bad: "entityMappings:\n  - entityType: Account\n    fieldMappings:\n      - identifier: FullName\n        columnName: UserPrincipalName\n      \
          - identifier: FullName\n        columnName: Identity",
    good: "entityMappings:\n  - entityType: Account\n    fieldMappings:\n      - identifier: FullName\n        columnName: UserPrincipalName\n      \
           - identifier: DisplayName\n        columnName: Identity",
    body: Body::Rule(limits),
};

pub(crate) const LEGACY: Lint = Lint {
    code: "R020",
    name: "legacy-entity-columns",
    level: Level::Warning,
    summary: "The query makes columns such as `AccountCustomEntity`, and no entity is mapped.",
    doc: "Columns of that name made entities once. They are ordinary columns now: without `entityMappings` alerts have no entities. Map them.",
    bad: "query: |\n  SigninLogs\n  | extend AccountCustomEntity = UserPrincipalName\nentityMappings: []",
    good: "query: |\n  SigninLogs\n  | extend AccountCustomEntity = UserPrincipalName\nentityMappings:\n  - entityType: Account\n    \
           fieldMappings:\n      - identifier: FullName\n        columnName: AccountCustomEntity",
    body: Body::Rule(legacy),
};

fn types(asked: &Asked<'_>, found: &mut Found<'_>) {
    for mapping in &asked.rule.entity_mappings {
        let given = &mapping.entity_type;
        if entity_type(given.trim()).is_some() {
            continue;
        }
        let finding = found.add(asked.rule, given.place, format!("there is no entity type `{}`", given.value));
        _ = match closest(&given.value, ENTITY_TYPES.iter().map(|it| it.name)) {
            Some(near) => {
                finding.hint(format!("did you mean `{near}`?")).replace(format!("write `{near}`"), given.place, near)
            }
            None => finding,
        };
    }
}

fn identifiers(asked: &Asked<'_>, found: &mut Found<'_>) {
    for mapping in &asked.rule.entity_mappings {
        let Some(ty) = entity_type(mapping.entity_type.trim()) else { continue };
        for field in &mapping.fields {
            let given = &field.identifier;
            if ty.identifier(given.trim()).is_some() {
                continue;
            }
            let finding =
                found.add(asked.rule, given.place, format!("{} has no identifier `{}`", ty.name, given.value));
            _ = match closest(&given.value, ty.identifiers.iter().copied()) {
                Some(near) => finding.hint(format!("did you mean `{near}`?")).replace(
                    format!("write `{near}`"),
                    given.place,
                    near,
                ),
                None => finding.hint(format!("it has {}", ty.identifiers.join(", "))),
            };
        }
    }
}

fn required(asked: &Asked<'_>, found: &mut Found<'_>) {
    for mapping in &asked.rule.entity_mappings {
        let Some(ty) = entity_type(mapping.entity_type.trim()) else { continue };
        let known = |it: &crate::FieldMapping| ty.identifier(it.identifier.trim());
        // One that is written wrong has a finding of its own.
        if mapping.fields.iter().any(|it| known(it).is_none()) || mapping.fields.is_empty() {
            continue;
        }
        let has = |name: &str| mapping.fields.iter().any(|it| known(it) == Some(name));
        if !ty.required.holds(has) {
            let needs = match ty.required {
                Required::Any([one]) | Required::All([one]) => format!("`{one}`"),
                Required::Any(names) => format!("one of {}", names.join(", ")),
                Required::All(names) => names.join(" and "),
            };
            let place = mapping.entity_type.place;
            _ = found.add(asked.rule, place, format!("{} needs {needs}", ty.name));
        }
    }
}

const MAPPINGS_MAX: usize = 10;
const FIELDS_MAX: usize = 3;

fn limits(asked: &Asked<'_>, found: &mut Found<'_>) {
    let mappings = &asked.rule.entity_mappings;
    if let Some(first) = mappings.get(MAPPINGS_MAX) {
        let message = format!("{} entity mappings; {MAPPINGS_MAX} are allowed", mappings.len());
        _ = found.add(asked.rule, first.entity_type.place, message);
    }
    for mapping in mappings {
        let name = &mapping.entity_type;
        if mapping.fields.is_empty() {
            _ = found.add(asked.rule, name.place, format!("the mapping of {} has no identifier", name.value));
        }
        if let Some(first) = mapping.fields.get(FIELDS_MAX) {
            let message = format!("{} has {} identifiers; {FIELDS_MAX} are allowed", name.value, mapping.fields.len());
            _ = found.add(asked.rule, first.identifier.place, message);
        }
        for (n, field) in mapping.fields.iter().enumerate() {
            let same = |it: &&crate::FieldMapping| it.identifier.eq_ignore_ascii_case(&field.identifier);
            if mapping.fields.iter().take(n).find(same).is_some() {
                let message = format!("{} has the identifier `{}` twice", name.value, field.identifier.value);
                _ = found.add(asked.rule, field.identifier.place, message);
            }
        }
    }
}

/// The columns and the entity that each made.
const OLD: &[&str] =
    &["AccountCustomEntity", "HostCustomEntity", "IPCustomEntity", "URLCustomEntity", "FileHashCustomEntity"];

fn legacy(asked: &Asked<'_>, found: &mut Found<'_>) {
    let rule = asked.rule;
    if !matches!(rule.kind, Kind::Scheduled | Kind::Nrt)
        || !rule.entity_mappings.is_empty()
        || !rule.sentinel_entities.is_empty()
    {
        return;
    }
    let Some((schema, _)) = asked.subject.output() else { return };
    let made: Vec<String> = OLD.iter().filter(|it| schema.index_of(it).is_some()).map(|it| format!("`{it}`")).collect();
    if !made.is_empty() {
        let place = asked.key("query").unwrap_or_else(|| asked.head());
        let message = format!("no entity comes of {} any more, and `entityMappings` maps none", made.join(", "));
        _ = found.add(rule, place, message);
    }
}
