//! What is fuzzed: each target takes any bytes and panics where something does not hold that must.

use kql::{
    Batch, Engine, Error, Geo, GeoFile, Limits, Now, Schema, Set, Slots, Type, Value,
    formats::{Format, Header, InputFormat, LoadOptions, Loaded, Loader, WriteOptions, load_bytes, write},
    parser::{ParseOptions, format, parse},
};
use serde_json::Value as Json;
use std::{io::Cursor, path::Path, sync::Arc, time::Duration};

/// A target: its name, what it does with bytes, and texts to begin with.
pub(crate) struct Target {
    pub(crate) name: &'static str,
    pub(crate) run: fn(&[u8]),
    pub(crate) seeds: &'static [&'static [u8]],
}

/// All of them.
pub(crate) const TARGETS: &[Target] = &[
    Target { name: "syntax", run: syntax, seeds: QUERIES },
    Target { name: "query", run: query, seeds: QUERIES },
    Target { name: "functions", run: functions, seeds: TEXTS },
    Target { name: "json", run: json, seeds: JSON },
    Target { name: "json_value", run: json_value, seeds: JSON },
    Target { name: "delimited", run: delimited, seeds: DELIMITED },
    Target { name: "compressed", run: compressed, seeds: COMPRESSED },
    Target { name: "parquet", run: parquet, seeds: PARQUET },
    Target { name: "rule", run: rule, seeds: RULES },
    Target { name: "geo", run: geo, seeds: &[include_bytes!("../../examples/data/demo.mmdb")] },
];

/// Runs the target of that name.
#[allow(dead_code, reason = "the stable test goes through the table itself")]
pub(crate) fn run(name: &str, bytes: &[u8]) {
    let target = TARGETS.iter().find(|it| it.name == name).unwrap_or_else(|| panic!("there is no target {name}"));
    (target.run)(bytes);
}

const QUERIES: &[&[u8]] = &[
    b"let a = 1; T | where s has 'x' and n between (1 .. a) | summarize c = count(), make_set(s, 5) by bin(t, 1h), s | top 3 by c",
    b"T | extend d = parse_json(s), e = case(n > 1, 'a', n < -1, \"b\", @'c') | mv-expand d to typeof(string) | project-away e | sort by t desc nulls last",
    b"T | join kind=leftouter (U | project n, v) on n | lookup kind=inner U on $left.n == $right.n | union withsource=S (T | take 2) | distinct *",
    b"T | make-series c = count() default=0 on t from datetime(2024-01-01) to datetime(2024-01-02) step 1h by s | extend series_fit_line(c)",
    b"T | parse kind=regex s with * \"a\" x:long \"b\" y | parse-kv s as (k:string, l:long) with (pair_delimiter=';', kv_delimiter='=')",
    b"let f = (x:long, y:string = 'z') { strcat(tostring(x), y) }; T | extend g = f(n) | evaluate bag_unpack(d) | render timechart",
    b"T | scan with_match_id=m declare (k:long = 0) with (step a: n > 1 => k = n; step b output=last: n < a.k;) | serialize r = row_number(), p = prev(n, 1, 0)",
    b"datatable(a:string, b:string)['x','y','y','z'] | make-graph a --> b with_node_id=id | graph-match (p)-[e*1..3]->(q) where p.id != 'z' project p.id, q.id",
    b"search in (T, U) kind=case_sensitive 'term*' and s:\"x\" | top-nested 2 of s with others='o' by count(), top-nested 1 of n by sum(n)",
    b"union isfuzzy=true T, (U | where v !in (1, 2.5, dynamic([3]))) | partition hint.strategy=native by s (top 1 by n) | reduce by s with threshold=0.2",
    b"declare query_parameters(p:timespan = 1d); set query_now = datetime(2024-01-01); range x from now(-p) to now() step 6h | fork (count) (take 1)",
    b"print x = -0x1F, y = 1.5e-3, z = datetime(2024-02-30), g = guid(74be27de-1e4e-49d9-b579-fe0b331d3642), h = h'k', i = ```a\nb```, j = dynamic({\"a\":[1,null,1d]})",
];

