//! Numbers for so many texts that a table of them would not stay in the cache: each look-up would wait for memory.
//!
//! Where both sides come in one order no text is looked up: each is compared with the one that is expected. Others are dealt
//! with a part of the hashes at a time, whose table stays in the cache. What it tells goes by the hash alone, of which 52
//! bits are left; texts are compared afterwards, in the order in which they stand.

use super::units::Units;
use crate::{execution::Run, group::NO_GROUP};
use arrow_buffer::ScalarBuffer;
use kql_data::{
    Fault, HashIndex, Map,
    text_hash::{TextHasher, same},
};
use std::{
    ops::Range,
    sync::atomic::{AtomicU32, Ordering},
};

/// Texts of a stretch, which one thread sees at once.
const STRETCH: usize = if cfg!(test) { 1 << 5 } else { 1 << 16 };
/// Texts of a part of the hashes, about.
const TOGETHER: usize = 1 << 12;
/// Bits that tell the part of a hash, at most.
const PART_BITS_MAX: u32 = 12;
/// Parts that one thread takes at once.
const PARTS_AT_ONCE: usize = 16;
/// One of so many texts can be found while the order of the other side is looked for.
const SAMPLED: u32 = 64;
/// Texts of a stretch that are looked for among those before it is taken to be in another order.
const TRIES: usize = 4 * SAMPLED as usize;
/// Texts that the other side may have more, before the next that both have.
const NEAR: u32 = 4;
/// Texts, one after the other, that are not near before the order counts as lost.
const LOST: usize = 16;
/// No text: rows end below.
const FREE: u64 = u64::MAX;
/// Bits of a hash that count.
const HASH: u64 = if cfg!(test) { 0xfff0_0000_0000_0000 } else { u64::MAX };

/// The number of each text of `made`: that of the first that is equal. And of each of `found` its number there, or
/// [`NO_GROUP`].
pub(super) fn number(
    run: &Run<'_>,
    made: &Units<'_>,
    found: &Units<'_>,
    by: &str,
) -> Result<(ScalarBuffer<u32>, ScalarBuffer<u32>), Fault> {
    let execution = run.execution;
    let (n_made, n_found) = (made.len(), found.len());
    let layout = Layout::of(n_made, n_found);
    let mut held = execution.cx.budget.reserve(n_made * 12 + n_found * 4, by)?;
    let mut many = Many {
        made,
        found,
        hasher: TextHasher::of_process(),
        layout,
        sample: HashIndex::default(),
        // Most texts are the first of their kind.
        of_made: (0..n_made as u32).map(AtomicU32::new).collect(),
        of_found: (0..n_found).map(|_| AtomicU32::new(NO_GROUP)).collect(),
        others: Map::default(),
    };
    let (sides, samples): (Vec<Dealt>, Vec<_>) = run
        .parallel(stretches(n_made), n_made, false, |stretch| {
            execution.cx.check()?;
            Ok(many.deal_made(stretch))
        })?
        .into_iter()
        .unzip();
    for (hash, number) in samples.into_iter().flatten() {
        _ = many.sample.find_or_add(hash, number, |known| same(made.text(known), made.text(number)));
    }
    let left: Vec<(Vec<u32>, Dealt)> = run.parallel(stretches(n_found), n_found, false, |stretch| {
        execution.cx.check()?;
        Ok(many.in_order(stretch))
    })?;
    let n_left: usize = left.iter().map(|it| it.0.len()).sum();
    let n_slots = (0..layout.n_parts()).map(|part| layout.n_slots(&sides, part)).max().unwrap_or(0);
    held.grow(n_left * 12 + n_slots * 8 * execution.cx.limits.threads.min(layout.n_parts()), by)?;
    let parts = (0..layout.n_parts()).step_by(PARTS_AT_ONCE).collect();
    _ = run.parallel(parts, n_made + n_left, false, |first: usize| {
        let mut slots = Vec::new();
        for part in first..(first + PARTS_AT_ONCE).min(layout.n_parts()) {
            execution.cx.check()?;
            many.meet(part, &sides, &left, &mut slots);
        }
        Ok(())
    })?;
    drop(sides);
    let unlike = run.parallel(stretches(n_made), n_made, false, |stretch| {
        execution.cx.check()?;
        Ok(many.compare_made(stretch))
    })?;
    let repeats = unlike.iter().any(|it| it.1);
    many.number_others(unlike.into_iter().flat_map(|it| it.0));
    let rows = stretches(n_found).into_iter().zip(left).collect();
    _ = run.parallel(rows, n_found, false, |(stretch, (left, _)): (Range<usize>, (Vec<u32>, Dealt))| {
        execution.cx.check()?;
        many.compare_found(stretch, &left, repeats);
        Ok(())
    })?;
    let numbers = |of: Vec<AtomicU32>| of.into_iter().map(AtomicU32::into_inner).collect::<Vec<u32>>().into();
    Ok((numbers(many.of_made), numbers(many.of_found)))
}

