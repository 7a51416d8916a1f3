//! Parquet files: what is written reads back as it was, what others write is understood, and what lies is refused.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail anywhere")]

mod foreign;
mod hostile;

use kql_data::{Batch, Column, ColumnBuilder, Decimal, Dynamic, Limits, Schema, Slots, Table, Type, Value, json, time};
use kql_formats::{Condition, Format, LoadOptions, Loaded, Loader, Search, WriteOptions, load_bytes, write};
use std::io::Cursor;

/// A table as the bytes of a Parquet file.
fn written(schema: &Schema, batches: &[Batch]) -> Vec<u8> {
    let mut out = Vec::new();
    write(Format::Parquet, schema, batches, &WriteOptions::default(), &mut out).unwrap();
    out
}

fn read(bytes: Vec<u8>, options: LoadOptions) -> Loaded {
    let loaded = load_bytes("t.parquet", bytes, options).unwrap();
    assert!(loaded.accounting.is_balanced() && loaded.accounting.is_clean());
    loaded
}

/// All rows of a table.
fn rows(table: &Table) -> Vec<Vec<Value>> {
    let batches = table.chunks.iter().map(|it| &it.batch);
    batches.flat_map(|it| (0..it.n_rows).map(|row| it.columns.iter().map(|it| it.value(row)).collect())).collect()
}

fn table(columns: &[(&str, Type)], rows: &[Vec<Value>]) -> (Schema, Vec<Batch>) {
    let mut builders: Vec<ColumnBuilder> = columns.iter().map(|it| ColumnBuilder::new(it.1, rows.len())).collect();
    for row in rows {
        row.iter().zip(&mut builders).for_each(|(value, builder)| builder.push(value));
    }
    let columns_ = builders.into_iter().map(ColumnBuilder::finish).collect();
    (Schema::of(columns), vec![Batch::new(columns_, rows.len())])
}

/// Values as they are, decimals with their digits.
fn shown(row: &[Value]) -> Vec<String> {
    let of = |it: &Value| if let Value::Decimal(it) = it { it.to_string() } else { format!("{it:?}") };
    row.iter().map(of).collect()
}

fn round_trip(columns: &[(&str, Type)], given: Vec<Vec<Value>>) -> Vec<u8> {
    let (schema, batches) = table(columns, &given);
    let bytes = written(&schema, &batches);
    let loaded = read(bytes.clone(), LoadOptions::default());
    assert_eq!(*loaded.table.schema, schema);
    let found = rows(&loaded.table);
    for (row, (found, given)) in found.iter().zip(&given).enumerate() {
        assert_eq!(shown(found), shown(given), "row {row}");
    }
    assert_eq!(found.len(), given.len());
    bytes
}

fn decimal(text: &str) -> Value {
    Value::Decimal(Decimal::parse(text).unwrap())
}

