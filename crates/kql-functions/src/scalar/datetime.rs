//! Datetimes and timespans.

pub mod text;
