//! Operators as the binder calls them: resolved by type, operands converted, over constants and over columns.

use crate::{Actual, CallSite, resolve, scalar::conversion::convert_column};
use kql_data::{
    Column, ColumnBuilder, Context, DictionaryBuilder, DictionaryColumn, Dynamic, Fault, Node, Shredded, Tag, Type,
    Value, json, time,
};
use std::sync::Arc;

fn column(ty: Type, values: &[Value]) -> Column {
    let mut out = ColumnBuilder::new(ty, values.len());
    for it in values {
        out.push(it);
    }
    out.finish()
}

fn run(name: &str, args: &[Column]) -> Result<Column, Fault> {
    let function = crate::function(name).unwrap_or_else(|| panic!("no {name}"));
    let actual = |it: &Column| match it {
        Column::Constant { value, ty, .. } => Actual::literal(value.clone(), *ty),
        it => Actual::varying(it.ty()),
    };
    let actuals: Vec<Actual> = args.iter().map(actual).collect();
    let resolved = resolve(function, &actuals)?;
    let casts = resolved.casts.iter();
    let args: Vec<Column> =
        args.iter().zip(casts).map(|(it, ty)| ty.map_or(it.clone(), |ty| convert_column(it, ty))).collect();
    let n_rows = args.first().map_or(1, Column::len);
    let out = CallSite::new(function, resolved.overload)?.evaluate(&Context::default(), &args, n_rows)?;
    assert_eq!(out.ty(), resolved.ty, "{name} announces its type");
    assert_eq!(out.len(), n_rows);
    Ok(out)
}

/// The same call over constants, over columns, and with each side constant: all must agree.
fn call(name: &str, args: &[(Value, Type)]) -> Value {
    let mut answers = Vec::new();
    for constant in 0..1 << args.len() {
        let arg = |(index, (value, ty)): (usize, &(Value, Type))| {
            if constant >> index & 1 == 1 {
                Column::constant(value.clone(), *ty, 3)
            } else {
                column(*ty, &[Value::Null, value.clone(), Value::Null]).slice(1, 1).take(&[0, 0, 0])
            }
        };
        let args: Vec<Column> = args.iter().enumerate().map(arg).collect();
        let out = run(name, &args).unwrap_or_else(|why| panic!("{name}: {why}"));
        answers.extend((0..3).map(|row| out.value(row)));
    }
    let first = answers.first().cloned().unwrap_or(Value::Null);
    assert!(answers.iter().all(|it| same(it, &first)), "{name}: {answers:?}");
    first
}

fn same(a: &Value, b: &Value) -> bool {
    a == b || matches!((a, b), (Value::Real(a), Value::Real(b)) if a.is_nan() && b.is_nan())
}

fn long(it: i64) -> (Value, Type) {
    (Value::Long(it), Type::Long)
}

fn real(it: f64) -> (Value, Type) {
    (Value::Real(it), Type::Real)
}

fn text(it: &str) -> (Value, Type) {
    (Value::String(it.into()), Type::String)
}

fn dynamic(it: &str) -> (Value, Type) {
    (
        json::read(it).map_or(Value::Null, |it| if it.is_null() { Value::Null } else { Value::Dynamic(it) }),
        Type::Dynamic,
    )
}

fn null(ty: Type) -> (Value, Type) {
    (Value::null(ty), ty)
}

fn truth(it: bool) -> Value {
    Value::Bool(it)
}

#[test]
fn equality_with_nulls() {
    for ty in [Type::Int, Type::Long, Type::Real, Type::Datetime, Type::Timespan, Type::Bool, Type::Decimal, Type::Guid]
    {
        let one = crate::scalar::conversion::convert(&Value::Long(1), ty);
        let value = if one.is_null() { (Value::Guid(1), Type::Guid) } else { (one, ty) };
        assert_eq!(call("==", &[value.clone(), null(ty)]), truth(false), "{ty}");
        assert_eq!(call("!=", &[null(ty), value.clone()]), truth(true), "{ty}");
        assert_eq!(call("==", &[null(ty), null(ty)]), Value::Null, "{ty}");
        assert_eq!(call("!=", &[null(ty), null(ty)]), Value::Null, "{ty}");
        assert_eq!(call("==", &[value.clone(), value.clone()]), truth(true), "{ty}");
        assert_eq!(call("!=", &[value.clone(), value.clone()]), truth(false), "{ty}");
        if ty != Type::Guid {
            assert_eq!(call("<", &[value.clone(), null(ty)]), Value::Null, "{ty}");
            assert_eq!(call(">=", &[value.clone(), value]), truth(true), "{ty}");
        }
    }
}

