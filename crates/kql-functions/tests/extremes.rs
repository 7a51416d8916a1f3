//! Every kernel, called with the smallest, largest and oddest values of its parameters' types: it may fail, never panic,
//! and gives as many rows as it was asked for.
#![allow(clippy::indexing_slicing, reason = "a test may fail anywhere")]

use kql_data::{Bag, Column, ColumnBuilder, Context, Decimal, Dynamic, Limits, Type, Value, json};
use kql_functions::{Accepts, Constness, Overload, Param, all_functions};

const CALLS: usize = 60;
const ROWS: usize = 3;

/// A small generator of numbers, so that a failure can be repeated.
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % n.max(1)
    }

    fn one_of<T: Clone>(&mut self, items: &[T]) -> T {
        items[self.below(items.len())].clone()
    }
}

fn dynamics() -> Vec<Dynamic> {
    let texts = [
        "[]",
        "{}",
        "[1,2.5,\"a\",null,true,[1],{\"k\":1}]",
        "[null]",
        "{\"a\":{\"b\":[1]},\"\":2}",
        "\"text\"",
        "0",
        "-1.5",
        "[9223372036854775807,-9223372036854775808]",
        "[1e308,-1e308]",
        "[[1,2],[3]]",
        "[\"a\",\"b\"]",
        "[0,1,0,1,5,6,7]",
        r#"{"type":"Point","coordinates":[0,0]}"#,
        r#"{"type":"LineString","coordinates":[[0,0],[1,1],[180,-90],[-180,90]]}"#,
        r#"{"type":"Polygon","coordinates":[[[0,0],[10,0],[10,10],[0,10],[0,0]],[[2,2],[2,3],[3,3],[2,2]]]}"#,
        r#"{"type":"MultiPolygon","coordinates":[[[[0,0],[1,0],[1,1],[0,0]]],[[[0,0],[1,0],[1,1],[0,0]]]]}"#,
        r#"[{"type":"Polygon","coordinates":[[[0,0],[1,0],[1,1],[0,0]]]},{"type":"Polygon","coordinates":[[[0,0],[2,0],[2,2],[0,0]]]}]"#,
    ];
    let mut all: Vec<Dynamic> = texts.iter().filter_map(|it| json::read(it)).collect();
    all.extend([Dynamic::Real(f64::NAN), Dynamic::Datetime(0), Dynamic::Timespan(i64::MIN)]);
    all.push(Dynamic::Guid(u128::MAX));
    all.push(Dynamic::array(vec![Dynamic::Real(f64::NAN), Dynamic::Real(f64::INFINITY), Dynamic::Timespan(i64::MIN)]));
    all.push(Dynamic::bag(Bag::from_iter([("x".into(), Dynamic::Datetime(3_155_378_975_999_999_999))])));
    all
}

const LONGS: [i64; 11] = [0, 1, -1, 2, 7, 64, 1_000, i64::MAX, i64::MIN, i64::MAX - 1, 638_000_000_000_000_000];
/// From the first tick of the year 1 to the last of 9999.
const DATETIMES: [i64; 5] = [0, 1, 621_355_968_000_000_000, 638_000_000_000_000_000, 3_155_378_975_999_999_999];
const REALS: [f64; 12] =
    [0.0, -0.0, 1.0, -1.5, 1e308, -1e308, 5e-324, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 0.1, 45.0];
const TEXTS: [&str; 30] = [
    "",
    "a",
    "žluťoučký kůň",
    "\u{0}\u{10FFFF}",
    "1.2.3.4/24",
    "::1/64",
    "https://u:p@h:1/p?k=v#f",
    "[1,2]",
    "{\"a\":1}",
    "<a b='c'>d</a>",
    "S3VzdG8=",
    "yyyy-MM-dd",
    "day",
    "$.a[0]",
    "(a)(b)?",
    "POINT (1 2)",
    "ezs42",
    "862a1072fffffff",
    "89c25",
    "US/Pacific",
    "long",
    "windows",
    "regex",
    "-9223372036854775808",
    "\"a\\\\\" b",
    "%",
    "@",
    "meter",
    "9999-12-31",
    "10675199.02:48:05.4775807",
];

