//! Lists, sets and bags of the values of a group, and exact distinct counts.

use super::{distinct::Distinct, list::RowLists};
use crate::{
    aggregate::{
        Accumulator, Aggregate, AggregateCall, SMALLEST,
        filter::{PREDICATE, filtered},
        same,
    },
    declare::{Accepts, Naming, Overload, Param, Returns},
};
use kql_data::{Bag, Boxed, Column, Context, Dynamic, DynamicReader, Fault, Type};
use std::any::Any;

/// Elements that a list, set or bag has at most in the language.
const LANGUAGE_MAX: usize = 1 << 20;
/// Elements that the old names give unless told otherwise.
const OLD_DEFAULT: usize = 128;

const EXPR: Param = Param::new("expr", Accepts::Scalar);
const BAG: Param = Param::new("expr", Accepts::Bag);
const MAX_SIZE: Param = Param::new("maxSize", Accepts::Integer).cast(Type::Long).constant();

const fn gives(params: &'static [Param]) -> Overload {
    Overload { params, rest: None, returns: Returns::Type(Type::Dynamic), kernel: None }
}
const fn counts(params: &'static [Param]) -> Overload {
    Overload { params, rest: None, returns: Returns::Type(Type::Long), kernel: None }
}

const PLAIN: &[Overload] = &[gives(&[EXPR]), gives(&[EXPR, MAX_SIZE])];
const CONDITIONAL: &[Overload] = &[gives(&[EXPR, PREDICATE]), gives(&[EXPR, PREDICATE, MAX_SIZE])];
const BAGS: &[Overload] = &[gives(&[BAG]), gives(&[BAG, MAX_SIZE])];
const BAGS_IF: &[Overload] = &[gives(&[BAG, PREDICATE]), gives(&[BAG, PREDICATE, MAX_SIZE])];

/// The aggregates of this family.
pub const AGGREGATES: &[Aggregate] = &[
    Aggregate::new(
        "make_list",
        "All values of `expr` as an array, in the order of the input. Nulls are left out; arrays give their elements. No more \
         than `maxSize` elements, 1,048,576 by default.\n\n    \
         datatable(x:long)[1, long(null), 2, 1] | summarize make_list(x) => dynamic([1, 2, 1])\n",
        PLAIN,
        |call| list(call, LANGUAGE_MAX),
    )
    .naming(Naming::Prefix("list")),
    Aggregate::new(
        "make_list_if",
        "`make_list` over the rows for which `predicate` is true.\n\n    \
         datatable(x:long)[1, 2, 3] | summarize make_list_if(x, x > 1) => dynamic([2, 3])\n",
        CONDITIONAL,
        |call| filtered(call, 1, |call| list(call, LANGUAGE_MAX)),
    )
    .naming(Naming::Prefix("list")),
    Aggregate::new(
        "makelist",
        "The old name of `make_list`; no more than 128 elements by default.\n\n    \
         datatable(x:long)[1, 2] | summarize makelist(x) => dynamic([1, 2])\n",
        PLAIN,
        |call| list(call, OLD_DEFAULT),
    )
    .naming(Naming::Prefix("list")),
    Aggregate::new(
        "make_list_with_nulls",
        "All values of `expr` as an array, nulls too, in the order of the input.\n\n    \
         datatable(x:long)[1, long(null), 2] | summarize make_list_with_nulls(x) => dynamic([1, null, 2])\n",
        &[gives(&[EXPR])],
        |call| Ok(any_list(call, LANGUAGE_MAX, true)),
    )
    .naming(Naming::Prefix("list")),
    Aggregate::new(
        "make_set",
        "The distinct values of `expr` as an array, in the order of their first appearance. Nulls are left out; arrays give \
         their elements. No more than `maxSize` elements, 1,048,576 by default.\n\n    \
         datatable(x:long)[1, long(null), 2, 1] | summarize make_set(x) => dynamic([1, 2])\n",
        PLAIN,
        |call| set(call, LANGUAGE_MAX),
    )
    .naming(Naming::Prefix("set")),
    Aggregate::new(
        "make_set_if",
        "`make_set` over the rows for which `predicate` is true.\n\n    \
         datatable(x:long)[1, 2, 2] | summarize make_set_if(x, x > 1) => dynamic([2])\n",
        CONDITIONAL,
        |call| filtered(call, 1, |call| set(call, LANGUAGE_MAX)),
    )
    .naming(Naming::Prefix("set")),
    Aggregate::new(
        "makeset",
        "The old name of `make_set`; no more than 128 elements by default.\n\n    \
         datatable(x:long)[1, 2, 2] | summarize makeset(x) => dynamic([1, 2])\n",
        PLAIN,
        |call| set(call, OLD_DEFAULT),
    )
    .naming(Naming::Prefix("set")),
    Aggregate::new(
        "make_bag",
        "All slots of the bags `expr` in one bag; of a key that appears twice the first value stays. What is no bag is left \
         out. No more than `maxSize` slots, 1,048,576 by default.\n\n    \
         datatable(d:dynamic)[dynamic({\"a\":1}), dynamic({\"b\":2})] | summarize make_bag(d) => dynamic({\"a\":1, \"b\":2})\n",
        BAGS,
        |call| bag(call, LANGUAGE_MAX),
    )
    .naming(Naming::Prefix("bag")),
    Aggregate::new(
        "make_bag_if",
        "`make_bag` over the rows for which `predicate` is true.\n\n    \
         datatable(d:dynamic)[dynamic({\"a\":1}), dynamic({\"b\":2})] | summarize make_bag_if(d, d.a == 1) => dynamic({\"a\":1})\n",
        BAGS_IF,
        |call| filtered(call, 1, |call| bag(call, LANGUAGE_MAX)),
    )
    .naming(Naming::Prefix("bag")),
    Aggregate::new(
        "make_dictionary",
        "The old name of `make_bag`; no more than 128 slots by default.\n\n    \
         datatable(d:dynamic)[dynamic({\"a\":1})] | summarize make_dictionary(d) => dynamic({\"a\":1})\n",
        BAGS,
        |call| bag(call, OLD_DEFAULT),
    )
    .naming(Naming::Prefix("dictionary")),
    Aggregate::new(
        "count_distinct",
        "Number of distinct values of `expr`, exact; nulls do not count.\n\n    \
         datatable(x:long)[1, 2, 2] | summarize count_distinct(x) => 2\n",
        &[counts(&[Param::new("expr", Accepts::NotDynamic)])],
        |call| Ok(Box::new(Distinct::counted(call.ty(0)))),
    ),
    Aggregate::new(
        "count_distinctif",
        "`count_distinct` over the rows for which `predicate` is true.\n\n    \
         datatable(x:long)[1, 2, 2] | summarize count_distinctif(x, x > 1) => 1\n",
        &[counts(&[Param::new("expr", Accepts::NotDynamic), PREDICATE])],
        |call| filtered(call, 1, |call| Ok(Box::new(Distinct::counted(call.ty(0))))),
    ),
];

