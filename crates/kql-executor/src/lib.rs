//! Runs logical plans over columnar batches.
//!
//! * [`Execution`] runs the results of one plan: what several of them read is computed once.
//! * `shape`, `stream`: which nodes are fused into a chain that runs per chunk, and which gather all rows first.
//! * `program`: expressions, compiled once and evaluated once a batch.
//! * `keys`, `group`: equality of rows, and numbers for distinct keys; grouping and joining stand on them.
//! * One file a node: `filter`, `join`, …; plugins and whole-table operators in [`evaluate`].

mod aggregate;
mod execution;
mod expand;
mod filter;
mod group;
mod join;
mod keys;
mod program;
mod project;
mod scan;
mod shape;
mod sort;
mod stream;
mod window;

#[cfg(test)]
mod tests;

pub use execution::{Execution, NodeStatistics, Tables, execute};