#[test]
fn comparisons_of_mixed_types() {
    assert_eq!(call("==", &[long(1), real(1.0)]), truth(true));
    assert_eq!(call("<", &[(Value::Int(1), Type::Int), long(2)]), truth(true));
    assert_eq!(call("==", &[real(f64::NAN), real(f64::NAN)]), truth(false));
    assert_eq!(call("!=", &[real(f64::NAN), real(1.0)]), truth(true));
    assert_eq!(call("==", &[(truth(true), Type::Bool), long(1)]), truth(true));
    assert_eq!(call("==", &[dynamic("\"x\""), long(1)]), truth(false));
    assert_eq!(call("==", &[dynamic("\"x\""), (truth(true), Type::Bool)]), truth(false));
    assert_eq!(call("==", &[dynamic("1.0"), long(1)]), truth(true));
    assert_eq!(call("<", &[dynamic("1"), long(2)]), truth(true));
    assert_eq!(call("==", &[dynamic("\"x\""), text("x")]), truth(true));
    assert_eq!(call("!=", &[dynamic("null"), text("")]), truth(false));
    assert_eq!(call("==", &[null(Type::Dynamic), long(1)]), truth(false));
    let code = |name, a: (Value, Type), b: (Value, Type)| match run(
        name,
        &[Column::constant(a.0, a.1, 1), Column::constant(b.0, b.1, 1)],
    ) {
        Err(Fault::Error { code, .. }) => code,
        other => panic!("{other:?}"),
    };
    assert_eq!(code("==", dynamic("1"), dynamic("1")), "SEM0001");
    assert_eq!(code("<", dynamic("\"x\""), text("y")), "SEM0064");
    assert_eq!(code("contains", long(1), text("1")), "SEM0709");
    assert_eq!(code("has", text("k"), dynamic("\"k\"")), "SEM0001");
}

#[test]
fn arithmetic() {
    let int = |it| (Value::Int(it), Type::Int);
    let span = |it| (Value::Timespan(it), Type::Timespan);
    let date = |it| (Value::Datetime(it), Type::Datetime);
    assert_eq!(call("+", &[int(i32::MAX), int(1)]), Value::Long(2_147_483_648));
    assert_eq!(call("+", &[long(i64::MAX), long(1)]), Value::Long(i64::MIN));
    for (a, b, quotient) in [(7, 2, 3), (-7, 2, -3), (7, -2, -3), (-1, 2, 0), (i64::MIN, -1, i64::MIN)] {
        assert_eq!(call("/", &[long(a), long(b)]), Value::Long(quotient));
    }
    for (a, b, rest) in [(-10, 4, 2), (10, -4, 2), (-10, -4, 2), (-14, 12, 10), (i64::MIN, -1, 0)] {
        assert_eq!(call("%", &[long(a), long(b)]), Value::Long(rest));
    }
    assert_eq!(call("/", &[long(1), long(0)]), Value::Null);
    assert_eq!(call("/", &[real(-1.0), long(0)]), Value::Real(f64::NEG_INFINITY));
    assert!(same(&call("/", &[real(0.0), long(0)]), &Value::Real(f64::NAN)));
    assert_eq!(call("/", &[span(time::DAY), span(5 * time::HOUR)]), Value::Real(4.8));
    assert_eq!(call("*", &[real(1.5), span(time::HOUR)]), Value::Timespan(90 * time::MINUTE));
    assert_eq!(call("*", &[long(2), span(time::HOUR)]), Value::Timespan(2 * time::HOUR));
    assert_eq!(call("-", &[date(time::DAY), date(0)]), Value::Timespan(time::DAY));
    assert_eq!(call("-", &[date(0), span(1)]), Value::Null);
    assert_eq!(call("+", &[span(time::DAY), date(0)]), Value::Datetime(time::DAY));
    assert_eq!(call("+", &[dynamic("1"), long(1)]), Value::Long(2));
    assert_eq!(call("+", &[long(1), null(Type::Long)]), Value::Null);
    assert_eq!(call("negate", &[int(5)]), Value::Int(-5));
    assert_eq!(call("negate", &[long(i64::MIN)]), Value::Long(i64::MIN));
    let decimal = |it: &str| (Value::Decimal(kql_data::Decimal::parse(it).unwrap()), Type::Decimal);
    assert_eq!(call("*", &[decimal("1.5"), long(2)]), decimal("3.0").0);
    assert_eq!(call("%", &[decimal("-10"), decimal("4")]), decimal("2").0);
}

