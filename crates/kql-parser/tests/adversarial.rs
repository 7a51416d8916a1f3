//! Deep, long and broken texts: a result or a diagnostic, on a small stack, in linear time.
#![allow(missing_docs, clippy::expect_used, clippy::panic, clippy::string_slice, reason = "a test may fail anywhere")]

mod support;

use kql_parser::{ParseOptions, format, parse};

/// Runs on a thread with a stack of 2 MiB.
fn on_small_stack(run: impl FnOnce() + Send + 'static) {
    let thread = std::thread::Builder::new().stack_size(2 << 20).spawn(run).expect("a thread");
    thread.join().expect("no overflow and no panic");
}

/// Parses, clones, formats and drops; gives the number of diagnostics.
fn exercise(text: &str) -> usize {
    let (query, diagnostics) = parse(text, &ParseOptions::default());
    let copy = query.clone();
    drop(query);
    let formatted = format(&copy);
    if diagnostics.is_empty() {
        let (again, diagnostics) = parse(&formatted, &ParseOptions::default());
        assert!(diagnostics.is_empty(), "{diagnostics:?}");
        assert_eq!(again.exprs.len(), copy.exprs.len());
    }
    diagnostics.len()
}

/// Recursive constructs: what stands once before, what opens, the core, what closes.
const NESTED: &[(&str, &str, &str, &str)] = &[
    ("print ", "(", "1", ")"),
    ("print ", "not(", "true", ")"),
    ("print ", "f(a, ", "1", ")"),
    ("print x", "[y", "[0]", "]"),
    ("print ", "-(", "1", ")"),
    ("print ", "iff(a == 1 and b + 2 * 3 has 'x' or c in (1), ", "1", ", 2)"),
    ("print ", "1 + 2 * (a == 1 and ", "b", ")"),
    ("print ", "case(a, ", "1", ", 2)"),
    ("print ", "toscalar(T | where x == ", "1", ")"),
    ("T | where ", "a in (", "1", ")"),
    ("T | where ", "a between (1 .. ", "2", ")"),
    ("T | where ", "a in (T | where b has toscalar(", "T", "))"),
    ("", "T | join (", "U", ") on k"),
    ("", "T | lookup (", "U", ") on k"),
    ("", "T | union (", "U", ")"),
    ("", "T | partition by k { ", "T", " }"),
    ("", "materialize(", "T", ")"),
    ("", "macro-expand g as s (", "s.T", ")"),
    ("let f = ", "() { let f = ", "T", "; f }"),
    ("T | ", "mv-apply x on (", "take 1", ")"),
    ("T | ", "partition by k (", "take 1", ")"),
    ("T | ", "fork (", "take 1", ")"),
    ("T | ", "facet by a with (", "take 1", ")"),
    ("T | summarize ", "sum(", "x", ")"),
];

fn nest((head, open, core, close): (&str, &str, &str, &str), depth: usize) -> String {
    format!("{head}{}{core}{}", open.repeat(depth), close.repeat(depth))
}

#[test]
fn nesting_of_every_kind_ends_in_a_result_or_one_diagnostic() {
    on_small_stack(|| {
        for construct in NESTED {
            for depth in [1, 100, 256, 257, 3_000] {
                let n = exercise(&nest(*construct, depth));
                assert!(n <= 1 && (depth > 100 || n == 0) && (depth < 257 || n == 1), "{construct:?} {depth}: {n}");
            }
        }
    });
}

#[test]
fn a_million_brackets() {
    on_small_stack(|| {
        for text in ["(", "[", "{", "print (", "f(", "dynamic([", "a[", "T | join (", "((("] {
            let text = text.repeat(1_000_000 / text.len());
            assert!(exercise(&text) >= 1);
        }
        for text in [
            ")", "]", "}", "|", ";", ",", "-", "!", "'", "=", ".", "..", "\\", "“", "`", "let ", "where ", "| ", "1 ",
            "a ",
        ] {
            exercise(&text.repeat(200_000 / text.len()));
        }
    });
}

#[test]
fn too_deep_is_one_diagnostic() {
    let deep = format!("print dynamic({}{})", "[".repeat(129), "]".repeat(129));
    assert_eq!(parse(&deep, &ParseOptions::default()).1.len(), 1);
    let fine = format!("print dynamic({}{})", "[".repeat(128), "]".repeat(128));
    assert_eq!(parse(&fine, &ParseOptions::default()).1.len(), 0);
    let options = ParseOptions { depth_max: 3, ..ParseOptions::default() };
    assert_eq!(parse("print (((1)))", &options).1.len(), 0);
    assert_eq!(parse("print ((((1))))", &options).1.len(), 1);
}

