//! `evaluate`: plugins. Their columns depend on rows, so where there are rows the plugin runs while the query is bound.

use super::super::{Bind, Binder, Row, Table};
use super::{columns, datatable, infer_storage_schema};
use crate::{
    plan::{EvaluateArg, EvaluateValue, Expr, Op},
    syntax::{Argument, Evaluate, ExprKind, Stage},
};
use kql_data::{Batch, Field, Schema, Type};
use std::sync::Arc;

/// `evaluate` as a source: plugins that fetch rows from elsewhere stand there, and none of them runs here.
pub(super) fn source(b: &mut Binder<'_>, it: &Evaluate, stage: &Stage) -> Bind<Table> {
    if it.call.function.text == infer_storage_schema::NAME {
        return infer_storage_schema::bind(b, it, stage);
    }
    if let Some(fault) = b.catalogue.plugin_refusal(&it.call.function.text) {
        return b.fault(it.call.function.span, &fault);
    }
    b.fail("SYN0002", stage.keyword, "this plugin needs a table in front of it")
}

pub(super) fn bind(b: &mut Binder<'_>, it: &Evaluate, input: Table, stage: &Stage) -> Bind<Table> {
    let name = it.call.function.text.as_str();
    if let Some(fault) = b.catalogue.plugin_refusal(name) {
        return b.fault(it.call.function.span, &fault);
    }
    let mut inputs = vec![input.node];
    let mut args = Vec::new();
    let mut tables = vec![input.clone()];
    for argument in &it.call.arguments {
        args.push(arg(b, argument, &input, &mut inputs, &mut tables)?);
    }
    let op = Op::Evaluate { plugin: name.to_owned(), inputs, args };
    if input.node_reads_group(b) {
        if let Some(schema) = over_no_rows(b, &op, &tables) {
            return Ok(b.new_table(op, schema));
        }
        return b.fail("KQL0002", stage.span, format!("the plugin `{name}` inside a subquery is not implemented yet"));
    }
    let declared = match &it.schema {
        None => None,
        Some(schema) if !schema.open => Some(datatable::row_schema(b, schema)?),
        Some(schema) => {
            // `*` stands for the columns that are known without rows.
            let declared = datatable::row_schema(b, schema)?;
            let known = expected(name, &tables, &op, b).fields.into_iter();
            let mut fields: Vec<Field> = known.filter(|it| declared.index_of(&it.name).is_none()).collect();
            fields.extend(declared.fields);
            Some(Schema::new(fields))
        }
    };
    match b.catalogue.plugin(&b.plan, &op) {
        Some(Ok((schema, batches))) => {
            let n_rows: usize = batches.iter().map(|it| it.n_rows).sum();
            let batch = match Batch::concat(&schema, &batches) {
                Ok(it) => Arc::new(it),
                Err(fault) => return b.run_fault(stage.span, &fault),
            };
            if let Err(fault) = b.cx.keep(batch.bytes_not_held(), "a plugin") {
                return b.run_fault(stage.span, &fault);
            }
            let table = b.new_table(Op::Values { batch }, schema);
            // Without rows a plugin cannot tell all its columns.
            let open = n_rows == 0 || input.open;
            let table = Table { open: open && declared.is_none(), ..table };
            match declared {
                Some(schema) => as_declared(b, schema, &table),
                None => Ok(table),
            }
        }
        Some(Err(fault)) => b.run_fault(stage.span, &fault),
        None => {
            let (schema, open) = match (declared, over_no_rows(b, &op, &tables)) {
                (Some(schema), _) => (schema, false),
                (None, Some(schema)) => (schema, false),
                (None, None) => (expected(name, &tables, &op, b), true),
            };
            let table = b.no_rows(schema);
            Ok(Table { open, ..table })
        }
    }
}

