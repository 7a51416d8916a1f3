//! Which values each group has, by the number of the value among all groups: a value is held, and its text looked up, once.

use hashbrown::{HashTable, hash_table::Entry};
use kql_data::{Context, Dynamic, Fault, Map};

/// Gives values numbers in the order in which they first appear.
pub(crate) trait Numbers: Default + Send + 'static {
    /// A value as it is looked up.
    type Item: ?Sized;
    /// The number of a value, new or known.
    fn number(&mut self, item: &Self::Item) -> u32;
    /// Runs something on the value of a number.
    fn with(&self, number: u32, body: &mut dyn FnMut(&Self::Item));
    /// How many numbers were given or left out.
    fn len(&self) -> usize;
    /// Rough bytes held.
    fn bytes(&self) -> usize;
    /// Takes over the values of another: their numbers here, by their numbers there.
    fn translate(&mut self, other: &Self) -> Vec<u32>;
}

/// Numbers of whole numbers.
#[derive(Debug, Default)]
pub(crate) struct Longs {
    table: HashTable<u32>,
    values: Vec<i64>,
    hasher: ahash::RandomState,
}

impl Numbers for Longs {
    type Item = i64;
    fn number(&mut self, item: &i64) -> u32 {
        let (values, hasher) = (&mut self.values, &self.hasher);
        let hash_of = |number: &u32| values.get(*number as usize).map_or(0, |it| hasher.hash_one(it));
        let is_it = |number: &u32| values.get(*number as usize) == Some(item);
        match self.table.entry(hasher.hash_one(item), is_it, hash_of) {
            Entry::Occupied(it) => *it.get(),
            Entry::Vacant(place) => {
                // There are fewer rows than a u32 counts.
                let number = values.len() as u32;
                _ = place.insert(number);
                values.push(*item);
                number
            }
        }
    }
    fn with(&self, number: u32, body: &mut dyn FnMut(&i64)) {
        if let Some(it) = self.values.get(number as usize) {
            body(it);
        }
    }
    fn len(&self) -> usize {
        self.values.len()
    }
    fn bytes(&self) -> usize {
        self.table.capacity() * 5 + self.values.capacity() * 8
    }
    fn translate(&mut self, other: &Longs) -> Vec<u32> {
        other.values.iter().map(|it| self.number(it)).collect()
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
pub(crate) struct Interned<N> {
    values: N,
    /// The first group of each number: most values are in one group only.
    owners: Vec<u32>,
    /// The other groups.
    others: Pairs,
}

impl<N: Numbers> Interned<N> {
    /// Adds the value of a number to a group; whether it is new there.
    pub(crate) fn insert_number(&mut self, group: u32, number: u32) -> bool {
        if number as usize >= self.owners.len() {
            self.owners.resize(self.values.len().max(number as usize + 1), NOBODY);
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

    /// What gives the numbers.
    pub(crate) fn values_mut(&mut self) -> &mut N {
        &mut self.values
    }

    /// Adds a value to a group: its number, and whether it is new there.
    pub(crate) fn insert(&mut self, group: u32, item: &N::Item) -> (u32, bool) {
        let number = self.values.number(item);
        (number, self.insert_number(group, number))
    }

    /// Takes over the values of another, but not whose they are: their numbers here, by their numbers there.
    pub(crate) fn translate(&mut self, other: &Interned<N>) -> Vec<u32> {
        self.values.translate(&other.values)
    }

    /// Runs something on the value of a number.
    pub(crate) fn with(&self, number: u32, mut body: impl FnMut(&N::Item)) {
        self.values.with(number, &mut body);
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

/// Arrays of groups from pairs of a group and a number in order, of `sizes` elements each. A value that several groups have
/// is made once. Gives their bytes too.
pub(crate) fn dynamics<N: Numbers>(
    cx: &Context,
    values: &Interned<N>,
    order: &[(u32, u32)],
    sizes: &[u32],
    make: impl Fn(&N::Item) -> Dynamic,
) -> Result<(Vec<Option<Dynamic>>, usize), Fault> {
    let mut lists: Vec<Vec<Dynamic>> = sizes.iter().map(|it| Vec::with_capacity(*it as usize)).collect();
    let mut shared: Map<u32, Dynamic> = values.others.iter().map(|it| (*it as u32, Dynamic::Null)).collect();
    let mut bytes = 0;
    for (at, (group, number)) in order.iter().enumerate() {
        if at.is_multiple_of(1 << 16) {
            cx.check()?;
        }
        let Some(list) = lists.get_mut(*group as usize) else { continue };
        let mut place = if shared.is_empty() { None } else { shared.get_mut(number) };
        if let Some(known) = place.as_ref().filter(|it| !it.is_null()) {
            list.push(Dynamic::clone(known));
            continue;
        }
        let mut new = Dynamic::Null;
        values.with(*number, |it| new = make(it));
        bytes += new.bytes();
        if let Some(place) = &mut place {
            **place = new.clone();
        }
        list.push(new);
    }
    bytes += order.len() * size_of::<Dynamic>() + lists.len() * 16;
    Ok((lists.into_iter().map(|it| Some(Dynamic::array(it))).collect(), bytes))
}
