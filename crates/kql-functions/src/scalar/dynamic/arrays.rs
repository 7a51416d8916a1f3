//! Arrays: length, parts, order, element-wise choice.

use super::{ARRAY, variadic};
use crate::{
    declare::{
        Accepts, Overload, Param, Returns,
        lift::each_row,
        types::{array, dynamic},
    },
    scalar::bounds,
};
use arrow_array::Int64Array;
use kql_data::{Column, Context, Dynamic, DynamicReader, Fault, Type};
use std::borrow::Cow;

const ARRAY_LENGTH: &[Overload] = &[Overload {
    params: &[Param::new("items", Accepts::Array)],
    rest: None,
    returns: Returns::Type(Type::Long),
    kernel: Some(array_length),
}];
const ARRAY_CONCAT: &[Overload] = &[variadic(ARRAY, 1, 64, |cx, args, n_rows| {
    each_row::<array, dynamic, _>(cx, args, n_rows, |items| concatenated(cx, items))
})];
const ZIP: &[Overload] =
    &[variadic(ARRAY, 2, 64, |cx, args, n_rows| each_row::<array, dynamic, _>(cx, args, n_rows, zipped))];
const REPEAT: &[Overload] = &[crate::overload!((value: maybe<any_dynamic>, count: long) -> dynamic |cx| {
    repeated(cx, value.map_or(Dynamic::Null, Cow::into_owned), count)
})];

