//! Runs logical plans over columnar batches.
