//! The fast reader against the careful one, and the accounting, on generated and damaged input.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail anywhere")]

use kql_data::{Field, Limits, Schema, Type};
use kql_formats::{Format, InputFormat, LoadOptions, Loaded, Loader, Shape, WriteOptions, load_bytes, write};
use std::io::Read;

/// SplitMix64.
struct Random(u64);

impl Random {
    /// Of a test. Others: KQL_SEED=1.
    fn of(test: u64) -> Random {
        let seed = std::env::var("KQL_SEED").ok().and_then(|it| it.parse::<u64>().ok()).unwrap_or(0);
        Random(test.wrapping_add(seed.wrapping_mul(1_000)))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }

    fn pick<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.below(of.len())]
    }
}

const KEYS: [&str; 12] = [
    "id",
    "type",
    "TimeGenerated",
    "a key that is longer than thirty-two bytes, by some",
    "k",
    "user",
    "x.y",
    "x_y",
    "é",
    "\\u0061",
    "effective_at",
    "q\\\"",
];
const SCALARS: [&str; 24] = [
    "0",
    "-0",
    "1",
    "-17",
    "9223372036854775807",
    "-9223372036854775808",
    "9223372036854775808",
    "1.0",
    "0.1",
    "1e5",
    "-2.5E-3",
    "1e308",
    "123456789012345678901234567890",
    "true",
    "false",
    "null",
    "\"\"",
    "\"x.y\"",
    "\"žluťoučký kůň\"",
    "\"\\ud83d\\ude00\\n\\/\\u00e9\"",
    "\"2024-01-31T10:00:00Z\"",
    "\"{\\\"a\\\":1}\"",
    "\"0123456789abcdef\"",
    "\"\\\\\"",
];
const ODD: [&str; 14] = [
    "1e400",
    "01",
    "1.",
    "nul",
    "\"\\x\"",
    "\"\\ud800\"",
    "\"\\udc00\\ud800\"",
    "\"a\tb\"",
    "[1,]",
    "{\"a\" 1}",
    "+1",
    "NaN",
    "\"",
    "\u{feff}",
];

fn value(random: &mut Random, depth: usize, out: &mut String) {
    match random.below(if depth == 0 { 6 } else { 9 }) {
        6 | 7 => bag(random, depth - 1, out),
        8 => {
            out.push('[');
            for index in 0..random.below(4) {
                out.push_str(if index > 0 { "," } else { "" });
                out.push_str(random.pick(&["", " ", "\t"]));
                value(random, depth - 1, out);
            }
            out.push(']');
        }
        _ if random.below(200) == 0 => out.push_str(random.pick(&ODD)),
        _ => out.push_str(random.pick(&SCALARS)),
    }
}

fn bag(random: &mut Random, depth: usize, out: &mut String) {
    out.push('{');
    let from = random.below(KEYS.len());
    let n = random.below(6);
    for index in 0..n {
        out.push_str(if index > 0 { "," } else { "" });
        let key = if random.below(8) == 0 { random.below(KEYS.len()) } else { (from + index) % KEYS.len() };
        out.push_str(&format!("\"{}\"{}:{}", KEYS[key], random.pick(&["", "", "", " "]), random.pick(&["", " "])));
        value(random, depth, out);
    }
    out.push('}');
}

fn records(random: &mut Random, n: usize) -> String {
    let mut out = String::new();
    for _ in 0..n {
        bag(random, 3, &mut out);
        out.push_str(random.pick(&["\n", "\n", "\n", "\r\n", "\n\n", " \n"]));
    }
    out
}

fn damage(random: &mut Random, text: &mut Vec<u8>) {
    for _ in 0..=random.below(6) {
        let at = random.below(text.len().max(1));
        match random.below(8) {
            0 => text.truncate(at),
            1 if at < text.len() => text[at] ^= 1 << random.below(8),
            2 if at < text.len() => {
                text[at] = [0, b'\r', b'\n', 0xFF, b'"', b'\\', b'{', b'}', b'[', b']', b','][random.below(11)];
            }
            3 if at < text.len() => _ = text.remove(at),
            4 => text.splice(at..at, [0xEF, 0xBB, 0xBF]).for_each(drop),
            5 => {
                let to = (at + random.below(40)).min(text.len());
                let piece = text[at.min(to)..to].to_vec();
                text.splice(at..at, piece).for_each(drop);
            }
            6 => {
                let to = (at + random.below(20)).min(text.len());
                text.drain(at.min(to)..to).for_each(drop);
            }
            _ => text.insert(at.min(text.len()), random.next() as u8),
        }
    }
}

