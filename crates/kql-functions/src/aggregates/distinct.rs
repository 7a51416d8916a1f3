//! The distinct values of each group, in the order of their first appearance: `make_set` and `count_distinct`.

use super::collect::{check_size, each_element};
use crate::aggregate::{
    Accumulator,
    codes::{SeenCodes, by_dictionary},
    same,
};
use arrow_array::Array;
use indexmap::IndexSet;
use kql_data::{Column, Context, Dynamic, Fault, Type, Value};
use std::{any::Any, hash::Hash, sync::Arc};

type Set<K> = IndexSet<K, ahash::RandomState>;

/// Values by group, as their type allows.
enum Sets {
    /// int, long, datetime, timespan.
    Longs(Vec<Set<i64>>),
    /// string.
    Texts(Vec<Set<Arc<str>>>),
    /// All other types.
    Any(Vec<Set<Dynamic>>),
}

impl Sets {
    fn is_empty(&self) -> bool {
        match self {
            Sets::Longs(it) => it.is_empty(),
            Sets::Texts(it) => it.is_empty(),
            Sets::Any(it) => it.is_empty(),
        }
    }

    fn resize(&mut self, n_groups: usize) {
        match self {
            Sets::Longs(it) => it.resize_with(n_groups, Set::default),
            Sets::Texts(it) => it.resize_with(n_groups, Set::default),
            Sets::Any(it) => it.resize_with(n_groups, Set::default),
        }
    }
}

/// Bytes of an entry beside what it points to.
const ENTRY: usize = 2 * size_of::<Dynamic>();

/// Distinct values by group.
pub(super) struct Distinct {
    ty: Type,
    max: usize,
    /// Whether only their number is asked for.
    counts: bool,
    n_groups: usize,
    /// While all columns had the same dictionary: the codes of each group, in order.
    codes: Option<(SeenCodes, Vec<Vec<u32>>)>,
    sets: Sets,
    bytes: usize,
}

impl Distinct {
    /// For so many values of a type.
    pub(super) fn collected(ty: Type, max: usize) -> Distinct {
        let sets = match ty {
            Type::Int | Type::Long | Type::Datetime | Type::Timespan => Sets::Longs(Vec::new()),
            Type::String => Sets::Texts(Vec::new()),
            _ => Sets::Any(Vec::new()),
        };
        Distinct { ty, max, counts: false, n_groups: 0, codes: None, sets, bytes: 0 }
    }

    /// For the number of values of a type.
    pub(super) fn counted(ty: Type) -> Distinct {
        Distinct { counts: true, ..Distinct::collected(ty, usize::MAX) }
    }

    fn check(&self, cx: &Context, size: usize) -> Result<(), Fault> {
        if self.counts { Ok(()) } else { check_size(cx, size, self.max, "make_set") }
    }

    /// Turns codes into texts.
    fn spill(&mut self) {
        self.sets.resize(self.n_groups);
        let (Some((seen, lists)), Sets::Texts(sets)) = (self.codes.take(), &mut self.sets) else { return };
        let strings = seen.strings();
        for (codes, set) in lists.into_iter().zip(sets) {
            for code in codes {
                self.bytes += ENTRY + strings.text(code).len();
                _ = set.insert(strings.text(code).into());
            }
        }
    }

    fn update_codes(&mut self, cx: &Context, groups: &[u32], codes: &[u32]) -> Result<(), Fault> {
        let (max, n_groups, counts) = (self.max, self.n_groups, self.counts);
        let Some((seen, lists)) = &mut self.codes else { return Ok(()) };
        lists.resize_with(n_groups, Vec::new);
        for (code, group) in codes.iter().zip(groups) {
            if seen.insert(*group, *code)
                && let Some(list) = lists.get_mut(*group as usize).filter(|it| it.len() < max)
            {
                list.push(*code);
                self.bytes += 4;
                if !counts {
                    check_size(cx, list.len(), max, "make_set")?;
                }
            }
        }
        Ok(())
    }

    /// Adds a row of a column that is not by the dictionary. Gives the group's size.
    fn add(&mut self, column: &Column, row: usize, group: usize) -> usize {
        let (max, bytes) = (self.max, &mut self.bytes);
        match &mut self.sets {
            Sets::Longs(sets) => {
                let (Some(set), Some(value)) = (sets.get_mut(group), long(column, row)) else { return 0 };
                if set.len() < max && set.insert(value) {
                    *bytes += 24;
                }
                set.len()
            }
            Sets::Texts(sets) => {
                let Some(set) = sets.get_mut(group) else { return 0 };
                let text = column.string_reader().get(row);
                if !set.contains(text) && set.len() < max {
                    *bytes += ENTRY + text.len();
                    _ = set.insert(text.into());
                }
                set.len()
            }
            Sets::Any(sets) => {
                let Some(set) = sets.get_mut(group) else { return 0 };
                each_element(column.dynamic(row), |it| {
                    let size = ENTRY + it.bytes();
                    if set.len() < max && set.insert(it) {
                        *bytes += size;
                    }
                });
                set.len()
            }
        }
    }

    /// A long of the sets as it was.
    fn dynamic(&self, value: i64) -> Dynamic {
        match self.ty {
            Type::Datetime => Dynamic::Datetime(value),
            Type::Timespan => Dynamic::Timespan(value),
            _ => Dynamic::Long(value),
        }
    }

