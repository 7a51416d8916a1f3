//! `invoke function(args)` — calls a function whose first parameter is the input.

use crate::parser::{Parsed, Parser};
use crate::syntax::{ExprKind, Invoke, Operator, Step};

/// Reads what stands behind `invoke`.
pub(super) fn parse(it: &mut Parser<'_>) -> Parsed<Operator> {
    let start = it.start();
    let call = it.operand()?;
    let is_call = match it.query.kind(call) {
        ExprKind::Call(_) => true,
        ExprKind::Path { steps, .. } => matches!(steps.last(), Some(Step::Call(_))),
        _ => false,
    };
    if !is_call {
        let span = it.since(start);
        return Err(it.fault(span, "`invoke` needs a call: `invoke name(arguments)`"));
    }
    Ok(Operator::Invoke(Invoke { call }))
}