/// The texts of a side in parts of about one size.
fn stretches(n_texts: usize) -> Vec<Range<usize>> {
    (0..n_texts).step_by(STRETCH).map(|from| from..(from + STRETCH).min(n_texts)).collect()
}

/// How a hash and the number of its text are one number: the part of the hash is told by where it stands.
#[derive(Clone, Copy)]
struct Layout {
    number_bits: u32,
    part_bits: u32,
}

impl Layout {
    fn of(n_made: usize, n_found: usize) -> Layout {
        let parts = (n_made / TOGETHER).checked_next_power_of_two().unwrap_or(1);
        // Of the largest number not all bits are set, so that no entry is like a free slot.
        Layout {
            number_bits: usize::BITS - n_made.max(n_found).leading_zeros(),
            part_bits: parts.trailing_zeros().clamp(1, PART_BITS_MAX),
        }
    }

    fn n_parts(self) -> usize {
        1 << self.part_bits
    }

    #[inline]
    fn part(self, hash: u64) -> usize {
        hash.checked_shr(u64::BITS - self.part_bits).unwrap_or(0) as usize
    }

    #[inline]
    fn entry(self, hash: u64, number: u32) -> u64 {
        ((hash << self.part_bits) & !self.mask()) | u64::from(number)
    }

    #[inline]
    fn mask(self) -> u64 {
        (1_u64 << self.number_bits).wrapping_sub(1)
    }

    #[inline]
    fn number(self, entry: u64) -> u32 {
        (entry & self.mask()) as u32
    }

    #[inline]
    fn have_one_hash(self, a: u64, b: u64) -> bool {
        (a ^ b) & !self.mask() == 0
    }

    /// Slots of the table of a part: at most half of them are used.
    fn n_slots(self, made: &[Dealt], part: usize) -> usize {
        (made.iter().map(|it| it.part(part).len()).sum::<usize>().max(1) * 2).next_power_of_two()
    }
}

/// Entries by the part of their hash.
struct Dealt {
    entries: Vec<u64>,
    /// Where the entries of each part end.
    ends: Vec<u32>,
}

impl Dealt {
    fn new(layout: Layout, hashes: &[u64], numbers: impl Iterator<Item = u32>) -> Dealt {
        let mut ends = vec![0_u32; layout.n_parts()];
        for hash in hashes {
            if let Some(count) = ends.get_mut(layout.part(*hash)) {
                *count += 1;
            }
        }
        let mut sum = 0;
        for end in &mut ends {
            sum += std::mem::replace(end, sum);
        }
        let mut entries = vec![0; hashes.len()];
        for (hash, number) in hashes.iter().zip(numbers) {
            let Some(end) = ends.get_mut(layout.part(*hash)) else { continue };
            if let Some(entry) = entries.get_mut(*end as usize) {
                *entry = layout.entry(*hash, number);
            }
            *end += 1;
        }
        Dealt { entries, ends }
    }

    fn part(&self, part: usize) -> &[u64] {
        let from = part.checked_sub(1).and_then(|it| self.ends.get(it)).map_or(0, |it| *it as usize);
        let to = self.ends.get(part).map_or(from, |it| *it as usize);
        self.entries.get(from..to).unwrap_or(&[])
    }
}

struct Many<'a> {
    made: &'a Units<'a>,
    found: &'a Units<'a>,
    hasher: TextHasher,
    layout: Layout,
    /// Some of the texts of `made`, by hash.
    sample: HashIndex,
    /// By number the first text of `made` with the same hash, in the end with the same text.
    of_made: Vec<AtomicU32>,
    of_found: Vec<AtomicU32>,
    /// Texts whose hash another text has, which comes before.
    others: Map<&'a [u8], u32>,
}

fn store(numbers: &[AtomicU32], at: u32, number: u32) {
    if let Some(it) = numbers.get(at as usize) {
        it.store(number, Ordering::Relaxed);
    }
}

fn load(numbers: &[AtomicU32], at: u32) -> u32 {
    numbers.get(at as usize).map_or(NO_GROUP, |it| it.load(Ordering::Relaxed))
}

