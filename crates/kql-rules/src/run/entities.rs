//! Entities of alerts: values of columns under the identifiers of a type.

use super::alert::Answer;
use crate::{
    Rule,
    entity::{GENERIC_ACCOUNTS, STRONG_ACCOUNT, entity_type},
};
use serde_json::{Map, Value as Json};
use std::ops::Range;

/// Entities of one alert at most.
const ENTITIES_MAX: usize = 500;
/// Bytes of the entities of one alert at most.
const BYTES_MAX: usize = 64 << 10;

/// Somebody or something that an alert is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Entity {
    /// `Account`, `Host`, `IP`, …
    pub kind: String,
    /// Identifiers and values, in the order of the mapping.
    pub fields: Vec<(String, String)>,
}

impl Entity {
    /// The value of an identifier.
    pub fn get(&self, identifier: &str) -> Option<&str> {
        self.fields.iter().find(|it| it.0 == identifier).map(|it| it.1.as_str())
    }

    /// What people call it: its values, `Account ann@example.com`.
    pub fn label(&self) -> String {
        let values: Vec<&str> = self.fields.iter().map(|it| it.1.as_str()).collect();
        format!("{} {}", self.kind, values.join(", "))
    }

    /// The record that `SecurityAlert` has of it; `id` numbers the entities of an alert.
    pub fn record(&self, id: usize) -> Json {
        let mut out = Map::new();
        _ = out.insert("$id".to_owned(), id.to_string().into());
        for (name, value) in &self.fields {
            _ = out.insert(name.clone(), value.as_str().into());
        }
        let kind = entity_type(&self.kind).map_or(self.kind.as_str(), |it| it.record);
        _ = out.insert("Type".to_owned(), kind.into());
        Json::Object(out)
    }
}

/// The entities of some rows, each once, by mapping and row.
pub(super) fn entities(rule: &Rule, answer: &Answer<'_>, rows: Range<usize>) -> Vec<Entity> {
    let n_mappings = rule.entity_mappings.len() + rule.sentinel_entities.len();
    let share = ENTITIES_MAX.checked_div(n_mappings).unwrap_or(0);
    let mut out: Vec<Entity> = Vec::new();
    let mut seen = std::collections::HashSet::<Entity, ahash::RandomState>::default();
    for mapping in &rule.entity_mappings {
        let Some(ty) = entity_type(&mapping.entity_type) else { continue };
        let columns: Vec<(&str, usize)> = mapping
            .fields
            .iter()
            .filter_map(|it| Some((ty.identifier(&it.identifier)?, answer.column(&it.column)?)))
            .collect();
        let mut n_own = 0;
        for row in rows.clone() {
            if n_own >= share {
                break;
            }
            let field = |it: &(&str, usize)| {
                let text = answer.text(row, it.1);
                (!text.is_empty()).then(|| (it.0.to_owned(), text))
            };
            let entity = Entity { kind: ty.name.to_owned(), fields: columns.iter().filter_map(field).collect() };
            if ty.required.holds(|it| entity.get(it).is_some()) && !is_generic(&entity) && seen.insert(entity.clone()) {
                out.push(entity);
                n_own += 1;
            }
        }
    }
    for column in &rule.sentinel_entities {
        let Some(index) = answer.column(column) else { continue };
        let found = rows.clone().flat_map(|row| of_records(&answer.text(row, index)));
        let fresh: Vec<Entity> = found.filter(|it| seen.insert(it.clone())).take(share).collect();
        out.extend(fresh);
    }
    let mut bytes = 0;
    let fits = |it: &Entity| {
        bytes += it.fields.iter().map(|it| it.0.len() + it.1.len() + 8).sum::<usize>() + it.kind.len() + 16;
        bytes <= BYTES_MAX
    };
    out.into_iter().take_while(fits).collect()
}

/// An account that is known by a name alone, and that too many share.
fn is_generic(entity: &Entity) -> bool {
    let name = entity.get("Name").filter(|_| entity.kind == "Account");
    let is_strong = STRONG_ACCOUNT.iter().any(|it| entity.get(it).is_some());
    name.is_some_and(|it| GENERIC_ACCOUNTS.contains(&it.trim().to_uppercase().as_str())) && !is_strong
}

/// Entities out of the `Entities` of another alert.
fn of_records(text: &str) -> Vec<Entity> {
    let Ok(Json::Array(records)) = serde_json::from_str(text) else { return Vec::new() };
    let entity = |it: &Json| {
        let record = it.as_object()?;
        let name = record.get("Type")?.as_str()?;
        let ty = crate::entity::ENTITY_TYPES.iter().find(|it| it.record.eq_ignore_ascii_case(name));
        let field = |(key, value): (&String, &Json)| {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            (key != "Type" && !key.starts_with('$') && !value.is_null()).then(|| (key.clone(), text))
        };
        let fields = record.iter().filter_map(field).collect();
        Some(Entity { kind: ty.map_or(name, |it| it.name).to_owned(), fields })
    };
    records.iter().filter_map(entity).collect()
}
