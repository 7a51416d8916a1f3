//! Lists of `[name =] expression`: what `extend`, `project`, `print`, `summarize by` and others share.

use super::super::{Bind, Binder, Row, Table, naming::Names, scope::Binding};
use crate::{
    diagnostic::Span,
    plan::{Expr, ExprId, Op},
    syntax::{Assignment, ExprKind, Literal},
};
use kql_data::{Field, Schema, Type};
use kql_functions::Returns;

/// One bound column of a list.
#[derive(Clone, Debug)]
pub(super) struct NewColumn {
    /// The name spelled out: given with `=`, or a plain column's own.
    pub(super) spelled: Option<String>,
    /// The name that the expression gives by itself.
    pub(super) natural: Option<String>,
    /// The value.
    pub(super) expr: ExprId,
    /// Where it stands.
    pub(super) span: Span,
}

/// Binds a list over the current row. A call that gives several columns becomes several; those that `(a, b) = …` leaves
/// without a name are dropped.
pub(super) fn bind(b: &mut Binder<'_>, assignments: &[Assignment]) -> Bind<Vec<NewColumn>> {
    let bound = assignments.iter().map(|it| one(b, it)).collect();
    Ok(Binder::all(bound)?.into_iter().flatten().collect())
}

/// The same for `print`, where a name without brackets is all that a call of several columns gets.
pub(super) fn bind_printed(b: &mut Binder<'_>, assignments: &[Assignment]) -> Bind<Vec<NewColumn>> {
    let named = |it: &Assignment| {
        let mut columns = one(b, it)?;
        if !it.names.is_empty() {
            columns.truncate(it.names.len());
        }
        Ok(columns)
    };
    let bound = assignments.iter().map(named).collect();
    Ok(Binder::all(bound)?.into_iter().flatten().collect())
}

fn one(b: &mut Binder<'_>, assignment: &Assignment) -> Bind<Vec<NewColumn>> {
    let (span, value) = (assignment.span, assignment.value);
    let query = b.query.clone();
    if matches!(query.kind(value), ExprKind::Star) {
        let fields = b.row.schema.fields.clone();
        let column = |(index, field): (usize, &Field)| NewColumn {
            spelled: Some(field.name.to_string()),
            natural: None,
            expr: b.field(index, field),
            span,
        };
        return Ok(fields.iter().enumerate().map(column).collect());
    }
    let expr = b.scalar(value)?;
    if let Some(columns) = b.columns_of(expr).or_else(|| folded_columns(b, value, expr)) {
        return several(b, assignment, expr, columns);
    }
    if let Some(names) = sorted_arrays(b, value) {
        let named = names.into_iter().map(|it| (it, Type::Dynamic)).collect();
        return spread(b, assignment, expr, named);
    }
    let spelled = match assignment.names.first() {
        Some(name) => Some(name.text.clone()),
        None => match query.kind(value) {
            ExprKind::Name(name) => Some(name.text.clone()),
            _ => None,
        },
    };
    if assignment.names.len() > 1 {
        let mut columns = Vec::new();
        for (n, name) in assignment.names.iter().enumerate() {
            let expr = if b.ty(expr) == Type::Dynamic { b.nth_column(expr, n, Type::Dynamic, span)? } else { expr };
            columns.push(NewColumn { spelled: Some(name.text.clone()), natural: None, expr, span });
        }
        return Ok(columns);
    }
    let natural = b.natural_name(value);
    Ok(vec![NewColumn { spelled, natural, expr, span }])
}

/// Suffixes and types of a call that gives several columns and was folded to one constant.
fn folded_columns(
    b: &Binder<'_>,
    value: crate::syntax::ExprId,
    expr: ExprId,
) -> Option<&'static [(&'static str, Type)]> {
    let (Expr::Constant { .. }, ExprKind::Call(call)) = (b.plan.expr(expr), b.query.kind(value)) else { return None };
    let name = call.function.text.as_str();
    if b.env.find(name).is_some() {
        return None;
    }
    kql_functions::function(name)?.overloads.iter().find_map(|it| match it.returns {
        Returns::Columns(columns) => Some(columns),
        _ => None,
    })
}

fn several(
    b: &mut Binder<'_>,
    assignment: &Assignment,
    expr: ExprId,
    columns: &'static [(&'static str, Type)],
) -> Bind<Vec<NewColumn>> {
    let query = b.query.clone();
    let (function, argument) = match query.kind(assignment.value) {
        ExprKind::Call(call) => {
            let argument = call.arguments.first().and_then(|it| b.natural_name(it.value)).unwrap_or_default();
            (call.function.text.clone(), argument)
        }
        _ => (String::new(), String::new()),
    };
    let named = columns.iter().map(|(suffix, ty)| (format!("{function}_{argument}_{suffix}"), *ty)).collect();
    spread(b, assignment, expr, named)
}

