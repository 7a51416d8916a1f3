//! Whether a value is there: `isnull`, `isempty` and their negations.

use crate::{
    declare::{Accepts, Function, Overload, Param, Returns},
    scalar::operator::lift,
};
use arrow_array::Array;
use arrow_buffer::{BooleanBuffer, NullBuffer};
use kql_data::{Column, Context, Dynamic, Fault, StringReader, Tag, Type, Value};

fn nulls(column: &Column) -> Option<&NullBuffer> {
    match column {
        Column::Bool(it) => it.nulls(),
        Column::Int(it) => it.nulls(),
        Column::Long(it) | Column::Datetime(it) | Column::Timespan(it) => it.nulls(),
        Column::Real(it) => it.nulls(),
        _ => None,
    }
}

fn missing(column: &Column, n_rows: usize) -> BooleanBuffer {
    match column {
        Column::Bool(_)
        | Column::Int(_)
        | Column::Long(_)
        | Column::Datetime(_)
        | Column::Timespan(_)
        | Column::Real(_) => match nulls(column) {
            Some(nulls) => !nulls.inner(),
            None => BooleanBuffer::new_unset(n_rows),
        },
        Column::String(_) | Column::Dictionary(_) => BooleanBuffer::new_unset(n_rows),
        _ => lift::bits_of_rows(n_rows, |row| column.is_null(row)),
    }
}

/// Whether the text of a value is "".
fn empty(column: &Column, n_rows: usize) -> BooleanBuffer {
    match column {
        Column::String(_) | Column::Dictionary(_) | Column::Constant { ty: Type::String, .. } => {
            match column.string_reader() {
                // Code 0 is "", and no other is.
                StringReader::Dictionary(codes, _) => lift::bits(codes, |code| code == 0),
                reader => lift::bits_of_rows(n_rows, |row| reader.get(row).is_empty()),
            }
        }
        Column::Shredded(it) => {
            let strings = it.node.strings.as_ref().map(|it| it.reader());
            lift::bits_of_rows(n_rows, |row| match (it.tag(row), it.rows.get(row), &strings) {
                (Tag::Missing | Tag::Null, ..) | (_, None, _) => true,
                (Tag::String, Some(at), Some(strings)) => strings.get(at).is_empty(),
                _ => false,
            })
        }
        Column::Dynamic(it) => lift::bits_of_rows(n_rows, |row| is_empty_dynamic(it.get(row))),
        Column::Constant { value: Value::Dynamic(it), .. } if is_empty_dynamic(Some(it)) => {
            BooleanBuffer::new_set(n_rows)
        }
        _ => missing(column, n_rows),
    }
}

fn is_empty_dynamic(value: Option<&Dynamic>) -> bool {
    match value {
        None | Some(Dynamic::Null) => true,
        Some(Dynamic::String(it)) => it.is_empty(),
        _ => false,
    }
}

fn isnull<const NEGATED: bool>(_: &Context, args: &[Column], n_rows: usize) -> Result<Column, Fault> {
    let found = missing(lift::arg(args, 0)?, n_rows);
    Ok(lift::bools(if NEGATED { !&found } else { found }))
}

fn isempty<const NEGATED: bool>(_: &Context, args: &[Column], n_rows: usize) -> Result<Column, Fault> {
    let found = empty(lift::arg(args, 0)?, n_rows);
    Ok(lift::bools(if NEGATED { !&found } else { found }))
}

const VALUE: Param = Param::new("value", Accepts::Scalar);

macro_rules! question {
    ($kernel:expr) => {
        &[Overload { params: &[VALUE], rest: None, returns: Returns::Type(Type::Bool), kernel: Some($kernel) }]
    };
}

/// The questions.
pub const FUNCTIONS: &[Function] = &[
    Function::new(
        "isnull",
        "Whether a value is null. A string never is.\n\n    isnull(long(null)) => true\n    isnull(\"\") => false\n",
        question!(isnull::<false>),
    ),
    Function::new("isnotnull", "Whether a value is not null.\n\n    isnotnull(1) => true\n", question!(isnull::<true>))
        .aliases(&["notnull"]),
    Function::new(
        "isempty",
        "Whether the text of a value is empty: \"\" and null.\n\n    isempty(\"\") => true\n    isempty(dynamic([])) => false\n",
        question!(isempty::<false>),
    ),
    Function::new(
        "isnotempty",
        "Whether the text of a value is not empty.\n\n    isnotempty(\"a\") => true\n",
        question!(isempty::<true>),
    )
    .aliases(&["notempty"]),
];
