//! Taking values out of a mapping, with a note for each that is not what it should be.

use crate::{
    At, Note, Place,
    document::{Entry, Node},
    duration,
};
use kql::parser::diagnostic::closest;
use std::cell::{Cell, RefCell};

/// A mapping whose keys are taken one by one. What is left over is unknown.
pub(super) struct Fields<'a> {
    entries: &'a [Entry],
    taken: Vec<Cell<bool>>,
    known: RefCell<Vec<&'static str>>,
    /// What is odd.
    pub(super) notes: RefCell<Vec<Note>>,
}

impl<'a> Fields<'a> {
    /// The keys of a node; none if it is no mapping.
    pub(super) fn new(node: &'a Node) -> Fields<'a> {
        let entries = node.map().unwrap_or_default();
        let taken = entries.iter().map(|_| Cell::new(false)).collect();
        Fields { entries, taken, known: RefCell::default(), notes: RefCell::default() }
    }

    pub(super) fn note(&self, note: Note) {
        self.notes.borrow_mut().push(note);
    }

    fn wrong(&self, place: Place, key: &str, expected: &str) {
        self.note(Note::warning("READ006", place, format!("`{key}` should be {expected}")));
    }

    /// The value of the first of those keys that is there and not null.
    pub(super) fn node(&self, keys: &[&'static str]) -> Option<&'a Node> {
        self.known.borrow_mut().extend(keys);
        let mut found: Option<&'a Node> = None;
        for key in keys {
            for (entry, taken) in self.entries.iter().zip(&self.taken).filter(|it| it.0.key == *key) {
                if taken.replace(true) {
                    continue;
                }
                if found.is_some() {
                    let message = format!("`{key}` is there twice; the first counts");
                    self.note(Note::warning("READ007", entry.key_place, message));
                } else {
                    found = Some(&entry.value);
                }
            }
        }
        found.filter(|it| !it.is_null())
    }

    /// A text.
    pub(super) fn text(&self, keys: &[&'static str]) -> Option<At<String>> {
        let node = self.node(keys)?;
        let text = super::at(node);
        if text.is_none() {
            self.wrong(node.place, keys.first().unwrap_or(&""), "a text");
        }
        text
    }

    /// A value that `of` understands in a text.
    pub(super) fn parsed<T>(&self, keys: &[&'static str], of: fn(&str) -> Option<T>, expected: &str) -> Option<At<T>> {
        let text = self.text(keys)?;
        let value = of(&text);
        if value.is_none() {
            self.wrong(text.place, keys.first().unwrap_or(&""), &format!("{expected}, not `{}`", text.value));
        }
        Some(At::new(value?, text.place))
    }

    /// A duration in ticks.
    pub(super) fn duration(&self, keys: &[&'static str]) -> Option<At<i64>> {
        self.parsed(keys, duration::parse, "a duration such as 1d, 5m, PT1H or 01:00:00")
    }

    /// A truth value.
    pub(super) fn boolean(&self, keys: &[&'static str]) -> Option<At<bool>> {
        let node = self.node(keys)?;
        let value = node.boolean();
        if value.is_none() {
            self.wrong(node.place, keys.first().unwrap_or(&""), "true or false");
        }
        Some(At::new(value?, node.place))
    }

    /// A whole number.
    pub(super) fn integer(&self, keys: &[&'static str]) -> Option<At<i64>> {
        let node = self.node(keys)?;
        let value = node.integer();
        if value.is_none() {
            self.wrong(node.place, keys.first().unwrap_or(&""), "a whole number");
        }
        Some(At::new(value?, node.place))
    }

    /// A list of texts; one text is a list of one.
    pub(super) fn texts(&self, keys: &[&'static str]) -> Vec<At<String>> {
        let Some(node) = self.node(keys) else { return Vec::new() };
        let items = node.list().unwrap_or(std::slice::from_ref(node));
        let texts: Vec<At<String>> = items.iter().filter_map(super::at).collect();
        if texts.len() < items.len() {
            self.wrong(node.place, keys.first().unwrap_or(&""), "a list of texts");
        }
        texts
    }

    /// A list of mappings; one mapping is a list of one.
    pub(super) fn items(&self, keys: &[&'static str]) -> Vec<&'a Node> {
        let Some(node) = self.node(keys) else { return Vec::new() };
        let items = node.list().unwrap_or(std::slice::from_ref(node));
        let maps: Vec<&Node> = items.iter().filter(|it| it.map().is_some()).collect();
        if maps.len() < items.len() {
            self.wrong(node.place, keys.first().unwrap_or(&""), "a list of mappings");
        }
        maps
    }

    /// The keys and texts of a mapping.
    pub(super) fn pairs(&self, keys: &[&'static str]) -> Vec<(At<String>, At<String>)> {
        let Some(node) = self.node(keys) else { return Vec::new() };
        let entries = node.map().unwrap_or_default();
        let pair = |it: &Entry| Some((At::new(it.key.clone(), it.key_place), super::at(&it.value)?));
        let pairs: Vec<_> = entries.iter().filter_map(pair).collect();
        if pairs.len() < entries.len() || node.map().is_none() {
            self.wrong(node.place, keys.first().unwrap_or(&""), "a mapping of names to columns");
        }
        pairs
    }

    /// The fields of a mapping that is a value of this one.
    pub(super) fn fields(&self, keys: &[&'static str]) -> Option<(Fields<'a>, Place)> {
        let node = self.node(keys)?;
        if node.map().is_none() {
            self.wrong(node.place, keys.first().unwrap_or(&""), "a mapping");
            return None;
        }
        Some((Fields::new(node), node.place))
    }

    /// Knows keys without looking at their values.
    pub(super) fn ignore(&self, keys: &[&'static str]) {
        self.known.borrow_mut().extend(keys);
        for (entry, taken) in self.entries.iter().zip(&self.taken) {
            if keys.contains(&entry.key.as_str()) {
                taken.set(true);
            }
        }
    }

    /// Everything odd: also that there are keys nobody asked for.
    pub(super) fn finish(self) -> Vec<Note> {
        let known = self.known.into_inner();
        let mut notes = self.notes.into_inner();
        for (entry, _) in self.entries.iter().zip(&self.taken).filter(|it| !it.1.get()) {
            let note = Note::warning("READ005", entry.key_place, format!("unknown key `{}`", entry.key));
            notes.push(match closest(&entry.key, known.iter().copied()) {
                Some(near) => note.hint(format!("did you mean `{near}`?")),
                None => note,
            });
        }
        notes
    }
}
