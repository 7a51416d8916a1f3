//! Which parts of a dynamic column are read: whole values, or the slots under some paths.

use crate::Map;
use std::sync::Arc;

/// Keys of a path that count: what lies deeper is read as a whole.
const PATH_MAX: usize = 32;

/// What of the values of a dynamic column is read.
#[derive(Clone, Debug, PartialEq)]
pub enum Slots {
    /// Whole values.
    All,
    /// What is no bag as a whole, and of bags these slots.
    Only(Arc<Map<String, Slots>>),
}

impl Slots {
    /// No slot of a bag.
    pub fn none() -> Slots {
        Slots::Only(Arc::default())
    }

    /// What is read of values of which `self` is read under a path.
    pub fn under(self, path: &[&str]) -> Slots {
        let (path, inner) = match path.get(..PATH_MAX) {
            Some(first) => (first, Slots::All),
            None => (path, self),
        };
        path.iter()
            .rev()
            .fold(inner, |inner, key| Slots::Only(Arc::new([((*key).to_owned(), inner)].into_iter().collect())))
    }

    /// Also reads what the other reads.
    pub fn add(&mut self, other: &Slots) {
        match (&mut *self, other) {
            (Slots::All, _) => {}
            (_, Slots::All) => *self = Slots::All,
            (Slots::Only(own), Slots::Only(others)) => {
                let own = Arc::make_mut(own);
                for (key, other) in others.iter() {
                    match own.get_mut(key) {
                        Some(known) => known.add(other),
                        None => _ = own.insert(key.clone(), other.clone()),
                    }
                }
            }
        }
    }

    /// Whether the other reads all that is read here.
    pub fn is_within(&self, other: &Slots) -> bool {
        match (self, other) {
            (_, Slots::All) => true,
            (Slots::All, _) => false,
            (Slots::Only(own), Slots::Only(others)) => {
                own.iter().all(|(key, it)| others.get(key).is_some_and(|other| it.is_within(other)))
            }
        }
    }

    /// What is read of the values of a slot; `None` when the slot is not read.
    pub fn of(&self, key: &str) -> Option<Slots> {
        match self {
            Slots::All => Some(Slots::All),
            Slots::Only(slots) => slots.get(key).cloned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_join() {
        let mut slots = Slots::All.under(&["user", "email"]);
        assert!(slots.of("ip").is_none() && slots.of("user").unwrap().of("id").is_none());
        assert_eq!(slots.of("user").unwrap().of("email"), Some(Slots::All));
        slots.add(&Slots::All.under(&["user", "id"]));
        slots.add(&Slots::All.under(&["ip"]));
        assert!(Slots::All.under(&["user", "id", "x"]).is_within(&slots));
        assert!(!Slots::All.under(&["user"]).is_within(&slots) && !Slots::All.is_within(&slots));
        slots.add(&Slots::All.under(&["user"]));
        assert_eq!(slots.of("user"), Some(Slots::All));
        assert!(slots.is_within(&Slots::All) && Slots::none().is_within(&slots));
        assert_eq!(Slots::All.under(&[]), Slots::All);
    }

    #[test]
    fn paths_end_somewhere() {
        let keys = vec!["a"; 100_000];
        let deep = Slots::All.under(&keys);
        let found = (0..PATH_MAX).try_fold(deep, |slots, _| slots.of("a"));
        assert_eq!(found, Some(Slots::All));
    }
}
