//! Lists, structs and maps to JSON texts, which then load as any other.

use super::{convert, kind::Kind};
use crate::shred::Failures;
use arrow_array::{Array, ArrayRef, FixedSizeListArray, LargeListArray, ListArray, MapArray, StructArray};
use arrow_schema::{DataType, Field};
use kql_data::{Column, Value, json};

/// An array with its leaves converted.
pub(super) enum Shape {
    Leaf(Column, Option<arrow_buffer::NullBuffer>, bool),
    Struct(Vec<(String, Shape)>, ArrayRef),
    List(Box<Shape>, ArrayRef),
    Map(Box<Shape>, Box<Shape>, MapArray),
}

/// What there is to convert leaves with. Leaves come in the order of the schema.
pub(super) struct Leaves<'a> {
    pub(super) kinds: std::slice::Iter<'a, Kind>,
    pub(super) failures: &'a mut Failures,
    pub(super) replaced: &'a mut u64,
}

impl Shape {
    /// Recurses as deep as the checked schema.
    pub(super) fn new(array: &ArrayRef, field: &Field, leaves: &mut Leaves<'_>) -> Result<Shape, String> {
        let unexpected = || format!("values came as {}", array.data_type());
        match field.data_type() {
            DataType::Struct(fields) => {
                let parts = array.as_any().downcast_ref::<StructArray>().ok_or_else(unexpected)?;
                let mut children = Vec::new();
                for (part, field) in parts.columns().iter().zip(fields) {
                    children.push((field.name().clone(), Shape::new(part, field, leaves)?));
                }
                Ok(Shape::Struct(children, array.clone()))
            }
            DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => {
                let values = list_values(array).ok_or_else(unexpected)?;
                Ok(Shape::List(Box::new(Shape::new(&values, item, leaves)?), array.clone()))
            }
            DataType::Map(entries, _) => {
                let map = array.as_any().downcast_ref::<MapArray>().ok_or_else(unexpected)?;
                let DataType::Struct(fields) = entries.data_type() else { return Err(unexpected()) };
                let [key, value] = &fields[..] else { return Err(unexpected()) };
                let keys = Box::new(Shape::new(map.keys(), key, leaves)?);
                let values = Box::new(Shape::new(map.values(), value, leaves)?);
                Ok(Shape::Map(keys, values, map.clone()))
            }
            _ => {
                let kind = *leaves.kinds.next().ok_or("a leaf without a type")?;
                let column = convert::column(array, kind, leaves.failures, leaves.replaced)?;
                Ok(Shape::Leaf(column, array.nulls().cloned(), kind == Kind::Json))
            }
        }
    }

    /// Whether a row is null.
    pub(super) fn is_null(&self, row: usize) -> bool {
        match self {
            // Strings of columns are never null; those of arrays may be.
            Shape::Leaf(column, nulls, _) => column.is_null(row) || nulls.as_ref().is_some_and(|it| it.is_null(row)),
            Shape::Struct(_, array) | Shape::List(_, array) => array.is_null(row),
            Shape::Map(_, _, map) => map.is_null(row),
        }
    }

    /// Appends the JSON text of a row. Members of structs that are null are left out: every row has all of them.
    pub(super) fn write(&self, row: usize, out: &mut String) {
        if self.is_null(row) {
            out.push_str("null");
            return;
        }
        match self {
            Shape::Leaf(column, _, is_json) => match column.value(row) {
                Value::String(it) if *is_json && json::read(&it).is_some() => out.push_str(&it),
                it => json::write(&it.to_dynamic(), out),
            },
            Shape::Struct(children, _) => {
                out.push('{');
                let mut is_first = true;
                for (name, child) in children.iter().filter(|it| !it.1.is_null(row)) {
                    member(std::mem::take(&mut is_first), name, out);
                    child.write(row, out);
                }
                out.push('}');
            }
            Shape::List(child, array) => {
                let (from, to) = list_range(array, row);
                out.push('[');
                for at in from..to {
                    if at > from {
                        out.push(',');
                    }
                    child.write(at, out);
                }
                out.push(']');
            }
            Shape::Map(keys, values, map) => {
                let offsets = map.value_offsets();
                let (from, to) = (offset(offsets.get(row)), offset(offsets.get(row + 1)));
                out.push('{');
                for at in from..to {
                    let key = match keys.as_ref() {
                        Shape::Leaf(column, ..) => column.value(at).text(),
                        other => {
                            let mut text = String::new();
                            other.write(at, &mut text);
                            text
                        }
                    };
                    member(at == from, &key, out);
                    values.write(at, out);
                }
                out.push('}');
            }
        }
    }
}

fn member(is_first: bool, name: &str, out: &mut String) {
    if !is_first {
        out.push(',');
    }
    json::write(&kql_data::Dynamic::string(name), out);
    out.push(':');
}

fn offset(value: Option<&i32>) -> usize {
    value.and_then(|it| usize::try_from(*it).ok()).unwrap_or(0)
}

fn list_values(array: &ArrayRef) -> Option<ArrayRef> {
    let any = array.as_any();
    if let Some(it) = any.downcast_ref::<ListArray>() {
        return Some(it.values().clone());
    }
    if let Some(it) = any.downcast_ref::<LargeListArray>() {
        return Some(it.values().clone());
    }
    any.downcast_ref::<FixedSizeListArray>().map(|it| it.values().clone())
}

/// The elements of a row.
fn list_range(array: &ArrayRef, row: usize) -> (usize, usize) {
    let any = array.as_any();
    if let Some(it) = any.downcast_ref::<ListArray>() {
        let offsets = it.value_offsets();
        return (offset(offsets.get(row)), offset(offsets.get(row + 1)));
    }
    if let Some(it) = any.downcast_ref::<LargeListArray>() {
        let at = |row: usize| it.value_offsets().get(row).and_then(|it| usize::try_from(*it).ok()).unwrap_or(0);
        return (at(row), at(row + 1));
    }
    match any.downcast_ref::<FixedSizeListArray>().and_then(|it| usize::try_from(it.value_length()).ok()) {
        Some(len) => (row * len, (row + 1) * len),
        None => (0, 0),
    }
}