fn arg(
    b: &mut Binder<'_>,
    argument: &Argument,
    input: &Table,
    inputs: &mut Vec<crate::plan::NodeId>,
    tables: &mut Vec<Table>,
) -> Bind<EvaluateArg> {
    let name = argument.name.as_ref().map(|it| it.text.clone());
    let query = b.query.clone();
    if b.is_tabular(argument.value)
        && b.simple_name(argument.value).is_none_or(|(it, _)| input.schema.index_of(&it).is_none())
    {
        let table = b.over(Row::none(), |b| b.tabular(argument.value))?;
        inputs.push(table.node);
        tables.push(table);
        return Ok(EvaluateArg { name, value: EvaluateValue::Table(inputs.len() - 1) });
    }
    if let ExprKind::Name(column) = query.kind(argument.value) {
        // A plugin with a table argument may name a column of that one.
        for (n, table) in tables.iter().enumerate() {
            if let Some(index) = table.schema.index_of(&column.text)
                && (n == 0 || input.schema.index_of(&column.text).is_none())
            {
                if n == 0 {
                    return Ok(EvaluateArg { name, value: EvaluateValue::Column(index) });
                }
                let text = kql_data::Value::String(column.text.as_str().into());
                let expr = b.constant(text, Type::String);
                return Ok(EvaluateArg { name, value: EvaluateValue::Expr(expr) });
            }
        }
    }
    if let ExprKind::Call(call) = query.kind(argument.value)
        && kql_functions::aggregate(&call.function.text).is_some()
        && kql_functions::function(&call.function.text).is_none()
    {
        let (_, mut calls) = columns::over(b, input, |b| b.aggregating(0, |b| b.scalar(argument.value)))?;
        if let Some(call) = calls.pop() {
            return Ok(EvaluateArg { name, value: EvaluateValue::Aggregate(call) });
        }
    }
    let expr = columns::over(b, input, |b| b.scalar(argument.value))?;
    Ok(EvaluateArg { name, value: EvaluateValue::Expr(expr) })
}

/// The columns of a plugin that gives the same whatever the rows are: it runs over none.
fn over_no_rows(b: &mut Binder<'_>, op: &Op, tables: &[Table]) -> Option<Schema> {
    let Op::Evaluate { plugin, args, .. } = op else { return None };
    let depends_on_rows = matches!(plugin.as_str(), "bag_unpack" | "pivot" | "narrow" | "ipv4_lookup" | "ipv6_lookup");
    let is_plain = |it: &EvaluateArg| match &it.value {
        EvaluateValue::Expr(expr) => b.value_of(*expr).is_some(),
        _ => true,
    };
    if depends_on_rows || !args.iter().all(is_plain) {
        return None;
    }
    let inputs = tables.iter().map(|it| b.no_rows((*it.schema).clone()).node).collect();
    let call = Op::Evaluate { plugin: plugin.clone(), inputs, args: args.clone() };
    b.catalogue.plugin_columns(&b.plan, &call)
}

/// The columns that can be told without rows.
fn expected(name: &str, tables: &[Table], op: &Op, b: &Binder<'_>) -> Schema {
    let input = tables.first().map(|it| it.schema.fields.clone()).unwrap_or_default();
    let Op::Evaluate { args, .. } = op else { return Schema::default() };
    let columns: Vec<usize> = args
        .iter()
        .filter_map(|it| match it.value {
            EvaluateValue::Column(index) => Some(index),
            _ => None,
        })
        .collect();
    let without = |dropped: &[usize]| -> Vec<Field> {
        input.iter().enumerate().filter(|(n, _)| !dropped.contains(n)).map(|(_, it)| it.clone()).collect()
    };
    let fields = match name {
        "bag_unpack" => without(columns.get(..1).unwrap_or(&[])),
        "pivot" => {
            let mut dropped = columns.clone();
            if let Some(EvaluateValue::Aggregate(call)) = args.get(1).map(|it| &it.value) {
                dropped.extend(call.args.iter().filter_map(|it| match b.plan.expr(*it) {
                    Expr::Column { index, .. } => Some(*index),
                    _ => None,
                }));
            }
            match columns.len() {
                0 | 1 => without(&dropped),
                _ => columns.iter().skip(1).filter_map(|it| input.get(*it).cloned()).collect(),
            }
        }
        "narrow" => {
            vec![Field::new("Row", Type::Long), Field::new("Column", Type::String), Field::new("Value", Type::String)]
        }
        "ipv4_lookup" | "ipv6_lookup" => {
            let right = tables.get(1).map(|it| (*it.schema).clone()).unwrap_or_default();
            super::join::joined(&Schema::new(input), &right).fields
        }
        _ => Vec::new(),
    };
    Schema::new(fields)
}

fn as_declared(b: &mut Binder<'_>, schema: Schema, table: &Table) -> Bind<Table> {
    let mut exprs = Vec::with_capacity(schema.len());
    for field in &schema.fields {
        let known = table.schema.index_of(&field.name).and_then(|it| table.schema.fields.get(it).map(|f| (it, f.ty)));
        exprs.push(match known {
            Some((index, ty)) => {
                let column = b.column(index, ty);
                b.cast(column, field.ty, Default::default())?
            }
            None => b.constant(kql_data::Value::null(field.ty), field.ty),
        });
    }
    Ok(columns::project(b, exprs, schema, table))
}
