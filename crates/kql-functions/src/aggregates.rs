//! Aggregates, one family a file.

use crate::aggregate::Aggregate;

pub mod collect;
mod distinct;
mod list;
pub mod number;
pub mod percentile;
pub mod row;
pub mod schema;
pub mod sketch;
pub mod statistics;

/// Every family.
pub const FAMILIES: &[&[&[Aggregate]]] = &[
    &[
        number::COUNT,
        collect::AGGREGATES,
        percentile::AGGREGATES,
        row::AGGREGATES,
        schema::AGGREGATES,
        sketch::AGGREGATES,
    ],
    number::AGGREGATES,
    statistics::AGGREGATES,
];