const TEXTS: &[&[u8]] = &[
    b"2024-02-29T12:34:56.7890123+02:00",
    b"1.02:03:04.5",
    b"https://user:pw@host.example:8080/p/a?q=1&q=2&r=%20#f",
    b"{\"a\":[1,2.5,{\"b\":null}],\"c\":\"x\\u00e9\"}",
    b"<a b='c'><d>1</d><d>2</d></a>",
    b"a,\"b,c\",d\n1,2,3",
    b"192.168.1.5/24 10.0.0.1 fe80::1%eth0",
    b"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/120.0.0.0 Safari/537.36",
    b"\"C:\\x y\\p.exe\" -f \"q\\\"r\"",
    b"SGVsbG8gV29ybGQ= %F0%9F%98%80 xn--bcher-kva.example",
    b"{\"type\":\"Polygon\",\"coordinates\":[[[0,0],[10,0],[10,10],[0,10],[0,0]]]}",
    b"(?i)([a-z]+)(\\d*)[^x]$",
];

const JSON: &[&[u8]] = &[
    b"{\"TimeGenerated\":\"2024-01-02T03:04:05Z\",\"a\":1,\"b\":{\"c\":[1,2,{\"d\":null}]},\"s\":\"x\\u00e9\\n\"}\n{\"a\":-0.0,\"b\":[]}\n",
    b"[{\"a\":1},{\"a\":\"2\",\"b\":true}]",
    b"{\"object\":\"list\",\"data\":[{\"id\":\"audit_log-1\",\"type\":\"login.succeeded\",\"effective_at\":1702857600}],\"has_more\":false}",
    b"{\"a\":123456789012345678901234567890,\"a\":1e308}\r\n\r\n{\"k\":\"\\ud83d\\ude00\\/\\\"\"}",
    b"{\n \"a\" : { \"b\" : \"{\\\"c\\\":1}\" }\n}\n\xef\xbb\xbf{}",
];

const DELIMITED: &[&[u8]] = &[
    b"a,b,c\n1,\"two, 2\",3\n4,\"q\"\"q\",\n",
    b"id,when\r\n1,2024-01-31T10:00:00Z\r\n2,\"x\ny\"\r\n",
    b"n\n1\n\n2\n",
    b"\xef\xbb\xbfa;b\n1;2\n",
];

const COMPRESSED: &[&[u8]] = &[
    // `{"a":1}` and a line feed, by gzip and by zstd.
    b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\xabVJT\xb22\xac\xe5\x02\x00\xca\x23\xc6\x9d\x08\x00\x00\x00",
    b"\x28\xb5\x2f\xfd\x04\x58\x41\x00\x00{\"a\":1}\n\x9d\x0f\x5b\xae",
];

/// Files of another program, plain and packed, flat and nested, and one of our own.
const PARQUET: &[&[u8]] = &[
    include_bytes!("seeds/flat.parquet"),
    include_bytes!("seeds/pages_v2.parquet"),
    include_bytes!("seeds/nested.parquet"),
    include_bytes!("seeds/gzip.parquet"),
    include_bytes!("seeds/zstd.parquet"),
    include_bytes!("seeds/own.parquet"),
];

