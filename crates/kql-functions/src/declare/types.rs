//! The parameter and result types of `functions!`, named as in the language.
#![allow(non_camel_case_types, reason = "they are the language's type names")]

use super::{Accepts, Constness};
pub use crate::scalar::geo::argument::{area, lines};
use arrow_array::{
    Array, BooleanArray, PrimitiveArray,
    builder::{BooleanBuilder, PrimitiveBuilder},
    types::{ArrowPrimitiveType, Float64Type, Int32Type, Int64Type},
};
use arrow_buffer::{ArrowNativeType, NullBuffer};
use kql_data::{Boxed, Column, ColumnBuilder, Context, Decimal, Dynamic, Fault, StringReader, Type, Value};
use std::{borrow::Cow, marker::PhantomData, sync::Arc};

/// A parameter type: what it accepts and how a body reads it.
pub trait Argument {
    /// Argument types taken.
    const ACCEPTS: Accepts;
    /// Type that arguments are converted to first.
    const CAST: Option<Type>;
    /// Whether it must be constant.
    const CONSTNESS: Constness = Constness::Any;
    /// Reads rows of one column.
    type Reader<'a>;
    /// What the body sees.
    type Item<'a>;
    /// A reader of a column.
    fn reader<'a>(cx: &Context, column: &'a Column) -> Result<Self::Reader<'a>, Fault>;
    /// The value of a row; `None` for null.
    fn get<'a>(reader: &Self::Reader<'a>, cx: &Context, row: usize) -> Result<Option<Self::Item<'a>>, Fault>;
}

/// A result type.
pub trait Output {
    /// The language's type.
    const TYPE: Type;
    /// Collects rows.
    type Builder;
    /// A builder for so many rows.
    fn builder(rows: usize) -> Self::Builder;
    /// Appends null.
    fn push_null(out: &mut Self::Builder);
    /// Bytes that grow with what the rows hold rather than with their number.
    fn bytes(_: &Self::Builder) -> usize {
        0
    }
    /// The column.
    fn finish(out: Self::Builder) -> Column;
}

/// A body's result that can become a row of type `O`.
pub trait Produce<O: Output> {
    /// Appends it.
    fn produce(self, out: &mut O::Builder) -> Result<(), Fault>;
}

impl<O: Output, T: Produce<O>> Produce<O> for Option<T> {
    #[inline]
    fn produce(self, out: &mut O::Builder) -> Result<(), Fault> {
        match self {
            Some(it) => it.produce(out),
            None => {
                O::push_null(out);
                Ok(())
            }
        }
    }
}

impl<O: Output, T: Produce<O>> Produce<O> for Result<T, Fault> {
    #[inline]
    fn produce(self, out: &mut O::Builder) -> Result<(), Fault> {
        self?.produce(out)
    }
}

/// Rows of a primitive column.
#[derive(Debug)]
pub enum Primitives<'a, T> {
    /// The same in every row.
    Constant(Option<T>),
    /// Without nulls.
    Plain(&'a [T]),
    /// With nulls.
    Nullable(&'a [T], &'a NullBuffer),
}

