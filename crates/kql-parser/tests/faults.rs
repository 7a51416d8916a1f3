//! What is reported, with code and place, and how parsing goes on after it.
#![allow(missing_docs, clippy::expect_used, clippy::panic, reason = "a test may fail anywhere")]

mod support;

use kql_parser::syntax::{ExprKind, Operator};
use kql_parser::{ParseOptions, is_incomplete, line_column, parse};
use support::{accept, faults, pipeline};

#[test]
fn exact_faults() {
    for (text, expected) in [
        ("", vec!["SYN0002 0..0 the text holds no query"]),
        ("// only a comment", vec!["SYN0002 17..17 the text holds no query"]),
        ("T | wehre x", vec!["SYN0002 4..9 unknown operator `wehre`; did you mean `where`?"]),
        ("T | select a", vec!["SYN0002 4..10 unknown operator `select`; did you mean `project`?"]),
        ("T | project-awy a", vec!["SYN0002 4..15 unknown operator `project-awy`; did you mean `project-away`?"]),
        ("T | zzz", vec!["SYN0002 4..7 unknown operator `zzz`"]),
        (
            "T | take 10 take 5",
            vec!["SYN0002 12..16 expected `|` before `take`; to begin the operator take, write `| take`"],
        ),
        (
            "T\nwhere x > 1",
            vec!["SYN0002 2..7 expected `|` before `where`; to begin the operator where, write `| where`"],
        ),
        ("T | where a == “x”", vec!["SYN0001 15..18 curly quote `“`; write a straight quote: `\"` or `'`"]),
        (
            "T | where a == 'x",
            vec![
                "SYN0001 15..17 unclosed string; a string in single or double quotes ends on its line; write ```…``` for several lines",
            ],
        ),
        ("T | where (a == 1", vec!["SYN0002 10..11 `(` is never closed; write `)`"]),
        ("T | where a == 1)", vec!["SYN0002 16..17 `)` closes nothing"]),
        ("T | where a == ", vec!["SYN0002 15..15 the text ends where an expression is expected"]),
        ("T |", vec!["SYN0002 3..3 the text ends where an operator is expected"]),
        ("T | | take 5", vec!["SYN0002 4..5 expected an operator, found `|`"]),
        ("| take 5", vec!["SYN0002 0..1 expected a table or another source before `|`, found `|`"]),
        ("let x = 5\nT | take x", vec!["SYN0002 10..11 expected `;` before `T`; statements are separated by `;`"]),
        (
            "T | where a == 1 == 2",
            vec!["SYN0002 17..19 comparisons do not chain: `==` needs parentheses or `and` before it"],
        ),
    ] {
        assert_eq!(faults(text), expected, "{text}");
    }
}

#[test]
fn exact_faults_of_expressions() {
    for (text, expected) in [
        (
            "print '\\q'",
            vec!["SYN0002 7..9 unknown escape `\\q`; double the backslash, or write a verbatim string: @\"…\""],
        ),
        ("print int(5000000000)", vec!["SYN0002 6..21 `5000000000` is no int"]),
        (
            "T /* note */ | take 1",
            vec!["SYN0001 2..3 `/* … */` is no comment; write `//` before every line of a comment"],
        ),
        ("T | where a — b", vec!["SYN0001 12..15 dash `—`; write a hyphen: `-`"]),
        (
            "T | where a in b",
            vec!["SYN0002 15..16 expected `(` and values, found `b`; write the values in brackets: `in (…)`"],
        ),
        ("T | where x between (1, 2)", vec!["SYN0002 22..23 expected `..`, found `,`"]),
        (
            "T | where a AND b",
            vec!["SYN0002 12..15 expected `|`, `;` or the end of the operator, found `AND`; write `and` in lower case"],
        ),
        (
            "T | where a == 1 and b = 2",
            vec!["SYN0002 23..24 expected `|`, `;` or the end of the operator, found `=`; write `==` to compare"],
        ),
        ("T | where a && b", vec!["SYN0001 12..13 unexpected character `&`; write `and`"]),
        ("T | where a || b", vec!["SYN0002 13..14 expected an operator, found `|`; write `or`"]),
        ("T | where !(a)", vec!["SYN0002 10..11 expected an expression, found `!`; write `not(…)`"]),
        (
            "T | where a == <name>",
            vec!["SYN0002 15..16 expected an expression, found `<`; put something in the place of `<name>`"],
        ),
        (
            ".show tables",
            vec!["SYN0002 0..1 expected an expression, found `.`; `.show` is a management command, not a query"],
        ),
        ("T | join X", vec!["SYN0002 10..10 the text ends where `on` and the join keys is expected"]),
    ] {
        assert_eq!(faults(text), expected, "{text}");
    }
}

