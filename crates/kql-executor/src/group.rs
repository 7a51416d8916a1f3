//! Numbers for distinct keys, in the order in which they are first seen.

use crate::keys::{Coder, Codes, Signature, hash_row, hash_rows, pack, same_row};
use ahash::RandomState;
use hashbrown::HashTable;
use kql_data::{Batch, Budget, Column, Fault, HashIndex, Reservation, Schema, Type};
use std::{hash::Hash, ops::Range};

/// The number that stands for "no such key" in [`Grouper::find`].
pub(crate) const NO_GROUP: u32 = u32::MAX;

/// Gives each distinct row of keys a number. Keys of batches in different encodings meet by value.
///
/// Where the keys of a batch have codes (dictionaries, numbers), a row costs one look-up of its code; each combination
/// of codes is looked up by value at most once, and not at all while all batches share their dictionaries.
#[derive(Debug)]
pub(crate) struct Grouper {
    types: Vec<Type>,
    state: RandomState,
    /// The keys of the groups: the first row of each.
    parts: Vec<Part>,
    n_groups: u32,
    signature: Option<Vec<Signature>>,
    /// Groups that were there before the first batch of this signature.
    n_before: u32,
    codes: Lookup,
    /// One a column of keys.
    coders: Vec<Coder>,
    /// The first `n_hashed` groups by the hash of their keys.
    by_value: HashIndex,
    n_hashed: u32,
    /// Rows that are to come, roughly.
    n_expected: usize,
    /// What all this takes, reserved before a table grows.
    held: Reservation,
    by: Box<str>,
}

#[derive(Debug)]
struct Part {
    columns: Vec<Column>,
    first: u32,
    n_rows: u32,
}

#[derive(Debug)]
enum Lookup {
    None,
    Dense(Vec<u32>),
    Packed(HashTable<(u64, u32)>),
    Wide(HashTable<(u128, u32)>),
}

impl Lookup {
    fn new(codes: &Codes<'_>) -> Lookup {
        match codes {
            Codes::Dense(_, size) => Lookup::Dense(vec![NO_GROUP; *size]),
            Codes::Packed(_) => Lookup::Packed(HashTable::new()),
            Codes::Wide(_) => Lookup::Wide(HashTable::new()),
        }
    }
}

/// Parts of more rows are not joined with others.
const PART_ROWS: u32 = 1 << 16;
/// Keys for which room is made at once.
const EXPECTED_MAX: usize = 1 << 22;

impl Grouper {
    /// No groups yet, of keys of those types; their memory is taken from the budget in the name of `by`.
    pub(crate) fn new(types: Vec<Type>, budget: &Budget, by: &str) -> Result<Grouper, Fault> {
        Ok(Grouper {
            held: budget.reserve(0, by)?,
            by: by.into(),
            coders: types.iter().map(|_| Coder::default()).collect(),
            types,
            state: RandomState::new(),
            parts: Vec::new(),
            n_groups: 0,
            signature: None,
            n_before: 0,
            codes: Lookup::None,
            by_value: HashIndex::default(),
            n_hashed: 0,
            n_expected: 0,
        })
    }

    /// Number of groups.
    pub(crate) fn len(&self) -> usize {
        self.n_groups as usize
    }

    /// Rough bytes held.
    fn bytes(&self) -> usize {
        let keys: usize = self.parts.iter().flat_map(|it| &it.columns).map(Column::bytes).sum();
        let codes = match &self.codes {
            Lookup::None => 0,
            Lookup::Dense(it) => it.len() * 4,
            Lookup::Packed(it) => table_bytes(it, it.capacity()),
            Lookup::Wide(it) => table_bytes(it, it.capacity()),
        };
        keys + codes + self.by_value.bytes() + self.coders.iter().map(Coder::bytes).sum::<usize>()
    }