fn load(text: &[u8], careful: bool, chunk_rows: usize, format: InputFormat) -> Loaded {
    let limits = Limits { line_bytes: 1 << 20, json_depth: 5, ..Limits::default() };
    let loaded =
        load_bytes("x", text, LoadOptions { careful, chunk_rows, format, limits, ..LoadOptions::default() }).unwrap();
    let it = &loaded.accounting;
    assert!(it.is_balanced() && it.bytes == text.len() as u64, "{it:?}");
    assert_eq!(it.rows as usize, loaded.table.n_rows());
    assert_eq!(it.rejected as usize, it.rejects.len());
    loaded
}

fn rows(loaded: &Loaded) -> String {
    let batches: Vec<_> = loaded.table.chunks.iter().map(|it| it.batch.clone()).collect();
    let mut out = Vec::new();
    write(Format::Ndjson, &loaded.table.schema, &batches, &WriteOptions::default(), &mut out).unwrap();
    format!("{:?}\n{}", loaded.table.schema, String::from_utf8(out).unwrap())
}

fn compare(text: &[u8], chunk_rows: usize) -> Loaded {
    let (fast, careful) =
        (load(text, false, chunk_rows, InputFormat::Json), load(text, true, chunk_rows, InputFormat::Json));
    let shown = String::from_utf8_lossy(text);
    assert_eq!(rows(&fast), rows(&careful), "{shown}");
    assert_eq!(fast.accounting, careful.accounting, "{shown}");
    fast
}

#[test]
fn both_readers_agree_on_generated_input() {
    let mut random = Random::of(1);
    for round in 0..300 {
        // A source whose first line is no value may be values over several lines.
        let text = format!("{{}}\n{}", records(&mut random, 20));
        let loaded = compare(text.as_bytes(), [0, 1, 7][round % 3]);
        // Every good line is a row: what serde_json accepts, or numbers beyond its range.
        let good = text
            .lines()
            .filter(|it| serde_json::from_str::<serde_json::Value>(it).is_ok_and(|it| it.is_object()))
            .count();
        assert!(loaded.accounting.rows as usize >= good, "{:?}", loaded.accounting.rejects);
    }
}

#[test]
fn both_readers_agree_on_damaged_input() {
    let mut random = Random::of(2);
    for round in 0..1_500 {
        let mut text = records(&mut random, 8).into_bytes();
        if round % 5 == 0 {
            let page = records(&mut random, 5).trim().replace('\n', ",").replace(",,", ",");
            text = format!("{{\"object\":\"list\",\"data\":[{page}],\"has_more\":false}}\n").into_bytes();
        }
        damage(&mut random, &mut text);
        _ = compare(&text, [0, 1, 7][round % 3]);
    }
}

/// Records whose bags have many keys, of which few rows have each; orders, types and nesting change half way.
fn sparse_records(random: &mut Random, n: usize) -> String {
    let mut out = String::new();
    for row in 0..n {
        let (late, mut keys) = (row > n / 2, Vec::new());
        for key in 0..30 {
            if random.below(if key < 4 { 2 } else { 40 }) == 0 {
                keys.push(key);
            }
        }
        if late {
            keys.reverse();
        }
        out.push_str(&format!("{{\"id\":{row},\"d\":{{"));
        for (index, key) in keys.iter().enumerate() {
            out.push_str(if index > 0 { "," } else { "" });
            out.push_str(&format!("\"key {key}\":"));
            match (key % 5, late) {
                (0, false) => out.push_str(&format!("\"v{}\"", random.below(9))),
                (1, _) => bag(random, 2, &mut out),
                (2, true) => out.push_str(random.pick(&["9223372036854775807", "-9223372036854775808", "1e400", "-0"])),
                _ => value(random, 2, &mut out),
            }
        }
        out.push_str(if random.below(100) == 0 { "}}x\n" } else { "}}\n" });
    }
    out
}

