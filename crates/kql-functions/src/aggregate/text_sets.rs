//! Distinct texts by group. Rows are held as they come, with half of the hash of each text, and now and then those that say
//! nothing new are found: a part of the hashes at a time, whose table stays in the cache. Looking up each row when it comes
//! would wait for memory each time, and most texts that stand here (others are by dictionary) are seen once.

use kql_data::{
    Column, Context, Fault, Lists, StringReader, Type,
    text_hash::{TextHasher, same},
};
use std::ops::Range;

/// The group of a row that says nothing new.
const NOBODY: u32 = u32::MAX;
/// Rows that are held before the first look for those that say nothing new.
const ROWS_FIRST: usize = 1 << 17;
/// Hashes that are looked at together, about.
const TOGETHER: usize = 1 << 12;
/// Rows from which threads share a look, and the pieces that they share.
const SHARED_FROM: usize = 1 << 18;
const PIECES: usize = 8;
/// Bytes of a column beside its buffers.
const PART: usize = 256;

/// Distinct texts by group, in the order of their first appearance.
#[derive(Debug, Default)]
pub(crate) struct TextSets {
    hasher: TextHasher,
    /// Columns of texts, and the number of the first row of each.
    parts: Vec<(u32, Column)>,
    /// By row its group, or [`NOBODY`], and half of the hash of its text.
    groups: Vec<u32>,
    hashes: Vec<u32>,
    /// Texts of each group as of the last look.
    sizes: Vec<u32>,
    /// Rows that wait for the next look, and when it is.
    n_new: usize,
    look_at: usize,
    bytes: usize,
}

impl TextSets {
    /// Makes room for so many groups.
    pub(crate) fn resize(&mut self, n_groups: usize) {
        self.sizes.resize(n_groups.max(self.sizes.len()), 0);
    }

    /// Texts of each group. What came since the last look does not count.
    pub(crate) fn sizes(&self) -> &[u32] {
        &self.sizes
    }

    /// The most texts of a group as of the last look.
    pub(crate) fn largest(&self) -> usize {
        self.sizes.iter().max().map_or(0, |it| *it as usize)
    }

    /// Adds a text a row to groups that have fewer than so many.
    pub(crate) fn add(&mut self, cx: &Context, groups: &[u32], texts: &Column, max: usize) -> Result<(), Fault> {
        if self.groups.len() + groups.len() >= NOBODY as usize {
            return Err(Fault::new("there are more than 4 billion texts of sets"));
        }
        let sizes = &self.sizes;
        let has_room = |group: u32| sizes.get(group as usize).is_some_and(|it| (*it as usize) < max);
        // Texts of groups that are full need not be known.
        if !groups.iter().any(|it| has_room(*it)) {
            return Ok(());
        }
        let first = self.groups.len() as u32;
        self.groups.extend(groups.iter().map(|it| if has_room(*it) { *it } else { NOBODY }));
        let (hasher, reader) = (&self.hasher, texts.string_reader());
        let hash = |text: &str| (hasher.hash(text.as_bytes()) >> 32) as u32;
        match reader {
            // Known without looking at the encoding of each row.
            StringReader::Plain(it) => self.hashes.extend((0..groups.len()).map(|row| hash(it.value(row)))),
            StringReader::Constant(it) => self.hashes.resize(self.groups.len(), hash(it)),
            reader => self.hashes.extend((0..groups.len()).map(|row| hash(reader.get(row)))),
        }
        self.bytes += texts.bytes() + PART;
        self.parts.push((first, texts.clone()));
        self.n_new += groups.len();
        if self.n_new >= self.look_at.max(ROWS_FIRST) { self.look(cx, max) } else { Ok(()) }
    }

    /// Adds the texts of another, whose group `i` is `groups[i]` here, to groups that have fewer than so many.
    pub(crate) fn merge(&mut self, cx: &Context, other: TextSets, groups: &[u32], max: usize) -> Result<(), Fault> {
        if self.groups.len() + other.groups.len() >= NOBODY as usize {
            return Err(Fault::new("there are more than 4 billion texts of sets"));
        }
        let first = self.groups.len() as u32;
        let translated = |it: &u32| groups.get(*it as usize).copied().unwrap_or(NOBODY);
        self.n_new += other.groups.len();
        self.groups.extend(other.groups.iter().map(translated));
        self.hashes.extend(other.hashes);
        self.parts.extend(other.parts.into_iter().map(|(from, it)| (first + from, it)));
        self.bytes += other.bytes;
        if self.n_new >= self.look_at.max(ROWS_FIRST) { self.look(cx, max) } else { Ok(()) }
    }

