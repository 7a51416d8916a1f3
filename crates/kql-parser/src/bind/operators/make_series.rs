//! `make-series`: aggregates along an axis, as arrays.

use super::super::{Bind, Binder, Reported, Table, naming::Names};
use super::columns::{self, NewColumn};
use crate::{
    plan::{Expr, Op, Series},
    syntax::{MakeSeries, SeriesColumn, Stage},
};
use kql_data::{Field, Schema, Type, Value};

pub(super) fn bind(b: &mut Binder<'_>, it: &MakeSeries, input: Table, stage: &Stage) -> Bind<Table> {
    let kind = b.choice(&it.parameters, "kind", &["nonempty"])?;
    let keys = columns::over(b, &input, |b| columns::bind(b, &it.by))?;
    let axis = columns::over(b, &input, |b| columns::bind(b, std::slice::from_ref(&it.axis)))?;
    let Some(axis) = axis.first() else { return Err(Reported) };
    let (outputs, calls) = columns::over(b, &input, |b| {
        b.aggregating(0, |b| {
            let bound = it.series.iter().map(|it| series(b, it)).collect();
            Binder::all(bound)
        })
    })?;
    let mut defaults = Vec::with_capacity(it.series.len());
    for column in &it.series {
        defaults.push(match column.default {
            Some(id) => Some(b.constant_scalar(id)?),
            None => None,
        });
    }
    if calls.len() != outputs.len() {
        return b.fail("SEM0098", stage.span, "each series of `make-series` must be one aggregate");
    }
    if let Some((_, output)) = calls.iter().zip(&outputs).find(|(call, _)| call.outputs.len() != 1) {
        return b.fail("SEM0098", output.span, "a series of `make-series` must be an aggregate of one column");
    }
    let axis_ty = b.ty(axis.expr);
    if !axis_ty.is_number() && !matches!(axis_ty, Type::Datetime | Type::Timespan | Type::Dynamic) {
        let text = format!("the axis of `make-series` must be a number, a datetime or a timespan, not {axis_ty}");
        return b.fail("SEM0001", axis.span, text);
    }
    let step_ty = if axis_ty == Type::Datetime { Type::Timespan } else { axis_ty };
    let (from, to) = (bound(b, it.from, axis_ty)?, bound(b, it.to, axis_ty)?);
    let step = match bound(b, it.step, step_ty)? {
        Some(step) => step,
        None => {
            let value = if step_ty == Type::Timespan { Value::Timespan(kql_data::time::DAY) } else { Value::Long(1) };
            let ty = value.ty().unwrap_or(Type::Long);
            let step = b.constant(value, ty);
            b.cast(step, step_ty, stage.span)?
        }
    };
    let mut spelled = columns::spelled(&keys);
    spelled.extend(columns::spelled(&outputs));
    spelled.extend(axis.spelled.clone());
    let mut names = Names::new(spelled, Vec::new());
    let mut fields = columns::name(b, &keys, &mut names)?;
    for field in columns::name(b, &outputs, &mut names)? {
        fields.push(Field::new(field.name, Type::Dynamic));
    }
    for field in columns::name(b, std::slice::from_ref(axis), &mut names)? {
        fields.push(Field::new(field.name, Type::Dynamic));
    }
    let op = Op::Series(Box::new(Series {
        input: input.node,
        axis: axis.expr,
        from,
        to,
        step,
        in_range: it.is_in_range,
        nonempty: kind == Some("nonempty"),
        keys: keys.iter().map(|it| it.expr).collect(),
        aggregates: calls.into_iter().zip(defaults).collect(),
    }));
    Ok(b.new_table(op, Schema::new(fields)))
}

/// An end or the step of the axis, as the axis's type.
fn bound(b: &mut Binder<'_>, id: Option<crate::syntax::ExprId>, ty: Type) -> Bind<Option<crate::plan::ExprId>> {
    let Some(id) = id else { return Ok(None) };
    let span = b.query.span(id);
    let expr = b.constant_scalar(id)?;
    b.argument_as(expr, ty, span).map(Some)
}

fn series(b: &mut Binder<'_>, it: &SeriesColumn) -> Bind<NewColumn> {
    let span = it.value.span;
    let mut expr = b.scalar(it.value.value)?;
    if !b.reads_row(expr) {
        expr = b.any_of(expr, span)?;
    }
    if !matches!(b.plan.expr(expr), Expr::Column { .. }) {
        return b.fail("SEM0098", span, "each series of `make-series` must be one aggregate");
    }
    let spelled = it.value.names.first().map(|it| it.text.clone());
    Ok(NewColumn { spelled, natural: b.natural_name(it.value.value), expr, span })
}