#[test]
fn one_fault_a_stage_and_the_rest_is_read() {
    let text = "T | wehre a | where b == 1 | extned c = “1” | take 5 5 | project b";
    assert_eq!(faults(text).len(), 3, "{:?}", faults(text));
    let (query, _) = parse(text, &ParseOptions::default());
    let stages = &pipeline(&query).stages;
    assert_eq!(stages.len(), 5);
    assert!(matches!(stages[0].operator, Operator::Error));
    assert!(matches!(stages[1].operator, Operator::Where(_)));
    assert!(matches!(stages[4].operator, Operator::Project(_)));
}

#[test]
fn faults_inside_a_subquery_stay_there() {
    let text = "T | join (U | wehre a | take 1) on k | where (b c) | count";
    assert_eq!(faults(text).len(), 2, "{:?}", faults(text));
    let (query, _) = parse(text, &ParseOptions::default());
    assert!(matches!(pipeline(&query).stages[0].operator, Operator::Join(_)));
    assert!(matches!(pipeline(&query).stages[2].operator, Operator::Count(_)));
}

#[test]
fn a_statement_with_a_fault_leaves_the_others() {
    let text = "let a = ;\nlet b = 1 +;\nT | take b";
    assert_eq!(faults(text).len(), 2, "{:?}", faults(text));
    let (query, _) = parse(text, &ParseOptions::default());
    assert_eq!(query.statements.len(), 1);
}

#[test]
fn an_unreadable_source_keeps_its_stages() {
    let (query, diagnostics) = parse("<T> | take 5", &ParseOptions::default());
    assert_eq!(diagnostics.len(), 1);
    assert!(matches!(query.kind(pipeline(&query).source.expect("a source")), ExprKind::Missing));
    assert_eq!(pipeline(&query).stages.len(), 1);
}

#[test]
fn odd_white_space_and_comments_are_fine() {
    for text in [
        "\u{feff}T | take 1",
        "T\u{a0}|\u{a0}take\u{3000}1",
        "T\r\n| take 1\r\n\r\n",
        "\n\n// a\nT // b\n\n// c\n| // d\ntake 1 // e",
        "T | where a == 1 // 'open string\n| take 1",
        "T | where url == 'http://x' | take 1",
        "T\t|\ttake\u{200b}1",
    ] {
        accept(text);
    }
}

#[test]
fn incomplete_texts() {
    for text in [
        "T |",
        "T | where",
        "T | where a ==",
        "T | where (a",
        "let f = () {",
        "T | project a,",
        "print dynamic([1,",
        "print ```abc",
        "T | where a and",
    ] {
        assert!(is_incomplete(text), "{text}");
    }
    for text in ["T", "T | take 5", "let a = 1;", "T | where a)", "print 'x", "T | wehre x", ""] {
        assert!(!is_incomplete(text), "{text}");
    }
}

#[test]
fn lines_and_columns() {
    let text = "T\n| where ž == 1\r\n| x";
    assert_eq!(line_column(text, 0), (1, 1));
    assert_eq!(line_column(text, 2), (2, 1));
    let at = text.find("==").expect("it is there") as u32;
    assert_eq!(line_column(text, at), (2, 11));
    assert_eq!(line_column(text, 1000), (3, 4));
}

#[test]
fn spans_lie_on_characters() {
    for text in ["T | where ž = “ž” | ď", "“", "ž ž ž", "T | take 'ž", "print dynamic({“a”:1})"] {
        let (_, diagnostics) = parse(text, &ParseOptions::default());
        for it in diagnostics {
            assert!(text.get(it.span.range()).is_some(), "{text} {it:?}");
        }
    }
}
