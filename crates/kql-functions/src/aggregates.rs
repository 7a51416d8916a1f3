//! Aggregates, one family a file.

use crate::aggregate::Aggregate;

/// Every family.
pub const FAMILIES: &[&[Aggregate]] = &[];
