//! Arrays as sets: distinct items in order of first appearance.

use super::{ARRAY, variadic};
use crate::{
    declare::{
        Overload, Returns,
        lift::each_row,
        types::{array, dynamic},
    },
    scalar::bounds,
};
use indexmap::IndexSet;
use kql_data::{Context, Dynamic, Fault, Set, Type};
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
    fn set_has_element(set: array, value: any_dynamic) -> bool { set.as_array().map(|it| it.contains(&value)) }

    /// The number of items that two sets share, divided by the number of all their items.
    ///
    ///     jaccard_index(dynamic([1, 2, 3]), dynamic([1, 2, 3, 4])) => 0.75
    fn jaccard_index = JACCARD;
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
    use kql_data::json::read;

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
