//! Every function at the edges of its types: no panic, and one answer whether an argument is a constant or a column.

use crate::Watch;
use kql::{
    Column, Context, Dynamic, Fault, Limits, Type, Value,
    functions::{self, Accepts, Actual, CallSite, Constness, Function, Overload, Param, scalar::conversion::convert},
    json,
};
use kql_data::{ColumnBuilder, Decimal};
use std::{
    collections::BTreeMap,
    panic::{AssertUnwindSafe, catch_unwind},
    time::Duration,
};

fn accepted(accepts: Accepts) -> Vec<Type> {
    let fits = |ty: &Type| match accepts {
        Accepts::Type(wanted) => *ty == wanted,
        Accepts::Scalar => true,
        Accepts::NotDynamic | Accepts::Orderable => *ty != Type::Dynamic,
        Accepts::Number => ty.is_number(),
        Accepts::Integer => ty.is_integer(),
        Accepts::NumberOrBool => ty.is_number() || *ty == Type::Bool,
        Accepts::Summable => ty.is_summable(),
        Accepts::StringOrDynamic => matches!(ty, Type::String | Type::Dynamic),
        Accepts::Array | Accepts::Bag => *ty == Type::Dynamic,
        Accepts::NotRealOrBool => !matches!(ty, Type::Real | Type::Bool),
        Accepts::TypeLiteral => *ty == Type::String,
    };
    Type::ALL.into_iter().filter(fits).collect()
}

const TEXTS: [&str; 22] = [
    "",
    " ",
    "a",
    "\u{0}",
    "ß→\u{1f600}\u{301}",
    "9223372036854775808",
    "-1e999999999",
    "2020-01-01T00:00:00Z",
    "10675199.02:48:05.4775807",
    "127.0.0.1/33",
    "::ffff:255.255.255.255/129",
    "http://a:99999999999@[::1]/%zz?a=%&&=#",
    "{\"a\":[1,{\"b\":null}]}",
    "$.a[0]..['b'].*",
    "(a*)*(?<x>b|)",
    "%Y",
    "yyyyyyyyyy-MM-ddTHH:mm:ss.fffffffffff",
    "<a><b c='d'>&#0;</b></a>",
    "QUFB//==\n",
    "H4sIAAAAAAAA",
    "UTC",
    "zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz",
];

const JSON: [&str; 24] = [
    "[]",
    "{}",
    "[null]",
    "[9223372036854775807, -9223372036854775808, -1]",
    "[9223372036854775807, 9223372036854775807]",
    "[1.7976931348623157e308, -1.7976931348623157e308, 5e-324, 0.0]",
    "[0]",
    "[1, 2, 3, 4, 5]",
    "[\"a\", \"\", \"b\"]",
    "[[], {}, [[]]]",
    "[true, 1, \"x\", null, {\"a\":1}]",
    "{\"a\":1,\"\":2,\"b\":{\"c\":[]}}",
    "\"text\"",
    "123",
    "1e308",
    "true",
    "99999999999999999999999999",
    "[1, \"a\", 1, 1, 5, null]",
    "{\"type\":\"Point\",\"coordinates\":[180,90]}",
    "{\"type\":\"Point\",\"coordinates\":[1e308,\"x\",null]}",
    "{\"type\":\"LineString\",\"coordinates\":[[0,0],[180,0]]}",
    "{\"type\":\"Polygon\",\"coordinates\":[[[0,0],[1,0],[1,1],[0,0]]]}",
    "{\"type\":\"Polygon\",\"coordinates\":[[[0,90],[0,-90],[180,0],[0,90]],[]]}",
    "{\"type\":\"GeometryCollection\",\"geometries\":[{\"type\":\"MultiPolygon\",\"coordinates\":[[[[0,0]]],[]]}]}",
];

fn dynamics() -> Vec<Value> {
    let parse = |it: &&str| json::read(it).unwrap_or(Dynamic::Null);
    let mut all: Vec<Dynamic> = JSON.iter().map(parse).collect();
    all.push((0..128).fold(Dynamic::Long(1), |it, _| Dynamic::array(vec![it])));
    all.push((0..2_000).fold(Dynamic::Long(1), |it, _| Dynamic::array(vec![it])));
    all.push(Dynamic::array((0..3_000).map(Dynamic::Long).collect()));
    all.push(Dynamic::array([f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.0].map(Dynamic::Real).to_vec()));
    all.push(Dynamic::array(vec![Dynamic::Datetime(i64::MAX), Dynamic::Timespan(i64::MIN)]));
    all.push(Dynamic::Real(f64::NAN));
    all.push(Dynamic::Timespan(i64::MIN));
    all.into_iter().filter(|it| !it.is_null()).map(Value::Dynamic).collect()
}

