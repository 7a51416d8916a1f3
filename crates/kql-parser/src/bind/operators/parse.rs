//! `parse`, `parse-where`: columns out of a text by pattern.

use super::super::{Bind, Binder, Table};
use super::columns;
use crate::{
    plan::{Op, ParseKind, ParseOutput, ParsePart, ParsePattern},
    syntax::{self, Parameter, Stage},
};
use kql_data::{Field, Schema, Type, Value};

pub(super) fn bind(b: &mut Binder<'_>, it: &syntax::Parse, drops: bool, input: Table, stage: &Stage) -> Bind<Table> {
    let value_span = b.query.span(it.value);
    let text = columns::over(b, &input, |b| b.scalar(it.value))?;
    let text = b.cast(text, Type::String, value_span)?;
    let kind = match b.choice(&it.parameters, "kind", &["simple", "regex", "relaxed"])? {
        Some("regex") => ParseKind::Regex,
        Some("relaxed") => ParseKind::Relaxed,
        _ => ParseKind::Simple,
    };
    if drops && kind == ParseKind::Relaxed {
        return b.fail("SEM0477", stage.span, "`parse-where` cannot be relaxed");
    }
    let flags = flags(b, &it.parameters, kind)?;
    let (parts, captured) = parts(b, &it.pattern, kind)?;
    let (fields, outputs) = outputs(&input.schema, &captured);
    let pattern = ParsePattern { kind, flags, parts };
    let op = Op::Parse { input: input.node, value: text, pattern, drops, outputs };
    Ok(b.table(op, Schema::new(fields), &input))
}

fn flags(b: &mut Binder<'_>, parameters: &[Parameter], kind: ParseKind) -> Bind<String> {
    let Some(parameter) = b.parameter(parameters, "flags") else { return Ok(String::new()) };
    if kind != ParseKind::Regex {
        return b.fail("SEM0472", parameter.span, "`flags` need `kind=regex`");
    }
    let word = b.word(parameter)?;
    match word.chars().find(|it| !"ismUux".contains(*it)) {
        Some(flag) => b.fail("SEM0473", parameter.span, format!("unknown flag `{flag}`; there are i, s, m, U, x")),
        None => Ok(word),
    }
}

fn parts(b: &mut Binder<'_>, pattern: &[syntax::ParsePart], kind: ParseKind) -> Bind<(Vec<ParsePart>, Vec<Field>)> {
    let (mut parts, mut captured) = (Vec::new(), Vec::<Field>::new());
    let mut follows_string = false;
    for part in pattern {
        match part {
            syntax::ParsePart::Star(span) => {
                if follows_string {
                    return b.fail("SEM0476", *span, "`*` behind a string column is ambiguous");
                }
                parts.push(ParsePart::Star);
            }
            syntax::ParsePart::Text(id) => {
                follows_string = false;
                let span = b.query.span(*id);
                let expr = b.constant_scalar(*id)?;
                let Some(Value::String(text)) = b.value_of(expr) else {
                    return b.fail("SEM0207", span, "a constant string is needed here");
                };
                if text.is_empty() {
                    return b.fail("SEM0476", span, "an empty text in a pattern matches everywhere");
                }
                if kind == ParseKind::Regex
                    && let Err(why) = kql_functions::declare::types::compile_regex(b.cx, &text)
                    && !why.to_string().contains("unclosed group")
                    && !why.to_string().contains("unopened group")
                {
                    return b.fail("SEM0476", span, why.to_string());
                }
                parts.push(ParsePart::Text(text.to_string()));
            }
            syntax::ParsePart::Column(column) => {
                let ty = match &column.ty {
                    Some(ty) => b.type_literal(&ty.text, ty.span)?,
                    None => Type::String,
                };
                follows_string = ty == Type::String;
                if captured.iter().any(|it| *it.name == *column.name.text) {
                    return b.fail("SEM0034", column.span, format!("the column `{}` is given twice", column.name.text));
                }
                captured.push(Field::new(column.name.text.as_str(), ty));
                parts.push(ParsePart::Column(ty));
            }
        }
    }
    Ok((parts, captured))
}

/// Captured columns replace those of their name and follow the others.
pub(super) fn outputs(input: &Schema, captured: &[Field]) -> (Vec<Field>, Vec<ParseOutput>) {
    let mut fields = input.fields.clone();
    let mut outputs: Vec<ParseOutput> = (0..fields.len()).map(ParseOutput::Input).collect();
    for (n, field) in captured.iter().enumerate() {
        let at = fields.iter().position(|it| it.name == field.name);
        match at.and_then(|at| Some((fields.get_mut(at)?, outputs.get_mut(at)?))) {
            Some((known, output)) => {
                *known = field.clone();
                *output = ParseOutput::Captured(n);
            }
            None => {
                fields.push(field.clone());
                outputs.push(ParseOutput::Captured(n));
            }
        }
    }
    (fields, outputs)
}
