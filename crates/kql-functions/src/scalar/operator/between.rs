//! `between` and `!between`: inclusive at both ends; null when a side is.

use super::{lift, of, overload, refused, types};
use crate::declare::{Accepts, Function, Overload, Param};
use arrow_array::BooleanArray;
use arrow_buffer::NullBuffer;
use kql_data::{Column, Context, Fault, Type, Value};

macro_rules! primitive_kernels {
    ($($name:ident $reader:path;)*) => {$(
        fn $name<const NEGATED: bool>(_: &Context, args: &[Column], n_rows: usize) -> Result<Column, Fault> {
            let value = $reader(lift::arg(args, 0)?)?;
            let (low, high) = ($reader(lift::arg(args, 1)?)?, $reader(lift::arg(args, 2)?)?);
            let inside = &lift::test(&value, &low, n_rows, |a, b| a >= b) & &lift::test(&value, &high, n_rows, |a, b| a <= b);
            let known = lift::both(lift::valid(&low, n_rows), lift::valid(&high, n_rows));
            let nulls = lift::both(lift::valid(&value, n_rows), known).map(NullBuffer::new);
            Ok(Column::Bool(BooleanArray::new(if NEGATED { !&inside } else { inside }, nulls)))
        }
    )*};
}
primitive_kernels! {
    longs lift::longs;
    reals lift::reals;
}

/// Values of any ordered type, a row at a time: decimals, and dynamics that hold a number.
fn values<const NEGATED: bool>(_: &Context, args: &[Column], n_rows: usize) -> Result<Column, Fault> {
    let (value, low, high) = (lift::arg(args, 0)?, lift::arg(args, 1)?, lift::arg(args, 2)?);
    let order = |a: &Value, b: &Value| super::compare::order(&a.to_dynamic(), &b.to_dynamic());
    Ok(lift::bool_rows(n_rows, |row| {
        let (value, low, high) = (value.value(row), low.value(row), high.value(row));
        Some((order(&value, &low)?.is_ge() && order(&value, &high)?.is_le()) != NEGATED)
    }))
}

fn not_ordered(actuals: &[crate::Actual]) -> Result<Type, Fault> {
    let ty = |index: usize| actuals.get(index).map_or(Type::Dynamic, |it| it.ty);
    let code = match (ty(0), ty(1), ty(2)) {
        (Type::Timespan, _, Type::Datetime) | (_, Type::Timespan, Type::Datetime) => "SEM0232",
        (Type::Int | Type::Long | Type::Real | Type::Decimal, _, Type::Timespan) => "SEM0234",
        _ => "SEM0208",
    };
    Err(Fault::coded(code, format!("between does not take operands of types {}", types(actuals))))
}

macro_rules! triple {
    ($ty:ident, $kernel:expr) => {
        overload(&[of("value", Type::$ty), of("low", Type::$ty), of("high", Type::$ty)], Type::Bool, $kernel)
    };
}
const SUMMABLE: Accepts = Accepts::Summable;
const DYNAMIC: Accepts = Accepts::Type(Type::Dynamic);

macro_rules! between {
    ($negated:literal) => {{
        const OVERLOADS: &[Overload] = &[
            triple!(Long, longs::<$negated>),
            triple!(Real, reals::<$negated>),
            triple!(Datetime, longs::<$negated>),
            triple!(Timespan, longs::<$negated>),
            triple!(Decimal, values::<$negated>),
            triple!(Bool, values::<$negated>),
            overload(
                &[Param::new("value", DYNAMIC), Param::new("low", SUMMABLE), Param::new("high", SUMMABLE)],
                Type::Bool,
                values::<$negated>,
            ),
            overload(
                &[Param::new("value", SUMMABLE), Param::new("low", DYNAMIC), Param::new("high", DYNAMIC)],
                Type::Bool,
                values::<$negated>,
            ),
            refused(
                &[
                    Param::new("value", Accepts::Scalar),
                    Param::new("low", Accepts::Scalar),
                    Param::new("high", Accepts::Scalar),
                ],
                not_ordered,
            ),
        ];
        OVERLOADS
    }};
}

/// The range operators.
pub const FUNCTIONS: &[Function] = &[
    Function::new(
        "between",
        "Whether a value lies in a range, ends included. Null when the value or an end is.\n\n    \
         5 between (1 .. 5) => true\n    5 between (6 .. 1) => false\n",
        between!(false),
    ),
    Function::new(
        "!between",
        "Whether a value lies outside a range whose ends belong to it.\n\n    5 !between (1 .. 4) => true\n",
        between!(true),
    ),
];
