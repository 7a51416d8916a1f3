//! Random queries over random files, odd ones among them: what is loaded for a query answers as a load of everything does.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail anywhere")]

use kql::{
    Engine, Error, Limits, Load, Now, Outcome, Reads, Schema, Slots, Type,
    formats::{LoadOptions, Loader},
};

/// Numbers from a seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % n
    }

    /// Once in so many times.
    fn once_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    fn pick<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.below(of.len())]
    }
}

const SLOTS: &[&str] = &["name", "deep", "tags", "x", "a b", "", "\u{e9}", "n\\n", "\\u006eame", "K"];

const SCALARS: &[&str] = &[
    "null",
    "true",
    "false",
    "0",
    "7",
    "-12",
    "1.5",
    "-0",
    "1e5",
    "9223372036854775807",
    "9223372036854775808",
    "123456789012345678901234567890",
    "1e308",
    "\"\"",
    "\"u1\"",
    "\"line 77\"",
    "\"2024-01-09T10:00:00Z\"",
    "\"tab\\t \\u00e9 \\\"q\\\"\"",
    "\"\\ud800\"",
    "\"{\\\"name\\\":\\\"inner\\\"}\"",
    "\"[1,{\\\"x\\\":2}]\"",
    "\"true\"",
    " 3 ",
];

fn value(dice: &mut Dice, depth: usize) -> String {
    match dice.below(10) {
        0..4 if depth > 0 => bag(dice, depth - 1),
        4 if depth > 0 => {
            let items: Vec<String> = (0..dice.below(4)).map(|_| value(dice, depth - 1)).collect();
            format!("[{}]", items.join(", "))
        }
        _ => dice.pick(SCALARS).to_owned(),
    }
}

fn bag(dice: &mut Dice, depth: usize) -> String {
    let slots: Vec<String> = (0..dice.below(5))
        .map(|_| {
            // Keys may come twice.
            let key = dice.pick(SLOTS);
            format!("\"{key}\"{}{}", dice.pick(&[":", ": ", " :"]), value(dice, depth))
        })
        .collect();
    format!("{{{}}}", slots.join(","))
}

/// What is odd about a file.
struct Style {
    odd: usize,
    depth: usize,
    lines: usize,
}

fn time(dice: &mut Dice, style: &Style) -> String {
    let text = format!("2024-01-{:02}T{:02}:30:00Z", dice.below(28) + 1, dice.below(24));
    match style.odd {
        1 => dice.pick(&["\"never\"", "null", "\"\"", "\"2024-01-03\"", "\" 2024-01-03T00:00:00Z\""]).to_owned(),
        2 => (1_704_067_200 + dice.below(2_000_000)).to_string(),
        3 if dice.once_in(150) => dice.pick(&["true", "[1]", "{\"x\":1}", "1e300"]).to_owned(),
        4 if dice.once_in(9) => "\"2024-01-05T10:00:00.123+02:00\"".to_owned(),
        _ => format!("\"{text}\""),
    }
}

fn record(dice: &mut Dice, style: &Style, n: usize) -> String {
    let mut members: Vec<String> = Vec::new();
    let mut add = |key: &str, value: String| members.push(format!("\"{key}\":{value}"));
    if !dice.once_in(if style.odd == 5 { 3 } else { 40 }) {
        add("TimeGenerated", time(dice, style));
    }
    if style.odd == 10 && dice.once_in(30) {
        add(dice.pick(&["User", "Mixed", "Far"]), dice.pick(&["1e400", "{\"x\":1e400}", "[1e400]"]).to_owned());
    }
    let kind = match style.odd {
        6 if dice.once_in(20) => value(dice, 1),
        7 => dice.pick(&["\"\"", "null", "\"u\\u0031\"", "\"u1\""]).to_owned(),
        _ => format!("\"u{}\"", dice.below(5)),
    };
    add("Kind", kind);
    let late = n + 20 > style.lines;
    add("N", if style.odd == 8 && late { format!("{n}.5") } else { dice.below(100).to_string() });
    add("R", format!("{}.5", dice.below(50)));
    add("User", if dice.once_in(6) { value(dice, style.depth) } else { bag(dice, style.depth) });
    if dice.once_in(2) {
        add("Mixed", value(dice, style.depth));
    }
    add("Text", format!("\"line {n} \\u00e9\""));
    let is_moment = !(style.odd == 9 && late);
    add("Moment", if is_moment { "\"2024-01-07T00:00:00Z\"".to_owned() } else { "\"soon\"".to_owned() });
    if late {
        add("Late", dice.pick(&["1", "2", "null"]).to_owned());
    }
    if dice.once_in(60) {
        // A column that only few lines have, and a key that comes twice.
        add(&format!("Few{}", dice.below(4)), value(dice, 1));
        add(dice.pick(&["Kind", "TimeGenerated", "N", "User"]), value(dice, 1));
    }
    for at in (1..members.len()).rev() {
        if dice.once_in(3) {
            members.swap(at, dice.below(at + 1));
        }
    }
    format!("{{{}}}", members.join(dice.pick(&[",", ", ", " ,"])))
}

