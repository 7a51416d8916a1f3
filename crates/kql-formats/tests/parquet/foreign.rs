//! Types and encodings that other programs write.

use super::{read, rows};
use kql_data::{Value, time};
use kql_formats::LoadOptions;
use parquet::{
    basic::{Compression, Encoding},
    data_type::{
        BoolType, ByteArray, ByteArrayType, DataType, DoubleType, FixedLenByteArray, FixedLenByteArrayType, FloatType,
        Int32Type, Int64Type, Int96, Int96Type,
    },
    file::{
        properties::{WriterProperties, WriterVersion},
        writer::{SerializedColumnWriter, SerializedFileWriter},
    },
    schema::parser::parse_message_type,
};
use std::sync::Arc;

type Fill<'a> = Box<dyn Fn(&mut SerializedColumnWriter<'_>) + 'a>;

/// A file of one row group with those columns.
fn file(schema: &str, properties: WriterProperties, columns: Vec<Fill<'_>>) -> Vec<u8> {
    let schema = Arc::new(parse_message_type(&format!("message m {{ {schema} }}")).unwrap());
    let mut writer = SerializedFileWriter::new(Vec::new(), schema, Arc::new(properties)).unwrap();
    let mut group = writer.next_row_group().unwrap();
    for fill in columns {
        let mut column = group.next_column().unwrap().unwrap();
        fill(&mut column);
        column.close().unwrap();
    }
    group.close().unwrap();
    writer.into_inner().unwrap()
}

fn values<T: DataType>(values: Vec<T::T>) -> Fill<'static> {
    Box::new(move |out| _ = out.typed::<T>().write_batch(&values, None, None).unwrap())
}

fn nested<T: DataType>(values: Vec<T::T>, definition: Vec<i16>, repetition: Vec<i16>) -> Fill<'static> {
    Box::new(move |out| _ = out.typed::<T>().write_batch(&values, Some(&definition), Some(&repetition)).unwrap())
}

fn texts(values: &[&str]) -> Vec<ByteArray> {
    values.iter().map(|it| ByteArray::from(*it)).collect()
}

fn fixed(bytes: &[u8]) -> FixedLenByteArray {
    FixedLenByteArray::from(bytes.to_vec())
}

/// The one row of a file, as texts with their types.
fn row(bytes: Vec<u8>) -> Vec<String> {
    let loaded = read(bytes, LoadOptions::default());
    let fields = loaded.table.schema.fields.clone();
    rows(&loaded.table)[0].iter().zip(&fields).map(|(it, field)| format!("{}:{}", field.ty, it.text())).collect()
}

fn plain() -> WriterProperties {
    WriterProperties::builder().build()
}

#[test]
fn numbers_and_bytes() {
    let schema = "required boolean b; required int32 i8 (INTEGER(8,true)); required int32 u16 (INTEGER(16,false));
        required int32 u32 (INTEGER(32,false)); required int64 u64 (INTEGER(64,false)); required float f;
        required double r; required binary t; required binary e (ENUM);
        required fixed_len_byte_array(3) x; required fixed_len_byte_array(16) g (UUID);
        required fixed_len_byte_array(2) h (FLOAT16);";
    let columns = vec![
        values::<BoolType>(vec![true]),
        values::<Int32Type>(vec![-3]),
        values::<Int32Type>(vec![65_535]),
        values::<Int32Type>(vec![-1]),
        values::<Int64Type>(vec![7]),
        values::<FloatType>(vec![0.5]),
        values::<DoubleType>(vec![-1.25]),
        values::<ByteArrayType>(texts(&["plain"])),
        values::<ByteArrayType>(texts(&["RED"])),
        values::<FixedLenByteArrayType>(vec![fixed(&[0, 171, 255])]),
        values::<FixedLenByteArrayType>(vec![fixed(&0x74be27de_1e4e_49d9_b579_fe0b331d3642_u128.to_be_bytes())]),
        values::<FixedLenByteArrayType>(vec![fixed(&0x3E00_u16.to_le_bytes())]),
    ];
    let expected = [
        "bool:True",
        "int:-3",
        "int:65535",
        "long:4294967295",
        "long:7",
        "real:0.5",
        "real:-1.25",
        "string:plain",
        "string:RED",
        "string:00abff",
        "guid:74be27de-1e4e-49d9-b579-fe0b331d3642",
        "real:1.5",
    ];
    let found = row(file(schema, plain(), columns));
    assert_eq!(found.iter().map(|it| it.to_lowercase()).collect::<Vec<_>>(), expected.map(str::to_lowercase));
}

