//! Functions that read other rows. Their kernels see all rows of a serialized table at once, in order.

use crate::declare::{
    Accepts, Function, Kernel, Overload, Param, Returns,
    types::{self, Argument, Bools, Primitives},
};
use arrow_array::{Array, Int64Array};
use kql_data::{Column, ColumnBuilder, Context, Decimal, Fault, NO_ROW, Type, Value};

const RESTART: Param = Param::new("restart", Accepts::Type(Type::Bool)).cast(Type::Bool);
const START: Param = Param::new("startingIndex", Accepts::Integer).cast(Type::Long);
const TERM: Param = Param::new("term", Accepts::Number);
const RANKED: Param = Param::new("term", Accepts::NotDynamic);
const DENSE: Param = Param::new("dense", Accepts::Type(Type::Bool)).cast(Type::Bool).constant();
const COLUMN: Param = Param::new("column", Accepts::Scalar);
const OFFSET: Param = Param::new("offset", Accepts::Integer).cast(Type::Long);
const DEFAULT: Param = Param::new("default_value", Accepts::Scalar).constant();
const EXPR: Param = Param::new("expr", Accepts::Type(Type::Datetime)).cast(Type::Datetime);
const FROM_FIRST: Param = Param::new("maxDistanceFromFirst", Accepts::Type(Type::Timespan)).cast(Type::Timespan);
const BETWEEN: Param = Param::new("maxDistanceBetweenNeighbors", Accepts::Type(Type::Timespan)).cast(Type::Timespan);

const fn gives(params: &'static [Param], returns: Returns, kernel: Kernel) -> Overload {
    Overload { params, rest: None, returns, kernel: Some(kernel) }
}
const LONG: Returns = Returns::Type(Type::Long);
const FIRST: Returns = Returns::Argument(0);

/// The functions that this file declares.
pub const FUNCTIONS: &[Function] = &[
    Function::new(
        "row_number",
        "The number of the row, from `startingIndex` (1 by default), and from there again where `restart` is true.\n\n    \
         row_number() => 1\n    row_number(7) => 7\n",
        &[
            gives(&[], LONG, row_number),
            gives(&[START], LONG, row_number),
            gives(&[START, RESTART], LONG, row_number),
        ],
    )
    .window(),
    Function::new(
        "row_cumsum",
        "The sum of `term` from the first row to this one, from 0 again where `restart` is true.\n\n    \
         row_cumsum(5) => 5\n",
        &[gives(&[TERM], FIRST, row_cumsum), gives(&[TERM, RESTART], FIRST, row_cumsum)],
    )
    .window(),
    Function::new(
        "row_rank_dense",
        "1 for the first row, and one more whenever `term` changes; 1 again where `restart` is true.\n\n    \
         row_rank_dense(\"a\") => 1\n",
        &[
            gives(&[RANKED], LONG, |_, args, n_rows| row_rank(args, args.get(1), true, n_rows)),
            gives(&[RANKED, RESTART], LONG, |_, args, n_rows| row_rank(args, args.get(1), true, n_rows)),
        ],
    )
    .window(),
    Function::new(
        "row_rank_min",
        "The number of the row at which `term` changed to its value, from 1 again where `restart` is true.\n\n    \
         row_rank_min(\"a\") => 1\n",
        &[
            gives(&[RANKED], LONG, |_, args, n_rows| row_rank(args, args.get(1), false, n_rows)),
            gives(&[RANKED, RESTART], LONG, |_, args, n_rows| row_rank(args, args.get(1), false, n_rows)),
        ],
    )
    .window(),
    Function::new(
        "row_rank",
        "The old name of `row_rank_dense`, or of `row_rank_min` where `dense` is false.\n\n    row_rank(\"a\") => 1\n",
        &[
            gives(&[RANKED], LONG, |_, args, n_rows| row_rank(args, None, true, n_rows)),
            gives(&[RANKED, DENSE], LONG, |_, args, n_rows| {
                let dense = args.get(1).is_none_or(|it| it.value(0) != Value::Bool(false));
                row_rank(args, None, dense, n_rows)
            }),
        ],
    )
    .window(),
    Function::new(
        "prev",
        "`column` of the row that is `offset` (1 by default) rows before; `default_value`, or null, where there is none.\n\n    \
         prev(5, 1, 7) => 7\n",
        &[
            gives(&[COLUMN], FIRST, |_, args, n_rows| shifted(args, n_rows, -1)),
            gives(&[COLUMN, OFFSET], FIRST, |_, args, n_rows| shifted(args, n_rows, -1)),
            gives(&[COLUMN, OFFSET, DEFAULT], FIRST, |_, args, n_rows| shifted(args, n_rows, -1)),
        ],
    )
    .window(),
    Function::new(
        "next",
        "`column` of the row that is `offset` (1 by default) rows after; `default_value`, or null, where there is none.\n\n    \
         next(5, 1, 7) => 7\n",
        &[
            gives(&[COLUMN], FIRST, |_, args, n_rows| shifted(args, n_rows, 1)),
            gives(&[COLUMN, OFFSET], FIRST, |_, args, n_rows| shifted(args, n_rows, 1)),
            gives(&[COLUMN, OFFSET, DEFAULT], FIRST, |_, args, n_rows| shifted(args, n_rows, 1)),
        ],
    )
    .window(),
    Function::new(
        "row_window_session",
        "The moment at which the row's session began. A session ends before a row that is `maxDistanceFromFirst` or more after \
         its first row, or `maxDistanceBetweenNeighbors` or more after the row before, or where `restart` is true.\n\n    \
         row_window_session(datetime(2024-04-11), 1h, 5m) => datetime(2024-04-11)\n",
        &[
            gives(&[EXPR, FROM_FIRST, BETWEEN], FIRST, sessions),
            gives(&[EXPR, FROM_FIRST, BETWEEN, RESTART], FIRST, sessions),
        ],
    )
    .window(),
];