fn file(dice: &mut Dice) -> Vec<u8> {
    let style = Style { odd: dice.below(14), depth: 1 + dice.below(3), lines: 100 + dice.below(300) };
    if dice.once_in(8) {
        let records: Vec<String> = (0..style.lines).map(|n| record(dice, &style, n)).collect();
        return format!("[{}]", records.join(",\n")).into_bytes();
    }
    let mut out = Vec::new();
    for n in 0..style.lines {
        let line = record(dice, &style, n);
        match dice.below(60) {
            0 => out.extend_from_slice(&line.as_bytes()[..dice.below(line.len())]),
            1 => out.extend_from_slice(format!("{line} {}", dice.pick(&["x", "{}", ",", "\0"])).as_bytes()),
            2 => out.extend_from_slice(dice.pick(&["not json", "", "[1,2]", "7", "  ", "{\"a\":[1,}"]).as_bytes()),
            3 => out.extend_from_slice(&line.bytes().map(|it| if it == b'7' { 0xFF } else { it }).collect::<Vec<u8>>()),
            4 => out.extend_from_slice(format!("  {line}\r").as_bytes()),
            _ => out.extend_from_slice(line.as_bytes()),
        }
        out.push(b'\n');
    }
    out
}

const TESTS: &[&str] = &[
    "TimeGenerated > datetime(2024-01-20)",
    "TimeGenerated >= datetime(2024-01-10) and TimeGenerated < datetime(2024-01-12)",
    "TimeGenerated between (datetime(2024-01-05) .. 3d)",
    "TimeGenerated > ago(4d)",
    "TimeGenerated < now(-20d)",
    "TimeGenerated >= Moment",
    "Moment > datetime(2024-01-08)",
    "Kind == 'u1'",
    "Kind in ('u1', 'u3', '')",
    "'u2' == Kind",
    "Kind !in ('u1', 'u2')",
    "Kind =~ 'U4'",
    "Kind == 'u1' or N > 90",
    "N > 70",
    "N == 7",
    "N between (3 .. 40)",
    "R < 20.0",
    "Text has '77'",
    "isnotempty(Kind)",
    "isnull(Late)",
    "User.name == 'u1'",
    "todatetime(tostring(User.deep)) > datetime(2024-01-03)",
    "tolong(Mixed.x) > 3",
    "rand() < 2",
];

const PATHS: &[&str] = &[
    "User.name",
    "User.deep.x",
    "User.deep.name.K",
    "User['a b']",
    "User['']",
    "User['\u{e9}'].x",
    "User['n\\n']",
    "User.tags",
    "User.tags[0]",
    "User.tags[-1].x",
    "User[Kind]",
    "User",
    "Mixed",
    "Mixed.x",
    "Mixed.deep.deep",
    "parse_json(tostring(User)).name",
];

