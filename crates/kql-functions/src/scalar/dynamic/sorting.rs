//! Sorted arrays, and others put into the same order.

use super::ARRAY;
use crate::{
    declare::{Accepts, CHECK_ROWS, Overload, Param, Returns},
    resolve::Actual,
};
use kql_data::{Column, Context, Dynamic, Fault, Type, Value};

const SORT_ASC: &[Overload] = &[overload(|cx, args, n_rows| sort(cx, args, n_rows, false))];
const SORT_DESC: &[Overload] = &[overload(|cx, args, n_rows| sort(cx, args, n_rows, true))];

/// One array at least; the last argument may be the bool that puts nulls first.
const fn overload(kernel: crate::Kernel) -> Overload {
    let rest = Some((Param::new("arrays", Accepts::Scalar), 0, 64));
    Overload { params: &[ARRAY], rest, returns: Returns::Custom(check), kernel: Some(kernel) }
}

fn check(actuals: &[Actual]) -> Result<Type, Fault> {
    for (index, actual) in actuals.iter().enumerate() {
        let is_last = index + 1 == actuals.len() && index > 0;
        if actual.ty == Type::Dynamic {
            continue;
        }
        if !is_last || actual.ty != Type::Bool {
            let message = format!("array_sort takes arrays and then a bool, not a {}", actual.ty);
            return Err(Fault::coded("SEM0207", message));
        }
        if !actual.is_constant {
            return Err(Fault::coded("SEM0040", "array_sort(): `nulls_last` must be a constant"));
        }
    }
    Ok(Type::Dynamic)
}

crate::functions! {
    /// The first array sorted upwards, and the others put into the same order (null for one of another length). Numbers
    /// and times come before strings, then guids, then the rest; nulls come last unless the last argument is `false`.
    /// With several arrays the value is the array of them.
    ///
    ///     array_sort_asc(dynamic([null, "blue", "yellow", "green"])) => dynamic(["blue", "green", "yellow", null])
    ///     array_sort_asc(dynamic([null, "b", "a"]), false) => dynamic([null, "a", "b"])
    ///     array_sort_asc(dynamic([2, 1]), dynamic(["x", "y"]))[1] => dynamic(["y", "x"])
    fn array_sort_asc = SORT_ASC;

    /// The first array sorted downwards, and the others put into the same order; see `array_sort_asc`.
    ///
    ///     array_sort_desc(dynamic([1, 3, 4, 5, 2])) => dynamic([5, 4, 3, 2, 1])
    fn array_sort_desc = SORT_DESC;
}

fn sort(cx: &Context, args: &[Column], n_rows: usize, descending: bool) -> Result<Column, Fault> {
    let (arrays, nulls_last) = match args.split_last() {
        Some((last, arrays)) if last.ty() == Type::Bool => (arrays, last.value(0) != Value::Bool(false)),
        _ => (args, true),
    };
    let mut out = Vec::with_capacity(n_rows);
    let (mut held, mut bytes) = (cx.budget.reserve(0, "array_sort")?, 0);
    for row in 0..n_rows {
        if row % CHECK_ROWS == 0 {
            cx.check()?;
        }
        let arrays: Vec<Dynamic> = arrays.iter().map(|it| it.dynamic(row)).collect();
        let made = sorted(&arrays, descending, nulls_last);
        bytes += made.as_ref().map_or(0, Dynamic::owned_bytes);
        held.follow(bytes, "array_sort")?;
        out.push(made);
    }
    Ok(Column::dynamics(out))
}

fn sorted(arrays: &[Dynamic], descending: bool, nulls_last: bool) -> Option<Dynamic> {
    let (first, others) = arrays.split_first()?;
    let keys = first.as_array()?;
    let (mut order, nulls): (Vec<usize>, Vec<usize>) =
        (0..keys.len()).partition(|at| keys.get(*at).is_some_and(|it| !it.is_null()));
    order.sort_by(|a, b| {
        let ordering = keys.get(*a).zip(keys.get(*b)).map_or(std::cmp::Ordering::Equal, |(a, b)| a.order(b));
        if descending { ordering.reverse() } else { ordering }
    });
    let order = if nulls_last { [order, nulls].concat() } else { [nulls, order].concat() };
    let arranged = |items: &[Dynamic]| Dynamic::array(order.iter().filter_map(|at| items.get(*at).cloned()).collect());
    if others.is_empty() {
        return Some(arranged(keys));
    }
    let other = |it: &Dynamic| match it.as_array() {
        Some(items) if items.len() == keys.len() => arranged(items),
        _ => Dynamic::Null,
    };
    Some(Dynamic::array(std::iter::once(arranged(keys)).chain(others.iter().map(other)).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use kql_data::json::read;

    fn run(arrays: &[&str], descending: bool, nulls_last: bool) -> String {
        let arrays: Vec<Dynamic> = arrays.iter().map(|it| read(it).unwrap()).collect();
        sorted(&arrays, descending, nulls_last).map_or("null".to_owned(), |it| it.json())
    }

    #[test]
    fn arrays_are_sorted_together() {
        assert_eq!(run(&["[2,1,3]", r#"["b","a","c"]"#, "[1]"], false, true), r#"[[1,2,3],["a","b","c"],null]"#);
        assert_eq!(run(&["[1,3,2]"], true, true), "[3,2,1]");
        assert_eq!(run(&[r#"[null,"b",1,null]"#], true, true), r#"["b",1,null,null]"#);
        assert_eq!(run(&[r#"[null,"b",1,null]"#], false, false), r#"[null,null,1,"b"]"#);
        assert_eq!(run(&["{}"], false, true), "null");
    }
}
