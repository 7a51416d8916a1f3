//! Aggregates, one family a file.

use crate::aggregate::Aggregate;

pub mod number;
pub mod statistics;

/// Every family.
pub const FAMILIES: &[&[&[Aggregate]]] = &[&[number::COUNT], number::AGGREGATES, statistics::AGGREGATES];