crate::functions! {
    /// Number of items; null for what is no array.
    ///
    ///     array_length(dynamic([1, 2, 3, "four"])) => 4
    ///     array_length(dynamic({})) => long(null)
    #[aliases("arraylength")]
    fn array_length = ARRAY_LENGTH;

    /// The items of all arrays in one.
    ///
    ///     array_concat(dynamic([1, 2]), dynamic([3])) => dynamic([1, 2, 3])
    fn array_concat = ARRAY_CONCAT;

    /// For each condition the value at the same place of `when_true` or of `when_false`, which may also be one value
    /// for all. Numbers but 0 are true; any other condition, and a missing value, gives null.
    ///
    ///     array_iff(dynamic([1, 0, 50]), "yes", "no") => dynamic(["yes", "no", "yes"])
    ///     array_iff(dynamic([true, true, true]), dynamic([1, 2]), dynamic([3, 4])) => dynamic([1, 2, null])
    #[aliases("array_iif")]
    fn array_iff(conditions: array, when_true: maybe<any_dynamic>, when_false: maybe<any_dynamic>) -> dynamic {
        chosen(&conditions, when_true.as_deref(), when_false.as_deref())
    }

    /// Position of an item, counted from 0; -1 when it is not there. The search begins at `start` (from the end when
    /// negative), looks at `length` items (-1 for all) and gives that `occurrence`.
    ///
    ///     array_index_of(dynamic(["this", "is", "an", "example"]), "an") => 2
    ///     array_index_of(dynamic(["an", "is", "an"]), "an", 1) => 2
    ///     array_index_of(dynamic([1, 2]), 3) => -1
    fn array_index_of
        (items: array, value: any_dynamic) -> long { position(&items, &value, 0, -1, 1) }
        (items: array, value: any_dynamic, start: long) -> long { position(&items, &value, start, -1, 1) }
        (items: array, value: any_dynamic, start: long, length: long) -> long {
            position(&items, &value, start, length, 1)
        }
        (items: array, value: any_dynamic, start: long, length: long, occurrence: constant<long>) -> long {
            position(&items, &value, start, length, occurrence)
        }

    /// The items from `start` to `end`, both among them. Negative positions count from the end; what lies outside is
    /// left out.
    ///
    ///     array_slice(dynamic([1, 2, 3]), 1, 2) => dynamic([2, 3])
    ///     array_slice(dynamic([1, 2, 3, 4, 5]), -3, -2) => dynamic([3, 4])
    fn array_slice(items: array, start: long, end: long) -> dynamic { sliced(&items, start, end) }

    /// The parts of an array between positions, as an array of arrays. Negative positions count from the end.
    ///
    ///     array_split(dynamic([1, 2, 3, 4, 5]), 2) => dynamic([[1, 2], [3, 4, 5]])
    ///     array_split(dynamic([1, 2, 3, 4, 5]), dynamic([1, 3])) => dynamic([[1], [2, 3], [4, 5]])
    fn array_split
        (items: array, index: long) -> dynamic { split_at(&items, &[Dynamic::Long(index)]) }
        (items: array, indices: array) -> dynamic { split_at(&items, indices.as_array()?) }

    /// The items moved so many places to the left; the default value, or null, fills what becomes free.
    ///
    ///     array_shift_left(dynamic([1, 2, 3, 4, 5]), 2) => dynamic([3, 4, 5, null, null])
    ///     array_shift_left(dynamic([1, 2, 3, 4, 5]), -2, -1) => dynamic([-1, -1, 1, 2, 3])
    fn array_shift_left
        (items: array, shift_count: long) -> dynamic { shifted(&items, shift_count, Dynamic::Null) }
        (items: array, shift_count: long, default_value: maybe<any_dynamic>) -> dynamic {
            shifted(&items, shift_count, default_value.map_or(Dynamic::Null, Cow::into_owned))
        }

    /// The items moved so many places to the right; the default value, or null, fills what becomes free.
    ///
    ///     array_shift_right(dynamic([1, 2, 3, 4, 5]), 2) => dynamic([null, null, 1, 2, 3])
    fn array_shift_right
        (items: array, shift_count: long) -> dynamic { shifted(&items, shift_count.saturating_neg(), Dynamic::Null) }
        (items: array, shift_count: long, default_value: maybe<any_dynamic>) -> dynamic {
            shifted(&items, shift_count.saturating_neg(), default_value.map_or(Dynamic::Null, Cow::into_owned))
        }

    /// The items moved so many places to the left; what falls out comes back at the end.
    ///
    ///     array_rotate_left(dynamic([1, 2, 3, 4, 5]), 2) => dynamic([3, 4, 5, 1, 2])
    fn array_rotate_left(items: array, rotate_count: long) -> dynamic { rotated(&items, rotate_count) }

    /// The items moved so many places to the right; what falls out comes back at the start.
    ///
    ///     array_rotate_right(dynamic([1, 2, 3, 4, 5]), 2) => dynamic([4, 5, 1, 2, 3])
    fn array_rotate_right(items: array, rotate_count: long) -> dynamic {
        rotated(&items, rotate_count.saturating_neg())
    }

    /// The items in reverse order.
    ///
    ///     array_reverse(dynamic(["this", "is", "an"])) => dynamic(["an", "is", "this"])
    fn array_reverse(items: array) -> dynamic {
        Some(Dynamic::array(items.as_array()?.iter().rev().cloned().collect()))
    }

    /// The sum of the items; null when one of them is no number.
    ///
    ///     array_sum(dynamic([1, 2, 3, 4])) => 10.0
    fn array_sum(items: array) -> real { sum(&items) }

    /// Arrays of the items at the same place of each array. Shorter arrays are filled with null.
    ///
    ///     zip(dynamic([1, 3, 5]), dynamic([2, 4, 6])) => dynamic([[1, 2], [3, 4], [5, 6]])
    ///     zip(dynamic(["A", 1.5]), dynamic([{}])) => dynamic([["A", {}], [1.5, null]])
    fn zip = ZIP;

    /// An array of one value so many times.
    ///
    ///     repeat(1, 3) => dynamic([1, 1, 1])
    ///     repeat("a", 0) => dynamic([])
    #[naming(Prefix("repeat"))]
    fn repeat = REPEAT;
}

fn array_length(_: &Context, args: &[Column], n_rows: usize) -> Result<Column, Fault> {
    let [column] = args else { return Ok(Column::null(Type::Long, n_rows)) };
    let lengths: Int64Array = match column {
        // Without making the arrays.
        Column::Lists(it) => (0..n_rows).map(|row| it.n_elements(row).map(|it| it as i64)).collect(),
        _ => {
            let values = DynamicReader::new(column);
            (0..n_rows).map(|row| values.get(row).as_array().map(|it| it.len() as i64)).collect()
        }
    };
    Ok(Column::Long(lengths))
}