    /// Reserves what is held, and as much more as a table will take that is about to grow: the old one lives until the
    /// new one is filled.
    fn account(&mut self, growth: usize) -> Result<(), Fault> {
        self.held.resize(self.bytes() + growth, &self.by)
    }

    /// Makes room for keys that are looked up by value, of about so many rows.
    pub(crate) fn expect(&mut self, n_rows: usize) {
        self.n_expected = n_rows.min(EXPECTED_MAX);
    }

    /// The group of each row, new ones made where needed.
    pub(crate) fn assign(&mut self, columns: &[Column], n_rows: usize) -> Result<Vec<u32>, Fault> {
        if self.types.is_empty() {
            self.n_groups = self.n_groups.max(u32::from(n_rows > 0));
            return Ok(vec![0; n_rows]);
        }
        if self.n_groups as usize + n_rows >= NO_GROUP as usize {
            return Err(Fault::new("there are more than 4 billion groups"));
        }
        let mut new_rows = Vec::new();
        let groups = match pack(columns, n_rows, &mut self.coders) {
            Some((signature, codes)) => self.assign_codes(columns, signature, &codes, &mut new_rows)?,
            None => self.assign_values(columns, n_rows, &mut new_rows)?,
        };
        if !new_rows.is_empty() {
            let all_are_new = new_rows.len() == n_rows;
            let columns = columns.iter().map(|it| if all_are_new { it.clone() } else { it.take(&new_rows) }).collect();
            self.add_part(columns, new_rows.len() as u32)?;
            self.account(0)?;
        }
        Ok(groups)
    }

    fn assign_codes(
        &mut self,
        columns: &[Column],
        signature: Vec<Signature>,
        codes: &Codes<'_>,
        new_rows: &mut Vec<u32>,
    ) -> Result<Vec<u32>, Fault> {
        if self.signature.as_ref() != Some(&signature) {
            self.signature = Some(signature);
            self.n_before = self.n_groups;
            self.codes = Lookup::new(codes);
        }
        let n_before = self.n_before;
        if n_before > 0 {
            self.hash_groups(n_before)?;
        }
        self.account(match (codes, &self.codes) {
            (Codes::Packed(it), Lookup::Packed(table)) => growth(table, it.len()),
            (Codes::Wide(it), Lookup::Wide(table)) => growth(table, it.len()),
            _ => 0,
        })?;
        let state = self.state.clone();
        let mut lookup = std::mem::replace(&mut self.codes, Lookup::None);
        let first_new = self.n_groups;
        // The number of a combination that is new to this signature: known by value, or a new one.
        let mut number = |row: usize| {
            if n_before > 0
                && let Some(known) = self.find_before(columns, row)
            {
                return known;
            }
            new_rows.push(row as u32);
            first_new + (new_rows.len() - 1) as u32
        };
        let groups = match (codes, &mut lookup) {
            (Codes::Dense(codes, _), Lookup::Dense(table)) => {
                let one = |(row, code): (usize, &u32)| match table.get_mut(*code as usize) {
                    Some(slot) => {
                        if *slot == NO_GROUP {
                            *slot = number(row);
                        }
                        *slot
                    }
                    None => number(row),
                };
                codes.iter().enumerate().map(one).collect()
            }
            (Codes::Packed(codes), Lookup::Packed(table)) => assign_packed(&state, codes, table, number),
            (Codes::Wide(codes), Lookup::Wide(table)) => assign_packed(&state, codes, table, number),
            _ => Vec::new(),
        };
        self.codes = lookup;
        Ok(groups)
    }

    /// A group made before this signature, by value.
    fn find_before(&self, columns: &[Column], row: usize) -> Option<u32> {
        let hash = hash_row(&self.state, columns, row);
        self.find_value(hash, columns, row)
    }

    fn find_value(&self, hash: u64, columns: &[Column], row: usize) -> Option<u32> {
        self.by_value.find(hash, |group| self.key(group).is_some_and(|(part, at)| same_row(part, at, columns, row)))
    }