/// The size that a call asks for as its second argument, at most the language's.
fn size(call: &AggregateCall, default: usize) -> usize {
    call.constant_long(1).map_or(default, |it| usize::try_from(it).unwrap_or(0)).min(LANGUAGE_MAX)
}
fn list(call: &AggregateCall, default: usize) -> Result<Box<dyn Accumulator>, Fault> {
    Ok(any_list(call, size(call, default), false))
}
fn any_list(call: &AggregateCall, max: usize, with_nulls: bool) -> Box<dyn Accumulator> {
    match call.ty(0) {
        Type::Dynamic => Box::new(List { max, with_nulls, lists: Vec::new(), bytes: 0 }),
        _ => Box::new(RowLists::new(max, with_nulls)),
    }
}
fn set(call: &AggregateCall, default: usize) -> Result<Box<dyn Accumulator>, Fault> {
    Ok(Box::new(Distinct::collected(call.ty(0), size(call, default))))
}
fn bag(call: &AggregateCall, default: usize) -> Result<Box<dyn Accumulator>, Fault> {
    Ok(Box::new(Bags { max: size(call, default), bags: Vec::new(), bytes: 0 }))
}

/// Fails when something grows beyond the engine's bound on arrays, unless the language cuts it before.
pub(super) fn check_size(cx: &Context, size: usize, max: usize, by: &str) -> Result<(), Fault> {
    if size > cx.limits.array_elements && max > cx.limits.array_elements {
        return Err(Fault::Limit {
            name: "array_elements",
            limit: cx.limits.array_elements as u64,
            by: format!("aggregate `{by}`"),
        });
    }
    Ok(())
}

/// Runs something for every value to collect of a row: the elements of an array, or the value.
pub(super) fn each_element(value: &Dynamic, mut body: impl FnMut(&Dynamic)) {
    match value {
        Dynamic::Array(items) => items.iter().filter(|it| !it.is_null()).for_each(body),
        Dynamic::Null => {}
        other => body(other),
    }
}

