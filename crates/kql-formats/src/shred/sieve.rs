//! Which records need not be kept: those of which a value shows, while they are read, that nobody wants them.
//!
//! A record that is left out is checked to its end all the same, its keys become columns, and its values count for the types
//! of these. Where in doubt a record is kept: a query filters again.
#![allow(clippy::indexing_slicing, reason = "numbers of nodes are those that the tree gave out")]

use super::{
    convert,
    growth::{Entry, Texts},
    instant,
    tree::{Losses, NONE, NodeId, ROOT, Sprout, Tree},
};
use kql_data::{Dynamic, Map, Set, Tag, Type};
use std::sync::Arc;

/// Alternatives of which records are looked at: a bit each.
const ALTERNATIVES_MAX: usize = 64;

/// A condition on the value of a key.
#[derive(Debug)]
pub(crate) enum Test {
    /// A moment between two others, which belong to it; in ticks.
    Moment(i64, i64),
    /// A whole number between two others, which belong to it.
    Long(i64, i64),
    /// One of those strings.
    OneOf(Set<String>),
}

impl Test {
    /// Whether the value shows that the condition does not hold.
    fn fails(&self, entry: &Entry, texts: Texts<'_>) -> bool {
        let outside = |value: i64, low: i64, high: i64| value < low || value > high;
        match self {
            Test::Moment(low, high) => moment(entry, texts).is_some_and(|it| outside(it, *low, *high)),
            Test::Long(low, high) => entry.long().is_some_and(|it| outside(it, *low, *high)),
            Test::OneOf(values) => entry.tag() == Tag::String as u8 && !values.contains(entry.text(texts)),
        }
    }
}

fn moment(entry: &Entry, texts: Texts<'_>) -> Option<i64> {
    match (entry.long(), entry.real()) {
        (Some(it), _) => instant::epoch(it),
        (_, Some(it)) => instant::seconds(it),
        _ if entry.tag() == Tag::String as u8 => instant::moment(entry.text(texts)),
        _ => None,
    }
}

/// What is looked at in the values of a key of the root.
#[derive(Debug, Default)]
pub(super) struct Sift {
    /// Conditions, with the alternative that each belongs to.
    tests: Vec<(u64, Test)>,
    /// Types that the column may have to which values are converted: what does not convert is told.
    types: Vec<Type>,
    /// Which time of the record it is.
    time: Option<usize>,
}

impl Sift {
    /// The alternatives that the value rules out.
    pub(super) fn failed(&self, entry: &Entry, texts: Texts<'_>) -> u64 {
        self.tests.iter().filter(|it| it.1.fails(entry, texts)).fold(0, |all, it| all | it.0)
    }

    /// Whether the value surely converts to the type of its column, and leaves nothing but that behind.
    pub(super) fn converts(&self, entry: &Entry, texts: Texts<'_>) -> bool {
        let converts = |ty: &Type| match Tag::from_u8(entry.tag()) {
            Tag::Missing | Tag::Null => true,
            Tag::True => convert::value(&Dynamic::Bool(true), *ty).is_some(),
            Tag::False => convert::value(&Dynamic::Bool(false), *ty).is_some(),
            Tag::String if *ty == Type::Datetime => {
                let text = entry.text(texts);
                text.is_empty() || instant::moment(text).is_some()
            }
            // It is taken apart, if it is JSON: its keys would be columns' too.
            Tag::String if *ty == Type::Dynamic => !entry.text(texts).trim_start().starts_with(['{', '[']),
            Tag::String => convert::value(&Dynamic::string(entry.text(texts)), *ty).is_some(),
            Tag::Long => entry.long().is_some_and(|it| convert::value(&Dynamic::Long(it), *ty).is_some()),
            Tag::Real => entry.real().is_some_and(|it| convert::value(&Dynamic::Real(it), *ty).is_some()),
            Tag::Raw | Tag::Bag => *ty == Type::Dynamic,
        };
        self.types.iter().all(converts)
    }

    /// Which time of the record the value is, and that time.
    pub(super) fn time(&self, entry: &Entry, texts: Texts<'_>) -> Option<(usize, i64)> {
        Some((self.time?, moment(entry, texts)?))
    }
}

/// What tells that a record is not wanted, by key of the root.
#[derive(Debug, Default)]
pub(crate) struct Sieve {
    by_key: Map<String, Arc<Sift>>,
    /// The bits of all alternatives.
    all: u64,
    /// A record without a time gets one later, and is kept.
    needs_time: bool,
}

/// The newest of each time of the records that were left out, in ticks.
pub(crate) type Latest = [Option<i64>; 2];

