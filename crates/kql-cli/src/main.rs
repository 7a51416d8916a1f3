//! The `kql` command.

fn main() {}
