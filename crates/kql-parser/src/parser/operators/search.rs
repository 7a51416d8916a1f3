//! The operator `search`.

use crate::parser::{OperatorDeclaration, Parsed, Parser};
use crate::syntax::{Operator, Search};

/// `search`: how it is written and what it does.
pub(super) const DECLARATION: OperatorDeclaration = OperatorDeclaration {
    words: &["search"],
    syntax: r#"[T |] search [kind=case_sensitive] [in (T, …)] "term" [and Column:"term"]"#,
    doc: "Rows that hold a term in any column.",
    query: r#"datatable(User:string, n:long)["ann", 1, "bob", 5, "ann", 3] | search "bob" | project User, n"#,
    rows: &[r#"{"User":"bob","n":5}"#],
    parse,
};

/// Reads what stands behind `search`.
fn parse(it: &mut Parser<'_>) -> Parsed<Operator> {
    let parameters = it.parameters(&[])?;
    let tables = it.tables_in()?;
    it.in_search = true;
    let predicate = it.expression()?;
    it.in_search = false;
    Ok(Operator::Search(Search { parameters, tables, predicate }))
}
