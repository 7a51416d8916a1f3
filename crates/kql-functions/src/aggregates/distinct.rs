//! The distinct values of each group, in the order of their first appearance: `make_set` and `count_distinct`.

use super::collect::{check_size, each_element};
use crate::aggregate::{
    Accumulator,
    codes::{SeenCodes, by_dictionary},
    interned::{Interned, arrays},
    same,
    text_sets::TextSets,
};
use arrow_array::Array;
use indexmap::IndexSet;
use kql_data::{Column, Context, Dynamic, DynamicReader, Fault, Lists, Type, Value};
use std::{any::Any, hash::Hash};

type Set<K> = IndexSet<K, ahash::RandomState>;

/// Values by group, as their type allows.
enum Sets {
    /// int, long, datetime, timespan.
    Longs(Longs),
    /// string.
    Texts(TextSets),
    /// All other types.
    Any(Vec<Set<Dynamic>>),
}

/// Groups and the numbers of their values in order, or only how many they are.
#[derive(Default)]
struct Ordered {
    order: Vec<(u32, u32)>,
    sizes: Vec<u32>,
    /// Whether only their number is asked for.
    counts: bool,
}

impl Ordered {
    fn resize(&mut self, n_groups: usize) {
        self.sizes.resize(n_groups.max(self.sizes.len()), 0);
    }

    fn size(&self, group: u32) -> usize {
        self.sizes.get(group as usize).map_or(0, |it| *it as usize)
    }

    /// Adds a value that the group does not have. Gives the group's size.
    fn push(&mut self, group: u32, number: u32) -> usize {
        let Some(size) = self.sizes.get_mut(group as usize) else { return 0 };
        *size += 1;
        if !self.counts {
            self.order.push((group, number));
        }
        *size as usize
    }

    /// The most values of a group.
    fn largest(&self) -> usize {
        self.sizes.iter().max().map_or(0, |it| *it as usize)
    }

    fn bytes(&self) -> usize {
        self.order.capacity() * 8 + self.sizes.len() * 4
    }
}

/// Whole numbers by group.
#[derive(Default)]
struct Longs {
    values: Interned,
    lists: Ordered,
}

impl Longs {
    /// Adds a value to a group that has fewer than so many. Gives the group's size.
    fn add(&mut self, group: u32, item: i64, max: usize) -> usize {
        let size = self.lists.size(group);
        if size >= max {
            return size;
        }
        let (number, is_new) = self.values.insert(group, item);
        if is_new { self.lists.push(group, number) } else { size }
    }

    /// Adds the values of another whose group `i` is `groups[i]` here. Gives the largest size.
    fn merge(&mut self, other: &Longs, groups: &[u32], max: usize) -> usize {
        let translated = self.values.translate(&other.values);
        let mut largest = 0;
        let mut add = |group: u32, number: u32| {
            let (Some(group), Some(number)) = (groups.get(group as usize), translated.get(number as usize)) else {
                return;
            };
            if self.lists.size(*group) < max && self.values.insert_number(*group, *number) {
                largest = largest.max(self.lists.push(*group, *number));
            }
        };
        if !other.lists.counts {
            other.lists.order.iter().for_each(|(group, number)| add(*group, *number));
        } else {
            other.values.each_pair(add);
        }
        largest
    }

    fn bytes(&self) -> usize {
        self.values.bytes() + self.lists.bytes()
    }
}

impl Sets {
    fn is_empty(&self) -> bool {
        match self {
            Sets::Longs(it) => it.lists.sizes.is_empty(),
            Sets::Texts(it) => it.sizes().is_empty(),
            Sets::Any(it) => it.is_empty(),
        }
    }