fn values(ty: Type) -> Vec<Value> {
    let mut all: Vec<Value> = match ty {
        Type::Bool => vec![Value::Bool(true), Value::Bool(false)],
        Type::Int => [0, 1, -1, 31, 32, i32::MAX, i32::MIN].map(Value::Int).to_vec(),
        Type::Long => LONGS.map(Value::Long).to_vec(),
        Type::Datetime => DATETIMES.map(Value::Datetime).to_vec(),
        Type::Timespan => LONGS.map(Value::Timespan).to_vec(),
        Type::Real => REALS.map(Value::Real).to_vec(),
        Type::Decimal => {
            let texts = ["0", "1", "-1.5", "9999999999999999999999999999999999", "1e-34"];
            texts.iter().filter_map(|it| Decimal::parse(it)).map(Value::Decimal).collect()
        }
        Type::String => TEXTS.map(|it| Value::String(it.into())).to_vec(),
        Type::Guid => vec![Value::Guid(0), Value::Guid(u128::MAX)],
        Type::Dynamic => dynamics().into_iter().map(Value::Dynamic).collect(),
    };
    all.push(Value::null(ty));
    all
}

fn types(param: &Param) -> Vec<Type> {
    if let Some(ty) = param.cast {
        return vec![ty];
    }
    let numbers = [Type::Int, Type::Long, Type::Real, Type::Decimal];
    match param.accepts {
        Accepts::Type(ty) => vec![ty],
        Accepts::Scalar => Type::ALL.to_vec(),
        Accepts::NotDynamic => Type::ALL.into_iter().filter(|it| *it != Type::Dynamic).collect(),
        Accepts::Number => numbers.to_vec(),
        Accepts::Integer => vec![Type::Int, Type::Long],
        Accepts::NumberOrBool => [&numbers[..], &[Type::Bool]].concat(),
        Accepts::Summable => [&numbers[..], &[Type::Datetime, Type::Timespan]].concat(),
        Accepts::Orderable => [&numbers[..], &[Type::Datetime, Type::Timespan, Type::String]].concat(),
        Accepts::StringOrDynamic => vec![Type::String, Type::Dynamic],
        Accepts::Array | Accepts::Bag => vec![Type::Dynamic],
        Accepts::NotRealOrBool => vec![Type::Int, Type::Long, Type::Datetime, Type::Timespan],
        Accepts::TypeLiteral => vec![Type::String],
    }
}

fn argument(random: &mut Random, param: &Param) -> Column {
    let ty = random.one_of(&types(param));
    if param.accepts == Accepts::TypeLiteral {
        let name = random.one_of(&Type::ALL).name();
        return Column::constant(Value::String(name.into()), Type::String, ROWS);
    }
    let values = values(ty);
    if param.constness != Constness::Any || random.below(3) == 0 {
        return Column::constant(random.one_of(&values), ty, ROWS);
    }
    let mut out = ColumnBuilder::new(ty, ROWS);
    for _ in 0..ROWS {
        out.push(&random.one_of(&values));
    }
    out.finish()
}

fn arguments(random: &mut Random, overload: &Overload) -> Vec<Column> {
    let mut args: Vec<Column> = overload.params.iter().map(|it| argument(random, it)).collect();
    if let Some((param, least, most)) = &overload.rest {
        let count = least + random.below(most.saturating_sub(*least).min(4) + 1);
        args.extend((0..count).map(|_| argument(random, param)));
    }
    args
}

#[test]
fn no_kernel_panics() {
    let limits = Limits { array_elements: 1 << 12, string_bytes: 1 << 16, ..Limits::default() };
    let mut wrong = Vec::new();
    for function in all_functions() {
        for (index, overload) in function.overloads.iter().enumerate() {
            let Some(kernel) = overload.kernel else { continue };
            let mut random = Random(function.name.bytes().map(u64::from).sum::<u64>() + index as u64);
            for _ in 0..CALLS {
                let cx = Context::new(638_000_000_000_000_000, 1, Default::default(), limits.clone());
                let args = arguments(&mut random, overload);
                let call = || kernel(&cx, &args, ROWS).map(|it| it.len());
                let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(call));
                if !matches!(outcome, Ok(Err(_) | Ok(ROWS))) {
                    let shown: Vec<Vec<Value>> =
                        args.iter().map(|it| (0..ROWS).map(|row| it.value(row)).collect()).collect();
                    wrong.push(format!("{} {shown:?}", function.name));
                    break;
                }
            }
        }
    }
    assert!(wrong.is_empty(), "kernels that panic or give another number of rows:\n{}", wrong.join("\n"));
}