const RULES: &[&[u8]] = &[
    include_bytes!("../../queries/openai_scim_configuration_change.yaml"),
    include_bytes!("../../queries/openai_scim_configuration_change.test.yaml"),
    b"{\"$schema\":\"x\",\"resources\":[{\"type\":\"Microsoft.SecurityInsights/alertRules\",\"kind\":\"Scheduled\",\"properties\":{\"displayName\":\"n\",\"query\":\"T | where x\",\"queryFrequency\":\"PT1H\",\"queryPeriod\":\"P1D\",\"severity\":\"Low\"}}]}",
    b"name: Folded\nquery: >-\n  T\n  | where a == 'b'\n\n  | take 1\ntactics: [ InitialAccess ]\nrelevantTechniques:\n- T1078\nentityMappings:\n- entityType: Account\n  fieldMappings: [ {identifier: Name, columnName: a} ]\n",
    b"functions = [\"parsers\"]\n[load]\nSigninLogs = \"logs/*.gz\"\n[watchlists]\nO = { file = \"a.csv\", search-key = \"N\" }\n",
    b"Function:\n  Title: t\nFunctionName: F\nFunctionAlias: G\nParserParams: [ {Name: a, Type: string, Default: '*'} ]\nFunctionQuery: |\n  T | where x == a\n",
];

/// Bounds under which a run ends soon.
fn limits() -> Limits {
    Limits { time: Some(Duration::from_secs(2)), memory: 64 << 20, ..Limits::untrusted() }
}

/// Lexer, parser, formatter: places lie on characters, and a text without errors keeps its meaning.
fn syntax(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let (tree, diagnostics) = parse(&text, &ParseOptions::default());
    for it in &diagnostics {
        assert!(text.get(it.span.range()).is_some(), "{it:?}");
    }
    let formatted = format(&tree);
    if diagnostics.iter().any(kql::Diagnostic::is_error) {
        return;
    }
    let (again, diagnostics) = parse(&formatted, &ParseOptions::default());
    assert!(!diagnostics.iter().any(kql::Diagnostic::is_error), "{text}\n=>\n{formatted}\n{diagnostics:?}");
    assert_eq!(format(&again), formatted, "{text}");
}

/// An engine with two small tables.
fn engine() -> Engine {
    let mut engine = Engine::new();
    engine.set_limits(limits());
    engine.set_now(Now::At(638_500_000_000_000_000));
    let bag = kql::json::read("{\"a\":1,\"b\":[1,\"x\"]}").map_or(Value::Null, Value::Dynamic);
    let row = |n: i64, s: &str| {
        vec![
            Value::Datetime(638_400_000_000_000_000 + n * 9_876_543_210),
            Value::String(s.into()),
            Value::Long(n),
            Value::Real(n as f64 / 2.0),
            bag.clone(),
        ]
    };
    let rows = vec![row(1, "a=1;b=x"), row(-2, ""), row(i64::MAX / 16_000_000_000, "\u{17e}lu\u{165} a1b2")];
    let columns =
        [("t", Type::Datetime), ("s", Type::String), ("n", Type::Long), ("r", Type::Real), ("d", Type::Dynamic)];
    engine.load_rows("T", &columns, rows).expect("the rows fit");
    let rows = vec![vec![Value::Long(1), Value::Real(1.5)], vec![Value::Null, Value::Real(f64::NAN)]];
    engine.load_rows("U", &[("n", Type::Long), ("v", Type::Real)], rows).expect("the rows fit");
    engine
}

fn expect_no_bug(answer: Result<kql::Outcome, Error>) {
    if let Err(Error::Bug(why)) = answer {
        panic!("{why}");
    }
}

/// Binder, optimiser, executor: an answer or an error, and no other with the optimiser off.
fn query(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let mut engine = engine();
    _ = engine.check(&*text);
    expect_no_bug(engine.query(&*text));
    engine.set_optimised(false);
    expect_no_bug(engine.query(&*text));
}

