//! `parse-kv`: keys and values out of a text.

use super::super::{Bind, Binder, Table};
use super::{columns, datatable, parse};
use crate::{
    plan::{Op, ParseKvOptions},
    syntax::{ParseKv, Stage},
};
use kql_data::{Schema, Type};

pub(super) fn bind(b: &mut Binder<'_>, it: &ParseKv, input: Table, _: &Stage) -> Bind<Table> {
    let span = b.query.span(it.value);
    let value = columns::over(b, &input, |b| b.scalar(it.value))?;
    let value = b.cast(value, Type::String, span)?;
    let schema = datatable::row_schema(b, &it.schema)?;
    let mut options = ParseKvOptions::default();
    for property in &it.properties {
        let word = b.word(property)?;
        match property.name.text.as_str() {
            "pair_delimiter" => options.pair_delimiter = Some(word),
            "kv_delimiter" => options.kv_delimiter = Some(word),
            "quote" => {
                let mut marks = word.chars();
                match (marks.next(), marks.next()) {
                    (Some(open), Some(close)) => options.quotes.push((open, close)),
                    (Some(mark), None) => options.quotes.push((mark, mark)),
                    _ => {}
                }
            }
            "escape" => options.escapes.extend(word.chars().next()),
            "greedy" => options.greedy = word == "true",
            "regex" => options.regex = Some(word),
            other => return b.fail("SEM0041", property.span, format!("`parse-kv` has no property `{other}`")),
        }
    }
    let keys = schema.fields.iter().map(|it| (it.name.to_string(), it.ty)).collect();
    let (fields, outputs) = parse::outputs(&input.schema, &schema.fields);
    let op = Op::ParseKv { input: input.node, value, keys, options, outputs };
    Ok(b.table(op, Schema::new(fields), &input))
}
