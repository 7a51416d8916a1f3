//! Strings that are null between two functions, and constants that the reference folds in its own way.
//!
//! A column of strings holds no nulls. Inside an expression the reference has them all the same: what `substring` and
//! `format_datetime` give where a number or time is null is a null to the `isnull`, `isnotnull` or `strlen` around it. A call
//! on constants alone is computed before the query runs, by other code, which takes some nulls and overflows differently.

use super::{Bind, Binder};
use crate::{diagnostic::Span, plan::Expr, plan::ExprId};
use kql_data::{Dynamic, Type, Value};

impl Binder<'_> {
    /// When the text that an expression gives is null, as a condition over the row; `None` when it never is.
    fn null_text(&mut self, expr: ExprId, span: Span) -> Bind<Option<ExprId>> {
        let Expr::Call { function, args, .. } = self.plan.expr(expr) else { return Ok(None) };
        let args: Vec<ExprId> = match function.name {
            "substring" => args.iter().skip(1).copied().collect(),
            "format_datetime" => args.iter().take(1).copied().collect(),
            _ => return Ok(None),
        };
        let mut tests = Vec::new();
        for arg in args {
            if self.value_of(arg).is_none_or(|it| it.is_null()) {
                tests.push(self.make_call("isnull", &[arg], span)?);
            }
        }
        match tests.as_slice() {
            [] => Ok(None),
            [one] => Ok(Some(*one)),
            _ => self.make_call("or", &tests, span).map(Some),
        }
    }

    /// A call around a text that may be null, in which `plain` has it as "".
    pub(super) fn around_null_text(&mut self, function: &str, arg: ExprId, plain: ExprId, span: Span) -> Bind<ExprId> {
        if self.ty(arg) != Type::String || !matches!(function, "isnull" | "isnotnull" | "strlen") {
            return Ok(plain);
        }
        let Some(test) = self.null_text(arg, span)? else { return Ok(plain) };
        match function {
            "isnull" => Ok(test),
            "isnotnull" => self.make_call("not", &[test], span),
            _ => {
                let null = self.constant(Value::Null, Type::Long);
                self.make_call("iff", &[test, null, plain], span)
            }
        }
    }
}

/// The arguments that a call on constants is folded with: a null start of `substring` is the start, a null length the rest.
pub(super) fn folded_arguments(function: &str, values: &mut [(Value, Type)]) {
    if function != "substring" {
        return;
    }
    for ((value, _), instead) in values.iter_mut().skip(1).zip([0, i64::MAX]) {
        if value.is_null() {
            *value = Value::Long(instead);
        }
    }
}

/// What a call on constants is folded to, where rows give `value`: a real beyond all ints is the lowest int, and text that is
/// no JSON is a string whatever is in it.
pub(super) fn folded(function: &str, values: &[(Value, Type)], value: Value) -> Value {
    match (function, values) {
        ("toint", [(Value::Real(it), _)]) if it.abs() >= 2_147_483_649.0 => Value::Int(i32::MIN),
        ("todynamic", [(Value::String(text), _)]) if value.is_null() && !matches!(text.trim(), "" | "null") => {
            Value::Dynamic(Dynamic::String(text.clone()))
        }
        _ => value,
    }
}
