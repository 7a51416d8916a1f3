//! Scalar functions, one family a file.

use crate::declare::Function;

mod bounds;
pub mod dynamic;
pub mod text;

/// Every family.
pub const FAMILIES: &[&[Function]] = &[
    text::FUNCTIONS,
    text::codepoints::FUNCTIONS,
    text::command_line::FUNCTIONS,
    text::extract::FUNCTIONS,
    text::join::FUNCTIONS,
    text::punycode::FUNCTIONS,
    text::replace::FUNCTIONS,
    text::search::FUNCTIONS,
    text::split::FUNCTIONS,
];
