//! `==`, `!=`, `<`, `<=`, `>`, `>=` for every type.
//!
//! Equality with one null side is false and with two is null; inequality is its negation; order with a null is null.

use super::{cast, lift, of, overload, refused, types};
use crate::declare::{Accepts, Function, Overload, Param};
use arrow_array::{Array, BooleanArray};
use arrow_buffer::{BooleanBuffer, NullBuffer};
use kql_data::{Column, Context, Dynamic, Fault, StringReader, Tag, Type, Value};
use std::{cmp::Ordering, sync::Arc};

/// One of the six relations.
trait Relation {
    /// Whether nulls follow the rule of equality.
    const EQUALITY: bool = false;
    /// Whether it is `!=`; `test` then is that of `==`.
    const NEGATED: bool = false;
    fn test<T: PartialOrd>(a: T, b: T) -> bool;
    fn of(order: Option<Ordering>) -> bool;
}

macro_rules! relations {
    ($($name:ident $op:tt $equality:literal $negated:literal $of:expr;)*) => {$(
        struct $name;
        impl Relation for $name {
            const EQUALITY: bool = $equality;
            const NEGATED: bool = $negated;
            #[inline(always)]
            fn test<T: PartialOrd>(a: T, b: T) -> bool { a $op b }
            #[inline(always)]
            fn of(order: Option<Ordering>) -> bool { order.is_some_and($of) }
        }
    )*};
}
relations! {
    Equal == true false Ordering::is_eq;
    NotEqual == true true Ordering::is_eq;
    Less < false false Ordering::is_lt;
    LessOrEqual <= false false Ordering::is_le;
    Greater > false false Ordering::is_gt;
    GreaterOrEqual >= false false Ordering::is_ge;
}

/// From the bits of the test and what is valid to the column.
fn settle<R: Relation>(test: BooleanBuffer, a: lift::Valid, b: lift::Valid) -> Column {
    if !R::EQUALITY {
        return Column::Bool(BooleanArray::new(test, lift::both(a, b).map(NullBuffer::new)));
    }
    let nulls = match (&a, &b) {
        (Some(a), Some(b)) => Some(NullBuffer::new(a | b)),
        _ => None,
    };
    let equal = match lift::both(a, b) {
        Some(present) => &test & &present,
        None => test,
    };
    Column::Bool(BooleanArray::new(if R::NEGATED { !&equal } else { equal }, nulls))
}

macro_rules! primitive_kernels {
    ($($name:ident $reader:path;)*) => {$(
        fn $name<R: Relation>(_: &Context, args: &[Column], n_rows: usize) -> Result<Column, Fault> {
            let (a, b) = ($reader(lift::arg(args, 0)?)?, $reader(lift::arg(args, 1)?)?);
            let test = lift::test(&a, &b, n_rows, R::test);
            Ok(settle::<R>(test, lift::valid(&a, n_rows), lift::valid(&b, n_rows)))
        }
    )*};
}
primitive_kernels! {
    longs lift::longs;
    ints lift::ints;
    reals lift::reals;
}

/// One row: the order of two values that are there, or which of them is missing.
fn row<R: Relation, T: PartialOrd>(a: Option<T>, b: Option<T>) -> Option<bool> {
    match (a, b) {
        (Some(a), Some(b)) => Some(R::test(a, b) != R::NEGATED),
        (None, None) => None,
        _ => R::EQUALITY.then_some(R::NEGATED),
    }
}

fn bools<R: Relation>(_: &Context, args: &[Column], n_rows: usize) -> Result<Column, Fault> {
    let (a, b) = (lift::arg(args, 0)?, lift::arg(args, 1)?);
    if R::EQUALITY
        && let Some((column, wanted)) = bool_against_constant(a, b)
        && column.null_count() == 0
    {
        let same = if wanted { column.values().clone() } else { !column.values() };
        return Ok(lift::bools(if R::NEGATED { !&same } else { same }));
    }
    let get = |column: &Column, row: usize| match column.value(row) {
        Value::Bool(it) => Some(it),
        _ => None,
    };
    Ok(lift::bool_rows(n_rows, |at| row::<R, bool>(get(a, at), get(b, at))))
}

fn bool_against_constant<'a>(a: &'a Column, b: &'a Column) -> Option<(&'a BooleanArray, bool)> {
    match (a, b) {
        (Column::Bool(it), Column::Constant { value: Value::Bool(wanted), .. })
        | (Column::Constant { value: Value::Bool(wanted), .. }, Column::Bool(it)) => Some((it, *wanted)),
        _ => None,
    }
}

