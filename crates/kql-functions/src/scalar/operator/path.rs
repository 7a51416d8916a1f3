//! `.` and `[]`: the slot of a bag and the item of an array. What is not there is null.
//!
//! On a shredded column a slot is another column of the same tree; nothing is parsed.

use super::lift;
use crate::declare::{Accepts, Function, Overload, Param, Returns};
use kql_data::{Boxed, Column, Context, Dynamic, Fault, Shredded, Tag, Type, Value};

/// The slot of one row of a shredded column.
fn shredded_slot(column: &Shredded, row: usize, key: &str) -> Dynamic {
    let Some(at) = column.rows.get(row) else { return Dynamic::Null };
    match column.node.tag(at) {
        Tag::Bag => column.node.children.get(key).map_or(Dynamic::Null, |it| it.value(at)),
        Tag::Raw => column.value(row).get(key),
        _ => Dynamic::Null,
    }
}

/// The slot of one row.
fn slot(column: &Column, row: usize, key: &str) -> Dynamic {
    match column {
        Column::Shredded(it) => shredded_slot(it, row, key),
        Column::Dynamic(it) => it.get(row).map_or(Dynamic::Null, |it| it.get(key)),
        Column::Constant { value: Value::Dynamic(it), .. } => it.get(key),
        _ => Dynamic::Null,
    }
}

fn member(_: &Context, args: &[Column], n_rows: usize) -> Result<Column, Fault> {
    let (column, keys) = (lift::arg(args, 0)?, lift::arg(args, 1)?);
    if let (Column::Shredded(tree), Column::Constant { value: Value::String(key), .. }) = (column, keys)
        && let Some(child) = tree.child(key)
    {
        return Ok(child);
    }
    let keys = keys.string_reader();
    Ok(Column::dynamics((0..n_rows).map(|row| Some(slot(column, row, keys.get(row)))).collect()))
}

fn item(column: &Column, row: usize, index: i64) -> Dynamic {
    match column {
        Column::Dynamic(it) => it.get(row).map_or(Dynamic::Null, |it| it.at(index)),
        Column::Lists(it) => it.get(row).map_or(Dynamic::Null, |it| it.at(index)),
        Column::Constant { value: Value::Dynamic(it), .. } => it.at(index),
        Column::Shredded(it) if it.tag(row) == Tag::Raw => it.value(row).at(index),
        _ => Dynamic::Null,
    }
}

fn index(_: &Context, args: &[Column], n_rows: usize) -> Result<Column, Fault> {
    let (column, indices) = (lift::arg(args, 0)?, lift::arg(args, 1)?);
    let indices = lift::longs(indices)?;
    let one = |row| indices.get(row).map(|index| item(column, row, index));
    Ok(Column::dynamics((0..n_rows).map(one).collect()))
}

/// An index that is itself dynamic: a string is a key, a number or bool a position.
fn index_by_dynamic(_: &Context, args: &[Column], n_rows: usize) -> Result<Column, Fault> {
    let (column, keys) = (lift::arg(args, 0)?, lift::arg(args, 1)?);
    let one = |row| match keys.dynamic(row) {
        Dynamic::String(key) => Some(slot(column, row, &key)),
        Dynamic::Bool(it) => Some(item(column, row, i64::from(it))),
        it => it.as_i64().map(|it| item(column, row, it)),
    };
    Ok(Column::dynamics((0..n_rows).map(one).collect()))
}

/// A string in front of a path is not parsed: it has neither slots nor items.
fn nothing(_: &Context, _: &[Column], n_rows: usize) -> Result<Column, Fault> {
    Ok(Column::Dynamic(Boxed::new(vec![None; n_rows])))
}

const BAG: Param = Param::new("value", Accepts::Type(Type::Dynamic));
const STRING: Param = Param::new("value", Accepts::Type(Type::String));
const KEY: Param = Param::new("key", Accepts::Type(Type::String)).cast(Type::String);
const POSITION: Param = Param::new("index", Accepts::Integer).cast(Type::Long);
const BOOL_POSITION: Param = Param::new("index", Accepts::NumberOrBool).cast(Type::Long);
const DYNAMIC_KEY: Param = Param::new("key", Accepts::Type(Type::Dynamic));

const fn overload(params: &'static [Param], kernel: crate::Kernel) -> Overload {
    Overload { params, rest: None, returns: Returns::Type(Type::Dynamic), kernel: Some(kernel) }
}

/// The path operators.
pub const FUNCTIONS: &[Function] = &[
    Function::new(
        ".",
        "The slot of a bag; null when it is not there.\n\n    dynamic({\"a\": {\"b\": 1}}).a.b => dynamic(1)\n",
        &[overload(&[BAG, KEY], member), overload(&[STRING, KEY], nothing)],
    ),
    Function::new(
        "[]",
        "The slot of a bag by string, or the item of an array by position; a negative one counts from the end.\n\n    \
         dynamic([1, 2, 3])[-1] => dynamic(3)\n    dynamic({\"a\": 1})[\"a\"] => dynamic(1)\n",
        &[
            overload(&[BAG, KEY], member),
            overload(&[BAG, POSITION], index),
            overload(&[BAG, BOOL_POSITION], index),
            overload(&[BAG, DYNAMIC_KEY], index_by_dynamic),
            overload(&[STRING, Param::new("key", Accepts::Scalar)], nothing),
        ],
    ),
];
