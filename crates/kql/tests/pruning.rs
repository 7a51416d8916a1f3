//! Tables of which only some columns were loaded answer as whole ones do.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail anywhere")]

use kql::{Engine, Error, Map, Outcome, Reads, Slots, formats::Loader};

/// Records whose columns have one type, several, or none; one comes late, one has moments but for a last value.
fn records() -> String {
    let mut out = String::new();
    for n in 0..3_000 {
        let mixed = match n % 3 {
            0 => n.to_string(),
            1 => format!("\"t{n}\""),
            _ => format!("{{\"x\":{n},\"y\":[1,{n}]}}"),
        };
        let almost = if n == 2_999 { "never".to_owned() } else { format!("2024-01-31T10:00:{:02}Z", n % 60) };
        let (day, late) = (n % 28 + 1, if n > 2_900 { ",\"Late\":7.5" } else { "" });
        out.push_str(&format!(
            "{{\"TimeGenerated\":\"2024-01-{day:02}T10:00:00Z\",\"N\":{n},\"R\":{n}.5,\"B\":{},\"User\":{{\"name\":\"u{}\",\
             \"tags\":[\"a\",{n}],\"deep\":{{\"n\":{n}}}}},\"Text\":\"line {n} \\u00e9\\n\",\"Mixed\":{mixed},\
             \"Almost\":\"{almost}\",\"Moment\":\"2024-02-01T00:00:00Z\",\"Empty\":null{late}}}\n",
            n % 2 == 0,
            n % 7,
        ));
        match n % 500 {
            1 => out.push_str("{\"TimeGenerated\":\"2024-01-01T00:00:00Z\",\"User\":{\"name\":\"u1\"\n"),
            2 => out
                .push_str("{\"N\":1,\"User\":{\"name\":1e400},\"Mixed\":1e400,\"N\":\"twice\",\"Text\":\"\\ud800\"}\n"),
            3 => out.push_str("not json\n\n{\"Mixed\":[1,]}\n{\"Other\":[[[1]]],\"N\":-0}\n"),
            _ => {}
        }
    }
    out
}

const QUERIES: &[&str] = &[
    "T | count",
    "T | where N > 10 | count",
    "T | where TimeGenerated > datetime(2024-01-20) | summarize count() by bin(TimeGenerated, 1d)",
    "T | take 3",
    "T | getschema",
    "T | project-away Text, User | top 5 by R",
    "T | project-keep M*",
    "T | where User.name == 'u3' | summarize sum(N)",
    "T | summarize count() by tostring(User.name), gettype(Mixed)",
    "T | extend k = tostring(Mixed) | summarize dcount(k)",
    "T | where Almost contains 'never' | project Almost, Late",
    "T | summarize min(Moment), max(Almost)",
    "T | where isnotnull(Late) | summarize sum(Late), count() by B",
    "T | search 'u5' | count",
    "search 'line 77' | count",
    "T | where * has 'never'",
    "T | extend p = pack_all() | project p | take 2",
    "T | distinct *  | count",
    "T | join kind=inner (T | where N < 5 | project N, Text) on N | project N, Text1, R",
    "union T, (T | project N) | summarize count(), sum(R)",
    "T | mv-expand t = User.tags | summarize count() by tostring(t) | top 3 by count_ | project count_",
    "let x = toscalar(T | summarize max(R)); T | where R == x | project Text",
    "T | evaluate bag_unpack(User) | summarize count() by name",
    "T | where Empty == '' | count",
    "T | extend Nothing = column_ifexists('Late', 0.0) | summarize sum(Nothing)",
    "T | extend Nothing = column_ifexists('NotThere', 1) | summarize sum(Nothing)",
    "T | where Text has '77' | project Text; T | summarize max(N)",
    "T | sort by N asc | extend d = N - prev(N) | summarize sum(d)",
    "T | make-series count() on TimeGenerated step 1d | project count_",
    "T | parse Text with 'line ' n:long * | summarize sum(n)",
    "T | project Other | where isnotnull(Other)",
    "T | where N in ((T | where R < 9 | project N)) | project Mixed",
    "T | summarize arg_max(N, *) by B | project-away Text",
    "T | as X | union X | count",
    "T | sample-distinct 1 of B | count",
    "T | facet by B, Late",
    "T | project User.name, User.deep.n | summarize count() by tostring(User_name), gettype(User_deep_n)",
    "T | extend u = User.deep | extend n = u.n | summarize sum(tolong(n)), countif(isnull(u))",
    "T | extend u = User.deep | project u.n, keys = bag_keys(u) | summarize count() by tostring(keys)",
    "T | project User['name'], User.tags[0], User['tags'][1] | summarize count() by tostring(User_name)",
    "T | summarize count() by gettype(User.name), gettype(User.nope), gettype(User.tags), gettype(User.deep.n.x)",
    "T | summarize count() by gettype(User.tags.x), tostring(User.tags[-1].y), isnull(User.deep), isempty(User.name.x)",
    "T | summarize count() by tostring(Mixed.x), gettype(Mixed.y), gettype(Mixed.x.z)",
    "T | mv-expand y = Mixed.y | summarize count() by tostring(y) | count",
    "T | extend k = iff(N % 2 == 0, 'name', 'deep') | summarize dcount(tostring(User[k]))",
    "T | summarize arg_max(N, User) by B | project User.name",
    "T | sort by tostring(User.name) asc, N asc | take 5 | project User.deep.n",
    "union (T | where N < 5 | project v = User), (T | where N > 2990 | project v = Mixed) | project v.name, v.x",
    "T | join kind=inner (T | where N < 50 | project N, User) on N | project User.name, User1.deep.n",
    "T | where User.deep.n > 2990 | mv-apply t = User.tags on (where gettype(t) == 'long') | project t",
    "T | extend u = todynamic(tostring(User)) | summarize dcount(tostring(u.name))",
    "T | make-series count() on TimeGenerated step 1d by tostring(User.name)",
];

