//! Odd data: loaded or refused, counted, and queried without harm.

use kql::{Engine, Error, Value};
use std::time::Duration;

const QUERIES: &[&str] = &[
    "D",
    "D | count",
    "D | extend p = pack_all()",
    "D | summarize count() by tostring(a)",
    "D | summarize make_set(a), make_list(a), buildschema(a)",
    "D | sort by tostring(a) asc",
    "D | mv-expand a",
    "D | extend x = a.k, y = a[0], z = tostring(a), l = strlen(tostring(a)), u = toupper(tostring(a))",
    "D | where tostring(a) contains 'x' or tostring(a) has 'y' or tostring(a) matches regex '.'",
    "D | project parse_json(tostring(a)), url_encode(tostring(a)), base64_encode_tostring(tostring(a))",
    "D | project substring(tostring(a), 1, 2), reverse(tostring(a)), split(tostring(a), ''), hash_sha256(tostring(a))",
    "D | evaluate bag_unpack(a)",
    "D | join kind=inner (D) on $left.a == $right.a",
    "D | distinct a",
    "search 'x'",
];

fn deep(n: usize, open: &str, middle: &str, close: &str) -> Vec<u8> {
    format!("{{\"a\":{}{middle}{}}}", open.repeat(n), close.repeat(n)).into_bytes()
}

#[test]
fn odd_data_does_no_harm() {
    let wide: String = (0..5_000).map(|it| format!("\"k{it}\":{it},")).collect();
    let columns: Vec<u8> = (0..200).flat_map(|it| format!("{{\"c{it}\":{it}, \"a\":{it}}}\n").into_bytes()).collect();
    let duplicates = format!("{{{}\"a\":1}}", "\"a\":0,".repeat(10_000));
    let inputs: Vec<(&str, Vec<u8>)> = vec![
        ("duplicate keys", br#"{"a":1,"a":2,"a":{"k":1,"k":2}}"#.to_vec()),
        ("many duplicate keys", duplicates.into_bytes()),
        ("keys that differ in case", br#"{"a":1,"A":2,"a ":3," a":4,"":5}"#.to_vec()),
        ("deep arrays", deep(100_000, "[", "1", "]")),
        ("deep bags", deep(100_000, "{\"k\":", "1", "}")),
        ("deep, unclosed", deep(100_000, "[", "1", "")),
        ("deep enough", deep(120, "[", "1", "]")),
        ("deep in a string", format!("{{\"a\":\"{}\"}}", "[".repeat(100_000)).into_bytes()),
        ("no UTF-8", b"{\"a\":\"x\xff\xfe\xc0\x80y\"}\n{\"a\":\"\xed\xa0\x80\"}\n".to_vec()),
        ("NUL", b"{\"a\":\"x\x00y\"}\n{\"a\":\"x\\u0000y\"}\n\x00\x00\n".to_vec()),
        ("lone surrogates", br#"{"a":"x\ud800y"}{"a":"\udc00"}{"a":"\ud800\ud800"}{"a":"\ud83d\ude00"}"#.to_vec()),
        (
            "big numbers",
            br#"{"a":1e999999999,"b":-1e999999999,"c":123456789012345678901234567890,"d":1e-999999999}"#.to_vec(),
        ),
        ("many digits", format!("{{\"a\":{}}}", "9".repeat(1_000_000)).into_bytes()),
        (
            "extremes",
            br#"{"a":-9223372036854775808,"b":9223372036854775807,"c":9223372036854775808,"d":-0.0}"#.to_vec(),
        ),
        (
            "other types by row",
            b"{\"a\":1}\n{\"a\":\"x\"}\n{\"a\":[1]}\n{\"a\":{\"k\":1}}\n{\"a\":null}\n{\"a\":1.5}\n{\"a\":true}\n{}\n"
                .to_vec(),
        ),
        ("wide", format!("{{\"a\":{{{wide}\"z\":1}}}}").into_bytes()),
        ("many columns", columns),
        ("byte order mark", b"\xef\xbb\xbf{\"a\":1}\r\n{\"a\":2}\r\r\n".to_vec()),
        ("UTF-16", b"\xff\xfe{\0\"\0a\0\"\0:\x001\0}\0".to_vec()),
        ("odd UTF-16", b"\xff\xfe{\0\"\0a\0\"\0:\x001\0}".to_vec()),
        ("empty", Vec::new()),
        ("blanks", b" \n\t\r\n  \n".to_vec()),
        ("scalars", b"1\n\"x\"\nnull\n[1,2]\ntrue\n".to_vec()),
        ("half a line", b"{\"a\":1}\n{\"a\":".to_vec()),
        ("a long line", format!("{{\"a\":\"{}\"}}", "x".repeat(5_000_000)).into_bytes()),
        ("CSV with open quote", b"a,b\n1,\"x\n2,y\n".to_vec()),
        ("CSV with ragged rows", b"a,b\n1\n1,2,3\n,,,,\n\"\"\"\",\n".to_vec()),
        ("CSV with equal names", b"a,a,a,,\n1,2,3,4,5\n".to_vec()),
        ("gzip cut short", b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\xab".to_vec()),
        ("gzip of nothing", b"\x1f\x8b".to_vec()),
        ("zstd cut short", b"\x28\xb5\x2f\xfd\x04".to_vec()),
        ("random bytes", (0..20_000u32).map(|it| (it.wrapping_mul(2_654_435_761) >> 13) as u8).collect()),
    ];
    let mut wrong = Vec::new();
    for (name, bytes) in inputs {
        let mut engine = crate::engine(256 << 20, Duration::from_secs(5));
        if let Err(why) = engine.load_bytes("D", bytes) {
            if !matches!(why, Error::Load(_)) {
                wrong.push(format!("{name}: {why:?}"));
            }
            continue;
        }
        for query in QUERIES {
            wrong.extend(crate::run(&engine, &format!("{name}: {query}"), query, Duration::from_secs(8)).1);
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn one(data: &[u8], query: &str) -> Value {
    let mut engine = Engine::new();
    engine.load_bytes("D", data).unwrap();
    engine.query(query).unwrap().rows()[0][0].clone()
}

#[test]
fn nul_is_data_and_bad_text_is_replaced() {
    assert_eq!(one(b"{\"a\":\"x\\u0000y\"}", "D | project strlen(a)"), Value::Long(3));
    assert_eq!(one(b"{\"a\":\"x\xffy\"}", "D | project a"), Value::String("x\u{fffd}y".into()));
    assert_eq!(one(br#"{"a":"x\ud800y"}"#, "D | project a"), Value::String("x\u{fffd}y".into()));
    assert_eq!(one(br#"{"a":"\ud83d\ude00"}"#, "D | project a"), Value::String("\u{1f600}".into()));
}
