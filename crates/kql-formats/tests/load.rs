//! Loading: formats, types, bad input, accounting.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail anywhere")]

use kql_data::{Column, Limits, Schema, Type};
use kql_formats::{Header, InputFormat, LoadOptions, Loaded, Shape, load_bytes};
use std::io::Write;

fn options() -> LoadOptions {
    LoadOptions::default()
}

fn load(name: &str, text: impl Into<Vec<u8>>) -> Loaded {
    let it = load_bytes(name, text, options()).unwrap();
    assert!(it.accounting.is_balanced());
    it
}

/// Columns with types on the first line, then a row a line, cells by `tostring`.
fn show(loaded: &Loaded) -> String {
    let mut out = String::new();
    for it in &loaded.table.schema.fields {
        out += &format!("{}:{} ", it.name, it.ty);
    }
    for chunk in &loaded.table.chunks {
        for row in 0..chunk.batch.n_rows {
            out += "\n";
            for column in &chunk.batch.columns {
                out += &if column.is_null(row) { "null".to_owned() } else { column.value(row).text() };
                out += "|";
            }
        }
    }
    out
}

#[test]
fn ndjson_types() {
    let loaded = load(
        "x.ndjson",
        r#"{"b":true,"l":1,"r":1,"s":"x","t":"2024-01-31T10:00:00Z","d":{"a":1},"m":1}
{"b":false,"l":-2,"r":2.5,"s":"","t":null,"d":[1, 2],"m":"x","e":null}
{}
"#,
    );
    assert_eq!(
        show(&loaded),
        "b:bool l:long r:real s:string t:datetime d:dynamic m:dynamic e:dynamic \n\
         True|1|1.0|x|2024-01-31T10:00:00.0000000Z|{\"a\":1}|1|null|\n\
         False|-2|2.5||null|[1,2]|x|null|\n\
         null|null|null||null|null|null|null|"
    );
    assert_eq!(loaded.accounting.rows, 3);
    assert_eq!(loaded.shape, Shape::Plain);
}

#[test]
fn arrays_pages_and_values_over_lines() {
    let expected = "a:long b:dynamic \n1|{\"x\":\"]}\"}|\n2|null|";
    for text in [
        "{\"a\":1,\"b\":{\"x\":\"]}\"}}\n{\"a\":2}\n",
        "[{\"a\":1,\"b\":{\"x\":\"]}\"}},{\"a\":2}]",
        " [ {\"a\":1,\"b\":\n{\"x\":\"]}\"}} , {\"a\":2} ] \n",
        "{\"object\":\"list\",\"data\":[{\"a\":1,\"b\":{\"x\":\"]}\"}},{\"a\":2}],\"has_more\":false}",
        "{\n  \"object\": \"list\",\n  \"data\": [\n {\"a\":1,\"b\":{\"x\":\"]}\"}},\n{\"a\":2}],\n\"last_id\":\"}\"}\n",
        "{\"data\":[{\"a\":1,\"b\":{\"x\":\"]}\"}}]}\n{\"data\":[{\"a\":2}]}",
        "{\"@odata.context\":\"x\",\"value\":[{\"a\":1,\"b\":{\"x\":\"]}\"}},{\"a\":2}]}",
        "{\"Records\":[{\"a\":1,\"b\":{\"x\":\"]}\"}},{\"a\":2}]}",
        "{\n \"a\":1,\n \"b\":{\"x\":\"]}\"}\n}\n{\n \"a\":2\n}",
        "\u{feff}{\"a\":1,\"b\":{\"x\":\"]}\"}}\r\n\r\n\0\0{\"a\":2}\r\n",
    ] {
        let loaded = load("x.json", text);
        assert_eq!(show(&loaded), expected, "{text}");
        assert_eq!(loaded.accounting.rejected, 0, "{text}");
        let small = load_bytes("x", text, LoadOptions { chunk_rows: 1, careful: true, ..options() }).unwrap();
        assert_eq!(show(&small), expected, "{text}");
    }
    assert_eq!(
        show(&load("x", "{\"data\":[1,2],\"TimeGenerated\":\"2024-01-31\"}")),
        "data:dynamic TimeGenerated:datetime \n[1,2]|2024-01-31T00:00:00.0000000Z|"
    );
    assert_eq!(load("x", "").table.n_rows(), 0);
    assert_eq!(load("x", "[]").table.n_rows(), 0);
}