fn load(text: &str, reads: Option<&Reads>, threads: usize) -> Engine {
    let mut engine = Engine::new();
    let mut limits = engine.limits().clone();
    limits.threads = threads;
    engine.set_limits(limits);
    let mut loader: Loader = engine.loader_for("T", reads.map(|it| it.columns.clone()), None);
    loader.add("t.json", Box::new(std::io::Cursor::new(text.to_owned()))).unwrap();
    _ = engine.finish_load("T", loader).unwrap();
    if let Some(reads) = reads {
        engine.set_kept("T", reads.columns.clone());
    }
    engine
}

/// Those columns, whole.
fn columns(names: &[&str]) -> Map<String, Slots> {
    names.iter().map(|it| ((*it).to_owned(), Slots::All)).collect()
}

fn answer(res: Result<Outcome, Error>) -> String {
    match res {
        Ok(outcome) => {
            let table = |it: &kql::ResultTable| format!("{:?} {:?}", it.schema, it.rows().collect::<Vec<_>>());
            outcome.tables.iter().map(table).collect::<Vec<_>>().join("\n")
        }
        Err(why) => why.to_string(),
    }
}

#[test]
fn columns_that_a_query_does_not_read_need_not_be_loaded() {
    let text = records();
    let whole = load(&text, None, 1);
    let of_t = |it: Map<String, Reads>| it.get("T").cloned().unwrap_or_default();
    let (mut n_pruned, mut n_paths, all) = (0, 0, whole.table("T").unwrap().schema.len());
    for query in QUERIES {
        // What cannot tell is run over whole tables.
        let Some(reads) = whole.reads(*query).map(of_t) else { continue };
        n_pruned += usize::from(reads.columns.len() < all);
        n_paths += usize::from(reads.columns.values().any(|it| *it != Slots::All));
        for threads in [1, 2] {
            let pruned = load(&text, Some(&reads), threads);
            assert_eq!(pruned.table("T").unwrap().schema, whole.table("T").unwrap().schema, "{query}");
            assert_eq!(answer(pruned.query(*query)), answer(whole.query(*query)), "{query} over {reads:?}");
        }
    }
    assert!(n_pruned > 20 && n_paths > 10, "{n_pruned}, {n_paths}");
    assert!(whole.columns_read("T | evaluate bag_unpack(User)").is_none());
    assert!(whole.columns_read("T | where Nope > 1").is_none());
}

