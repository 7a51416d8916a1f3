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
    // Arithmetic is computed before the rows are compared, and its columns there have taken the first numbers.
    let is_nameless = |column: &columns::NewColumn| column.spelled.is_none() && column.natural.is_none();
    let columns_of_list = bound.iter().zip(&it.columns);
    names.pass_over(columns_of_list.filter(|(column, it)| is_nameless(column) && is_arithmetic(b, it.value)).count());
    let fields = columns::name(b, &bound, &mut names)?;
    let keys = bound.iter().map(|it| it.expr).collect();
    let op = Op::Aggregate { input: input.node, keys, aggregates: Vec::new() };
    let open = input.open && it.columns.iter().any(|it| matches!(b.query.kind(it.value), ExprKind::Star));
    let table = b.new_table(op, Schema::new(fields));
    Ok(Table { open, ..table })
}

/// Whether it is an arithmetic operation on values of the row; `cot` is a division.
fn is_arithmetic(b: &Binder<'_>, value: ExprId) -> bool {
    match b.query.kind(value) {
        ExprKind::Arithmetic { .. } => true,
        ExprKind::Unary { operand, .. } => !matches!(b.query.kind(*operand), ExprKind::Literal(_)),
        ExprKind::Call(call) => call.function.text == "cot",
        ExprKind::Parenthesized(inner) => is_arithmetic(b, *inner),
        _ => false,
    }
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
