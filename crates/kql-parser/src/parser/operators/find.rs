//! The operator `find`.

use crate::parser::{OperatorDeclaration, Parsed, Parser};
use crate::syntax::{ColumnDeclaration, Find, FindOutput, Operator};
use crate::token::TokenKind;

/// `find`: how it is written and what it does.
pub(super) const DECLARATION: OperatorDeclaration = OperatorDeclaration {
    words: &["find"],
    syntax: "find [withsource=Name] [in (T, …)] [where] predicate [project …]",
    doc: "Rows of several tables for which something holds.",
    query: "let A = print a = 1; let B = print a = 2; find in (A, B) where a > 1 project a | project a",
    rows: &[r#"{"a":2}"#],
    parse,
};

/// Reads what stands behind `find`.
fn parse(it: &mut Parser<'_>) -> Parsed<Operator> {
    let parameters = it.parameters(&[])?;
    let tables = it.tables_in()?;
    it.eat_word("where");
    it.in_search = true;
    let predicate = it.expression()?;
    it.in_search = false;
    let output = output(it)?;
    Ok(Operator::Find(Find { parameters, tables, predicate, output }))
}

/// `project-smart`, `project a, b:long, pack(*)`, `project-away a, b`.
fn output(it: &mut Parser<'_>) -> Parsed<FindOutput> {
    match it.operator_word() {
        "project-smart" => {
            it.advance_word("project-smart");
            Ok(FindOutput::Smart)
        }
        "project" => {
            it.advance();
            let mut columns = Vec::new();
            let mut pack = false;
            for column in it.list(project_column)? {
                match column {
                    Some(column) => columns.push(column),
                    None => pack = true,
                }
            }
            Ok(FindOutput::Project { columns, pack })
        }
        "project-away" => {
            it.advance_word("project-away");
            Ok(FindOutput::Away(it.list(Parser::column_pattern)?))
        }
        _ => Ok(FindOutput::Default),
    }
}

/// A column with an optional type; `None` for `pack(*)` and `pack_all()`.
fn project_column(it: &mut Parser<'_>) -> Parsed<Option<ColumnDeclaration>> {
    if matches!(it.word(), "pack" | "pack_all") && it.kind_ahead(1) == TokenKind::OpenParenthesis {
        it.call("`pack(*)`")?;
        return Ok(None);
    }
    it.column_declaration(false).map(Some)
}