/// Lists of dynamics by group.
struct List {
    max: usize,
    with_nulls: bool,
    lists: Vec<Vec<Dynamic>>,
    bytes: usize,
}

impl List {
    fn push_elements(&mut self, cx: &Context, groups: &[u32], column: &Column) -> Result<(), Fault> {
        let values = DynamicReader::new(column);
        let (max, before) = (self.max, self.bytes);
        let bytes = &mut self.bytes;
        let mut held = cx.budget.reserve(0, "make_list")?;
        for (row, group) in groups.iter().enumerate() {
            let Some(list) = self.lists.get_mut(*group as usize).filter(|it| it.len() < max) else { continue };
            let mut push = |it: &Dynamic| {
                if list.len() < max {
                    *bytes += size_of::<Dynamic>() + it.bytes();
                    list.push(it.clone());
                }
            };
            if self.with_nulls {
                push(&values.get(row));
            } else {
                each_element(&values.get(row), push);
            }
            check_size(cx, list.len(), max, "make_list")?;
            held.follow(*bytes - before, "make_list")?;
        }
        Ok(())
    }
}

impl Accumulator for List {
    fn resize(&mut self, n_groups: usize) {
        self.lists.resize_with(n_groups.max(self.lists.len()), Vec::new);
    }

    fn update(&mut self, cx: &Context, groups: &[u32], args: &[Column]) -> Result<(), Fault> {
        let Some(column) = args.first() else { return Ok(()) };
        self.push_elements(cx, groups, column)
    }

    fn merge(&mut self, cx: &Context, other: Box<dyn Accumulator>, groups: &[u32]) -> Result<(), Fault> {
        let other = same::<List>(other)?;
        self.bytes += other.bytes;
        for (other, group) in other.lists.into_iter().zip(groups) {
            let Some(list) = self.lists.get_mut(*group as usize) else { continue };
            if list.is_empty() {
                *list = other;
            } else {
                let room = self.max.saturating_sub(list.len());
                list.extend(other.into_iter().take(room));
                check_size(cx, list.len(), self.max, "make_list")?;
            }
        }
        Ok(())
    }

    fn finish(self: Box<Self>, _: &Context) -> Result<Vec<Column>, Fault> {
        let bytes = self.bytes + self.lists.len() * 16;
        let lists = self.lists.into_iter().map(|it| Some(Dynamic::array(it))).collect();
        Ok(vec![Column::Dynamic(Boxed::sized(lists, bytes))])
    }

    fn bytes(&self) -> usize {
        self.bytes + self.lists.capacity() * (size_of::<Vec<Dynamic>>() + SMALLEST)
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }
}

/// What a slot of a bag takes beside the bytes of its key and value: its entry, its place in the index, the two allocations, and
/// what is free of tables that doubled.
const SLOT: usize = 136;

/// Bags by group.
struct Bags {
    max: usize,
    bags: Vec<Bag>,
    bytes: usize,
}

impl Bags {
    fn add(&mut self, cx: &Context, group: u32, slots: &Bag) -> Result<(), Fault> {
        let Some(bag) = self.bags.get_mut(group as usize) else { return Ok(()) };
        for (key, value) in slots {
            if bag.len() < self.max && !bag.contains_key(key) {
                self.bytes += SLOT + key.len() + value.bytes();
                _ = bag.insert(key.clone(), value.clone());
            }
        }
        check_size(cx, bag.len(), self.max, "make_bag")
    }
}

impl Accumulator for Bags {
    fn resize(&mut self, n_groups: usize) {
        self.bags.resize_with(n_groups.max(self.bags.len()), Bag::default);
    }

    fn update(&mut self, cx: &Context, groups: &[u32], args: &[Column]) -> Result<(), Fault> {
        let Some(column) = args.first() else { return Ok(()) };
        let (before, mut held) = (self.bytes, cx.budget.reserve(0, "make_bag")?);
        for (row, group) in groups.iter().enumerate() {
            if let Dynamic::Bag(slots) = column.dynamic(row) {
                self.add(cx, *group, &slots)?;
                held.follow(self.bytes - before, "make_bag")?;
            }
        }
        Ok(())
    }

