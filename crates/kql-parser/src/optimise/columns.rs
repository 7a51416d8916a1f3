//! Sets of column numbers, a bit each: wide tables under many nodes make many of them.

/// Column numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Columns(Vec<u64>);

impl Columns {
    /// The first so many.
    pub(super) fn first(count: usize) -> Columns {
        (0..count).collect()
    }

    pub(super) fn insert(&mut self, column: usize) {
        let at = column / 64;
        if at >= self.0.len() {
            self.0.resize(at + 1, 0);
        }
        if let Some(word) = self.0.get_mut(at) {
            *word |= 1 << (column % 64);
        }
    }

    pub(super) fn contains(&self, column: usize) -> bool {
        self.0.get(column / 64).is_some_and(|it| it & (1 << (column % 64)) != 0)
    }

    /// Adds those of another set.
    pub(super) fn add(&mut self, other: &Columns) {
        if other.0.len() > self.0.len() {
            self.0.resize(other.0.len(), 0);
        }
        for (word, other) in self.0.iter_mut().zip(&other.0) {
            *word |= other;
        }
    }

    /// In ascending order.
    pub(super) fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        self.0
            .iter()
            .enumerate()
            .filter(|it| *it.1 != 0)
            .flat_map(|(at, word)| (0..64).filter(move |bit| word & (1 << bit) != 0).map(move |bit| at * 64 + bit))
    }
}

impl FromIterator<usize> for Columns {
    fn from_iter<I: IntoIterator<Item = usize>>(columns: I) -> Columns {
        let mut it = Columns::default();
        it.extend(columns);
        it
    }
}

impl Extend<usize> for Columns {
    fn extend<I: IntoIterator<Item = usize>>(&mut self, columns: I) {
        columns.into_iter().for_each(|it| self.insert(it));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_come_in_order_and_once() {
        let mut columns: Columns = [200, 3, 64, 3].into_iter().collect();
        columns.add(&[0, 63].into_iter().collect());
        assert_eq!(columns.iter().collect::<Vec<_>>(), [0, 3, 63, 64, 200]);
        assert!(columns.contains(64) && !columns.contains(65) && !columns.contains(9_999));
        assert_eq!(Columns::first(130).iter().count(), 130);
    }
}
