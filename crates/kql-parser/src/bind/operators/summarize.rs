//! `summarize`: aggregates of groups of rows.

use super::super::{Bind, Binder, Table, naming::Names};
use super::columns::{self, NewColumn};
use super::keys;
use crate::{
    plan::{AggregateExpr, Expr, ExprId, Op},
    syntax::{Assignment, ExprKind, Parameter, Stage, Summarize},
};
use kql_data::{Field, Schema, Set};

pub(super) fn bind(b: &mut Binder<'_>, it: &Summarize, input: Table, _: &Stage) -> Bind<Table> {
    let mut bound_keys = columns::over(b, &input, |b| {
        let bound = columns::bind(b, &it.by)?;
        for key in &bound {
            check_key(b, key)?;
        }
        keys::check(b, &bound)?;
        Ok(bound)
    })?;
    for (key, assignment) in bound_keys.iter_mut().zip(&it.by) {
        // The bare name of a `let` does not name its column.
        let is_let = assignment.names.is_empty()
            && key.spelled.as_ref().is_some_and(|name| input.schema.index_of(name).is_none());
        if is_let && !input.open {
            (key.spelled, key.natural) = (None, None);
        }
    }
    hints(b, &it.parameters, &bound_keys)?;
    let n_keys = bound_keys.len();
    let skips: Set<String> = bound_keys.iter().filter_map(|it| it.spelled.clone()).collect();
    let before = std::mem::replace(&mut b.star_skips, skips);
    let res = columns::over(b, &input, |b| {
        b.aggregating(n_keys, |b| {
            let bound = it.aggregates.iter().map(|it| aggregate(b, it)).collect();
            Ok(Binder::all(bound)?.into_iter().flatten().collect::<Vec<NewColumn>>())
        })
    });
    b.star_skips = before;
    let (outputs, calls) = res?;
    let table = finish(b, &bound_keys, &outputs, calls, &input)?;
    // `arg_max(x, *)` and its like hand on columns that are not known yet.
    let open = input.open && it.aggregates.iter().any(|it| has_star(b, it.value));
    Ok(Table { open, ..table })
}

fn has_star(b: &Binder<'_>, id: crate::syntax::ExprId) -> bool {
    match b.query.kind(id) {
        ExprKind::Parenthesized(inner) => has_star(b, *inner),
        ExprKind::Call(call) => call.arguments.iter().any(|it| matches!(b.query.kind(it.value), ExprKind::Star)),
        _ => false,
    }
}

fn check_key(b: &mut Binder<'_>, key: &NewColumn) -> Bind<()> {
    if b.is_volatile(key.expr) && !b.reads_row(key.expr) {
        return Ok(());
    }
    Ok(())
}

/// One expression over aggregates; one call of several outputs gives several columns.
fn aggregate(b: &mut Binder<'_>, assignment: &Assignment) -> Bind<Vec<NewColumn>> {
    let (span, value) = (assignment.span, assignment.value);
    let query = b.query.clone();
    let mut id = value;
    while let ExprKind::Parenthesized(inner) = query.kind(id) {
        id = *inner;
    }
    if let ExprKind::Call(call) = query.kind(id)
        && b.env.find(&call.function.text).is_none()
        && let Some(aggregate) = kql_functions::aggregate(&call.function.text)
    {
        let outputs = b.aggregate(aggregate, call, span)?;
        let one = outputs.len() == 1;
        let named = outputs.into_iter().enumerate().map(|(n, (natural, expr))| NewColumn {
            spelled: match assignment.names.get(n) {
                Some(name) if one || assignment.is_tuple || n == 0 => Some(name.text.clone()),
                _ => None,
            },
            natural: Some(natural),
            expr,
            span,
        });
        return Ok(named.collect());
    }
    let row = b.row.clone();
    let expr = b.scalar(value)?;
    if !calls_aggregate(b, expr, row.schema.len()) {
        return b.fail("SEM0098", span, "an aggregate is needed here");
    }
    let spelled = assignment.names.first().map(|it| it.text.clone());
    Ok(vec![NewColumn { spelled, natural: b.natural_name(value), expr, span }])
}

