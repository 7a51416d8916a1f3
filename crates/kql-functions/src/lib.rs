//! Every function and aggregate: signature, documentation, examples and kernel in one declaration.
//!
//! * [`declare`]: what a declaration is, and the `functions!` macro that lifts a one-row body over columns.
//! * [`resolve`]: from a name and argument types to one overload and its result type.
//! * [`evaluate`]: runs an overload over columns; once per distinct value where an argument is a dictionary.
//! * [`kernel`]: loops for processors that can do more than most, and the only `unsafe`.
//! * [`aggregate`]: the trait behind `summarize`, and the declarations of aggregates.
//! * [`scalar`], [`aggregates`]: the declarations, one family a file.
//! * [`sketch`]: what estimates of distinct counts and percentiles are made from.
//! * [`registry`]: all of them by name.
//! * [`pending`]: signatures of what the language has and this engine does not run yet.

pub mod aggregate;
pub mod aggregates;
pub mod declare;
pub mod evaluate;
pub mod kernel;
pub mod pending;
pub mod registry;
pub mod resolve;
pub mod scalar;
mod signature;
pub mod sketch;

pub use aggregate::{Accumulator, Aggregate, AggregateCall};
pub use declare::{Accepts, Constness, Function, Kernel, Naming, Overload, Param, Returns};
pub use evaluate::{CallSite, Calls, Cells, Entries};
pub use registry::{aggregate, aggregates as all_aggregates, conversion, function, functions as all_functions};
pub use resolve::{Actual, Resolved, resolve};
