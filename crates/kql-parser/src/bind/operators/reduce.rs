//! `reduce`: groups of similar texts.

use super::super::{Bind, Binder, Table, naming::Names};
use super::columns;
use crate::{
    plan::{EvaluateArg, EvaluateValue, Op},
    syntax::{Reduce, Stage},
};
use kql_data::{Field, Schema, Type, Value};

pub(super) fn bind(b: &mut Binder<'_>, it: &Reduce, input: Table, _: &Stage) -> Bind<Table> {
    let span = b.query.span(it.value);
    let value = columns::over(b, &input, |b| b.scalar(it.value))?;
    let value = b.cast(value, Type::String, span)?;
    let mut args = vec![EvaluateArg { name: None, value: EvaluateValue::Expr(value) }];
    for option in &it.with {
        let expr = b.constant_scalar(option.value)?;
        if b.value_of(expr).is_none_or(|it| it == Value::Null) {
            return b.fail("SEM0207", option.span, "a constant is needed here");
        }
        args.push(EvaluateArg { name: Some(option.name.text.clone()), value: EvaluateValue::Expr(expr) });
    }
    // `kind=source` tells the pattern of every row.
    let of_rows = b.choice(&it.parameters, "kind", &["source"])?.is_some();
    if of_rows {
        let yes = b.constant(Value::Bool(true), Type::Bool);
        args.push(EvaluateArg { name: Some("of_rows".to_owned()), value: EvaluateValue::Expr(yes) });
    }
    let op = Op::Evaluate { plugin: "reduce".to_owned(), inputs: vec![input.node], args };
    if of_rows {
        let mut fields = input.schema.fields.clone();
        let mut names = Names::default();
        fields.iter().for_each(|it| _ = names.take(&it.name));
        fields.push(Field::new(names.free("Pattern"), Type::String));
        return Ok(b.table(op, Schema::new(fields), &input));
    }
    let schema = Schema::of(&[("Pattern", Type::String), ("Count", Type::Long), ("Representative", Type::String)]);
    Ok(b.new_table(op, schema))
}