const ENDS: &[&str] = &[
    "count",
    "getschema",
    "summarize count(), min(TimeGenerated), max(TimeGenerated), sum(N), sum(R)",
    "summarize count() by k = tostring({P})",
    "summarize count() by gettype({P}), gettype({Q})",
    "project {P}, {Q} | take 30",
    "extend p = {P} | extend q = p.x | project q, isnull(p), tostring({Q})",
    "top 5 by TimeGenerated desc, Text asc | project {P}",
    "summarize make_set(tostring({P}), 10), dcount(Text)",
    "mv-expand e = {P} | summarize count() by tostring(e), gettype({Q})",
    "summarize arg_max(TimeGenerated, Text, {P}) by Kind",
    "summarize arg_min(N, *) by Kind | project {P}",
    "sort by Text asc | extend d = row_number() | summarize sum(d), take_any(Kind)",
    "project t = ingestion_time(), a = array_length({P}), b = bag_keys({Q}) | summarize count() by t, a, tostring(b)",
    "extend User = {P} | project User.x, Kind",
    "take 7",
    "project-away User, Mixed | take 9",
    "summarize sumif(N, isnotnull({P})), countif(isempty({Q})) by bin(TimeGenerated, 7d)",
    "join kind=inner (T | where N < 20 | summarize v = take_any(Kind) by N) on N | summarize count() by v, tostring({P})",
];

fn query(dice: &mut Dice) -> String {
    let leg = |dice: &mut Dice| {
        let mut out = "T".to_owned();
        for _ in 0..dice.below(4) {
            out.push_str(&format!(" | where {}", dice.pick(TESTS)));
        }
        if dice.once_in(5) {
            out.push_str(&format!(" | where ({}) and {}", dice.pick(TESTS), dice.pick(TESTS)));
        }
        out
    };
    let end = |dice: &mut Dice| dice.pick(ENDS).replace("{P}", dice.pick(PATHS)).replace("{Q}", dice.pick(PATHS));
    let first = leg(dice);
    let (one, other) = (end(dice), end(dice));
    match dice.below(8) {
        0 => format!("union (T | take 0), ({first}), ({}) | {one}", leg(dice)),
        1 => format!("let X = {first}; X | {one}; X | {other}"),
        2 => format!("{first} | where N < toscalar({} | summarize max(N)) | {one}", leg(dice)),
        _ => format!("{first} | {one}"),
    }
}

struct Loaded {
    engine: Engine,
    load: Load,
}

/// How a file is cut up while it is read.
#[derive(Clone, Copy, Debug)]
struct Cut {
    threads: usize,
    chunk_rows: usize,
    block_bytes: usize,
}

fn load(bytes: &[u8], schema: Option<&Schema>, reads: Option<&Reads>, cut: Cut) -> Loaded {
    let mut engine = Engine::new();
    let limits = Limits { threads: cut.threads, ..Limits::interactive() };
    engine.set_limits(limits.clone());
    let mut loader = Loader::new(LoadOptions {
        schema: schema.cloned(),
        columns: reads.map(|it| it.columns.clone()),
        search: reads.map(|it| it.rows.clone()),
        now: Some(0),
        limits,
        chunk_rows: cut.chunk_rows,
        block_bytes: cut.block_bytes,
        ..LoadOptions::default()
    });
    loader.add("t.json", Box::new(std::io::Cursor::new(bytes.to_vec()))).unwrap();
    let load = engine.add_loaded("T", loader.finish().unwrap());
    if let Some(reads) = reads {
        engine.set_kept("T", reads.columns.clone());
        engine.set_kept_rows("T", reads.rows.clone());
    }
    Loaded { engine, load }
}

fn answer(res: Result<Outcome, Error>) -> String {
    match res {
        Ok(outcome) => {
            let table = |it: &kql::ResultTable| format!("{:?} {:?}", it.schema, it.rows().collect::<Vec<_>>());
            let tables = outcome.tables.iter().map(table).collect::<Vec<_>>().join("\n");
            format!("{tables}\n{:?}", outcome.warnings)
        }
        Err(why) => why.to_string(),
    }
}

/// The characters of a text, in order.
fn letters(text: &str) -> Vec<u8> {
    let mut all = text.as_bytes().to_vec();
    all.sort_unstable();
    all
}