#[test]
fn times_of_each_unit() {
    let schema = "required int32 d (DATE); required int64 ms (TIMESTAMP(MILLIS,true));
        required int64 us (TIMESTAMP(MICROS,false)); required int64 ns (TIMESTAMP(NANOS,true)); required int96 old;
        required int32 tms (TIME(MILLIS,true)); required int64 tus (TIME(MICROS,true));
        required fixed_len_byte_array(12) i (INTERVAL);";
    let mut moment = Int96::new();
    // 2026-06-08 is Julian day 2,461,200; half past midnight.
    let nanos = 1_800_000_000_100_u64;
    moment.set_data(nanos as u32, (nanos >> 32) as u32, 2_461_200);
    let interval: Vec<u8> = [0_u32, 2, 1_500].iter().flat_map(|it| it.to_le_bytes()).collect();
    let columns = vec![
        values::<Int32Type>(vec![-1]),
        values::<Int64Type>(vec![-62_135_596_800_000]),
        values::<Int64Type>(vec![253_402_300_799_999_999]),
        values::<Int64Type>(vec![-1]),
        values::<Int96Type>(vec![moment]),
        values::<Int32Type>(vec![1]),
        values::<Int64Type>(vec![86_399_999_999]),
        values::<FixedLenByteArrayType>(vec![fixed(&interval)]),
    ];
    let loaded = read(file(schema, plain(), columns), LoadOptions::default());
    let at = |ticks: i64| Value::Datetime(time::UNIX_EPOCH + ticks);
    let day = |days: i64| days * time::DAY;
    let expected = vec![
        at(day(-1)),
        Value::Datetime(0),
        Value::Datetime(time::MAX - 9),
        at(-1),
        at(day(2_461_200 - 2_440_588) + 18_000_000_001),
        Value::Timespan(time::MILLISECOND),
        Value::Timespan(time::DAY - 10),
        Value::Timespan(2 * time::DAY + 1_500 * time::MILLISECOND),
    ];
    assert_eq!(rows(&loaded.table), [expected]);
}

#[test]
fn decimals_of_each_width() {
    let schema = "required int32 a (DECIMAL(9,2)); required int64 b (DECIMAL(18,0));
        required fixed_len_byte_array(20) c (DECIMAL(45,5)); required binary d (DECIMAL(40,3));";
    let mut wide = [0xFF; 20];
    wide[19] = 0;
    let columns = vec![
        values::<Int32Type>(vec![-5]),
        values::<Int64Type>(vec![i64::MAX]),
        values::<FixedLenByteArrayType>(vec![fixed(&wide)]),
        values::<ByteArrayType>(vec![ByteArray::from(vec![0x7F; 16])]),
    ];
    let expected = [
        "decimal:-0.05",
        "decimal:9223372036854775807",
        "decimal:-0.00256",
        "decimal:169473963133173273960190490760135540.607",
    ];
    assert_eq!(row(file(schema, plain(), columns)), expected);
}

