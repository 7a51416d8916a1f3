//! `parse-kv expression as (name:type, …) [with (pair_delimiter=…, kv_delimiter=…, …)]` — columns from keys and values.

use crate::parser::{Parsed, Parser};
use crate::syntax::{Operator, ParseKv};

/// Reads what stands behind `parse-kv`.
pub(super) fn parse(it: &mut Parser<'_>) -> Parsed<Operator> {
    let value = it.expression()?;
    it.expect_word("as")?;
    let schema = it.row_schema()?;
    let properties = if it.eat_word("with") { it.property_list()? } else { Vec::new() };
    Ok(Operator::ParseKv(ParseKv { value, schema, properties }))
}