/// Whether each row restarts.
fn restarts<'a>(column: Option<&'a Column>) -> Result<Bools<'a>, Fault> {
    column.map_or(Ok(Bools::Constant(None)), |it| bool::reader(&Context::default(), it))
}

fn is_true(restarts: &Bools, row: usize) -> bool {
    match restarts {
        Bools::Constant(it) => *it == Some(true),
        Bools::Array(it) => row < it.len() && it.is_valid(row) && it.value(row),
    }
}

fn row_number(cx: &Context, args: &[Column], n_rows: usize) -> Result<Column, Fault> {
    let restarts = restarts(args.get(1))?;
    let starts = args.first().map(|it| types::long::reader(cx, it)).transpose()?;
    let start = |row| starts.as_ref().map_or(1, |it| it.get(row).unwrap_or(1));
    let mut number = 0;
    let numbers = (0..n_rows).map(|row| {
        number = if row == 0 || is_true(&restarts, row) { start(row) } else { i64::wrapping_add(number, 1) };
        number
    });
    Ok(Column::longs(numbers.collect()))
}

fn row_cumsum(_: &Context, args: &[Column], n_rows: usize) -> Result<Column, Fault> {
    let Some(term) = args.first() else { return Err(Fault::new("an argument is missing")) };
    let restarts = restarts(args.get(1))?;
    let mut out = ColumnBuilder::new(term.ty(), n_rows);
    let mut sum = Value::Null;
    for row in 0..n_rows {
        let start = row == 0 || is_true(&restarts, row);
        sum = add(if start { zero(term.ty()) } else { sum }, &term.value(row));
        out.push(&sum);
    }
    Ok(out.finish())
}

fn zero(ty: Type) -> Value {
    match ty {
        Type::Int => Value::Int(0),
        Type::Real => Value::Real(0.0),
        Type::Decimal => Value::Decimal(Decimal::from(0)),
        _ => Value::Long(0),
    }
}

/// A null adds nothing.
fn add(sum: Value, term: &Value) -> Value {
    match (&sum, term) {
        (Value::Int(a), Value::Int(b)) => Value::Int(a.wrapping_add(*b)),
        (Value::Long(a), Value::Long(b)) => Value::Long(a.wrapping_add(*b)),
        (Value::Real(a), Value::Real(b)) => Value::Real(a + b),
        (Value::Decimal(a), Value::Decimal(b)) => Value::Decimal(a + b),
        _ => sum,
    }
}

fn row_rank(args: &[Column], restart: Option<&Column>, dense: bool, n_rows: usize) -> Result<Column, Fault> {
    let Some(term) = args.first() else { return Err(Fault::new("an argument is missing")) };
    let restarts = restarts(restart)?;
    let strings = (term.ty() == Type::String).then(|| term.string_reader());
    let changes = |row: usize| match &strings {
        Some(it) => it.get(row) != it.get(row - 1),
        None => term.value(row) != term.value(row - 1),
    };
    let (mut rank, mut number) = (1, 0);
    let ranks = (0..n_rows).map(|row| {
        number += 1;
        if row == 0 || is_true(&restarts, row) {
            (rank, number) = (1, 1);
        } else if changes(row) {
            rank = if dense { rank + 1 } else { number };
        }
        rank
    });
    Ok(Column::longs(ranks.collect()))
}

fn shifted(args: &[Column], n_rows: usize, direction: i64) -> Result<Column, Fault> {
    let Some(column) = args.first() else { return Err(Fault::new("an argument is missing")) };
    let offsets = match args.get(1) {
        Some(it) => types::long::reader(&Context::default(), it)?,
        None => Primitives::Constant(Some(1)),
    };
    let filler = args.get(2).map(|it| it.value(0)).filter(|it| !it.is_null());
    let none = if filler.is_some() { n_rows as u32 } else { NO_ROW };
    let rows: Vec<u32> = (0..n_rows)
        .map(|row| {
            let at = offsets.get(row).and_then(|it| (row as i64).checked_add(it.checked_mul(direction)?));
            at.and_then(|it| u32::try_from(it).ok()).filter(|it| (*it as usize) < n_rows).unwrap_or(none)
        })
        .collect();
    let Some(filler) = filler else { return Ok(column.take(&rows)) };
    // The filler becomes a row after the last.
    let filler = Column::constant(converted(filler, column.ty()), column.ty(), 1);
    Ok(Column::concat(column.ty(), &[column.clone(), filler])?.take(&rows))
}

