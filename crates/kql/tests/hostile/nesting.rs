//! Deep, long and doubling constructs: an answer or a diagnostic, never a stack overflow, never a hang.

use std::{fmt::Write, time::Duration};

/// How long one query may take, in a debug build on a busy machine.
const AT_MOST: Duration = Duration::from_secs(10);

fn nest(n: usize, open: &str, middle: &str, close: &str) -> String {
    format!("{}{middle}{}", open.repeat(n), close.repeat(n))
}

fn each(n: usize, mut line: impl FnMut(usize) -> String) -> String {
    (0..n).fold(String::new(), |mut text, index| {
        text.push_str(&line(index));
        text
    })
}

/// A name and the query of that size.
type Construct = (&'static str, fn(usize) -> String);

/// Constructs that nest: the parser bounds them, or whoever walks them must.
const NESTED: &[Construct] = &[
    ("parentheses", |n| format!("print {}", nest(n, "(", "1", ")"))),
    ("not", |n| format!("print {}", nest(n, "not(", "true", ")"))),
    ("minus", |n| format!("print {}1", "-".repeat(n))),
    ("minus apart", |n| format!("print {}1", "- ".repeat(n))),
    ("minus in parentheses", |n| format!("print {}", nest(n, "-(", "1", ")"))),
    ("calls", |n| format!("T | extend x = {}", nest(n, "strcat('a', ", "s", ")"))),
    ("iff", |n| format!("T | extend x = {}", nest(n, "iff(n == 1, 0, ", "n", ")"))),
    ("case", |n| format!("T | extend x = {}", nest(n, "case(n == 1, 0, n == 2, 1, ", "n", ")"))),
    ("case left", |n| format!("T | extend x = {}", nest(n, "case(", "n == 1", ", true, false)"))),
    ("plus right", |n| format!("T | extend x = {}", nest(n, "n + (", "n", ")"))),
    ("index", |n| format!("T | extend x = d{}", "[0]".repeat(n))),
    ("index in index", |n| format!("T | extend x = {}", nest(n, "d[tostring(", "d", ")]"))),
    ("path", |n| format!("T | extend x = d{}", ".k".repeat(n))),
    ("joins", |n| nest(n, "T | join (", "T", ") on n")),
    ("unions", |n| nest(n, "union T, (", "T", ")")),
    ("in subqueries", |n| nest(n, "T | where n in (", "T | project n", " | project n)")),
    ("toscalar", |n| nest(n, "print x = toscalar(", "print 1", ")")),
    ("mv-apply", |n| format!("T | extend a = pack_array(1) | {}", nest(n, "mv-apply a on (", "take 1", ")"))),
    ("mv-apply under others", |n| {
        format!("T | extend a = pack_array(1) | {}", nest(n, "mv-apply a on (extend b = a | ", "take 1", " | take 1)"))
    }),
    ("partition", |n| format!("T | {}", nest(n, "partition by n (", "take 1", ")"))),
    ("fork", |n| format!("T | {}", nest(n, "fork (", "take 1", ")"))),
    ("materialize", |n| nest(n, "materialize(", "T", ")")),
    ("braces", |n| format!("{} f()", nest(n, "let f = () { ", "T", " }; "))),
    ("lambdas", |n| format!("{}1{} print f()", "let f = () { let g = () { ".repeat(n), "}; g() };".repeat(n))),
    ("dynamic arrays", |n| format!("print dynamic({})", nest(n, "[", "1", "]"))),
    ("dynamic bags", |n| format!("print dynamic({})", nest(n, "{\"a\":", "1", "}"))),
    ("parse_json", |n| format!("print tostring(parse_json('{}'))", nest(n, "[", "1", "]"))),
    ("parse_json apart", |n| format!("print parse_json(strcat(strrep('[', {n}), strrep(']', {n})))")),
    ("unclosed", |n| format!("print {}", "(".repeat(n))),
    ("unclosed mixed", |n| format!("print {}", "([{".repeat(n))),
    ("closers", |n| format!("print {}", ")".repeat(n))),
    ("regex", |n| format!("print 'a' matches regex '{}'", nest(n, "(", "a", ")"))),
    ("regex counts", |n| format!("print 'a' matches regex 'a{}'", "{9}".repeat(n))),
    ("graph", |n| format!("T | make-graph n --> n with T on n | graph-match (a){} project a.n", "-[e]->(b)".repeat(n))),
    ("comments", |n| format!("print 1 {}", "// (\n".repeat(n))),
    ("evaluate", |n| nest(n, "T | join kind=inner (", "T | evaluate bag_unpack(d)", ") on n | project n")),
];

#[test]
fn nested_constructs_end() {
    let engine = crate::engine(256 << 20, Duration::from_secs(1));
    let mut wrong = Vec::new();
    for (name, construct) in NESTED {
        for n in [10, 120, 250, 20_000] {
            wrong.extend(crate::run(&engine, &format!("{name} × {n}"), &construct(n), AT_MOST).1);
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A name, the number of times, and the text of so many.
type Chain = (&'static str, usize, fn(usize) -> String);

/// Constructs that a parser reads in a loop, with the number of times.
const CHAINED: &[Chain] = &[
    ("where", 10_000, |n| format!("T{}", " | where n > 0".repeat(n))),
    ("extend", 5_000, |n| format!("T{}", " | extend x = n".repeat(n))),
    ("extend on extend", 2_000, |n| format!("T | extend x = n{}", " | extend x = x + 1".repeat(n))),
    ("extend of new columns", 1_000, |n| format!("T{}", each(n, |it| format!(" | extend x{it} = n")))),
    ("project", 5_000, |n| format!("T{}", " | project n".repeat(n))),
    ("sort", 1_000, |n| format!("T{}", " | sort by n".repeat(n))),
    ("take", 5_000, |n| format!("T{}", " | take 1".repeat(n))),
    ("summarize", 1_000, |n| format!("T{}", " | summarize n = max(n)".repeat(n))),
    ("distinct", 1_000, |n| format!("T{}", " | distinct n".repeat(n))),
    ("mv-expand", 1_000, |n| format!("T{}", " | mv-expand d".repeat(n))),
    ("serialize", 1_000, |n| format!("T{}", " | serialize r = row_number()".repeat(n))),
    ("join", 500, |n| format!("T{}", " | join kind=leftsemi T on n".repeat(n))),
    ("union chain", 500, |n| format!("T{}", " | union (T | take 0)".repeat(n))),
    ("as", 1_000, |n| format!("T{}", each(n, |it| format!(" | as A{it}")))),
    ("or", 20_000, |n| format!("T | where n == 1{}", " or n == 2".repeat(n))),
    ("and", 20_000, |n| format!("T | where n == 1{}", " and n != 2".repeat(n))),
    ("or and", 10_000, |n| format!("T | where n == 1{}", " or n == 2 and n == 3".repeat(n))),
    ("plus", 20_000, |n| format!("T | extend x = n{}", " + n".repeat(n))),
    ("minus", 20_000, |n| format!("T | extend x = n{}", " - n".repeat(n))),
    ("times", 20_000, |n| format!("T | extend x = n{}", " * 1".repeat(n))),
    ("plus of constants", 20_000, |n| format!("print 1{}", " + 1".repeat(n))),
    ("divide and minus", 10_000, |n| format!("T | extend x = n{}", " / 1 - 0".repeat(n))),
    ("compare chain", 10_000, |n| format!("T | where n{}", " == n".repeat(n))),
    ("strcat", 20_000, |n| format!("T | extend x = strcat(s{})", ", s".repeat(n))),
    ("strcat allowed", 60, |n| format!("T | extend x = strcat(s{})", ", s".repeat(n))),
    ("coalesce", 20_000, |n| format!("T | extend x = coalesce(n{})", ", n".repeat(n))),
    ("case", 10_000, |n| format!("T | extend x = case({}0)", "n == 9, 1, ".repeat(n))),
    ("pack_array", 20_000, |n| format!("T | extend x = pack_array(n{})", ", n".repeat(n))),
    ("dynamic", 100_000, |n| format!("print array_length(dynamic([0{}]))", ",1".repeat(n))),
    ("union", 1_000, |n| format!("union T{}", ", T".repeat(n))),
    ("union of pipelines", 1_000, |n| format!("union T{}", ", (T | where n == 1)".repeat(n))),
    ("in", 100_000, |n| format!("T | where n in (0{})", each(n, |it| format!(",{it}")))),
    ("in strings", 50_000, |n| format!("T | where s in~ ('x'{})", each(n, |it| format!(",'y{it}'")))),
    ("in columns", 10_000, |n| format!("T | where n in (0{})", ",n".repeat(n))),
    ("has_any", 20_000, |n| format!("T | where s has_any ('x'{})", each(n, |it| format!(",'y{it}'")))),
    ("lets", 10_000, |n| format!("{}print x0", each(n, |it| format!("let x{it} = {it}; ")))),
    ("lets on lets", 5_000, |n| {
        format!("let x0 = 1; {}print x{n}", each(n, |it| format!("let x{} = x{it} + 1; ", it + 1)))
    }),
    ("let functions", 10_000, |n| {
        format!("let f0 = () {{ 1 }}; {}print f0()", each(n, |it| format!("let f{} = () {{ f{it}() }}; ", it + 1)))
    }),
    ("lets of one function", 5_000, |n| {
        format!(
            "let f = (x: long) {{ let a0 = x; {}a{n} }}; T | extend y = f(n)",
            each(n, |it| format!("let a{} = a{it} + 1; ", it + 1))
        )
    }),
    ("lets on subqueries", 3_000, |n| {
        format!("let x0 = 1; {}print x{n}", each(n, |it| format!("let x{} = toscalar(print x{it} + 1); ", it + 1)))
    }),
    ("lets on columns", 1_000, |n| {
        format!("let x0 = T; {}x{n}", each(n, |it| format!("let x{} = x{it} | extend n = n + 1; ", it + 1)))
    }),
    ("columns", 10_000, |n| format!("T | extend a = 1{}", each(n, |it| format!(", x{it} = n")))),
    ("aggregates", 2_000, |n| format!("T | summarize a = count(){}", each(n, |it| format!(", x{it} = sum(n)")))),
    ("keys", 2_000, |n| format!("T | summarize count() by n{}", each(n, |it| format!(", x{it} = n")))),
    ("sort keys", 2_000, |n| format!("T | sort by n{}", ", n + 1".repeat(n))),
    ("datatable", 50_000, |n| format!("datatable(a:long)[0{}]", ",1".repeat(n))),
    ("datatable columns", 5_000, |n| format!("datatable(a:long{})[]", each(n, |it| format!(", c{it}:long")))),
    ("statements", 2_000, |n| "print 1;".repeat(n)),
    ("name", 1_000_000, |n| format!("print {} = 1", "a".repeat(n))),
    ("string", 1_900_000, |n| format!("print strlen('{}')", "a".repeat(n))),
    ("digits", 1_000_000, |n| format!("print {}", "9".repeat(n))),
    ("fraction", 1_000_000, |n| format!("print 0.{}", "9".repeat(n))),
    ("decimal", 100_000, |n| format!("print decimal({})", "9".repeat(n))),
    ("parse", 2_000, |n| format!("T | parse s with {}", each(n, |it| format!("'a' x{it} ")))),
    ("has chain", 5_000, |n| format!("T | where s has 'a'{}", each(n, |it| format!(" or s contains 'b{it}'")))),
    ("search", 2_000, |n| format!("search 'a'{}", " or 'b'".repeat(n))),
    ("blanks", 1_900_000, |n| format!("print 1{}", " ".repeat(n))),
    ("pipes", 500_000, |n| "|".repeat(n)),
    ("semicolons", 500_000, |n| ";".repeat(n)),
    ("scan steps", 500, |n| {
        format!("T | sort by n asc | scan with ({})", each(n, |it| format!("step s{it}: n > 0; ")))
    }),
    ("bad tokens", 500_000, |n| format!("print {}", "§".repeat(n))),
    ("unknown names", 10_000, |n| format!("print {}0", each(n, |it| format!("x{it} + ")))),
];

#[test]
fn chains_end() {
    let engine = crate::engine(256 << 20, Duration::from_secs(1));
    let mut wrong = Vec::new();
    for (name, n, construct) in CHAINED {
        wrong.extend(crate::run(&engine, &format!("{name} × {n}"), &construct(*n), AT_MOST).1);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A chain of definitions that each use the one before.
fn doubling(n: usize, first: &str, mut next: impl FnMut(usize) -> String, last: &str) -> String {
    let mut text = format!("{first}; ");
    for index in 1..=n {
        _ = write!(text, "{}; ", next(index));
    }
    text + last
}

#[test]
fn what_doubles_ends() {
    let engine = crate::engine(256 << 20, Duration::from_secs(1));
    let mut wrong = Vec::new();
    let queries: [(&str, String); 10] = [
        ("values", doubling(60, "let x0 = 1", |it| format!("let x{it} = x{0} + x{0}", it - 1), "print x60")),
        ("rows", doubling(60, "let x0 = T", |it| format!("let x{it} = union x{0}, x{0}", it - 1), "x60 | count")),
        ("joins", doubling(60, "let x0 = T", |it| format!("let x{it} = x{0} | join x{0} on n", it - 1), "x60 | count")),
        (
            "functions",
            doubling(
                60,
                "let f0 = (x: long) { x }",
                |it| format!("let f{it} = (x: long) {{ f{0}(x) + f{0}(x) }}", it - 1),
                "T | extend y = f60(n)",
            ),
        ),
        (
            "tabular functions",
            doubling(
                60,
                "let f0 = () { T }",
                |it| format!("let f{it} = () {{ union f{0}(), f{0}() }}", it - 1),
                "f60() | count",
            ),
        ),
        (
            "function chain",
            doubling(
                400,
                "let f0 = (x: long) { x }",
                |it| format!("let f{it} = (x: long) {{ f{0}(x) + 1 }}", it - 1),
                "T | extend y = f400(n)",
            ),
        ),
        (
            "tabular function chain",
            doubling(
                400,
                "let f0 = () { T }",
                |it| format!("let f{it} = () {{ f{0}() | where n > 0 }}", it - 1),
                "f400() | count",
            ),
        ),
        (
            "functions of tables",
            doubling(
                60,
                "let f0 = (t: (*)) { t }",
                |it| format!("let f{it} = (t: (*)) {{ f{0}(f{0}(t)) }}", it - 1),
                "f60(T) | count",
            ),
        ),
        ("extends", format!("T | extend x = n{} | project x", " | extend x = x + x".repeat(60))),
        ("strings", format!("T | extend x = 'ab'{} | project strlen(x)", " | extend x = strcat(x, x)".repeat(60))),
    ];
    for (name, query) in &queries {
        wrong.extend(crate::run(&engine, name, query, AT_MOST).1);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn functions_that_call_themselves_are_refused() {
    let mut engine = crate::engine(256 << 20, Duration::from_secs(1));
    engine.add_function("Self", kql::StoredFunction { parameters: String::new(), body: "Self()".to_owned() });
    engine.add_function("Ping", kql::StoredFunction { parameters: String::new(), body: "Pong()".to_owned() });
    engine.add_function("Pong", kql::StoredFunction { parameters: String::new(), body: "Ping()".to_owned() });
    for query in ["Self()", "Ping()", "Pong() | count", "let f = () { f() }; f()"] {
        let (res, wrong) = crate::run(&engine, query, query, AT_MOST);
        assert_eq!(wrong, None);
        assert!(matches!(res, Err(kql::Error::Query(_))), "{query}: {:?}", res.map(|it| it.rows()));
    }
}