    /// Puts the first groups, up to that many, into the table by value.
    fn hash_groups(&mut self, up_to: u32) -> Result<(), Fault> {
        // A part may reach beyond: its hashes are not wanted again for each key.
        if self.n_hashed >= up_to {
            return Ok(());
        }
        self.account(self.by_value.growth((up_to - self.n_hashed) as usize))?;
        for part in &self.parts {
            let end = part.first + part.n_rows;
            if end <= self.n_hashed || part.first >= up_to {
                continue;
            }
            let hashes = hash_rows(&self.state, &part.columns, part.n_rows as usize);
            let from = self.n_hashed.max(part.first);
            for group in from..end.min(up_to) {
                let Some(hash) = hashes.get((group - part.first) as usize) else { continue };
                _ = self.by_value.find_or_add(*hash, group, |_| false);
            }
            self.n_hashed = self.n_hashed.max(end.min(up_to));
        }
        Ok(())
    }

    fn assign_values(&mut self, columns: &[Column], n_rows: usize, new_rows: &mut Vec<u32>) -> Result<Vec<u32>, Fault> {
        self.signature = None;
        self.codes = Lookup::None;
        self.hash_groups(self.n_groups)?;
        self.account(self.by_value.growth(n_rows.max(self.n_expected.saturating_sub(self.by_value.len()))))?;
        let hashes = hash_rows(&self.state, columns, n_rows);
        let first_new = self.n_groups;
        let mut groups = Vec::with_capacity(n_rows);
        let mut table = std::mem::take(&mut self.by_value);
        table.reserve(self.n_expected);
        let mut row = 0;
        for hashes in hashes.chunks(HashIndex::BATCH) {
            table.touch(hashes);
            for hash in hashes {
                let is_it = |group: u32| match group.checked_sub(first_new).and_then(|it| new_rows.get(it as usize)) {
                    Some(first) => same_row(columns, *first as usize, columns, row),
                    None => self.key(group).is_some_and(|(part, at)| same_row(part, at, columns, row)),
                };
                let new = first_new + new_rows.len() as u32;
                let group = table.find_or_add(*hash, new, is_it);
                if group == new {
                    new_rows.push(row as u32);
                }
                groups.push(group);
                row += 1;
            }
        }
        self.by_value = table;
        self.n_hashed = first_new + new_rows.len() as u32;
        Ok(groups)
    }

    /// The key of a group: columns and a row of them.
    fn key(&self, group: u32) -> Option<(&[Column], usize)> {
        let at = self.parts.partition_point(|it| it.first <= group).checked_sub(1)?;
        let part = self.parts.get(at)?;
        Some((&part.columns, (group - part.first) as usize))
    }

    fn add_part(&mut self, columns: Vec<Column>, n_rows: u32) -> Result<(), Fault> {
        self.parts.push(Part { columns, first: self.n_groups, n_rows });
        self.n_groups += n_rows;
        // Many small batches would make many small parts: join neighbours of about one size.
        while let [.., before, last] = self.parts.as_slice()
            && before.n_rows <= last.n_rows.saturating_mul(2)
            && before.n_rows < PART_ROWS
        {
            let mut columns = Vec::with_capacity(self.types.len());
            for (index, ty) in self.types.iter().enumerate() {
                let both: Vec<Column> = [before, last].iter().filter_map(|it| it.columns.get(index).cloned()).collect();
                columns.push(Column::concat(*ty, &both)?);
            }
            let joined = Part { columns, first: before.first, n_rows: before.n_rows + last.n_rows };
            self.parts.truncate(self.parts.len() - 2);
            self.parts.push(joined);
        }
        Ok(())
    }

