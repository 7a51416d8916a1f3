//! JSON paths: `$.a['b c'][0]`. Wildcards, slices and recursion are not part of the language.

use kql_data::{Dynamic, Fault};
use std::sync::Arc;

/// One step of a path.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Step {
    /// Into a slot of a bag.
    Key(Arc<str>),
    /// Into an item of an array.
    Index(i64),
}

/// A path from the root of a value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Path {
    /// Its steps.
    pub(crate) steps: Vec<Step>,
}

impl Path {
    /// Reads a path. It begins with `$`; a step without its dot (`$a`, `[0]x`) is taken as the reference takes it.
    pub(crate) fn parse(text: &str) -> Result<Path, Fault> {
        let wrong = || Fault::new(format!("`{text}` is not a JSON path, such as $.a['b'][0]"));
        let mut rest = text.strip_prefix('$').ok_or_else(wrong)?;
        let mut steps = Vec::new();
        while !rest.is_empty() {
            if let Some(inner) = rest.strip_prefix('[') {
                let (step, after) = bracketed(inner).ok_or_else(wrong)?;
                steps.push(step);
                rest = after;
                continue;
            }
            rest = rest.strip_prefix('.').unwrap_or(rest);
            if rest.starts_with('[') {
                continue;
            }
            let end = rest.find(['.', '[']).unwrap_or(rest.len());
            let (key, after) = rest.split_at_checked(end).ok_or_else(wrong)?;
            if key.is_empty() || key.contains('*') {
                return Err(wrong());
            }
            steps.push(Step::Key(key.into()));
            rest = after;
        }
        Ok(Path { steps })
    }

    /// What is there; null when nothing is.
    pub(crate) fn find(&self, value: &Dynamic) -> Dynamic {
        let mut value = value.clone();
        for step in &self.steps {
            value = match step {
                Step::Key(key) => value.get(key),
                Step::Index(index) => value.at(*index),
            };
        }
        value
    }
}

/// The step after `[`, and what follows its `]`.
fn bracketed(inner: &str) -> Option<(Step, &str)> {
    let quote = inner.chars().next().filter(|it| matches!(it, '\'' | '"'));
    let Some(quote) = quote else {
        let (index, after) = inner.split_once(']')?;
        return Some((Step::Index(index.trim().parse().ok()?), after));
    };
    let mut key = String::new();
    let mut chars = inner.char_indices().skip(1);
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => key.push(chars.next()?.1),
            c if c == quote => return Some((Step::Key(key.into()), inner.get(at + 1..)?.strip_prefix(']')?)),
            c => key.push(c),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use kql_data::json;

    #[test]
    fn paths_are_read_and_followed() {
        let value = json::read(r#"{"a":{"b c":[{"x":1},{"x":2}]}}"#).unwrap();
        let find = |path: &str| Path::parse(path).map(|it| it.find(&value).json());
        assert_eq!(find("$.a['b c'][1].x"), Ok("2".to_owned()));
        assert_eq!(find("$['a'][\"b c\"][-1]['x']"), Ok("2".to_owned()));
        assert_eq!(find("$a"), find("$.a"));
        assert_eq!(find("$.a.['b c'][0]x"), Ok("1".to_owned()));
        assert_eq!(find("$.q.r"), Ok("null".to_owned()));
        assert_eq!(find("$"), Ok(value.json()));
        for wrong in ["a", "$.", "$..a", "$.*", "$[", "$['a", "$[x]", ""] {
            assert!(Path::parse(wrong).is_err(), "{wrong}");
        }
    }
}