#[test]
fn long_chains_cost_no_depth() {
    on_small_stack(|| {
        let n = 20_000;
        for (head, part) in [
            ("T | where a == 1", " or a == 1"),
            ("T | where a == 1", " and b has 'x'"),
            ("print 1", " + 1"),
            ("print 1", " * 2 - 3"),
            ("print a", ".b"),
            ("print a", "[0]"),
            ("print 'a'", " 'b'"),
            ("T", " | take 1"),
            ("T | extend a0 = 1", ", a = 1"),
            ("T | where a in (1", ", 2"),
            ("print strcat('a'", ", 'b'"),
            ("union T", ", U"),
            ("let a = 1", "; let a = 1"),
            ("datatable(a:long)[1", ", 2"),
            ("print dynamic([1", ", 2"),
        ] {
            let close = match head {
                _ if head.contains("dynamic") => "])",
                _ if head.contains('[') => "]",
                _ if head.contains('(') => ")",
                _ => "",
            };
            let text = format!("{head}{}{close}", part.repeat(n));
            assert_eq!(exercise(&text), 0, "{head}");
        }
    });
}

#[test]
fn chains_that_would_be_deep_trees_are_bounded() {
    on_small_stack(|| {
        for text in [
            format!("print {}1", "-".repeat(1_000_000)),
            format!("print {}1", "- ".repeat(10_000)),
            format!("print a{}", " has 'x'".repeat(10_000)),
            format!("print a{}", " == 1".repeat(10_000)),
        ] {
            assert_eq!(exercise(&text), 1);
        }
    });
}

#[test]
fn every_prefix_and_every_hole_ends() {
    on_small_stack(|| {
        let text = "let f = (x:long, T:(*)) { T | where a in (1, 2) and b between (x .. 5) };\n\
            T | join kind=inner (U | mv-apply e = d on (where e == 'a' | count)) on $left.a == $right.b\n\
            | summarize n = count(), arg_max(t, *) by bin(t, 1d), ['x y'] | parse m with * 'a' b:long *\n\
            | extend d = dynamic({\"a\": [1, datetime(2020-01-01)]}).a[0] | top 5 by n desc nulls first";
        support::accept(text);
        let ends: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
        for &at in &ends {
            exercise(&text[..at]);
            exercise(&text[at..]);
            for length in [1, 3, 9] {
                let behind = (at + length).min(text.len());
                exercise(&format!("{}{}", &text[..at], &text[behind..]));
                exercise(&format!("{}{}", &text[..behind], &text[at..]));
            }
        }
    });
}

/// What a soup is made of.
#[rustfmt::skip]
const WORDS: &[&str] = &[
    "T", "|", "where", "(", ")", "[", "]", "{", "}", ";", ",", ".", "..", "'a'", "1", "1d", "==", "=", "and", "or",
    "in", "between", "let", "by", "on", "summarize", "join", "union", "mv-expand", "to", "typeof", "dynamic",
    "datetime(1)", "-", "*", "!", "has", "project", "extend", "datatable", "print", "range", "from", "step",
    "search", "find", "scan", "with", "fork", "partition", "graph-match", "-->", "//x\n", "\n", "“", "toscalar",
    "materialize", "parse", "make-series", "kind=", "hint.x=", "set", "declare", "pattern", "macro-expand", "as",
    "top-nested", "of", "evaluate", ":", "=>",
];

/// Random texts of tokens, the same on every run.
#[test]
fn token_soup_ends() {
    on_small_stack(|| {
        let mut seed = 0x2545_f491_4f6c_dd1d_u64;
        for _ in 0..4_000 {
            let mut text = String::new();
            for _ in 0..40 {
                seed ^= seed << 13;
                seed ^= seed >> 7;
                seed ^= seed << 17;
                text.push_str(WORDS[(seed % WORDS.len() as u64) as usize]);
                if seed & (1 << 40) != 0 {
                    text.push(' ');
                }
            }
            exercise(&text);
        }
    });
}

#[test]
fn time_grows_with_the_length_only() {
    let time = |text: String| {
        let start = std::time::Instant::now();
        parse(&text, &ParseOptions::default());
        start.elapsed()
    };
    for part in
        ["T | join (", "(a | ", "f(1 2, ", "{ a ", "T | where (a b | take 1 ", "print dynamic([1 ", "let f = () { x y "]
    {
        let (short, long) = (time(part.repeat(2_000)), time(part.repeat(20_000)));
        assert!(long.as_secs_f64() < 60.0 * short.as_secs_f64() + 0.5, "{part}: {short:?} {long:?}");
    }
}