impl<'a, T: ArrowNativeType> Primitives<'a, T> {
    pub(crate) fn of<P: ArrowPrimitiveType<Native = T>>(array: &'a PrimitiveArray<P>) -> Primitives<'a, T> {
        match array.nulls() {
            Some(nulls) if nulls.null_count() > 0 => Primitives::Nullable(array.values(), nulls),
            _ => Primitives::Plain(array.values()),
        }
    }

    /// The value of a row.
    #[inline]
    pub fn get(&self, row: usize) -> Option<T> {
        match self {
            Primitives::Constant(it) => *it,
            Primitives::Plain(values) => values.get(row).copied(),
            Primitives::Nullable(values, nulls) => {
                if nulls.is_valid(row) {
                    values.get(row).copied()
                } else {
                    None
                }
            }
        }
    }
}

fn mismatch(wanted: Type, column: &Column) -> Fault {
    Fault::new(format!("a {} column where a {wanted} is needed", column.ty()))
}

macro_rules! primitive {
    ($($(#[$doc:meta])* $name:ident: $native:ty, $ty:ident, $column:ident, $arrow:ty;)*) => {$(
        $(#[$doc])*
        #[derive(Debug)]
        pub enum $name {}
        impl Argument for $name {
            const ACCEPTS: Accepts = Accepts::Type(Type::$ty);
            const CAST: Option<Type> = Some(Type::$ty);
            type Reader<'a> = Primitives<'a, $native>;
            type Item<'a> = $native;
            fn reader<'a>(_: &Context, column: &'a Column) -> Result<Self::Reader<'a>, Fault> {
                match column {
                    Column::$column(it) => Ok(Primitives::of(it)),
                    Column::Constant { value: Value::$ty(it), .. } => Ok(Primitives::Constant(Some(*it))),
                    Column::Constant { value: Value::Null, .. } => Ok(Primitives::Constant(None)),
                    _ => Err(mismatch(Type::$ty, column)),
                }
            }
            #[inline]
            fn get<'a>(reader: &Self::Reader<'a>, _: &Context, row: usize) -> Result<Option<Self::Item<'a>>, Fault> {
                Ok(reader.get(row))
            }
        }
        impl Output for $name {
            const TYPE: Type = Type::$ty;
            type Builder = PrimitiveBuilder<$arrow>;
            fn builder(rows: usize) -> Self::Builder {
                PrimitiveBuilder::with_capacity(rows)
            }
            #[inline]
            fn push_null(out: &mut Self::Builder) {
                out.append_null();
            }
            fn finish(mut out: Self::Builder) -> Column {
                Column::$column(out.finish())
            }
        }
        impl Produce<$name> for $native {
            #[inline]
            fn produce(self, out: &mut PrimitiveBuilder<$arrow>) -> Result<(), Fault> {
                out.append_value(self);
                Ok(())
            }
        }
    )*};
}

primitive! {
    /// `i32`.
    int: i32, Int, Int, Int32Type;
    /// `i64`; an int widens to it.
    long: i64, Long, Long, Int64Type;
    /// `f64`; other numbers widen to it.
    real: f64, Real, Real, Float64Type;
    /// Ticks since 0001-01-01, `i64`.
    datetime: i64, Datetime, Datetime, Int64Type;
    /// Ticks, `i64`.
    timespan: i64, Timespan, Timespan, Int64Type;
}

/// Rows of a bool column.
#[derive(Debug)]
pub enum Bools<'a> {
    /// The same in every row.
    Constant(Option<bool>),
    /// By row.
    Array(&'a BooleanArray),
}
impl Argument for bool {
    const ACCEPTS: Accepts = Accepts::Type(Type::Bool);
    const CAST: Option<Type> = Some(Type::Bool);
    type Reader<'a> = Bools<'a>;
    type Item<'a> = bool;
    fn reader<'a>(_: &Context, column: &'a Column) -> Result<Bools<'a>, Fault> {
        match column {
            Column::Bool(it) => Ok(Bools::Array(it)),
            Column::Constant { value: Value::Bool(it), .. } => Ok(Bools::Constant(Some(*it))),
            Column::Constant { value: Value::Null, .. } => Ok(Bools::Constant(None)),
            _ => Err(mismatch(Type::Bool, column)),
        }
    }
    #[inline]
    fn get<'a>(reader: &Self::Reader<'a>, _: &Context, row: usize) -> Result<Option<Self::Item<'a>>, Fault> {
        Ok(match reader {
            Bools::Constant(it) => *it,
            Bools::Array(it) => it.is_valid(row).then(|| it.value(row)),
        })
    }
}
impl Output for bool {
    const TYPE: Type = Type::Bool;
    type Builder = BooleanBuilder;
    fn builder(rows: usize) -> BooleanBuilder {
        BooleanBuilder::with_capacity(rows)
    }
    #[inline]
    fn push_null(out: &mut BooleanBuilder) {
        out.append_null();
    }
    fn finish(mut out: BooleanBuilder) -> Column {
        Column::Bool(out.finish())
    }
}
impl Produce<bool> for bool {
    #[inline]
    fn produce(self, out: &mut BooleanBuilder) -> Result<(), Fault> {
        out.append_value(self);
        Ok(())
    }
}

