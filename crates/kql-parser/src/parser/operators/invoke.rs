//! The operator `invoke`.

use crate::parser::{OperatorDeclaration, Parsed, Parser};
use crate::syntax::{ExprKind, Invoke, Operator, Step};

/// `invoke`: how it is written and what it does.
pub(super) const DECLARATION: OperatorDeclaration = OperatorDeclaration {
    words: &["invoke"],
    syntax: "T | invoke function(…)",
    doc: "Calls a function with the rows as its first argument.",
    query: "let Big = (t:(n:long), least:long) { t | where n >= least }; range n from 1 to 3 step 1 | invoke Big(3)",
    rows: &[r#"{"n":3}"#],
    parse,
};

/// Reads what stands behind `invoke`.
fn parse(it: &mut Parser<'_>) -> Parsed<Operator> {
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
