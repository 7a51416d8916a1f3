//! The operator `serialize`.

use crate::parser::{OperatorDeclaration, Parsed, Parser};
use crate::syntax::{Operator, Serialize};

/// `serialize`: how it is written and what it does.
pub(super) const DECLARATION: OperatorDeclaration = OperatorDeclaration {
    words: &["serialize"],
    syntax: "T | serialize [Name = expression, …]",
    doc: "Fixes the order of the rows, for window functions.",
    query: "range n from 5 to 6 step 1 | serialize Row = row_number()",
    rows: &[r#"{"n":5,"Row":1}"#, r#"{"n":6,"Row":2}"#],
    parse,
};

/// Reads what stands behind `serialize`.
fn parse(it: &mut Parser<'_>) -> Parsed<Operator> {
    let parameters = it.parameters(&[])?;
    let columns = if it.is_at_stage_end() { Vec::new() } else { it.assignments()? };
    Ok(Operator::Serialize(Serialize { parameters, columns }))
}
