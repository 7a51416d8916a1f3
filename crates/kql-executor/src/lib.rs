//! Runs logical plans over columnar batches.
//!
//! * [`Execution`] runs the results of one plan: what several of them read is computed once.
//! * `shape`, `stream`: which nodes are fused into a chain that runs per chunk, and which gather all rows first.
//! * `program`: expressions, compiled once and evaluated once a batch.
//! * `keys`, `group`: equality of rows, and numbers for distinct keys; grouping and joining stand on them. `tally`: rows that
//!   are only counted.
//! * One file a node: `filter`, `join`, …; plugins and whole-table operators in [`evaluate`].

mod aggregate;
mod apply;
pub mod evaluate;
mod execution;
mod expand;
mod filter;
mod fold;
mod graph;
mod group;
mod join;
mod keys;
mod parse;
mod parse_kv;
mod program;
mod project;
mod sample;
mod scan;
mod series;
mod shape;
mod sort;
mod steps;
mod stream;
mod tally;
mod threads;
mod window;

#[cfg(test)]
mod tests;

pub use evaluate::run_plugin;
pub use execution::{Execution, NodeStatistics, Tables, execute};
pub use threads::Threads;