/// Whether an expression rests on an aggregate. Outputs of aggregates are the only columns that it may read, and those
/// were added since; a constant alone is no aggregate.
fn calls_aggregate(b: &Binder<'_>, expr: ExprId, _: usize) -> bool {
    b.reads_row(expr)
}

fn finish(
    b: &mut Binder<'_>,
    bound_keys: &[NewColumn],
    outputs: &[NewColumn],
    calls: Vec<AggregateExpr>,
    input: &Table,
) -> Bind<Table> {
    let existing: Vec<String> = input.schema.fields.iter().map(|it| it.name.to_string()).collect();
    let mut spelled = columns::spelled(bound_keys);
    spelled.extend(columns::spelled(outputs));
    let mut names = Names::new(spelled, existing);
    let mut fields = columns::name(b, bound_keys, &mut names)?;
    let n_keys = fields.len();
    for column in outputs {
        // A key's own name may not be given to an aggregate.
        if let Some(name) =
            column.spelled.as_ref().filter(|it| bound_keys.iter().any(|key| key.spelled.as_ref() == Some(it)))
        {
            return b.fail("SEM0034", column.span, format!("the column `{name}` is given twice"));
        }
    }
    fields.extend(columns::name(b, outputs, &mut names)?);
    let keys: Vec<ExprId> = bound_keys.iter().map(|it| it.expr).collect();
    let types: Vec<_> = calls.iter().flat_map(|it| it.outputs.clone()).collect();
    // When the columns are the aggregates themselves, in order, no projection is needed.
    let is_plain = outputs.len() == types.len()
        && outputs
            .iter()
            .enumerate()
            .all(|(n, it)| matches!(b.plan.expr(it.expr), Expr::Column { index, .. } if *index == n_keys + n));
    let op = Op::Aggregate { input: input.node, keys, aggregates: calls };
    if is_plain {
        return Ok(b.new_table(op, Schema::new(fields)));
    }
    let mut inner: Vec<Field> = fields.iter().take(n_keys).cloned().collect();
    inner.extend(types.iter().enumerate().map(|(n, ty)| Field::new(format!("$aggregate{n}"), *ty)));
    let table = b.new_table(op, Schema::new(inner));
    let mut exprs: Vec<ExprId> = fields.iter().take(n_keys).enumerate().map(|(n, it)| b.column(n, it.ty)).collect();
    exprs.extend(outputs.iter().map(|it| it.expr));
    Ok(columns::project(b, exprs, Schema::new(fields), &table))
}

/// `hint.strategy`, `hint.shufflekey`: checked as the reference does, without effect.
fn hints(b: &mut Binder<'_>, parameters: &[Parameter], keys: &[NewColumn]) -> Bind<()> {
    let query = b.query.clone();
    for it in parameters {
        match it.name.text.to_ascii_lowercase().as_str() {
            "hint.strategy" => {
                let word = b.word(it)?;
                if !["shuffle", "auto", "partitioned"].iter().any(|known| known.eq_ignore_ascii_case(&word)) {
                    return b.fail("SEM0249", it.span, format!("`hint.strategy` cannot be `{word}`"));
                }
            }
            "hint.shufflekey" => {
                if let ExprKind::Literal(_) = query.kind(it.value) {
                    return b.fail("SEM0259", it.span, "`hint.shufflekey` must name a column");
                }
                let word = b.word(it)?;
                if !keys.iter().any(|key| key.spelled.as_ref() == Some(&word) || key.natural.as_ref() == Some(&word)) {
                    return b.fail(
                        "SEM0247",
                        it.span,
                        format!("`hint.shufflekey` must be a group key; `{word}` is none"),
                    );
                }
            }
            _ => {}
        }
    }
    Ok(())
}
