//! Literals of the syntax tree as values.

use super::Binder;
use crate::syntax::{DynamicLiteral, Literal};
use kql_data::{Decimal, Dynamic, Type, Value};

impl Binder<'_> {
    /// The value and type of a literal.
    pub(super) fn literal(&self, literal: &Literal) -> (Value, Type) {
        fn of<T>(value: Option<T>, make: fn(T) -> Value) -> Value {
            value.map_or(Value::Null, make)
        }
        match literal {
            Literal::Bool(it) => (of(*it, Value::Bool), Type::Bool),
            Literal::Int(it) => (of(*it, Value::Int), Type::Int),
            Literal::Long(it) => (of(*it, Value::Long), Type::Long),
            Literal::Real(it) => (of(*it, Value::Real), Type::Real),
            Literal::Decimal(it) => {
                (it.as_deref().and_then(Decimal::parse).map_or(Value::Null, Value::Decimal), Type::Decimal)
            }
            Literal::String(it) => (Value::String(it.as_str().into()), Type::String),
            Literal::Datetime(it) => (of(*it, Value::Datetime), Type::Datetime),
            Literal::Now => (Value::Datetime(self.now), Type::Datetime),
            Literal::Today(ticks) => {
                let midnight = self.now.saturating_sub(self.now.rem_euclid(kql_data::time::DAY));
                (Value::Datetime(midnight.saturating_add(*ticks)), Type::Datetime)
            }
            Literal::Timespan(it) => (of(*it, Value::Timespan), Type::Timespan),
            Literal::Guid(it) => (of(*it, Value::Guid), Type::Guid),
            Literal::Dynamic(it) => match self.dynamic(it) {
                Dynamic::Null => (Value::Null, Type::Dynamic),
                it => (Value::Dynamic(it), Type::Dynamic),
            },
            Literal::Null => (Value::Null, Type::Dynamic),
        }
    }

    /// Depth is bounded by the parser.
    fn dynamic(&self, literal: &DynamicLiteral) -> Dynamic {
        match literal {
            DynamicLiteral::Null => Dynamic::Null,
            DynamicLiteral::Bool(it) => Dynamic::Bool(*it),
            DynamicLiteral::Long(it) => Dynamic::Long(*it),
            DynamicLiteral::Int(it) => Dynamic::Long(i64::from(*it)),
            DynamicLiteral::Real(it) => Dynamic::Real(*it),
            DynamicLiteral::Decimal(it) | DynamicLiteral::Number(it) => {
                Decimal::parse(it).map_or(Dynamic::Null, Dynamic::Decimal)
            }
            DynamicLiteral::String(it) => Dynamic::string(it.as_str()),
            DynamicLiteral::Datetime(it) => Dynamic::Datetime(*it),
            DynamicLiteral::Now => Dynamic::Datetime(self.now),
            // The reference stores a timespan inside a dynamic literal as its count of ticks.
            DynamicLiteral::Timespan(it) => Dynamic::Long(*it),
            DynamicLiteral::Guid(it) => Dynamic::Guid(*it),
            DynamicLiteral::Array(items) => Dynamic::array(items.iter().map(|it| self.dynamic(it)).collect()),
            DynamicLiteral::Bag(slots) => {
                Dynamic::bag(slots.iter().map(|(key, it)| (key.as_str().into(), self.dynamic(it))).collect())
            }
        }
    }
}
