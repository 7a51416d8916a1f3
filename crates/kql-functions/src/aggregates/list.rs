//! `make_list` of scalars: the columns are held as they come, and of each row the group whose list it is in.

use super::collect::check_size;
use crate::aggregate::{Accumulator, same};
use arrow_array::Array;
use kql_data::{Column, Context, Fault, Lists};
use std::any::Any;

/// The group of a row that is in no list.
const NOBODY: u32 = u32::MAX;
/// Bytes that a group takes at most before its list has elements, here or in the column that is made.
const GROUP: usize = 96;
/// Bytes of a column beside its buffers.
const PART: usize = 256;

/// Lists by group.
pub(super) struct RowLists {
    max: usize,
    with_nulls: bool,
    /// Columns and the number of the first row of each.
    parts: Vec<(u32, Column)>,
    /// The group of each row of the columns, or [`NOBODY`].
    groups: Vec<u32>,
    sizes: Vec<u32>,
    bytes: usize,
    /// Bytes behind the elements as values.
    behind: usize,
}

impl RowLists {
    /// Lists of at most so many elements.
    pub(super) fn new(max: usize, with_nulls: bool) -> RowLists {
        let (parts, groups, sizes) = (Vec::new(), Vec::new(), Vec::new());
        RowLists { max, with_nulls, parts, groups, sizes, bytes: 0, behind: 0 }
    }

    /// Adds rows of those groups to the lists that have room. Gives how many found room and the largest size.
    fn push(&mut self, groups: impl Iterator<Item = u32>) -> (usize, u32) {
        let (mut n_kept, mut largest) = (0, 0);
        let (sizes, max) = (&mut self.sizes, self.max);
        let one = |group: u32| match sizes.get_mut(group as usize) {
            Some(size) if (*size as usize) < max => {
                *size += 1;
                largest = largest.max(*size);
                n_kept += 1;
                group
            }
            _ => NOBODY,
        };
        self.groups.extend(groups.map(one));
        (n_kept, largest)
    }

    fn check_room(&self, n_rows: usize) -> Result<(), Fault> {
        match self.groups.len() + n_rows < NOBODY as usize {
            true => Ok(()),
            false => Err(Fault::new("there are more than 4 billion elements of lists")),
        }
    }

    /// Holds the column whose rows were pushed from number `first` on, or only those of its rows that are in lists.
    fn hold(&mut self, column: &Column, first: usize, n_kept: usize) {
        if n_kept == 0 {
            return self.groups.truncate(first);
        }
        let mut part = column.clone();
        if n_kept * 2 < column.len() {
            let new = self.groups.split_off(first);
            let rows: Vec<u32> = new.iter().zip(0..).filter(|it| *it.0 != NOBODY).map(|it| it.1).collect();
            self.groups.extend(new.into_iter().filter(|it| *it != NOBODY));
            part = column.take(&rows);
        }
        self.bytes += part.bytes() + PART;
        self.behind += Lists::behind(&part);
        self.parts.push((first as u32, part));
    }
}

impl Accumulator for RowLists {
    fn resize(&mut self, n_groups: usize) {
        self.sizes.resize(n_groups.max(self.sizes.len()), 0);
    }

    fn update(&mut self, cx: &Context, groups: &[u32], args: &[Column]) -> Result<(), Fault> {
        let Some(column) = args.first() else { return Ok(()) };
        self.check_room(groups.len())?;
        let first = self.groups.len();
        let has_nulls = !self.with_nulls
            && match column {
                Column::String(_) | Column::Dictionary(_) => false,
                Column::Long(it) | Column::Datetime(it) | Column::Timespan(it) => it.null_count() > 0,
                _ => true,
            };
        let (n_kept, largest) = match has_nulls {
            false => self.push(groups.iter().copied()),
            true => {
                self.push(groups.iter().enumerate().map(|(row, it)| if column.is_null(row) { NOBODY } else { *it }))
            }
        };
        self.hold(column, first, n_kept);
        check_size(cx, largest as usize, self.max, "make_list")
    }

    fn merge(&mut self, cx: &Context, other: Box<dyn Accumulator>, groups: &[u32]) -> Result<(), Fault> {
        let other = same::<RowLists>(other)?;
        self.check_room(other.groups.len())?;
        let first = self.groups.len() as u32;
        let translated = |it: &u32| groups.get(*it as usize).copied().unwrap_or(NOBODY);
        let (_, largest) = self.push(other.groups.iter().map(translated));
        self.parts.extend(other.parts.into_iter().map(|(from, it)| (first + from, it)));
        self.bytes += other.bytes;
        self.behind += other.behind;
        check_size(cx, largest as usize, self.max, "make_list")
    }

    fn finish(self: Box<Self>, _: &Context) -> Result<Vec<Column>, Fault> {
        let items = self.groups.iter().copied().zip(0..).filter(|it| it.0 != NOBODY);
        Ok(vec![Column::Lists(Lists::new(&self.sizes, items, self.parts, self.behind))])
    }

    fn bytes(&self) -> usize {
        self.bytes + self.groups.capacity() * 8 + self.sizes.capacity() * GROUP
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }
}

#[cfg(test)]
mod tests {
    use crate::aggregate::testing::{json, run, run_split, values};
    use kql_data::{Column, Type, Value};

    #[test]
    fn lists_that_are_full_hold_no_more_rows() {
        let n_rows = 10_000;
        let texts = Column::strings((0..n_rows).map(|it| format!("t{it}")));
        let limit = Column::constant(Value::Long(3), Type::Long, n_rows);
        let groups: Vec<u32> = (0..n_rows as u32).map(|it| it % 2).collect();
        let args = [texts, limit];
        let whole = run("make_list", &groups, &args);
        let expected = [r#"["t0","t2","t4"]"#, r#"["t1","t3","t5"]"#];
        assert_eq!(values(&whole).iter().map(Value::text).collect::<Vec<String>>(), expected);
        assert!(whole[0].bytes() < 2_000, "{}", whole[0].bytes());
        assert_eq!(values(&run_split("make_list", &groups, &args, &[1, 2, 5_000], 1_000)), values(&whole));
    }

    #[test]
    fn constants_and_nulls() {
        let text = Column::constant(Value::String("k".into()), Type::String, 2);
        assert_eq!(json("make_list", &[text]), r#"["k","k"]"#);
        assert_eq!(json("make_list", &[Column::null(Type::Guid, 2)]), "[]");
        assert_eq!(json("make_list_with_nulls", &[Column::null(Type::Long, 2)]), "[null,null]");
    }
}
