//! The operator `sample-distinct`.

use crate::parser::{OperatorDeclaration, Parsed, Parser};
use crate::syntax::{Operator, SampleDistinct};

/// `sample-distinct`: how it is written and what it does.
pub(super) const DECLARATION: OperatorDeclaration = OperatorDeclaration {
    words: &["sample-distinct"],
    syntax: "T | sample-distinct n of Column",
    doc: "So many distinct values.",
    query: r#"datatable(k:string)["a", "a", "a"] | sample-distinct 2 of k"#,
    rows: &[r#"{"k":"a"}"#],
    parse,
};

/// Reads what stands behind `sample-distinct`.
fn parse(it: &mut Parser<'_>) -> Parsed<Operator> {
    let parameters = it.parameters(&[])?;
    let count = it.expression()?;
    it.expect_word("of")?;
    Ok(Operator::SampleDistinct(SampleDistinct { parameters, count, value: it.expression()? }))
}