macro_rules! text_like {
    ($($(#[$doc:meta])* $name:ident: $accepts:expr;)*) => {$(
        $(#[$doc])*
        #[derive(Debug)]
        pub enum $name {}
        impl Argument for $name {
            const ACCEPTS: Accepts = $accepts;
            const CAST: Option<Type> = Some(Type::String);
            type Reader<'a> = StringReader<'a>;
            type Item<'a> = &'a str;
            fn reader<'a>(_: &Context, column: &'a Column) -> Result<StringReader<'a>, Fault> {
                if column.ty() == Type::String { Ok(column.string_reader()) } else { Err(mismatch(Type::String, column)) }
            }
            #[inline]
            fn get<'a>(reader: &Self::Reader<'a>, _: &Context, row: usize) -> Result<Option<Self::Item<'a>>, Fault> {
                Ok(Some(reader.get(row)))
            }
        }
    )*};
}
text_like! {
    /// A string; `&str`. Nothing else is accepted.
    string: Accepts::Type(Type::String);
    /// A string, or the text of a dynamic; `&str`.
    text: Accepts::StringOrDynamic;
    /// The text of any scalar, as `tostring` gives it; `&str`.
    any_text: Accepts::Scalar;
}
impl Output for string {
    const TYPE: Type = Type::String;
    type Builder = ColumnBuilder;
    fn builder(rows: usize) -> ColumnBuilder {
        ColumnBuilder::new(Type::String, rows)
    }
    fn bytes(out: &ColumnBuilder) -> usize {
        out.text_bytes()
    }
    fn push_null(out: &mut ColumnBuilder) {
        out.push_str("");
    }
    fn finish(out: ColumnBuilder) -> Column {
        out.finish()
    }
}
macro_rules! produce_text {
    ($($ty:ty),*) => {$(
        impl Produce<string> for $ty {
            #[inline]
            fn produce(self, out: &mut ColumnBuilder) -> Result<(), Fault> {
                out.push_str(self.as_ref());
                Ok(())
            }
        }
    )*};
}
produce_text!(&str, String, Cow<'_, str>, Arc<str>);

/// A regular expression, compiled once a query for each pattern; `Arc<regex::Regex>`.
#[derive(Debug)]
pub enum regex {}

/// Patterns by row.
#[derive(Debug)]
pub enum Patterns<'a> {
    /// One for all rows, compiled at once.
    Constant(Arc<::regex::Regex>),
    /// By row.
    Varying(StringReader<'a>),
}

impl Argument for regex {
    const ACCEPTS: Accepts = Accepts::Type(Type::String);
    const CAST: Option<Type> = Some(Type::String);
    type Reader<'a> = Patterns<'a>;
    type Item<'a> = Arc<::regex::Regex>;
    fn reader<'a>(cx: &Context, column: &'a Column) -> Result<Patterns<'a>, Fault> {
        Ok(match string::reader(cx, column)? {
            StringReader::Constant(pattern) => Patterns::Constant(compile_regex(cx, pattern)?),
            other => Patterns::Varying(other),
        })
    }
    fn get<'a>(reader: &Self::Reader<'a>, cx: &Context, row: usize) -> Result<Option<Self::Item<'a>>, Fault> {
        match reader {
            Patterns::Constant(it) => Ok(Some(it.clone())),
            Patterns::Varying(it) => compile_regex(cx, it.get(row)).map(Some),
        }
    }
}

