//! Arrays as sets: distinct items in order of first appearance.

use super::{ARRAY, variadic};
use crate::{
    declare::{
        CHECK_ROWS, Overload, Returns,
        lift::each_row,
        types::{array, dynamic},
    },
    scalar::bounds,
};
use arrow_array::{Array, builder::BooleanBuilder};
use indexmap::IndexSet;
use kql_data::{Column, Context, Dynamic, Fault, Set, Type};
use std::borrow::Cow;

const SET_UNION: &[Overload] = &[variadic(ARRAY, 2, 64, |cx, args, n_rows| {
    each_row::<array, dynamic, _>(cx, args, n_rows, |items| union(cx, items))
})];
const SET_INTERSECT: &[Overload] =
    &[variadic(ARRAY, 2, 64, |cx, args, n_rows| each_row::<array, dynamic, _>(cx, args, n_rows, intersection))];
const SET_DIFFERENCE: &[Overload] =
    &[variadic(ARRAY, 2, 64, |cx, args, n_rows| each_row::<array, dynamic, _>(cx, args, n_rows, difference))];
const JACCARD: &[Overload] = &[Overload {
    returns: Returns::Type(Type::Real),
    ..crate::overload!((set1: array, set2: array) -> real { jaccard(&set1, &set2) })
}];

const HAS_BY_ROW: Overload = crate::overload!((set: array, value: any_dynamic) -> bool {
    set.as_array().map(|it| it.contains(&value))
});
const SET_HAS_ELEMENT: &[Overload] = &[Overload { kernel: Some(set_has_element), ..HAS_BY_ROW }];

crate::functions! {
    /// The distinct items of all arrays.
    ///
    ///     set_union(dynamic([1, 2, 1, 4]), dynamic([1, 2]), dynamic([8])) => dynamic([1, 2, 4, 8])
    fn set_union = SET_UNION;

    /// The distinct items that all arrays have.
    ///
    ///     set_intersect(dynamic([1, 2, 3, 2]), dynamic([2, 3])) => dynamic([2, 3])
    ///     set_intersect(dynamic([1]), dynamic([2])) => dynamic([])
    fn set_intersect = SET_INTERSECT;

    /// The distinct items of the first array that no other has.
    ///
    ///     set_difference(dynamic([1, 2, 1, 4]), dynamic([1, 2])) => dynamic([4])
    fn set_difference = SET_DIFFERENCE;

    /// Whether two arrays have the same items, whatever their order and number.
    ///
    ///     set_equals(dynamic([1, 2, 2]), dynamic([2, 1])) => true
    ///     set_equals(dynamic([1, 2]), dynamic([1])) => false
    fn set_equals(set1: array, set2: array) -> bool { equal(&set1, &set2) }

    /// Whether an array has an item.
    ///
    ///     set_has_element(dynamic(["this", "is", "an", "example"]), "example") => true
    ///     set_has_element(dynamic([1, 2]), 3) => false
    fn set_has_element = SET_HAS_ELEMENT;

    /// The number of items that two sets share, divided by the number of all their items.
    ///
    ///     jaccard_index(dynamic([1, 2, 3]), dynamic([1, 2, 3, 4])) => 0.75
    fn jaccard_index = JACCARD;
}

/// Without making the arrays where they are rows of a column like the values.
fn set_has_element(cx: &Context, args: &[Column], n_rows: usize) -> Result<Column, Fault> {
    let [Column::Lists(lists), values] = args else { return by_row(cx, args, n_rows) };
    let has = |row: usize, is_it: &dyn Fn(usize) -> bool| {
        lists.numbers(row).map(|it| it.iter().any(|number| is_it(*number as usize)))
    };
    let found = |test: &dyn Fn(usize) -> Option<bool>| -> Result<Column, Fault> {
        let mut out = BooleanBuilder::with_capacity(n_rows);
        for row in 0..n_rows {
            if row % CHECK_ROWS == 0 {
                cx.check()?;
            }
            out.append_option(test(row));
        }
        Ok(Column::Bool(out.finish()))
    };
    match (lists.elements(), values) {
        (Some(Column::Dictionary(items)), Column::Dictionary(it)) if items.dictionary.id() == it.dictionary.id() => {
            let code = |row: usize| it.codes.get(row).copied();
            found(&|row| has(row, &|item| items.codes.get(item).copied() == code(row)))
        }
        (Some(items), values) if items.ty() == Type::String && values.ty() == Type::String => {
            let (items, values) = (items.string_reader(), values.string_reader());
            found(&|row| has(row, &|item| items.get(item) == values.get(row)))
        }
        (Some(Column::Long(items)), Column::Long(values)) => {
            let value = |row: usize| values.is_valid(row).then(|| values.value(row));
            let is_it = |item: usize, value: i64| items.is_valid(item) && items.value(item) == value;
            found(&|row| value(row).and_then(|value| has(row, &|item| is_it(item, value))))
        }
        _ => by_row(cx, args, n_rows),
    }
}

fn by_row(cx: &Context, args: &[Column], n_rows: usize) -> Result<Column, Fault> {
    match HAS_BY_ROW.kernel {
        Some(kernel) => kernel(cx, args, n_rows),
        None => Ok(Column::null(Type::Bool, n_rows)),
    }
}

type Distinct<'a> = IndexSet<&'a Dynamic, ahash::RandomState>;
type Arrays<'a, 'b> = &'a [Option<Cow<'b, Dynamic>>];

fn array_of(items: Distinct<'_>) -> Dynamic {
    Dynamic::array(items.into_iter().cloned().collect())
}

