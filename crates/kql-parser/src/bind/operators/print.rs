//! `print`: one row of expressions.

use super::super::Table;
use super::super::{Bind, Binder, naming::Names};
use super::columns;
use crate::syntax::{Print, Stage};
use kql_data::Schema;

pub(super) fn bind(b: &mut Binder<'_>, it: &Print, _: &Stage) -> Bind<Table> {
    let input = b.one_row();
    let mut bound = columns::over(b, &input, |b| columns::bind_printed(b, &it.columns))?;
    let explicit: Vec<bool> = it.columns.iter().map(|it| !it.names.is_empty()).collect();
    let one_each = explicit.len() == bound.len();
    for (n, column) in bound.iter_mut().enumerate() {
        // Only names given with `=` count; all others are numbered by place.
        if one_each && explicit.get(n) == Some(&false) {
            (column.spelled, column.natural) = (None, Some(format!("print_{n}")));
        }
    }
    let mut names = Names::new(columns::spelled(&bound), Vec::new());
    let fields = columns::name(b, &bound, &mut names)?;
    let exprs = bound.iter().map(|it| it.expr).collect();
    let table = columns::project(b, exprs, Schema::new(fields), &input);
    Ok(Table { label: None, ..table })
}
