//! `distinct`: the distinct combinations of columns.

use super::super::{Bind, Binder, Table, naming::Names};
use super::{columns, keys};
use crate::{
    plan::Op,
    syntax::{Distinct, ExprKind, Stage},
};
use kql_data::Schema;

pub(super) fn bind(b: &mut Binder<'_>, it: &Distinct, input: Table, _: &Stage) -> Bind<Table> {
    let bound = columns::over(b, &input, |b| columns::bind(b, &it.columns))?;
    keys::check(b, &bound)?;
    let mut names = Names::new(columns::spelled(&bound), Vec::new());
    let fields = columns::name(b, &bound, &mut names)?;
    let keys = bound.iter().map(|it| it.expr).collect();
    let op = Op::Aggregate { input: input.node, keys, aggregates: Vec::new() };
    let open = input.open && it.columns.iter().any(|it| matches!(b.query.kind(it.value), ExprKind::Star));
    let table = b.new_table(op, Schema::new(fields));
    Ok(Table { open, ..table })
}
