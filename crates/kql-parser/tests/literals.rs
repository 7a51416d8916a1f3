//! Values of literals, and what is rejected.
#![allow(missing_docs, clippy::expect_used, clippy::panic, reason = "a test may fail anywhere")]
#![allow(clippy::indexing_slicing, reason = "a test may fail anywhere")]

mod support;

use kql_parser::syntax::{Assignment, DynamicLiteral as D, ExprKind, Literal, Operator};
use support::{accept, pipeline, reject};

fn literal(text: &str) -> Literal {
    let query = accept(&format!("print {text}"));
    let Operator::Print(print) = &pipeline(&query).stages[0].operator else { panic!() };
    let Assignment { value, .. } = print.columns[0];
    match query.kind(value) {
        ExprKind::Literal(it) => it.clone(),
        other => panic!("{text}: {other:?}"),
    }
}

fn string(text: &str) -> String {
    match literal(text) {
        Literal::String(it) => it,
        other => panic!("{text}: {other:?}"),
    }
}

fn ticks(text: &str) -> i64 {
    match literal(text) {
        Literal::Timespan(Some(it)) | Literal::Datetime(Some(it)) => it,
        other => panic!("{text}: {other:?}"),
    }
}

fn dynamic(text: &str) -> D {
    match literal(&format!("dynamic({text})")) {
        Literal::Dynamic(it) => *it,
        other => panic!("{text}: {other:?}"),
    }
}

