//! The operator `parse-kv`.

use crate::parser::{OperatorDeclaration, Parsed, Parser};
use crate::syntax::{Operator, ParseKv};

/// `parse-kv`: how it is written and what it does.
pub(super) const DECLARATION: OperatorDeclaration = OperatorDeclaration {
    words: &["parse-kv"],
    syntax: "T | parse-kv Text as (Key:type, …) [with (pair_delimiter=…, kv_delimiter=…, quote=…, regex=…)]",
    doc: "Columns out of keys and values in a text.",
    query: r#"print Line = "user=ann, n=3" | parse-kv Line as (user:string, n:long) with (pair_delimiter=", ", kv_delimiter="=") | project user, n"#,
    rows: &[r#"{"user":"ann","n":3}"#],
    parse,
};

/// Reads what stands behind `parse-kv`.
fn parse(it: &mut Parser<'_>) -> Parsed<Operator> {
    let value = it.expression()?;
    it.expect_word("as")?;
    let schema = it.row_schema()?;
    let properties = if it.eat_word("with") { it.property_list()? } else { Vec::new() };
    Ok(Operator::ParseKv(ParseKv { value, schema, properties }))
}
