//! The ten types of the language.

use std::fmt;

/// A KQL type. `datetime` and `timespan` are counts of 100 ns ticks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Type {
    /// `true` or `false`.
    Bool,
    /// 32-bit signed integer.
    Int,
    /// 64-bit signed integer.
    Long,
    /// 64-bit IEEE float.
    Real,
    /// Decimal number of up to 34 digits.
    Decimal,
    /// UTF-8 text; never null.
    String,
    /// Ticks since 0001-01-01T00:00:00Z.
    Datetime,
    /// Signed ticks.
    Timespan,
    /// 128-bit identifier.
    Guid,
    /// Any JSON-like value.
    Dynamic,
}

impl Type {
    /// Every type, in the order of the reference page.
    pub const ALL: [Type; 10] = [
        Type::Bool,
        Type::Int,
        Type::Long,
        Type::Real,
        Type::Decimal,
        Type::String,
        Type::Datetime,
        Type::Timespan,
        Type::Guid,
        Type::Dynamic,
    ];

    /// The type's name in the language.
    pub fn name(self) -> &'static str {
        match self {
            Type::Bool => "bool",
            Type::Int => "int",
            Type::Long => "long",
            Type::Real => "real",
            Type::Decimal => "decimal",
            Type::String => "string",
            Type::Datetime => "datetime",
            Type::Timespan => "timespan",
            Type::Guid => "guid",
            Type::Dynamic => "dynamic",
        }
    }

    /// The type that a name or one of its aliases means (`date`, `time`, `double`, `boolean`, `uuid`, …).
    pub fn from_name(name: &str) -> Option<Type> {
        Some(match name {
            "bool" | "boolean" => Type::Bool,
            "int" | "int8" | "int16" | "int32" | "uint8" | "uint16" | "uint" => Type::Int,
            "long" | "int64" | "uint32" | "uint64" | "ulong" => Type::Long,
            "real" | "double" | "float" => Type::Real,
            "decimal" => Type::Decimal,
            "string" => Type::String,
            "datetime" | "date" => Type::Datetime,
            "timespan" | "time" => Type::Timespan,
            "guid" | "uuid" | "uniqueid" => Type::Guid,
            "dynamic" | "object" => Type::Dynamic,
            _ => return None,
        })
    }

    /// The .NET name that `getschema` prints.
    pub fn system_name(self) -> &'static str {
        match self {
            Type::Bool => "System.SByte",
            Type::Int => "System.Int32",
            Type::Long => "System.Int64",
            Type::Real => "System.Double",
            Type::Decimal => "System.Data.SqlTypes.SqlDecimal",
            Type::String => "System.String",
            Type::Datetime => "System.DateTime",
            Type::Timespan => "System.TimeSpan",
            Type::Guid => "System.Guid",
            Type::Dynamic => "System.Object",
        }
    }

    /// Whether it is int, long, real or decimal.
    pub fn is_number(self) -> bool {
        matches!(self, Type::Int | Type::Long | Type::Real | Type::Decimal)
    }

    /// Whether it is int or long.
    pub fn is_integer(self) -> bool {
        matches!(self, Type::Int | Type::Long)
    }

    /// Whether values can be added: numbers, datetime and timespan.
    pub fn is_summable(self) -> bool {
        self.is_number() || matches!(self, Type::Datetime | Type::Timespan)
    }
}

impl fmt::Display for Type {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}