/// How many queries were compared, and what of that was pruned.
#[derive(Debug, Default)]
struct Seen {
    queries: usize,
    paths: usize,
    left_out: usize,
    doubtful: usize,
    rejected: u64,
}

fn compare(seed: u64, seen: &mut Seen) {
    let mut dice = Dice(seed);
    let bytes = file(&mut dice);
    let declared =
        Schema::of(&[("Kind", Type::String), ("N", Type::Real), ("User", Type::Dynamic), ("Late", Type::Int)]);
    let schema = dice.once_in(4).then_some(&declared);
    let mut whole = load(&bytes, schema, None, Cut { threads: 1, chunk_rows: 0, block_bytes: 0 });
    // Without any time it would be the clock.
    let has_time = whole.engine.table("T").unwrap().latest("TimeGenerated").is_some();
    let now = if has_time { Now::Latest } else { Now::At(638_400_000_000_000_000) };
    whole.engine.set_now(now);
    seen.rejected += whole.load.accounting.rejected;
    for _ in 0..12 {
        let query = query(&mut dice);
        let Some(reads) = whole.engine.reads(query.as_str()) else { continue };
        let reads = reads.get("T").cloned().unwrap_or_default();
        let cut = Cut {
            threads: 1 + dice.below(2),
            chunk_rows: [0, 7, 64][dice.below(3)],
            block_bytes: [0, 1_500][dice.below(2)],
        };
        let mut pruned = load(&bytes, schema, Some(&reads), cut);
        pruned.engine.set_now(now);
        if pruned.load.doubtful {
            seen.doubtful += 1;
            continue;
        }
        let place = format!("seed {seed}: {query} with {reads:?}, {cut:?}");
        assert_eq!(pruned.engine.table("T").unwrap().schema, whole.engine.table("T").unwrap().schema, "{place}");
        assert_eq!(pruned.load.accounting, whole.load.accounting, "{place}");
        assert_eq!(pruned.engine.now(), whole.engine.now(), "{place}");
        let kept = |it: &Loaded| {
            let mut all = it.load.conversions.clone();
            all.retain(|it| reads.columns.contains_key(&it.column));
            // The first of several threads is not the first of the file.
            all.into_iter().map(|it| (it.column, it.ty, it.count)).collect::<Vec<_>>()
        };
        assert_eq!(kept(&pruned), kept(&whole), "{place}");
        let is_cut = cut.threads > 1 || cut.chunk_rows > 0;
        let (found, expected) = match is_cut {
            false => (pruned.engine.query(query.as_str()), whole.engine.query(query.as_str())),
            true => {
                let mut whole = load(&bytes, schema, None, cut);
                whole.engine.set_now(now);
                (pruned.engine.query(query.as_str()), whole.engine.query(query.as_str()))
            }
        };
        let (found, expected) = (answer(found), answer(expected));
        if found != expected && is_cut && pruned.load.left_out > 0 {
            // Slots of bags from several chunks stand in the order in which the chunks have them, and chunks are others now.
            assert_eq!(letters(&found), letters(&expected), "{place}");
        } else {
            assert_eq!(found, expected, "{place}");
        }
        seen.queries += 1;
        seen.paths += usize::from(reads.columns.values().any(|it| *it != Slots::All));
        seen.left_out += usize::from(pruned.load.left_out > 0);
    }
}

#[test]
fn what_is_pruned_answers_as_the_whole() {
    let mut seen = Seen::default();
    // More of them: KQL_SEEDS=100..5000.
    let seeds = std::env::var("KQL_SEEDS").ok();
    let given =
        seeds.as_deref().and_then(|it| it.split_once("..")).map(|it| it.0.parse().unwrap()..it.1.parse().unwrap());
    for seed in given.clone().unwrap_or(0..40) {
        compare(seed, &mut seen);
    }
    println!("{seen:?}");
    let enough = seen.queries > 200 && seen.paths > 80 && seen.left_out > 40 && seen.rejected > 250;
    assert!(enough || given.is_some(), "{seen:?}");
}
