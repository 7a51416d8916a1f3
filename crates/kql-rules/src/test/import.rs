//! Test files out of those of other projects.

mod panther;
mod sigma_regression;
mod yaml;

pub use panther::panther;
pub use sigma_regression::sigma_regression;

use crate::Note;
use std::path::PathBuf;

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