    /// The keys of all groups, in order of their numbers.
    pub(crate) fn keys(&self) -> Result<Vec<Column>, Fault> {
        let column = |(index, ty): (usize, &Type)| {
            let parts: Vec<Column> = self.parts.iter().filter_map(|it| it.columns.get(index).cloned()).collect();
            if parts.is_empty() { Ok(Column::null(*ty, 0)) } else { Column::concat(*ty, &parts) }
        };
        self.types.iter().enumerate().map(column).collect()
    }

    /// Takes over the groups of another: the number here of each of its groups.
    pub(crate) fn merge(&mut self, other: &Grouper) -> Result<Vec<u32>, Fault> {
        if self.types.is_empty() {
            return self.assign(&[], other.len());
        }
        let mut numbers = Vec::with_capacity(other.len());
        for part in &other.parts {
            numbers.extend(self.assign(&part.columns, part.n_rows as usize)?);
        }
        Ok(numbers)
    }

    /// Makes ready for [`Grouper::find`] with those keys.
    pub(crate) fn prepare(&mut self, columns: &[Column], n_rows: usize) -> Result<(), Fault> {
        let n_rows = n_rows.min(1);
        let columns: Vec<Column> = columns.iter().map(|it| it.slice(0, n_rows)).collect();
        let is_by_code = self.n_before == 0
            && self.signature.is_some()
            && pack(&columns, n_rows, &mut []).is_some_and(|(it, _)| Some(it) == self.signature);
        if is_by_code { Ok(()) } else { self.hash_groups(self.n_groups) }
    }

    /// The group of each row; [`NO_GROUP`] when there is none. [`Grouper::prepare`] was called with such columns.
    pub(crate) fn find(&self, columns: &[Column], n_rows: usize) -> Vec<u32> {
        if self.types.is_empty() {
            return vec![if self.n_groups > 0 { 0 } else { NO_GROUP }; n_rows];
        }
        let packed = pack(columns, n_rows, &mut []);
        if let Some((signature, codes)) = &packed
            && self.n_before == 0
            && self.signature.as_ref() == Some(signature)
        {
            return match (codes, &self.codes) {
                (Codes::Dense(codes, _), Lookup::Dense(table)) => {
                    codes.iter().map(|code| table.get(*code as usize).copied().unwrap_or(NO_GROUP)).collect()
                }
                (Codes::Packed(codes), Lookup::Packed(table)) => find_packed(&self.state, codes, table),
                (Codes::Wide(codes), Lookup::Wide(table)) => find_packed(&self.state, codes, table),
                _ => vec![NO_GROUP; n_rows],
            };
        }
        let by_value = |row: usize, hash: u64| self.find_value(hash, columns, row).unwrap_or(NO_GROUP);
        if let Some((_, Codes::Dense(codes, size))) = packed
            && size <= n_rows
        {
            // Once a combination.
            let mut known: Vec<Option<u32>> = vec![None; size];
            let mut one = |(row, code): (usize, &u32)| match known.get_mut(*code as usize) {
                Some(slot) => *slot.get_or_insert_with(|| by_value(row, hash_row(&self.state, columns, row))),
                None => NO_GROUP,
            };
            return codes.iter().enumerate().map(&mut one).collect();
        }
        let mut groups = Vec::with_capacity(n_rows);
        for hashes in hash_rows(&self.state, columns, n_rows).chunks(HashIndex::BATCH) {
            self.by_value.touch(hashes);
            for hash in hashes {
                groups.push(by_value(groups.len(), *hash));
            }
        }
        groups
    }
}

/// Bytes of a table with room for so many entries: hashbrown keeps an eighth free, and a byte of each entry's hash.
fn table_bytes<T>(_table: &HashTable<T>, n_entries: usize) -> usize {
    if n_entries == 0 {
        0
    } else {
        (n_entries.saturating_mul(8) / 7).next_power_of_two().saturating_mul(size_of::<T>() + 1)
    }
}

