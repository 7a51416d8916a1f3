//! `join`: rows of two tables with equal keys.

use super::super::{Bind, Binder, Row, Table, naming::Names};
use super::columns;
use crate::{
    diagnostic::Span,
    plan::{ExprId as PlanExpr, JoinKind, Op},
    syntax::{BinaryOperator, ExprId, ExprKind, Join, Stage, Step},
};
use kql_data::{Field, Schema, Type};
use kql_functions::resolve::widest_number;

const KINDS: &[(&str, JoinKind)] = &[
    ("inner", JoinKind::Inner),
    ("innerunique", JoinKind::InnerUnique),
    ("leftouter", JoinKind::LeftOuter),
    ("rightouter", JoinKind::RightOuter),
    ("fullouter", JoinKind::FullOuter),
    ("leftsemi", JoinKind::LeftSemi),
    ("leftanti", JoinKind::LeftAnti),
    ("anti", JoinKind::LeftAnti),
    ("leftantisemi", JoinKind::LeftAnti),
    ("rightsemi", JoinKind::RightSemi),
    ("rightanti", JoinKind::RightAnti),
    ("rightantisemi", JoinKind::RightAnti),
];

/// A pair of keys: over the left row, over the right row.
pub(super) type Keys = Vec<(PlanExpr, PlanExpr)>;

pub(super) fn bind(b: &mut Binder<'_>, it: &Join, input: Table, stage: &Stage) -> Bind<Table> {
    let names: Vec<&'static str> = KINDS.iter().map(|(name, _)| *name).collect();
    let kind = b.choice(&it.parameters, "kind", &names)?;
    let kind = kind.and_then(|word| KINDS.iter().find(|(name, _)| *name == word));
    let kind = kind.map_or(JoinKind::InnerUnique, |(_, kind)| *kind);
    let right = b.over(Row::none(), |b| b.tabular(it.right))?;
    let keys = keys(b, &it.on, &input, &right)?;
    let condition = match it.predicate {
        Some(predicate) => {
            let mut row = b.row_of(&input);
            row.right = Some(right.schema.clone());
            Some(b.over(row, |b| b.predicate(predicate))?)
        }
        None => None,
    };
    if keys.is_empty() && condition.is_none() {
        return b.fail("SYN0002", stage.span, "`join` needs keys: `on Column`");
    }
    let schema = match kind {
        JoinKind::LeftSemi | JoinKind::LeftAnti => (*input.schema).clone(),
        JoinKind::RightSemi | JoinKind::RightAnti => (*right.schema).clone(),
        _ => {
            b.check_columns(input.schema.len() + right.schema.len(), stage.span)?;
            joined(&input.schema, &right.schema)
        }
    };
    let op = Op::Join { left: input.node, right: right.node, kind, keys, condition };
    let open = match kind {
        JoinKind::LeftSemi | JoinKind::LeftAnti => input.open,
        JoinKind::RightSemi | JoinKind::RightAnti => right.open,
        _ => input.open || right.open,
    };
    let table = b.new_table(op, schema);
    Ok(Table { open, ..table })
}

/// Columns of both sides; a name that the left side has gets 1, 2, … behind it on the right.
pub(super) fn joined(left: &Schema, right: &Schema) -> Schema {
    // A right column steps aside for the left's, but not onto another column of the right.
    let mut names = Names::new(right.fields.iter().map(|it| it.name.to_string()), Vec::new());
    for field in &left.fields {
        _ = names.take(&field.name);
    }
    let mut fields = left.fields.clone();
    fields.extend(right.fields.iter().map(|it| Field::new(names.free(&it.name), it.ty)));
    Schema::new(fields)
}

/// The keys behind `on`: a name of both sides, or `$left.a == $right.b`.
pub(super) fn keys(b: &mut Binder<'_>, on: &[ExprId], left: &Table, right: &Table) -> Bind<Keys> {
    let bound = on.iter().map(|id| key(b, *id, left, right)).collect();
    Ok(Binder::all(bound)?.into_iter().flatten().collect())
}

fn key(b: &mut Binder<'_>, id: ExprId, left: &Table, right: &Table) -> Bind<Keys> {
    let query = b.query.clone();
    let span = query.span(id);
    match query.kind(id) {
        ExprKind::Parenthesized(inner) => key(b, *inner, left, right),
        ExprKind::And(items) => {
            let bound = items.iter().map(|it| key(b, *it, left, right)).collect();
            Ok(Binder::all(bound)?.into_iter().flatten().collect())
        }
        ExprKind::Name(_) => {
            let a = side(b, id, left)?;
            let c = side(b, id, right)?;
            Ok(vec![same_type(b, a, c, span)?])
        }
        ExprKind::Binary { operator: BinaryOperator::Equal, left: first, right: second, .. } => {
            let is_right = |id: ExprId| is_side(b, id, "$right");
            let (first, second) =
                if is_right(*first) && !is_right(*second) { (*second, *first) } else { (*first, *second) };
            let a = side(b, first, left)?;
            let c = side(b, second, right)?;
            Ok(vec![same_type(b, a, c, span)?])
        }
        _ => b.fail("SEM0051", span, "a key of a join is a name of both sides, or `$left.a == $right.b`"),
    }
}

fn is_side(b: &Binder<'_>, id: ExprId, side: &str) -> bool {
    match b.query.kind(id) {
        ExprKind::Path { base, .. } => matches!(b.query.kind(*base), ExprKind::Name(it) if it.text == side),
        ExprKind::Parenthesized(inner) => is_side(b, *inner, side),
        ExprKind::Call(call) => call.arguments.iter().any(|it| is_side(b, it.value, side)),
        _ => false,
    }
}

/// One side of a key over its own table: a column, or an expression of `$left.a` alone.
fn side(b: &mut Binder<'_>, id: ExprId, table: &Table) -> Bind<PlanExpr> {
    columns::over(b, table, |b| {
        let query = b.query.clone();
        match query.kind(id) {
            ExprKind::Path { base, steps } => match (query.kind(*base), steps.as_slice()) {
                (ExprKind::Name(side), [Step::Member(_)]) if side.text.starts_with('$') => b.column_or_assumed(id),
                _ => b.fail("SEM0051", query.span(id), "a key of a join must be a column of `$left` or `$right`"),
            },
            _ => b.column_or_assumed(id),
        }
    })
}

/// Both keys in one type.
fn same_type(b: &mut Binder<'_>, left: PlanExpr, right: PlanExpr, span: Span) -> Bind<(PlanExpr, PlanExpr)> {
    let (a, c) = (b.ty(left), b.ty(right));
    let ty = match (a, c) {
        (a, c) if a == c => return Ok((left, right)),
        (Type::Dynamic, other) | (other, Type::Dynamic) => other,
        _ => match widest_number([a, c]) {
            Some(ty) => ty,
            None => return b.fail("SEM0085", span, format!("the keys of the join have different types: {a} and {c}")),
        },
    };
    Ok((b.cast(left, ty, span)?, b.cast(right, ty, span)?))
}