    /// Finds the rows that say nothing new, and those of groups that are full before them.
    pub(crate) fn look(&mut self, cx: &Context, max: usize) -> Result<(), Fault> {
        if self.n_new == 0 {
            return Ok(());
        }
        self.leave_out_repeated(cx)?;
        self.sizes.fill(0);
        let (sizes, mut n_left) = (&mut self.sizes, 0);
        for group in &mut self.groups {
            match sizes.get_mut(*group as usize) {
                Some(size) if (*size as usize) < max => {
                    *size += 1;
                    n_left += 1;
                }
                _ => *group = NOBODY,
            }
        }
        // The next look takes as long again, which many new rows must be worth; where all are new there is little to find.
        self.look_at = if n_left * 10 > self.groups.len() * 9 { n_left.saturating_mul(16) } else { n_left };
        self.n_new = 0;
        if n_left * 2 < self.groups.len() { self.compact() } else { Ok(()) }
    }

    fn leave_out_repeated(&mut self, cx: &Context) -> Result<(), Fault> {
        let n_parts = (self.groups.len() / TOGETHER).next_power_of_two().clamp(1, 1 << 12);
        let n_pieces = if self.groups.len() >= SHARED_FROM { PIECES } else { 1 };
        let per_piece = self.groups.len().div_ceil(n_pieces).max(1);
        let dealt = cx.share(n_pieces, |piece| {
            cx.check()?;
            Ok(self.deal(piece * per_piece..(piece + 1) * per_piece, n_parts))
        })?;
        let size = |part: usize| dealt.iter().map(|it| it.part(part).len()).sum::<usize>();
        let n_most = (0..n_parts).map(size).max().unwrap_or(0);
        let per_piece = n_parts.div_ceil(n_pieces);
        let repeated = cx.share(n_pieces, |piece| {
            let mut slots = vec![FREE; (n_most * 2).next_power_of_two()];
            let mut repeated = Vec::new();
            for part in (piece * per_piece..(piece + 1) * per_piece).take_while(|it| *it < n_parts) {
                cx.check()?;
                let n_slots = (size(part) * 2).next_power_of_two();
                let rows = dealt.iter().flat_map(|it| it.part(part));
                self.find_repeated(rows, slots.get_mut(..n_slots).unwrap_or_default(), &mut repeated);
            }
            Ok(repeated)
        })?;
        for row in repeated.into_iter().flatten() {
            if let Some(group) = self.groups.get_mut(row as usize) {
                *group = NOBODY;
            }
        }
        Ok(())
    }

    /// Deals some of the rows to parts by their hashes.
    fn deal(&self, rows: Range<usize>, n_parts: usize) -> Dealt {
        let shift = u64::BITS - n_parts.trailing_zeros();
        let part_of = |mixed: u64| mixed.checked_shr(shift).unwrap_or(0) as usize;
        let rows = rows.start.min(self.groups.len())..rows.end.min(self.groups.len());
        let groups = self.groups.get(rows.clone()).unwrap_or(&[]);
        let hashes = self.hashes.get(rows.clone()).unwrap_or(&[]);
        let rows = || groups.iter().zip(hashes).zip(rows.start as u32..).filter(|it| *it.0.0 != NOBODY);
        // Where the next row of each part goes; in the end, where its rows end.
        let mut ends = vec![0_usize; n_parts];
        for ((group, hash), _) in rows() {
            if let Some(count) = ends.get_mut(part_of(mixed(*group, *hash))) {
                *count += 1;
            }
        }
        let mut n_rows = 0;
        for end in &mut ends {
            n_rows += std::mem::replace(end, n_rows);
        }
        let mut entries = vec![0_u64; n_rows];
        for ((group, hash), row) in rows() {
            let mixed = mixed(*group, *hash);
            let Some(end) = ends.get_mut(part_of(mixed)) else { continue };
            if let Some(entry) = entries.get_mut(*end) {
                *entry = (mixed << 32) | u64::from(row);
            }
            *end += 1;
        }
        Dealt { entries, ends }
    }