/// Functions that take texts apart.
fn functions(bytes: &[u8]) {
    const CALLS: &[&str] = &[
        "todatetime(s), totimespan(s), tolong(s), todouble(s), todecimal(s), tobool(s), toguid(s), tohex(tolong(s))",
        "parse_json(s), parse_xml(s), parse_csv(s), parse_url(s), parse_urlquery(s), parse_path(s), parse_version(s)",
        "parse_ipv4(s), parse_ipv6(s), ipv4_is_private(s), ipv4_netmask_suffix(s), ipv6_compare(s, '::1'), has_ipv4(s, '10.0.0.1')",
        "parse_user_agent(s, 'browser'), parse_command_line(s, 'windows'), punycode_to_string(s), punycode_from_string(s)",
        "url_decode(s), url_encode(s), base64_decode_tostring(s), base64_decode_toarray(s), gzip_decompress_from_base64_string(s)",
        "zlib_decompress_from_base64_string(s), base64_decode_toguid(s), unicode_codepoints_from_string(s), reverse(s), toupper(s)",
        "split(s, ','), substring(s, -3, 2), indexof(s, 'a', -2), countof(s, 'a'), trim(@'\\W+', s), replace_regex(s, @'(\\w)', @'\\1\\1')",
        "extract_json('$.a[0].b', s), bag_keys(parse_json(s)), treepath(parse_json(s)), dynamic_to_json(parse_json(s))",
        "array_sort_asc(parse_json(s)), array_sum(parse_json(s)), series_stats_dynamic(parse_json(s)), jaccard_index(parse_json(s), dynamic([1]))",
        "geo_polygon_area(parse_json(s)), geo_line_length(parse_json(s)), geo_polygon_to_s2cells(parse_json(s), 3), geo_geohash_to_central_point(s)",
        "geo_h3cell_to_central_point(s), geo_s2cell_to_central_point(s), format_datetime(todatetime(s), 'yyyy-MM-dd'), hash_sha256(s)",
        "s matches regex '[a-z]+', s has 'a', s contains s, s startswith 'A', s has_any ('x', s), strcmp(s, 'a'), strlen(s)",
    ];
    let text = String::from_utf8_lossy(bytes);
    let mut engine = Engine::new();
    engine.set_limits(limits());
    let rows = vec![vec![Value::String((&*text).into())], vec![Value::String("".into())]];
    engine.load_rows("T", &[("s", Type::String)], rows).expect("the rows fit");
    for it in CALLS {
        expect_no_bug(engine.query(format!("T | project {it}").as_str()));
    }
    // The text as a pattern, and as a format.
    let literal = format!("\"{}\"", text.escape_default());
    expect_no_bug(engine.query(format!("T | project extract({literal}, 0, s), s matches regex {literal}").as_str()));
    expect_no_bug(
        engine.query(format!("print format_datetime(now(), {literal}), format_timespan(1d, {literal})").as_str()),
    );
}

fn load(bytes: &[u8], options: LoadOptions) -> Option<Loaded> {
    let limits = Limits { line_bytes: 1 << 20, json_depth: 20, ..limits() };
    let loaded = load_bytes("x", bytes, LoadOptions { limits, ..options }).ok()?;
    let it = &loaded.accounting;
    assert!(it.is_balanced(), "{it:?}");
    assert_eq!(it.rows as usize, loaded.table.n_rows());
    Some(loaded)
}

fn lines(loaded: &Loaded) -> String {
    let batches: Vec<Batch> = loaded.table.chunks.iter().map(|it| it.batch.clone()).collect();
    let mut out = Vec::new();
    write(Format::Ndjson, &loaded.table.schema, &batches, &WriteOptions::default(), &mut out).expect("memory takes it");
    format!("{:?}\n{}", loaded.table.schema, String::from_utf8(out).expect("JSON is UTF-8"))
}

/// Readers of JSON: every byte is accounted for, the fast path reads what the careful one reads.
fn json(bytes: &[u8]) {
    let read = |careful: bool, format: InputFormat, chunk_rows: usize| {
        load(bytes, LoadOptions { careful, format, chunk_rows, ..LoadOptions::default() })
    };
    let fast = read(false, InputFormat::Json, 3);
    let careful = read(true, InputFormat::Json, 3);
    match (&fast, &careful) {
        (Some(fast), Some(careful)) => {
            assert_eq!(lines(fast), lines(careful));
            assert_eq!(fast.accounting, careful.accounting);
        }
        _ => assert_eq!(fast.is_some(), careful.is_some()),
    }
    _ = read(false, InputFormat::Auto, 0);
}

