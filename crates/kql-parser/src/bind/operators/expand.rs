//! What `mv-expand` and `mv-apply` share: values to expand and where their elements go.

use super::super::{Bind, Binder, Table, naming::Names};
use super::{columns, take};
use crate::{
    plan::{ExpandOutput, ExpandValue, Op},
    syntax::{ExpandColumn, ExprId, ExprKind, Parameter, TypeOf},
};
use kql_data::{Field, Schema, Type};

/// The expanded table; with `row` its last column is the number of the input row.
pub(super) fn bind(
    b: &mut Binder<'_>,
    list: &[ExpandColumn],
    parameters: &[Parameter],
    limit: Option<ExprId>,
    row: bool,
    input: &Table,
) -> Bind<Table> {
    let mut values = Vec::with_capacity(list.len());
    let mut fields = input.schema.fields.clone();
    let mut outputs: Vec<ExpandOutput> = (0..fields.len()).map(ExpandOutput::Input).collect();
    let mut unnamed = 0;
    for (n, column) in list.iter().enumerate() {
        let span = column.value.span;
        let value = columns::over(b, input, |b| b.scalar(column.value.value))?;
        if b.ty(value) != Type::Dynamic {
            return b.fail("SEM0447", span, format!("only a dynamic can be expanded, not {}", b.ty(value)));
        }
        let ty = match &column.ty {
            Some(TypeOf::Scalar(name)) => b.type_literal(&name.text, name.span)?,
            Some(TypeOf::Row(_)) => return b.fail("SYN0002", span, "a scalar type is needed here"),
            None => Type::Dynamic,
        };
        values.push(ExpandValue { value, ty });
        let unknown = column.ty.is_none() && b.unknown.contains(&value);
        let name = match column.value.names.first() {
            Some(name) => name.text.clone(),
            None => own_name(b, column.value.value, &mut unnamed),
        };
        let at = fields.iter().position(|it| *it.name == *name);
        match at.and_then(|at| Some((fields.get_mut(at)?, outputs.get_mut(at)?))) {
            Some((field, output)) => {
                (field.ty, field.unknown) = (ty, unknown);
                *output = ExpandOutput::Element(n);
            }
            None => {
                fields.push(if unknown { Field::unknown(name) } else { Field::new(name, ty) });
                outputs.push(ExpandOutput::Element(n));
            }
        }
    }
    if let Some(name) = b.declared_name(parameters, "with_itemindex")? {
        let mut names = Names::default();
        for field in &fields {
            _ = names.take(&field.name);
        }
        fields.push(Field::new(names.free(&name), Type::Long));
        outputs.push(ExpandOutput::Index);
    }
    if row {
        fields.push(Field::new("$row", Type::Long));
        outputs.push(ExpandOutput::Row);
    }
    let limit = limit.map(|it| take::number(b, it)).transpose()?;
    let mut kind = b.choice(parameters, "kind", &["bag", "array"])?;
    if kind.is_none() {
        kind = b.choice(parameters, "bagexpansion", &["bag", "array"])?;
    }
    let bags_as_arrays = kind == Some("array");
    let op = Op::Expand { input: input.node, values, bags_as_arrays, limit, outputs };
    Ok(b.table(op, Schema::new(fields), input))
}

/// The column that an unnamed value takes over: its own, or the only one that a call around it reads.
fn own_name(b: &mut Binder<'_>, value: ExprId, unnamed: &mut usize) -> String {
    let query = b.query.clone();
    let natural = match query.kind(value) {
        ExprKind::Name(name) => Some(name.text.clone()),
        ExprKind::Call(_) => b.natural_name(value),
        ExprKind::Path { .. } => b.natural_name(value),
        _ => None,
    };
    natural.unwrap_or_else(|| {
        *unnamed += 1;
        format!("Column{unnamed}")
    })
}
