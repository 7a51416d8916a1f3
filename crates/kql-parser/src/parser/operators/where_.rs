//! The operator `where`.

use crate::parser::{OperatorDeclaration, Parsed, Parser};
use crate::syntax::{Operator, Where};

/// `where`: how it is written and what it does.
pub(super) const DECLARATION: OperatorDeclaration = OperatorDeclaration {
    words: &["where", "filter"],
    syntax: "T | where predicate",
    doc: "Rows for which the predicate is true.",
    query: r#"datatable(User:string, n:long)["ann", 1, "bob", 5, "ann", 3] | where User has "ann" and n > 1"#,
    rows: &[r#"{"User":"ann","n":3}"#],
    parse,
};

/// Reads what stands behind `where`.
fn parse(it: &mut Parser<'_>) -> Parsed<Operator> {
    let parameters = it.parameters(&[])?;
    let name = if it.is_named() {
        let name = it.name("a name")?;
        let span = it.advance().span;
        let message = format!("`{} = …` names the predicate and compares nothing", name.text);
        it.warn(span, message, "write `==` to compare");
        Some(name)
    } else {
        None
    };
    Ok(Operator::Where(Where { parameters, name, predicate: it.expression()? }))
}