type Arrays<'a, 'b> = &'a [Option<Cow<'b, Dynamic>>];

/// What is no array adds nothing; without any array the result is null.
fn concatenated(cx: &Context, arrays: Arrays<'_, '_>) -> Result<Option<Dynamic>, Fault> {
    let arrays: Vec<&[Dynamic]> = arrays.iter().flatten().filter_map(|it| it.as_array()).collect();
    if arrays.is_empty() {
        return Ok(None);
    }
    bounds::array(cx, arrays.iter().map(|it| it.len()).sum(), "array_concat")?;
    Ok(Some(Dynamic::array(arrays.concat())))
}

fn zipped(arrays: Arrays<'_, '_>) -> Option<Dynamic> {
    let arrays: Vec<&[Dynamic]> =
        arrays.iter().map(|it| it.as_deref().and_then(Dynamic::as_array)).collect::<Option<_>>()?;
    let longest = arrays.iter().map(|it| it.len()).max().unwrap_or(0);
    let at = |index: usize| {
        Dynamic::array(arrays.iter().map(|it| it.get(index).cloned().unwrap_or(Dynamic::Null)).collect())
    };
    Some(Dynamic::array((0..longest).map(at).collect()))
}

fn repeated(cx: &Context, value: Dynamic, count: i64) -> Result<Option<Dynamic>, Fault> {
    let Ok(count) = usize::try_from(count) else { return Ok(None) };
    bounds::array(cx, count, "repeat")?;
    cx.check()?;
    Ok(Some(Dynamic::array(vec![value; count])))
}

fn chosen(conditions: &Dynamic, when_true: Option<&Dynamic>, when_false: Option<&Dynamic>) -> Option<Dynamic> {
    let pick = |(index, condition): (usize, &Dynamic)| {
        let holds = match condition {
            Dynamic::Bool(it) => *it,
            other => match other.as_f64() {
                Some(number) => number != 0.0,
                None => return Dynamic::Null,
            },
        };
        match if holds { when_true } else { when_false } {
            Some(Dynamic::Array(items)) => items.get(index).cloned().unwrap_or(Dynamic::Null),
            Some(one) => one.clone(),
            None => Dynamic::Null,
        }
    };
    Some(Dynamic::array(conditions.as_array()?.iter().enumerate().map(pick).collect()))
}

fn position(items: &Dynamic, value: &Dynamic, start: i64, length: i64, occurrence: i64) -> Option<i64> {
    if length < -1 || occurrence < 0 {
        return None;
    }
    let items = items.as_array()?;
    let start = from_end(start, items.len()).max(0) as usize;
    let seen = usize::try_from(length).unwrap_or(usize::MAX);
    let nth = usize::try_from(occurrence.max(1) - 1).ok()?;
    let found = items.iter().enumerate().skip(start).take(seen).filter(|(_, it)| *it == value).nth(nth);
    Some(found.map_or(-1, |(index, _)| index as i64))
}

/// A position that counts from the end when negative; it may still lie outside.
fn from_end(index: i64, len: usize) -> i64 {
    if index < 0 { index.saturating_add(len as i64) } else { index }
}

fn sliced(items: &Dynamic, start: i64, end: i64) -> Option<Dynamic> {
    let items = items.as_array()?;
    let start = from_end(start, items.len()).max(0) as usize;
    let end = from_end(end, items.len()).saturating_add(1).clamp(0, items.len() as i64) as usize;
    Some(Dynamic::array(items.get(start..end).unwrap_or(&[]).to_vec()))
}