#[test]
fn both_readers_agree_on_slots_that_few_rows_have() {
    let mut random = Random::of(6);
    for round in 0..40 {
        let text = sparse_records(&mut random, 400);
        _ = compare(text.as_bytes(), [0, 16, 100][round % 3]);
    }
}

#[test]
fn both_readers_write_the_same_texts() {
    let mut random = Random::of(7);
    for round in 0..200 {
        let mut text = String::new();
        for _ in 0..30 {
            let odd = random.below(60) == 0;
            text.push_str("{\"object\":\"chat.completion\",\"created\":1778371200,\"choices\":");
            text.push_str(if odd { "" } else { "[" });
            value(&mut random, 3, &mut text);
            text.push_str(if odd { "}\n" } else { "]}\n" });
        }
        let first = "{\"object\":\"chat.completion\",\"created\":1,\"choices\":[]}\n";
        let loaded = compare(format!("{first}{text}").as_bytes(), [0, 1, 7][round % 3]);
        assert_eq!(loaded.shape, Shape::OpenAiChat);
    }
}

/// Arrays of the same keys in all rows: shapes that are remembered, and what differs from them.
#[test]
fn both_readers_write_texts_of_one_shape() {
    let mut random = Random::of(11);
    for round in 0..300 {
        let mut pieces = vec!["[{\"".to_owned()];
        for key in 0..=random.below(5) {
            let key =
                if key == random.below(6) { "finish_reason" } else { random.pick(&["a", "b\\\"", "c d", "message"]) };
            let last = pieces.last_mut().unwrap();
            last.push_str(key);
            last.push_str(random.pick(&["\":", "\":[", "\":{\"k\":", "\": "]));
            let close = match last.as_bytes().last() {
                Some(b'[') => "]",
                Some(b' ') => "",
                _ if last.ends_with("k\":") => "}",
                _ => "",
            };
            pieces.push(format!("{close},\""));
        }
        pieces.last_mut().unwrap().truncate(0);
        let mut text = "{\"object\":\"chat.completion\",\"created\":1,\"choices\":[]}\n".to_owned();
        let depths: Vec<&str> = pieces
            .iter()
            .map(|it| {
                if it.ends_with('[') {
                    "]"
                } else if it.ends_with("k\":") {
                    "}"
                } else {
                    ""
                }
            })
            .collect();
        let end = format!("{}}}]", depths.iter().rev().nth(1).unwrap());
        for _ in 0..30 {
            text.push_str("{\"object\":\"chat.completion\",\"choices\":");
            for piece in &pieces[..pieces.len() - 1] {
                text.push_str(piece);
                match random.below(30) {
                    0 => text.push_str(random.pick(&ODD)),
                    1 => text.push_str("[1,{\"x\":2}]"),
                    2..6 => string(&mut random, &mut text),
                    6 => text.push_str("[]"),
                    7..14 => text.push_str(random.pick(&["\"stop\"", "\"length\"", "null"])),
                    _ => text.push_str(random.pick(&SCALARS)),
                }
            }
            text.push_str(&end);
            text.push_str(random.pick(&["}\n", "}\n", "}\n", " }\n", ",\"z\":1}\n"]));
        }
        let loaded = compare(text.as_bytes(), [0, 1, 7][round % 3]);
        assert_eq!(loaded.shape, Shape::OpenAiChat);
    }
}

