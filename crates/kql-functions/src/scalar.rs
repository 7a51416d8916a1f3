//! Scalar functions, one family a file.

use crate::declare::Function;

pub mod text;

/// Every family.
pub const FAMILIES: &[&[Function]] = &[text::FUNCTIONS];