#[test]
fn bad_lines_are_kept_and_located() {
    let text = "{\"a\":1}\n{\"a\":\n\n  \n{\"a\":2,}\n[1]\n\"x\"\n{\"a\":3}x\n{\"a\":4}";
    let loaded = load("x.ndjson", text);
    assert_eq!(show(&loaded), "a:long \n1|\n4|");
    let it = &loaded.accounting;
    assert_eq!((it.rejected, it.rows, it.blank, it.lines, it.bytes), (5, 2, 2, 9, text.len() as u64));
    let at: Vec<_> = it.rejects.iter().map(|it| (it.line, it.offset, it.text.as_str())).collect();
    assert_eq!(at[0], (2, 8, "{\"a\":"));
    assert_eq!(at[4], (8, 35, "{\"a\":3}x"));
    assert!(it.rejects[0].reason.starts_with("EOF while parsing"), "{}", it.rejects[0].reason);
    let few = LoadOptions { limits: Limits { rejects_kept: 2, ..Limits::default() }, ..options() };
    let loaded = load_bytes("x.ndjson", text, few).unwrap();
    assert_eq!((loaded.accounting.rejects.len(), loaded.accounting.rejected), (2, 5));
}

#[test]
fn odd_values() {
    for (value, expected) in [
        ("12345678901234567890", "12345678901234567890"),
        ("-0", "-0.0"),
        ("1e30", "1e+30"),
        (
            "{\"z\":1.0,\"a\":12345678901234567890,\"m\":1e5,\"d\":0.1}",
            "{\"z\":1.0,\"a\":12345678901234567890,\"m\":100000.0,\"d\":0.1}",
        ),
        ("\"\\ud83d\\ude00\\u00e9\\n\"", "😀é\n"),
        ("\"\\ud83d\"", "\u{fffd}"),
        ("[\"\\ude00x\"]", "[\"\u{fffd}x\"]"),
        ("{\"k\":1,\"j\":2,\"k\":{\"x\":3}}", "{\"k\":{\"x\":3},\"j\":2}"),
        ("{\"\\u0061\":1}", "{\"a\":1}"),
        ("\"a\u{7f}b\"", "a\u{7f}b"),
        ("{}", "{}"),
    ] {
        // A second row of another type makes the column dynamic.
        let text = format!("{{\"v\":{value}}}\n{{\"v\":true}}\n{{\"v\":\"x\"}}");
        let loaded = load("x.ndjson", text);
        assert_eq!(show(&loaded), format!("v:dynamic \n{expected}|\ntrue|\nx|"), "{value}");
    }
    let loaded = load("x.ndjson", "{\"v\":1e400}\n{\"v\":[1e400]}\n{\"v\":-1e400}");
    assert!(loaded.table.chunks[0].batch.columns[0].value(0).text().starts_with("1000"));
    assert_eq!((loaded.accounting.rows, loaded.accounting.rejected), (2, 1));
    assert_eq!(load("x", "{\"a\":\"\\ud800\"}").accounting.replaced_bytes, 6);
    let loaded = load("x", b"{\"a\":\"\xff\xfe!\"}\n{\"a\":\"ok\"}".to_vec());
    assert_eq!(show(&loaded), "a:string \n\u{fffd}\u{fffd}!|\nok|");
    assert_eq!(loaded.accounting.replaced_bytes, 2);
}

