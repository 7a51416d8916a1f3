//! Arrays, bags, and what is packed into them.

pub mod path;
