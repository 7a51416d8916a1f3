//! Mappings of test files: what they may hold, strictly, because a misspelt expectation would never fail.

use crate::{
    At, Note, Place,
    document::{Entry, Node},
};
use kql::parser::{diagnostic::closest, parse_datetime};

/// The entries of a mapping whose keys are all among those.
pub(super) fn entries<'a>(node: &'a Node, what: &str, known: &[&str]) -> Result<&'a [Entry], Note> {
    let entries = mapping(node, what)?;
    match entries.iter().find(|it| !known.contains(&it.key.as_str())) {
        None => Ok(entries),
        Some(entry) => {
            let near = closest(&entry.key, known.iter().copied());
            let hint =
                near.map_or_else(|| format!("keys are {}", known.join(", ")), |it| format!("did you mean `{it}`?"));
            Err(fault(entry.key_place, format!("{what} has no key `{}`", entry.key)).hint(hint))
        }
    }
}

/// The entries of a mapping.
pub(super) fn mapping<'a>(node: &'a Node, what: &str) -> Result<&'a [Entry], Note> {
    node.map().ok_or_else(|| fault(node.place, format!("{what} is a mapping")))
}

/// The items of a list.
pub(super) fn list<'a>(node: &'a Node, what: &str) -> Result<&'a [Node], Note> {
    node.list().ok_or_else(|| fault(node.place, format!("{what} is a list")))
}

/// A text.
pub(super) fn text(node: &Node, what: &str) -> Result<At<String>, Note> {
    let text = node.text().ok_or_else(|| fault(node.place, format!("{what} is a text")))?;
    Ok(At::new(text.to_owned(), node.place))
}

/// A truth value.
pub(super) fn boolean(node: &Node, what: &str) -> Result<At<bool>, Note> {
    let it = node.boolean().ok_or_else(|| fault(node.place, format!("{what} is true or false")))?;
    Ok(At::new(it, node.place))
}

/// A moment, in ticks.
pub(super) fn moment(node: &Node, what: &str) -> Result<At<i64>, Note> {
    let it = node.text().and_then(parse_datetime);
    let it = it.ok_or_else(|| fault(node.place, format!("{what} is a datetime such as 2026-01-31T12:00:00Z")))?;
    Ok(At::new(it, node.place))
}

/// What is wrong with a test file.
pub(super) fn fault(place: Place, message: impl Into<String>) -> Note {
    Note::error("TEST001", place, message)
}
