//! All functions and aggregates by name.

use crate::{aggregate::Aggregate, aggregates, declare::Function, pending, scalar};
use kql_data::{Map, Type};
use std::sync::LazyLock;

static FUNCTIONS: LazyLock<Map<&'static str, &'static Function>> = LazyLock::new(|| {
    let mut map = Map::default();
    for function in scalar::FAMILIES.iter().copied().flatten() {
        for name in std::iter::once(&function.name).chain(function.aliases) {
            _ = map.insert(*name, function);
        }
    }
    for function in pending::functions() {
        _ = map.entry(function.name).or_insert(function);
    }
    map
});

static AGGREGATES: LazyLock<Map<&'static str, &'static Aggregate>> = LazyLock::new(|| {
    let mut map = Map::default();
    for aggregate in aggregates::FAMILIES.iter().copied().flatten().copied().flatten() {
        for name in std::iter::once(&aggregate.name).chain(aggregate.aliases) {
            _ = map.insert(*name, aggregate);
        }
    }
    for aggregate in pending::aggregates() {
        _ = map.entry(aggregate.name).or_insert(aggregate);
    }
    map
});

/// The scalar function of that name or alias. Names are case-sensitive.
pub fn function(name: &str) -> Option<&'static Function> {
    FUNCTIONS.get(name).copied()
}

/// The name of the function that converts to a type.
pub fn conversion(ty: Type) -> &'static str {
    match ty {
        Type::Bool => "tobool",
        Type::Int => "toint",
        Type::Long => "tolong",
        Type::Real => "todouble",
        Type::Decimal => "todecimal",
        Type::String => "tostring",
        Type::Datetime => "todatetime",
        Type::Timespan => "totimespan",
        Type::Guid => "toguid",
        Type::Dynamic => "wrap",
    }
}

/// The aggregate of that name or alias.
pub fn aggregate(name: &str) -> Option<&'static Aggregate> {
    AGGREGATES.get(name).copied()
}

/// Every scalar function once, by name.
pub fn functions() -> Vec<&'static Function> {
    let mut all: Vec<_> = FUNCTIONS.iter().filter(|(name, it)| **name == it.name).map(|(_, it)| *it).collect();
    all.sort_by_key(|it| it.name);
    all
}

/// Every aggregate once, by name.
pub fn aggregates() -> Vec<&'static Aggregate> {
    let mut all: Vec<_> = AGGREGATES.iter().filter(|(name, it)| **name == it.name).map(|(_, it)| *it).collect();
    all.sort_by_key(|it| it.name);
    all
}