    /// Finds the rows of a part whose text their group has from a row before.
    fn find_repeated<'e>(&self, entries: impl Iterator<Item = &'e u64>, slots: &mut [u64], repeated: &mut Vec<u32>) {
        slots.fill(FREE);
        let mask = slots.len().wrapping_sub(1);
        for entry in entries {
            // The higher bits of the half tell rows of a part apart as well as any.
            let mut at = (entry >> 40) as usize & mask;
            while let Some(slot) = slots.get_mut(at) {
                if *slot == FREE {
                    *slot = *entry;
                    break;
                }
                if *slot >> 32 == entry >> 32 && self.is_same(*slot as u32, *entry as u32) {
                    repeated.push(*entry as u32);
                    break;
                }
                at = (at + 1) & mask;
            }
        }
    }

    fn is_same(&self, a: u32, b: u32) -> bool {
        self.groups.get(a as usize) == self.groups.get(b as usize)
            && same(self.text(a).as_bytes(), self.text(b).as_bytes())
    }

    fn text(&self, row: u32) -> &str {
        let at = self.parts.partition_point(|it| it.0 <= row).wrapping_sub(1);
        self.parts.get(at).map_or("", |(first, texts)| texts.string_reader().get((row - first) as usize))
    }

    /// Holds no more than the rows that are left.
    fn compact(&mut self) -> Result<(), Fault> {
        let ends = self.parts.iter().skip(1).map(|it| it.0 as usize).chain([self.groups.len()]);
        let mut columns = Vec::with_capacity(self.parts.len());
        for ((first, texts), end) in self.parts.iter().zip(ends) {
            let groups = self.groups.get(*first as usize..end).unwrap_or(&[]);
            let rows: Vec<u32> = groups.iter().zip(0..).filter(|it| *it.0 != NOBODY).map(|it| it.1).collect();
            if !rows.is_empty() {
                columns.push(texts.take(&rows));
            }
        }
        let left = |it: &(&u32, &u32)| *it.0 != NOBODY;
        self.hashes = self.groups.iter().zip(&self.hashes).filter(left).map(|it| *it.1).collect();
        self.groups.retain(|it| *it != NOBODY);
        self.groups.shrink_to_fit();
        self.parts = Vec::new();
        if !columns.is_empty() {
            self.parts.push((0, Column::concat(Type::String, &columns)?));
        }
        self.bytes = self.parts.iter().map(|it| it.1.bytes() + PART).sum();
        Ok(())
    }

    /// The texts of each group as arrays, after a [`look`](TextSets::look).
    pub(crate) fn arrays(self) -> Column {
        let behind = self.parts.iter().map(|it| Lists::behind(&it.1)).sum();
        let items = self.groups.iter().copied().zip(0..).filter(|it| it.0 != NOBODY);
        Column::Lists(Lists::new(&self.sizes, items, self.parts, behind))
    }

    /// Rough bytes held, with what the next look takes.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes + self.groups.capacity() * 24 + self.sizes.capacity() * 4
    }
}

/// Rows dealt to parts by their hashes.
struct Dealt {
    /// Of each row half of the mixed hash, and its number; those of a part together, in order.
    entries: Vec<u64>,
    /// Where each part ends.
    ends: Vec<usize>,
}

impl Dealt {
    fn part(&self, part: usize) -> &[u64] {
        let end = |part: usize| self.ends.get(part).copied().unwrap_or(self.entries.len());
        let from = part.checked_sub(1).map_or(0, end);
        self.entries.get(from..end(part)).unwrap_or(&[])
    }
}

/// No row: rows end below.
const FREE: u64 = u64::MAX;

