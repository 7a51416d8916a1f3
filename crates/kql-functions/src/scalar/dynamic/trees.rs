//! Whole dynamic values: their canonical text, their paths.

use super::path::Step;
use crate::scalar::bounds;
use indexmap::IndexSet;
use kql_data::{Context, Dynamic, Fault, Value, json};

crate::functions! {
    /// JSON of a value with the keys of its bags sorted; other types as `tostring` gives them.
    ///
    ///     dynamic_to_json(dynamic({"b": 1, "a": {"d": 2, "c": 3}})) => "{\"a\":{\"c\":3,\"d\":2},\"b\":1}"
    ///     dynamic_to_json(1s) => "00:00:01"
    fn dynamic_to_json(value: any) -> string { canonical_text(&value) }

    /// The paths to all slots and items inside a value. All items of an array share the path of its first.
    ///
    ///     treepath(dynamic({"a": "b", "c": 123})) => dynamic(["['a']", "['c']"])
    ///     treepath(dynamic({"p": [1, {"x": 2}]})) => dynamic(["['p']", "['p'][0]", "['p'][0]['x']"])
    #[naming(Prefix("tree"))]
    fn treepath(object: bag) -> dynamic |cx| { paths(cx, &object) }
}

fn canonical_text(value: &Value) -> String {
    let Value::Dynamic(value) = value else { return value.text() };
    let mut out = String::new();
    write_canonical(value, &mut out);
    out
}

/// Recursion is bounded: no reader or function builds a value deeper than its limit.
fn write_canonical(value: &Dynamic, out: &mut String) {
    match value {
        Dynamic::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write_canonical(item, out);
            }
            out.push(']');
        }
        Dynamic::Bag(bag) => {
            let mut slots: Vec<_> = bag.iter().collect();
            slots.sort_by_key(|(key, _)| *key);
            out.push('{');
            for (index, (key, item)) in slots.into_iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                json::write_string(key, out);
                out.push(':');
                write_canonical(item, out);
            }
            out.push('}');
        }
        other => json::write(other, out),
    }
}

fn paths(cx: &Context, object: &Dynamic) -> Result<Dynamic, Fault> {
    let mut found = IndexSet::new();
    collect(cx, object, "", &mut found)?;
    Ok(Dynamic::array(found.into_iter().map(Dynamic::string).collect()))
}

fn collect(cx: &Context, value: &Dynamic, prefix: &str, found: &mut IndexSet<String>) -> Result<(), Fault> {
    let mut step = |step: Step, inner: &Dynamic| {
        let path = match step {
            Step::Key(key) => format!("{prefix}['{key}']"),
            Step::Index(index) => format!("{prefix}[{index}]"),
        };
        bounds::array(cx, found.len(), "treepath")?;
        _ = found.insert(path.clone());
        collect(cx, inner, &path, found)
    };
    match value {
        Dynamic::Bag(bag) => bag.iter().try_for_each(|(key, inner)| step(Step::Key(key.clone()), inner)),
        Dynamic::Array(items) => items.iter().try_for_each(|inner| step(Step::Index(0), inner)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_share_a_path() {
        let object = json::read(r#"{"listProperty":[100,"abcde",{"x":"y"},{"x":1,"z":[]}]}"#).unwrap();
        assert_eq!(
            paths(&Context::default(), &object).unwrap().json(),
            r#"["['listProperty']","['listProperty'][0]","['listProperty'][0]['x']","['listProperty'][0]['z']"]"#
        );
    }
}