/// A constant in the type of the column that it fills; null when it has no such value.
fn converted(value: Value, ty: Type) -> Value {
    let number = value.to_dynamic();
    match ty {
        _ if value.ty() == Some(ty) => value,
        Type::Dynamic => Value::Dynamic(number),
        Type::String => Value::String(value.text().into()),
        Type::Long => number.as_i64().map_or(Value::Null, Value::Long),
        Type::Int => number.as_i64().and_then(|it| i32::try_from(it).ok()).map_or(Value::Null, Value::Int),
        Type::Real => number.as_f64().map_or(Value::Null, Value::Real),
        Type::Decimal => number.as_i64().map_or(Value::Null, |it| Value::Decimal(it.into())),
        _ => Value::Null,
    }
}

fn sessions(cx: &Context, args: &[Column], n_rows: usize) -> Result<Column, Fault> {
    let [moments, from_first, between, ..] = args else { return Err(Fault::new("an argument is missing")) };
    let moments = types::datetime::reader(cx, moments)?;
    let (from_first, between) = (types::timespan::reader(cx, from_first)?, types::timespan::reader(cx, between)?);
    let restarts = restarts(args.get(3))?;
    let (mut first, mut before): (Option<i64>, Option<i64>) = (None, None);
    let starts = (0..n_rows).map(|row| {
        let Some(now) = moments.get(row) else {
            (first, before) = (None, None);
            return None;
        };
        let is_past = |start: i64, distance: Option<i64>| distance.is_none_or(|it| now >= start.saturating_add(it));
        let begins = match (first, before) {
            (Some(first), Some(before)) => is_past(first, from_first.get(row)) || is_past(before, between.get(row)),
            _ => true,
        };
        if begins || is_true(&restarts, row) {
            first = Some(now);
        }
        before = Some(now);
        first
    });
    Ok(Column::Datetime(starts.collect::<Int64Array>()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(name: &str, args: &[Column]) -> Vec<Value> {
        let n_rows = args.first().map_or(0, Column::len);
        let function = FUNCTIONS.iter().find(|it| it.name == name).unwrap();
        let overload = function.overloads.iter().find(|it| it.params.len() == args.len()).unwrap();
        let res = overload.kernel.unwrap()(&Context::default(), args, n_rows).unwrap();
        (0..n_rows).map(|row| res.value(row)).collect()
    }

    fn restart() -> Column {
        Column::Bool(vec![None, Some(false), Some(true), Some(false)].into())
    }

    #[test]
    fn numbers_sums_and_ranks_restart() {
        let seven = Column::constant(Value::Long(7), Type::Long, 4);
        assert_eq!(run("row_number", &[seven, restart()]), [7, 8, 7, 8].map(Value::Long));
        let term = Column::Int(vec![Some(1), Some(2), None, Some(4)].into());
        assert_eq!(run("row_cumsum", &[term, restart()]), [1, 3, 0, 4].map(Value::Int));
        let ranked = Column::longs(vec![2, 3, 3, 3, 100]);
        assert_eq!(run("row_rank_dense", std::slice::from_ref(&ranked)), [1, 2, 2, 2, 3].map(Value::Long));
        assert_eq!(run("row_rank_min", &[ranked]), [1, 2, 2, 2, 5].map(Value::Long));
        assert_eq!(
            run("row_rank_dense", &[Column::strings(["a", "b", "b", "b"]), restart()]),
            [1, 2, 1, 1].map(Value::Long)
        );
    }

    #[test]
    fn neighbours() {
        let column = Column::longs(vec![1, 2, 3]);
        assert_eq!(run("prev", std::slice::from_ref(&column)), [Value::Null, Value::Long(1), Value::Long(2)]);
        let (two, filler) =
            (Column::constant(Value::Long(2), Type::Long, 3), Column::constant(Value::Int(9), Type::Int, 3));
        assert_eq!(run("next", &[column.clone(), two, filler]), [3, 9, 9].map(Value::Long));
        assert_eq!(run("prev", &[Column::strings(["a", "b"])])[0], Value::String("".into()));
        let far = Column::constant(Value::Long(i64::MIN), Type::Long, 3);
        assert_eq!(run("prev", &[column, far])[0], Value::Null);
    }

    #[test]
    fn sessions_begin_after_gaps() {
        let column = Column::Datetime(vec![Some(0), Some(3), Some(8), None, Some(9), Some(13)].into());
        let span = |it| Column::constant(Value::Timespan(it), Type::Timespan, 6);
        let expected = [Some(0), Some(0), Some(8), None, Some(9), Some(9)];
        let expected: Vec<Value> = expected.iter().map(|it| it.map_or(Value::Null, Value::Datetime)).collect();
        assert_eq!(run("row_window_session", &[column, span(100), span(5)]), expected);
    }
}
