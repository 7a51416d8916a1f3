//! The rows of the right side by the number of their key.

use crate::group::{NO_GROUP, RowsByGroup};
use kql_data::NO_ROW;

/// Rows of the right side by key.
pub(super) enum Matches {
    /// No key has more than one.
    One(Vec<u32>),
    Many(RowsByGroup),
}

impl Matches {
    /// The rows with those numbers, which are below `n_keys`, or [`NO_GROUP`].
    pub(super) fn new(numbers: &[u32], n_keys: usize) -> Matches {
        let mut row_of = vec![NO_ROW; n_keys];
        for (row, number) in numbers.iter().enumerate() {
            match row_of.get_mut(*number as usize) {
                Some(slot) if *slot == NO_ROW => *slot = row as u32,
                Some(_) => return Matches::Many(RowsByGroup::new(numbers, n_keys)),
                None => {}
            }
        }
        Matches::One(row_of)
    }

    /// The rows of a key, in their order.
    #[inline]
    pub(super) fn get(&self, number: u32) -> &[u32] {
        match self {
            Matches::One(rows) => match rows.get(number as usize) {
                Some(row) if *row != NO_ROW => std::slice::from_ref(row),
                _ => &[],
            },
            Matches::Many(rows) => rows.get(number),
        }
    }
}

/// How many rows have each number; those of [`NO_GROUP`] are left out.
pub(super) fn counts(numbers: &[u32], n_keys: usize) -> Vec<u32> {
    let mut counts = vec![0_u32; n_keys];
    for number in numbers {
        if let Some(it) = counts.get_mut(*number as usize) {
            *it += 1;
        }
    }
    counts
}

/// Keys that some row has.
pub(super) struct Present(Vec<bool>);

impl Present {
    /// Those numbers.
    pub(super) fn new<'a>(numbers: impl IntoIterator<Item = &'a u32>, n_keys: usize) -> Present {
        let mut is_there = vec![false; n_keys];
        for number in numbers {
            if let Some(it) = is_there.get_mut(*number as usize) {
                *it = true;
            }
        }
        Present(is_there)
    }

    /// Whether a row has that number; none has [`NO_GROUP`].
    #[inline]
    pub(super) fn has(&self, number: u32) -> bool {
        self.0.get(number as usize).copied().unwrap_or(false)
    }
}

/// `innerunique`: only the first left row of each key takes part.
pub(super) fn keep_first_of_key(numbers: &mut [u32], seen: &mut [bool]) {
    for number in numbers {
        match seen.get_mut(*number as usize) {
            Some(it) if !*it => *it = true,
            _ => *number = NO_GROUP,
        }
    }
}