/// The edges of a type, its null first.
fn edges(ty: Type) -> Vec<Value> {
    let mut all = vec![Value::null(ty)];
    match ty {
        Type::Bool => all.extend([true, false].map(Value::Bool)),
        Type::Int => all.extend([0, 1, -1, i32::MIN, i32::MAX, 7].map(Value::Int)),
        Type::Long => {
            let near = [0, 1, -1, i64::MIN, i64::MAX, i64::MIN + 1, 2, 30, 64, 5_000_000_000, 1 << 53];
            all.extend(near.map(Value::Long));
        }
        Type::Real => {
            let special = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, f64::MAX, f64::MIN, f64::MIN_POSITIVE];
            all.extend(special.map(Value::Real));
            all.extend([0.0, -0.0, 1.0, -1.0, 0.5, 5e-324, 9.3e18, 1e15, 90.0, -180.0].map(Value::Real));
        }
        Type::Decimal => {
            let texts = ["0", "1", "-1", "1e-28", "99999999999999999999999999999999", "-1e30", "0.5"];
            all.extend(texts.iter().filter_map(|it| Decimal::parse(it)).map(Value::Decimal));
        }
        Type::String => {
            all.extend(TEXTS.map(|it| Value::String(it.into())));
            all.push(Value::String("xy, ".repeat(1_000).into()));
        }
        Type::Datetime => {
            let ticks = [0, 1, kql::time::MAX, kql::time::MAX - 1, kql::time::UNIX_EPOCH, 637_134_336_000_000_000];
            all.extend(ticks.map(Value::Datetime));
        }
        Type::Timespan => {
            let ticks = [0, 1, -1, i64::MAX, i64::MIN, kql::time::DAY, 36 * kql::time::HOUR];
            all.extend(ticks.map(Value::Timespan));
        }
        Type::Guid => all.extend([0, u128::MAX, 1].map(Value::Guid)),
        Type::Dynamic => all.extend(dynamics()),
    }
    all
}

/// What can stand for one parameter: values with their types.
fn candidates(param: &Param, edges: &BTreeMap<&'static str, Vec<Value>>) -> Vec<(Value, Type)> {
    if param.accepts == Accepts::TypeLiteral {
        return Type::ALL.iter().map(|it| (Value::String(it.name().into()), Type::String)).collect();
    }
    let types = accepted(param.accepts);
    let of = |ty: &Type| edges.get(ty.name()).into_iter().flatten().map(|it| (it.clone(), *ty)).collect::<Vec<_>>();
    types.iter().flat_map(of).collect()
}

fn parameters(overload: &Overload) -> Vec<Vec<Param>> {
    let fixed = overload.params.to_vec();
    let Some((param, least, most)) = overload.rest else { return vec![fixed] };
    let mut counts = vec![least, (least + 1).min(most), (least + 2).min(most)];
    counts.dedup();
    counts.into_iter().map(|n| fixed.iter().copied().chain(std::iter::repeat_n(param, n)).collect()).collect()
}

/// A column of one row.
fn column(value: &Value, ty: Type) -> Column {
    let mut out = ColumnBuilder::new(ty, 1);
    out.push(value);
    out.finish()
}

type Answer = Result<Value, Fault>;

fn call(cx: &Context, function: &'static Function, overload: usize, args: &[Column]) -> Result<Answer, String> {
    let work = || {
        let site = CallSite::new(function, overload)?;
        let res = site.evaluate(cx, args, 1)?;
        if res.len() == 1 { Ok(res.value(0)) } else { Err(Fault::new(format!("{} rows", res.len()))) }
    };
    catch_unwind(AssertUnwindSafe(work)).map_err(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        text.or(panic.downcast_ref::<&str>().map(|it| (*it).to_owned())).unwrap_or_default()
    })
}

fn shown(value: &Value) -> String {
    let text = match value {
        Value::Dynamic(it) => it.json(),
        other => format!("{other:?}"),
    };
    if text.len() > 120 { text.chars().take(120).chain(['…']).collect() } else { text }
}

fn told(answer: &Answer) -> String {
    match answer {
        Ok(it) => shown(it),
        Err(why) => format!("error: {}", why.to_string().chars().take(120).collect::<String>()),
    }
}

/// Whether two answers are one, NaN being itself.
fn same(left: &Answer, right: &Answer) -> bool {
    match (left, right) {
        (Ok(left), Ok(right)) => left == right || (left.ty() == right.ty() && shown(left) == shown(right)),
        (Err(_), Err(_)) => true,
        _ => false,
    }
}

