//! Counting rows by the codes of their keys: where nothing but the number of rows is asked for, a row costs one addition, and
//! groups are looked up once a code.

use crate::{
    group::Grouper,
    keys::{Coder, Codes, Signature, pack},
};
use kql_data::{Budget, Column, Fault, Reservation};
use kql_functions::Cells;

/// Codes up to which the rows of a code are counted in several places: so an addition need not wait for the one before, which
/// most often went to the same code.
const NARROW_MAX: usize = 1 << 10;
/// Those places.
const LANES: usize = 4;
/// Entries of a dictionary that are counted at most.
const ENTRIES_MAX: usize = 1 << 16;

/// Rows by code, as long as the codes of batches mean the same.
#[derive(Debug)]
pub(crate) struct Tally {
    meaning: Option<Meaning>,
    size: usize,
    /// By code; [`LANES`] for each while there are few codes.
    counts: Vec<u32>,
    n_rows: u32,
    /// The codes in the order in which they were first seen, and what they stand for: a row each.
    seen: Vec<u32>,
    is_seen: Vec<bool>,
    /// Rows of the present batch among which are the first of their codes.
    fresh: Vec<u32>,
    keys: Vec<Vec<Column>>,
    coders: Vec<Coder>,
    /// Whether there was a batch without codes.
    is_off: bool,
    /// Rows of each group that were counted before.
    by_group: Vec<i64>,
    held: Reservation,
    by: Box<str>,
}

/// What codes stand for.
#[derive(Debug, PartialEq)]
enum Meaning {
    Keys(Vec<Signature>),
    /// The entries of those values.
    Entries(u64),
}

impl Tally {
    /// Nothing counted yet, of so many keys; its memory is taken from the budget in the name of `by`.
    pub(crate) fn new(n_keys: usize, budget: &Budget, by: &str) -> Result<Tally, Fault> {
        Ok(Tally {
            meaning: None,
            size: 0,
            counts: Vec::new(),
            n_rows: 0,
            seen: Vec::new(),
            is_seen: Vec::new(),
            fresh: Vec::new(),
            keys: Vec::new(),
            coders: (0..n_keys).map(|_| Coder::default()).collect(),
            is_off: n_keys == 0,
            by_group: Vec::new(),
            held: budget.reserve(0, by)?,
            by: by.into(),
        })
    }

    /// Counts rows by their keys; false when they have too many codes, or none.
    pub(crate) fn add(&mut self, grouper: &mut Grouper, keys: &[Cells], n_rows: usize) -> Result<bool, Fault> {
        if self.is_off {
            return Ok(false);
        }
        if let [Cells::Entries(entries)] = keys
            && entries.n_entries() <= ENTRIES_MAX
        {
            self.begin(grouper, Meaning::Entries(entries.id()), entries.n_entries(), n_rows)?;
            let codes = entries.codes();
            self.count(codes);
            return self.keep(codes, |_, codes| vec![entries.column_of(codes)]).map(|()| true);
        }
        let columns: Vec<Column> = keys.iter().map(Cells::column).collect();
        match pack(&columns, n_rows, &mut self.coders) {
            Some((signature, Codes::Dense(codes, size))) => {
                self.begin(grouper, Meaning::Keys(signature), size, n_rows)?;
                self.count(&codes);
                self.keep(&codes, |rows, _| columns.iter().map(|it| it.take(rows)).collect()).map(|()| true)
            }
            _ => {
                self.is_off = true;
                Ok(false)
            }
        }
    }

    /// Makes room for codes of that meaning, and for so many rows.
    fn begin(&mut self, grouper: &mut Grouper, meaning: Meaning, size: usize, n_rows: usize) -> Result<(), Fault> {
        let n_all = u32::try_from(n_rows).ok().and_then(|it| self.n_rows.checked_add(it));
        if self.meaning.as_ref() != Some(&meaning) || n_all.is_none() {
            self.flush(grouper)?;
            let n_counts = if size <= NARROW_MAX { size * LANES } else { size };
            self.held.resize(n_counts * size_of::<u32>() + size + self.by_group.len() * size_of::<i64>(), &self.by)?;
            self.counts = vec![0; n_counts];
            self.is_seen = vec![false; size];
            (self.meaning, self.size) = (Some(meaning), size);
        }
        // A batch has fewer rows than a number of them can tell.
        self.n_rows = n_all.unwrap_or(n_rows as u32);
        Ok(())
    }

