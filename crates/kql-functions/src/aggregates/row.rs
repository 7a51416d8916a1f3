//! Aggregates that pick one row of a group: `arg_max`, `arg_min`, `take_any`.
//!
//! The values of picked rows are held as columns: each batch adds those rows of it that won, and rows that lost since are
//! dropped once they are more than half.

use crate::{
    aggregate::{
        Accumulator, Aggregate, AggregateCall, Outputs,
        filter::{PREDICATE, filtered},
        same,
    },
    declare::{
        Accepts, Naming, Overload, Param, Returns,
        types::{self, Argument},
    },
};
use kql_data::{Column, Context, Decimal, Fault, NO_ROW, Type};
use std::any::Any;

const RETURNED: Param = Param::new("returned", Accepts::Scalar);
const EXPR: Param = Param::new("expr", Accepts::Scalar);

const fn by(params: &'static [Param]) -> Overload {
    Overload { params, rest: Some((RETURNED, 0, 32_767)), returns: Returns::Argument(0), kernel: None }
}
const MAXIMIZED: &[Overload] = &[by(&[Param::new("maximized", Accepts::Orderable)])];
const MINIMIZED: &[Overload] = &[by(&[Param::new("minimized", Accepts::Orderable)])];
const EACH: &[Overload] =
    &[Overload { params: &[], rest: Some((EXPR, 1, 32_767)), returns: Returns::Argument(0), kernel: None }];
const ONE: &[Overload] = &[Overload { params: &[EXPR], rest: None, returns: Returns::Argument(0), kernel: None }];
const ONE_IF: &[Overload] =
    &[Overload { params: &[EXPR, PREDICATE], rest: None, returns: Returns::Argument(0), kernel: None }];

/// The aggregates of this family.
pub const AGGREGATES: &[Aggregate] = &[
    Aggregate::new(
        "arg_max",
        "The row with the largest `maximized`: that value, and the values of the further arguments there (`*` for every other \
         column). Null loses to any value; of equal rows it is the first.\n\n    \
         datatable(t:long, v:string)[1, \"a\", 3, \"b\", 2, \"c\"] | summarize arg_max(t, v) | project v => \"b\"\n",
        MAXIMIZED,
        |call| extreme(call, true),
    )
    .outputs(Outputs::Arguments("max")),
    Aggregate::new(
        "arg_min",
        "The row with the smallest `minimized`: that value, and the values of the further arguments there (`*` for every \
         other column). Null loses to any value; of equal rows it is the first.\n\n    \
         datatable(t:long, v:string)[2, \"a\", 1, \"b\", 3, \"c\"] | summarize arg_min(t, v) | project v => \"b\"\n",
        MINIMIZED,
        |call| extreme(call, false),
    )
    .outputs(Outputs::Arguments("min")),
    Aggregate::new(
        "argmax",
        "The old name of `arg_max`; its columns are named by prefix.\n\n    \
         datatable(t:long, v:string)[1, \"a\", 3, \"b\"] | summarize argmax(t, v) | project max_t_v => \"b\"\n",
        MAXIMIZED,
        |call| extreme(call, true),
    )
    .outputs(Outputs::PrefixedArguments("max")),
    Aggregate::new(
        "argmin",
        "The old name of `arg_min`; its columns are named by prefix.\n\n    \
         datatable(t:long, v:string)[2, \"a\", 1, \"b\"] | summarize argmin(t, v) | project min_t_v => \"b\"\n",
        MINIMIZED,
        |call| extreme(call, false),
    )
    .outputs(Outputs::PrefixedArguments("min")),
    Aggregate::new(
        "take_any",
        "The values of one row of the group, here the first; of a single argument the first that is neither null nor empty, \
         if there is one.\n\n    datatable(x:string)[\"\", \"a\", \"b\"] | summarize take_any(x) => \"a\"\n",
        EACH,
        any_row,
    )
    .naming(Naming::FirstArgument)
    .outputs(Outputs::Each),
    Aggregate::new(
        "any",
        "The old name of `take_any`; its columns are named by prefix.\n\n    \
         datatable(x:long)[long(null), 5] | summarize any(x) => 5\n",
        EACH,
        any_row,
    )
    .outputs(Outputs::PrefixedEach("any")),
    Aggregate::new(
        "take_anyif",
        "`take_any` over the rows for which `predicate` is true.\n\n    \
         datatable(x:long)[1, 5] | summarize take_anyif(x, x > 2) => 5\n",
        ONE_IF,
        |call| filtered(call, 1, any_row),
    )
    .naming(Naming::FirstArgument),
    Aggregate::new(
        "anyif",
        "The old name of `take_anyif`.\n\n    datatable(x:long)[1, 5] | summarize anyif(x, x > 2) => 5\n",
        ONE_IF,
        |call| filtered(call, 1, any_row),
    ),
    Aggregate::new(
        "passthrough",
        "The value of `expr` of a group that has only one.\n\n    \
         datatable(x:long)[5] | summarize passthrough(x) => 5\n",
        ONE,
        any_row,
    )
    .naming(Naming::FirstArgument),
];