#[test]
fn deep_nesting_is_a_reject() {
    for depth in [126, 127, 128, 5_000, 1_000_000] {
        for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
            let inner = if open == "[" { "" } else { "1" };
            let text = format!("{{\"a\":{}{inner}{}}}\n{{\"a\":1}}", open.repeat(depth), close.repeat(depth));
            let loaded = load("x.ndjson", text);
            assert_eq!(loaded.accounting.rejected, u64::from(depth + 1 > 128), "{open} {depth}");
            if depth == 127 {
                assert!(!loaded.table.chunks[0].batch.columns[0].is_null(0));
                assert!(!loaded.table.chunks[0].batch.columns[0].value(0).is_null());
            }
        }
    }
    let limits = Limits { json_depth: 3, ..Limits::default() };
    let text = "{\"a\":{\"b\":{}}}\n{\"a\":{\"b\":[[]]}}\n{\"a\":[[]]}\n{\"a\":[[[]]]}";
    let loaded = load_bytes("x.ndjson", text, LoadOptions { limits, ..options() }).unwrap();
    assert_eq!(loaded.accounting.rejected, 2);
    assert!(loaded.accounting.rejects[0].reason.contains("json_depth"));
}

#[test]
fn declared_types_win() {
    let schema = Schema::of(&[
        ("n", Type::Int),
        ("t", Type::Datetime),
        ("none", Type::Guid),
        ("d", Type::Dynamic),
        ("s", Type::String),
    ]);
    let text = r#"{"s":{"a":1},"x":1,"n":"7","t":1700000000,"d":"{\"k\":[1]}"}
{"s":true,"n":99999999999,"t":"nonsense","d":"plain"}"#;
    let loaded = load_bytes("x.ndjson", text, LoadOptions { schema: Some(schema), ..options() }).unwrap();
    assert_eq!(
        show(&loaded),
        "n:int t:datetime none:guid d:dynamic s:string x:long \n\
         7|2023-11-14T22:13:20.0000000Z|null|{\"k\":[1]}|{\"a\":1}|1|\n\
         null|null|null|plain|true|null|"
    );
    let failed: Vec<_> =
        loaded.conversions.iter().map(|it| (it.column.as_str(), it.count, it.example.as_str())).collect();
    assert_eq!(failed, [("n", 1, "99999999999"), ("t", 1, "nonsense")]);
}

#[test]
fn delimited() {
    let text = "\u{feff}a,b,c,t,d,e\r\n1,\"x, \"\"y\"\"\",007,2024-01-31 10:00:00,\"{\"\"k\"\":1}\",\r\n2,\"line\nend\",010,,,\n\n3,z\n";
    let loaded = load("x.csv", text);
    assert_eq!(
        show(&loaded),
        "a:long b:string c:string t:datetime d:dynamic e:string \n\
         1|x, \"y\"|007|2024-01-31T10:00:00.0000000Z|{\"k\":1}||\n2|line\nend|010|null|null||"
    );
    let it = &loaded.accounting;
    assert_eq!((it.rows, it.rejected, it.bytes), (2, 1, text.len() as u64));
    assert_eq!(it.rejects[0].reason, "2 cells, but the header has 6");
    assert_eq!(it.rejects[0].text, "3,z");
    assert_eq!(show(&load("x", "a\tb\n1\t2.5\n")), "a:long b:real \n1|2.5|");
    assert_eq!(show(&load("x", "a,a,\n1,true,x\n")), "a:long a_1:bool Column3:string \n1|True|x|");
    assert_eq!(load_bytes("x", "", LoadOptions { format: InputFormat::Csv, ..options() }).unwrap().table.n_rows(), 0);
}

#[test]
fn open_quotes_cost_one_line() {
    let text = "a,b\n1,\"two\nlines\"\n2,\"open\n3,x\n4,\"also open\n5,y\n";
    let loaded = load("x.csv", text);
    assert_eq!(show(&loaded), "a:long b:string \n1|two\nlines|\n3|x|\n5|y|");
    let rejects: Vec<_> = loaded.accounting.rejects.iter().map(|it| (it.line, it.text.as_str())).collect();
    assert_eq!(rejects, [(4, "2,\"open"), (6, "4,\"also open")]);
    assert_eq!(loaded.accounting.rejects[0].reason, "a quote is left open");
    assert_eq!(loaded.accounting.lines, 7);
}

