//! `search [kind=…] [in (tables)] predicate` — rows that hold a term.

use crate::parser::{Parsed, Parser};
use crate::syntax::{Operator, Search};

/// Reads what stands behind `search`.
pub(super) fn parse(it: &mut Parser<'_>) -> Parsed<Operator> {
    let parameters = it.parameters(&[])?;
    let tables = it.tables_in()?;
    it.in_search = true;
    let predicate = it.expression()?;
    it.in_search = false;
    Ok(Operator::Search(Search { parameters, tables, predicate }))
}