    fn sizes(&self) -> Vec<i64> {
        fn of<K>(sets: &[Set<K>]) -> Vec<i64> {
            sets.iter().map(|it| it.len() as i64).collect()
        }
        let mut sizes = match (&self.codes, &self.sets) {
            (Some((_, lists)), _) => lists.iter().map(|it| it.len() as i64).collect(),
            (None, Sets::Longs(sets)) => of(sets),
            (None, Sets::Texts(sets)) => of(sets),
            (None, Sets::Any(sets)) => of(sets),
        };
        sizes.resize(self.n_groups, 0);
        sizes
    }

    fn arrays(&mut self) -> Vec<Option<Dynamic>> {
        fn of<K>(sets: &[Set<K>], make: impl Fn(&K) -> Dynamic) -> Vec<Option<Dynamic>> {
            sets.iter().map(|it| Some(Dynamic::array(it.iter().map(&make).collect()))).collect()
        }
        if let Some((seen, mut lists)) = self.codes.take() {
            lists.resize_with(self.n_groups, Vec::new);
            let mut strings = seen.strings();
            let array = |codes: Vec<u32>| Dynamic::array(codes.into_iter().map(|it| strings.dynamic(it)).collect());
            return lists.into_iter().map(array).map(Some).collect();
        }
        self.sets.resize(self.n_groups);
        match &self.sets {
            Sets::Longs(sets) => of(sets, |it| self.dynamic(*it)),
            Sets::Texts(sets) => of(sets, |it| Dynamic::String(it.clone())),
            Sets::Any(sets) => of(sets, Dynamic::clone),
        }
    }
}

#[inline]
fn long(column: &Column, row: usize) -> Option<i64> {
    match column {
        Column::Long(it) | Column::Datetime(it) | Column::Timespan(it) => it.is_valid(row).then(|| it.value(row)),
        other => match other.value(row) {
            Value::Int(it) => Some(i64::from(it)),
            Value::Long(it) | Value::Datetime(it) | Value::Timespan(it) => Some(it),
            _ => None,
        },
    }
}

/// Adds sets to others as far as they may grow. Gives the bytes that they grew by and the largest size.
fn join<K: Hash + Eq>(
    mine: &mut [Set<K>],
    other: Vec<Set<K>>,
    groups: &[u32],
    max: usize,
    bytes: impl Fn(&K) -> usize,
) -> (usize, usize) {
    let (mut grown, mut largest) = (0, 0);
    for (other, group) in other.into_iter().zip(groups) {
        let Some(set) = mine.get_mut(*group as usize) else { continue };
        for it in other {
            if set.len() >= max {
                break;
            }
            grown += bytes(&it);
            _ = set.insert(it);
        }
        largest = largest.max(set.len());
    }
    (grown, largest)
}

impl Accumulator for Distinct {
    fn resize(&mut self, n_groups: usize) {
        self.n_groups = self.n_groups.max(n_groups);
    }

    fn update(&mut self, cx: &Context, groups: &[u32], args: &[Column]) -> Result<(), Fault> {
        let Some(column) = args.first() else { return Ok(()) };
        if let Some((codes, dictionary)) = by_dictionary(column) {
            if self.codes.is_none() && self.sets.is_empty() {
                self.codes = Some((SeenCodes::new(dictionary.clone()), Vec::new()));
            }
            if self.codes.as_ref().is_some_and(|(seen, _)| seen.is_of(dictionary)) {
                return self.update_codes(cx, groups, codes);
            }
        }
        self.spill();
        for (row, group) in groups.iter().enumerate() {
            let size = self.add(column, row, *group as usize);
            self.check(cx, size)?;
        }
        Ok(())
    }

    fn merge(&mut self, cx: &Context, other: Box<dyn Accumulator>, groups: &[u32]) -> Result<(), Fault> {
        let mut other = *same::<Distinct>(other)?;
        if self.codes.is_none() && self.sets.is_empty() && other.codes.is_some() {
            self.codes = other.codes.as_ref().map(|(seen, _)| (seen.empty(), Vec::new()));
        }
        if let (Some((seen, _)), Some((mine, _))) = (&other.codes, &self.codes)
            && mine.is_like(seen)
        {
            let lists = other.codes.take().map_or(Vec::new(), |(_, lists)| lists);
            for (codes, group) in lists.into_iter().zip(groups) {
                self.update_codes(cx, &vec![*group; codes.len()], &codes)?;
            }
            return Ok(());
        }
        self.spill();
        other.spill();
        let (grown, largest) = match (&mut self.sets, other.sets) {
            (Sets::Longs(mine), Sets::Longs(other)) => join(mine, other, groups, self.max, |_| 24),
            (Sets::Texts(mine), Sets::Texts(other)) => join(mine, other, groups, self.max, |it| ENTRY + it.len()),
            (Sets::Any(mine), Sets::Any(other)) => join(mine, other, groups, self.max, |it| ENTRY + it.bytes()),
            _ => return Err(Fault::new("states of two different aggregates cannot be merged")),
        };
        self.bytes += grown;
        self.check(cx, largest)
    }

    fn finish(mut self: Box<Self>, _: &Context) -> Result<Vec<Column>, Fault> {
        Ok(vec![if self.counts { Column::longs(self.sizes()) } else { Column::dynamics(self.arrays()) }])
    }

    fn bytes(&self) -> usize {
        self.bytes + self.n_groups * 64 + self.codes.as_ref().map_or(0, |(seen, _)| seen.bytes())
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }
}
