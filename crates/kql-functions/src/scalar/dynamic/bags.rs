//! Property bags: keys, merging, setting and removing.

use super::path::{Path, Step};
use super::variadic;
use crate::declare::{
    Accepts, Overload, Param,
    lift::each_row,
    types::{bag, dynamic},
};
use kql_data::{Bag, Dynamic, Fault};
use std::{borrow::Cow, sync::Arc};

const BAG_MERGE: &[Overload] = &[variadic(Param::new("bag", Accepts::Bag), 2, 64, |cx, args, n_rows| {
    each_row::<bag, dynamic, _>(cx, args, n_rows, merged)
})];

crate::functions! {
    /// The keys of a bag; null for what is none.
    ///
    ///     bag_keys(dynamic({"a": 1, "b": {"c": 2}})) => dynamic(["a", "b"])
    ///     bag_keys(dynamic({})) => dynamic([])
    fn bag_keys(object: bag) -> dynamic {
        Some(Dynamic::array(object.as_bag()?.keys().map(|it| Dynamic::String(it.clone())).collect()))
    }

    /// Whether a bag has a key, or the path `$.a.b` leads to one.
    ///
    ///     bag_has_key(dynamic({"key1": 123}), "key1") => true
    ///     bag_has_key(dynamic({"a": {"b": 1}}), "$.a.b") => true
    ///     bag_has_key(dynamic({"a": {"b": 1}}), "b") => false
    fn bag_has_key(object: bag, key: string) -> bool { keys_of(key).map(|it| has(&object, &it)) }

    /// One bag of the slots of all. The value of the leftmost bag wins.
    ///
    ///     bag_merge(dynamic({"a": 1, "b": 2}), dynamic({"a": 3, "c": 4})) => dynamic({"a": 1, "b": 2, "c": 4})
    fn bag_merge = BAG_MERGE;

    /// A bag without some keys, which may be paths such as `$.a.b`.
    ///
    ///     bag_remove_keys(dynamic({"a": 1, "b": 2}), dynamic(["b", "c"])) => dynamic({"a": 1})
    ///     bag_remove_keys(dynamic({"a": {"b": 1, "c": 2}}), dynamic(["$.a.b"])) => dynamic({"a": {"c": 2}})
    fn bag_remove_keys(object: bag, keys: array) -> dynamic { without(&object, &keys) }

    /// A bag with a key set to a value. The key may be a path such as `$.a.b`, whose missing bags are made.
    ///
    ///     bag_set_key(dynamic({"a": 1}), "b", 2) => dynamic({"a": 1, "b": 2})
    ///     bag_set_key(dynamic({}), "$.a.b", "x") => dynamic({"a": {"b": "x"}})
    fn bag_set_key(object: bag, key: constant<string>, value: maybe<any_dynamic>) -> dynamic {
        set(&object, key, value.map_or(Dynamic::Null, Cow::into_owned))
    }

    /// A bag of the keys in one array and the values at the same place of another. Missing values are null; keys that
    /// are no strings are left out.
    ///
    ///     bag_zip(dynamic(["a", "b", "c"]), dynamic([1, "2"])) => dynamic({"a": 1, "b": "2", "c": null})
    ///     bag_zip(dynamic(["a", 8, "b"]), dynamic([1, 2, 2.5])) => dynamic({"a": 1, "b": 2.5})
    fn bag_zip(keys: array, values: maybe<array>) -> dynamic { zipped(&keys, values.as_deref()) }
}

/// A key, or the keys of a path that begins with `$`.
fn keys_of(key: &str) -> Result<Vec<Arc<str>>, Fault> {
    if !key.starts_with("$.") && !key.starts_with("$[") {
        return Ok(vec![key.into()]);
    }
    let steps = Path::parse(key)?.steps;
    let key = |step| match step {
        Step::Key(it) => Ok(it),
        Step::Index(_) => Err(Fault::new(format!("the path `{key}` into a bag must not index arrays"))),
    };
    steps.into_iter().map(key).collect()
}

fn has(object: &Dynamic, keys: &[Arc<str>]) -> bool {
    let mut at = object;
    for key in keys {
        match at.as_bag().and_then(|it| it.get(key)) {
            Some(next) => at = next,
            None => return false,
        }
    }
    true
}

