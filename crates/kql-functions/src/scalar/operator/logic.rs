//! `and`, `or`, `not` in three values: a null is unknown.

use super::{cast, lift, of, overload, types};
use crate::declare::{Accepts, Function, Overload, Param, Returns};
use arrow_array::{Array, BooleanArray};
use arrow_buffer::{BooleanBuffer, NullBuffer};
use kql_data::{Column, Context, Fault, Type, Value};

/// Rows that are true and rows that are false, in bits; a null row is neither.
struct Truth {
    is_true: BooleanBuffer,
    is_false: BooleanBuffer,
}

impl Truth {
    fn of(column: &Column, n_rows: usize) -> Result<Truth, Fault> {
        let all = |wanted| {
            if wanted { BooleanBuffer::new_set(n_rows) } else { BooleanBuffer::new_unset(n_rows) }
        };
        Ok(match column {
            Column::Constant { value, .. } => Truth {
                is_true: all(matches!(value, Value::Bool(true))),
                is_false: all(matches!(value, Value::Bool(false))),
            },
            Column::Bool(it) => match it.nulls() {
                None => Truth { is_true: it.values().clone(), is_false: !it.values() },
                Some(nulls) => Truth { is_true: it.values() & nulls.inner(), is_false: &!it.values() & nulls.inner() },
            },
            other => return Err(Fault::new(format!("a {} column where a bool is needed", other.ty()))),
        })
    }

    fn column(self) -> Column {
        let known = &self.is_true | &self.is_false;
        let nulls = Some(NullBuffer::new(known)).filter(|it| it.null_count() > 0);
        Column::Bool(BooleanArray::new(self.is_true, nulls))
    }
}

/// Columns of two truth values only: the values alone decide.
fn plain(args: &[Column]) -> Option<Vec<&BooleanArray>> {
    fn array(column: &Column) -> Option<&BooleanArray> {
        if let Column::Bool(it) = column { Some(it).filter(|it| it.null_count() == 0) } else { None }
    }
    args.iter().map(array).collect()
}

fn and(_: &Context, args: &[Column], n_rows: usize) -> Result<Column, Fault> {
    if let Some(arrays) = plain(args)
        && let Some((first, rest)) = arrays.split_first()
    {
        return Ok(lift::bools(rest.iter().fold(first.values().clone(), |all, it| &all & it.values())));
    }
    let mut all = Truth { is_true: BooleanBuffer::new_set(n_rows), is_false: BooleanBuffer::new_unset(n_rows) };
    for it in args {
        let it = Truth::of(it, n_rows)?;
        all = Truth { is_true: &all.is_true & &it.is_true, is_false: &all.is_false | &it.is_false };
    }
    Ok(all.column())
}

fn or(_: &Context, args: &[Column], n_rows: usize) -> Result<Column, Fault> {
    if let Some(arrays) = plain(args)
        && let Some((first, rest)) = arrays.split_first()
    {
        return Ok(lift::bools(rest.iter().fold(first.values().clone(), |any, it| &any | it.values())));
    }
    let mut any = Truth { is_true: BooleanBuffer::new_unset(n_rows), is_false: BooleanBuffer::new_set(n_rows) };
    for it in args {
        let it = Truth::of(it, n_rows)?;
        any = Truth { is_true: &any.is_true | &it.is_true, is_false: &any.is_false & &it.is_false };
    }
    Ok(any.column())
}

fn not(_: &Context, args: &[Column], n_rows: usize) -> Result<Column, Fault> {
    let Truth { is_true, is_false } = Truth::of(lift::arg(args, 0)?, n_rows)?;
    Ok(Truth { is_true: is_false, is_false: is_true }.column())
}

/// Bools, and dynamics that may hold one.
fn truths(actuals: &[crate::Actual]) -> Result<Type, Fault> {
    if actuals.iter().all(|it| matches!(it.ty, Type::Bool | Type::Dynamic)) {
        Ok(Type::Bool)
    } else {
        Err(Fault::coded("SEM0001", format!("a logical operator takes bool values, not {}", types(actuals))))
    }
}

macro_rules! connective {
    ($kernel:ident) => {
        &[
            Overload {
                params: &[],
                rest: Some((of("operand", Type::Bool), 2, 32_767)),
                returns: Returns::Type(Type::Bool),
                kernel: Some($kernel),
            },
            Overload {
                params: &[],
                rest: Some((cast("operand", Accepts::Scalar, Type::Bool), 2, 32_767)),
                returns: Returns::Custom(truths),
                kernel: Some($kernel),
            },
        ]
    };
}

/// The logical operators.
pub const FUNCTIONS: &[Function] = &[
    Function::new(
        "and",
        "Whether all sides are true. False when one is false; else null when one is null.\n\n    \
         true and false => false\n    false and bool(null) => false\n",
        connective!(and),
    ),
    Function::new(
        "or",
        "Whether a side is true. True when one is; else null when one is null.\n\n    \
         true or false => true\n    true or bool(null) => true\n",
        connective!(or),
    ),
    Function::new(
        "not",
        "The opposite; null stays null. Numbers count as true unless they are 0.\n\n    \
         not(true) => false\n    not(bool(null)) => bool(null)\n    not(1) => false\n",
        &[
            overload(&[of("expression", Type::Bool)], Type::Bool, not),
            overload(&[cast("expression", Accepts::NumberOrBool, Type::Bool)], Type::Bool, not),
            overload(&[Param::new("expression", Accepts::Type(Type::Dynamic)).cast(Type::Bool)], Type::Bool, not),
        ],
    ),
];
