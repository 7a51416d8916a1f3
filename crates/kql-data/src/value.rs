//! One value of any type.

use crate::{Decimal, Dynamic, Type, time};
use std::sync::Arc;

/// A scalar. Null carries no type: the column or expression that holds it does. A string is never null.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// The null of any type but string.
    Null,
    /// A `bool`.
    Bool(bool),
    /// An `int`.
    Int(i32),
    /// A `long`.
    Long(i64),
    /// A `real`.
    Real(f64),
    /// A `decimal`.
    Decimal(Decimal),
    /// A `string`.
    String(Arc<str>),
    /// A `datetime` in ticks.
    Datetime(i64),
    /// A `timespan` in ticks.
    Timespan(i64),
    /// A `guid`.
    Guid(u128),
    /// A `dynamic` that is not null.
    Dynamic(Dynamic),
}

impl Value {
    /// The null of a type: `""` for string.
    pub fn null(ty: Type) -> Value {
        if ty == Type::String { Value::String("".into()) } else { Value::Null }
    }

    /// Whether it is null. A string never is.
    pub fn is_null(&self) -> bool {
        matches!(self, Value::Null)
    }

    /// Its type, unless it is null.
    pub fn ty(&self) -> Option<Type> {
        Some(match self {
            Value::Null => return None,
            Value::Bool(_) => Type::Bool,
            Value::Int(_) => Type::Int,
            Value::Long(_) => Type::Long,
            Value::Real(_) => Type::Real,
            Value::Decimal(_) => Type::Decimal,
            Value::String(_) => Type::String,
            Value::Datetime(_) => Type::Datetime,
            Value::Timespan(_) => Type::Timespan,
            Value::Guid(_) => Type::Guid,
            Value::Dynamic(_) => Type::Dynamic,
        })
    }

    /// What `tostring` gives: "" for null, `True` for true, seven fractional digits for a datetime.
    pub fn text(&self) -> String {
        match self {
            Value::Null => String::new(),
            Value::Bool(it) => if *it { "True" } else { "False" }.to_owned(),
            Value::Int(it) => it.to_string(),
            Value::Long(it) => it.to_string(),
            Value::Real(it) => real_text(*it),
            Value::Decimal(it) => it.to_string(),
            Value::String(it) => it.to_string(),
            Value::Datetime(it) => time::datetime_text(*it),
            Value::Timespan(it) => time::timespan_text(*it),
            Value::Guid(it) => guid_text(*it),
            Value::Dynamic(it) => it.text(),
        }
    }

    /// The same value as a dynamic. Datetimes and timespans keep their type inside.
    pub fn to_dynamic(&self) -> Dynamic {
        match self {
            Value::Null => Dynamic::Null,
            Value::Bool(it) => Dynamic::Bool(*it),
            Value::Int(it) => Dynamic::Long(i64::from(*it)),
            Value::Long(it) => Dynamic::Long(*it),
            Value::Real(it) => Dynamic::Real(*it),
            Value::Decimal(it) => Dynamic::Decimal(it.clone()),
            Value::String(it) => Dynamic::String(it.clone()),
            Value::Datetime(it) => Dynamic::Datetime(*it),
            Value::Timespan(it) => Dynamic::Timespan(*it),
            Value::Guid(it) => Dynamic::Guid(*it),
            Value::Dynamic(it) => it.clone(),
        }
    }

    /// Rough size in memory, for budgets.
    pub fn bytes(&self) -> usize {
        size_of::<Value>()
            + match self {
                Value::String(it) => it.len(),
                Value::Dynamic(it) => it.bytes(),
                Value::Decimal(_) => 32,
                _ => 0,
            }
    }
}

/// Text of a float: shortest that reads back, `6.0`, `NaN`, `inf`, `-inf`; exponent form from 1e15 on and below 0.0001.
pub fn real_text(value: f64) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "inf" } else { "-inf" }.to_owned();
    }
    let size = value.abs();
    if size != 0.0 && !(1e-4..1e15).contains(&size) {
        let text = format!("{value:e}");
        let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let (sign, exponent) = match exponent.strip_prefix('-') {
            Some(it) => ('-', it),
            None => ('+', exponent),
        };
        return format!("{digits}e{sign}{exponent:0>2}");
    }
    let text = format!("{value}");
    if text.contains('.') { text } else { text + ".0" }
}

pub(crate) fn guid_text(value: u128) -> String {
    let hex = format!("{value:032x}");
    let parts = [(0, 8), (8, 12), (12, 16), (16, 20), (20, 32)].map(|(from, to)| hex.get(from..to).unwrap_or(""));
    parts.join("-")
}
