//! Operators, as functions named by their symbols.

use crate::declare::{Accepts, Constness, Overload, Param, Returns};
use kql_data::Type;

pub mod arithmetic;
pub mod between;
pub mod compare;
pub mod haystack;
pub mod lift;
pub mod logic;
pub mod member;
pub mod needle;
pub mod path;
pub mod search;

/// A parameter of exactly that type, or one that widens to it.
pub(crate) const fn of(name: &'static str, ty: Type) -> Param {
    Param { name, accepts: Accepts::Type(ty), cast: Some(ty), constness: Constness::Any }
}

/// A parameter of one type that is converted to another.
pub(crate) const fn cast(name: &'static str, from: Accepts, to: Type) -> Param {
    Param::new(name, from).cast(to)
}

/// An overload with a kernel of its own.
pub(crate) const fn overload(params: &'static [Param], ty: Type, kernel: crate::Kernel) -> Overload {
    Overload { params, rest: None, returns: Returns::Type(ty), kernel: Some(kernel) }
}

/// Operands that the language refuses with an error of its own.
pub(crate) const fn refused(
    params: &'static [Param],
    why: fn(&[crate::Actual]) -> Result<Type, kql_data::Fault>,
) -> Overload {
    Overload { params, rest: None, returns: Returns::Custom(why), kernel: None }
}

pub(crate) fn types(actuals: &[crate::Actual]) -> String {
    actuals.iter().map(|it| it.ty.name()).collect::<Vec<_>>().join(" and ")
}

#[cfg(test)]
mod tests;
