//! `mv-expand`: one row an element.

use super::super::{Bind, Binder, Table};
use super::expand;
use crate::syntax::MvExpand;

pub(super) fn bind(b: &mut Binder<'_>, it: &MvExpand, input: Table) -> Bind<Table> {
    expand::bind(b, &it.columns, &it.parameters, it.limit, false, &input)
}
