//! `project`: those columns and no others.

use super::super::{Bind, Binder, Table, naming::Names};
use super::columns;
use crate::syntax::Assignment;
use kql_data::Schema;

pub(super) fn bind(b: &mut Binder<'_>, assignments: &[Assignment], input: Table) -> Bind<Table> {
    let bound = columns::over(b, &input, |b| columns::bind(b, assignments))?;
    let mut names = Names::new(columns::spelled(&bound), Vec::new());
    let fields = columns::name(b, &bound, &mut names)?;
    let exprs = bound.iter().map(|it| it.expr).collect();
    let table = columns::project(b, exprs, Schema::new(fields), &input);
    Ok(Table { open: false, ..table })
}
