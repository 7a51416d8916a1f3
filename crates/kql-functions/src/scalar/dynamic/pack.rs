//! Values packed into bags and arrays.
//!
//! `pack_all` and `bag_pack_columns` see columns that their call does not spell: the binder passes `ignore_null_empty`,
//! a bool constant, and then for each column its name, a string constant, and its value.

use crate::scalar::bounds;
use crate::{
    declare::{Accepts, CHECK_ROWS, Overload, Param, Returns},
    resolve::Actual,
};
use kql_data::{Bag, Column, Context, Dynamic, DynamicReader, Fault, Reservation, Type};
use std::sync::Arc;

const ITEM: Param = Param::new("value", Accepts::Scalar);
const MOST: usize = 65_534;

const BAG_PACK: &[Overload] = &[Overload {
    params: &[],
    rest: Some((ITEM, 2, MOST)),
    returns: Returns::Custom(pairs),
    kernel: Some(|cx, args, n_rows| packed(cx, args, n_rows, false)),
}];
const PACK_COLUMNS: &[Overload] = &[Overload {
    params: &[Param::new("ignore_null_empty", Accepts::Type(Type::Bool)).constant()],
    rest: Some((ITEM, 0, MOST)),
    returns: Returns::Custom(|actuals| pairs(actuals.get(1..).unwrap_or(&[]))),
    kernel: Some(pack_columns),
}];
const PACK_ARRAY: &[Overload] = &[Overload {
    params: &[],
    rest: Some((ITEM, 1, 32_767)),
    returns: Returns::Type(Type::Dynamic),
    kernel: Some(pack_array),
}];

crate::functions! {
    /// A bag of names and values.
    ///
    ///     bag_pack("Level", "Information", "ProcessID", 1234) => dynamic({"Level": "Information", "ProcessID": 1234})
    ///     bag_pack("a", bag_pack("b", 1s)) => dynamic({"a": {"b": "00:00:01"}})
    #[aliases("pack", "pack_dictionary")]
    fn bag_pack = BAG_PACK;

    /// A bag of all columns of the row. With `true`, nulls and empty strings are left out.
    fn pack_all = PACK_COLUMNS;

    /// A bag of the columns that are named.
    fn bag_pack_columns = PACK_COLUMNS;

    /// An array of values. Datetimes and timespans become texts.
    ///
    ///     pack_array(1, "a", 2s) => dynamic([1, "a", "00:00:02"])
    ///     tostring(pack_array(datetime(2020-01-01), 1)) => "[\"2020-01-01T00:00:00.0000000Z\",1]"
    fn pack_array = PACK_ARRAY;
}

fn pairs(actuals: &[Actual]) -> Result<Type, Fault> {
    if !actuals.len().is_multiple_of(2) {
        let message = format!("bag_pack() takes names and values in pairs, not {} arguments", actuals.len());
        return Err(Fault::coded("SEM0219", message));
    }
    match actuals.iter().step_by(2).find(|it| !matches!(it.ty, Type::String | Type::Dynamic)) {
        None => Ok(Type::Dynamic),
        Some(it) => Err(Fault::coded("SEM0207", format!("bag_pack(): a name must be a string, not a {}", it.ty))),
    }
}

fn pack_columns(cx: &Context, args: &[Column], n_rows: usize) -> Result<Column, Fault> {
    let Some((ignore, rest)) = args.split_first() else { return Ok(Column::null(Type::Dynamic, n_rows)) };
    packed(cx, rest, n_rows, ignore.value(0) == kql_data::Value::Bool(true))
}

/// The names of a column of names: made once where it is constant.
enum Names<'a> {
    Constant(Arc<str>),
    Varying(&'a Column),
}

impl<'a> Names<'a> {
    fn new(column: &'a Column) -> Names<'a> {
        match column {
            Column::Constant { value, .. } => Names::Constant(value.text().into()),
            other => Names::Varying(other),
        }
    }

    fn get(&self, row: usize) -> Arc<str> {
        match self {
            Names::Constant(it) => it.clone(),
            Names::Varying(column) => column.value(row).text().into(),
        }
    }
}

/// Refuses what nests too deeply or would be too long a text: parts are shared, so packing again and again doubles both.
fn bounded(cx: &Context, value: Dynamic) -> Result<Dynamic, Fault> {
    let mut left = cx.limits.string_bytes;
    match value.fits(2 * cx.limits.json_depth, &mut left) {
        true => Ok(value),
        false if left == 0 => bounds::string(cx, usize::MAX, "packing").map(|()| value),
        false => {
            let limit = cx.limits.json_depth as u64;
            Err(Fault::Limit { name: "json_depth", limit, by: "packing".to_owned() })
        }
    }
}

/// What is packed so far, and its memory.
struct Packed<'c> {
    cx: &'c Context,
    rows: Vec<Option<Dynamic>>,
    bytes: usize,
    held: Reservation,
}