#[test]
fn strings() {
    for (text, value) in [
        (r#""a""#, "a"),
        (r"'a'", "a"),
        (r#""a\"b""#, "a\"b"),
        (r#"'a"b'"#, "a\"b"),
        (r#""a\tb\\c\nd""#, "a\tb\\c\nd"),
        (r#""\x41\u0042\103""#, "ABC"),
        (r#""\ud83d\ude00""#, "😀"),
        (r#""\ud83d""#, "\u{fffd}"),
        (r#"@"a\b""#, r"a\b"),
        (r#"@"say ""x"" now""#, r#"say "x" now"#),
        ("@'it''s'", "it's"),
        ("'it''s'", "its"),
        ("'a' \"b\" @\"c\"", "abc"),
        ("'a' // note\n 'b'", "ab"),
        ("```two\nlines \\n```", "two\nlines \\n"),
        ("~~~x~y~~~", "x~y"),
        ("h'secret'", "secret"),
        ("H@\"se\\cret\"", "se\\cret"),
        ("h```x```", "x"),
        ("''", ""),
        ("@''", ""),
        ("'žluť'", "žluť"),
    ] {
        assert_eq!(string(text), value, "{text}");
    }
    for text in ["'a\nb'", "@'a\nb'", "\"abc", "'a\\'", "\"\\q\"", "\"\\x4\"", "\"\\u12\"", "```abc", "'\\8'"] {
        reject(&format!("print {text}"));
    }
}

#[test]
fn numbers() {
    for (text, value) in [
        ("0", 0),
        ("007", 7),
        ("0xFF", 255),
        ("0xffffffff", 4_294_967_295),
        ("0x8000000000000000", i64::MIN),
        ("long(-5)", -5),
        ("long(0xFFFFFFFFFFFFFFFF)", -1),
        ("long( 12 )", 12),
        ("9223372036854775807", i64::MAX),
        ("-9223372036854775808", i64::MIN),
    ] {
        assert_eq!(literal(text), Literal::Long(Some(value)), "{text}");
    }
    for (text, value) in
        [("1.5", 1.5), ("1.", 1.0), ("1e3", 1000.0), ("2.5E-1", 0.25), ("real(-1.5)", -1.5), ("double(3)", 3.0)]
    {
        assert_eq!(literal(text), Literal::Real(Some(value)), "{text}");
    }
    assert!(matches!(literal("real(nan)"), Literal::Real(Some(it)) if it.is_nan()));
    assert_eq!(literal("real(-inf)"), Literal::Real(Some(f64::NEG_INFINITY)));
    assert_eq!(literal("int(010)"), Literal::Int(Some(10)));
    assert_eq!(literal("int(0xFFFFFFFF)"), Literal::Int(Some(-1)));
    assert_eq!(literal("decimal(1.50)"), Literal::Decimal(Some("1.50".into())));
    assert_eq!(literal("bool(true)"), Literal::Bool(Some(true)));
    assert_eq!(literal("bool(0)"), Literal::Bool(Some(false)));
    assert_eq!(literal("true"), Literal::Bool(Some(true)));
    for text in [
        "int(2147483648)",
        "int(-2147483649)",
        "long(9223372036854775808)",
        "9223372036854775808",
        "int(1.0)",
        "int(-0x10)",
        "int(+0x10)",
        "0x1FFFFFFFFFFFFFFFF",
        "int(1_0)",
        "long(٣)",
        "int(x)",
        "guid(12)",
        "bool(maybe)",
        "decimal(x)",
    ] {
        let diagnostics = reject(&format!("print {text}"));
        assert_eq!(diagnostics[0].code, "SYN0002", "{text}");
    }
}

#[test]
fn typed_nulls() {
    for (text, value) in [
        ("bool(null)", Literal::Bool(None)),
        ("int(null)", Literal::Int(None)),
        ("long(null)", Literal::Long(None)),
        ("real( null )", Literal::Real(None)),
        ("decimal(null)", Literal::Decimal(None)),
        ("datetime(null)", Literal::Datetime(None)),
        ("timespan(null)", Literal::Timespan(None)),
        ("guid(null)", Literal::Guid(None)),
        ("datetime()", Literal::Now),
    ] {
        assert_eq!(literal(text), value, "{text}");
    }
    assert_eq!(dynamic("null"), D::Null);
}

#[test]
fn timespans() {
    let hour = 36_000_000_000;
    for (text, value) in [
        ("1d", 24 * hour),
        ("1.5h", hour * 3 / 2),
        ("90m", hour * 3 / 2),
        ("1tick", 1),
        ("10ticks", 10),
        ("1milli", 10_000),
        ("150nanoseconds", 1),
        ("199nanoseconds", 1),
        ("250nanoseconds", 2),
        ("2days", 48 * hour),
        ("30sec", 300_000_000),
        ("5ms", 50_000),
        ("7microseconds", 70),
        ("time(2)", 48 * hour),
        ("timespan(10:00)", 10 * hour),
        ("time(1.02:03:04.5)", 26 * hour + 3 * 600_000_000 + 45_000_000),
        ("time(-1.00:00:00)", -24 * hour),
        ("time(00:00:00.00000049)", 4),
        ("time(1d)", 24 * hour),
        ("time('02:00:00')", 2 * hour),
    ] {
        assert_eq!(ticks(text), value, "{text}");
    }
    for text in ["time(1.5)", "time(abc)", "timespan(l)", "99999999999d", "time(00:60)"] {
        reject(&format!("print {text}"));
    }
}

#[test]
fn datetimes() {
    let day = 864_000_000_000i64;
    let new_year_2024 = 638_396_640_000_000_000;
    for (text, value) in [
        ("datetime(2024-01-01)", new_year_2024),
        ("datetime(2024)", new_year_2024),
        ("datetime(20240101)", new_year_2024),
        ("datetime(2024, 1, 2)", new_year_2024 + day),
        ("datetime(2024, 1)", new_year_2024),
        ("datetime(2024/01/02)", new_year_2024 + day),
        ("datetime(2024-01)", new_year_2024),
        ("datetime(01/02/2024)", new_year_2024 + day),
        ("datetime(01.02.2024)", new_year_2024 + day),
        ("datetime('2024-01-01')", new_year_2024),
        ("datetime(2024-01-01T01:00Z)", new_year_2024 + day / 24),
        ("datetime(2024-01-01 00:00:01.5)", new_year_2024 + 15_000_000),
        ("datetime(2024-01-01T00:00:00.1234567Z)", new_year_2024 + 1_234_567),
        ("datetime(2024-01-01T02:00:00+02:00)", new_year_2024),
        ("datetime(1 Jan 2024)", new_year_2024),
        ("datetime('Jan 2, 2024')", new_year_2024 + day),
        ("datetime('Mon, 01 Jan 2024 00:00:00 GMT')", new_year_2024),
        ("datetime(1/2/2024 12:00:00 AM)", new_year_2024 + day),
        ("datetime(1)", 621_355_968_010_000_000),
        ("datetime(0001-01-01)", 0),
        ("datetime(9999-12-31 23:59:59.9999999)", 3_155_378_975_999_999_999),
        ("date(2024-02-29)", new_year_2024 + 59 * day),
    ] {
        assert_eq!(ticks(text), value, "{text}");
    }
    for text in [
        "datetime(2024, 1, 2, 3)",
        "datetime(2023-02-29)",
        "datetime(x)",
        "datetime(2024-13-01)",
        "datetime(13-01-2022)",
    ] {
        assert_eq!(reject(&format!("print {text}"))[0].code, "SYN0002", "{text}");
    }
}

#[test]
fn guids() {
    let value = Literal::Guid(Some(0x74be_27de_1e4e_49d9_b579_fe0b_331d_3642));
    assert_eq!(literal("guid(74be27de-1e4e-49d9-b579-fe0b331d3642)"), value);
    assert_eq!(literal("guid(74BE27DE1E4E49D9B579FE0B331D3642)"), value);
}

#[test]
fn dynamics() {
    assert_eq!(dynamic("1"), D::Long(1));
    assert_eq!(dynamic("-3"), D::Long(-3));
    assert_eq!(dynamic("0x10"), D::Long(16));
    assert_eq!(dynamic("1.5"), D::Real(1.5));
    assert_eq!(dynamic("-1.5e2"), D::Real(-150.0));
    assert_eq!(dynamic("18446744073709551616"), D::Number("18446744073709551616".into()));
    assert_eq!(dynamic("'x'"), D::String("x".into()));
    assert_eq!(dynamic("true"), D::Bool(true));
    assert_eq!(dynamic("[]"), D::Array(vec![]));
    assert_eq!(dynamic("{}"), D::Bag(vec![]));
    assert_eq!(dynamic("1d"), D::Timespan(864_000_000_000));
    assert_eq!(dynamic("long(5)"), D::Long(5));
    assert_eq!(dynamic("long(null)"), D::Null);
    assert_eq!(dynamic("datetime(0001-01-02)"), D::Datetime(864_000_000_000));
    assert_eq!(
        dynamic("{\"a\": [1, {'b': null}], 'a': dynamic('x'), k: 2}"),
        D::Bag(vec![
            ("a".into(), D::Array(vec![D::Long(1), D::Bag(vec![("b".into(), D::Null)])])),
            ("a".into(), D::String("x".into())),
            ("k".into(), D::Long(2)),
        ])
    );
    for text in
        ["[1,]", "{\"a\":1,}", "[1 2]", "{\"a\" 1}", "[bool(true)]", "datetime(null)", "[x]", "[", "{'a':}", "[1}"]
    {
        reject(&format!("print dynamic({text})"));
    }
}