/// Compiles a pattern, remembered for the query.
pub fn compile_regex(cx: &Context, pattern: &str) -> Result<Arc<::regex::Regex>, Fault> {
    let (name, limit) = ("pattern_bytes", cx.limits.pattern_bytes);
    if pattern.len() > limit {
        return Err(Fault::Limit { name, limit: limit as u64, by: "a regular expression".to_owned() });
    }
    let build = |pattern: &str| ::regex::RegexBuilder::new(pattern).size_limit(cx.limits.regex_bytes).build();
    cx.cached("regex", pattern, || match build(pattern) {
        Ok(it) => Ok(it),
        // What RE2 takes and this library does not is written another way.
        Err(why) => super::re2::rewritten(pattern)
            .and_then(|it| build(&it).ok())
            .ok_or_else(|| Fault::coded("SEM0420", format!("the regular expression `{pattern}` is not valid: {why}"))),
    })
}

macro_rules! dynamic_like {
    ($($(#[$doc:meta])* $name:ident: $accepts:expr;)*) => {$(
        $(#[$doc])*
        #[derive(Debug)]
        pub enum $name {}
        impl Argument for $name {
            const ACCEPTS: Accepts = $accepts;
            const CAST: Option<Type> = None;
            type Reader<'a> = &'a Column;
            type Item<'a> = Cow<'a, Dynamic>;
            fn reader<'a>(_: &Context, column: &'a Column) -> Result<&'a Column, Fault> {
                Ok(column)
            }
            #[inline]
            fn get<'a>(column: &Self::Reader<'a>, _: &Context, row: usize) -> Result<Option<Self::Item<'a>>, Fault> {
                Ok(match column {
                    Column::Dynamic(it) => it.get(row).map(Cow::Borrowed),
                    Column::Lists(it) => it.get(row).map(Cow::Borrowed),
                    Column::Constant { value: Value::Dynamic(it), .. } => Some(Cow::Borrowed(it)),
                    other => Some(other.dynamic(row)).filter(|it| !it.is_null()).map(Cow::Owned),
                })
            }
        }
    )*};
}
dynamic_like! {
    /// A dynamic; `Cow<Dynamic>`.
    dynamic: Accepts::Type(Type::Dynamic);
    /// A dynamic that should hold an array; `Cow<Dynamic>`.
    array: Accepts::Array;
    /// A dynamic that should hold a bag; `Cow<Dynamic>`.
    bag: Accepts::Bag;
    /// Any scalar, wrapped; `Cow<Dynamic>`.
    any_dynamic: Accepts::Scalar;
}
impl Output for dynamic {
    const TYPE: Type = Type::Dynamic;
    type Builder = Dynamics;
    fn builder(rows: usize) -> Dynamics {
        Dynamics { values: Vec::with_capacity(rows), bytes: 0 }
    }
    fn push_null(out: &mut Dynamics) {
        out.values.push(None);
    }
    fn bytes(out: &Dynamics) -> usize {
        out.bytes
    }
    fn finish(out: Dynamics) -> Column {
        Column::Dynamic(Boxed::sized(out.values, out.bytes))
    }
}
impl Produce<dynamic> for Dynamic {
    fn produce(self, out: &mut Dynamics) -> Result<(), Fault> {
        out.push(self);
        Ok(())
    }
}

/// Dynamics on their way into a column, and the memory behind them.
#[derive(Debug)]
pub struct Dynamics {
    values: Vec<Option<Dynamic>>,
    bytes: usize,
}

impl Dynamics {
    fn push(&mut self, value: Dynamic) {
        self.bytes += value.owned_bytes();
        self.values.push(Some(value).filter(|it| !it.is_null()));
    }
}