#[test]
fn all_types_come_back_with_their_extremes_and_nulls() {
    let dynamic = |text: &str| Value::Dynamic(json::read(text).unwrap());
    let columns = [
        ("b", Type::Bool),
        ("i", Type::Int),
        ("l", Type::Long),
        ("r", Type::Real),
        ("e", Type::Decimal),
        ("s", Type::String),
        ("t", Type::Datetime),
        ("p", Type::Timespan),
        ("g", Type::Guid),
        ("d", Type::Dynamic),
    ];
    let nulls: Vec<Value> = columns.iter().map(|it| Value::null(it.1)).collect();
    let low = vec![
        Value::Bool(false),
        Value::Int(i32::MIN),
        Value::Long(i64::MIN),
        Value::Real(f64::MIN),
        decimal("-99999999999999999999999999999999999999"),
        Value::String("".into()),
        Value::Datetime(0),
        Value::Timespan(i64::MIN),
        Value::Guid(0),
        dynamic("[]"),
    ];
    let high = vec![
        Value::Bool(true),
        Value::Int(i32::MAX),
        Value::Long(i64::MAX),
        Value::Real(f64::MIN_POSITIVE),
        decimal("99999999999999999999999999999999999999"),
        Value::String("žluťoučký \u{0}\n\"kůň\"".into()),
        Value::Datetime(time::MAX),
        Value::Timespan(i64::MAX),
        Value::Guid(u128::MAX),
        dynamic(r#"{"z":1.0,"a":12345678901234567890,"k":[1,{"x":null}],"s":"[1]","":""}"#),
    ];
    round_trip(&columns, vec![nulls.clone(), low, nulls, high]);
}

#[test]
fn dynamics_keep_their_kinds() {
    let texts = ["1", "1.5", "true", "\"a string\"", "\"[1]\"", "\"12\"", "[1,2]", "{\"a\":{\"b\":[]}}", "\"\"", "-7"];
    let given = texts.iter().map(|it| vec![Value::Dynamic(json::read(it).unwrap())]).collect();
    round_trip(&[("d", Type::Dynamic)], given);
}

#[test]
fn moments_keep_every_tick() {
    // All in microseconds; one with a tenth; one of them outside of what nanoseconds reach.
    let at = |ticks: &[i64]| ticks.iter().map(|it| vec![Value::Datetime(*it)]).chain([vec![Value::Null]]).collect();
    let of = |bytes: Vec<u8>| {
        let file = parquet::file::reader::FileReader::metadata(
            &parquet::file::serialized_reader::SerializedFileReader::new(bytes::Bytes::from(bytes)).unwrap(),
        )
        .file_metadata()
        .schema_descr()
        .column(0)
        .logical_type_ref()
        .cloned();
        format!("{file:?}")
    };
    let columns = [("t", Type::Datetime)];
    let micros = of(round_trip(&columns, at(&[0, time::UNIX_EPOCH - 10, time::MAX - 9])));
    let nanos = of(round_trip(&columns, at(&[time::UNIX_EPOCH + 1, time::UNIX_EPOCH - 1])));
    let ticks = of(round_trip(&columns, at(&[1, time::UNIX_EPOCH + 1, time::MAX])));
    assert!(micros.contains("MICROS") && nanos.contains("NANOS") && ticks == "None", "{micros} {nanos} {ticks}");
}

#[test]
fn decimals_keep_their_digits() {
    let columns = [("e", Type::Decimal)];
    let of = |texts: &[&str]| texts.iter().map(|it| vec![decimal(it)]).collect::<Vec<_>>();
    round_trip(&columns, of(&["1.50", "-0.25", "0.00"]));
    round_trip(&columns, of(&["1.50", "1.5", "1e40"]));
    round_trip(&columns, of(&["1234567890123456789012345678901234567890.5"]));
}

#[test]
fn many_rows_come_in_groups_by_dictionary() {
    let n = 150_000;
    let names: Vec<String> = (0..n).map(|it| format!("user-{}", it % 1_000)).collect();
    let bags: Vec<Option<Dynamic>> =
        (0..n).map(|it| (it % 3 > 0).then(|| json::read(&format!("{{\"n\":{}}}", it % 50)).unwrap())).collect();
    let ids: Vec<String> = (0..n).map(|it| format!("id-{it}")).collect();
    let columns = vec![
        Column::strings(&names),
        Column::longs((0..n as i64).collect()),
        Column::dynamics(bags),
        Column::strings(&ids),
    ];
    let schema = Schema::of(&[("s", Type::String), ("n", Type::Long), ("d", Type::Dynamic), ("id", Type::String)]);
    let batch = Batch::new(columns, n);
    let bytes = written(&schema, std::slice::from_ref(&batch));
    for (threads, chunk_rows) in [(1, 0), (4, 0), (2, 7_000)] {
        let limits = Limits { threads, ..Limits::default() };
        let loaded = read(bytes.clone(), LoadOptions { limits, chunk_rows, ..LoadOptions::default() });
        let (accounting, table) = (&loaded.accounting, &loaded.table);
        assert_eq!((accounting.rows, accounting.row_groups, accounting.row_groups_skipped), (n as u64, 3, 0));
        assert!(matches!(table.chunks[0].batch.columns[0], Column::Dictionary(_)));
        assert!(matches!(table.chunks[0].batch.columns[2], Column::Shredded(_)));
        for (at, row) in rows(table).iter().enumerate().step_by(997).chain([(n - 1, &rows(table)[n - 1])]) {
            let expected: Vec<Value> = batch.columns.iter().map(|it| it.value(at)).collect();
            assert_eq!(*row, expected, "row {at}");
        }
    }
}

#[test]
fn columns_that_are_not_wanted_are_null() {
    let columns = [("a", Type::Long), ("b", Type::Dynamic), ("c", Type::String)];
    let row = |it: i64| vec![Value::Long(it), Value::Dynamic(Dynamic::Long(it)), Value::String("x".into())];
    let (schema, batches) = table(&columns, &[row(1), row(2)]);
    let wanted = [(String::from("c"), Slots::All)].into_iter().collect();
    let loaded = read(written(&schema, &batches), LoadOptions { columns: Some(wanted), ..LoadOptions::default() });
    assert_eq!(*loaded.table.schema, schema);
    assert_eq!(rows(&loaded.table), vec![vec![Value::Null, Value::Null, Value::String("x".into())]; 2]);
}

#[test]
fn declared_columns_win() {
    let columns = [("n", Type::Long), ("text", Type::String), ("when", Type::String), ("extra", Type::Bool)];
    let row = |n: i64, text: &str, when: &str| {
        vec![Value::Long(n), Value::String(text.into()), Value::String(when.into()), Value::Bool(true)]
    };
    let given = [row(1, "{\"a\":1}", "2026-06-08T10:00:00Z"), row(2, "plain", "never")];
    let (schema, batches) = table(&columns, &given);
    let declared =
        Schema::of(&[("when", Type::Datetime), ("missing", Type::Guid), ("n", Type::String), ("text", Type::Dynamic)]);
    let loaded = read(written(&schema, &batches), LoadOptions { schema: Some(declared), ..LoadOptions::default() });
    let names: Vec<&str> = loaded.table.schema.fields.iter().map(|it| &*it.name).collect();
    assert_eq!(names, ["when", "missing", "n", "text", "extra"]);
    let found = rows(&loaded.table);
    assert_eq!(found[0][2], Value::String("1".into()));
    assert_eq!(found[0][3], Value::Dynamic(json::read("{\"a\":1}").unwrap()));
    assert_eq!(found[1][3], Value::Dynamic(Dynamic::string("plain")));
    assert!(matches!(found[0][0], Value::Datetime(_)) && found[1][0].is_null() && found[0][1].is_null());
    assert_eq!((loaded.conversions.len(), loaded.conversions[0].count), (1, 1));
}

#[test]
fn several_files_and_formats_make_one_table() {
    let (first, one) =
        table(&[("a", Type::Int), ("b", Type::String)], &[vec![Value::Int(1), Value::String("x".into())]]);
    let (second, two) =
        table(&[("a", Type::Long), ("c", Type::Bool)], &[vec![Value::Long(i64::MAX), Value::Bool(true)]]);
    let mut loader = Loader::new(LoadOptions::default());
    loader.add("1.parquet", Box::new(Cursor::new(written(&first, &one)))).unwrap();
    loader.add_file("2.parquet", Box::new(Cursor::new(written(&second, &two)))).unwrap();
    loader.add("3.ndjson", Box::new(Cursor::new(b"{\"b\":\"y\",\"d\":[1]}\n".to_vec()))).unwrap();
    assert_eq!(loader.n_rows(), 3);
    let loaded = loader.finish().unwrap();
    assert!(loaded.accounting.is_balanced());
    let types: Vec<String> = loaded.table.schema.fields.iter().map(|it| format!("{}:{}", it.name, it.ty)).collect();
    assert_eq!(types, ["a:long", "b:string", "c:bool", "d:dynamic"]);
    let found = rows(&loaded.table);
    assert_eq!((&found[0][0], &found[1][0], &found[2][0]), (&Value::Long(1), &Value::Long(i64::MAX), &Value::Null));
    assert_eq!((&found[0][1], &found[2][1]), (&Value::String("x".into()), &Value::String("y".into())));
}

#[test]
fn row_groups_without_a_wanted_row_are_passed_over() {
    let n = 200_000_i64;
    let start = time::UNIX_EPOCH;
    let times = kql_data::Column::Datetime((0..n).map(|it| Some(start + it * time::SECOND)).collect());
    let names: Vec<String> = (0..n).map(|it| format!("{}", (b'a' + (it / 65_536) as u8) as char)).collect();
    let schema = Schema::of(&[("TimeGenerated", Type::Datetime), ("s", Type::String)]);
    let bytes = written(&schema, &[Batch::new(vec![times, Column::strings(&names)], n as usize)]);
    let search = |any: Vec<Vec<Condition>>| {
        let loaded = read(bytes.clone(), LoadOptions { search: Some(Search { any }), ..LoadOptions::default() });
        (loaded.accounting.rows, loaded.accounting.row_groups_skipped)
    };
    let within = |low: i64, high: i64| Condition::Within {
        column: "TimeGenerated".to_owned(),
        ty: Type::Datetime,
        low: start + low * time::SECOND,
        high: start + high * time::SECOND,
    };
    let one_of = |value: &str| Condition::OneOf { column: "s".to_owned(), values: vec![value.to_owned()] };
    assert_eq!(search(vec![vec![within(0, 10)]]), (65_536, 3));
    assert_eq!(search(vec![vec![within(65_535, 65_536)]]), (131_072, 2));
    assert_eq!(search(vec![vec![one_of("c")]]), (65_536, 3));
    assert_eq!(search(vec![vec![one_of("c"), within(0, 10)]]), (0, 4));
    assert_eq!(search(vec![vec![one_of("c")], vec![within(0, 10)]]), (131_072, 2));
    // An empty string is what null is, too.
    assert_eq!(search(vec![vec![one_of("")]]), (200_000, 0));
    assert_eq!(
        search(vec![vec![Condition::Within { column: "nowhere".to_owned(), ty: Type::Long, low: 0, high: 0 }]]),
        (200_000, 0)
    );
}

#[test]
fn searches_know_what_lies_within_them() {
    let of = |ty, low, high| Search { any: vec![vec![Condition::Within { column: "t".to_owned(), ty, low, high }]] };
    let within = |low, high| of(Type::Datetime, low, high);
    assert!(within(5, 6).is_within(&within(5, 7)) && !within(5, 8).is_within(&within(5, 7)));
    assert!(within(5, 8).is_within(&within(6, 7).widened(1)));
    assert!(!of(Type::Long, 5, 8).is_within(&of(Type::Long, 6, 7).widened(1)), "numbers do not pass with time");
    assert!(!of(Type::Long, 5, 6).is_within(&within(5, 7)));
    let all = Search::all();
    assert!(within(5, 6).is_within(&all) && !all.is_within(&within(5, 6)));
}

#[test]
fn numbers_that_become_moments_are_not_compared_with_moments() {
    // Seconds since 1970, in a column that the table has as a datetime.
    let (schema, batches) = table(&[("t", Type::Long)], &[vec![Value::Long(1_780_000_000)]]);
    let ticks = time::UNIX_EPOCH + 1_780_000_000 * time::SECOND;
    let condition = Condition::Within { column: "t".to_owned(), ty: Type::Datetime, low: ticks, high: ticks };
    let search = Some(Search { any: vec![vec![condition]] });
    let loaded = read(written(&schema, &batches), LoadOptions { search, ..LoadOptions::default() });
    assert_eq!((loaded.accounting.rows, loaded.accounting.row_groups_skipped), (1, 0));
}
