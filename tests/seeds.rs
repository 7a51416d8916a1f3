//! The published texts, where their pages lie beside the checkout: each runs as bare KQL exactly as it stands on its page,
//! and stands word for word in its rule. Two pages have lost the indentation.
#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used, reason = "a test may fail anywhere")]
#![allow(clippy::print_stdout, reason = "a test may fail anywhere")]

mod support;

use std::{fs, path::Path};

/// A page, and the rule that holds its query.
const PAGES: [(&str, &str); 4] = [
    ("1-credential-project-sprawl.txt", "openai_credential_project_sprawl"),
    ("2-config-change-then-abuse.txt", "openai_config_change_then_abuse"),
    ("3-org-config-change.txt", "openai_org_config_change"),
    ("4-off-hours-or-geo-login.txt", "openai_off_hours_or_geo_login"),
];

/// The pages with their rules; none, with a message, in a checkout that stands alone.
fn pages() -> Vec<(String, &'static str)> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/seeds");
    if !directory.is_dir() {
        println!("skipped: the pages of the queries are not beside this checkout");
        return Vec::new();
    }
    PAGES.map(|(page, rule)| (fs::read_to_string(directory.join(page)).unwrap(), rule)).into()
}

/// The lines between `query: |` and the next key, as they stand.
fn query(page: &str) -> String {
    let (_, rest) = page.split_once("\nquery: |\n").expect("the page has a query");
    let is_key = |line: &&str| {
        let name = line.split_once(':').map_or("", |it| it.0);
        !name.is_empty() && name.bytes().all(|it| it.is_ascii_alphabetic())
    };
    let lines: Vec<&str> = rest.lines().take_while(|it| !is_key(it)).collect();
    lines.join("\n")
}

/// Without the indentation that all lines share.
fn flush_left(text: &str) -> String {
    let indentation = |line: &str| line.len() - line.trim_start().len();
    let shared = text.lines().filter(|it| !it.trim().is_empty()).map(indentation).min().unwrap_or(0);
    text.lines().map(|it| it.get(shared..).unwrap_or("")).collect::<Vec<_>>().join("\n").trim_end().to_owned()
}

#[test]
fn the_queries_of_the_pages_run_unchanged_as_bare_text() {
    let engine = support::lumen();
    for (page, rule) in pages() {
        let bare = query(&page);
        let outcome = engine.query(bare.as_str()).unwrap_or_else(|why| panic!("{rule}: {why}"));
        assert!(!outcome.rows().is_empty(), "{rule} finds what is planted");
        assert_eq!(outcome.rows(), engine.query(support::rule(rule).as_str()).unwrap().rows(), "{rule}");
    }
}

#[test]
fn the_rules_hold_the_queries_word_for_word() {
    for (page, rule) in pages() {
        assert_eq!(support::rule(rule).trim_end(), flush_left(&query(&page)), "{rule}");
    }
}

#[test]
fn a_page_is_cut_at_the_next_key() {
    let page = "id: 1\nquery: |\n\n  T\n    | where a == ':'\n  | take 1\ntactics:\n- X\n";
    assert_eq!(query(page), "\n  T\n    | where a == ':'\n  | take 1");
    assert_eq!(flush_left(&query(page)), "\nT\n  | where a == ':'\n| take 1");
    assert_eq!(query("\nquery: |\nlet a =\nT\n| project x: long\nkind: Scheduled"), "let a =\nT\n| project x: long");
}
