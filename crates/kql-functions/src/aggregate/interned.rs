//! Which values each group has, by the number of the value among all groups: a value is held once.

use arrow_array::Int64Array;
use hashbrown::{HashTable, hash_table::Entry};
use kql_data::{Column, Lists, Type};

/// Numbers of whole numbers.
#[derive(Debug, Default)]
struct Numbers {
    table: HashTable<u32>,
    values: Vec<i64>,
    hasher: ahash::RandomState,
}

impl Numbers {
    /// The number of a value, new or known.
    fn number(&mut self, item: i64) -> u32 {
        let (values, hasher) = (&mut self.values, &self.hasher);
        let hash_of = |number: &u32| values.get(*number as usize).map_or(0, |it| hasher.hash_one(it));
        let is_it = |number: &u32| values.get(*number as usize) == Some(&item);
        match self.table.entry(hasher.hash_one(item), is_it, hash_of) {
            Entry::Occupied(it) => *it.get(),
            Entry::Vacant(place) => {
                // There are fewer rows than a u32 counts.
                let number = values.len() as u32;
                _ = place.insert(number);
                values.push(item);
                number
            }
        }
    }

    fn bytes(&self) -> usize {
        self.table.capacity() * 5 + self.values.capacity() * 8
    }
}

/// A set of pairs of a group and a number.
pub(crate) type Pairs = crate::sketch::hll::Hashes;

/// The pair of a group and a number.
pub(crate) fn pair(group: u32, number: u32) -> u64 {
    u64::from(group) << 32 | u64::from(number)
}

/// No group.
const NOBODY: u32 = u32::MAX;

/// Values by group.
#[derive(Debug, Default)]
pub(crate) struct Interned {
    values: Numbers,
    /// The first group of each number: most values are in one group only.
    owners: Vec<u32>,
    /// The other groups.
    others: Pairs,
}

impl Interned {
    /// Adds the value of a number to a group; whether it is new there.
    pub(crate) fn insert_number(&mut self, group: u32, number: u32) -> bool {
        if number as usize >= self.owners.len() {
            self.owners.resize(self.values.values.len().max(number as usize + 1), NOBODY);
        }
        match self.owners.get_mut(number as usize) {
            Some(owner) if *owner == NOBODY => {
                *owner = group;
                true
            }
            Some(owner) if *owner == group => false,
            _ => self.others.insert(pair(group, number)),
        }
    }

    /// Adds a value to a group: its number, and whether it is new there.
    pub(crate) fn insert(&mut self, group: u32, item: i64) -> (u32, bool) {
        let number = self.values.number(item);
        (number, self.insert_number(group, number))
    }

    /// Takes over the values of another, but not whose they are: their numbers here, by their numbers there.
    pub(crate) fn translate(&mut self, other: &Interned) -> Vec<u32> {
        other.values.values.iter().map(|it| self.values.number(*it)).collect()
    }

    /// Runs something for every pair of a group and a number, in no order.
    pub(crate) fn each_pair(&self, mut body: impl FnMut(u32, u32)) {
        let owned = self.owners.iter().zip(0_u32..).filter(|(group, _)| **group != NOBODY);
        owned.for_each(|(group, number)| body(*group, number));
        self.others.iter().for_each(|it| body((it >> 32) as u32, *it as u32));
    }

    /// Rough bytes held.
    pub(crate) fn bytes(&self) -> usize {
        self.values.bytes() + self.owners.capacity() * 4 + self.others.capacity() * 9
    }
}

/// Arrays of groups, of values of a type, from pairs of a group and a number in order, of `sizes` elements each.
pub(crate) fn arrays(values: Interned, ty: Type, order: &[(u32, u32)], sizes: &[u32]) -> Column {
    let values = Int64Array::new(values.values.values.into(), None);
    let column = match ty {
        Type::Datetime => Column::Datetime(values),
        Type::Timespan => Column::Timespan(values),
        _ => Column::Long(values),
    };
    Column::Lists(Lists::new(sizes, order.iter().copied(), vec![(0, column)], 0))
}