    fn merge(&mut self, cx: &Context, other: Box<dyn Accumulator>, groups: &[u32]) -> Result<(), Fault> {
        let (before, mut held) = (self.bytes, cx.budget.reserve(0, "make_bag")?);
        for (slots, group) in same::<Bags>(other)?.bags.iter().zip(groups) {
            self.add(cx, *group, slots)?;
            held.follow(self.bytes - before, "make_bag")?;
        }
        Ok(())
    }

    fn finish(self: Box<Self>, _: &Context) -> Result<Vec<Column>, Fault> {
        Ok(vec![Column::dynamics(self.bags.into_iter().map(|it| Some(Dynamic::bag(it))).collect())])
    }

    fn bytes(&self) -> usize {
        self.bytes + self.bags.capacity() * (size_of::<Bag>() + 2 * SMALLEST)
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }
}

#[cfg(test)]
mod tests {
    use crate::aggregate::testing::{json, one, run, run_split, values};
    use kql_data::{Column, DictionaryBuilder, DictionaryColumn, Dynamic, Type, Value};
    use std::sync::Arc;

    /// Columns by one dictionary.
    fn dictionaries(parts: &[&[&str]]) -> Vec<Column> {
        let mut builder = DictionaryBuilder::default();
        let codes: Vec<Vec<u32>> = parts.iter().map(|it| it.iter().map(|it| builder.code(it)).collect()).collect();
        let dictionary = Arc::new(builder.finish());
        codes
            .into_iter()
            .map(|it| Column::Dictionary(DictionaryColumn { codes: it.into(), dictionary: dictionary.clone() }))
            .collect()
    }

    #[test]
    fn lists_and_sets_drop_nulls_and_open_arrays() {
        let x = Column::Long(vec![Some(1), None, Some(2), Some(1)].into());
        assert_eq!(json("make_list", std::slice::from_ref(&x)), "[1,2,1]");
        assert_eq!(json("make_set", std::slice::from_ref(&x)), "[1,2]");
        assert_eq!(json("make_list_with_nulls", std::slice::from_ref(&x)), "[1,null,2,1]");
        let limit = Column::constant(Value::Long(1), Type::Long, 4);
        assert_eq!(json("make_list", &[x.clone(), limit.clone()]), "[1]");
        assert_eq!(json("make_set", &[x, limit]), "[1]");
        let arrays = Column::dynamics(vec![
            Some(Dynamic::array(vec![Dynamic::string("A1"), Dynamic::string("A2")])),
            Some(Dynamic::array(vec![Dynamic::string("A2"), Dynamic::string("C1")])),
        ]);
        assert_eq!(json("make_set", std::slice::from_ref(&arrays)), r#"["A1","A2","C1"]"#);
        assert_eq!(json("make_list", &[arrays]), r#"["A1","A2","A2","C1"]"#);
        assert_eq!(json("make_set", &[Column::null(Type::Long, 0)]), "[]");
        assert_eq!(json("make_bag", &[Column::null(Type::Dynamic, 0)]), "{}");
    }

    #[test]
    fn sets_by_code_and_by_value_agree() {
        let column = dictionaries(&[&["b", "a", "b", "c", "a", ""]]).remove(0);
        let plain = Column::strings(["b", "a", "b", "c", "a", ""]);
        let groups = [0, 1, 0, 0, 1, 0];
        let expected = values(&run("make_set", &groups, &[plain]));
        assert_eq!(values(&run("make_set", &groups, std::slice::from_ref(&column))), expected);
        assert_eq!(values(&run_split("make_set", &groups, std::slice::from_ref(&column), &[1, 4], 2)), expected);
        assert_eq!(one("count_distinct", &[column]), Value::Long(4));
    }

    #[test]
    fn another_dictionary_on_the_way() {
        let (first, second) = (dictionaries(&[&["x", "y"]]).remove(0), dictionaries(&[&["y", "z"]]).remove(0));
        let cx = kql_data::Context::default();
        let (make, _) = crate::aggregate::testing::call("make_set", std::slice::from_ref(&first));
        let (mut left, mut right) = (make(), make());
        left.resize(1);
        right.resize(1);
        left.update(&cx, &[0, 0], &[first]).unwrap();
        right.update(&cx, &[0, 0], std::slice::from_ref(&second)).unwrap();
        left.update(&cx, &[0, 0], &[second]).unwrap();
        left.merge(&cx, right, &[0]).unwrap();
        assert_eq!(values(&left.finish(&cx).unwrap())[0].text(), r#"["x","y","z"]"#);
    }
}
