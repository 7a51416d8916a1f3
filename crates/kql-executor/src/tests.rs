//! Tests over plans built by hand.

mod builder;
mod nodes;
mod oracles;
mod plugins;
pub(crate) mod query;