fn split_at(items: &Dynamic, indices: &[Dynamic]) -> Option<Dynamic> {
    let items = items.as_array()?;
    let mut parts = Vec::with_capacity(indices.len() + 1);
    let mut from = 0;
    for index in indices {
        let to = from_end(index.as_i64()?, items.len()).clamp(0, items.len() as i64) as usize;
        parts.push(Dynamic::array(items.get(from..to).unwrap_or(&[]).to_vec()));
        from = to;
    }
    parts.push(Dynamic::array(items.get(from..).unwrap_or(&[]).to_vec()));
    Some(Dynamic::array(parts))
}

fn shifted(items: &Dynamic, count: i64, filler: Dynamic) -> Option<Dynamic> {
    let items = items.as_array()?;
    let places = usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX).min(items.len());
    let fillers = std::iter::repeat_n(filler, places);
    let moved = if count >= 0 {
        items.iter().skip(places).cloned().chain(fillers).collect()
    } else {
        fillers.chain(items.iter().take(items.len() - places).cloned()).collect()
    };
    Some(Dynamic::array(moved))
}

fn rotated(items: &Dynamic, count: i64) -> Option<Dynamic> {
    let mut items = items.as_array()?.to_vec();
    if !items.is_empty() {
        let places = count.rem_euclid(items.len() as i64) as usize;
        items.rotate_left(places);
    }
    Some(Dynamic::array(items))
}

fn sum(items: &Dynamic) -> Option<f64> {
    items.as_array()?.iter().try_fold(0.0, |sum, it| Some(sum + it.as_f64()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use kql_data::json::read;

    fn of(text: &str) -> Dynamic {
        read(text).unwrap()
    }

    fn text(value: Option<Dynamic>) -> String {
        value.map_or("null".to_owned(), |it| it.json())
    }

    #[test]
    fn positions() {
        let items = of(r#"["this","is","an","example","an","example"]"#);
        let find = |value: &str, start, length, nth| position(&items, &Dynamic::string(value), start, length, nth);
        assert_eq!(find("example", 1, 3, 1), Some(3));
        assert_eq!(find("example", 1, 2, 1), Some(-1));
        assert_eq!(find("an", 1, -1, 2), Some(4));
        assert_eq!(find("an", 1, -1, 3), Some(-1));
        assert_eq!(find("an", -3, -1, 1), Some(4));
        assert_eq!(find("is", -4, -1, 1), Some(-1));
        assert_eq!(find("is", i64::MIN, -1, 1), Some(1));
        assert_eq!(find("is", 0, -2, 1), None);
        assert_eq!(find("is", 0, -1, -1), None);
    }

    #[test]
    fn parts() {
        let items = of("[1,2,3,4,5]");
        assert_eq!(text(sliced(&items, 2, -1)), "[3,4,5]");
        assert_eq!(text(sliced(&items, -100, 100)), "[1,2,3,4,5]");
        assert_eq!(text(sliced(&items, 3, 1)), "[]");
        assert_eq!(text(sliced(&items, i64::MIN, i64::MAX)), "[1,2,3,4,5]");
        assert_eq!(text(split_at(&items, &[Dynamic::Long(-2)])), "[[1,2,3],[4,5]]");
        assert_eq!(text(split_at(&items, &[Dynamic::Long(i64::MAX)])), "[[1,2,3,4,5],[]]");
    }

    #[test]
    fn moves() {
        let items = of("[1,2,3]");
        assert_eq!(text(shifted(&items, i64::MIN, Dynamic::Null)), "[null,null,null]");
        assert_eq!(text(shifted(&items, 1, Dynamic::Long(0))), "[2,3,0]");
        assert_eq!(text(rotated(&items, -1)), "[3,1,2]");
        assert_eq!(text(rotated(&items, i64::MIN)), text(rotated(&items, i64::MIN % 3)));
        assert_eq!(text(rotated(&of("[]"), 5)), "[]");
    }

    #[test]
    fn sums() {
        assert_eq!(sum(&of("[1,2.5]")), Some(3.5));
        assert!(sum(&of("[]")).is_some_and(|it| it == 0.0 && it.is_sign_positive()));
        assert_eq!(sum(&of("[1,\"a\"]")), None);
        assert_eq!(sum(&of("{}")), None);
    }
}
