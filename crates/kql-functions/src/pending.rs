//! Signatures of functions and aggregates that the language has and this engine does not run yet, so that rules that
//! use them bind; a call is an error by name when the query runs. A declaration with a kernel hides its line here.
//!
//! A line of `pending.txt` is one signature: `fn name(parameter:type, …) -> type named=rule`. Marks after a parameter's
//! type: `!` constant, `!!` literal, `!!!` literal that is not empty, `?` optional, `*1-64` so many times. A result is a
//! type, `$0` for the type of the first argument, `$0+` for that type widened (int to long), `common`, `widest`,
//! `typeof` for the type a type literal names, `custom` for a rule that comes with the kernel.

use crate::{
    aggregate::{Aggregate, Outputs},
    declare::{Accepts, Constness, Function, Naming, Overload, Param, Returns},
    resolve::Actual,
};
use kql_data::{Fault, Type};
use std::sync::LazyLock;

static LINES: &str = include_str!("pending.txt");

static TABLE: LazyLock<(Vec<Function>, Vec<Aggregate>)> = LazyLock::new(|| {
    let (mut functions, mut aggregates) = (Vec::new(), Vec::new());
    let mut lines = LINES.lines().filter_map(read_line).peekable();
    while let Some(first) = lines.next() {
        let (is_aggregate, name, naming) = (first.is_aggregate, first.name, first.naming);
        let mut overloads = first.overloads;
        while let Some(next) = lines.next_if(|it| it.name == name && it.is_aggregate == is_aggregate) {
            overloads.extend(next.overloads);
        }
        let overloads: &'static [Overload] = overloads.leak();
        if is_aggregate {
            let (doc, make, outputs) = ("", None, Outputs::One);
            aggregates.push(Aggregate { name, aliases: &[], doc, overloads, naming, make, outputs });
        } else {
            functions.push(Function::new(name, "", overloads).naming(naming));
        }
    }
    (functions, aggregates)
});

/// The functions of the table. Some may have a kernel elsewhere.
pub fn functions() -> &'static [Function] {
    &TABLE.0
}

/// The aggregates of the table.
pub fn aggregates() -> &'static [Aggregate] {
    &TABLE.1
}

struct Line {
    is_aggregate: bool,
    name: &'static str,
    overloads: Vec<Overload>,
    naming: Naming,
}

fn read_line(line: &'static str) -> Option<Line> {
    let (kind, rest) = line.split_once(' ')?;
    let (name, rest) = rest.split_once('(')?;
    let (params, rest) = rest.split_once(") -> ")?;
    let (result, naming) = rest.split_once(" named=").unwrap_or((rest, ""));
    let naming = match naming {
        "" => Naming::None,
        "first" => Naming::FirstArgument,
        "both" => Naming::NameAndFirstArgument,
        other => match other.strip_suffix("_*") {
            Some(prefix) => Naming::Prefix(prefix),
            None => Naming::PrefixOnly(other),
        },
    };
    let returns = match result {
        "$0" => Returns::Argument(0),
        "$0+" => Returns::Custom(promoted),
        "$1" => Returns::Argument(1),
        "common" => Returns::Common,
        "widest" => Returns::Widest,
        "typeof" => Returns::Custom(type_literal),
        other => Type::from_name(other).map_or(Returns::Type(Type::Dynamic), Returns::Type),
    };
    Some(Line { is_aggregate: kind == "agg", name, overloads: overloads(params, returns), naming })
}

/// One overload a number of optional parameters given.
fn overloads(params: &'static str, returns: Returns) -> Vec<Overload> {
    let (mut fixed, mut optional, mut rest) = (Vec::new(), Vec::new(), None);
    for text in params.split(", ").filter(|it| !it.is_empty()) {
        let Some((name, ty)) = text.split_once(':') else { continue };
        let (ty, repeat) = ty.split_once('*').map_or((ty, None), |(ty, it)| (ty, Some(it)));
        let (ty, is_optional) = ty.strip_suffix('?').map_or((ty, false), |it| (it, true));
        let constness = match ty.bytes().filter(|it| *it == b'!').count() {
            0 => Constness::Any,
            1 => Constness::Constant,
            2 => Constness::Literal,
            _ => Constness::LiteralNotEmpty,
        };
        let ty = ty.trim_end_matches('!');
        let param = Param { constness, ..Param::new(name, accepts(ty)) };
        match repeat.and_then(|it| it.split_once('-')) {
            Some((min, max)) => rest = Some((param, min.parse().unwrap_or(0), max.parse().unwrap_or(64))),
            None if is_optional => optional.push(param),
            None => fixed.push(param),
        }
    }
    (0..=optional.len())
        .map(|n| {
            let params: Vec<Param> = fixed.iter().chain(optional.iter().take(n)).copied().collect();
            Overload { params: params.leak(), rest, returns, kernel: None }
        })
        .collect()
}

fn accepts(ty: &str) -> Accepts {
    match ty {
        "number" => Accepts::Number,
        "integer" => Accepts::Integer,
        "array" => Accepts::Array,
        "bag" => Accepts::Bag,
        "text" => Accepts::StringOrDynamic,
        "summable" => Accepts::Summable,
        "orderable" => Accepts::Orderable,
        "notdynamic" => Accepts::NotDynamic,
        "numberorbool" => Accepts::NumberOrBool,
        "notrealorbool" => Accepts::NotRealOrBool,
        "type" => Accepts::TypeLiteral,
        other => Type::from_name(other).map_or(Accepts::Scalar, Accepts::Type),
    }
}

fn promoted(actuals: &[Actual]) -> Result<Type, Fault> {
    Ok(match actuals.first().map(|it| it.ty) {
        Some(Type::Int) | None => Type::Long,
        Some(other) => other,
    })
}

fn type_literal(actuals: &[Actual]) -> Result<Type, Fault> {
    let literal = actuals.iter().find(|it| it.is_type).and_then(|it| it.constant.as_ref());
    Ok(literal.and_then(|it| Type::from_name(&it.text())).unwrap_or(Type::Dynamic))
}
