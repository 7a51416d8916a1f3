//! Writers.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail anywhere")]

use kql_data::{Batch, Column, ColumnBuilder, Decimal, Dynamic, Schema, Type, Value, json};
use kql_formats::{Format, LoadOptions, WriteOptions, load_bytes, paint, write, write_cell};

fn values() -> [(Type, Value, &'static str); 24] {
    let dynamic = |it: &str| Value::Dynamic(json::read(it).unwrap());
    [
        (Type::Bool, Value::Bool(true), "true"),
        (Type::Bool, Value::Null, "null"),
        (Type::Int, Value::Int(-5), "-5"),
        (Type::Long, Value::Long(i64::MIN), "-9223372036854775808"),
        (Type::Real, Value::Real(1.5), "1.5"),
        (Type::Real, Value::Real(6.0), "6.0"),
        (Type::Real, Value::Real(1e300), "1e+300"),
        (Type::Real, Value::Real(f64::NAN), "\"NaN\""),
        (Type::Real, Value::Real(f64::INFINITY), "\"Infinity\""),
        (Type::Real, Value::Real(f64::NEG_INFINITY), "\"-Infinity\""),
        (Type::Decimal, Value::Decimal(Decimal::parse("1.10").unwrap()), "\"1.10\""),
        (Type::String, Value::String("a\"\n\u{1b}é".into()), "\"a\\\"\\n\\u001bé\""),
        (Type::String, Value::String("".into()), "\"\""),
        (Type::Datetime, Value::Datetime(638_422_920_000_000_000), "\"2024-01-31T10:00:00Z\""),
        (Type::Datetime, Value::Datetime(638_422_920_001_230_000), "\"2024-01-31T10:00:00.123Z\""),
        (Type::Timespan, Value::Timespan(937_840_500_000), "\"1.02:03:04.0500000\""),
        (Type::Timespan, Value::Timespan(-10_000_000), "\"-00:00:01\""),
        (Type::Guid, Value::Guid(0x74be27de1e4e49d9b579fe0b331d3642), "\"74be27de-1e4e-49d9-b579-fe0b331d3642\""),
        (Type::Guid, Value::Null, "null"),
        (Type::Dynamic, dynamic("{\"b\":[1,2.5,null],\"a\":\"x\"}"), "{\"b\":[1,2.5,null],\"a\":\"x\"}"),
        (Type::Dynamic, dynamic("\"x\""), "\"x\""),
        (Type::Dynamic, Value::Dynamic(Dynamic::Datetime(0)), "\"0001-01-01T00:00:00.0000000Z\""),
        (Type::Dynamic, Value::Null, "null"),
        (Type::Timespan, Value::Null, "null"),
    ]
}

#[test]
fn cells_on_the_wire() {
    for (ty, value, expected) in values() {
        let mut out = String::new();
        write_cell(&value, ty, &mut out);
        assert_eq!(out, expected);
        assert!(serde_json::from_str::<serde_json::Value>(&out).is_ok(), "{out}");
    }
}

fn text(format: Format, schema: &Schema, batches: &[Batch], options: &WriteOptions) -> String {
    let mut out = Vec::new();
    write(format, schema, batches, options, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn sample() -> (Schema, Vec<Batch>) {
    let schema = Schema::of(&[("n", Type::Long), ("my name", Type::String), ("d", Type::Dynamic)]);
    let mut n = ColumnBuilder::new(Type::Long, 2);
    n.push(&Value::Long(1));
    n.push_null();
    let names = Column::strings(["a|b", "x, \"y\"\nz"]);
    let d = Column::dynamics(vec![json::read("{\"k\":1}"), None]);
    (schema, vec![Batch::new(vec![n.finish(), names, d], 2)])
}

#[test]
fn every_format() {
    let (schema, batches) = sample();
    for (format, expected) in [
        (
            Format::Table,
            "┌───┬───────────┬─────────┐\n\
             │ n │ my name   │ d       │\n\
             ├───┼───────────┼─────────┤\n\
             │ 1 │ a|b       │ {\"k\":1} │\n\
             │   │ x, \"y\"\\nz │         │\n\
             └───┴───────────┴─────────┘\n2 rows\n",
        ),
        (
            Format::Json,
            "[{\"n\":1,\"my name\":\"a|b\",\"d\":{\"k\":1}},\n {\"n\":null,\"my name\":\"x, \\\"y\\\"\\nz\",\"d\":null}]\n",
        ),
        (
            Format::Ndjson,
            "{\"n\":1,\"my name\":\"a|b\",\"d\":{\"k\":1}}\n{\"n\":null,\"my name\":\"x, \\\"y\\\"\\nz\",\"d\":null}\n",
        ),
        (Format::Csv, "n,my name,d\n1,a|b,\"{\"\"k\"\":1}\"\n,\"x, \"\"y\"\"\nz\",\n"),
        (Format::Tsv, "n\tmy name\td\n1\ta|b\t\"{\"\"k\"\":1}\"\n\t\"x, \"\"y\"\"\nz\"\t\n"),
        (Format::Markdown, "| n | my name | d |\n|---:|---|---|\n| 1 | a\\|b | {\"k\":1} |\n|  | x, \"y\"<br>z |  |\n"),
        (
            Format::Kql,
            "datatable(n:long, [\"my name\"]:string, d:dynamic)[\n    long(1), \"a|b\", dynamic({\"k\":1}),\n    \
             long(null), \"x, \\\"y\\\"\\nz\", dynamic(null)\n]\n",
        ),
        (
            Format::Line,
            "      n = 1\nmy name = a|b\n      d = {\"k\":1}\n\n      n = \nmy name = x, \"y\"\n          z\n      d = \n",
        ),
    ] {
        assert_eq!(text(format, &schema, &batches, &WriteOptions::default()), expected, "{}", format.name());
    }
    let plain = WriteOptions { lines: false, null: "∅".to_owned(), ..WriteOptions::default() };
    assert_eq!(
        text(Format::Table, &schema, &batches, &plain),
        "n  my name    d\n-  ---------  -------\n1  a|b        {\"k\":1}\n∅  x, \"y\"\\nz  ∅\n2 rows\n"
    );
}

#[test]
fn long_tables_lose_their_middle() {
    let schema = Schema::of(&[("n", Type::Long), ("s", Type::String)]);
    let batches: Vec<_> = (0..5)
        .map(|it| {
            Batch::new(
                vec![Column::longs(vec![it * 2, it * 2 + 1]), Column::strings(["žluťoučký", "日本語テキスト"])],
                2,
            )
        })
        .collect();
    let options = WriteOptions { rows_max: 3, cell_width: 6, lines: false, ..WriteOptions::default() };
    assert_eq!(
        text(Format::Table, &schema, &batches, &options),
        "n  s\n-  ------\n0  žluťo…\n1  日本…\n·  ·\n9  日本…\n10 rows (3 shown)\n"
    );
}

#[test]
fn nothing_to_write() {
    let (schema, _) = sample();
    for (format, expected) in
        [(Format::Json, "[]\n"), (Format::Ndjson, ""), (Format::Csv, "n,my name,d\n"), (Format::Line, "")]
    {
        assert_eq!(text(format, &schema, &[], &WriteOptions::default()), expected);
    }
    assert!(text(Format::Kql, &schema, &[], &WriteOptions::default()).ends_with("d:dynamic)[]\n"));
    assert!(text(Format::Table, &schema, &[], &WriteOptions::default()).ends_with("0 rows\n"));
}

#[test]
fn a_terminal_is_safe_from_data() {
    let bad: String =
        (0..=0x9f_u32).chain([0x61c, 0x200e, 0x202e, 0x2066, 0x2069, 0xfeff]).filter_map(char::from_u32).collect();
    let schema = Schema::of(&[("a\u{1b}]0;x\u{7}", Type::String), ("d", Type::Dynamic)]);
    let column = Column::strings([&bad]);
    let batches = [Batch::new(vec![column, Column::dynamics(vec![Some(Dynamic::string(bad.as_str()))])], 1)];
    for format in Format::ALL {
        let options = WriteOptions { terminal: true, ..WriteOptions::default() };
        if format == Format::Parquet {
            // Its bytes are no text: none of them goes there.
            let mut out = Vec::new();
            assert!(kql_formats::write(format, &schema, &batches, &options, &mut out).is_err() && out.is_empty());
            continue;
        }
        let shown = text(format, &schema, &batches, &options);
        let harmful = |c: &char| {
            (c.is_control() && *c != '\n' && *c != '\t')
                || matches!(c, '\u{61c}' | '\u{200e}' | '\u{202e}' | '\u{2066}' | '\u{2069}' | '\u{feff}')
        };
        assert_eq!(shown.chars().find(harmful), None, "{}", format.name());
        if matches!(format, Format::Json | Format::Ndjson) {
            let row = shown.trim().trim_start_matches('[').trim_end_matches(']');
            let row: serde_json::Value = serde_json::from_str(row).unwrap();
            assert_eq!(row["d"].as_str(), Some(bad.as_str()));
        }
    }
    assert_eq!(paint("a\u{1b}[2J\n\u{9b}\u{202e}"), "a\\x1b[2J\\n\\x9b\\u{202e}");
    // A pipe gets the bytes as they are.
    assert!(text(Format::Csv, &schema, &batches, &WriteOptions::default()).contains('\u{1b}'));
}

#[test]
fn formulas_are_defused_on_demand() {
    let schema = Schema::of(&[("n", Type::Long), ("s", Type::String)]);
    let batches = [Batch::new(vec![Column::longs(vec![-1, 2]), Column::strings(["=1+1", "x"])], 2)];
    let options = WriteOptions { csv_safe: true, ..WriteOptions::default() };
    assert_eq!(text(Format::Csv, &schema, &batches, &options), "n,s\n-1,'=1+1\n2,x\n");
    assert_eq!(text(Format::Csv, &schema, &batches, &WriteOptions::default()), "n,s\n-1,=1+1\n2,x\n");
}

#[test]
fn what_is_written_reads_back() {
    let (schema, batches) = sample();
    for format in [Format::Json, Format::Ndjson, Format::Csv, Format::Tsv] {
        let written = text(format, &schema, &batches, &WriteOptions::default());
        let name = format!("x.{}", format.name());
        let options = LoadOptions { schema: Some(schema.clone()), ..LoadOptions::default() };
        let loaded = load_bytes(&name, written.clone(), options).unwrap();
        let back: Vec<_> = loaded.table.chunks.iter().map(|it| it.batch.clone()).collect();
        assert_eq!(text(format, &loaded.table.schema, &back, &WriteOptions::default()), written);
    }
}

#[test]
fn literals_of_every_type() {
    for (ty, value, _) in values() {
        let mut column = ColumnBuilder::new(ty, 1);
        column.push(&value);
        let it = text(
            Format::Kql,
            &Schema::of(&[("by", ty)]),
            &[Batch::new(vec![column.finish()], 1)],
            &WriteOptions::default(),
        );
        assert!(it.starts_with(&format!("datatable([\"by\"]:{ty})[\n    ")), "{it}");
    }
}

#[test]
fn names_of_formats() {
    for format in Format::ALL {
        assert_eq!(Format::from_name(format.name()), Some(format));
        assert!(format.doc().ends_with('.'));
    }
    assert_eq!(Format::from_name("md"), Some(Format::Markdown));
    assert_eq!(Format::from_name("xml"), None);
}
