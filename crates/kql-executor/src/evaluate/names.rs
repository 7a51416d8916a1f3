//! Names of columns that do not collide.

use kql_data::Set;

/// Names that are taken.
#[derive(Debug, Default)]
pub(super) struct Names(Set<String>);

impl Names {
    pub(super) fn new<'n>(taken: impl IntoIterator<Item = &'n str>) -> Names {
        Names(taken.into_iter().map(str::to_owned).collect())
    }

    /// The name, or the first free one of name1, name2, …; it is taken then.
    pub(super) fn take(&mut self, name: &str) -> String {
        let mut free = name.to_owned();
        let mut n = 0;
        while !self.0.insert(free.clone()) {
            n += 1;
            free = format!("{name}{n}");
        }
        free
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.0.contains(name)
    }
}
