//! Strings put together from values and arrays.

use crate::{
    declare::{Accepts, Overload, Param, Returns},
    scalar::bounds,
};
use kql_data::{Column, ColumnBuilder, Context, Dynamic, Fault, StringReader, Type};
use std::borrow::Cow;

const ARG: Param = Param::new("arg", Accepts::Scalar).cast(Type::String);
const STRCAT: &[Overload] =
    &[Overload { params: &[], rest: Some((ARG, 1, 64)), returns: Returns::Type(Type::String), kernel: Some(strcat) }];
const STRCAT_DELIM: &[Overload] = &[Overload {
    params: &[Param::new("delimiter", Accepts::Scalar).cast(Type::String)],
    rest: Some((ARG, 2, 64)),
    returns: Returns::Type(Type::String),
    kernel: Some(strcat_delim),
}];

crate::functions! {
    /// The texts of its arguments one after the other. Null adds nothing.
    ///
    ///     strcat("hello", " ", "world") => "hello world"
    ///     strcat("a", 1, true, int(null)) => "a1True"
    fn strcat = STRCAT;

    /// The texts of its arguments with `delimiter` between.
    ///
    ///     strcat_delim("-", 1, "2", "A", 1s) => "1-2-A-00:00:01"
    ///     strcat_delim("-", "a", int(null), "b") => "a--b"
    fn strcat_delim = STRCAT_DELIM;

    /// The texts of an array's items with `delimiter` between. What is no array gives its own text.
    ///
    ///     strcat_array(dynamic([1, 2, 3]), "->") => "1->2->3"
    ///     strcat_array(dynamic(["a", null, {"x": 1}]), "-") => "a--{\"x\":1}"
    #[aliases("array_strcat")]
    fn strcat_array(items: array, delimiter: any_text) -> string |cx| { joined(cx, &items, delimiter) }
}

fn strcat(cx: &Context, args: &[Column], n_rows: usize) -> Result<Column, Fault> {
    let readers: Vec<StringReader<'_>> = args.iter().map(Column::string_reader).collect();
    concatenate(cx, &readers, |_| "", n_rows, "strcat")
}

fn strcat_delim(cx: &Context, args: &[Column], n_rows: usize) -> Result<Column, Fault> {
    let readers: Vec<StringReader<'_>> = args.iter().map(Column::string_reader).collect();
    let Some((delimiter, rest)) = readers.split_first() else { return Ok(Column::null(Type::String, n_rows)) };
    concatenate(cx, rest, |row| delimiter.get(row), n_rows, "strcat_delim")
}

fn concatenate<'a>(
    cx: &Context,
    readers: &[StringReader<'a>],
    delimiter: impl Fn(usize) -> &'a str,
    n_rows: usize,
    by: &str,
) -> Result<Column, Fault> {
    let mut out = ColumnBuilder::new(Type::String, n_rows);
    let mut text = String::new();
    let mut held = cx.budget.reserve(0, by)?;
    for row in 0..n_rows {
        if row % 4_096 == 0 {
            cx.check()?;
        }
        text.clear();
        for (index, reader) in readers.iter().enumerate() {
            if index > 0 {
                text.push_str(delimiter(row));
            }
            text.push_str(reader.get(row));
            bounds::string(cx, text.len(), by)?;
        }
        out.push_str(&text);
        held.follow(out.text_bytes(), by)?;
    }
    Ok(out.finish())
}

/// The text of a dynamic, borrowed where it is a string.
pub(crate) fn text_of(value: &Dynamic) -> Cow<'_, str> {
    match value {
        Dynamic::String(it) => Cow::Borrowed(it),
        other => Cow::Owned(other.text()),
    }
}

fn joined(cx: &Context, items: &Dynamic, delimiter: &str) -> Result<String, Fault> {
    let Some(items) = items.as_array() else { return Ok(items.text()) };
    let mut out = String::new();
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            out.push_str(delimiter);
        }
        out.push_str(&text_of(item));
        bounds::string(cx, out.len(), "strcat_array")?;
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use kql_data::{Value, json};

    #[test]
    fn items_are_joined_by_their_text() {
        let cx = Context::default();
        let items = json::read(r#"["a",1,2.5,true,null,{"x":1},[1,2]]"#).unwrap();
        assert_eq!(joined(&cx, &items, "-"), Ok(r#"a-1-2.5-true--{"x":1}-[1,2]"#.to_owned()));
        assert_eq!(joined(&cx, &Dynamic::Long(5), "-"), Ok("5".to_owned()));
    }

    #[test]
    fn columns_are_joined_by_row() {
        let (a, b) = (Column::strings(["x", "y"]), Column::constant(Value::String("1".into()), Type::String, 2));
        let joined = strcat_delim(&Context::default(), &[Column::strings([",", ";"]), a, b], 2).unwrap();
        assert_eq!(joined.string_reader().get(0), "x,1");
        assert_eq!(joined.string_reader().get(1), "y;1");
    }
}
