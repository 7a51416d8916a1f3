//! The predicates of `search` and `find`: bare terms look into every column.

use super::super::{Bind, Binder};
use crate::{
    plan::ExprId as PlanExpr,
    syntax::{BinaryOperator, ExprId, ExprKind, Literal},
};
use kql_data::{Type, Value};

/// Binds a predicate over the current row in which a string alone is a term to look for.
pub(super) fn predicate(b: &mut Binder<'_>, id: ExprId, case_sensitive: bool) -> Bind<PlanExpr> {
    let query = b.query.clone();
    let span = query.span(id);
    match query.kind(id) {
        ExprKind::Parenthesized(inner) => predicate(b, *inner, case_sensitive),
        ExprKind::And(items) | ExprKind::Or(items) => {
            let name = if matches!(query.kind(id), ExprKind::And(_)) { "and" } else { "or" };
            let bound = items.iter().map(|it| predicate(b, *it, case_sensitive)).collect();
            let items = Binder::all(bound)?;
            b.make_call(name, &items, span)
        }
        ExprKind::Call(call) if call.function.text == "not" => match call.arguments.as_slice() {
            [one] => {
                let inner = predicate(b, one.value, case_sensitive)?;
                b.make_call("not", &[inner], span)
            }
            _ => b.fail("SEM0219", span, "not() takes one argument"),
        },
        ExprKind::Literal(Literal::String(term)) => any_column(b, term, case_sensitive, span),
        ExprKind::Literal(literal) => {
            let (value, _) = b.literal(literal);
            any_column(b, &value.text(), case_sensitive, span)
        }
        ExprKind::Star => Ok(b.constant(Value::Bool(true), Type::Bool)),
        ExprKind::Binary { operator: BinaryOperator::Search, left, right, .. } => {
            let needle = b.constant_scalar(*right)?;
            let Some(needle) = b.value_of(needle).map(|it| it.text()) else {
                return b.fail("SEM0207", span, "a constant term is needed here");
            };
            let column = b.scalar(*left)?;
            test(b, column, &needle, case_sensitive, span)
        }
        _ => b.predicate(id),
    }
}

fn any_column(b: &mut Binder<'_>, term: &str, case_sensitive: bool, span: crate::Span) -> Bind<PlanExpr> {
    let mut tests = Vec::new();
    for (index, field) in b.row.schema.fields.clone().iter().enumerate() {
        let column = b.column(index, field.ty);
        tests.push(test(b, column, term, case_sensitive, span)?);
    }
    match tests.as_slice() {
        [] => Ok(b.constant(Value::Bool(false), Type::Bool)),
        [one] => Ok(*one),
        many => b.make_call("or", many, span),
    }
}

/// `t` is `has`, `t*` is `hasprefix`, `*t` is `hassuffix`, `*t*` is `contains`, and `a*b` a regular expression.
fn test(b: &mut Binder<'_>, column: PlanExpr, term: &str, case_sensitive: bool, span: crate::Span) -> Bind<PlanExpr> {
    let text = b.cast(column, Type::String, span)?;
    let (front, back) = (term.starts_with('*'), term.ends_with('*') && term.len() > 1);
    let needle = term.trim_start_matches('*').trim_end_matches('*');
    if needle.is_empty() {
        return Ok(b.constant(Value::Bool(true), Type::Bool));
    }
    if needle.contains('*') {
        let pattern = b.constant(Value::String(pattern_of(term, case_sensitive).into()), Type::String);
        return b.make_call("matches regex", &[text, pattern], span);
    }
    let name = match (front, back, case_sensitive) {
        (true, true, false) => "contains",
        (true, true, true) => "contains_cs",
        (false, true, false) => "hasprefix",
        (false, true, true) => "hasprefix_cs",
        (true, false, false) => "hassuffix",
        (true, false, true) => "hassuffix_cs",
        (false, false, false) => "has",
        (false, false, true) => "has_cs",
    };
    let needle = b.constant(Value::String(needle.into()), Type::String);
    b.make_call(name, &[text, needle], span)
}

/// The pattern of a term with `*` inside: words begin and end where it does not begin or end with `*`.
fn pattern_of(term: &str, case_sensitive: bool) -> String {
    let mut pattern = String::from(if case_sensitive { "" } else { "(?i)" });
    let pieces: Vec<&str> = term.split('*').collect();
    for (at, piece) in pieces.iter().enumerate() {
        let is_word = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
        if at > 0 {
            pattern.push_str(".*");
        } else if is_word(piece.chars().next()) {
            pattern.push_str(r"\b");
        }
        for c in piece.chars() {
            // `\<` and `\>` would mean the edges of words.
            if c.is_ascii_punctuation() && !matches!(c, '<' | '>') {
                pattern.push('\\');
            }
            pattern.push(c);
        }
        if at + 1 == pieces.len() && is_word(piece.chars().last()) {
            pattern.push_str(r"\b");
        }
    }
    pattern
}