fn items<'a>(array: &'a Option<Cow<'_, Dynamic>>) -> Option<&'a [Dynamic]> {
    array.as_deref().and_then(Dynamic::as_array)
}

/// What is no array adds nothing; without any array the result is null.
fn union(cx: &Context, arrays: Arrays<'_, '_>) -> Result<Option<Dynamic>, Fault> {
    let arrays: Vec<&[Dynamic]> = arrays.iter().filter_map(items).collect();
    if arrays.is_empty() {
        return Ok(None);
    }
    let distinct: Distinct<'_> = arrays.into_iter().flatten().collect();
    bounds::array(cx, distinct.len(), "set_union")?;
    Ok(Some(array_of(distinct)))
}

fn intersection(arrays: Arrays<'_, '_>) -> Option<Dynamic> {
    let (first, others) = arrays.split_first()?;
    let mut distinct: Distinct<'_> = items(first)?.iter().collect();
    for other in others {
        let other: Set<&Dynamic> = items(other)?.iter().collect();
        distinct.retain(|it| other.contains(it));
    }
    Some(array_of(distinct))
}

/// What is no array takes nothing away.
fn difference(arrays: Arrays<'_, '_>) -> Option<Dynamic> {
    let (first, others) = arrays.split_first()?;
    let mut distinct: Distinct<'_> = items(first)?.iter().collect();
    for other in others {
        let other: Set<&Dynamic> = items(other).unwrap_or(&[]).iter().collect();
        distinct.retain(|it| !other.contains(it));
    }
    Some(array_of(distinct))
}

fn distinct_pair<'a>(a: &'a Dynamic, b: &'a Dynamic) -> Option<(Set<&'a Dynamic>, Set<&'a Dynamic>)> {
    Some((a.as_array()?.iter().collect(), b.as_array()?.iter().collect()))
}

fn equal(a: &Dynamic, b: &Dynamic) -> Option<bool> {
    distinct_pair(a, b).map(|(a, b)| a == b)
}

fn jaccard(a: &Dynamic, b: &Dynamic) -> Option<f64> {
    let (a, b) = distinct_pair(a, b)?;
    let shared = a.intersection(&b).count();
    let all = a.len() + b.len() - shared;
    Some(shared as f64 / all as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use kql_data::{DictionaryBuilder, DictionaryColumn, Lists, NO_ROW, Value, json::read};
    use std::sync::Arc;

    /// Arrays of rows of a column, the second null.
    fn lists(items: &Column) -> Column {
        let pairs = [(0, 0), (0, 2), (1, 1), (2, 0), (2, 1), (2, 2)].into_iter();
        let lists = Column::Lists(Lists::new(&[2, 1, 3, 0], pairs, vec![(0, items.clone())], 0));
        let taken = lists.take(&[0, NO_ROW, 2, 3, 0, 1]);
        assert!(matches!(taken, Column::Lists(_)));
        taken
    }

    #[test]
    fn arrays_of_rows_have_what_their_values_have() {
        let cx = Context::default();
        let dictionary = |texts: [&str; 6]| {
            let mut builder = DictionaryBuilder::default();
            let codes: Vec<u32> = texts.iter().map(|it| builder.code(it)).collect();
            Column::Dictionary(DictionaryColumn { codes: codes.into(), dictionary: Arc::new(builder.finish()) })
        };
        let texts = ["a", "", "c", "a", "b", "c"];
        let longs = |it: [Option<i64>; 6]| Column::Long(it.to_vec().into());
        let numbers = longs([Some(1), None, Some(3), Some(1), None, Some(3)]);
        let moments = Column::Datetime(vec![Some(1), Some(2), Some(3), None, Some(1), Some(3)].into());
        let one = dictionary(texts);
        for (items, values) in [
            (&one, &one),
            (&one, &dictionary(["b", "c", "c", "a", "", ""])),
            (&Column::strings(texts), &one),
            (&one, &Column::constant(Value::String("c".into()), Type::String, 6)),
            (&numbers, &longs([Some(3), Some(3), None, Some(1), Some(2), Some(1)])),
            (&numbers, &Column::constant(Value::Long(1), Type::Long, 6)),
            (&numbers, &moments),
            (&moments, &moments),
            (&one, &numbers),
        ] {
            let lists = lists(items);
            let made = Column::dynamics((0..6).map(|row| Some(lists.dynamic(row))).collect());
            let found = set_has_element(&cx, &[lists, values.clone()], 6).unwrap();
            let expected = by_row(&cx, &[made, values.clone()], 6).unwrap();
            let of = |it: &Column| (0..6).map(|row| it.value(row)).collect::<Vec<_>>();
            assert_eq!(of(&found), of(&expected));
        }
    }

    fn run(f: fn(Arrays<'_, '_>) -> Option<Dynamic>, arrays: &[&str]) -> String {
        let arrays: Vec<_> = arrays.iter().map(|it| read(it).map(Cow::Owned)).collect();
        f(&arrays).map_or("null".to_owned(), |it| it.json())
    }

    #[test]
    fn items_are_distinct_in_order() {
        assert_eq!(run(intersection, &["[4,2,2,1,{\"a\":1}]", "[{\"a\":1},1,2]"]), "[2,1,{\"a\":1}]");
        assert_eq!(run(difference, &["[4,2,2,1]", "[2]", "[9]"]), "[4,1]");
        assert_eq!(run(difference, &["{}", "[2]"]), "null");
        assert_eq!(run(|it| union(&Context::default(), it).unwrap(), &["[1,1.0,\"1\"]", "{}"]), "[1,\"1\"]");
    }
}
