//! Lints over the keys of a rule.

pub(super) mod attack;
pub(super) mod columns;
pub(super) mod defender;
pub(super) mod details;
pub(super) mod entities;
pub(super) mod keys;
pub(super) mod schedule;

use super::{Ids, subject::Subject};
use crate::{Place, Rule};

/// A rule under check, with its query and the ids of all rules.
pub(crate) struct Asked<'a> {
    pub(crate) rule: &'a Rule,
    pub(crate) subject: &'a Subject<'a>,
    pub(crate) ids: &'a Ids<'a>,
}

impl Asked<'_> {
    /// Whether the mapping of the rule has one of those keys, whatever its value.
    pub(crate) fn has(&self, keys: &[&str]) -> bool {
        self.rule.node.as_ref().is_none_or(|it| keys.iter().any(|key| it.get(key).is_some()))
    }

    /// Where the rule begins: its first key.
    pub(crate) fn head(&self) -> Place {
        let first = self.rule.node.as_ref().and_then(|it| it.map()?.first());
        first.map_or(self.rule.place, |it| it.key_place)
    }

    /// The place of a key.
    pub(crate) fn key(&self, key: &str) -> Option<Place> {
        let entries = self.rule.node.as_ref()?.map()?;
        entries.iter().find(|it| it.key == key).map(|it| it.key_place)
    }
}