fn decimals<R: Relation>(_: &Context, args: &[Column], n_rows: usize) -> Result<Column, Fault> {
    let (a, b) = (lift::arg(args, 0)?, lift::arg(args, 1)?);
    let get = |column: &Column, row: usize| match column.value(row) {
        Value::Decimal(it) => Some(it),
        _ => None,
    };
    Ok(lift::bool_rows(n_rows, |at| row::<R, _>(get(a, at), get(b, at))))
}

fn guids<R: Relation>(_: &Context, args: &[Column], n_rows: usize) -> Result<Column, Fault> {
    let (a, b) = (lift::arg(args, 0)?, lift::arg(args, 1)?);
    let get = |column: &Column, row: usize| match column.value(row) {
        Value::Guid(it) => Some(it),
        _ => None,
    };
    Ok(lift::bool_rows(n_rows, |at| row::<R, _>(get(a, at), get(b, at))))
}

fn strings<R: Relation>(_: &Context, args: &[Column], n_rows: usize) -> Result<Column, Fault> {
    let (a, b) = (lift::arg(args, 0)?, lift::arg(args, 1)?);
    let equal = match (a, b) {
        (Column::Dictionary(a), Column::Dictionary(b)) if a.dictionary.id() == b.dictionary.id() => {
            lift::bits_of_pairs(&a.codes, &b.codes, |a, b| a == b)
        }
        _ => match (a.string_reader(), b.string_reader()) {
            (StringReader::Constant(text), rows) | (rows, StringReader::Constant(text)) => {
                lift::bits_of_rows(n_rows, |row| rows.get(row) == text)
            }
            (a, b) => lift::bits_of_rows(n_rows, |row| a.get(row) == b.get(row)),
        },
    };
    Ok(lift::bools(if R::NEGATED { !&equal } else { equal }))
}

/// A dynamic beside a scalar of another type: equal only if it holds an equal value of a type that compares with it.
fn dynamics<R: Relation>(_: &Context, args: &[Column], n_rows: usize) -> Result<Column, Fault> {
    let (a, b) = (lift::arg(args, 0)?, lift::arg(args, 1)?);
    Ok(lift::bool_rows(n_rows, |row| {
        let (a, b) = (scalar(a, row), scalar(b, row));
        match (a.is_null(), b.is_null()) {
            (false, false) if R::EQUALITY => Some(R::of(order(&a, &b)) != R::NEGATED),
            (false, false) => order(&a, &b).map(|it| R::of(Some(it))),
            (true, true) => None,
            _ => R::EQUALITY.then_some(R::NEGATED),
        }
    }))
}

/// The dynamic of a row, where a bag need not be built: it is equal to no scalar anyway.
fn scalar(column: &Column, row: usize) -> Dynamic {
    match column {
        Column::Shredded(it) if it.tag(row) == Tag::Bag => Dynamic::Bag(Arc::default()),
        it => it.dynamic(row),
    }
}

/// The order of two dynamics that hold comparable scalars; times compare with their text.
pub(crate) fn order(a: &Dynamic, b: &Dynamic) -> Option<Ordering> {
    use Dynamic as D;
    match (a, b) {
        (D::Bool(a), D::Bool(b)) => Some(a.cmp(b)),
        (D::Long(a), D::Long(b)) => Some(a.cmp(b)),
        (D::Decimal(a), D::Decimal(b)) => Some(a.cmp(b)),
        (D::Datetime(a), D::Datetime(b)) | (D::Timespan(a), D::Timespan(b)) => Some(a.cmp(b)),
        (D::Guid(a), D::Guid(b)) => Some(a.cmp(b)),
        (D::String(a), D::String(b)) => Some(a.cmp(b)),
        (D::Bool(a), b) if b.as_f64().is_some() => f64::from(u8::from(*a)).partial_cmp(&b.as_f64()?),
        (a, D::Bool(b)) if a.as_f64().is_some() => a.as_f64()?.partial_cmp(&f64::from(u8::from(*b))),
        (D::String(text), D::Datetime(b)) => Some(crate::scalar::datetime::text::parse_datetime(text)?.cmp(b)),
        (D::Datetime(a), D::String(text)) => Some(a.cmp(&crate::scalar::datetime::text::parse_datetime(text)?)),
        (D::String(text), D::Timespan(b)) => Some(crate::scalar::datetime::text::parse_timespan(text)?.cmp(b)),
        (D::Timespan(a), D::String(text)) => Some(a.cmp(&crate::scalar::datetime::text::parse_timespan(text)?)),
        (D::String(text), D::Guid(b)) => Some(crate::scalar::conversion::text::parse_guid(text)?.cmp(b)),
        (D::Guid(a), D::String(text)) => Some(a.cmp(&crate::scalar::conversion::text::parse_guid(text)?)),
        _ => a.as_f64()?.partial_cmp(&b.as_f64()?),
    }
}

