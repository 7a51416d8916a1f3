//! Numbers for the texts of one key column: which rows of two sides have the same text.
//!
//! The texts of the side that makes the numbers stand where they stood: each has a number, a dictionary's once a dictionary,
//! and equal texts meet under the number of the first. Threads share the work by hash, so none waits for another.

use super::{
    many,
    units::{Unit, Units},
};
use crate::{
    execution::{Execution, Run},
    group::NO_GROUP,
};
use arrow_array::{Array, LargeStringArray};
use arrow_buffer::ScalarBuffer;
use kql_data::{
    Column, Fault, First, HashIndex, Reservation,
    text_hash::{TextHasher, same},
};
use std::{
    borrow::Cow,
    sync::atomic::{AtomicU32, Ordering},
};

/// Texts from which threads share the table.
const SHARED_MIN: usize = if cfg!(test) { 16 } else { 1 << 16 };
/// Parts of the table at most.
const PARTS_MAX: usize = 16;
/// Texts from which a table of them does not stay in the cache.
const MANY_MIN: usize = if cfg!(test) { 32 } else { 1 << 16 };
/// Texts that one thread looks up at once.
const STRETCH: usize = 1 << 13;

/// Numbers of the rows of both sides, batch by batch, and how many numbers there are.
pub(super) struct Numbered {
    pub(super) made: Vec<ScalarBuffer<u32>>,
    pub(super) found: Vec<ScalarBuffer<u32>>,
    pub(super) n_keys: usize,
}

/// A column as texts: its own, or those of a dictionary.
enum Rows<'a> {
    Plain(Cow<'a, LargeStringArray>),
    Codes(&'a ScalarBuffer<u32>, &'a LargeStringArray, u64),
}

/// The texts of the columns of a side. A dictionary of which few entries are used is not looked at as a whole.
fn rows(columns: &[Column]) -> Vec<Rows<'_>> {
    let n_rows: usize = columns.iter().map(Column::len).sum();
    columns.iter().map(|it| rows_of(it, n_rows.saturating_mul(2).max(64))).collect()
}

fn rows_of(column: &Column, entries_max: usize) -> Rows<'_> {
    match column {
        Column::String(it) => Rows::Plain(Cow::Borrowed(it)),
        Column::Dictionary(it) if it.dictionary.len() <= entries_max => {
            Rows::Codes(&it.codes, it.dictionary.values(), it.dictionary.id())
        }
        other => {
            let reader = other.string_reader();
            Rows::Plain(Cow::Owned((0..other.len()).map(|row| Some(reader.get(row))).collect()))
        }
    }
}

/// Numbers the rows of both sides by the texts of one column. `None` where they are too many for numbers.
pub(super) fn number(run: &Run<'_>, made: &[Column], found: &[Column], by: &str) -> Result<Option<Numbered>, Fault> {
    if let Some(it) = by_one_dictionary(made, found) {
        return Ok(Some(it));
    }
    let budget = &run.execution.cx.budget;
    let (made, found) = (rows(made), rows(found));
    let copied =
        |it: &Rows<'_>| if let Rows::Plain(Cow::Owned(it)) = it { it.value_data().len() + it.len() * 8 } else { 0 };
    let _copies = budget.reserve(made.iter().chain(&found).map(copied).sum(), by)?;
    let Some((units, unit_of)) = units(&made) else { return Ok(None) };
    if units.len() >= MANY_MIN {
        let Some((found_units, found_unit_of)) = self::units(&found) else { return Ok(None) };
        let (numbers, of_found) = many::number(run, &units, &found_units, by)?;
        let made = of_batches(&made, &unit_of, &units, &numbers);
        let found = of_batches(&found, &found_unit_of, &found_units, &of_found);
        return Ok(Some(Numbered { made, found, n_keys: numbers.len() }));
    }
    let (texts, numbers, _of_table) = Texts::new(run, units, by)?;
    let of_made = match texts.units.all.as_slice() {
        // Entries of one dictionary differ.
        [_] if made.iter().all(|it| matches!(it, Rows::Codes(..))) => made
            .iter()
            .filter_map(|it| if let Rows::Codes(codes, ..) = it { Some((*codes).clone()) } else { None })
            .collect(),
        _ => of_batches(&made, &unit_of, &texts.units, &numbers),
    };
    let n_found = found.iter().map(Rows::len).sum();
    let mut tables: Vec<(u64, Vec<u32>)> = Vec::new();
    for rows in &found {
        if let Rows::Codes(_, values, id) = rows
            && tables.iter().all(|(known, _)| known != id)
        {
            let stretches = (0..values.len()).step_by(STRETCH).map(|from| (from, STRETCH.min(values.len() - from)));
            let looked_up = run.parallel(stretches.collect(), values.len(), false, |(from, count)| {
                texts.find(run.execution, &numbers, &LargeStringArray::slice(values, from, count))
            })?;
            tables.push((*id, looked_up.concat()));
        }
    }
    let of_found = run.parallel(found.iter().collect(), n_found, false, |rows: &Rows<'_>| match rows {
        Rows::Plain(it) => texts.find(run.execution, &numbers, it).map(ScalarBuffer::from),
        Rows::Codes(codes, _, id) => {
            let table = tables.iter().find(|(known, _)| known == id).map_or(&[][..], |(_, it)| it);
            Ok(translated(codes, table))
        }
    })?;
    let n_keys = numbers.len();
    Ok(Some(Numbered { made: of_made, found: of_found, n_keys }))
}