    fn resize(&mut self, n_groups: usize) {
        match self {
            Sets::Longs(it) => it.lists.resize(n_groups),
            Sets::Texts(it) => it.resize(n_groups),
            Sets::Any(it) => it.resize_with(n_groups.max(it.len()), Set::default),
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
    codes: Option<(SeenCodes, Ordered)>,
    sets: Sets,
    bytes: usize,
}

impl Distinct {
    /// For so many values of a type.
    pub(super) fn collected(ty: Type, max: usize) -> Distinct {
        let sets = match ty {
            Type::Int | Type::Long | Type::Datetime | Type::Timespan => Sets::Longs(Longs::default()),
            Type::String => Sets::Texts(TextSets::default()),
            _ => Sets::Any(Vec::new()),
        };
        Distinct { ty, max, counts: false, n_groups: 0, codes: None, sets, bytes: 0 }
    }

    /// For the number of values of a type.
    pub(super) fn counted(ty: Type) -> Distinct {
        let mut it = Distinct { counts: true, ..Distinct::collected(ty, usize::MAX) };
        if let Sets::Longs(sets) = &mut it.sets {
            sets.lists.counts = true;
        }
        it
    }

    fn check(&self, cx: &Context, size: usize) -> Result<(), Fault> {
        if self.counts { Ok(()) } else { check_size(cx, size, self.max, "make_set") }
    }

    /// Turns codes into texts.
    fn spill(&mut self, cx: &Context) -> Result<(), Fault> {
        self.sets.resize(self.n_groups);
        let (Some((seen, lists)), Sets::Texts(sets)) = (self.codes.take(), &mut self.sets) else { return Ok(()) };
        let mut pairs = lists.order;
        if self.counts {
            seen.each_pair(|group, code| pairs.push((group, code)));
        }
        let groups: Vec<u32> = pairs.iter().map(|it| it.0).collect();
        sets.add(cx, &groups, &seen.column(pairs.iter().map(|it| it.1)), self.max)
    }

    fn update_codes(&mut self, cx: &Context, groups: &[u32], codes: &[u32]) -> Result<(), Fault> {
        let (max, n_groups, counts) = (self.max, self.n_groups, self.counts);
        let Some((seen, lists)) = &mut self.codes else { return Ok(()) };
        lists.resize(n_groups);
        // Each value is written where the next would be, and stays there if it is new: many are, and many are not.
        let (mut at, step) = (lists.order.len(), usize::from(!counts));
        lists.order.resize(at + codes.len() * step + 1, (0, 0));
        let (order, sizes) = (lists.order.as_mut_slice(), lists.sizes.as_mut_slice());
        seen.insert_rows(n_groups, groups, codes, |group, code, is_new| {
            let Some(size) = sizes.get_mut(group as usize) else { return };
            let is_added = is_new & ((*size as usize) < max);
            *size += u32::from(is_added);
            if let Some(place) = order.get_mut(at) {
                *place = (group, code);
            }
            at += usize::from(is_added) * step;
        });
        lists.order.truncate(at);
        if counts { Ok(()) } else { check_size(cx, lists.largest(), max, "make_set") }
    }

    /// Adds the rows of a column that is not by the dictionary. Gives the largest size of a group.
    fn add(&mut self, cx: &Context, groups: &[u32], column: &Column) -> Result<usize, Fault> {
        let (max, bytes) = (self.max, &mut self.bytes);
        let rows = || groups.iter().enumerate();
        let mut largest = 0;
        match &mut self.sets {
            Sets::Longs(sets) => {
                rows().for_each(|(row, group)| {
                    if let Some(value) = long(column, row) {
                        largest = largest.max(sets.add(*group, value, max));
                    }
                });
            }
            Sets::Texts(sets) => {
                sets.add(cx, groups, column, max)?;
                largest = sets.largest();
            }
            Sets::Any(sets) => {
                let values = DynamicReader::new(column);
                for (row, group) in rows() {
                    if row.is_multiple_of(4_096) {
                        cx.check()?;
                    }
                    let Some(set) = sets.get_mut(*group as usize) else { continue };
                    each_element(&values.get(row), |it| {
                        if set.len() < max && !set.contains(it) {
                            *bytes += ENTRY + it.bytes();
                            _ = set.insert(it.clone());
                        }
                    });
                    largest = largest.max(set.len());
                }
            }
        }
        Ok(largest)
    }

    fn sizes(&self) -> Vec<i64> {
        let mut sizes: Vec<i64> = match (&self.codes, &self.sets) {
            (Some((_, lists)), _) => lists.sizes.iter().map(|it| i64::from(*it)).collect(),
            (None, Sets::Longs(sets)) => sets.lists.sizes.iter().map(|it| i64::from(*it)).collect(),
            (None, Sets::Texts(sets)) => sets.sizes().iter().map(|it| i64::from(*it)).collect(),
            (None, Sets::Any(sets)) => sets.iter().map(|it| it.len() as i64).collect(),
        };
        sizes.resize(self.n_groups, 0);
        sizes
    }

    fn arrays(&mut self) -> Result<Column, Fault> {
        if let Some((seen, mut lists)) = self.codes.take() {
            lists.resize(self.n_groups);
            return Ok(Column::Lists(Lists::new(&lists.sizes, lists.order.into_iter(), vec![(0, seen.values())], 0)));
        }
        self.sets.resize(self.n_groups);
        match std::mem::replace(&mut self.sets, Sets::Any(Vec::new())) {
            Sets::Longs(sets) => Ok(arrays(sets.values, self.ty, &sets.lists.order, &sets.lists.sizes)),
            Sets::Texts(sets) => Ok(sets.arrays()),
            Sets::Any(sets) => {
                let array = |it: &Set<Dynamic>| Some(Dynamic::array(it.iter().cloned().collect()));
                Ok(Column::dynamics(sets.iter().map(array).collect()))
            }
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
                self.codes =
                    Some((SeenCodes::new(dictionary.clone()), Ordered { counts: self.counts, ..Ordered::default() }));
            }
            if self.codes.as_ref().is_some_and(|(seen, _)| seen.is_of(dictionary)) {
                return self.update_codes(cx, groups, codes);
            }
        }
        self.spill(cx)?;
        let size = self.add(cx, groups, column)?;
        self.check(cx, size)
    }

    fn merge(&mut self, cx: &Context, other: Box<dyn Accumulator>, groups: &[u32]) -> Result<(), Fault> {
        let mut other = *same::<Distinct>(other)?;
        if self.codes.is_none() && self.sets.is_empty() && other.codes.is_some() {
            let lists = Ordered { counts: self.counts, ..Ordered::default() };
            self.codes = other.codes.as_ref().map(|(seen, _)| (seen.empty(), lists));
        }
        if let (Some((seen, _)), Some((mine, _))) = (&other.codes, &self.codes)
            && mine.is_like(seen)
        {
            let mut pairs: Vec<(u32, u32)> = Vec::new();
            match other.codes.take() {
                Some((seen, _)) if self.counts => seen.each_pair(|group, code| pairs.push((group, code))),
                Some((_, lists)) => pairs = lists.order,
                None => {}
            }
            let known = pairs.iter().filter_map(|(group, code)| Some((*groups.get(*group as usize)?, *code)));
            let (groups, codes): (Vec<u32>, Vec<u32>) = known.unzip();
            return self.update_codes(cx, &groups, &codes);
        }
        self.spill(cx)?;
        other.spill(cx)?;
        let (grown, largest) = match (&mut self.sets, other.sets) {
            (Sets::Longs(mine), Sets::Longs(other)) => (0, mine.merge(&other, groups, self.max)),
            (Sets::Texts(mine), Sets::Texts(other)) => {
                mine.merge(cx, other, groups, self.max)?;
                (0, mine.largest())
            }
            (Sets::Any(mine), Sets::Any(other)) => join(mine, other, groups, self.max, |it| ENTRY + it.bytes()),
            _ => return Err(Fault::new("states of two different aggregates cannot be merged")),
        };
        self.bytes += grown;
        self.check(cx, largest)
    }

    fn finish(mut self: Box<Self>, cx: &Context) -> Result<Vec<Column>, Fault> {
        if let Sets::Texts(sets) = &mut self.sets {
            sets.resize(self.n_groups);
            sets.look(cx, self.max)?;
            let largest = sets.largest();
            self.check(cx, largest)?;
        }
        Ok(vec![if self.counts { Column::longs(self.sizes()) } else { self.arrays()? }])
    }

    fn bytes(&self) -> usize {
        let sets = match &self.sets {
            Sets::Longs(it) => it.bytes(),
            Sets::Texts(it) => it.bytes(),
            Sets::Any(_) => 0,
        };
        self.bytes
            + sets
            + self.n_groups * 64
            + self.codes.as_ref().map_or(0, |(seen, lists)| seen.bytes() + lists.bytes())
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }
}