/// One JSON value: what `serde_json` reads is read, and means the same.
fn json_value(bytes: &[u8]) {
    let line: Vec<u8> = [b"{\"a\":", bytes, b"}"]
        .concat()
        .into_iter()
        .map(|it| if matches!(it, b'\n' | b'\r') { b' ' } else { it })
        .collect();
    let Ok(expected) = serde_json::from_slice::<Json>(&line) else { return };
    // Another key makes other columns, which is not what is looked at here.
    let Some(expected) = expected.as_object().filter(|it| it.len() == 1).and_then(|it| it.get("a")) else { return };
    if depth(expected) > 15 {
        return;
    }
    let schema = Some(Schema::of(&[("a", Type::Dynamic)]));
    let options = LoadOptions {
        schema,
        format: InputFormat::Json,
        shape: Some(kql::formats::Shape::Plain),
        ..LoadOptions::default()
    };
    let loaded = load(&line, options).unwrap_or_else(|| panic!("not loaded"));
    assert_eq!(loaded.accounting.rows, 1, "{:?}", loaded.accounting);
    let column = &loaded.table.chunks[0].batch.columns[0];
    let text = column.dynamic(0).json();
    let found: Json = serde_json::from_str(&text).unwrap_or_else(|why| panic!("{why}: {text}"));
    assert!(same(&found, expected), "{expected} was read as {found}");
}

fn depth(value: &Json) -> usize {
    match value {
        Json::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Json::Object(slots) => 1 + slots.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

/// Whether two values mean the same: numbers by value, but for the last bits, which `serde_json` does not round.
fn same(a: &Json, b: &Json) -> bool {
    match (a, b) {
        (Json::Number(a), Json::Number(b)) => {
            let near = |a: f64, b: f64| a == b || (a - b).abs() <= 1e-15 * a.abs();
            a == b || a.as_f64().zip(b.as_f64()).is_some_and(|(a, b)| near(a, b))
        }
        (Json::Array(a), Json::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Json::Object(a), Json::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| same(a, b)))
        }
        _ => a == b,
    }
}

/// Delimited texts: accounted for, and what the `csv` crate would write just so is read as it reads it.
fn delimited(bytes: &[u8]) {
    for format in [InputFormat::Csv, InputFormat::Tsv, InputFormat::Scsv, InputFormat::Auto] {
        _ = load(bytes, LoadOptions { format, chunk_rows: 2, ..LoadOptions::default() });
    }
    let Some(records) = canonical(bytes) else { return };
    let n_columns = records[0].len();
    let names: Vec<String> = (0..n_columns).map(|it| format!("c{it}")).collect();
    let fields: Vec<(&str, Type)> = names.iter().map(|it| (it.as_str(), Type::String)).collect();
    let schema = Some(Schema::of(&fields));
    let options = LoadOptions { schema, format: InputFormat::Csv, header: Header::Absent, ..LoadOptions::default() };
    let loaded = load(bytes, options).unwrap_or_else(|| panic!("not loaded"));
    let rows = loaded.table.chunks.iter().flat_map(|it| {
        (0..it.batch.n_rows).map(move |row| it.batch.columns.iter().map(|it| it.value(row).text()).collect::<Vec<_>>())
    });
    assert_eq!(rows.collect::<Vec<_>>(), records, "{:?}", loaded.accounting);
}

/// The records of a text that the `csv` crate would write to the same bytes.
fn canonical(bytes: &[u8]) -> Option<Vec<Vec<String>>> {
    if bytes.starts_with(b"\xef\xbb\xbf") || bytes.iter().any(|it| matches!(it, 0 | b'\r')) {
        return None;
    }
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(bytes);
    let records = reader.records().collect::<Result<Vec<_>, _>>().ok().filter(|it| !it.is_empty())?;
    let mut writer = csv::Writer::from_writer(Vec::new());
    for it in &records {
        // A line of blanks alone is no row here, and the crate trims nothing.
        if it.iter().all(|it| it.trim().is_empty()) {
            return None;
        }
        writer.write_record(it).ok()?;
    }
    let written = writer.into_inner().ok()?;
    (written == bytes).then(|| records.iter().map(|it| it.iter().map(str::to_owned).collect()).collect())
}

