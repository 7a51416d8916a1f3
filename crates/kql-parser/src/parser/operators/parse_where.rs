//! The operator `parse-where`.

use super::parse::clauses;
use crate::parser::{OperatorDeclaration, Parsed, Parser};
use crate::syntax::Operator;

/// `parse-where`: how it is written and what it does.
pub(super) const DECLARATION: OperatorDeclaration = OperatorDeclaration {
    words: &["parse-where"],
    syntax: r#"T | parse-where [kind=simple|regex] Text with "literal" Column[:type] * …"#,
    doc: "As `parse`, without the rows that do not match.",
    query: r#"datatable(Line:string)["n=1", "other"] | parse-where Line with "n=" n:long | project n"#,
    rows: &[r#"{"n":1}"#],
    parse,
};

/// Reads what stands behind `parse-where`.
fn parse(it: &mut Parser<'_>) -> Parsed<Operator> {
    clauses(it).map(Operator::ParseWhere)
}
