//! What a group key may be.

use super::super::{Bind, Binder};
use super::columns::NewColumn;
use kql_data::Type;

/// Group keys may be of any type but dynamic.
pub(super) fn check(b: &mut Binder<'_>, keys: &[NewColumn]) -> Bind<()> {
    for key in keys {
        if b.ty(key.expr) == Type::Dynamic && !b.unknown.contains(&key.expr) && b.reads_row(key.expr) {
            return b.fail("SEM0001", key.span, "rows cannot be grouped by a dynamic; convert it, as with tostring()");
        }
    }
    Ok(())
}