/// A string of plain pieces and escapes, so long that it ends in any place of a block.
fn string(random: &mut Random, out: &mut String) {
    out.push('"');
    for _ in 0..random.below(24) {
        match random.below(10) {
            0..4 => out.push_str(random.pick(&["\\\"", "\\\\", "\\n", "\\t", "\\/", "\\b", "\\f", "\\r"])),
            4 => out.push_str(random.pick(&["\\u00e9", "\\ud83d\\ude00", "\\u0000", "\\u001f", "\\u005C"])),
            5 => out.push_str(&"plain text of some length ".repeat(random.below(6))),
            6 if random.below(40) == 0 => {
                out.push_str(random.pick(&["\\x", "\\ud83d", "\u{1}", "\t", "\\u12g4", "\\"]));
            }
            _ => out.extend("žabcdefghijklmnopqrst".chars().take(random.below(21))),
        }
    }
    out.push('"');
}

#[test]
fn both_readers_agree_on_strings_with_escapes() {
    let mut random = Random::of(8);
    let mut n_rows = 0;
    for round in 0..200 {
        let chat = "{\"object\":\"chat.completion\",\"created\":1,\"choices\":[]}\n";
        let mut text = if round % 2 == 0 { String::new() } else { chat.to_owned() };
        for _ in 0..20 {
            text.push_str("{\"object\":\"chat.completion\",\"k\":");
            string(&mut random, &mut text);
            text.push_str(",\"skipped\":[");
            string(&mut random, &mut text);
            text.push_str("],\"choices\":[{");
            string(&mut random, &mut text);
            text.push(':');
            string(&mut random, &mut text);
            text.push_str("}]}\n");
        }
        n_rows += compare(text.as_bytes(), [0, 1, 7][round % 3]).accounting.rows;
    }
    assert!(n_rows > 2_000, "{n_rows}");
}

#[test]
fn threads_change_nothing() {
    let mut random = Random::of(5);
    for round in 0..600 {
        let mut text = match round % 7 {
            0 => sparse_records(&mut random, 60).into_bytes(),
            _ => records(&mut random, 60).into_bytes(),
        };
        if round % 3 == 0 {
            damage(&mut random, &mut text);
        }
        let load = |threads: usize, block_bytes: usize, are_files: bool| {
            let limits = Limits { threads, rejects_kept: 3, ..Limits::default() };
            let options = LoadOptions {
                limits,
                block_bytes,
                format: InputFormat::Json,
                shape: Some(Shape::Plain),
                ..LoadOptions::default()
            };
            let mut loader = Loader::new(LoadOptions { chunk_rows: 16, ..options });
            for name in ["a", "b"] {
                let bytes = std::io::Cursor::new(text.clone());
                match are_files {
                    true => loader.add_file(name, Box::new(bytes)).unwrap(),
                    false => loader.add(name, Box::new(bytes)).unwrap(),
                }
            }
            loader.finish().unwrap()
        };
        let alone = load(1, 0, false);
        let shown = String::from_utf8_lossy(&text);
        for (block, are_files) in [([16, 40, 100][round % 3], false), ([1, 7, 40, 100][round % 4], true)] {
            let together = load(3, block, are_files);
            assert_eq!(rows(&alone), rows(&together), "{shown}");
            assert_eq!(alone.accounting, together.accounting, "{shown}");
            assert_eq!(alone.conversions, together.conversions);
        }
    }
}

/// What several threads convert, and columns of which some threads give up the dictionary: the same as of one.
#[test]
fn threads_change_no_large_table() {
    let mut random = Random::of(9);
    let mut text = String::new();
    for row in 0..120_000 {
        let when =
            if random.below(9) == 0 { "no time".to_owned() } else { format!("2024-01-31T10:{:02}:00Z", row % 60) };
        let late = if row < 60_000 { row % 7 } else { row };
        text.push_str(&format!(
            "{{\"id\":\"id {row}\",\"When\":\"{when}\",\"late\":\"{late}\",\"d\":{{\"k\":\"{row}\"}}}}\n"
        ));
        if random.below(10_000) == 0 {
            text.push_str("{\"id\":\n\n");
        }
    }
    let load = |threads: usize| {
        let schema = Schema::new(vec![Field::new("When", Type::Datetime)]);
        let limits = Limits { threads, ..Limits::default() };
        let options = LoadOptions { limits, block_bytes: 16 << 10, schema: Some(schema), ..LoadOptions::default() };
        load_bytes("x.ndjson", text.clone(), options).unwrap()
    };
    let (alone, together) = (load(1), load(3));
    assert_eq!(rows(&alone), rows(&together));
    assert_eq!(alone.accounting, together.accounting);
    assert_eq!(alone.conversions, together.conversions);
    assert!(alone.conversions[0].count > 1_000 && alone.accounting.rejected > 0);
}