fn two_dynamics(_: &[crate::Actual]) -> Result<Type, Fault> {
    Err(Fault::coded("SEM0001", "two dynamic values cannot be compared; convert one of them, as with tostring()"))
}

fn not_comparable(actuals: &[crate::Actual]) -> Result<Type, Fault> {
    Err(Fault::coded("SEM0064", format!("values of types {} cannot be compared", types(actuals))))
}

const NUMBER_OR_BOOL: Accepts = Accepts::NumberOrBool;
const DYNAMIC: Param = Param::new("right", Accepts::Type(Type::Dynamic));
const LEFT_DYNAMIC: Param = Param::new("left", Accepts::Type(Type::Dynamic));
const LEFT_ANY: Param = Param::new("left", Accepts::Scalar);
const RIGHT_ANY: Param = Param::new("right", Accepts::Scalar);

macro_rules! of_type {
    ($ty:ident, $kernel:expr) => {
        overload(&[of("left", Type::$ty), of("right", Type::$ty)], Type::Bool, $kernel)
    };
}

macro_rules! comparison {
    ($relation:ident, [$($more:expr),*]) => {{
        const OVERLOADS: &[Overload] = &[
            of_type!(Int, ints::<$relation>),
            of_type!(Long, longs::<$relation>),
            of_type!(Real, reals::<$relation>),
            of_type!(Datetime, longs::<$relation>),
            of_type!(Timespan, longs::<$relation>),
            of_type!(Decimal, decimals::<$relation>),
            of_type!(Bool, bools::<$relation>),
            overload(
                &[cast("left", NUMBER_OR_BOOL, Type::Long), cast("right", NUMBER_OR_BOOL, Type::Long)],
                Type::Bool,
                longs::<$relation>,
            ),
            overload(
                &[cast("left", NUMBER_OR_BOOL, Type::Real), cast("right", NUMBER_OR_BOOL, Type::Real)],
                Type::Bool,
                reals::<$relation>,
            ),
            refused(&[LEFT_DYNAMIC, DYNAMIC], two_dynamics),
            $($more,)*
            refused(&[LEFT_ANY, RIGHT_ANY], not_comparable),
        ];
        OVERLOADS
    }};
}

macro_rules! equality {
    ($relation:ident) => {
        comparison!(
            $relation,
            [
                of_type!(String, strings::<$relation>),
                of_type!(Guid, guids::<$relation>),
                overload(
                    &[cast("left", Accepts::Type(Type::Dynamic), Type::String), of("right", Type::String)],
                    Type::Bool,
                    strings::<$relation>
                ),
                overload(
                    &[of("left", Type::String), cast("right", Accepts::Type(Type::Dynamic), Type::String)],
                    Type::Bool,
                    strings::<$relation>
                ),
                overload(&[LEFT_DYNAMIC, Param::new("right", Accepts::NotDynamic)], Type::Bool, dynamics::<$relation>),
                overload(&[Param::new("left", Accepts::NotDynamic), DYNAMIC], Type::Bool, dynamics::<$relation>)
            ]
        )
    };
}

macro_rules! ordering {
    ($relation:ident) => {
        comparison!(
            $relation,
            [
                overload(&[LEFT_DYNAMIC, Param::new("right", Accepts::Summable)], Type::Bool, dynamics::<$relation>),
                overload(&[Param::new("left", Accepts::Summable), DYNAMIC], Type::Bool, dynamics::<$relation>)
            ]
        )
    };
}

/// The comparison operators.
pub const FUNCTIONS: &[Function] = &[
    Function::new(
        "==",
        "Whether both sides are equal. False when one side is null, null when both are.\n\n    \
         1 == 1.0 => true\n    \"a\" == \"A\" => false\n    long(null) == 1 => false\n",
        equality!(Equal),
    ),
    Function::new(
        "!=",
        "Whether the sides differ. True when one side is null, null when both are.\n\n    \
         1 != 2 => true\n    long(null) != 1 => true\n",
        equality!(NotEqual),
    )
    .aliases(&["<>"]),
    Function::new(
        "<",
        "Whether the left side is less. Null when a side is.\n\n    1 < 2 => true\n    long(null) < 2 => bool(null)\n",
        ordering!(Less),
    ),
    Function::new(
        "<=",
        "Whether the left side is not greater. Null when a side is.\n\n    2 <= 2 => true\n",
        ordering!(LessOrEqual),
    ),
    Function::new(
        ">",
        "Whether the left side is greater. Null when a side is.\n\n    1d > 1h => true\n",
        ordering!(Greater),
    ),
    Function::new(
        ">=",
        "Whether the left side is not less. Null when a side is.\n\n    2.5 >= 2 => true\n",
        ordering!(GreaterOrEqual),
    ),
];