impl<'c> Packed<'c> {
    fn new(cx: &'c Context, n_rows: usize) -> Result<Packed<'c>, Fault> {
        Ok(Packed { cx, rows: Vec::with_capacity(n_rows), bytes: 0, held: cx.budget.reserve(0, "packing")? })
    }

    fn push(&mut self, value: Dynamic) -> Result<(), Fault> {
        if self.rows.len().is_multiple_of(CHECK_ROWS) {
            self.cx.check()?;
        }
        let value = bounded(self.cx, value)?;
        self.bytes += value.owned_bytes();
        self.rows.push(Some(value));
        self.held.follow(self.bytes, "packing")
    }
}

fn packed(cx: &Context, args: &[Column], n_rows: usize, ignore_empty: bool) -> Result<Column, Fault> {
    let (pairs, _) = args.as_chunks::<2>();
    let pairs: Vec<(Names<'_>, &Column)> = pairs.iter().map(|[name, value]| (Names::new(name), value)).collect();
    let is_empty = |it: &Dynamic| it.is_null() || it.as_str() == Some("");
    let mut out = Packed::new(cx, n_rows)?;
    if let Some(empty) = bag_of_names(&pairs).filter(|_| !ignore_empty) {
        let readers: Vec<DynamicReader<'_>> = pairs.iter().map(|(_, value)| DynamicReader::new(value)).collect();
        for row in 0..n_rows {
            let mut bag = empty.clone();
            bag.values_mut().zip(&readers).for_each(|(slot, values)| *slot = values.get(row).into_owned());
            out.push(Dynamic::bag(bag))?;
        }
        return Ok(Column::dynamics(out.rows));
    }
    for row in 0..n_rows {
        let mut bag = Bag::with_capacity_and_hasher(pairs.len(), ahash::RandomState::default());
        for (name, value) in &pairs {
            let value = value.dynamic(row);
            if !(ignore_empty && is_empty(&value)) {
                _ = bag.insert(name.get(row), value);
            }
        }
        out.push(Dynamic::bag(bag))?;
    }
    Ok(Column::dynamics(out.rows))
}

/// A bag of those names, if they are constant and different: copies of it need no hashes.
fn bag_of_names(pairs: &[(Names<'_>, &Column)]) -> Option<Bag> {
    let mut bag = Bag::with_capacity_and_hasher(pairs.len(), ahash::RandomState::default());
    for (name, _) in pairs {
        let Names::Constant(name) = name else { return None };
        if bag.insert(name.clone(), Dynamic::Null).is_some() {
            return None;
        }
    }
    Some(bag)
}

fn pack_array(cx: &Context, args: &[Column], n_rows: usize) -> Result<Column, Fault> {
    let mut out = Packed::new(cx, n_rows)?;
    for row in 0..n_rows {
        out.push(Dynamic::array(args.iter().map(|it| it.dynamic(row)).collect()))?;
    }
    Ok(Column::dynamics(out.rows))
}

#[cfg(test)]
mod tests {
    use super::*;
    use kql_data::Value;

    fn text(value: &str) -> Column {
        Column::constant(Value::String(value.into()), Type::String, 1)
    }

    #[test]
    fn columns_are_packed_by_name() {
        let cx = Context::default();
        let ignore = |it| Column::constant(Value::Bool(it), Type::Bool, 1);
        let args = |it| [ignore(it), text("a"), Column::strings([""]), text("b"), Column::longs(vec![5])];
        let run = |it| pack_columns(&cx, &args(it), 1).unwrap().dynamic(0).json();
        assert_eq!(run(false), r#"{"a":"","b":5}"#);
        assert_eq!(run(true), r#"{"b":5}"#);
    }

    #[test]
    fn names_and_values_come_in_pairs() {
        let (name, number) = (Actual::varying(Type::String), Actual::varying(Type::Long));
        assert!(pairs(&[name.clone(), number.clone()]).is_ok());
        assert!(pairs(&[name.clone(), number.clone(), name.clone()]).is_err());
        assert!(pairs(&[number, name]).is_err());
    }
}