impl Sieve {
    /// A sieve for records that are wanted when the tests of some alternative all hold; `None` when every record may be
    /// wanted. `types` tells to what values of keys are converted, `times` which keys are the times of a record.
    pub(crate) fn new(
        any: Vec<Vec<(String, Test)>>,
        types: impl IntoIterator<Item = (String, Type)>,
        times: &[&str],
        needs_time: bool,
    ) -> Option<Sieve> {
        if any.is_empty() || any.len() > ALTERNATIVES_MAX || any.iter().any(Vec::is_empty) {
            return None;
        }
        let all = u64::MAX >> (ALTERNATIVES_MAX - any.len());
        let mut sifts: Map<String, Sift> = Map::default();
        for (n, tests) in any.into_iter().enumerate() {
            for (key, test) in tests {
                sifts.entry(key).or_default().tests.push((1 << n, test));
            }
        }
        for (key, ty) in types {
            if ty != Type::String {
                sifts.entry(key).or_default().types.push(ty);
            }
        }
        for (n, key) in times.iter().enumerate() {
            sifts.entry((*key).to_owned()).or_default().time = Some(n);
        }
        let by_key = sifts.into_iter().map(|(key, it)| (key, Arc::new(it))).collect();
        Some(Sieve { by_key, all, needs_time })
    }

    /// What is looked at in the values of a key.
    pub(super) fn of(&self, key: &str) -> Option<Arc<Sift>> {
        self.by_key.get(key).cloned()
    }

    /// Whether no alternative is left.
    #[inline]
    pub(super) fn drops(&self, failed: u64) -> bool {
        failed == self.all
    }

    /// Whether a record with those times may be left out.
    pub(super) fn has_time(&self, times: &Latest) -> bool {
        !self.needs_time || times.iter().any(Option::is_some)
    }
}

impl Tree {
    /// Whether records may be left out. When most that could be must be kept all the same, looking at them is in vain.
    #[inline]
    pub(crate) fn sifts(&self) -> bool {
        self.wanted.sieve.is_some() && self.refused <= self.losses.records + 64
    }

    /// Looks at the value that a key of the root has in the row under way; true when the row need not be kept.
    #[inline]
    pub(crate) fn sift(&mut self, node: NodeId, block: &str) -> bool {
        let sprout = &self.nodes[node as usize];
        let (Some(sift), Some(entry)) = (&sprout.sift, sprout.entries.last()) else { return false };
        self.failed |= sift.failed(entry, Texts { block, side: &self.side });
        self.drops_row()
    }

    fn drops_row(&self) -> bool {
        self.wanted.sieve.as_ref().is_some_and(|it| it.drops(self.failed))
    }

    /// Whether the row under way, which is read to its end, may be left out: nothing is to be told of its values.
    pub(crate) fn may_drop(&mut self, block: &str) -> bool {
        let (mut times, texts) = (Latest::default(), Texts { block, side: &self.side });
        for node in &self.sifted {
            // Nodes of keys that were taken back are gone.
            let Some(sprout) = self.nodes.get(*node as usize) else { continue };
            let entry = sprout.entries.last().filter(|_| sprout.last_row as usize == self.row);
            let (Some(sift), Some(entry)) = (&sprout.sift, entry) else { continue };
            if !sift.converts(entry, texts) {
                self.refused += 1;
                return false;
            }
            if let Some((n, time)) = sift.time(entry, texts)
                && let Some(it) = times.get_mut(n)
            {
                *it = Some(time);
            }
        }
        self.times = times;
        self.wanted.sieve.as_ref().is_some_and(|it| it.has_time(&times))
    }

    /// The row is complete: it will be left out if no alternative is left.
    pub(super) fn drop_row(&mut self) {
        if self.drops_row() {
            self.dropped |= 1 << (self.row - self.settled);
            self.losses.add(Losses { records: 1, latest: std::mem::take(&mut self.times), doubtful: false });
        }
        self.failed = 0;
    }

    /// Takes the rows that are not kept from those that wait. Their values count for the types of columns.
    pub(super) fn sort_out(&mut self, block: &str) {
        let (first, texts) = (self.settled, Texts { block, side: &self.side });
        let dropped = std::mem::take(&mut self.dropped);
        for (id, node) in self.nodes.iter_mut().enumerate() {
            node.last_row = NONE;
            let is_column = node.parent == ROOT && id != ROOT as usize;
            let Sprout { entries, skimmed, .. } = node;
            entries.retain_mut(|it| {
                let at = it.row() - first;
                let is_kept = dropped >> at & 1 == 0;
                if is_kept {
                    it.move_up((dropped & ((1 << at) - 1)).count_ones());
                } else if is_column {
                    skimmed.settle(std::slice::from_ref(it), texts);
                }
                is_kept
            });
        }
        self.row -= dropped.count_ones() as usize;
    }
}