/// Calls a function in both shapes; what is wrong, if anything.
fn check(cx: &Context, function: &'static Function, params: &[Param], args: &[(Value, Type)]) -> Option<String> {
    let actual = |((value, ty), param): (&(Value, Type), &Param)| Actual {
        is_type: param.accepts == Accepts::TypeLiteral,
        ..Actual::literal(value.clone(), *ty)
    };
    let actuals: Vec<Actual> = args.iter().zip(params).map(actual).collect();
    // Which arguments are fixed decides which overloads are possible, so an argument that may not vary stays constant.
    let resolved = functions::resolve(function, &actuals).ok()?;
    let converted: Vec<(Value, Type)> = args
        .iter()
        .zip(&resolved.casts)
        .map(|((value, ty), cast)| cast.map_or((value.clone(), *ty), |to| (convert(value, to), to)))
        .collect();
    let constants: Vec<Column> = converted.iter().map(|(value, ty)| Column::constant(value.clone(), *ty, 1)).collect();
    let chosen = &function.overloads[resolved.overload];
    let must_be_constant = |index: usize| {
        let param = chosen.params.get(index).or(chosen.rest.as_ref().map(|it| &it.0));
        param.is_some_and(|it| it.constness != Constness::Any || it.accepts == Accepts::TypeLiteral)
    };
    let columns: Vec<Column> = converted
        .iter()
        .enumerate()
        .map(|(index, (value, ty))| match must_be_constant(index) {
            true => Column::constant(value.clone(), *ty, 1),
            false => column(value, *ty),
        })
        .collect();
    let shown_args =
        || converted.iter().map(|(value, ty)| format!("{ty}:{}", shown(value))).collect::<Vec<_>>().join(", ");
    let start = Watch::start();
    let name = function.name;
    let by_constant = match call(cx, function, resolved.overload, &constants) {
        Ok(it) => it,
        Err(why) => return Some(format!("{name}({}): panic: {why}", shown_args())),
    };
    let by_column = match call(cx, function, resolved.overload, &columns) {
        Ok(it) => it,
        Err(why) => return Some(format!("{name}({}) of columns: panic: {why}", shown_args())),
    };
    if start.took() > Duration::from_secs(3) {
        return Some(format!("{name}({}): took {:?}", shown_args(), start.took()));
    }
    if !function.volatile && !function.window && !same(&by_constant, &by_column) {
        let (constant, column) = (told(&by_constant), told(&by_column));
        return Some(format!("{name}({}): constant {constant}, column {column}", shown_args()));
    }
    None
}

/// Numbers from a seed.
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % n.max(1)
    }
}

fn calls_at_the_edges(function: &'static Function, n_random: usize) -> Vec<String> {
    let cx = Context::new(637_134_336_000_000_000, 1, kql::Stop::default(), Limits::untrusted());
    let edges: BTreeMap<&'static str, Vec<Value>> = Type::ALL.iter().map(|it| (it.name(), edges(*it))).collect();
    let mut random = Random(7);
    let mut wrong = Vec::new();
    for overload in function.overloads {
        if overload.kernel.is_none() {
            continue;
        }
        for params in parameters(overload) {
            let choices: Vec<Vec<(Value, Type)>> = params.iter().map(|it| candidates(it, &edges)).collect();
            if choices.iter().any(Vec::is_empty) {
                continue;
            }
            let n_all = choices.iter().map(Vec::len).fold(1usize, usize::saturating_mul);
            for round in 0..n_all.min(n_random) {
                let mut rest = round;
                let mut pick = |it: &Vec<(Value, Type)>| {
                    if n_all > n_random {
                        return it[random.below(it.len())].clone();
                    }
                    let at = rest % it.len();
                    rest /= it.len();
                    it[at].clone()
                };
                let args: Vec<(Value, Type)> = choices.iter().map(&mut pick).collect();
                wrong.extend(check(&cx, function, &params, &args));
            }
        }
    }
    wrong
}

#[test]
fn every_function_lives_at_the_edges_of_its_types() {
    let n_random = std::env::var("KQL_HOSTILE_CALLS").ok().and_then(|it| it.parse().ok()).unwrap_or(150);
    let shown_times = std::env::var_os("KQL_HOSTILE_TIMES").is_some();
    let work = move || {
        let mut wrong = Vec::new();
        let mut n_functions = 0;
        for function in functions::all_functions() {
            let start = Watch::start();
            let found = calls_at_the_edges(function, n_random);
            // Some of each are enough to see what is wrong.
            wrong.extend(found.into_iter().take(6));
            n_functions += 1;
            if shown_times && start.took() > Duration::from_millis(300) {
                eprintln!("{:9.1?}  {}", start.took(), function.name);
            }
        }
        (wrong, n_functions)
    };
    let thread = std::thread::Builder::new().stack_size(16 << 20).spawn(work).unwrap();
    let (wrong, n_functions) = thread.join().unwrap();
    assert!(wrong.is_empty(), "{} calls are wrong:\n{}", wrong.len(), wrong.join("\n"));
    assert!(n_functions > 400, "{n_functions}");
}

