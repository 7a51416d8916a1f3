//! The operator `partition`.

use crate::parser::{OperatorDeclaration, Parsed, Parser};
use crate::syntax::{ExprId, ExprKind, Operator, Partition, PartitionBody};
use crate::token::TokenKind;

/// `partition`: how it is written and what it does.
pub(super) const DECLARATION: OperatorDeclaration = OperatorDeclaration {
    words: &["partition"],
    syntax: "T | partition [hint.strategy=…] by Key (pipeline)",
    doc: "Runs a pipeline over the rows of each key.",
    query: r#"datatable(User:string, n:long)["ann", 1, "bob", 5, "ann", 3] | partition by User (top 1 by n) | sort by n asc"#,
    rows: &[r#"{"User":"ann","n":3}"#, r#"{"User":"bob","n":5}"#],
    parse,
};

/// Reads what stands behind `partition`.
fn parse(it: &mut Parser<'_>) -> Parsed<Operator> {
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
