//! `reduce`: groups of similar texts.

use super::super::{Bind, Binder, Table};
use super::columns;
use crate::{
    plan::{EvaluateArg, EvaluateValue, Op},
    syntax::{Reduce, Stage},
};
use kql_data::{Schema, Type, Value};

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
    let op = Op::Evaluate { plugin: "reduce".to_owned(), inputs: vec![input.node], args };
    let schema = Schema::of(&[("Pattern", Type::String), ("Count", Type::Long), ("Representative", Type::String)]);
    Ok(b.new_table(op, schema))
}
