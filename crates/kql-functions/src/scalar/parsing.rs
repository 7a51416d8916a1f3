//! Texts of known forms taken apart: addresses of pages, files, records, markup, versions.

pub mod csv;
pub mod path;
pub mod url;
pub mod user_agent;
pub mod version;
pub mod xml;

use kql_data::{Bag, Dynamic};

/// A bag of texts under fixed keys.
fn bag_of<'a>(slots: impl IntoIterator<Item = (&'static str, &'a str)>) -> Bag {
    slots.into_iter().map(|(key, text)| (key.into(), Dynamic::string(text))).collect()
}
