//! `scan`: sequences of rows by steps.

use super::super::{Bind, Binder, Table, naming::Names};
use super::{columns, sort};
use crate::{
    diagnostic::Span,
    plan::{ExprId, Op, Step, StepOutput, Steps},
    syntax::{Scan, ScanStep, Stage},
};
use kql_data::{Field, Schema, Type};
use std::sync::Arc;

pub(super) fn bind(b: &mut Binder<'_>, it: &Scan, input: Table, stage: &Stage) -> Bind<Table> {
    let input = if it.order_by.is_empty() { input } else { sort::bind(b, &it.order_by, input)? };
    let partition_by = columns::over(b, &input, |b| {
        let bound = it.partition_by.iter().map(|id| b.scalar(*id)).collect();
        Binder::all(bound)
    })?;
    let mut fields = input.schema.fields.clone();
    let mut declared = declared(b, it, &mut fields)?;
    let n_input = input.schema.len();
    let n_declared = fields.len();
    let overwritten = overwritten(it, &fields, n_input);
    for index in &overwritten {
        let field = fields.get(*index).cloned().ok_or(super::Reported)?;
        declared.push((field.ty, None));
        fields.push(Field::new(format!("${}", field.name), field.ty));
    }
    let schema = Arc::new(Schema::new(fields.clone()));
    let state = Arc::new(state(&fields, &overwritten, n_declared));
    // Each step's state follows the row: the same columns once more, under the step's name.
    let mut row = b.row_of(&input);
    row.schema = schema.clone();
    let width = schema.len();
    row.parts =
        it.steps.iter().enumerate().map(|(n, step)| (step.name.text.clone(), width * (n + 1), state.clone())).collect();
    let mut steps = Vec::new();
    for (n, step) in it.steps.iter().enumerate() {
        if it.steps.iter().take(n).any(|before| before.name.text == step.name.text) {
            return b.fail("SEM0079", step.name.span, format!("the step `{}` is there already", step.name.text));
        }
        let mut bound = b.over(row.clone(), |b| bind_step(b, step, &state, n_input))?;
        // A step that leaves such a column alone keeps the row's own value.
        for (n, index) in overwritten.iter().enumerate() {
            let place = n_declared + n - n_input;
            if bound.assignments.iter().all(|(it, _)| *it != place) {
                let ty = schema.fields.get(*index).map_or(Type::Dynamic, |it| it.ty);
                bound.assignments.push((place, b.column(*index, ty)));
            }
        }
        steps.push(bound);
    }
    if steps.is_empty() {
        return b.fail("SYN0002", stage.span, "`scan` needs a step");
    }
    let mut names = Names::default();
    for field in &fields {
        _ = names.take(&field.name);
    }
    let match_id = b.declared_name(&it.parameters, "with_match_id")?;
    let step_name = b.declared_name(&it.parameters, "with_step_name")?;
    fields.extend(match_id.as_ref().map(|it| Field::new(names.free(it), Type::Long)));
    fields.extend(step_name.as_ref().map(|it| Field::new(names.free(it), Type::String)));
    let op = Op::Steps(Box::new(Steps {
        input: input.node,
        partition_by,
        declared,
        steps,
        with_match_id: match_id.is_some(),
        with_step_name: step_name.is_some(),
    }));
    let table = b.table(op, Schema::new(fields), &input);
    let table = Table { serialized: true, ..table };
    Ok(if overwritten.is_empty() { table } else { in_place(b, &table, &overwritten, n_declared) })
}

/// The types and first values of the declared columns, which it adds to the fields.
fn declared(b: &mut Binder<'_>, it: &Scan, fields: &mut Vec<Field>) -> Bind<Vec<(Type, Option<ExprId>)>> {
    let mut declared = Vec::new();
    for column in &it.declare {
        let ty = match &column.ty {
            Some(ty) => b.type_literal(&ty.text, ty.span)?,
            None => return b.fail("SYN0002", column.span, format!("the type of `{}` is missing", column.name.text)),
        };
        let default = match column.default {
            Some(id) => {
                let expr = b.constant_scalar(id)?;
                Some(b.argument_as(expr, ty, column.span)?)
            }
            None => None,
        };
        if fields.iter().any(|it| *it.name == *column.name.text) {
            return b.fail("SEM0034", column.span, format!("the column `{}` is given twice", column.name.text));
        }
        declared.push((ty, default));
        fields.push(Field::new(column.name.text.as_str(), ty));
    }
    Ok(declared)
}

/// The input columns that steps assign to.
fn overwritten(it: &Scan, fields: &[Field], n_input: usize) -> Vec<usize> {
    let names = it.steps.iter().flat_map(|it| &it.assignments).flat_map(|it| it.names.first());
    let mut found = Vec::new();
    for name in names {
        let index = fields.iter().take(n_input).position(|it| *it.name == *name.text);
        found.extend(index.filter(|it| !found.contains(it)));
    }
    found
}

/// The columns of a step's state: the names of overwritten ones stand for what was assigned.
fn state(fields: &[Field], overwritten: &[usize], n_declared: usize) -> Schema {
    let mut fields = fields.to_vec();
    for (n, index) in overwritten.iter().enumerate() {
        if let Ok([row, assigned]) = fields.get_disjoint_mut([*index, n_declared + n]) {
            std::mem::swap(&mut row.name, &mut assigned.name);
        }
    }
    Schema::new(fields)
}

/// Puts what was assigned in the place of the input's columns.
fn in_place(b: &mut Binder<'_>, table: &Table, overwritten: &[usize], n_declared: usize) -> Table {
    let (mut exprs, mut fields) = (Vec::new(), Vec::new());
    let hidden = n_declared..n_declared + overwritten.len();
    for (index, field) in table.schema.fields.clone().into_iter().enumerate() {
        if hidden.contains(&index) {
            continue;
        }
        let place = overwritten.iter().position(|it| *it == index).map_or(index, |n| n_declared + n);
        exprs.push(b.column(place, field.ty));
        fields.push(field);
    }
    columns::project(b, exprs, Schema::new(fields), table)
}

fn bind_step(b: &mut Binder<'_>, step: &ScanStep, schema: &Schema, n_input: usize) -> Bind<Step> {
    let condition = b.predicate(step.condition)?;
    let mut assignments = Vec::new();
    for it in &step.assignments {
        let Some(name) = it.names.first() else {
            return b.fail("SYN0002", it.span, "an assignment needs a name: `column = value`");
        };
        let Some(index) = schema.index_of(&name.text).filter(|it| *it >= n_input) else {
            return b.fail(
                "SEM0100",
                name.span,
                format!("`{}` is neither a column of the input nor declared by the scan", name.text),
            );
        };
        let ty = schema.fields.get(index).map_or(Type::Dynamic, |it| it.ty);
        let value = b.scalar(it.value)?;
        let value = b.argument_as(value, ty, it.span)?;
        assignments.push((index - n_input, value));
    }
    Ok(Step {
        name: step.name.text.clone(),
        is_optional: step.is_optional,
        output: output(b, step)?,
        condition,
        assignments,
    })
}

fn output(b: &mut Binder<'_>, step: &ScanStep) -> Bind<StepOutput> {
    let span: Span = step.span;
    match step.output.as_ref().map(|it| it.text.as_str()) {
        None | Some("all") => Ok(StepOutput::All),
        Some("last") => Ok(StepOutput::Last),
        Some("none") => Ok(StepOutput::None),
        Some(other) => b.fail("SEM0041", span, format!("`output` cannot be `{other}`; it is all, last or none")),
    }
}
