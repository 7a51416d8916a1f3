//! The operator `scan`.

use crate::parser::{OperatorDeclaration, Parsed, Parser};
use crate::syntax::{Operator, Scan, ScanStep};
use crate::token::TokenKind;

/// `scan`: how it is written and what it does.
pub(super) const DECLARATION: OperatorDeclaration = OperatorDeclaration {
    words: &["scan"],
    syntax: "T | scan [with_match_id=Name] [order by …] [partition by …] [declare (Column:type = value, …)] with (step name: condition => Column = value; …)",
    doc: "Finds sequences in ordered rows by steps with a memory.",
    query: "range n from 1 to 3 step 1 | serialize | scan declare (Sum:long = 0) with (step s: true => Sum = n + s.Sum;)",
    rows: &[r#"{"n":1,"Sum":1}"#, r#"{"n":2,"Sum":3}"#, r#"{"n":3,"Sum":6}"#],
    parse,
};

/// Reads what stands behind `scan`.
fn parse(it: &mut Parser<'_>) -> Parsed<Operator> {
    let mut scan = Scan {
        parameters: it.parameters(&[])?,
        order_by: Vec::new(),
        partition_by: Vec::new(),
        declare: Vec::new(),
        steps: Vec::new(),
    };
    loop {
        match it.word() {
            "order" | "sort" => {
                it.advance();
                it.expect_word("by")?;
                scan.order_by = it.list(Parser::order_key)?;
            }
            "partition" => {
                it.advance();
                it.expect_word("by")?;
                scan.partition_by = it.list(Parser::expression)?;
            }
            "declare" => {
                it.advance();
                scan.declare =
                    it.bracketed(TokenKind::OpenParenthesis, "`(` and columns", |it| it.column_declaration(true))?;
            }
            "with" if it.kind_ahead(1) == TokenKind::OpenParenthesis => break,
            "with" => {
                // `with with_match_id=…` stands in older texts
                it.advance();
                scan.parameters.extend(it.parameters(&[])?);
            }
            _ => return Err(it.expected("`with` and the steps")),
        }
    }
    it.advance();
    scan.steps = steps(it)?;
    Ok(Operator::Scan(scan))
}

/// `( step …; step …; )`.
fn steps(it: &mut Parser<'_>) -> Parsed<Vec<ScanStep>> {
    let open = it.open(TokenKind::OpenParenthesis, "`(` and steps")?;
    let mut steps = vec![step(it)?];
    while it.eat(TokenKind::Semicolon) {
        if it.is_word("step") {
            steps.push(step(it)?);
        }
    }
    it.close(open)?;
    Ok(steps)
}

/// `step name [optional] [output=all|last|none]: condition [=> column = expression, …]`.
fn step(it: &mut Parser<'_>) -> Parsed<ScanStep> {
    let start = it.start();
    it.expect_word("step")?;
    let name = it.name("a step name")?;
    let is_optional = it.eat_word("optional");
    let output = if it.eat_word("output") {
        it.expect(TokenKind::Assign, "`=`")?;
        Some(it.name("`all`, `last` or `none`")?)
    } else {
        None
    };
    it.expect(TokenKind::Colon, "`:`")?;
    let condition = it.expression()?;
    let assignments = if it.eat(TokenKind::Arrow) { it.assignments()? } else { Vec::new() };
    Ok(ScanStep { name, is_optional, output, condition, assignments, span: it.since(start) })
}
