//! A `datatable` that reads back as the same rows.

use super::{WriteOptions, paint, rows};
use kql_data::{Batch, Dynamic, Schema, Type, Value, json, real_text, time};
use std::{
    fmt::Write as _,
    io::{Result, Write},
};

/// Words that are no column names without brackets.
const WORDS: [&str; 34] = [
    "and",
    "or",
    "not",
    "in",
    "has",
    "by",
    "on",
    "with",
    "between",
    "contains",
    "startswith",
    "endswith",
    "kind",
    "let",
    "set",
    "print",
    "where",
    "project",
    "extend",
    "summarize",
    "join",
    "union",
    "sort",
    "order",
    "take",
    "limit",
    "count",
    "top",
    "true",
    "false",
    "null",
    "datatable",
    "range",
    "as",
];

pub(super) fn write(schema: &Schema, batches: &[Batch], options: &WriteOptions, out: &mut impl Write) -> Result<()> {
    let fields: Vec<String> = schema.fields.iter().map(|it| format!("{}:{}", name(&it.name), it.ty)).collect();
    let mut line = format!("datatable({})[", fields.join(", "));
    for (row_index, (batch, row)) in rows(batches).enumerate() {
        line.push_str(if row_index > 0 { ",\n    " } else { "\n    " });
        for (index, (field, column)) in schema.fields.iter().zip(&batch.columns).enumerate() {
            line.push_str(if index > 0 { ", " } else { "" });
            literal(&column.value(row), field.ty, &mut line);
        }
        emit(&mut line, options, out)?;
    }
    line.push_str(if batches.iter().all(|it| it.n_rows == 0) { "]\n" } else { "\n]\n" });
    emit(&mut line, options, out)
}

fn emit(line: &mut String, options: &WriteOptions, out: &mut impl Write) -> Result<()> {
    out.write_all(if options.terminal { paint::lines(line) } else { line.as_str().into() }.as_bytes())?;
    line.clear();
    Ok(())
}

fn name(name: &str) -> String {
    let simple = name.bytes().all(|it| it.is_ascii_alphanumeric() || it == b'_');
    if simple && name.bytes().next().is_some_and(|it| !it.is_ascii_digit()) && !WORDS.contains(&name) {
        return name.to_owned();
    }
    let mut out = String::from("[");
    string(name, &mut out);
    out + "]"
}

/// A string literal; what a terminal would act on is escaped in any case.
fn string(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\0'..='\u{1f}'
            | '\u{7f}'..='\u{9f}'
            | '\u{200e}'
            | '\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2066}'..='\u{2069}' => {
                _ = write!(out, "\\u{:04x}", c as u32);
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

/// Appends a value as a literal of its type.
fn literal(value: &Value, ty: Type, out: &mut String) {
    _ = match value {
        Value::Null => write!(out, "{ty}(null)"),
        Value::Bool(it) => write!(out, "{it}"),
        Value::Int(it) => write!(out, "int({it})"),
        Value::Long(it) => write!(out, "long({it})"),
        Value::Real(it) if it.is_nan() => write!(out, "real(nan)"),
        Value::Real(it) if it.is_infinite() => write!(out, "real({}inf)", if *it > 0.0 { '+' } else { '-' }),
        Value::Real(it) => write!(out, "real({})", real_text(*it)),
        Value::Decimal(it) => write!(out, "decimal({it})"),
        Value::String(it) => {
            string(it, out);
            Ok(())
        }
        Value::Datetime(it) => write!(out, "datetime({})", time::datetime_wire(*it)),
        Value::Timespan(it) => write!(out, "timespan({})", time::timespan_text(*it)),
        Value::Guid(_) => write!(out, "guid({})", value.text()),
        Value::Dynamic(it) => {
            out.push_str("dynamic(");
            dynamic(it, out);
            out.push(')');
            Ok(())
        }
    };
}

/// JSON, with literals of the language for what JSON does not have.
fn dynamic(value: &Dynamic, out: &mut String) {
    match value {
        Dynamic::Datetime(_) | Dynamic::Timespan(_) | Dynamic::Guid(_) => {
            literal(&value.to_value(), Type::Dynamic, out);
        }
        Dynamic::String(it) => string(it, out),
        Dynamic::Array(items) => {
            out.push('[');
            for (index, it) in items.iter().enumerate() {
                out.push_str(if index > 0 { "," } else { "" });
                dynamic(it, out);
            }
            out.push(']');
        }
        Dynamic::Bag(slots) => {
            out.push('{');
            for (index, (key, it)) in slots.iter().enumerate() {
                out.push_str(if index > 0 { "," } else { "" });
                string(key, out);
                out.push(':');
                dynamic(it, out);
            }
            out.push('}');
        }
        other => json::write(other, out),
    }
}