/// Where all rows share a dictionary that is not much larger than they are, its codes are the numbers.
fn by_one_dictionary(made: &[Column], found: &[Column]) -> Option<Numbered> {
    let mut all = made.iter().chain(found);
    let Some(Column::Dictionary(first)) = all.next() else { return None };
    let shares = |it: &Column| matches!(it, Column::Dictionary(it) if it.dictionary.id() == first.dictionary.id());
    let n_rows: usize = made.iter().chain(found).map(Column::len).sum();
    if !all.all(shares) || first.dictionary.len() > n_rows.saturating_mul(2).max(64) {
        return None;
    }
    let codes = |it: &Column| if let Column::Dictionary(it) = it { it.codes.clone() } else { ScalarBuffer::default() };
    let codes = |of: &[Column]| of.iter().map(codes).collect();
    Some(Numbered { made: codes(made), found: codes(found), n_keys: first.dictionary.len() })
}

/// The numbers of the rows of each batch by those of all texts.
fn of_batches(
    rows: &[Rows<'_>],
    unit_of: &[usize],
    units: &Units<'_>,
    numbers: &ScalarBuffer<u32>,
) -> Vec<ScalarBuffer<u32>> {
    let one = |(rows, unit): (&Rows<'_>, &usize)| {
        let start = units.all.get(*unit).map_or(0, |it| it.start as usize);
        match rows {
            Rows::Plain(it) => numbers.slice(start, it.len()),
            Rows::Codes(codes, ..) => translated(codes, numbers.get(start..).unwrap_or(&[])),
        }
    };
    rows.iter().zip(unit_of).map(one).collect()
}

fn translated(codes: &[u32], table: &[u32]) -> ScalarBuffer<u32> {
    codes.iter().map(|code| table.get(*code as usize).copied().unwrap_or(NO_GROUP)).collect()
}

impl Rows<'_> {
    fn len(&self) -> usize {
        match self {
            Rows::Plain(it) => it.len(),
            Rows::Codes(codes, ..) => codes.len(),
        }
    }
}

/// The arrays of those rows, each dictionary once, and the unit of each batch. `None` when there are too many texts.
fn units<'a>(rows: &'a [Rows<'_>]) -> Option<(Units<'a>, Vec<usize>)> {
    let (mut units, mut unit_of, mut start) = (Vec::new(), Vec::new(), 0_usize);
    let mut known: Vec<(u64, usize)> = Vec::new();
    for it in rows {
        let array = match it {
            Rows::Plain(it) => it.as_ref(),
            Rows::Codes(_, values, id) => match known.iter().find(|(known, _)| known == id) {
                Some((_, unit)) => {
                    unit_of.push(*unit);
                    continue;
                }
                None => {
                    known.push((*id, units.len()));
                    *values
                }
            },
        };
        unit_of.push(units.len());
        units.push(Unit { offsets: array.offsets(), data: array.value_data(), start: u32::try_from(start).ok()? });
        start = start.checked_add(array.len()).filter(|it| *it < NO_GROUP as usize)?;
    }
    Some((Units::new(units), unit_of))
}

