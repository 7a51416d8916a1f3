//! `distinct`: the distinct combinations of columns.

use super::super::{Bind, Binder, Table, naming::Names};
use super::{columns, keys};
use crate::{
    plan::Op,
    syntax::{Distinct, ExprId, ExprKind, Stage},
};
use kql_data::Schema;

pub(super) fn bind(b: &mut Binder<'_>, it: &Distinct, input: Table, _: &Stage) -> Bind<Table> {
    let mut bound = columns::over(b, &input, |b| columns::bind(b, &it.columns))?;
    if bound.len() == it.columns.len() {
        for (column, assignment) in bound.iter_mut().zip(&it.columns) {
            if is_type_name(b, assignment.value) {
                column.natural = None;
            }
        }
    }
    keys::check(b, &bound)?;
    let mut names = Names::new(columns::spelled(&bound), Vec::new());
    let fields = columns::name(b, &bound, &mut names)?;
    let keys = bound.iter().map(|it| it.expr).collect();
    let op = Op::Aggregate { input: input.node, keys, aggregates: Vec::new() };
    let open = input.open && it.columns.iter().any(|it| matches!(b.query.kind(it.value), ExprKind::Star));
    let table = b.new_table(op, Schema::new(fields));
    Ok(Table { open, ..table })
}

/// Whether it is `gettype(…)`, perhaps converted: the one call with a name of its own that does not name its column here.
fn is_type_name(b: &Binder<'_>, value: ExprId) -> bool {
    match b.query.kind(value) {
        ExprKind::Call(call) if call.function.text == "gettype" => true,
        ExprKind::Call(call) if call.function.text == "tostring" => {
            call.arguments.first().is_some_and(|it| is_type_name(b, it.value))
        }
        ExprKind::Parenthesized(inner) => is_type_name(b, *inner),
        _ => false,
    }
}