/// Bytes of the table that takes the place of this one when so many entries come that it cannot hold.
fn growth<T>(table: &HashTable<T>, n_new: usize) -> usize {
    let n_entries = table.len().saturating_add(n_new);
    if n_entries <= table.capacity() { 0 } else { table_bytes(table, n_entries.max(table.capacity() + 1)) }
}

fn assign_packed<C: Copy + Eq + Hash>(
    state: &RandomState,
    codes: &[C],
    table: &mut HashTable<(C, u32)>,
    mut number: impl FnMut(usize) -> u32,
) -> Vec<u32> {
    let mut groups = Vec::with_capacity(codes.len());
    // Neighbours are often equal: events of one minute, of one user.
    let mut last: Option<(C, u32)> = None;
    for (row, code) in codes.iter().enumerate() {
        if let Some((known, group)) = last
            && known == *code
        {
            groups.push(group);
            continue;
        }
        let hash = state.hash_one(code);
        let group = match table.find(hash, |it| it.0 == *code) {
            Some((_, group)) => *group,
            None => {
                let group = number(row);
                _ = table.insert_unique(hash, (*code, group), |it| state.hash_one(it.0));
                group
            }
        };
        last = Some((*code, group));
        groups.push(group);
    }
    groups
}

fn find_packed<C: Copy + Eq + Hash>(state: &RandomState, codes: &[C], table: &HashTable<(C, u32)>) -> Vec<u32> {
    let one = |code: &C| table.find(state.hash_one(code), |it| it.0 == *code).map_or(NO_GROUP, |it| it.1);
    codes.iter().map(one).collect()
}

/// The rows of each group, in order: `rows[starts[group]..starts[group + 1]]`.
#[derive(Debug)]
pub(crate) struct RowsByGroup {
    starts: Vec<u32>,
    rows: Vec<u32>,
}

impl RowsByGroup {
    /// Sorts rows by their group; rows of [`NO_GROUP`] are left out.
    pub(crate) fn new(groups: &[u32], n_groups: usize) -> RowsByGroup {
        let mut starts = vec![0_u32; n_groups + 1];
        for group in groups {
            if let Some(it) = starts.get_mut(*group as usize + 1) {
                *it += 1;
            }
        }
        let mut sum = 0;
        for it in &mut starts {
            sum += *it;
            *it = sum;
        }
        let mut rows = vec![0_u32; sum as usize];
        let mut next = starts.clone();
        for (row, group) in groups.iter().enumerate() {
            if let Some(at) = next.get_mut(*group as usize)
                && *group != NO_GROUP
                && let Some(slot) = rows.get_mut(*at as usize)
            {
                *slot = row as u32;
                *at += 1;
            }
        }
        RowsByGroup { starts, rows }
    }

    /// All rows, group after group.
    pub(crate) fn rows(&self) -> &[u32] {
        &self.rows
    }

    /// The rows of a group.
    pub(crate) fn get(&self, group: u32) -> &[u32] {
        self.rows.get(self.range(group)).unwrap_or(&[])
    }

    /// Where the rows of a group stand among all.
    pub(crate) fn range(&self, group: u32) -> Range<usize> {
        let at = group as usize;
        match (self.starts.get(at), at.checked_add(1).and_then(|it| self.starts.get(it))) {
            (Some(from), Some(to)) => *from as usize..*to as usize,
            _ => 0..0,
        }
    }

    /// Lets something reorder the rows of each group.
    pub(crate) fn each_group(&mut self, mut body: impl FnMut(&mut [u32])) {
        for pair in self.starts.windows(2) {
            if let [from, to] = pair
                && let Some(rows) = self.rows.get_mut(*from as usize..*to as usize)
            {
                body(rows);
            }
        }
    }
}

/// All rows of some batches as one batch.
pub(crate) fn joined(schema: &Schema, batches: &[Batch]) -> Result<Batch, Fault> {
    if batches.is_empty() { Ok(Batch::empty(schema)) } else { Batch::concat(schema, batches) }
}
