//! Tests over plans built by hand.

mod builder;
mod nodes;
mod oracles;
pub(crate) mod query;