    fn count(&mut self, codes: &[u32]) {
        self.fresh.clear();
        match self.counts.len() > self.size {
            true => count_in::<LANES>(codes, &mut self.counts, &mut self.fresh),
            false => count_in::<1>(codes, &mut self.counts, &mut self.fresh),
        }
    }

    /// Keeps the keys of the codes that are new: `keys` tells them of rows, and of their codes.
    fn keep(&mut self, codes: &[u32], keys: impl FnOnce(&[u32], &[u32]) -> Vec<Column>) -> Result<(), Fault> {
        let (mut rows, mut new) = (Vec::new(), Vec::new());
        for row in &self.fresh {
            let Some(code) = codes.get(*row as usize) else { continue };
            if let Some(is_seen) = self.is_seen.get_mut(*code as usize)
                && !std::mem::replace(is_seen, true)
            {
                rows.push(*row);
                new.push(*code);
            }
        }
        if new.is_empty() {
            return Ok(());
        }
        let keys = keys(&rows, &new);
        self.held.grow(keys.iter().map(Column::bytes).sum::<usize>() + new.len() * size_of::<u32>(), &self.by)?;
        self.seen.extend(new);
        self.keys.push(keys);
        Ok(())
    }

    /// Finds the groups of the codes, and adds to each what was counted. Groups are numbered in the order of their first rows.
    fn flush(&mut self, grouper: &mut Grouper) -> Result<(), Fault> {
        let n_lanes = if self.counts.len() > self.size { LANES } else { 1 };
        let mut seen = self.seen.drain(..);
        for keys in self.keys.drain(..) {
            let groups = grouper.assign(&keys, keys.first().map_or(0, Column::len))?;
            if self.by_group.len() < grouper.len() {
                self.held.grow((grouper.len() - self.by_group.len()) * size_of::<i64>(), &self.by)?;
                self.by_group.resize(grouper.len(), 0);
            }
            for (group, code) in groups.iter().zip(seen.by_ref()) {
                let from = code as usize * n_lanes;
                let counts = self.counts.get(from..from + n_lanes).unwrap_or(&[]);
                if let Some(n) = self.by_group.get_mut(*group as usize) {
                    *n += counts.iter().copied().map(i64::from).sum::<i64>();
                }
            }
        }
        (self.meaning, self.n_rows) = (None, 0);
        Ok(())
    }

    /// The rows counted of each group; none of them is counted any more.
    pub(crate) fn take(&mut self, grouper: &mut Grouper) -> Result<Vec<i64>, Fault> {
        self.flush(grouper)?;
        Ok(std::mem::take(&mut self.by_group))
    }
}