#[test]
fn headers_and_other_delimiters() {
    let schema = Schema::of(&[("n", Type::Long), ("s", Type::String)]);
    let of = |header, format, text: &str| {
        let options = LoadOptions { schema: Some(schema.clone()), header, format, ..options() };
        show(&load_bytes("x", text, options).unwrap())
    };
    let expected = "n:long s:string \n1|x|";
    assert_eq!(of(Header::Absent, InputFormat::Csv, "1,x"), expected);
    assert_eq!(of(Header::Skip, InputFormat::Psv, "what|ever\n1|x\n"), expected);
    assert_eq!(of(Header::Names, InputFormat::Scsv, "s;n\nx;1\n"), expected);
    let portal = "TimeGenerated [UTC],Id\n\"1/31/2024, 10:00:00.000 AM\",a\n";
    assert_eq!(show(&load("x.csv", portal)), "TimeGenerated:datetime Id:string \n2024-01-31T10:00:00.0000000Z|a|");
    let text = LoadOptions { format: InputFormat::Text, ..options() };
    assert_eq!(show(&load_bytes("x", "\u{feff}1\r\n\nb", text).unwrap()), "Line:string \n1|\n|\nb|");
}

#[test]
fn binary_files_are_errors_and_not_rows() {
    let mut image = b"\x89PNG\r\n\x1a\n".to_vec();
    image.extend((0..3_000_u32).map(|it| (it.wrapping_mul(2_654_435_761) >> 13) as u8));
    for name in ["x.csv", "x.ndjson", "x"] {
        let error = load_bytes(name, image.clone(), options()).unwrap_err();
        assert!(error.to_string().contains("this is a PNG image; JSON, CSV, TSV and Parquet are read"), "{error}");
    }
    let error = load_bytes("x.csv", image[8..].to_vec(), options()).unwrap_err();
    assert!(error.to_string().contains("this is a binary file"), "{error}");
}

#[test]
fn lines_may_end_as_on_old_macs() {
    let loaded = load("x.csv", "a,b\r1,\"x\ry\"\r2,z\r");
    assert_eq!(show(&loaded), "a:long b:string \n1|x\ny|\n2|z|");
    assert!(loaded.accounting.is_clean());
    // Where lines end otherwise, a carriage return is data.
    assert_eq!(show(&load("x.csv", "a,b\n1,x\ry\n")), "a:long b:string \n1|x\ry|");
}

#[test]
fn utf16_is_decoded() {
    let bytes: Vec<u8> = "\u{feff}{\"a\":\"é😀\"}\r\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let loaded = load("x", bytes);
    assert_eq!(show(&loaded), "a:string \né😀|");
    assert!(loaded.accounting.is_clean());
}

#[test]
fn compressed() {
    let text = "{\"a\":1}\n{\"a\":2}\n";
    let gzip = |text: &str| {
        let mut it = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        it.write_all(text.as_bytes()).unwrap();
        it.finish().unwrap()
    };
    let mut two = gzip(text);
    two.extend(gzip("{\"a\":3}\n"));
    assert_eq!(show(&load("x.ndjson.gz", two)), "a:long \n1|\n2|\n3|");
    let zstd =
        |text: &str| ruzstd::encoding::compress_to_vec(text.as_bytes(), ruzstd::encoding::CompressionLevel::Fastest);
    let mut two = zstd(text);
    two.extend(zstd("{\"a\":3}\n"));
    assert_eq!(show(&load("x.zst", two)), "a:long \n1|\n2|\n3|");
    let bomb = gzip(&text.repeat(100_000));
    let limits = Limits { decompressed_bytes: 100_000, ..Limits::default() };
    let error = load_bytes("x.gz", bomb, LoadOptions { limits, ..options() }).unwrap_err();
    assert!(error.to_string().contains("decompressed_bytes"), "{error}");
    let mut cut = gzip(&text.repeat(100_000));
    cut.truncate(cut.len() / 2);
    assert!(load_bytes("x.gz", cut, options()).is_err());
}