/// Any scalar, as it is; `Value`, never null.
#[derive(Debug)]
pub enum any {}
impl Argument for any {
    const ACCEPTS: Accepts = Accepts::Scalar;
    const CAST: Option<Type> = None;
    type Reader<'a> = &'a Column;
    type Item<'a> = Value;
    fn reader<'a>(_: &Context, column: &'a Column) -> Result<&'a Column, Fault> {
        Ok(column)
    }
    fn get<'a>(column: &Self::Reader<'a>, _: &Context, row: usize) -> Result<Option<Self::Item<'a>>, Fault> {
        Ok(Some(column.value(row)).filter(|it| !it.is_null()))
    }
}

/// `Decimal`; whole numbers widen to it.
#[derive(Debug)]
pub enum decimal {}
/// `u128`.
#[derive(Debug)]
pub enum guid {}
macro_rules! boxed {
    ($($name:ident: $native:ty, $ty:ident;)*) => {$(
        impl Argument for $name {
            const ACCEPTS: Accepts = Accepts::Type(Type::$ty);
            const CAST: Option<Type> = Some(Type::$ty);
            type Reader<'a> = &'a Column;
            type Item<'a> = $native;
            fn reader<'a>(_: &Context, column: &'a Column) -> Result<&'a Column, Fault> {
                Ok(column)
            }
            fn get<'a>(column: &Self::Reader<'a>, _: &Context, row: usize) -> Result<Option<Self::Item<'a>>, Fault> {
                Ok(match column.value(row) {
                    Value::$ty(it) => Some(it),
                    _ => None,
                })
            }
        }
        impl Output for $name {
            const TYPE: Type = Type::$ty;
            type Builder = Vec<Option<$native>>;
            fn builder(rows: usize) -> Self::Builder {
                Vec::with_capacity(rows)
            }
            fn push_null(out: &mut Self::Builder) {
                out.push(None);
            }
            fn finish(out: Self::Builder) -> Column {
                Column::$ty(Boxed::new(out))
            }
        }
        impl Produce<$name> for $native {
            fn produce(self, out: &mut Vec<Option<$native>>) -> Result<(), Fault> {
                out.push(Some(self));
                Ok(())
            }
        }
    )*};
}
boxed! {
    decimal: Decimal, Decimal;
    guid: u128, Guid;
}

/// An argument that may be null: the body sees an `Option`.
#[derive(Debug)]
pub struct maybe<T>(PhantomData<T>);
impl<T: Argument> Argument for maybe<T> {
    const ACCEPTS: Accepts = T::ACCEPTS;
    const CAST: Option<Type> = T::CAST;
    const CONSTNESS: Constness = T::CONSTNESS;
    type Reader<'a> = T::Reader<'a>;
    type Item<'a> = Option<T::Item<'a>>;
    fn reader<'a>(cx: &Context, column: &'a Column) -> Result<T::Reader<'a>, Fault> {
        T::reader(cx, column)
    }
    #[inline]
    fn get<'a>(reader: &Self::Reader<'a>, cx: &Context, row: usize) -> Result<Option<Self::Item<'a>>, Fault> {
        T::get(reader, cx, row).map(Some)
    }
}

/// An argument that must be the same for all rows.
#[derive(Debug)]
pub struct constant<T>(PhantomData<T>);
impl<T: Argument> Argument for constant<T> {
    const ACCEPTS: Accepts = T::ACCEPTS;
    const CAST: Option<Type> = T::CAST;
    const CONSTNESS: Constness = Constness::Constant;
    type Reader<'a> = T::Reader<'a>;
    type Item<'a> = T::Item<'a>;
    fn reader<'a>(cx: &Context, column: &'a Column) -> Result<T::Reader<'a>, Fault> {
        T::reader(cx, column)
    }
    #[inline]
    fn get<'a>(reader: &Self::Reader<'a>, cx: &Context, row: usize) -> Result<Option<Self::Item<'a>>, Fault> {
        T::get(reader, cx, row)
    }
}