/// Adds one to a place of each row's code. The rows that are the first of their place are told.
fn count_in<const N: usize>(codes: &[u32], counts: &mut [u32], fresh: &mut Vec<u32>) {
    for (row, code) in codes.iter().enumerate() {
        if let Some(n) = counts.get_mut(*code as usize * N + row % N) {
            if *n == 0 {
                fresh.push(row as u32);
            }
            *n = n.wrapping_add(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kql_data::{Context, DictionaryBuilder, DictionaryColumn, StringDictionary, Type, Value};
    use kql_functions::{Actual, CallSite, function, resolve};
    use std::{collections::HashMap, sync::Arc};

    /// The texts "0" to that number as a dictionary.
    fn numbers(n_texts: u32) -> Arc<StringDictionary> {
        let mut builder = DictionaryBuilder::default();
        (0..n_texts).for_each(|it| _ = builder.code(&it.to_string()));
        Arc::new(builder.finish())
    }

    fn column(dictionary: &Arc<StringDictionary>, codes: impl Iterator<Item = u32>) -> Column {
        Column::Dictionary(DictionaryColumn { codes: codes.collect(), dictionary: dictionary.clone() })
    }

    /// Rows of batches by their keys, and the keys in the order in which they come.
    fn expected(batches: &[Vec<Column>]) -> (HashMap<String, i64>, Vec<String>) {
        let (mut counts, mut order) = (HashMap::new(), Vec::new());
        for keys in batches {
            for row in 0..keys[0].len() {
                let key = format!("{:?}", keys.iter().map(|it| it.value(row)).collect::<Vec<Value>>());
                let n = counts.entry(key.clone()).or_insert(0);
                if *n == 0 {
                    order.push(key);
                }
                *n += 1;
            }
        }
        (counts, order)
    }

    fn check(types: &[Type], batches: &[Vec<Cells>]) {
        let cx = Context::default();
        let mut grouper = Grouper::new(types.to_vec(), &cx.budget, "a test").unwrap();
        let mut tally = Tally::new(types.len(), &cx.budget, "a test").unwrap();
        for keys in batches {
            assert!(tally.add(&mut grouper, keys, keys[0].column().len()).unwrap());
        }
        let counts = tally.take(&mut grouper).unwrap();
        assert!(tally.take(&mut grouper).unwrap().is_empty());
        let rows: Vec<Vec<Column>> = batches.iter().map(|it| it.iter().map(Cells::column).collect()).collect();
        let (by_key, order) = expected(&rows);
        assert_eq!((grouper.len(), counts.len()), (order.len(), order.len()));
        let keys = grouper.keys().unwrap();
        for (group, key) in order.iter().enumerate() {
            let found: Vec<Value> = keys.iter().map(|it| it.value(group)).collect();
            assert_eq!((&format!("{found:?}"), counts[group]), (key, by_key[key]));
        }
        drop((tally, grouper));
        assert_eq!(cx.budget.used(), 0);
    }

    #[test]
    fn rows_are_counted_by_their_keys_in_the_order_of_their_first() {
        let mut dice = 5_u64;
        let mut code = |size: u32| {
            dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (dice >> 33) as u32 % size
        };
        // In several places and in one, another dictionary with the same texts, and hours of which later ones are no steps.
        for size in [3, 900, 3_000] {
            let (dictionaries, few) = ([numbers(size), numbers(size)], numbers(20));
            let batches: Vec<Vec<Cells>> = [0, 0, 1, 1, 0]
                .iter()
                .map(|it| vec![Cells::Rows(column(&dictionaries[*it], (0..2_000).map(|_| code(size))))])
                .collect();
            check(&[Type::String], &batches);
            let batches: Vec<Vec<Cells>> = (0..8)
                .map(|batch| {
                    let hours = (0..500).map(|_| (batch * 100 + i64::from(code(90))) * 36_000_000_000).collect();
                    let texts = column(&few, (0..500).map(|_| code(20)));
                    vec![Cells::Rows(Column::longs(hours)), Cells::Rows(texts)]
                })
                .collect();
            check(&[Type::Long, Type::String], &batches);
        }
    }

    #[test]
    fn entries_of_one_value_are_one_group() {
        let dictionary = numbers(3_000);
        for (name, ty) in [("strlen", Type::Long), ("tolower", Type::String)] {
            let function = function(name).unwrap();
            let overload = resolve(function, &[Actual::varying(Type::String)]).unwrap().overload;
            let site = CallSite::new(function, overload).unwrap();
            let batches: Vec<Vec<Cells>> = (0..3)
                .map(|batch| {
                    let rows = column(&dictionary, (0..4_000).map(|row| (row * 7 + batch * 100) % 3_001));
                    vec![site.apply(&Context::default(), &[Cells::Rows(rows)], 4_000).unwrap()]
                })
                .collect();
            assert!(batches.iter().flatten().all(|it| matches!(it, Cells::Entries(_))));
            check(&[ty], &batches);
        }
    }

    #[test]
    fn too_many_codes_are_left_to_others() {
        let cx = Context::default();
        let mut grouper = Grouper::new(vec![Type::Real], &cx.budget, "a test").unwrap();
        let mut tally = Tally::new(1, &cx.budget, "a test").unwrap();
        let reals = Column::Real((0..100).map(f64::from).collect::<Vec<f64>>().into());
        assert!(!tally.add(&mut grouper, &[Cells::Rows(reals)], 100).unwrap());
        assert!(!tally.add(&mut grouper, &[Cells::Rows(column(&numbers(3), 0..3))], 3).unwrap());
        assert!(tally.take(&mut grouper).unwrap().is_empty());
        assert_eq!(grouper.len(), 0);
    }
}