#[test]
fn three_valued_logic() {
    let bool = |it: Option<bool>| (it.map_or(Value::Null, Value::Bool), Type::Bool);
    let (t, f, n) = (Some(true), Some(false), None);
    for (a, b, and, or) in [(t, t, t, t), (t, f, f, t), (f, f, f, f), (t, n, n, t), (f, n, f, n), (n, n, n, n)] {
        assert_eq!(call("and", &[bool(a), bool(b)]), bool(and).0, "{a:?} and {b:?}");
        assert_eq!(call("or", &[bool(b), bool(a)]), bool(or).0, "{b:?} or {a:?}");
    }
    assert_eq!(call("and", &[bool(t), bool(t), bool(f)]), truth(false));
    assert_eq!(call("not", &[bool(n)]), Value::Null);
    assert_eq!(call("not", &[long(1)]), truth(false));
}

#[test]
fn membership() {
    let list = dynamic(r#"["1", 2.0, "x", null]"#);
    for (value, wanted) in [
        (long(1), true),
        (long(2), true),
        (long(3), false),
        (text("x"), true),
        (text("X"), false),
        (null(Type::Long), false),
        (text(""), false),
        (dynamic("\"x\""), true),
        (dynamic("1"), true),
        (real(2.0), true),
    ] {
        assert_eq!(call("in", &[value.clone(), list.clone()]), truth(wanted), "{value:?}");
        assert_eq!(call("!in", &[value, list.clone()]), truth(!wanted));
    }
    assert_eq!(call("in~", &[text("X"), list.clone()]), truth(true));
    assert_eq!(call("in~", &[dynamic("\"X\""), list]), truth(true));
    let dates = dynamic(r#"["2020-01-01"]"#);
    let date = crate::scalar::datetime::text::parse_datetime("2020-01-01").unwrap();
    assert_eq!(call("in", &[(Value::Datetime(date), Type::Datetime), dates]), truth(true));
    let many = Dynamic::array((0..100).map(|it| Dynamic::string(format!("term{it}"))).collect());
    let many = (Value::Dynamic(many), Type::Dynamic);
    assert_eq!(call("in", &[text("term77"), many.clone()]), truth(true));
    assert_eq!(call("has_any", &[text("a TERM99, b"), many.clone()]), truth(true));
    assert_eq!(call("has_any", &[text("a term100 b"), many]), truth(false));
    assert_eq!(call("has_any", &[text("a"), dynamic("[null]")]), truth(true));
    assert_eq!(call("has_all", &[text("a b"), dynamic(r#"["B", null, "a"]"#)]), truth(true));
    assert_eq!(call("has_all", &[text("a"), dynamic("[]")]), truth(true));
    assert_eq!(call("has_any", &[text("a"), dynamic("[]")]), truth(false));
    assert_eq!(call("has_any", &[text("port 443"), dynamic("[443]")]), truth(true));
}

#[test]
fn lists_are_remembered_by_content_not_by_address() {
    let cx = Context::default();
    let function = crate::function("in").unwrap();
    let site = CallSite::new(function, 0).unwrap();
    let values = column(Type::Long, &[Value::Long(1), Value::Long(2)]);
    for round in 0..100_i64 {
        let list = Value::Dynamic(Dynamic::array(vec![Dynamic::Long(1 + round % 2)]));
        let list = Column::constant(list, Type::Dynamic, 2);
        let out = site.evaluate(&cx, &[values.clone(), list], 2).unwrap();
        assert_eq!(out.value(0), truth(round % 2 == 0), "round {round}");
    }
}

#[test]
fn ranges() {
    assert_eq!(call("between", &[long(5), long(1), long(5)]), truth(true));
    assert_eq!(call("between", &[long(5), long(6), long(1)]), truth(false));
    assert_eq!(call("!between", &[long(5), long(1), long(4)]), truth(true));
    assert_eq!(call("between", &[long(5), null(Type::Long), long(10)]), Value::Null);
    assert_eq!(call("between", &[real(2.5), long(1), long(3)]), truth(true));
    assert_eq!(call("between", &[dynamic("3"), long(1), long(3)]), truth(true));
}

#[test]
fn paths() {
    let bag = dynamic(r#"{"a":{"b":1},"c":[1,2,3]}"#);
    let inner = call(".", &[bag.clone(), text("a")]);
    assert_eq!(call(".", &[(inner, Type::Dynamic), text("b")]), Value::Dynamic(Dynamic::Long(1)));
    assert_eq!(call(".", &[bag.clone(), text("x")]), Value::Null);
    let array = (call("[]", &[bag, text("c")]), Type::Dynamic);
    assert_eq!(call("[]", &[array.clone(), long(-1)]), Value::Dynamic(Dynamic::Long(3)));
    assert_eq!(call("[]", &[array.clone(), long(3)]), Value::Null);
    assert_eq!(call("[]", &[array.clone(), long(i64::MIN)]), Value::Null);
    assert_eq!(call("[]", &[array, dynamic("0")]), Value::Dynamic(Dynamic::Long(1)));
}

#[test]
fn shredded_paths_and_dictionaries() {
    let mut builder = DictionaryBuilder::default();
    let codes: Vec<u32> = ["Ann", "", "bob", "ann"].iter().map(|it| builder.code(it)).collect();
    let names = DictionaryColumn { codes: codes.into(), dictionary: Arc::new(builder.finish()) };
    let tag = |it: &[Tag]| it.iter().map(|it| *it as u8).collect::<Vec<u8>>().into();
    let child = Node {
        tags: tag(&[Tag::String, Tag::Missing, Tag::String, Tag::String]),
        strings: Some(kql_data::Texts::Dictionary(names.clone())),
        ..Node::default()
    };
    let mut root = Node { tags: tag(&[Tag::Bag; 4]), ..Node::default() };
    _ = root.children.insert("user".into(), child.into());
    let tree = Column::Shredded(Shredded::new(Arc::new(root)));
    let users = run(".", &[tree.clone(), Column::constant(text("user").0, Type::String, 4)]).unwrap();
    assert!(matches!(users, Column::Shredded(_)));
    let answers = |out: Column| (0..4).map(|row| out.value(row) == truth(true)).collect::<Vec<_>>();
    let constant = |it: &str| Column::constant(text(it).0, Type::String, 4);
    assert_eq!(answers(run("=~", &[users.clone(), constant("ANN")]).unwrap()), [true, false, false, true]);
    assert_eq!(
        answers(run("has", &[Column::Dictionary(names), constant("bob")]).unwrap()),
        [false, false, true, false]
    );
    assert_eq!(answers(run("isempty", std::slice::from_ref(&users)).unwrap()), [false, true, false, false]);
    let list = Column::constant(dynamic(r#"["ann","bob"]"#).0, Type::Dynamic, 4);
    assert_eq!(answers(run("in", &[users, list]).unwrap()), [false, false, true, true]);
    assert_eq!(run(".", &[tree, constant("nobody")]).unwrap().value(0), Value::Null);
}

#[test]
fn choices() {
    let bool = |it| (truth(it), Type::Bool);
    assert_eq!(call("iff", &[bool(true), text("a"), text("b")]), text("a").0);
    assert_eq!(call("iff", &[null(Type::Bool), long(1), long(2)]), Value::Long(2));
    assert_eq!(call("case", &[bool(false), long(1), bool(true), (Value::Int(2), Type::Int), long(3)]), Value::Long(2));
    assert_eq!(call("coalesce", &[text(""), text(" ")]), text(" ").0);
    assert_eq!(call("coalesce", &[null(Type::Long), long(0), long(5)]), Value::Long(0));
    assert_eq!(call("max_of", &[null(Type::Int), (Value::Int(3), Type::Int)]), Value::Int(3));
    assert_eq!(call("min_of", &[long(3), real(2.5)]), Value::Real(2.5));
    let mixed = [
        Column::constant(truth(true), Type::Bool, 1),
        column(Type::Long, &[Value::Long(1)]),
        column(Type::Real, &[Value::Real(1.5)]),
    ];
    assert!(matches!(run("iff", &mixed), Err(Fault::Error { code: "SEM0525", .. })));
}