/// A value of several columns as those: under the names given in brackets, or else under their own.
fn spread(
    b: &mut Binder<'_>,
    assignment: &Assignment,
    expr: ExprId,
    columns: Vec<(String, Type)>,
) -> Bind<Vec<NewColumn>> {
    let span = assignment.span;
    let mut bound = Vec::new();
    let n_kept = if assignment.is_tuple { assignment.names.len() } else { usize::MAX };
    for (n, (natural, ty)) in columns.into_iter().enumerate().take(n_kept) {
        let spelled = match (assignment.is_tuple, assignment.names.as_slice()) {
            (true, names) => names.get(n).map(|it| it.text.clone()),
            // One name is the first column's; the others keep theirs, as with `m = arg_max(…)`.
            (false, [name]) if n == 0 => Some(name.text.clone()),
            (false, _) => None,
        };
        bound.push(NewColumn { spelled, natural: Some(natural), expr: b.nth_column(expr, n, ty, span)?, span });
    }
    Ok(bound)
}

/// The names of the columns that `array_sort_asc` or `array_sort_desc` of several arrays gives.
fn sorted_arrays(b: &Binder<'_>, value: crate::syntax::ExprId) -> Option<Vec<String>> {
    let ExprKind::Call(call) = b.query.kind(value) else { return None };
    if !matches!(call.function.text.as_str(), "array_sort_asc" | "array_sort_desc") {
        return None;
    }
    let name = |(n, it): (usize, &crate::syntax::Argument)| match b.query.kind(it.value) {
        ExprKind::Name(name) => format!("{}_sorted", name.text),
        _ => format!("array{n}_sorted"),
    };
    let is_array = |it: &&crate::syntax::Argument| !is_bool(b, it.value);
    let names: Vec<String> = call.arguments.iter().filter(is_array).enumerate().map(name).collect();
    (names.len() > 1).then_some(names)
}

/// Whether it is a bool that stands as such or under a name.
fn is_bool(b: &Binder<'_>, value: crate::syntax::ExprId) -> bool {
    match b.query.kind(value) {
        ExprKind::Literal(Literal::Bool(_)) => true,
        ExprKind::Name(name) => match b.env.find(&name.text) {
            Some(Binding::Scalar(expr)) => b.row.find(&name.text).is_none() && b.ty(*expr) == Type::Bool,
            _ => false,
        },
        _ => false,
    }
}

/// The names spelled out in a list.
pub(super) fn spelled(columns: &[NewColumn]) -> Vec<String> {
    columns.iter().filter_map(|it| it.spelled.clone()).collect()
}

/// Gives each column its name: those spelled out may not repeat, the others step aside.
pub(super) fn name(b: &mut Binder<'_>, columns: &[NewColumn], names: &mut Names) -> Bind<Vec<Field>> {
    let mut named = Vec::with_capacity(columns.len());
    for column in columns {
        let name = match (&column.spelled, &column.natural) {
            (Some(name), _) => match names.spell(name) {
                Some(it) => Ok(it),
                None => b.fail("SEM0034", column.span, format!("the column `{name}` is given twice")),
            },
            (None, Some(name)) => Ok(names.free(name)),
            (None, None) => Ok(names.unnamed()),
        };
        named.push(name.map(|it| match b.unknown.contains(&column.expr) {
            true => Field::unknown(it),
            false => Field::new(it, b.ty(column.expr)),
        }));
    }
    Binder::all(named)
}

/// A projection of those columns; over all rows at once where a window function is called.
pub(super) fn project(b: &mut Binder<'_>, columns: Vec<ExprId>, schema: Schema, input: &Table) -> Table {
    let uses_window = columns.iter().any(|it| is_window(b, *it));
    let op = if uses_window {
        Op::Window { input: input.node, columns }
    } else {
        Op::Project { input: input.node, columns }
    };
    b.table(op, schema, input)
}

/// Whether an expression calls a window function.
pub(super) fn is_window(b: &Binder<'_>, expr: ExprId) -> bool {
    let mut found = false;
    b.plan.walk(expr, &mut |it| found |= matches!(it, Expr::Call { function, .. } if function.window));
    found
}

/// Runs `body` over the rows of a table, where window functions may stand if its order is meant.
pub(super) fn over<T>(b: &mut Binder<'_>, table: &Table, body: impl FnOnce(&mut Binder<'_>) -> T) -> T {
    let row: Row = b.row_of(table);
    let allows_window = table.serialized;
    b.over(row, |b| {
        b.allows_window = allows_window;
        body(b)
    })
}

/// All columns of a table as they are.
pub(super) fn all(b: &mut Binder<'_>, schema: &Schema) -> Vec<ExprId> {
    schema.fields.iter().enumerate().map(|(index, field)| b.field(index, field)).collect()
}
