//! Whole numbers as bits.

use super::{LONG, not_a_number};
use crate::{
    declare::{Accepts, Function, Naming, Overload, Param, Returns},
    resolve::Actual,
    scalar::operator::{lift, overload},
};
use arrow_array::{Int64Array, types::Int64Type};
use kql_data::{Column, ColumnBuilder, Context, Fault, Type, Value};

/// int, long and bool, as longs.
fn whole_numbers(actuals: &[Actual]) -> Result<Type, Fault> {
    if actuals.iter().all(|it| it.ty.is_integer() || it.ty == Type::Bool) {
        Ok(Type::Long)
    } else {
        not_a_number(actuals)
    }
}

macro_rules! bit_functions {
    ($($(#[doc = $doc:expr])* $name:ident |$a:ident, $b:ident| $body:expr;)*) => {
        $(fn $name(_: &Context, args: &[Column], n_rows: usize) -> Result<Column, Fault> {
            let (a, b) = (lift::longs(lift::arg(args, 0)?)?, lift::longs(lift::arg(args, 1)?)?);
            Ok(Column::Long(lift::try_map::<_, _, Int64Type>(&a, &b, n_rows, |$a: i64, $b: i64| $body)))
        })*

        /// Functions of two whole numbers.
        pub const OF_TWO: &[Function] = &[$(
            Function::new(stringify!($name), concat!($($doc, "\n"),*), &[Overload {
                params: &[LONG, LONG],
                rest: None,
                returns: Returns::Custom(whole_numbers),
                kernel: Some($name),
            }])
            .naming(Naming::FirstArgument),
        )*];
    };
}

bit_functions! {
    /// Bits that both numbers have.
    ///
    ///     binary_and(6, 3) => 2
    binary_and |a, b| Some(a & b);

    /// Bits that one of the numbers has.
    ///
    ///     binary_or(4, 1) => 5
    binary_or |a, b| Some(a | b);

    /// Bits in which the numbers differ.
    ///
    ///     binary_xor(6, 3) => 5
    binary_xor |a, b| Some(a ^ b);

    /// Bits moved to the left by a number modulo 64; null when it is negative.
    ///
    ///     binary_shift_left(5, 40) => 5497558138880
    ///     binary_shift_left(1, -1) => long(null)
    binary_shift_left |a, b| (b >= 0).then(|| a.wrapping_shl((b % 64) as u32));

    /// Bits moved to the right by a number modulo 64, the sign kept; null when it is negative.
    ///
    ///     binary_shift_right(5, 1) => 2
    binary_shift_right |a, b| (b >= 0).then(|| a.wrapping_shr((b % 64) as u32));
}

fn binary_not(_: &Context, args: &[Column], n_rows: usize) -> Result<Column, Fault> {
    let rows = lift::longs(lift::arg(args, 0)?)?;
    Ok(Column::Long((0..n_rows).map(|row| rows.get(row).map(|it| !it)).collect::<Int64Array>()))
}

fn count_ones(_: &Context, args: &[Column], n_rows: usize) -> Result<Column, Fault> {
    let rows = lift::longs(lift::arg(args, 0)?)?;
    Ok(Column::Long((0..n_rows).map(|row| rows.get(row).map(|it| i64::from(it.count_ones()))).collect::<Int64Array>()))
}

/// Hexadecimal digits; those of an int have 32 bits at most.
fn tohex(_: &Context, args: &[Column], n_rows: usize) -> Result<Column, Fault> {
    let column = lift::arg(args, 0)?;
    let lengths = args.get(1).map(lift::longs).transpose()?;
    let mut out = ColumnBuilder::new(Type::String, n_rows);
    for row in 0..n_rows {
        let length = lengths.as_ref().map_or(Some(1), |it| it.get(row));
        let width = length.map_or(1, |it| it.clamp(1, 16) as usize);
        match (column.value(row), length) {
            (Value::Int(it), Some(_)) => out.push_str(&format!("{it:0width$x}")),
            (Value::Long(it), Some(_)) => out.push_str(&format!("{it:0width$x}")),
            _ => out.push_str(""),
        }
    }
    Ok(out.finish())
}

const WHOLE: Param = Param::new("value", Accepts::Integer);

/// The other functions of bits.
pub const OTHERS: &[Function] = &[
    Function::new(
        "binary_not",
        "All bits turned over.\n\n    binary_not(100) => -101\n",
        &[Overload { params: &[LONG], rest: None, returns: Returns::Custom(whole_numbers), kernel: Some(binary_not) }],
    )
    .naming(Naming::FirstArgument),
    Function::new(
        "bitset_count_ones",
        "How many bits are 1.\n\n    bitset_count_ones(42) => 3\n",
        &[Overload { params: &[LONG], rest: None, returns: Returns::Custom(whole_numbers), kernel: Some(count_ones) }],
    )
    .naming(Naming::FirstArgument),
    Function::new(
        "tohex",
        "Hexadecimal digits of a whole number, filled with zeros to a length of at most 16.\n\n    \
         tohex(256) => \"100\"\n    tohex(-256) => \"ffffffffffffff00\"\n    tohex(toint(-256)) => \"ffffff00\"\n    \
         tohex(256, 8) => \"00000100\"\n",
        &[
            overload(&[WHOLE], Type::String, tohex),
            overload(&[WHOLE, Param::new("minLength", Accepts::Integer).cast(Type::Long)], Type::String, tohex),
        ],
    )
    .naming(Naming::FirstArgument),
];
