//! Arrays, bags, and what is packed into them.

pub mod arrays;
pub mod bags;
pub mod pack;
pub(crate) mod path;
pub mod sets;
pub mod sorting;
pub mod trees;

use crate::declare::{Accepts, Overload, Param, Returns};
use kql_data::Type;

/// An overload that takes so many arrays or bags and gives a dynamic.
const fn variadic(param: Param, least: usize, most: usize, kernel: crate::Kernel) -> Overload {
    Overload {
        params: &[],
        rest: Some((param, least, most)),
        returns: Returns::Type(Type::Dynamic),
        kernel: Some(kernel),
    }
}

const ARRAY: Param = Param::new("array", Accepts::Array);
