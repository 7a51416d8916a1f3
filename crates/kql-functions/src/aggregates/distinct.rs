//! The distinct values of each group, in the order of their first appearance: `make_set` and `count_distinct`.

use super::collect::{check_size, each_element};
use crate::aggregate::{
    Accumulator,
    codes::{SeenCodes, by_dictionary},
    interned::{Interned, Longs, Numbers, dynamics},
    same,
    text_numbers::TextNumbers,
};
use arrow_array::Array;
use indexmap::IndexSet;
use kql_data::{Boxed, Column, Context, Dynamic, DynamicReader, Fault, Type, Value};
use std::{any::Any, hash::Hash};

type Set<K> = IndexSet<K, ahash::RandomState>;

/// Values by group, as their type allows.
enum Sets {
    /// int, long, datetime, timespan.
    Longs(Lists<Longs>),
    /// string.
    Texts(Lists<TextNumbers>),
    /// All other types.
    Any(Vec<Set<Dynamic>>),
}

/// Values of one type by group: groups and the numbers of their values in order, or only how many they are.
struct Lists<N> {
    values: Interned<N>,
    order: Vec<(u32, u32)>,
    sizes: Vec<u32>,
    keeps: bool,
}

impl<N: Numbers> Lists<N> {
    fn new() -> Lists<N> {
        Lists { values: Interned::default(), order: Vec::new(), sizes: Vec::new(), keeps: true }
    }

    fn resize(&mut self, n_groups: usize) {
        self.sizes.resize(n_groups.max(self.sizes.len()), 0);
    }

    fn size(&self, group: u32) -> usize {
        self.sizes.get(group as usize).map_or(0, |it| *it as usize)
    }

    fn count(&mut self, group: u32, (number, is_new): (u32, bool)) -> usize {
        let Some(size) = self.sizes.get_mut(group as usize) else { return 0 };
        if is_new {
            *size += 1;
            if self.keeps {
                self.order.push((group, number));
            }
        }
        *size as usize
    }

    /// Adds a value to a group that has fewer than so many. Gives the group's size.
    fn add(&mut self, group: u32, item: &N::Item, max: usize) -> usize {
        let size = self.size(group);
        if size >= max {
            return size;
        }
        let added = self.values.insert(group, item);
        self.count(group, added)
    }

    /// Adds the values of another whose group `i` is `groups[i]` here. Gives the largest size.
    fn merge(&mut self, other: &Lists<N>, groups: &[u32], max: usize) -> usize {
        let translated = self.values.translate(&other.values);
        let mut largest = 0;
        let mut add = |group: u32, number: u32| {
            let (Some(group), Some(number)) = (groups.get(group as usize), translated.get(number as usize)) else {
                return;
            };
            if self.size(*group) < max {
                let is_new = self.values.insert_number(*group, *number);
                largest = largest.max(self.count(*group, (*number, is_new)));
            }
        };
        if other.keeps {
            other.order.iter().for_each(|(group, number)| add(*group, *number));
        } else {
            other.values.each_pair(add);
        }
        largest
    }

    fn bytes(&self) -> usize {
        self.values.bytes() + self.order.capacity() * 8 + self.sizes.len() * 4
    }
}

impl Lists<TextNumbers> {
    /// Adds a text a row to groups that have fewer than so many. Gives the largest size.
    fn add_texts(&mut self, groups: &[u32], texts: &Column, max: usize) -> usize {
        // Texts of groups that are full need not be known.
        if max != usize::MAX && groups.iter().all(|it| self.size(*it) >= max) {
            return max;
        }
        let mut largest = 0;
        let numbers = self.values.values_mut().numbers(texts);
        for (group, number) in groups.iter().zip(numbers) {
            if self.size(*group) < max {
                let is_new = self.values.insert_number(*group, number);
                largest = largest.max(self.count(*group, (number, is_new)));
            }
        }
        largest
    }
}

impl Sets {
    fn is_empty(&self) -> bool {
        match self {
            Sets::Longs(it) => it.sizes.is_empty(),
            Sets::Texts(it) => it.sizes.is_empty(),
            Sets::Any(it) => it.is_empty(),
        }
    }

