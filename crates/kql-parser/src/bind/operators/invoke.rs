//! `invoke`: a function whose first argument is the table in front.

use super::super::{Bind, Binder, Table, scope::Binding};
use crate::syntax::{ExprKind, Invoke, Stage, Step};

pub(super) fn bind(b: &mut Binder<'_>, it: &Invoke, input: Table, stage: &Stage) -> Bind<Table> {
    let query = b.query.clone();
    let call = match query.kind(it.call) {
        ExprKind::Call(call) => call,
        ExprKind::Path { steps, .. } => match steps.last() {
            Some(Step::Call(call)) => call,
            _ => return b.fail("SEM0260", stage.span, "a call is needed behind `invoke`"),
        },
        ExprKind::Name(name) => {
            return b.fail("SYN0002", name.span, format!("a call is needed here: `{}()`", name.text));
        }
        _ => return b.fail("SEM0260", stage.span, "a call is needed behind `invoke`"),
    };
    let name = call.function.text.as_str();
    let function = match b.env.find(name).cloned() {
        Some(Binding::Function(function)) => Some(function),
        Some(Binding::Faulty) => return Err(super::Reported),
        _ => b.stored_function(name, call.function.span)?,
    };
    match function {
        Some(function) => {
            // Arguments may name columns of the table in front.
            let row = b.row_of(&input);
            let table =
                b.over(row, |b| b.call_tabular_function(&function, &call.arguments, Some(input), stage.span))?;
            Ok(Table { label: None, ..table })
        }
        None => {
            let row = b.row_of(&input);
            match b.over(row, |b| b.opaque(&call.function, Some(&call.arguments))) {
                // What the function adds or takes away is not known.
                Some(_) => Ok(Table { open: true, label: None, ..input }),
                None => b.unknown_function(name, call.function.span),
            }
        }
    }
}