#[test]
fn limits_are_errors() {
    let limits = Limits { line_bytes: 1_000, ..Limits::default() };
    for text in
        [format!("{{\"a\":1}}\n{{\"a\":\"{}\"}}\n", "x".repeat(2_000)), format!("[{{\"a\":\"{}", "x".repeat(2 << 20))]
    {
        let error = load_bytes("x.ndjson", text, LoadOptions { limits: limits.clone(), ..options() }).unwrap_err();
        assert!(error.to_string().contains("line_bytes"), "{error}");
    }
    let text = format!("a,b\n1,\"{}", "x\n".repeat(1 << 20));
    let error = load_bytes("x.csv", text, LoadOptions { limits, ..options() }).unwrap_err();
    assert!(error.to_string().contains("line_bytes"), "{error}");
    let stopped = options();
    stopped.stop.cancel();
    assert!(load_bytes("x", "{}", stopped).unwrap_err().to_string().contains("cancelled"));
    let limits = Limits { memory: 100_000, ..Limits::default() };
    let text: String = (0..100_000).map(|it| format!("{{\"a\":\"{it}\"}}\n")).collect();
    assert!(load_bytes("x", text, LoadOptions { limits, ..options() }).unwrap_err().to_string().contains("memory"));
}

#[test]
fn dictionaries_fall_back_late() {
    let n = 200_000;
    let text: String = (0..n)
        .map(|it| {
            format!(
                "{{\"id\":\"id-{it}\",\"user\":\"u{}\",\"late\":\"{}\",\"d\":{{\"x\":\"{it}\",\"k\":\"v\"}}}}\n",
                it % 5_000,
                if it < 60_000 { 0 } else { it }
            )
        })
        .collect();
    let loaded = load("x.ndjson", text);
    assert_eq!(loaded.table.n_rows(), n);
    let mut dictionaries = Vec::new();
    let mut at = 0;
    for chunk in &loaded.table.chunks {
        let columns = &chunk.batch.columns;
        assert!(matches!(columns[0], Column::String(_)) && matches!(columns[2], Column::String(_)));
        let Column::Dictionary(user) = &columns[1] else { panic!("{:?}", columns[1].ty()) };
        dictionaries.push(user.dictionary.id());
        for row in 0..chunk.batch.n_rows {
            assert_eq!(columns[0].string_reader().get(row), format!("id-{at}"));
            assert_eq!(columns[1].string_reader().get(row), format!("u{}", at % 5_000));
            assert_eq!(columns[2].string_reader().get(row), if at < 60_000 { "0".to_owned() } else { at.to_string() });
            at += 1;
        }
    }
    dictionaries.dedup();
    assert_eq!(dictionaries.len(), 1);
}

#[test]
fn wide_bags_stay_whole() {
    let text: String = (0..3_000).map(|it| format!("{{\"d\":{{\"k\":1,\"key{it}\":{it}}}}}\n")).collect();
    for careful in [false, true] {
        let loaded = load_bytes("x.ndjson", text.clone(), LoadOptions { careful, ..options() }).unwrap();
        for row in 0..3_000 {
            let value = loaded.table.chunks[0].batch.columns[0].value(row).text();
            assert_eq!(value, format!("{{\"k\":1,\"key{row}\":{row}}}"));
        }
    }
    let text: String = (0..5_000).map(|it| format!("{{\"c{it}\":{it}}}\n")).collect();
    let loaded = load("x.ndjson", text);
    assert_eq!((loaded.table.schema.len(), loaded.accounting.rejected), (4_096, 904));
}
