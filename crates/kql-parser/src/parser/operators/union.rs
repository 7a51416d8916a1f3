//! `union [kind=…] [withsource=…] [isfuzzy=…] table, …` — the rows of several tables.

use crate::parser::{Parsed, Parser};
use crate::syntax::{Operator, Union};

/// Reads what stands behind `union`.
pub(super) fn parse(it: &mut Parser<'_>) -> Parsed<Operator> {
    let parameters = it.parameters(&[])?;
    let tables = it.list(Parser::table_reference)?;
    Ok(Operator::Union(Union { parameters, tables }))
}