#[test]
fn bad_lines_are_counted_whatever_is_kept() {
    let text = records();
    let accounting = |columns: Option<Map<String, Slots>>| {
        let mut loader = Engine::new().loader_for("T", columns, None);
        loader.add("t.json", Box::new(std::io::Cursor::new(text.clone()))).unwrap();
        loader.accounting().clone()
    };
    let whole = accounting(None);
    assert!(whole.rejected > 10 && whole.is_balanced());
    for names in [&["N"][..], &["User"], &["Mixed", "Text"], &["None"]] {
        assert_eq!(accounting(Some(columns(names))), whole, "{names:?}");
    }
    let slots = |path: &[&str]| Some([("User".to_owned(), Slots::All.under(path))].into_iter().collect());
    for path in [&["name"][..], &["deep", "n"], &["not there"]] {
        assert_eq!(accounting(slots(path)), whole, "{path:?}");
    }
}

#[test]
fn a_column_that_was_not_loaded_is_told_and_not_null() {
    let mut kept = columns(&["R"]);
    _ = kept.insert("User".to_owned(), Slots::All.under(&["name"]));
    let engine = load(&records(), Some(&Reads { columns: kept, ..Reads::default() }), 1);
    assert!(engine.query("T | summarize dcount(tostring(User.name))").is_ok());
    for more in ["User", "User.deep", "User.deep.n", "bag_keys(User)"] {
        let error = engine.query(format!("T | project {more}").as_str()).unwrap_err().to_string();
        assert!(error.contains("`User`") && error.contains("not loaded"), "{more}: {error}");
    }
    assert!(engine.query("T | summarize sum(R)").is_ok());
    let error = engine.query("T | summarize sum(Late)").unwrap_err().to_string();
    assert!(error.contains("`Late`") && error.contains("not loaded"), "{error}");
}

#[test]
fn mapped_records_too() {
    let files: [(&str, &[u8]); 2] = [
        ("OpenAIAuditLogs", include_bytes!("../../../examples/data/audit.ndjson")),
        ("OpenAIChatCompletions", include_bytes!("../../../examples/data/completions.ndjson")),
    ];
    let load = |reads: Option<&Map<String, Reads>>| {
        let mut engine = Engine::with_builtin_schemas();
        for (name, bytes) in files {
            let mut all = Reads::default();
            reads.into_iter().flat_map(|it| it.values()).for_each(|it| all.extend(it));
            let mut loader = engine.loader_for(name, reads.map(|_| all.columns), None);
            loader.add(name, Box::new(std::io::Cursor::new(bytes))).unwrap();
            _ = engine.finish_load(name, loader).unwrap();
        }
        engine
    };
    let whole = load(None);
    for query in [
        "OpenAIAuditLogs | count",
        "OpenAIAuditLogs | summarize count() by EventType",
        "OpenAIAuditLogs | summarize count() by tostring(ActorSession.user.email), ActorType",
        "OpenAIAuditLogs | where isnotempty(Project) | summarize dcount(Id), max(EffectiveAt) by tostring(Project.id)",
        "OpenAIAuditLogs | where EventType has 'key' | project EventDetails",
        "OpenAIAuditLogs | where EventType has 'login' | top 3 by TimeGenerated",
        "OpenAIAuditLogs | getschema",
        "OpenAIChatCompletions | summarize sum(InputTokensUsed), sum(OutputTokensUsed) by ModelName",
        "OpenAIChatCompletions | summarize count() by tostring(EventFinishReasons[0])",
        "OpenAIChatCompletions | summarize count() by tostring(AdditionalFields.input_user)",
        "OpenAIChatCompletions | summarize max(strlen(EventOriginalResultDetails))",
        "OpenAIChatCompletions | take 2",
    ] {
        let reads = whole.reads(query).unwrap();
        assert_eq!(answer(load(Some(&reads)).query(query)), answer(whole.query(query)), "{query}");
    }
}
