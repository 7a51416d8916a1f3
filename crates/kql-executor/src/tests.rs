//! Tests over plans built by hand.

pub(crate) mod builder;
mod nodes;
mod oracles;
mod plugins;
pub(crate) mod query;
