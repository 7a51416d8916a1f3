//! The operator `sort`.

use crate::parser::{OperatorDeclaration, Parsed, Parser};
use crate::syntax::{Operator, Sort};

/// `sort`: how it is written and what it does.
pub(super) const DECLARATION: OperatorDeclaration = OperatorDeclaration {
    words: &["sort", "order"],
    syntax: "T | sort by Key [asc|desc] [nulls first|last], …",
    doc: "Orders the rows; descending unless `asc` is written.",
    query: "range n from 1 to 3 step 1 | sort by n",
    rows: &[r#"{"n":3}"#, r#"{"n":2}"#, r#"{"n":1}"#],
    parse,
};

/// Reads what stands behind `sort`.
fn parse(it: &mut Parser<'_>) -> Parsed<Operator> {
    let parameters = it.parameters(&[])?;
    it.expect_word("by")?;
    let keys = it.list(Parser::order_key)?;
    Ok(Operator::Sort(Sort { parameters, keys }))
}