fn cell(expression: &str) -> Result<Value, kql::Error> {
    let mut engine = kql::Engine::new();
    engine.set_timeout(Some(Duration::from_secs(5)));
    engine.query(format!("print v = {expression}").as_str()).map(|it| it.rows()[0][0].clone())
}

#[test]
fn arithmetic_at_the_edges_is_defined() {
    let min = "(-9223372036854775807 - 1)";
    for expression in [
        format!("{min} / -1"),
        format!("{min} % -1"),
        format!("-({min})"),
        format!("{min} - 1"),
        format!("{min} * -1"),
        format!("abs({min})"),
        "9223372036854775807 + 1".to_owned(),
        "1 / 0".to_owned(),
        "1 % 0".to_owned(),
        "int(-2147483648) / int(-1)".to_owned(),
        "datetime(9999-12-31T23:59:59.9999999) + 1tick".to_owned(),
        "datetime(0001-01-01) - 1tick".to_owned(),
        "datetime(9999-12-31T23:59:59.9999999) - datetime(0001-01-01)".to_owned(),
        "datetime(9999-12-31T23:59:59.9999999) + 10000000d".to_owned(),
        "1d * 9223372036854775807".to_owned(),
        "10000000d + 10000000d".to_owned(),
        "1d / 0".to_owned(),
        "1d / 0s".to_owned(),
        "1d % 0s".to_owned(),
        "1d / 1e-300".to_owned(),
        "real(nan) + 1, real(nan) == real(nan), real(nan) < 1, real(inf) - real(inf)".to_owned(),
        "tolong(real(nan)), tolong(real(inf)), tolong(1e300), toint(9223372036854775807)".to_owned(),
        "totimespan(9223372036854775807), todatetime(9223372036854775807), todatetime(-1)".to_owned(),
        "bin(9223372036854775807, -9223372036854775807), bin(-5, 0), bin(datetime(9999-12-31T23:59:59.9999999), 10000000d)".to_owned(),
        "exp(1e300), pow(0, -1), pow(-1, 0.5), sqrt(-1), log(0), log(-1), round(1e308, 400), round(1.5, -400)".to_owned(),
        "binary_shift_left(1, 9223372036854775807), binary_shift_right(-1, -1), binary_shift_left(1, 64)".to_owned(),
        "datetime_add('year', 9223372036854775807, now()), datetime_diff('tick', datetime(9999-12-31T23:59:59.9999999), datetime(0001-01-01))".to_owned(),
        "datetime_add('month', -9223372036854775807, now()), startofyear(datetime(9999-12-31T23:59:59.9999999), 9223372036854775807)".to_owned(),
        "make_datetime(9223372036854775807, 1, 1), make_timespan(9223372036854775807, 1, 1)".to_owned(),
        "unixtime_seconds_todatetime(9223372036854775807), unixtime_nanoseconds_todatetime(real(inf))".to_owned(),
        "1e999999999, 1e-999999999, 1e99999999999999999999, 0x7fffffffffffffffffff".to_owned(),
        "99999999999999999999, decimal(1e400), decimal(1) / decimal(0), decimal(1e-400) * decimal(1e-400)".to_owned(),
        "99999999999999999d, 1e300d, timespan(99999999999999.00:00:00), datetime(99999-01-01)".to_owned(),
        "decimal(1e999999999) + decimal(1), todecimal('1e999999999'), todecimal('1e-999999999') * decimal(3)".to_owned(),
    ] {
        for expression in [expression.clone(), expression.replace("1", "toscalar(print 1)")] {
            if let Err(why @ (kql::Error::Bug(_) | kql::Error::Stopped(_))) = cell(&expression) {
                panic!("{expression}: {why:?}");
            }
        }
    }
    assert_eq!(cell("1 / 0").unwrap(), Value::Null);
    assert_eq!(cell("1 % 0").unwrap(), Value::Null);
    assert_eq!(cell("datetime(9999-12-31T23:59:59.9999999) + 1tick").unwrap(), Value::Null);
    assert_eq!(cell("real(nan) == real(nan)").unwrap(), Value::Bool(false));
}
