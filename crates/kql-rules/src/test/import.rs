//! Test files out of those of other projects.

mod contentctl;
mod panther;
mod sigma_regression;
mod yaml;

pub use contentctl::contentctl;
pub use panther::panther;
pub use sigma_regression::sigma_regression;

use crate::{Files, Note};
use serde_json::Value as Json;
use std::path::{Path, PathBuf};

/// A test file that an import wrote.
#[derive(Clone, Debug, PartialEq)]
pub struct Imported {
    /// Where it belongs, beside what it was made of.
    pub path: PathBuf,
    /// Its text.
    pub text: String,
    /// What could not be taken over.
    pub notes: Vec<Note>,
}

/// The events of a JSON file: one value after the other, lists taken apart.
fn events(files: &dyn Files, file: &Path) -> Result<Vec<Json>, String> {
    let bytes = files.read(file)?;
    let text = String::from_utf8_lossy(&bytes);
    let mut out = Vec::new();
    for value in serde_json::Deserializer::from_str(text.trim_start_matches('\u{feff}')).into_iter::<Json>() {
        match value.map_err(|why| format!("{}: {why}", file.display()))? {
            Json::Array(items) => out.extend(items),
            other => out.push(other),
        }
    }
    Ok(out)
}

/// A path from the directory of a file or one above it, or its name beside the file: in a repository paths count from its root.
fn find(files: &dyn Files, from: &Path, path: &Path) -> Option<PathBuf> {
    let name = path.file_name()?;
    let beside = from.parent().map(|it| it.join(name));
    let above = from.ancestors().skip(1).map(|it| it.join(path));
    beside.into_iter().chain(above).find(|it| files.is_file(it))
}

/// One test of a test file: what its table holds, and what it expects.
fn case(name: &str, table: &str, rows: &[Json], expect: &str) -> String {
    let mut out = format!("  - name: {}\n    rows:\n      {}:\n", yaml::flow(&name.into()), yaml::key(table));
    rows.iter().for_each(|it| out.push_str(&yaml::block(it, 8)));
    out.push_str(&format!("    expect: {expect}\n"));
    out
}