/// A line that is too long, and a reader that fails, end a load at the same place, whatever the threads.
#[test]
fn threads_end_at_the_same_line() {
    let mut random = Random::of(10);
    for round in 0..60 {
        let mut lines: Vec<String> =
            (0..200).map(|row| format!("{{\"n\":{row},\"t\":\"{}\"}}\n", "y".repeat(800))).collect();
        // Behind what one thread reads before others help.
        let odd = 120 + random.below(80);
        let kind = round % 3;
        match kind {
            0 => lines[odd] = format!("{{\"n\":\"{}\"}}\n", "x".repeat(2_000)),
            1 => lines[odd] = "x".repeat(3_000),
            _ => {}
        }
        let bad = odd / 2;
        lines[bad] = "{\n".to_owned();
        let load = |threads: usize, block_bytes: usize, is_file: bool| {
            let limits = Limits { threads, line_bytes: 1_000, ..Limits::default() };
            let shape = Some(Shape::Plain);
            let mut loader = Loader::new(LoadOptions {
                limits,
                block_bytes,
                shape,
                format: InputFormat::Json,
                ..LoadOptions::default()
            });
            let end = if kind == 2 { lines[..odd].concat() } else { lines.concat() };
            let failing: Box<dyn std::io::Read + Send> = match kind {
                2 => Box::new(std::io::Cursor::new(end).chain(Failing)),
                _ => Box::new(std::io::Cursor::new(end)),
            };
            let error = match is_file {
                true => loader.add_file("x", Box::new(std::io::Cursor::new(lines.concat()))).unwrap_err(),
                false => loader.add("x", failing).unwrap_err(),
            };
            (error, loader)
        };
        let (block, is_file) = ([700, 4_096, 9_000][round / 3 % 3], kind != 2 && round / 9 % 2 == 1);
        let ((alone, _), (together, loader)) = (load(1, 0, false), load(2, block, is_file));
        if kind != 2 {
            assert_eq!(alone, together);
        }
        // A reader may fail before the bytes ahead of its end are taken.
        let expected = if kind == 2 { loader.accounting().lines + 1 } else { odd as u64 + 1 };
        assert_eq!(together.line, expected, "{together}");
        // What stands before the line is there: all of it, by the accounting.
        let it = loader.accounting();
        assert!(it.is_balanced() && it.rejects.iter().all(|it| it.line as usize == bad + 1), "{it:?}");
    }
}

/// Fails when it is read.
struct Failing;

impl std::io::Read for Failing {
    fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
        Err(std::io::Error::other("the disk is gone"))
    }
}

#[test]
fn delimited_input_is_accounted_for() {
    let mut random = Random::of(3);
    for round in 0..1_000 {
        let mut text = String::from("id,name,when\n");
        for row in 0..10 {
            text.push_str(&format!(
                "{row},{},{}\r\n",
                random.pick(&["x", "\"a,b\"", "\"q\"\"q\"", "\"two\nlines\"", ""]),
                random.pick(&["2024-01-31T10:00:00Z", "", "true"])
            ));
        }
        let mut text = text.into_bytes();
        damage(&mut random, &mut text);
        _ = load(&text, false, [0, 1, 7][round % 3], InputFormat::Csv);
        _ = load(&text, false, 0, InputFormat::Auto);
    }
}

#[test]
fn any_bytes_end_well() {
    let mut random = Random::of(4);
    for _ in 0..3_000 {
        let n = random.below(300);
        let dense = random.below(2) == 0;
        let text: Vec<u8> = (0..n)
            .map(|_| if dense { b"{}[]\",:\\ \n1tu0ae-."[random.below(18)] } else { random.next() as u8 })
            .collect();
        _ = compare(&text, 0);
        _ = load(&text, false, 0, InputFormat::Auto);
    }
}