/// Compressed input: it is unpacked or refused, within bounds.
fn compressed(bytes: &[u8]) {
    _ = load(bytes, LoadOptions::default());
}

/// Parquet files: read or refused, the same from memory and from a file; a column by itself is what it is beside others; what
/// is written of them reads as it was.
fn parquet(bytes: &[u8]) {
    let options = |columns| LoadOptions { format: InputFormat::Parquet, columns, ..LoadOptions::default() };
    let whole = load(bytes, options(None));
    let limits = Limits { line_bytes: 1 << 20, json_depth: 20, ..limits() };
    let mut loader = Loader::new(LoadOptions { limits, ..options(None) });
    let file = loader.add_file("x", Box::new(Cursor::new(bytes.to_vec()))).ok().and_then(|()| loader.finish().ok());
    assert_eq!(whole.as_ref().map(lines), file.as_ref().map(lines));
    let Some(whole) = whole else { return };
    // A file may have columns of one name.
    let names: Set<&str> = whole.table.schema.fields.iter().map(|it| &*it.name).collect();
    if names.len() < whole.table.schema.len() {
        return;
    }
    for (at, field) in whole.table.schema.fields.iter().enumerate() {
        let wanted = [(field.name.to_string(), Slots::All)].into_iter().collect();
        let one = load(bytes, options(Some(wanted))).unwrap_or_else(|| panic!("{} is not loaded", field.name));
        assert_eq!(column(&one, at), column(&whole, at), "{}", field.name);
    }
    let batches: Vec<Batch> = whole.table.chunks.iter().map(|it| it.batch.clone()).collect();
    let mut out = Vec::new();
    write(Format::Parquet, &whole.table.schema, &batches, &WriteOptions::default(), &mut out).expect("memory takes it");
    let again = load(&out, options(None)).unwrap_or_else(|| panic!("what was written is not read"));
    assert_eq!(lines(&again), lines(&whole));
}

/// The values of a column, as texts.
fn column(loaded: &Loaded, at: usize) -> Vec<String> {
    let rows = loaded.table.chunks.iter().flat_map(|it| (0..it.batch.n_rows).map(move |row| (it, row)));
    rows.map(|(it, row)| it.batch.columns[at].value(row).text()).collect()
}

/// Rules, tests of rules, project files: notes with places in the text, whatever it is.
fn rule(bytes: &[u8]) {
    for name in ["r.yaml", "r.json", "r.kql", "r.md", "kql.toml"] {
        let contents = kql_rules::read(name, bytes);
        let length = contents.source.text.len();
        for rule in &contents.rules {
            let text = &rule.query.text;
            for range in [0..text.len(), 0..0, text.len() / 2..text.len()] {
                let place = rule.query.place(range);
                assert!(place.start <= place.end && place.end <= length, "{place:?} in {length}");
            }
        }
        for note in contents.all_notes() {
            assert!(note.place.start <= note.place.end && note.place.end <= length, "{note:?}");
        }
    }
    let (source, _) = kql_rules::Source::of_bytes("r.test.yaml", bytes);
    _ = kql_rules::test::read(Path::new("r.test.yaml"), Arc::new(source));
    let (source, _) = kql_rules::Source::of_bytes("kql.toml", bytes);
    _ = kql_rules::Project::parse(Path::new("."), source);
}

/// MaxMind DBs.
fn geo(bytes: &[u8]) {
    let Ok(file) = GeoFile::new(bytes) else { return };
    for address in ["0.0.0.0", "1.1.1.1", "192.0.2.10", "255.255.255.255", "::", "2001:db8::1", "ffff::", "nonsense"] {
        _ = file.look_up(address);
    }
}
