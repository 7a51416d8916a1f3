//! Takes records apart into trees of typed columns, value by value, and makes tables of them.

mod convert;
mod finish;
mod graft;
mod grown;
mod growth;
mod instant;
mod pattern;
mod raw;
mod sieve;
mod texts;
mod tree;

pub(crate) use convert::{Failures, value};
pub(crate) use finish::Finish;
pub(crate) use graft::Harvest;
pub(crate) use grown::Grown;
pub(crate) use sieve::{Sieve, Test};
pub(crate) use tree::{Base, Mark, NONE, NodeId, ROOT, Tree, Twice, Wanted};
