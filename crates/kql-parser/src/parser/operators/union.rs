//! The operator `union`.

use crate::parser::{OperatorDeclaration, Parsed, Parser};
use crate::syntax::{Operator, Union};

/// `union`: how it is written and what it does.
pub(super) const DECLARATION: OperatorDeclaration = OperatorDeclaration {
    words: &["union"],
    syntax: "[T |] union [kind=inner|outer] [withsource=Name] [isfuzzy=true] U, Prefix*, …",
    doc: "The rows of several tables.",
    query: "let A = print a = 1; let B = print a = 2; union A, B",
    rows: &[r#"{"a":1}"#, r#"{"a":2}"#],
    parse,
};

/// Reads what stands behind `union`.
fn parse(it: &mut Parser<'_>) -> Parsed<Operator> {
    let parameters = it.parameters(&[])?;
    let tables = it.list(Parser::table_reference)?;
    Ok(Operator::Union(Union { parameters, tables }))
}