impl Many<'_> {
    #[inline]
    fn hash(&self, text: &[u8]) -> u64 {
        self.hasher.hash(text) & HASH
    }

    /// The entries of a stretch of `made`, and the hashes of some of its texts.
    fn deal_made(&self, stretch: Range<usize>) -> (Dealt, Vec<(u64, u32)>) {
        let (mut hashes, mut samples) = (Vec::with_capacity(stretch.len()), Vec::new());
        self.made.each(stretch.clone(), |_, text| hashes.push(self.hash(text)));
        let numbered = (stretch.start as u32..).zip(&hashes);
        samples.extend(numbered.step_by(SAMPLED as usize).map(|(number, hash)| (*hash, number)));
        (Dealt::new(self.layout, &hashes, stretch.start as u32..), samples)
    }

    /// Numbers of a stretch of `found` as far as it comes in the order of `made`; the others, and their entries.
    fn in_order(&self, stretch: Range<usize>) -> (Vec<u32>, Dealt) {
        let mut left: Vec<u32> = Vec::new();
        // Two tables of one log begin at one place.
        let (mut next, mut n_misses, mut n_tries) = (stretch.start as u32, 0, TRIES);
        let is_at = |number: u32, text: &[u8]| self.made.known(number).is_some_and(|it| same(it, text));
        self.found.each(stretch, |row, text| {
            let near = |next: u32| (1..=NEAR).map(|it| next.saturating_add(it)).find(|it| is_at(*it, text));
            let place = match next {
                NO_GROUP => None,
                it if is_at(it, text) => Some(it),
                it => near(it),
            };
            if let Some(place) = place {
                store(&self.of_found, row, place);
                (next, n_misses) = (place.saturating_add(1), 0);
                return;
            }
            n_misses += 1;
            if n_misses >= LOST {
                next = NO_GROUP;
            }
            if next == NO_GROUP && n_tries > 0 {
                n_tries -= 1;
                let place = self.sample.find(self.hash(text), |known| is_at(known, text));
                if let Some(place) = place {
                    store(&self.of_found, row, place);
                    (next, n_misses, n_tries) = (place.saturating_add(1), 0, TRIES);
                    self.go_back(&mut left, row, place);
                    return;
                }
            }
            left.push(row);
        });
        let hashes: Vec<u64> = left.iter().map(|row| self.hash(self.found.text(*row))).collect();
        let dealt = Dealt::new(self.layout, &hashes, left.iter().copied());
        (left, dealt)
    }

    /// Rows right before one that was found may stand right before it on the other side, too.
    fn go_back(&self, left: &mut Vec<u32>, row: u32, place: u32) {
        for (before, place) in (0..row).rev().zip((0..place).rev()) {
            let is_same = |known: &[u8]| same(known, self.found.text(before));
            if left.last() != Some(&before) || !self.made.known(place).is_some_and(is_same) {
                return;
            }
            _ = left.pop();
            store(&self.of_found, before, place);
        }
    }

    /// Finds the first entry of each hash of a part.
    fn meet(&self, part: usize, made: &[Dealt], left: &[(Vec<u32>, Dealt)], slots: &mut Vec<u64>) {
        let layout = self.layout;
        let n_slots = layout.n_slots(made, part);
        slots.clear();
        slots.resize(n_slots, FREE);
        let (mask, shift) = (n_slots - 1, u64::BITS - n_slots.trailing_zeros());
        let place = |entry: u64| entry.checked_shr(shift).unwrap_or(0) as usize;
        for entry in made.iter().flat_map(|it| it.part(part)) {
            let mut at = place(*entry);
            while let Some(slot) = slots.get_mut(at) {
                if *slot == FREE {
                    *slot = *entry;
                    break;
                }
                if layout.have_one_hash(*slot, *entry) {
                    store(&self.of_made, layout.number(*entry), layout.number(*slot));
                    break;
                }
                at = (at + 1) & mask;
            }
        }
        for entry in left.iter().flat_map(|it| it.1.part(part)) {
            let mut at = place(*entry);
            while let Some(slot) = slots.get(at).filter(|it| **it != FREE) {
                if layout.have_one_hash(*slot, *entry) {
                    store(&self.of_found, layout.number(*entry), layout.number(*slot));
                    break;
                }
                at = (at + 1) & mask;
            }
        }
    }

    /// The texts of a stretch that are not those before them with their hash, and whether any is like one before it.
    fn compare_made(&self, stretch: Range<usize>) -> (Vec<u32>, bool) {
        let (mut unlike, mut repeats) = (Vec::new(), false);
        for number in stretch.start as u32..stretch.end as u32 {
            let first = load(&self.of_made, number);
            if first != number {
                repeats = true;
                if !same(self.made.text(first), self.made.text(number)) {
                    unlike.push(number);
                }
            }
        }
        (unlike, repeats)
    }

    /// Compares the texts of a stretch that were found by hash, and tells of all the number of the first text.
    fn compare_found(&self, stretch: Range<usize>, left: &[u32], repeats: bool) {
        for row in left {
            let place = load(&self.of_found, *row);
            if place == NO_GROUP {
                continue;
            }
            let text = self.found.text(*row);
            if !same(self.made.text(place), text) {
                store(&self.of_found, *row, self.others.get(text).copied().unwrap_or(NO_GROUP));
            }
        }
        if repeats {
            for row in stretch.start as u32..stretch.end as u32 {
                let place = load(&self.of_found, row);
                if place != NO_GROUP {
                    store(&self.of_found, row, load(&self.of_made, place));
                }
            }
        }
    }
}

impl<'a> Many<'a> {
    /// Numbers texts whose hash belongs to another: all that are equal to one of them are among them.
    fn number_others(&mut self, unlike: impl Iterator<Item = u32>) {
        let made = self.made;
        for number in unlike {
            let first = *self.others.entry(made.text(number)).or_insert(number);
            store(&self.of_made, number, first);
        }
    }
}