    fn resize(&mut self, n_groups: usize) {
        match self {
            Sets::Longs(it) => it.resize(n_groups),
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
    codes: Option<(SeenCodes, Vec<Vec<u32>>)>,
    sets: Sets,
    bytes: usize,
}

impl Distinct {
    /// For so many values of a type.
    pub(super) fn collected(ty: Type, max: usize) -> Distinct {
        let sets = match ty {
            Type::Int | Type::Long | Type::Datetime | Type::Timespan => Sets::Longs(Lists::new()),
            Type::String => Sets::Texts(Lists::new()),
            _ => Sets::Any(Vec::new()),
        };
        Distinct { ty, max, counts: false, n_groups: 0, codes: None, sets, bytes: 0 }
    }

    /// For the number of values of a type.
    pub(super) fn counted(ty: Type) -> Distinct {
        let mut it = Distinct { counts: true, ..Distinct::collected(ty, usize::MAX) };
        match &mut it.sets {
            Sets::Longs(sets) => sets.keeps = false,
            Sets::Texts(sets) => sets.keeps = false,
            Sets::Any(_) => {}
        }
        it
    }

    fn check(&self, cx: &Context, size: usize) -> Result<(), Fault> {
        if self.counts { Ok(()) } else { check_size(cx, size, self.max, "make_set") }
    }

    /// Turns codes into texts.
    fn spill(&mut self) {
        self.sets.resize(self.n_groups);
        let (Some((seen, lists)), Sets::Texts(sets)) = (self.codes.take(), &mut self.sets) else { return };
        let strings = seen.strings();
        for (codes, group) in lists.into_iter().zip(0..) {
            for code in codes {
                _ = sets.add(group, strings.text(code), usize::MAX);
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

    /// Adds the rows of a column that is not by the dictionary. Gives the largest size of a group.
    fn add(&mut self, cx: &Context, groups: &[u32], column: &Column) -> Result<usize, Fault> {
        let (max, bytes) = (self.max, &mut self.bytes);
        let rows = || groups.iter().enumerate();
        let mut largest = 0;
        match &mut self.sets {
            Sets::Longs(sets) => {
                rows().for_each(|(row, group)| {
                    if let Some(value) = long(column, row) {
                        largest = largest.max(sets.add(*group, &value, max));
                    }
                });
            }
            Sets::Texts(sets) => {
                largest = sets.add_texts(groups, column, max);
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

    /// A long of the sets as it was.
    fn dynamic(&self, value: i64) -> Dynamic {
        match self.ty {
            Type::Datetime => Dynamic::Datetime(value),
            Type::Timespan => Dynamic::Timespan(value),
            _ => Dynamic::Long(value),
        }
    }

    fn sizes(&self) -> Vec<i64> {
        let mut sizes: Vec<i64> = match (&self.codes, &self.sets) {
            (Some((_, lists)), _) => lists.iter().map(|it| it.len() as i64).collect(),
            (None, Sets::Longs(sets)) => sets.sizes.iter().map(|it| i64::from(*it)).collect(),
            (None, Sets::Texts(sets)) => sets.sizes.iter().map(|it| i64::from(*it)).collect(),
            (None, Sets::Any(sets)) => sets.iter().map(|it| it.len() as i64).collect(),
        };
        sizes.resize(self.n_groups, 0);
        sizes
    }

    fn arrays(&mut self, cx: &Context) -> Result<Column, Fault> {
        if let Some((seen, mut lists)) = self.codes.take() {
            lists.resize_with(self.n_groups, Vec::new);
            let mut strings = seen.strings();
            let array = |codes: Vec<u32>| Dynamic::array(codes.into_iter().map(|it| strings.dynamic(it)).collect());
            return Ok(Column::dynamics(lists.into_iter().map(array).map(Some).collect()));
        }
        self.sets.resize(self.n_groups);
        let (arrays, bytes) = match &self.sets {
            Sets::Longs(sets) => dynamics(cx, &sets.values, &sets.order, &sets.sizes, |it| self.dynamic(*it))?,
            Sets::Texts(sets) => dynamics(cx, &sets.values, &sets.order, &sets.sizes, |it| Dynamic::string(it))?,
            Sets::Any(sets) => {
                let array = |it: &Set<Dynamic>| Some(Dynamic::array(it.iter().cloned().collect()));
                return Ok(Column::dynamics(sets.iter().map(array).collect()));
            }
        };
        Ok(Column::Dynamic(Boxed::sized(arrays, bytes)))
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
        let size = self.add(cx, groups, column)?;
        self.check(cx, size)
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
            (Sets::Longs(mine), Sets::Longs(other)) => (0, mine.merge(&other, groups, self.max)),
            (Sets::Texts(mine), Sets::Texts(other)) => (0, mine.merge(&other, groups, self.max)),
            (Sets::Any(mine), Sets::Any(other)) => join(mine, other, groups, self.max, |it| ENTRY + it.bytes()),
            _ => return Err(Fault::new("states of two different aggregates cannot be merged")),
        };
        self.bytes += grown;
        self.check(cx, largest)
    }

    fn finish(mut self: Box<Self>, cx: &Context) -> Result<Vec<Column>, Fault> {
        Ok(vec![if self.counts { Column::longs(self.sizes()) } else { self.arrays(cx)? }])
    }

    fn bytes(&self) -> usize {
        let sets = match &self.sets {
            Sets::Longs(it) => it.bytes(),
            Sets::Texts(it) => it.bytes(),
            Sets::Any(_) => 0,
        };
        self.bytes + sets + self.n_groups * 64 + self.codes.as_ref().map_or(0, |(seen, _)| seen.bytes())
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }
}
