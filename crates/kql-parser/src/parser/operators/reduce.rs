//! The operator `reduce`.

use crate::parser::{OperatorDeclaration, Parsed, Parser};
use crate::syntax::{Operator, Reduce};

/// `reduce`: how it is written and what it does.
pub(super) const DECLARATION: OperatorDeclaration = OperatorDeclaration {
    words: &["reduce"],
    syntax: r#"T | reduce [kind=source] by Text [with threshold=0.1, characters="…"]"#,
    doc: "Patterns that many texts share, with counts.",
    query: r#"datatable(t:string)["login of ann failed", "login of bob failed", "login of cid failed"] | reduce by t"#,
    rows: &[r#"{"Pattern":"login of * failed","Count":3,"Representative":"login of ann failed"}"#],
    parse,
};

/// Reads what stands behind `reduce`.
fn parse(it: &mut Parser<'_>) -> Parsed<Operator> {
    let parameters = it.parameters(&[])?;
    it.expect_word("by")?;
    let value = it.expression()?;
    let with = if it.eat_word("with") { it.properties()? } else { Vec::new() };
    Ok(Operator::Reduce(Reduce { parameters, value, with }))
}