/// A hash of a group and a text by half of the text's.
#[inline]
fn mixed(group: u32, hash: u32) -> u64 {
    let both = (u64::from(hash) << 32 | u64::from(hash)) ^ u64::from(group).wrapping_mul(0xD6E8_FEB8_6659_FD93);
    (both ^ (both >> 29)).wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

#[cfg(test)]
mod tests {
    use super::*;
    use kql_data::Crew;
    use std::{collections::HashSet, sync::Arc};

    /// Texts of which about so many differ, and groups.
    fn sample(n_rows: usize, n_distinct: u64) -> (Vec<String>, Vec<u32>) {
        let mut dice = 12_345_u64;
        let mut next = |n: u64| {
            dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (dice >> 33) % n
        };
        let text = |it: u64| if it == 0 { String::new() } else { format!("{}{it}", "ab".repeat((it % 20) as usize)) };
        (0..n_rows).map(|_| (text(next(n_distinct)), next(5) as u32)).unzip()
    }

    /// What a plain loop finds, as JSON by group.
    fn expected(texts: &[String], groups: &[u32], max: usize) -> Vec<String> {
        let (mut seen, mut lists) = (HashSet::new(), vec![Vec::new(); 5]);
        for (text, group) in texts.iter().zip(groups) {
            let list = &mut lists[*group as usize];
            if list.len() < max && seen.insert((text, group)) {
                list.push(text);
            }
        }
        lists
            .iter()
            .map(|it| format!("[{}]", it.iter().map(|it| format!("\"{it}\"")).collect::<Vec<_>>().join(",")))
            .collect()
    }

    /// Two threads.
    struct Two;

    impl Crew for Two {
        fn share(&self, n_pieces: usize, piece: &(dyn Fn(usize) + Sync)) {
            std::thread::scope(|scope| {
                _ = scope.spawn(|| (0..n_pieces).filter(|it| it % 2 == 1).for_each(piece));
                (0..n_pieces).filter(|it| it % 2 == 0).for_each(piece);
            });
        }
    }

    #[test]
    fn sets_are_those_of_a_plain_loop() {
        let (cx, shared) = (Context::default(), Context::default());
        shared.set_crew(Arc::new(Two));
        for (n_rows, n_distinct, batch, max) in [
            (20_000, 50, 700, usize::MAX),
            (20_000, 1_000_000, 700, usize::MAX),
            (300_000, 2_000, 5_000, usize::MAX),
            (300_000, 2_000, 5_000, 30),
            (300_000, 10_000_000, 50_000, usize::MAX),
        ] {
            let (texts, groups) = sample(n_rows, n_distinct);
            let (mut whole, mut n_added) = (TextSets::default(), 0);
            let (mut left, mut right) = (TextSets::default(), TextSets::default());
            [&mut whole, &mut left, &mut right].iter_mut().for_each(|it| it.resize(5));
            for (part, groups) in texts.chunks(batch).zip(groups.chunks(batch)) {
                let column = Column::strings(part);
                whole.add(&cx, groups, &column, max).unwrap();
                n_added += groups.len();
                if n_added < n_rows / 3 {
                    left.add(&cx, groups, &column, max).unwrap();
                } else {
                    // Its groups are in another order.
                    let turned: Vec<u32> = groups.iter().map(|it| 4 - it).collect();
                    right.add(&cx, &turned, &column, max).unwrap();
                }
            }
            left.merge(&cx, right, &[4, 3, 2, 1, 0], max).unwrap();
            let wanted = expected(&texts, &groups, max);
            for (mut sets, cx) in [(whole, &cx), (left, &shared)] {
                sets.look(cx, max).unwrap();
                let sizes: Vec<u32> = sets.sizes().to_vec();
                let column = sets.arrays();
                for (row, wanted) in wanted.iter().enumerate() {
                    assert_eq!(&column.value(row).text(), wanted, "{n_rows} {n_distinct} {max}");
                    assert_eq!(column.dynamic(row).as_array().unwrap().len(), sizes[row] as usize);
                }
            }
        }
    }

    #[test]
    fn texts_that_repeat_are_not_held() {
        let (texts, groups) = sample(1_000, 20);
        let column = Column::strings(&texts);
        let mut sets = TextSets::default();
        sets.resize(5);
        for _ in 0..1_000 {
            sets.add(&Context::default(), &groups, &column, usize::MAX).unwrap();
        }
        assert!(sets.bytes() < 40 << 20, "{}", sets.bytes());
        sets.look(&Context::default(), usize::MAX).unwrap();
        assert_eq!(sets.sizes(), [20; 5]);
        assert!(sets.bytes() < 100_000, "{}", sets.bytes());
    }
}