/// Numbers by text.
struct Texts<'a> {
    units: Units<'a>,
    hasher: TextHasher,
    /// By hash; as many as a power of two.
    parts: Vec<HashIndex>,
}

impl<'a> Texts<'a> {
    /// A table of all texts of those units, the number under which each text is known, and the memory of both.
    fn new(run: &Run<'_>, units: Units<'a>, by: &str) -> Result<(Texts<'a>, ScalarBuffer<u32>, Reservation), Fault> {
        let execution = run.execution;
        let n_texts = units.len();
        let is_shared = n_texts >= SHARED_MIN && execution.helpers().is_some();
        let threads = execution.cx.limits.threads.clamp(1, PARTS_MAX).next_power_of_two();
        let n_parts = if is_shared { threads } else { 1 };
        let mut texts = Texts { units, hasher: TextHasher::of_process(), parts: Vec::new() };
        // Hashes are kept only while several threads want them.
        let n_hashes = if is_shared { n_texts } else { 0 };
        let of_table = HashIndex::default().growth(n_texts);
        let mut held = execution.cx.budget.reserve(n_texts * 4 + n_hashes * 8 + of_table, by)?;
        let hashes = run.parallel(texts.units.all.iter().collect(), n_texts, false, |unit: &Unit<'_>| {
            execution.cx.check()?;
            let hash = |at: usize| texts.hasher.hash(unit.text(at));
            Ok(if is_shared { (0..unit.len()).map(hash).collect() } else { Vec::new() })
        })?;
        let mut numbers: Vec<AtomicU32> = Vec::new();
        numbers.resize_with(n_texts, || AtomicU32::new(NO_GROUP));
        let parts = (0..n_parts as u64).collect();
        texts.parts =
            run.parallel(parts, n_texts, false, |part: u64| texts.part(execution, part, n_parts, &hashes, &numbers))?;
        let numbers: Vec<u32> = numbers.into_iter().map(AtomicU32::into_inner).collect();
        drop(hashes);
        held.resize(n_texts * 4 + texts.parts.iter().map(HashIndex::bytes).sum::<usize>(), by)?;
        Ok((texts, numbers.into(), held))
    }

    /// Puts the texts of one part into its table, in their order.
    fn part(
        &self,
        execution: &Execution<'_>,
        part: u64,
        n_parts: usize,
        hashes: &[Vec<u64>],
        numbers: &[AtomicU32],
    ) -> Result<HashIndex, Fault> {
        let mut table = HashIndex::default();
        table.reserve(numbers.len() / n_parts);
        let (mut waiting, mut places) = (Vec::with_capacity(HashIndex::BATCH), Vec::with_capacity(HashIndex::BATCH));
        for (index, unit) in self.units.all.iter().enumerate() {
            execution.cx.check()?;
            let of_unit = hashes.get(index).map_or(&[][..], Vec::as_slice);
            for at in 0..unit.len() {
                let hash = of_unit.get(at).copied().unwrap_or_else(|| self.hasher.hash(unit.text(at)));
                if part_of(hash, n_parts) as u64 == part {
                    waiting.push(hash);
                    places.push(at);
                }
                if waiting.len() == HashIndex::BATCH {
                    self.add(&mut table, unit, &waiting, &places, numbers);
                    waiting.clear();
                    places.clear();
                }
            }
            self.add(&mut table, unit, &waiting, &places, numbers);
            waiting.clear();
            places.clear();
        }
        Ok(table)
    }

    fn add(&self, table: &mut HashIndex, unit: &Unit<'_>, hashes: &[u64], places: &[usize], numbers: &[AtomicU32]) {
        table.touch(hashes);
        for (hash, at) in hashes.iter().zip(places) {
            let (text, own) = (unit.text(*at), unit.start + *at as u32);
            let number = table.find_or_add(*hash, own, |known| same(self.units.text(known), text));
            if let Some(it) = numbers.get(own as usize) {
                it.store(number, Ordering::Relaxed);
            }
        }
    }

    /// The number of each text; [`NO_GROUP`] for one that the table does not have. `numbers` are those of the table's texts.
    fn find(&self, execution: &Execution<'_>, numbers: &[u32], texts: &LargeStringArray) -> Result<Vec<u32>, Fault> {
        let unit = Unit { offsets: texts.offsets(), data: texts.value_data(), start: 0 };
        let mut found = vec![NO_GROUP; unit.len()];
        // Tables of one time are often in one order: the next text may be the one behind that which was found last.
        let mut next = NO_GROUP;
        for (batch, found) in found.chunks_mut(HashIndex::BATCH).enumerate() {
            let from = batch * HashIndex::BATCH;
            if from.is_multiple_of(STRETCH) {
                execution.cx.check()?;
            }
            let n_same = self.n_same(&unit, from, found.len(), next);
            let (known, others) = found.split_at_mut(n_same);
            for (at, it) in (next as usize..).zip(known) {
                *it = numbers.get(at).copied().unwrap_or(NO_GROUP);
            }
            next = if others.is_empty() {
                next.saturating_add(n_same as u32)
            } else {
                self.find_batch(&unit, from + n_same, others);
                others.last().map_or(NO_GROUP, |it| it.saturating_add(1))
            };
        }
        Ok(found)
    }

    /// How many texts, of so many from `from` on, are one after the other those of the table from that number on.
    #[inline]
    fn n_same(&self, unit: &Unit<'_>, from: usize, count: usize, number: u32) -> usize {
        let is_same = |at: &usize| {
            let known = number.checked_add(*at as u32).and_then(|it| self.units.known(it));
            known.is_some_and(|it| same(it, unit.text(from + at)))
        };
        (0..count).take_while(is_same).count()
    }

    /// Looks up a batch of texts in three steps, each of which does the same for all that it sees: what stands at the first
    /// place of each hash, the likely ones by their texts, and those whose place another has.
    #[inline]
    fn find_batch(&self, unit: &Unit<'_>, from: usize, numbers: &mut [u32]) {
        let mut hashes = [0_u64; HashIndex::BATCH];
        for (at, hash) in hashes.iter_mut().enumerate().take(numbers.len()) {
            *hash = self.hasher.hash(unit.text(from + at));
        }
        let looked_up = hashes.get(..numbers.len()).unwrap_or(&hashes);
        match self.parts.as_slice() {
            [one] => one.touch(looked_up),
            _ => looked_up.iter().for_each(|hash| self.part_of(*hash).into_iter().for_each(|it| it.touch(&[*hash]))),
        }
        let (mut likely, mut crowded) = (Chosen::default(), Chosen::default());
        for (at, (hash, number)) in looked_up.iter().zip(&mut *numbers).enumerate() {
            let first = self.part_of(*hash).map_or(NOTHING, |it| it.first(*hash));
            *number = if first.is_likely { first.number } else { NO_GROUP };
            likely.put(at, first.is_likely);
            crowded.put(at, !first.is_free & !first.is_likely);
        }
        for at in likely.places() {
            let Some(number) = numbers.get_mut(at) else { continue };
            if !same(self.units.text(*number), unit.text(from + at)) {
                *number = NO_GROUP;
                crowded.put(at, true);
            }
        }
        for at in crowded.places() {
            let (Some(number), Some(hash)) = (numbers.get_mut(at), hashes.get(at)) else { continue };
            let text = unit.text(from + at);
            let found = self.part_of(*hash).and_then(|it| it.find(*hash, |known| same(self.units.text(known), text)));
            *number = found.unwrap_or(NO_GROUP);
        }
    }

    #[inline]
    fn part_of(&self, hash: u64) -> Option<&HashIndex> {
        self.parts.get(part_of(hash, self.parts.len()))
    }
}

const NOTHING: First = First { number: NO_GROUP, is_free: true, is_likely: false };

/// Some places of a batch, put down without a branch.
struct Chosen {
    places: [u8; HashIndex::BATCH + 1],
    n: usize,
}

impl Default for Chosen {
    fn default() -> Chosen {
        Chosen { places: [0; HashIndex::BATCH + 1], n: 0 }
    }
}

impl Chosen {
    #[inline]
    fn put(&mut self, at: usize, is_chosen: bool) {
        if let Some(it) = self.places.get_mut(self.n) {
            *it = at as u8;
        }
        self.n += usize::from(is_chosen);
    }

    fn places(&self) -> impl Iterator<Item = usize> + use<> {
        let (places, n) = (self.places, self.n);
        places.into_iter().take(n).map(usize::from)
    }
}

/// The part of a hash, by bits that the tables themselves do not look at.
#[inline]
fn part_of(hash: u64, n_parts: usize) -> usize {
    (hash >> 32) as usize & n_parts.wrapping_sub(1)
}
