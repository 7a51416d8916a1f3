//! `partition [hints] by column ( subquery )`, `partition by column { expression }` — a query per value.

use crate::parser::{Parsed, Parser};
use crate::syntax::{ExprId, ExprKind, Operator, Partition, PartitionBody};
use crate::token::TokenKind;

/// Reads what stands behind `partition`.
pub(super) fn parse(it: &mut Parser<'_>) -> Parsed<Operator> {
    let parameters = it.parameters(&[])?;
    it.expect_word("by")?;
    let by = it.partition_key()?;
    let context_id = if it.eat_word("id") { Some(it.operand()?) } else { None };
    let body = if it.is(TokenKind::OpenBrace) {
        PartitionBody::Expression(it.body(TokenKind::OpenBrace, "`{`")?)
    } else {
        PartitionBody::Subquery(it.subquery()?)
    };
    Ok(Operator::Partition(Partition { parameters, by, context_id, body }))
}

impl Parser<'_> {
    /// The key: a name or a path, for a parenthesis behind it opens the subquery.
    pub(super) fn partition_key(&mut self) -> Parsed<ExprId> {
        let name = self.name("a column")?;
        let span = name.span;
        let id = self.push(ExprKind::Name(name), span);
        self.path_from(id)
    }
}