#[test]
fn structures_become_dynamics() {
    let schema = "optional group l (LIST) { repeated group list { optional binary element (UTF8); } }
        optional group s { optional int32 a; optional group b { required int64 t (TIMESTAMP(MILLIS,true)); } }
        optional group m (MAP) { repeated group key_value { required binary key (UTF8); optional double value; } }
        repeated int32 r;";
    let columns = vec![
        nested::<ByteArrayType>(texts(&["x", "y\"z"]), vec![3, 2, 3], vec![0, 1, 1]),
        nested::<Int32Type>(vec![], vec![1], vec![0]),
        nested::<Int64Type>(vec![0], vec![2], vec![0]),
        nested::<ByteArrayType>(texts(&["k", "l"]), vec![2, 2], vec![0, 1]),
        nested::<DoubleType>(vec![1.5], vec![3, 2], vec![0, 1]),
        nested::<Int32Type>(vec![1, 2], vec![1, 1], vec![0, 1]),
    ];
    let expected = [
        r#"dynamic:["x",null,"y\"z"]"#,
        r#"dynamic:{"b":{"t":"1970-01-01T00:00:00.0000000Z"}}"#,
        r#"dynamic:{"k":1.5,"l":null}"#,
        "dynamic:[1,2]",
    ];
    assert_eq!(row(file(schema, plain(), columns)), expected);
}

#[test]
fn encodings_versions_and_compressions() {
    let names: Vec<String> = (0..5_000).map(|it| format!("name {}", it * 7_919 % 1_000)).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let longs: Vec<i64> = (0..5_000).map(|it| it * it).collect();
    let builder = WriterProperties::builder;
    let own = |encoding| builder().set_dictionary_enabled(false).set_encoding(encoding);
    let cases = [
        builder().set_compression(Compression::SNAPPY).build(),
        builder().set_writer_version(WriterVersion::PARQUET_2_0).set_compression(Compression::SNAPPY).build(),
        builder().set_dictionary_page_size_limit(100).build(),
        own(Encoding::DELTA_LENGTH_BYTE_ARRAY).build(),
        own(Encoding::DELTA_BYTE_ARRAY).set_data_page_size_limit(2_000).build(),
        own(Encoding::PLAIN).set_data_page_row_count_limit(100).set_write_batch_size(50).build(),
    ];
    for properties in cases {
        let properties_ = format!("{properties:?}");
        let schema = "required binary s (UTF8);";
        let bytes = file(schema, properties, vec![values::<ByteArrayType>(texts(&names))]);
        let loaded = read(bytes, LoadOptions::default());
        let found: Vec<String> = rows(&loaded.table).iter().map(|it| it[0].text()).collect();
        assert!(found == names, "{properties_}");
    }
    for encoding in [Encoding::PLAIN, Encoding::DELTA_BINARY_PACKED, Encoding::BYTE_STREAM_SPLIT] {
        let bytes = file("required int64 n;", own(encoding).build(), vec![values::<Int64Type>(longs.clone())]);
        let found = rows(&read(bytes, LoadOptions::default()).table);
        assert!(found.iter().map(|it| &it[0]).eq(longs.iter().map(|it| Value::Long(*it)).collect::<Vec<_>>().iter()));
    }
}

#[test]
fn what_is_not_supported_is_named() {
    let of = |schema: &str| {
        let bytes = file(schema, plain(), vec![values::<ByteArrayType>(texts(&["x"]))]);
        kql_formats::load_bytes("f.parquet", bytes, LoadOptions::default()).unwrap_err().to_string()
    };
    assert_eq!(of("required binary v (BSON);"), "f.parquet: the column `v`: BSON is not supported");
}

#[test]
fn bytes_that_are_no_text_are_counted() {
    let bytes = file(
        "required binary s (UTF8);",
        plain(),
        vec![values::<ByteArrayType>(vec![ByteArray::from(vec![b'a', 0xFF, b'b'])])],
    );
    let loaded = kql_formats::load_bytes("f.parquet", bytes, LoadOptions::default()).unwrap();
    assert_eq!(loaded.accounting.replaced_bytes, 1);
    assert_eq!(rows(&loaded.table), [[Value::String("a\u{FFFD}b".into())]]);
}