/// What a row is picked by.
trait Key: Argument {
    /// As it is held.
    type Held: Clone + Send + 'static;
    /// To hold it.
    fn hold(item: Self::Item<'_>) -> Self::Held;
    /// Whether a value beats one that is held.
    fn beats(item: &Self::Item<'_>, held: &Self::Held, largest: bool) -> bool;
    /// The same of two that are held.
    fn held_beats(other: &Self::Held, held: &Self::Held, largest: bool) -> bool;
    /// The values of a column that are held as they are, of types that have such columns.
    fn plain<'a>(reader: &'a Self::Reader<'_>) -> Option<&'a [Self::Held]>;
}

macro_rules! keys {
    ($($name:ty: $held:ty, $hold:expr, $beats:expr, $plain:expr;)*) => {$(
        impl Key for $name {
            type Held = $held;
            #[inline]
            fn hold(item: Self::Item<'_>) -> $held {
                $hold(item)
            }
            #[inline]
            fn beats(item: &Self::Item<'_>, held: &$held, largest: bool) -> bool {
                $beats(item.as_ref_key(), held.as_ref_key(), largest)
            }
            #[inline]
            fn held_beats(other: &$held, held: &$held, largest: bool) -> bool {
                $beats(other.as_ref_key(), held.as_ref_key(), largest)
            }
            fn plain<'a>(reader: &'a Self::Reader<'_>) -> Option<&'a [$held]> {
                $plain(reader)
            }
        }
    )*};
}

/// Lets one comparison serve a value of a row and a held one.
trait AsRefKey {
    type Target: ?Sized;
    fn as_ref_key(&self) -> &Self::Target;
}
macro_rules! as_itself {
    ($($ty:ty),*) => {$( impl AsRefKey for $ty { type Target = $ty; #[inline] fn as_ref_key(&self) -> &$ty { self } } )*};
}
as_itself!(bool, i32, i64, u128, f64, Decimal);
impl AsRefKey for &str {
    type Target = str;
    fn as_ref_key(&self) -> &str {
        self
    }
}
impl AsRefKey for Box<str> {
    type Target = str;
    fn as_ref_key(&self) -> &str {
        self
    }
}

#[inline]
fn ordered<T: PartialOrd + ?Sized>(a: &T, b: &T, largest: bool) -> bool {
    if largest { a > b } else { a < b }
}

/// NaN loses to any number.
#[inline]
fn ordered_real(a: &f64, b: &f64, largest: bool) -> bool {
    ordered(a, b, largest) || (b.is_nan() && !a.is_nan())
}

keys! {
    types::int: i32, |it| it, ordered, plain;
    types::long: i64, |it| it, ordered, plain;
    types::datetime: i64, |it| it, ordered, plain;
    types::timespan: i64, |it| it, ordered, plain;
    types::real: f64, |it| it, ordered_real, plain;
    types::decimal: Decimal, |it| it, ordered, |_| None;
    types::string: Box<str>, Box::from, ordered, |_| None;
    types::guid: u128, |it| it, ordered, |_| None;
    bool: bool, |it| it, ordered, |_| None;
}

fn plain<'a, T>(reader: &'a types::Primitives<'_, T>) -> Option<&'a [T]> {
    if let types::Primitives::Plain(values) = reader { Some(values) } else { None }
}

fn extreme(call: &AggregateCall, largest: bool) -> Result<Box<dyn Accumulator>, Fault> {
    let types = call.types.clone();
    Ok(match call.ty(0) {
        Type::Int => Extreme::<types::int>::boxed(types, largest),
        Type::Long => Extreme::<types::long>::boxed(types, largest),
        Type::Real => Extreme::<types::real>::boxed(types, largest),
        Type::Decimal => Extreme::<types::decimal>::boxed(types, largest),
        Type::Datetime => Extreme::<types::datetime>::boxed(types, largest),
        Type::Timespan => Extreme::<types::timespan>::boxed(types, largest),
        Type::String => Extreme::<types::string>::boxed(types, largest),
        Type::Bool => Extreme::<bool>::boxed(types, largest),
        Type::Guid => Extreme::<types::guid>::boxed(types, largest),
        other => return Err(Fault::new(format!("a {other} cannot be ordered"))),
    })
}

fn any_row(call: &AggregateCall) -> Result<Box<dyn Accumulator>, Fault> {
    Ok(Box::new(AnyRow { rows: Picked::new(call.types.clone()), is_full: Vec::new() }))
}

/// The picked row of each group.
struct Picked {
    types: Vec<Type>,
    /// Parts that hold picked rows, one after the other.
    parts: Vec<Vec<Column>>,
    n_rows: usize,
    /// For each group its row among the parts, or [`NO_ROW`].
    slots: Vec<u32>,
    /// For each group the row that won among those that wait and those of the present batch, or [`NO_ROW`].
    pending: Vec<u32>,
    touched: Vec<u32>,
    /// Batches with rows that are pending, of which many may still lose: their columns and rows.
    waiting: Vec<(Vec<Column>, usize)>,
    n_waiting: usize,
    bytes_waiting: usize,
    bytes: usize,
}

/// Batches that wait at most, and bytes of their columns.
const WAITING_MAX: usize = 64;
const WAITING_BYTES_MAX: usize = 16 << 20;

impl Picked {
    fn new(types: Vec<Type>) -> Picked {
        let (parts, slots, pending, touched) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let waiting = Vec::new();
        Picked { types, parts, n_rows: 0, slots, pending, touched, waiting, n_waiting: 0, bytes_waiting: 0, bytes: 0 }
    }

    fn resize(&mut self, n_groups: usize) {
        if n_groups > self.slots.len() {
            self.slots.resize(n_groups, NO_ROW);
            self.pending.resize(n_groups, NO_ROW);
        }
    }

    fn is_empty(&self, group: u32) -> bool {
        let (slot, pending) = (self.slots.get(group as usize), self.pending.get(group as usize));
        slot.is_none_or(|it| *it == NO_ROW) && pending.is_none_or(|it| *it == NO_ROW)
    }

    /// A row of the present batch is the group's.
    #[inline]
    fn pick(&mut self, group: u32, row: usize) {
        if let Some(pending) = self.pending.get_mut(group as usize) {
            if *pending == NO_ROW {
                self.touched.push(group);
            }
            *pending = (self.n_waiting + row) as u32;
        }
    }

    /// Holds the rows picked from those columns, or, while that is little, the columns: their next rows may win.
    fn settle(&mut self, columns: &[Column]) -> Result<(), Fault> {
        if self.touched.is_empty() {
            return Ok(());
        }
        let columns: Vec<Column> = columns.iter().take(self.types.len()).cloned().collect();
        let n_rows = columns.first().map_or(0, Column::len);
        self.bytes_waiting += columns.iter().map(Column::bytes).sum::<usize>();
        // Nobody tells what a tree takes.
        let has_tree = columns.iter().any(|it| matches!(it, Column::Shredded(_)));
        self.waiting.push((columns, n_rows));
        self.n_waiting += n_rows;
        let is_much = self.waiting.len() >= WAITING_MAX || self.bytes_waiting > WAITING_BYTES_MAX;
        if is_much || has_tree { self.hold() } else { Ok(()) }
    }

    /// Holds the rows picked from the columns that wait.
    fn hold(&mut self) -> Result<(), Fault> {
        let mut touched = std::mem::take(&mut self.touched);
        let pending_of = |group: &u32| self.pending.get(*group as usize).copied().unwrap_or(NO_ROW);
        if self.waiting.len() > 1 {
            touched.sort_unstable_by_key(pending_of);
        }
        let (mut touched, mut first) = (touched.as_slice(), 0);
        for (columns, n_rows) in std::mem::take(&mut self.waiting) {
            let end = first + n_rows;
            let n_here = match self.n_waiting == end {
                true => touched.len(),
                false => touched
                    .partition_point(|it| (self.pending.get(*it as usize).copied().unwrap_or(NO_ROW) as usize) < end),
            };
            let (here, later) = touched.split_at(n_here);
            let mut rows = Vec::with_capacity(here.len());
            for group in here {
                let group = *group as usize;
                if let (Some(slot), Some(pending)) = (self.slots.get_mut(group), self.pending.get_mut(group)) {
                    *slot = (self.n_rows + rows.len()) as u32;
                    rows.push((std::mem::replace(pending, NO_ROW) as usize - first) as u32);
                }
            }
            if !rows.is_empty() {
                let part: Vec<Column> = columns.iter().map(|it| it.take(&rows)).collect();
                self.bytes += part.iter().map(Column::bytes).sum::<usize>();
                self.parts.push(part);
                self.n_rows += rows.len();
            }
            (touched, first) = (later, end);
        }
        (self.n_waiting, self.bytes_waiting) = (0, 0);
        if self.n_rows > 2 * self.slots.len() + 4_096 { self.compact() } else { Ok(()) }
    }

    /// Drops rows that are no group's any more.
    fn compact(&mut self) -> Result<(), Fault> {
        let live: Vec<u32> = self.slots.iter().copied().filter(|it| *it != NO_ROW).collect();
        let columns = self.columns(&live)?;
        for (next, slot) in self.slots.iter_mut().filter(|it| **it != NO_ROW).enumerate() {
            *slot = next as u32;
        }
        self.n_rows = live.len();
        self.bytes = columns.iter().map(Column::bytes).sum();
        self.parts = vec![columns];
        Ok(())
    }

    /// Those rows of the parts.
    fn columns(&self, rows: &[u32]) -> Result<Vec<Column>, Fault> {
        let column = |(index, ty): (usize, &Type)| {
            let parts: Vec<Column> = self.parts.iter().filter_map(|it| it.get(index).cloned()).collect();
            if parts.is_empty() {
                return Ok(Column::null(*ty, rows.len()));
            }
            Ok(Column::concat(*ty, &parts)?.take(rows))
        };
        self.types.iter().enumerate().map(column).collect()
    }

    fn finish(&mut self) -> Result<Vec<Column>, Fault> {
        self.hold()?;
        self.columns(&self.slots)
    }

    fn bytes(&self) -> usize {
        // Settling makes new columns beside the old ones.
        self.bytes_waiting + 2 * self.bytes + self.slots.capacity() * 8
    }
}

/// The row of each group with the best key.
struct Extreme<K: Key> {
    largest: bool,
    keys: Vec<Option<K::Held>>,
    rows: Picked,
}

impl<K: Key + 'static> Extreme<K> {
    fn boxed(types: Vec<Type>, largest: bool) -> Box<dyn Accumulator> {
        Box::new(Extreme::<K> { largest, keys: Vec::new(), rows: Picked::new(types) })
    }

    /// Rows without nulls.
    fn update_plain(&mut self, groups: &[u32], values: &[K::Held], beats: impl Fn(&K::Held, &K::Held) -> bool) {
        for (row, (group, value)) in groups.iter().zip(values).enumerate() {
            let Some(held) = self.keys.get_mut(*group as usize) else { continue };
            if held.as_ref().is_none_or(|held| beats(value, held)) {
                *held = Some(value.clone());
                self.rows.pick(*group, row);
            }
        }
    }
}

impl<K: Key + 'static> Accumulator for Extreme<K> {
    fn resize(&mut self, n_groups: usize) {
        self.keys.resize(n_groups.max(self.keys.len()), None);
        self.rows.resize(n_groups);
    }

    fn update(&mut self, cx: &Context, groups: &[u32], args: &[Column]) -> Result<(), Fault> {
        let Some(column) = args.first() else { return Ok(()) };
        let reader = K::reader(cx, column)?;
        if let Some(values) = K::plain(&reader) {
            match self.largest {
                true => self.update_plain(groups, values, |a, b| K::held_beats(a, b, true)),
                false => self.update_plain(groups, values, |a, b| K::held_beats(a, b, false)),
            }
            return self.rows.settle(args);
        }
        for (row, group) in groups.iter().enumerate() {
            let Some(held) = self.keys.get_mut(*group as usize) else { continue };
            match K::get(&reader, cx, row)? {
                Some(item) => {
                    if held.as_ref().is_none_or(|held| K::beats(&item, held, self.largest)) {
                        *held = Some(K::hold(item));
                        self.rows.pick(*group, row);
                    }
                }
                None => {
                    if self.rows.is_empty(*group) {
                        self.rows.pick(*group, row);
                    }
                }
            }
        }
        self.rows.settle(args)
    }

    fn merge(&mut self, _: &Context, other: Box<dyn Accumulator>, groups: &[u32]) -> Result<(), Fault> {
        let mut other = same::<Extreme<K>>(other)?;
        let columns = other.rows.finish()?;
        for (row, (key, group)) in other.keys.into_iter().zip(groups).enumerate() {
            let Some(held) = self.keys.get_mut(*group as usize) else { continue };
            if other.rows.is_empty(row as u32) {
                continue;
            }
            let wins = match (&key, &*held) {
                (Some(key), Some(held)) => K::held_beats(key, held, self.largest),
                (Some(_), None) => true,
                (None, _) => self.rows.is_empty(*group),
            };
            if wins {
                *held = key;
                self.rows.pick(*group, row);
            }
        }
        self.rows.settle(&columns)
    }

    fn finish(mut self: Box<Self>, _: &Context) -> Result<Vec<Column>, Fault> {
        self.rows.finish()
    }

    fn bytes(&self) -> usize {
        self.rows.bytes() + self.keys.capacity() * size_of::<Option<K::Held>>()
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }
}

/// The first row of each group; for a single argument the first that is neither null nor empty.
struct AnyRow {
    rows: Picked,
    /// Whether the group's row is such.
    is_full: Vec<bool>,
}

impl AnyRow {
    fn offer(&mut self, group: u32, row: usize, is_full: bool) {
        let was_empty = self.rows.is_empty(group);
        let Some(full) = self.is_full.get_mut(group as usize) else { return };
        if was_empty || (is_full && !*full) {
            *full = is_full;
            self.rows.pick(group, row);
        }
    }
}

impl Accumulator for AnyRow {
    fn resize(&mut self, n_groups: usize) {
        self.is_full.resize(n_groups.max(self.is_full.len()), false);
        self.rows.resize(n_groups);
    }

    fn update(&mut self, _: &Context, groups: &[u32], args: &[Column]) -> Result<(), Fault> {
        let strings = args.first().filter(|it| it.ty() == Type::String).map(Column::string_reader);
        for (row, group) in groups.iter().enumerate() {
            if self.is_full.get(*group as usize).is_none_or(|it| *it) {
                continue;
            }
            let is_full = match (args, &strings) {
                (_, Some(reader)) if args.len() == 1 => !reader.get(row).is_empty(),
                ([only], None) => !only.is_null(row),
                _ => true,
            };
            self.offer(*group, row, is_full);
        }
        self.rows.settle(args)
    }

    fn merge(&mut self, _: &Context, other: Box<dyn Accumulator>, groups: &[u32]) -> Result<(), Fault> {
        let mut other = same::<AnyRow>(other)?;
        let columns = other.rows.finish()?;
        for (row, (is_full, group)) in other.is_full.iter().zip(groups).enumerate() {
            if !other.rows.is_empty(row as u32) {
                self.offer(*group, row, *is_full);
            }
        }
        self.rows.settle(&columns)
    }

    fn finish(mut self: Box<Self>, _: &Context) -> Result<Vec<Column>, Fault> {
        self.rows.finish()
    }

    fn bytes(&self) -> usize {
        self.rows.bytes() + self.is_full.capacity()
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }
}

#[cfg(test)]
mod tests {
    use crate::aggregate::testing::{one, run, run_split};
    use kql_data::{Column, Type, Value};

    fn row(columns: &[Column], row: usize) -> Vec<Value> {
        columns.iter().map(|it| it.value(row)).collect()
    }

    #[test]
    fn null_loses_and_the_first_of_equals_stays() {
        let version = Column::Int(vec![None, Some(1), None, None, Some(1), Some(2)].into());
        let color = Column::strings(["green", "red", "yellow", "green", "brown", "lime"]);
        let groups = [0, 0, 1, 1, 2, 2];
        for res in [
            run("arg_max", &groups, &[version.clone(), color.clone()]),
            run_split("arg_max", &groups, &[version.clone(), color.clone()], &[1, 3], 1),
        ] {
            assert_eq!(row(&res, 0), [Value::Int(1), Value::String("red".into())]);
            assert_eq!(row(&res, 1), [Value::Null, Value::String("yellow".into())]);
            assert_eq!(row(&res, 2), [Value::Int(2), Value::String("lime".into())]);
        }
        let res = run("arg_min", &groups, &[version, color]);
        assert_eq!(row(&res, 2), [Value::Int(1), Value::String("brown".into())]);
    }

    #[test]
    fn rows_that_lost_are_dropped() {
        let x = Column::longs((0..50_000).collect());
        let groups: Vec<u32> = (0..50_000).map(|it| it % 3).collect();
        let res = run_split("arg_max", &groups, &[x.clone(), x], &[20_000], 7);
        assert_eq!(row(&res, 1), [Value::Long(49_999), Value::Long(49_999)]);
        assert_eq!(row(&res, 2), [Value::Long(49_998 - 1), Value::Long(49_997)]);
    }

    #[test]
    fn any_prefers_values() {
        assert_eq!(one("take_any", &[Column::strings(["", "a", "b"])]), Value::String("a".into()));
        assert_eq!(one("take_any", &[Column::Long(vec![None, Some(2)].into())]), Value::Long(2));
        let res = run("take_any", &[0, 0], &[Column::strings(["", "a"]), Column::longs(vec![1, 2])]);
        assert_eq!(row(&res, 0), [Value::String("".into()), Value::Long(1)]);
        assert_eq!(one("take_any", &[Column::null(Type::Long, 0)]), Value::Null);
        assert_eq!(row(&run("arg_max", &[], &[Column::null(Type::Long, 0)]), 0), [Value::Null]);
    }
}
