//! Takes records apart into trees of typed columns, value by value, and makes tables of them.

mod convert;
mod finish;
mod graft;
mod instant;
mod texts;
mod tree;

pub(crate) use finish::Finish;
pub(crate) use graft::Harvest;
pub(crate) use tree::{Grown, NodeId, ROOT, Tree, Twice};