fn merged(bags: &[Option<Cow<'_, Dynamic>>]) -> Option<Dynamic> {
    let mut bags = bags.iter().flatten().filter_map(|it| it.as_bag());
    let mut out = bags.next()?.clone();
    for bag in bags {
        for (key, value) in bag {
            _ = out.entry(key.clone()).or_insert_with(|| value.clone());
        }
    }
    Some(Dynamic::bag(out))
}

fn without(object: &Dynamic, keys: &Dynamic) -> Result<Option<Dynamic>, Fault> {
    let (Some(bag), Some(keys)) = (object.as_bag(), keys.as_array()) else { return Ok(None) };
    let mut bag = bag.clone();
    for key in keys.iter().filter_map(Dynamic::as_str) {
        remove(&mut bag, &keys_of(key)?);
    }
    Ok(Some(Dynamic::bag(bag)))
}

fn remove(bag: &mut Bag, keys: &[Arc<str>]) {
    match keys {
        [] => {}
        [last] => _ = bag.shift_remove(last),
        [first, rest @ ..] => {
            if let Some(Dynamic::Bag(inner)) = bag.get_mut(first) {
                remove(Arc::make_mut(inner), rest);
            }
        }
    }
}

fn set(object: &Dynamic, key: &str, value: Dynamic) -> Result<Option<Dynamic>, Fault> {
    let Some(bag) = object.as_bag() else { return Ok(None) };
    let mut bag = bag.clone();
    insert(&mut bag, &keys_of(key)?, value);
    Ok(Some(Dynamic::bag(bag)))
}

/// A key that is set goes to the end, as in the reference.
fn insert(bag: &mut Bag, keys: &[Arc<str>], value: Dynamic) {
    let Some((first, rest)) = keys.split_first() else { return };
    if rest.is_empty() {
        _ = bag.shift_remove(first);
        _ = bag.insert(first.clone(), value);
        return;
    }
    let slot = bag.entry(first.clone()).or_insert_with(|| Dynamic::bag(Bag::default()));
    let mut inner = slot.as_bag().cloned().unwrap_or_default();
    insert(&mut inner, rest, value);
    *slot = Dynamic::bag(inner);
}

fn zipped(keys: &Dynamic, values: Option<&Dynamic>) -> Option<Dynamic> {
    let values = values.and_then(Dynamic::as_array).unwrap_or(&[]);
    let slot = |(index, key): (usize, &Dynamic)| {
        let Dynamic::String(key) = key else { return None };
        Some((key.clone(), values.get(index).cloned().unwrap_or(Dynamic::Null)))
    };
    Some(Dynamic::bag(keys.as_array()?.iter().enumerate().filter_map(slot).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use kql_data::json::read;

    fn of(text: &str) -> Dynamic {
        read(text).unwrap()
    }

    #[test]
    fn keys_are_set_and_removed_at_any_depth() {
        let object = of(r#"{"key1":123,"key2":{"prop1":123,"prop2":"xyz"}}"#);
        let set = |key: &str| set(&object, key, Dynamic::Null).map(|it| it.unwrap().json());
        assert_eq!(set("$.key2.prop1"), Ok(r#"{"key1":123,"key2":{"prop2":"xyz","prop1":null}}"#.to_owned()));
        assert_eq!(set("$.key1.a"), Ok(r#"{"key1":{"a":null},"key2":{"prop1":123,"prop2":"xyz"}}"#.to_owned()));
        assert!(set("$.key2[0]").is_err());
        let removed = without(&object, &of(r#"["$.key2.prop1","key1","nope",5]"#)).unwrap().unwrap();
        assert_eq!(removed.json(), r#"{"key2":{"prop2":"xyz"}}"#);
        assert!(has(&object, &keys_of("$.key2.prop2").unwrap()));
        assert!(!has(&object, &keys_of("$.key1.x").unwrap()));
    }

    #[test]
    fn bags_are_zipped() {
        let zip = |keys: &str, values: &str| zipped(&of(keys), Some(&of(values))).map(|it| it.json());
        assert_eq!(zip(r#"["a",8,"b"]"#, "1").as_deref(), Some(r#"{"a":null,"b":null}"#));
        assert_eq!(zip("\"a\"", "[1]"), None);
    }
}
