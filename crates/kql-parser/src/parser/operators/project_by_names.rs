//! The operator `project-by-names`.

use crate::parser::{OperatorDeclaration, Parsed, Parser};
use crate::syntax::{Operator, ProjectByNames};

/// `project-by-names`: how it is written and what it does.
pub(super) const DECLARATION: OperatorDeclaration = OperatorDeclaration {
    words: &["project-by-names"],
    syntax: r#"T | project-by-names "name", dynamic(["name", …]), …"#,
    doc: "Keeps the columns whose names are computed.",
    query: r#"print a = 1, b = 2 | project-by-names strcat("b", "")"#,
    rows: &[r#"{"b":2}"#],
    parse,
};

/// Reads what stands behind `project-by-names`.
fn parse(it: &mut Parser<'_>) -> Parsed<Operator> {
    Ok(Operator::ProjectByNames(ProjectByNames { columns: it.list(Parser::expression)? }))
}
