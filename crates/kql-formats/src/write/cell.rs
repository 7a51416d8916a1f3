//! The texts of one cell: its JSON on the wire, and its plain text.

use kql_data::{Column, Node, Tag, Type, Value, json, time};
use std::fmt::Write;

/// Appends a value as JSON, as `kql batch` answers: numbers for int, long and real, strings for decimal, guid, datetime and timespan,
/// dynamic as it is.
pub fn write_cell(value: &Value, ty: Type, out: &mut String) {
    match value {
        Value::Null if ty == Type::String => out.push_str("\"\""),
        Value::Null => out.push_str("null"),
        Value::Bool(it) => out.push_str(if *it { "true" } else { "false" }),
        Value::Int(it) => _ = write!(out, "{it}"),
        Value::Long(it) => _ = write!(out, "{it}"),
        Value::Real(it) => json::write_real(*it, out),
        Value::Decimal(it) => _ = write!(out, "\"{it}\""),
        Value::String(it) => json::write_string(it, out),
        Value::Datetime(it) => _ = write!(out, "\"{}\"", time::datetime_wire(*it)),
        Value::Timespan(it) => _ = write!(out, "\"{}\"", time::timespan_text(*it)),
        Value::Guid(_) => json::write_string(&value.text(), out),
        Value::Dynamic(it) => json::write(it, out),
    }
}

/// Appends a cell of a column as JSON.
pub fn write_cell_at(column: &Column, row: usize, out: &mut String) {
    match column {
        Column::String(_) | Column::Dictionary(_) => json::write_string(column.string_reader().get(row), out),
        Column::Shredded(it) => match it.rows.get(row) {
            Some(row) => node(&it.node, row, out),
            None => out.push_str("null"),
        },
        Column::Lists(it) => it.write_json(row, out),
        _ => write_cell(&column.value(row), column.ty(), out),
    }
}

/// Appends a row of a tree as JSON, without making a value of it.
fn node(it: &Node, row: usize, out: &mut String) {
    match (it.tag(row), &it.strings) {
        (Tag::String, Some(texts)) => json::write_string(texts.reader().get(row), out),
        (Tag::Bag, _) => {
            out.push('{');
            let mut comma = "";
            for (key, slot) in &it.children {
                let Some(row) = slot.row(row).filter(|it| slot.node.tag(*it) != Tag::Missing) else { continue };
                out.push_str(comma);
                json::write_string(key, out);
                out.push(':');
                node(&slot.node, row, out);
                comma = ",";
            }
            out.push('}');
        }
        _ => json::write(&it.value(row), out),
    }
}

/// The plain text of a cell; `None` for null.
pub(super) fn text(column: &Column, row: usize) -> Option<String> {
    Some(match column.value(row) {
        Value::Null => return None,
        Value::Bool(it) => if it { "true" } else { "false" }.to_owned(),
        Value::Datetime(it) => time::datetime_wire(it),
        it => it.text(),
    })
}
