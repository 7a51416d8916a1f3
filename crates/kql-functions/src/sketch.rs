//! Summaries of many values in little space: distinct counts ([`hll`]) and quantiles ([`tdigest`]).

pub mod hll;
pub mod tdigest;
